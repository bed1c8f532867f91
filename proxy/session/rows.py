"""The row description check: the server's own word on where each output column comes from.

Owns: the verdict on a RowDescription, putting back the origin of masked columns, and which of them leave as tokens.
Must not know: sockets, SQL.
Invariant: no row passes unless a RowDescription for it did, and none does that names a column whose stored value must
not reach the principal, unless its cells are exchanged for tokens. Verdicts are remembered by (plan, bytes), so that a
known result costs a dictionary look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, error
from typing import Final

from proxy.errors import PolicyRefusal, UpstreamProtocolError
from proxy.planner.plan import Plan
from proxy.session.edge import RowEdge
from proxy.session.ports import Planning
from proxy.wire.backend import parse_row_description
from proxy.wire.frames import HEADER_SIZE

_COUNT: Final = Struct("!H")
_ORIGIN: Final = Struct("!Ih")
_TYPE: Final = Struct("!I")
_RECORD: Final = 2249  # the type of a row that is no table's
_AFTER_NAME: Final = 18  # table oid, attribute number, type oid, type size, type modifier, format
_REMEMBERED: Final = 512


@dataclass(frozen=True, slots=True)
class Verdict:
    """``shown``: the RowDescription for the client, None for the server's own. ``edge``: how its rows are treated, None
    where they pass as they are. The plan is kept too, so that its id cannot come to stand for another one.
    """

    plan: Plan | None
    shown: bytes | None
    edge: RowEdge | None


class RowChecks:
    """Verdicts on row descriptions. ``forget`` when policy or catalog have changed."""

    __slots__ = ("_planning", "_verdicts")

    def __init__(self, planning: Planning) -> None:
        self._planning = planning
        self._verdicts: dict[tuple[int, bytes], Verdict] = {}

    def forget(self) -> None:
        """Drop all verdicts."""
        self._verdicts.clear()

    def known(self, message: bytes, plan: Plan) -> bytes | None:
        """What the client is shown for this RowDescription, which may be the message itself, before rows that pass.

        None where it was not checked yet, or where the rows do not pass as they are.
        """
        verdict = self._verdicts.get((id(plan.identity), message))
        return None if verdict is None or verdict.edge is not None else verdict.shown or message

    def check(self, message: bytes, plan: Plan | None) -> Verdict:
        """The verdict on a RowDescription message.

        ``plan`` is None for a portal that SQL made (DECLARE): its columns are checked, and nothing is put back.
        Raises PolicyRefusal where a column's stored value must not be shown, UpstreamProtocolError where the message
        is malformed or does not fit the plan.
        """
        plan = plan.identity if plan is not None else None
        key = (id(plan), message)
        verdict = self._verdicts.get(key)
        if verdict is None:
            shown = self._judge(message, plan)
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            verdict = self._verdicts[key] = Verdict(plan, shown, self._edge(message, plan))
        return verdict

    def _edge(self, message: bytes, plan: Plan | None) -> RowEdge | None:
        if plan is None or not plan.tokens:
            return None
        return RowEdge(plan.tokens, parse_row_description(message[HEADER_SIZE:]).fields, self._planning.tokens)

    def _judge(self, message: bytes, plan: Plan | None) -> bytes | None:
        places = _origin_places(message)
        origins = plan.origins if plan is not None else ()
        tokens = plan.tokens if plan is not None else ()
        if (origins and len(origins) != len(places)) or (tokens and len(tokens) != len(places)):
            raise UpstreamProtocolError("the result's columns are not those of its plan")
        patched: bytearray | None = None
        for position, place in enumerate(places):
            table_oid, attribute_number = _ORIGIN.unpack_from(message, place)
            if tokens and tokens[position] is not None:
                pass  # whatever is stored there leaves as a token
            elif table_oid and self._planning.is_protected(table_oid, attribute_number):
                raise PolicyRefusal(
                    f"column {position + 1} of the result would show a protected column as it is stored",
                    reason="row_description",
                    detail="The database names its origin differently from the plan, so the session ends here.",
                )
            origin = origins[position] if origins else None
            if origin is None:
                continue
            # To the server a masked column is an expression (0, 0), a view's clear one a column of the table under it.
            patched = bytearray(message) if patched is None else patched
            _ORIGIN.pack_into(patched, place, origin.table_oid, origin.attribute_number)
            if origin.row_type_oid and _TYPE.unpack_from(message, place + _ORIGIN.size) == (_RECORD,):
                _TYPE.pack_into(patched, place + _ORIGIN.size, origin.row_type_oid)
        return None if patched is None else bytes(patched)


def _origin_places(message: bytes) -> list[int]:
    """Where in the message each field's table oid starts."""
    places: list[int] = []
    try:
        (count,) = _COUNT.unpack_from(message, HEADER_SIZE)
        at = HEADER_SIZE + _COUNT.size
        for _ in range(count):
            at = message.index(b"\0", at) + 1
            places.append(at)
            at += _AFTER_NAME
    except (error, ValueError):
        raise UpstreamProtocolError("malformed RowDescription message") from None
    if at != len(message):
        raise UpstreamProtocolError("malformed RowDescription message")
    return places
