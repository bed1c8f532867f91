"""The measurements themselves: pgbench runs, a bulk read, the proxy's memory, the cost of planning.

Owns: how each number is taken. Must not know: how the processes were started, how numbers are shown.
Invariant: every loop ends after a given time, and what a target is sent is the same for all but for the rewrite.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from proxy.app import keyring_file, load_tokenizer, read_catalog
from proxy.planner.planner import Planner
from proxy.policy.bound import bind
from proxy.policy.load import load_policy
from proxy.settings import load_settings
from tests.bench.rig import DATABASE, ROLE, Rig, Target
from tests.support.raw_stream import answer, extended, raw_stream, simple

POINT_READ = "SELECT ssn FROM clinic.patients WHERE patient_id = $1"
BULK_READ = "SELECT patient_id, mrn, ssn, last_name, dob, zip, sex, balance FROM clinic.patients"
DASHBOARD = (
    "SELECT zip, date_trunc('year', dob) AS born, count(*), avg(balance) FROM clinic.patients p "
    "WHERE sex = 'F' AND last_name LIKE 'L%' GROUP BY 1, 2 HAVING count(*) > 10 ORDER BY 3 DESC LIMIT 50"
)

TOKEN_READS = {
    f"{count} {format_}": (
        f"SELECT reading_id, {', '.join(f'{format_}_{n}' for n in range(1, count + 1))}, dob, zip, sex, balance "
        "FROM clinic.readings"
    )
    for format_ in ("text", "digits")
    for count in (1, 3)
}

_TOKENS = "SELECT reading_id, text_1, digits_1, dob, zip, sex, balance FROM clinic.readings"


@dataclass(frozen=True, slots=True)
class Throughput:
    """What pgbench says: transactions a second and the mean latency in milliseconds."""

    tps: float
    latency: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of the proxy in MiB: before, and the most that was seen meanwhile; ``megabytes`` were read."""

    before: float
    peak: float
    megabytes: float


def planner_of(rig: Rig) -> Callable[[], Planner]:
    """Makes fresh planners (with an empty cache) for the role, as the proxy would have them."""
    settings = load_settings(rig.settings)
    snapshot = asyncio.run(read_catalog(settings, DATABASE))
    bound = bind(load_policy(settings.policy), snapshot)
    role = bound.role(ROLE)
    if role is None:
        raise SystemExit(f"the policy of the benchmark has no role {ROLE}")
    if settings.keyring is None:
        raise SystemExit("the settings of the benchmark name no keyring")
    tokenizer = load_tokenizer(keyring_file(settings.keyring), load_policy(settings.policy))
    return lambda: Planner(bound, role, vocabulary=tokenizer)


def pgbench(
    rig: Rig, target: Target, statement: str, *, mode: str, connections: int, seconds: int, reconnect: bool = False
) -> Throughput:
    """One run of pgbench; ``$1`` in the statement is a random patient. ``reconnect`` logs in for each transaction."""
    script = rig.folder / f"{target.name.replace(' ', '-')}.sql"
    script.write_text(f"\\set id random(1, :rows)\n{statement.replace('$1', ':id')};\n")
    command = [
        str(rig.tools / "pgbench"), "--no-vacuum", f"--protocol={mode}", f"--client={connections}",
        f"--jobs={min(connections, os.cpu_count() or 1)}", f"--time={seconds}", f"--file={script}",
        f"--define=rows={rig.rows}", *(["--connect"] if reconnect else []), "--host=127.0.0.1",
        f"--port={target.port}", f"--username={target.user}", DATABASE,
    ]  # fmt: skip
    environ = {**os.environ, "PGPASSWORD": target.password, "PGSSLMODE": "disable"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=seconds + 60)
    if done.returncode != 0:
        raise SystemExit(f"pgbench against {target.name} failed:\n{done.stderr}")
    return parse_pgbench(done.stdout)


def parse_pgbench(text: str) -> Throughput:
    """The two numbers of pgbench's report (ValueError where they are not in it)."""
    latency = re.search(r"^latency average = ([\d.]+) ms", text, re.MULTILINE)
    tps = re.search(r"^tps = ([\d.]+) ", text, re.MULTILINE)
    if latency is None or tps is None:
        raise ValueError("this is not a report of pgbench")
    return Throughput(float(tps[1]), float(latency[1]))


MEMORY_READS = {"masks, simple": simple(BULK_READ)} | {
    f"tokens, {way}": request
    for way, request in {
        "simple": simple(_TOKENS),
        "extended in text": extended(_TOKENS, binary=False),
        "extended in binary": extended(_TOKENS, binary=True),
        **{
            f"COPY in {form}": simple(f"COPY ({_TOKENS}) TO STDOUT (FORMAT {form})")
            for form in ("text", "csv", "binary")
        },
    }.items()
}


def bulk_read(target: Target, statement: str) -> tuple[float, int]:
    """Seconds and bytes of one result. The client only receives: it neither splits nor decodes rows, so that it costs
    next to nothing and the servers' own costs show.
    """
    with _raw_connection(target) as stream:
        started = time.perf_counter()
        size = sum(len(chunk) for chunk in answer(stream, simple(statement)))
        return time.perf_counter() - started, size


def memory_while_reading(rig: Rig, request: bytes, *, pause: float, seconds: float) -> Memory:
    """The proxy's memory while a client takes a quarter of a megabyte at a time and waits ``pause`` seconds after each.

    Ends after ``seconds`` whether all was read or not.
    """
    before, peak, size = resident_megabytes(rig.proxy_pid), 0.0, 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, resident_megabytes(rig.proxy_pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with _raw_connection(rig.target("pgveil")) as stream:
            deadline = time.monotonic() + seconds
            for chunk in answer(stream, request):
                size += len(chunk)
                if pause:
                    time.sleep(pause)
                if time.monotonic() > deadline:
                    break
    finally:
        done.set()
        watcher.join()
    return Memory(before, peak, size / 1e6)


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process (0 where the system has no /proc)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_seconds(pid: int) -> float:
    """How long a process has worked, in user and kernel mode (0 where the system has no /proc)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def planning_seconds(make: Callable[[], Planner], statement: str) -> tuple[float, float]:
    """Median seconds to plan a statement that the cache does not have, and one that it has."""
    misses = []
    for _ in range(30):
        planner = make()
        started = time.perf_counter()
        planner.plan(statement, ("public",))
        misses.append(time.perf_counter() - started)
    planner = make()
    planner.plan(statement, ("public",))
    hits = []
    for _ in range(30):
        started = time.perf_counter()
        for _ in range(1000):
            planner.plan(statement, ("public",))
        hits.append((time.perf_counter() - started) / 1000)
    return statistics.median(misses), statistics.median(hits)


@contextlib.contextmanager
def _raw_connection(target: Target) -> Iterator[socket.socket]:
    with psycopg.connect(target.dsn(), autocommit=True) as connection, raw_stream(connection) as stream:
        yield stream
