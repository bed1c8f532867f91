"""The journal's file: append a line, know whether that works.

Owns: the open file, its reopening after a rotation, and what happens while it cannot be written.
Must not know: metrics, sessions. Invariant: a record has reached the operating system when ``append`` returns; a record
that could not be written is kept in order, up to a bound, and written first when the file can be written again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from proxy.audit import records
from proxy.errors import JournalError

logger = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 1.0
_BACKLOG_BYTES: Final = 8 << 20  # about twenty thousand records: refused statements go on asking while the disk is full


class Journal:
    """One file of JSON lines, opened for appending with mode 0600. Raises JournalError where that does not work.

    Used from one thread. Records survive the death of the process; they are not forced to disk one by one.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._clock = clock
        self._wall_clock = wall_clock
        self._written = 0
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._lost = 0
        self._torn = False
        self._failure: str | None = None
        self._failed_since = 0.0
        self._tried_at = 0.0
        try:
            self._descriptor = self._open()
        except OSError as problem:
            raise JournalError(f"the journal {path} cannot be written: {problem.strerror}") from None
        self._looked_at = clock()

    @property
    def written(self) -> int:
        """Records written since the start."""
        return self._written

    @property
    def backlog(self) -> int:
        """Records that wait for the file to be writable again."""
        return len(self._backlog)

    @property
    def lost(self) -> int:
        """Records that did not fit in the backlog since the file could last be written."""
        return self._lost

    def append(self, record: bytes) -> None:
        """Write one line (with its newline). Raises JournalError; the record is then kept for later."""
        if self._failure is not None and not self._recovered():
            self._keep(record)
            raise self._error()
        if self._clock() - self._looked_at >= _LOOK_SECONDS:
            self._look()
        try:
            self._write(record)
        except OSError as problem:
            self._fail(problem)
            self._keep(record)
            raise self._error() from None
        self._written += 1

    def require(self) -> None:
        """Raise JournalError unless records can be written; a journal in trouble is tried again once a second."""
        if self._failure is not None and not self._recovered():
            raise self._error()

    def is_writable(self) -> bool:
        """Whether ``require`` would pass."""
        return self._failure is None or self._recovered()

    def reopen(self) -> None:
        """Open the path anew: somebody has moved the file away (SIGHUP after a rotation).

        Where that fails the old file stays in use, so that no record is lost, and it is tried again.
        """
        try:
            descriptor = self._open()
        except OSError as problem:
            logger.warning("the journal %s cannot be opened anew, the old file stays in use: %s", self._path, problem)
            return
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._torn = False

    def close(self) -> None:
        """Close the file; a record after that is a bug."""
        os.close(self._descriptor)
        self._descriptor = -1

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _write(self, data: bytes) -> None:
        """All of it, or an OSError. What a full disk cut off is ended by a newline before the next record."""
        if self._torn:
            data = b"\n" + data
        done = os.write(self._descriptor, data)
        while done < len(data):
            self._torn = True
            done += os.write(self._descriptor, data[done:])
        self._torn = False

    def _look(self) -> None:
        """Notice that the path leads to another file than the open one."""
        self._looked_at = self._clock()
        moved = True
        with contextlib.suppress(OSError):
            moved = not os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        if moved:
            self.reopen()

    def _fail(self, problem: OSError) -> None:
        now = self._clock()
        if self._failure is None:
            self._failed_since = self._wall_clock()
            logger.error("the journal %s cannot be written: %s", self._path, problem.strerror)
        self._failure = problem.strerror or type(problem).__name__
        self._tried_at = now

    def _recovered(self) -> bool:
        """Try again, if the last attempt is not too recent: the backlog in its order, and a record of the gap."""
        if self._clock() - self._tried_at < _RETRY_SECONDS:
            return False
        try:
            self._look()
            while self._backlog:
                self._write(self._backlog[0])
                self._backlog_bytes -= len(self._backlog.popleft())
                self._written += 1
            self._write(records.journal_resumed(self._wall_clock(), since=self._failed_since, lost=self._lost))
        except OSError as problem:
            self._fail(problem)
            return False
        logger.warning("the journal %s can be written again; %d records were lost", self._path, self._lost)
        self._written += 1
        self._lost = 0
        self._failure = None
        return True

    def _keep(self, record: bytes) -> None:
        if self._backlog_bytes + len(record) > _BACKLOG_BYTES:
            self._lost += 1
            return
        self._backlog.append(record)
        self._backlog_bytes += len(record)

    def _error(self) -> JournalError:
        return JournalError(
            "the journal cannot be written, so protected relations cannot be read",
            detail="Every access to protected data is recorded before its result is complete.",
            hint="Ask the administrator: the proxy's log has the reason. Statements work again when the journal does.",
        )
