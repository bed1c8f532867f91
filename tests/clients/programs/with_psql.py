"""psql as a client program. Must not know: what is expected.

The psql of the tests' server is built without TLS; it is given psycopg's libpq, which has it, in place of its own.
"""

from __future__ import annotations

import importlib.metadata
import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from proxy.demo.binaries import find_binaries
from tests.clients.programs.task import Task, copied, perform

_SEPARATOR = "|"
_NULL = "<null>"
_QUIET = ("-P", "pager=off", "-v", "PROMPT1=", "-v", "PROMPT2=")
# Left out: \dconfig, whose setting names are computed, and \deu, whose catalog holds passwords of others.
DESCRIBING = (
    r"\l", r"\dn", r"\dt {s}.*", r"\dv {s}.*", r"\dm {s}.*", r"\d {s}.{t}", r"\d+ {s}.{t}", r"\d+ {s}.active_patients",
    r"\df {s}.*", r"\df+ {s}.*", r"\dT+ {s}.*", r"\du", r"\di+ {s}.*", r"\dp {s}.{t}", r"\d {s}.encounters",
    r"\dD {s}.*", r"\sf {s}.age_at", r"\sv {s}.active_patients", r"\ds+ {s}.*", r"\dd {s}.*", r"\dx", r"\dL", r"\dC",
    r"\dO", r"\dF", r"\dx+", r"\db", r"\ddp", r"\drds", r"\dE", r"\dP+ {s}.*", r"\do {s}.*", r"\dy", r"\dc", r"\dg+",
    r"\dA", r"\dAc", r"\dAf", r"\dRp", r"\dX {s}.*", r"\des", r"\dew", r"\dt+ {s}.*", r"\l+", r"\z",
    r"\dn+", r"\dT", r"\d", r"\d+", r"\da", r"\conninfo", r"\dFd", r"\dFp", r"\dFt", r"\det",
)  # fmt: skip


def _libpq() -> Path:
    files = importlib.metadata.files("psycopg-binary") or []
    return next(Path(str(file.locate())) for file in files if file.name.startswith("libpq-"))


def start(
    task: Task, *arguments: str, stdin: int = subprocess.PIPE, stdout: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    login = task.libpq()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["PGPASSWORD"] = login.pop("password")
    if task.ca is not None:
        environment["LD_PRELOAD"] = str(_libpq())
    wanted = " ".join(f"{name}={value}" for name, value in login.items())
    shape = ["-X", "-w", "-A", "-t", "-q", "-F", _SEPARATOR, "-P", f"null={_NULL}", "-v", "VERBOSITY=sqlstate", *_QUIET]
    return subprocess.Popen(
        [find_binaries(18).program("psql"), *shape, wanted, *arguments],
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE if stdout == subprocess.PIPE else stdout,
        text=True,
    )


def run(task: Task, script: str) -> tuple[list[list[str | None]], list[str]]:
    """The rows that a script prints, and the SQLSTATEs of its errors."""
    printed, complaints = start(task).communicate(script, timeout=60)
    rows = [[None if cell == _NULL else cell for cell in line.split(_SEPARATOR)] for line in printed.splitlines()]
    return rows, [line.split("ERROR:")[1].strip() for line in complaints.splitlines() if "ERROR:" in line]


def rows(task: Task, script: str) -> list[list[str | None]]:
    shown, states = run(task, script)
    if states:
        raise AssertionError(f"errors: {states}")
    return shown


def masks(task: Task) -> object:
    return rows(task, task.text("rows") + ";")


def catalog(task: Task) -> object:
    r"""The whole ``\d`` family must pass; the columns are those that ``\d`` of one table prints."""
    schema, table = task.texts["schema"], task.texts["table"]
    for command in DESCRIBING:
        _, states = run(task, command.format(s=schema, t=table) + "\n")
        if states:
            raise AssertionError(f"{command}: {states}")
    printed, _ = start(task, "-c", rf"\d {schema}.{table}").communicate(timeout=60)
    return [line.split(_SEPARATOR)[0] for line in printed.splitlines() if line.count(_SEPARATOR) >= 4]


def parameters(task: Task) -> object:
    return rows(task, "".join(f"{task.text('by_id', '$1')} \\bind {n} \\g\n" for n in range(1, 11)))


def prepared(task: Task) -> object:
    executions = "".join(f"\\bind_named by_id {n} \\g\n" for n in range(1, 21))
    return rows(task, f"{task.text('by_id', '$1')} \\parse by_id\n{executions}\\close_prepared by_id\n")


def pieces(task: Task) -> object:
    return rows(task, f"\\set FETCH_COUNT 1000\n{task.text('many')};")


def errors(task: Task) -> object:
    shown: list[str | None] = []
    for failing in ("refused", "failing"):
        script = ["BEGIN", task.text(failing), task.text("good"), "ROLLBACK", task.text("good")]
        printed, states = run(task, ";\n".join(script) + ";\n")
        shown += [*states, *printed[0]]
    return shown


def cancel(task: Task) -> object:
    """At a terminal, for a script ends with its first cancel. The interrupt is a CancelRequest of libpq."""
    ours, terminal = pty.openpty()
    process = start(task, "-n", stdin=terminal, stdout=terminal)
    os.close(terminal)
    with os.fdopen(ours, "r+b", buffering=0) as screen:
        screen.write(f"SELECT 'be' || 'gun';\n{task.text('endless')};\n".encode())
        printed = _until(screen, b"begun")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        printed += _until(screen, b"57014")
        screen.write(f"{task.text('good')};\n\\q\n".encode())
        printed += _until(screen, b"\n1\r\n")
        process.wait(timeout=30)
    return [*re.findall(r"ERROR:  (\w{5})", printed.decode()), *re.findall(r"^(1)\r$", printed.decode(), re.MULTILINE)]


def _until(screen: IO[bytes], wanted: bytes) -> bytes:
    """What a terminal shows until these bytes come."""
    printed = b""
    while wanted not in printed:
        ready, _, _ = select.select([screen], [], [], 30)
        if not ready:
            raise AssertionError(f"the terminal shows {printed!r}")
        printed += screen.read(4096)
    return printed


def copy(task: Task) -> object:
    printed, complaints = start(task, "-c", rf"\copy ({task.text('copied')}) to stdout").communicate(timeout=60)
    if complaints:
        raise AssertionError(complaints)
    return copied(printed)


def pipeline(task: Task) -> object:
    statements = "".join(f"{task.text('by_id', '$1')} \\bind {n} \\sendpipeline\n" for n in range(1, 11))
    return rows(task, f"\\startpipeline\n{statements}\\endpipeline\n")


if __name__ == "__main__":
    perform(
        {
            "MASKS": masks,
            "CATALOG": catalog,
            "PARAMETERS": parameters,
            "PREPARED": prepared,
            "PIECES": pieces,
            "ERRORS": errors,
            "CANCEL": cancel,
            "COPY": copy,
            "PIPELINE": pipeline,
        }
    )
