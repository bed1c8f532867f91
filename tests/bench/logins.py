"""How long logins take, one after another and many at a moment, and the first query of their sessions.

Owns: the logins, and their times. Must not know: how the processes were started.
Invariant: every target is asked by the same client (libpq) for the same sessions, and in each round has its turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg

from tests.bench.rig import Target

REFILL_SECONDS = 0.4  # between two bursts, as between two clicks: spares are made meanwhile


@dataclass(slots=True)
class Logins:
    """Seconds of each login, and from its begin to the first answer."""

    logins: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)


def log_in(target: Target, statement: str, *, at_once: int, bursts: int) -> Logins:
    """So many bursts of sessions that are opened at one moment, ask one thing, and are closed."""
    seen = Logins()
    start = threading.Barrier(at_once)

    def session(number: int) -> tuple[float, float]:
        start.wait()
        begun = time.perf_counter()
        with psycopg.connect(target.dsn(), autocommit=True) as connection:
            logged_in = time.perf_counter()
            connection.execute(statement.replace("$1", str(1 + number)))
            return logged_in - begun, time.perf_counter() - begun

    with ThreadPoolExecutor(at_once) as threads:
        for _ in range(bursts):
            for login, answer in threads.map(session, range(at_once)):
                seen.logins.append(login)
                seen.answers.append(answer)
            time.sleep(REFILL_SECONDS)
    return seen


def quantile(samples: Sequence[float], share: float) -> float:
    """That share of the samples took no longer, in milliseconds (0 where there is none)."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3 if ordered else 0.0
