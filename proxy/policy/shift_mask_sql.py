"""The mask ``shift`` as SQL: dates moved by a secret number of days, the same for all rows of one entity.

Owns: the expression. Must not know: policy files, keys other than the one in the mask. Invariant: no value that a
column can hold makes it fail, nothing depends on the session's settings, and rows whose entity is NULL show NULL.

The database computes the days from a SHA-256 of the domain's shift secret and the entity's key as text, so that secret
stands in SQL text. It is derived for shifts alone: who reads it in ``pg_stat_activity`` can move dates back where the
entity's key is known, and learns nothing of tokens.
"""

from __future__ import annotations

from typing import Final

from proxy.catalog.snapshot import TypeCategory
from proxy.policy.masks import Shift
from proxy.policy.sql_text import DATE, TEXT, TIMESTAMP, call, cast, concatenation, literal, operation, quote_identifier

# Ten years (the most that a shift may be) and more inside the first and last values of each type (manual, 8.5). What is
# outside is shown as the infinity on its side, which also leaves the infinities as they are.
_FIRST: Final = "4700-01-01 BC"
_LAST_DATE: Final = "5874880-01-01"
_LAST_TIMESTAMP: Final = "294260-01-01"
_TIMESTAMPTZ: Final = "timestamp with time zone"
_HASH_LETTERS: Final = 12
_HASH_BITS: Final = 48


def shift(mask: Shift, column: str, category: TypeCategory) -> str:
    """The moved value. Raises ValueError where the mask has no secret."""
    if mask.secret is None:
        raise ValueError("there is no key for a shift of dates")
    entity = quote_identifier(mask.by)
    days = _days(mask.within_days, mask.secret, entity)
    match category:
        case TypeCategory.DATE:
            kind, last, moved = DATE, _LAST_DATE, operation(column, "+", days)
        case TypeCategory.TIMESTAMP | TypeCategory.TIMESTAMPTZ:
            kind = TIMESTAMP if category is TypeCategory.TIMESTAMP else _TIMESTAMPTZ
            # In hours: a day of a timestamp with time zone has 23 or 25 of them when the session's clocks change.
            hours = operation(days, "*", "24")
            last, moved = _LAST_TIMESTAMP, operation(column, "+", call("make_interval", f"hours => {hours}"))
        case _:
            raise ValueError("shift is a mask of dates and timestamps")
    zone = "+00" if kind == _TIMESTAMPTZ else ""
    first = _FIRST if not zone else _FIRST.replace(" BC", f" 00:00:00{zone} BC")
    last = last if not zone else f"{last} 00:00:00{zone}"
    return (
        f"CASE WHEN {entity} IS NULL THEN NULL"
        f" WHEN {operation(column, '<', cast(literal(first), kind))} THEN CAST('-infinity' AS {kind})"
        f" WHEN {operation(column, '>', cast(literal(last), kind))} THEN CAST('infinity' AS {kind})"
        f" ELSE {moved} END"
    )


def _days(within: int, secret: str, entity: str) -> str:
    """One of ``2 * within`` numbers of days, none of them 0: -within … -1, 1 … within."""
    keyed = concatenation(literal(secret), cast(entity, TEXT))
    digest = call("encode", call("sha256", call("convert_to", keyed, "'UTF8'")), "'hex'")
    bits = f"CAST({concatenation(literal('x'), call('left', digest, _HASH_LETTERS))} AS bit({_HASH_BITS}))"
    chosen = cast(call("mod", cast(bits, "bigint"), 2 * within), "numeric")
    # 0, 1, … becomes 0.5 - within, 1.5 - within, …, and numeric halves are rounded away from zero (manual, 9.3).
    return cast(call("round", operation(chosen, "-", f"{within - 1}.5")), "integer")
