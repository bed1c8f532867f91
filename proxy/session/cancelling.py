"""``pg_cancel_backend()``, by which pgAdmin and scripts end what another session runs.

Owns: finding the call, and what is sent in its place. Must not know: other sessions, sockets.
Invariant: the server's own function is never called, since the account upstream is everybody's. The number is the
process id that a login was told (manual, 54.2.1), and who may be cancelled is decided by who logged in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

Cancel: TypeAlias = Callable[[int], bool]
"""Have what the session of this process id runs cancelled; False where the caller has no such session."""

# The statement as tools write it, and nothing else in the text.
_CALL: Final = re.compile(
    rb"\s*SELECT\s+(?:pg_catalog\.)?pg_cancel_backend\(\s*([0-9]{1,10})\s*\)\s*;?\s*", re.IGNORECASE
)
_LONGEST: Final = 100
_ANSWERS: Final = {done: f"SELECT {done} AS pg_cancel_backend".encode() for done in (False, True)}


def cancels_nothing(_process_id: int) -> bool:
    """Where there are no other sessions."""
    return False


def cancelled_by(text: bytes, cancel: Cancel) -> bytes:
    """The statement that gives the function's answer, where ``text`` is a call of it (which is done); else ``text``."""
    found = _CALL.fullmatch(text) if len(text) <= _LONGEST else None
    return text if found is None else _ANSWERS[cancel(int(found[1]))]
