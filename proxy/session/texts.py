"""What of an upstream error or notice the client may read ("errors are a channel").

Owns: the filter. Must not know: what was asked, sockets.
Invariant: for a restricted principal only severity, code, message and position can pass, the message only where its
code's class cannot quote a value; a position passes only where it points into the client's own text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxy.wire.sqlstate import INTERNAL_ERROR, generic_text, may_carry_text

_ALWAYS: Final = frozenset("SVC")
_POSITION: Final = "P"
_FATAL: Final = frozenset({"FATAL", "PANIC"})


def for_client(fields: Mapping[str, str], *, restricted: bool, rewritten: bool) -> Mapping[str, str]:
    """The fields of an ErrorResponse or NoticeResponse (manual, 54.8) that the client may see.

    The same object where nothing is taken away. ``rewritten``: the upstream's text was not the client's own.
    """
    if not restricted:
        if not rewritten or _POSITION not in fields:
            return fields
        return {letter: text for letter, text in fields.items() if letter != _POSITION}
    sqlstate = fields.get("C", INTERNAL_ERROR)
    shown = {letter: text for letter, text in fields.items() if letter in _ALWAYS}
    shown["M"] = fields.get("M", "") if may_carry_text(sqlstate) else generic_text(sqlstate)
    if not rewritten and _POSITION in fields:
        shown[_POSITION] = fields[_POSITION]
    return shown


def is_fatal(fields: Mapping[str, str]) -> bool:
    """Whether the server ends the session with this error."""
    return fields.get("V", fields.get("S", "")) in _FATAL
