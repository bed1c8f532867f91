"""What of an upstream error or notice the client may read ("errors are a channel").

Owns: the filter. Must not know: what was asked, sockets.
Invariant: for a restricted principal only severity, code, message and position can pass, the message only where its
code's class cannot quote a value; a position passes only where it points into the client's own text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from proxy.errors import Refusal, UnsupportedRefusal
from proxy.wire.sqlstate import (
    CANNOT_COERCE,
    INTERNAL_ERROR,
    UNDEFINED_COLUMN,
    UNDEFINED_FUNCTION,
    generic_text,
    may_carry_text,
)

_ALWAYS: Final = frozenset("SVC")
_POSITION: Final = "P"
_FATAL: Final = frozenset({"FATAL", "PANIC"})
_SYSTEM_COLUMN: Final = re.compile(r"\b(ctid|xmin|cmin|xmax|cmax|tableoid)\b")
_RECORD: Final = re.compile(r"\brecord\b")
_ABOUT_TYPES: Final = frozenset({CANNOT_COERCE, UNDEFINED_COLUMN, UNDEFINED_FUNCTION})


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


def caused_by_masking(fields: Mapping[str, str]) -> Refusal | None:
    """The refusal that an error of a rewritten statement amounts to: what a masking subquery cannot have.

    None where the error is as it would be for a table.
    """
    sqlstate, text = fields.get("C", ""), fields.get("M", "")
    if sqlstate == UNDEFINED_COLUMN and (found := _SYSTEM_COLUMN.search(text)):
        return UnsupportedRefusal(
            f"the system column {found[1]} of a relation with masked columns is not shown",
            reason="system_column",
            detail="It tells where and when the stored row was written.",
            hint="Use the primary key.",
        )
    if sqlstate in _ABOUT_TYPES and _RECORD.search(text):
        return UnsupportedRefusal(
            "a row of a relation with masked columns has no type of its own",
            reason="whole_row",
            detail=f"To the database it is a record: {text}.",
            hint="Name its columns.",
        )
    return None


def is_fatal(fields: Mapping[str, str]) -> bool:
    """Whether the server ends the session with this error."""
    return fields.get("V", fields.get("S", "")) in _FATAL
