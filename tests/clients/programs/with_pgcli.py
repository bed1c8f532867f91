"""pgcli as a client program: commands on its command line, as scripts use it. Must not know: what is expected."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clients.programs.task import Task, perform

_SETTINGS = """[main]
table_format = csv-noheader
null_string = <null>
less_chatty = True
enable_pager = False
timing = False
use_local_timezone = False
on_error = RESUME
"""
_DESCRIBING = (
    r"\l",
    r"\dn",
    r"\dt {s}.*",
    r"\dv {s}.*",
    r"\df {s}.*",
    r"\dT {s}.*",
    r"\du",
    r"\di {s}.*",
    r"\dp {s}.*",
)


def run(task: Task, *commands: str) -> tuple[str, str]:
    """What pgcli prints on both of its outputs."""
    login = task.libpq()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["PGPASSWORD"] = login.pop("password")
    wanted = " ".join(f"{name}={value}" for name, value in login.items())
    with tempfile.TemporaryDirectory() as home:
        settings = Path(home) / "config"
        settings.write_text(_SETTINGS)
        environment["HOME"] = environment["XDG_CONFIG_HOME"] = home
        arguments = [argument for command in commands for argument in ("-c", command)]
        done = subprocess.run(
            [Path(sys.executable).with_name("pgcli"), "-w", "--pgclirc", settings, wanted, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return done.stdout, done.stderr


def rows(task: Task, *commands: str) -> list[list[str | None]]:
    printed, complaints = run(task, *commands)
    if complaints:
        raise AssertionError(complaints)
    lines = [line for line in printed.splitlines() if line and not line.startswith("SELECT ")]
    found = csv.reader(lines)
    return [[None if cell == "<null>" else cell for cell in row] for row in found]


def masks(task: Task) -> object:
    return rows(task, task.text("rows"))


def catalog(task: Task) -> object:
    schema, table = task.texts["schema"], task.texts["table"]
    for command in _DESCRIBING:
        _, complaints = run(task, command.format(s=schema))
        if complaints:
            raise AssertionError(f"{command}: {complaints}")
    return [row[0] for row in rows(task, rf"\d {schema}.{table}") if len(row) == 3 and not str(row[0]).startswith(" ")]


def errors(task: Task) -> object:
    """pgcli prints an error's text, not its code, save where the text tells the code."""
    said = {"permission denied": "42501", "transaction is aborted": "25P02", "22012 (data exception)": "22012"}
    shown: list[str] = []
    for failing in ("refused", "failing"):
        script = ("BEGIN", task.text(failing), task.text("good"), "ROLLBACK", task.text("good"))
        printed, complaints = run(task, "; ".join(script))
        for line in (printed + complaints).splitlines():
            shown += [state for text, state in said.items() if text in line]
        shown += re.findall(r"^1$", printed, re.MULTILINE)
    return shown


if __name__ == "__main__":
    perform({"MASKS": masks, "CATALOG": catalog, "ERRORS": errors})
