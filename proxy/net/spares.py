"""Connections that are logged in before anyone asks for them, and those that sessions have given back.

Owns: how many of which kind are kept, how long, and when they are opened. Must not know: how a connection is made or
made as new, SQL, sessions.
Invariant: a connection is given to one session at a time, and only to one whose StartupMessage upstream would have been
the same, byte for byte. One that was used goes to its own user only, whoever that is: ``DISCARD ALL`` leaves things
behind (what functions of other languages keep, connections of dblink), which nobody must find of somebody else's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
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
    """A connection that nobody uses. ``born``: when it was opened, by the clock of the spares."""

    @property
    def born(self) -> float: ...

    async def start_over(self, reported: Mapping[str, str]) -> None:
        """Make it as new after a session, in which the server reported these settings (raises ProxyError)."""

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
    """``recent``: what the last logins would have been sent as. ``ready`` and ``given_back``: newest last."""

    recent: deque[StartupMessage]
    used_at: float = 0.0
    ready: list[_Spare[Connection]] = field(default_factory=list)
    given_back: list[_Spare[Connection]] = field(default_factory=list)
    opening: dict[asyncio.Task[None], StartupMessage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Spare(Generic[Connection]):
    """``user``: whose session had it, None where nobody's has."""

    message: StartupMessage
    connection: Connection
    user: Hashable | None = None


class Spares(Generic[Connection]):
    """For each database in use, one new connection for each of its last ``count`` logins, and as many that were given
    back. Belongs to one event loop.
    """

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
        self._returning: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> int:
        """How many wait now."""
        return sum(len(database.ready) + len(database.given_back) for database in self._databases.values())

    @property
    def takes_back(self) -> bool:
        """Whether connections may be given back at all."""
        return self._count > 0

    async def take(self, message: StartupMessage, user: Hashable) -> Connection | None:
        """A connection that was logged in with this very message, awake, and used by nobody but this user.

        None where there is none.
        """
        database = self._databases.get(message.get("database") or "")
        spare = self._find(database, message, user) if database is not None else None
        if spare is None:
            return None
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

    @staticmethod
    def _find(database: _Database[Connection], message: StartupMessage, user: Hashable) -> _Spare[Connection] | None:
        """The best that fits, taken out: one that was given back knows the catalog already."""
        for spares, owner in ((database.given_back, user), (database.ready, None)):
            for spare in reversed(spares):
                if spare.message == message and spare.user == owner:
                    spares.remove(spare)
                    return spare
        return None

    def give_back(
        self, message: StartupMessage, user: Hashable, connection: Connection, reported: Mapping[str, str]
    ) -> None:
        """A session is over, and has left nothing open: its connection may serve the next one of this user.

        ``reported``: the settings that the server reported in the session.
        """
        if not self._count or self._clock() - connection.born > MAX_AGE_SECONDS:
            connection.discard()
            return
        spare = _Spare(message, connection, user)
        task = asyncio.get_running_loop().create_task(self._start_over(spare, reported))
        self._returning.add(task)
        task.add_done_callback(lambda done: self._started_over(done, spare))

    async def _start_over(self, spare: _Spare[Connection], reported: Mapping[str, str]) -> None:
        async with asyncio.timeout(_WAKE_SECONDS):
            await spare.connection.start_over(reported)

    def _started_over(self, task: asyncio.Task[None], spare: _Spare[Connection]) -> None:
        self._returning.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        database = self._databases.get(spare.message.get("database") or "")
        if error is not None or database is None:
            _log.info("a connection that was used is closed (%s)", type(error).__name__)
            spare.connection.discard()
            return
        self._keep(database, database.given_back, spare)
        for oldest in database.given_back[: -self._count]:
            self._drop(database, oldest)

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
        closed = [spare.connection for d in self._databases.values() for spare in (*d.ready, *d.given_back)]
        for database in self._databases.values():
            database.ready.clear()
            database.given_back.clear()
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
        tasks = [task for database in self._databases.values() for task in database.opening] + [*self._returning]
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
            for spare in (*database.ready, *database.given_back):
                if unused or now - spare.connection.born > MAX_AGE_SECONDS:
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
        self._keep(database, database.ready, _Spare(message, connection))

    def _keep(
        self, database: _Database[Connection], spares: list[_Spare[Connection]], spare: _Spare[Connection]
    ) -> None:
        spares.append(spare)
        spare.connection.sleep(lambda: self._lost(database, spare))

    def _lost(self, database: _Database[Connection], spare: _Spare[Connection]) -> None:
        if spare in database.ready or spare in database.given_back:
            self._drop(database, spare)

    def _drop(self, database: _Database[Connection], spare: _Spare[Connection]) -> None:
        (database.ready if spare in database.ready else database.given_back).remove(spare)
        spare.connection.discard()
