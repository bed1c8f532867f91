"""Many sessions at once, each with a dashboard's mix of queries.

Owns: the mix, the clients, and what is counted while they run. Must not know: how the processes were started.
Invariant: every target is sent the same statements by the same number of clients with the same pauses.
"""

from __future__ import annotations

import asyncio
import random
import time
import urllib.request
from dataclasses import dataclass, field

import asyncpg

from tests.bench.logins import quantile
from tests.bench.measure import cpu_seconds, planner_of, resident_megabytes
from tests.bench.rig import DATABASE, Rig, Target

DASHBOARD_LIST = """\
SELECT patient_id, last_name, dob, zip, balance FROM clinic.patients
WHERE patient_id BETWEEN $1 AND $1 + 50 ORDER BY last_name, patient_id"""
_BY_ZIP = """\
SELECT zip, count(*), avg(balance) FROM clinic.patients WHERE patient_id BETWEEN $1 AND $1 + 1000
GROUP BY zip ORDER BY count(*) DESC, zip LIMIT 20"""
_BY_YEAR = """\
SELECT date_trunc('year', dob) AS born, sex, count(*) FROM clinic.patients
WHERE patient_id BETWEEN $1 AND $1 + 1000 GROUP BY 1, 2 ORDER BY 1, 2"""
MIX = ("SELECT ssn, last_name, dob FROM clinic.patients WHERE patient_id = $1", DASHBOARD_LIST, _BY_ZIP, _BY_YEAR)
WARM_UP = 0.2
_CONNECTING = 8  # at a time
_COUNTERS = ("pgveil_out_of_step_total", "pgveil_replies_unanswered_total")


@dataclass(slots=True)
class Sessions:
    """What ``count`` sessions saw: seconds of each query, errors, and the proxy's memory in MiB every second.

    Queries of the warm-up are not among ``seconds``, nor is ``proxy_cpu``: seconds that the proxy's process has worked.
    ``out_of_step``: the proxy's counters of what must not happen.
    """

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    proxy_cpu: float = 0.0
    out_of_step: float = 0.0

    def quantile(self, share: float) -> float:
        """That share of the queries took no longer, in milliseconds."""
        return quantile(self.seconds, share)

    @property
    def warm_memory(self) -> list[float]:
        """The memory after the warm-up."""
        return self.memory[int(len(self.memory) * WARM_UP) :]


def run_sessions(rig: Rig, target: Target, *, count: int, seconds: float, pause: float) -> Sessions:
    """Run the mix for so long, of which a share is for warming up: each session prepares its statements, and the server
    processes read their catalogs. ``pause``: how long a session waits between two queries, in the mean.
    """
    make = planner_of(rig)
    texts = tuple(make().plan(text, ("public",)).text if target.rewritten else text for text in MIX)
    return asyncio.run(_run(rig, target, texts, count=count, seconds=seconds, pause=pause))


async def _run(
    rig: Rig, target: Target, texts: tuple[str, ...], *, count: int, seconds: float, pause: float
) -> Sessions:
    seen = Sessions()
    gate = asyncio.Semaphore(_CONNECTING)

    async def connect() -> asyncpg.Connection:
        async with gate:
            return await asyncpg.connect(
                host="127.0.0.1", port=target.port, user=target.user, password=target.password, database=DATABASE,
                ssl=False, timeout=60,
            )  # fmt: skip

    connections = await asyncio.gather(*(connect() for _ in range(count)))
    begun = time.monotonic()
    warm, until = begun + seconds * WARM_UP, begun + seconds
    watcher = asyncio.create_task(_watch(rig, seen, warm))
    try:
        await asyncio.gather(
            *(
                _session(connection, random.Random(n), texts, rig.rows, seen, warm, until, pause)  # noqa: S311
                for n, connection in enumerate(connections)
            )
        )
    finally:
        watcher.cancel()
        await asyncio.gather(*(connection.close() for connection in connections), return_exceptions=True)
    seen.out_of_step = await asyncio.to_thread(_counters, rig.admin_port)
    return seen


async def _session(
    connection: asyncpg.Connection,
    rng: random.Random,
    texts: tuple[str, ...],
    rows: int,
    seen: Sessions,
    warm: float,
    until: float,
    pause: float,
) -> None:
    try:
        while time.monotonic() < until:
            await asyncio.sleep(rng.uniform(0, 2 * pause))
            text = rng.choice(texts)
            started = time.monotonic()
            await connection.fetch(text, rng.randint(1, max(1, rows - 1000)))
            if started >= warm:
                seen.seconds.append(time.monotonic() - started)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        seen.errors.append(f"{type(error).__name__}: {error}")


async def _watch(rig: Rig, seen: Sessions, warm: float) -> None:
    cpu_when_warm: float | None = None
    while True:
        seen.memory.append(resident_megabytes(rig.proxy_pid))
        if time.monotonic() >= warm:
            cpu = cpu_seconds(rig.proxy_pid)
            cpu_when_warm = cpu if cpu_when_warm is None else cpu_when_warm
            seen.proxy_cpu = cpu - cpu_when_warm
        await asyncio.sleep(1)


def _counters(admin_port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith(_COUNTERS))
