"""Connections that are logged in before anyone asks for them.

Owns: how many of which kind are kept, how long, and when they are opened. Must not know: how a connection is made,
SQL, sessions.
Invariant: a connection is given to one session at most, and only to one whose StartupMessage upstream would have been
the same, byte for byte: to the client it cannot be told from one that was made for it. None is ever taken back, since
``DISCARD ALL`` leaves things behind (the seed of random(), what functions of other languages keep, connections of
dblink), which one principal could leave for another.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from proxy.errors import ProxyError
from proxy.wire.frontend import StartupMessage

_log: Final = logging.getLogger("pgveil.upstream")

# The server reads ALTER ROLE … SET, and who may log in, at login only: so long may a change go unnoticed.
MAX_AGE_SECONDS: Final = 60.0
IN_USE_SECONDS: Final = 600.0  # a database without a login for so long is not in use
SWEEP_SECONDS: Final = 10.0
_WAKE_SECONDS: Final = 1.0  # more than any server that is there takes to answer


class Sleeper(Protocol):
    """A connection that nobody uses."""

    def sleep(self, gone: Callable[[], None]) -> None:
        """Wait; ``gone`` is called if the connection is lost meanwhile."""

    async def wake(self) -> None:
        """Make sure that the server is there, and that what is known of the session still holds (raises ProxyError)."""

    def discard(self) -> None:
        """Close the connection."""

    async def closed(self) -> None:
        """Wait until the server has closed its side too."""


Connection = TypeVar("Connection", bound=Sleeper)


@dataclass(slots=True)
class _Database(Generic[Connection]):
    """``recent``: what the last logins would have been sent as. ``ready``: newest last."""

    recent: deque[StartupMessage]
    used_at: float = 0.0
    ready: list[_Spare[Connection]] = field(default_factory=list)
    opening: dict[asyncio.Task[None], StartupMessage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Spare(Generic[Connection]):
    message: StartupMessage
    connection: Connection
    opened_at: float


class Spares(Generic[Connection]):
    """For each database in use, one connection for each of its last ``count`` logins. Belongs to one event loop."""

    def __init__(
        self,
        count: int,
        make: Callable[[StartupMessage], Awaitable[Connection]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._make = make
        self._clock = clock
        self._databases: dict[str, _Database[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> int:
        """How many wait now."""
        return sum(len(database.ready) for database in self._databases.values())

    async def take(self, message: StartupMessage) -> Connection | None:
        """A connection that was logged in with this very message, awake and nobody else's; None where there is none."""
        database = self._databases.get(message.get("database") or "")
        spare = next((s for s in reversed(database.ready) if s.message == message), None) if database else None
        if database is None or spare is None:
            return None
        database.ready.remove(spare)
        try:
            async with asyncio.timeout(_WAKE_SECONDS):
                await spare.connection.wake()
        except (ProxyError, OSError) as error:  # TimeoutError is an OSError
            # Whatever has become of this one's server has become of the others'.
            _log.info("a spare connection did not wake (%s); all are closed", type(error).__name__)
            spare.connection.discard()
            self.clear()
            return None
        except BaseException:
            spare.connection.discard()
            raise
        return spare.connection

    def used(self, message: StartupMessage) -> None:
        """A session has begun with this message: others like it are likely to follow."""
        if not self._count:
            return
        name = message.get("database") or ""
        database = self._databases.setdefault(name, _Database[Connection](deque(maxlen=self._count)))
        database.recent.append(message)
        database.used_at = self._clock()
        self._fill(database)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def clear(self) -> list[Connection]:
        """Close all that wait; returns them."""
        closed = [spare.connection for database in self._databases.values() for spare in database.ready]
        for database in self._databases.values():
            database.ready.clear()
        for connection in closed:
            connection.discard()
        return closed

    async def make_room(self) -> bool:
        """Close all that wait, and wait until the server has let go of them; False where there were none."""
        closed = self.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_WAKE_SECONDS):
                for connection in closed:
                    await connection.closed()
        return bool(closed)

    async def close(self) -> None:
        """Close all, and open no more."""
        self._count = 0
        if self._timer is not None:
            self._timer.cancel()
        tasks = [task for database in self._databases.values() for task in database.opening]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.clear()
        self._databases.clear()

    def _sweep(self) -> None:
        """Renew what has become old, and forget the databases that are not in use."""
        now = self._clock()
        for name, database in tuple(self._databases.items()):
            unused = now - database.used_at > IN_USE_SECONDS
            for spare in tuple(database.ready):
                if unused or now - spare.opened_at > MAX_AGE_SECONDS:
                    self._drop(database, spare)
            if unused:
                del self._databases[name]
            else:
                self._fill(database)
        self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep) if self._databases else None

    def _fill(self, database: _Database[Connection]) -> None:
        """Close what no login of late was like, and open what is missing."""
        missing = Counter(database.recent)
        missing.subtract(database.opening.values())
        for spare in tuple(reversed(database.ready)):
            missing[spare.message] -= 1
            if missing[spare.message] < 0:
                self._drop(database, spare)
        for message, count in missing.items():
            for _ in range(count):
                task = asyncio.get_running_loop().create_task(self._open(database, message))
                database.opening[task] = message
                task.add_done_callback(lambda done: database.opening.pop(done, None))

    async def _open(self, database: _Database[Connection], message: StartupMessage) -> None:
        try:
            connection = await self._make(message)
        except (ProxyError, OSError) as error:
            _log.info("a spare connection could not be opened: %s", getattr(error, "message", type(error).__name__))
            return
        spare = _Spare(message, connection, self._clock())
        database.ready.append(spare)
        connection.sleep(lambda: self._lost(database, spare))

    def _lost(self, database: _Database[Connection], spare: _Spare[Connection]) -> None:
        if spare in database.ready:
            self._drop(database, spare)

    def _drop(self, database: _Database[Connection], spare: _Spare[Connection]) -> None:
        database.ready.remove(spare)
        spare.connection.discard()
