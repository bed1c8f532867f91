"""What each mask shows, in Python: written from the policy language's table, not from the SQL.

Owns: one function for each mask. Must not know: SQL, the expressions under test (it imports only the masks' values).
Invariant: None gives None; texts come without the padding of ``char(n)``.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal, localcontext

from proxy.policy.masks import DateUnit, Partial

# What partial leaves as it is: everything here that is no letter, no mark and no number.
_KNOWN_SEPARATORS = (
    *map(chr, range(0x01, 0xC0)),
    *map(chr, range(0x2000, 0x2070)),
    *map(chr, range(0x3000, 0x3004)),
    "・",
)
SEPARATORS = frozenset(c for c in _KNOWN_SEPARATORS if unicodedata.category(c)[0] not in "LMN") - {"\u00b4"}

SPARSE = frozenset("036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893".split())


def partial(mask: Partial, value: str) -> str:
    """Letters and digits beyond the first and last ones shown become ``fill``."""
    letters = [i for i, c in enumerate(value) if c not in SEPARATORS]
    enough = len(letters) > mask.show_first + mask.show_last
    hidden = letters[mask.show_first : len(letters) - mask.show_last] if enough else letters
    if not hidden:
        return value
    if mask.collapse:
        return value[: hidden[0]] + mask.fill + value[hidden[-1] + 1 :]
    places = set(hidden)
    return "".join(mask.fill if i in places else c for i, c in enumerate(value))


def zip3(value: str) -> str:
    """The first three digits and 00, or 00000."""
    area = value[:3]
    return f"{area}00" if len(area) == 3 and set(area) <= set("0123456789") and area not in SPARSE else "00000"


def truncated(unit: DateUnit, moment: datetime) -> datetime:
    """The beginning of the unit, for moments of the common era."""
    day = datetime(moment.year, moment.month, moment.day, tzinfo=moment.tzinfo)
    match unit:
        case DateUnit.YEAR:
            return day.replace(month=1, day=1)
        case DateUnit.QUARTER:
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case DateUnit.MONTH:
            return day.replace(day=1)
        case DateUnit.WEEK:
            return day - timedelta(days=day.weekday())
        case DateUnit.DAY:
            return day
        case DateUnit.HOUR:
            return day.replace(hour=moment.hour)


def generalize_date(unit: DateUnit, value: date) -> date:
    """The same for a date."""
    return truncated(unit, datetime(value.year, value.month, value.day, tzinfo=UTC)).date()


def birth_year(oldest_age: int, value: date, today: date) -> date:
    """1 January of the year of birth; who is, or turns this year, older than ``oldest_age`` shares one year."""
    return date(max(value.year, today.year - oldest_age - 1), 1, 1)


def bucket(width: Decimal, low: Decimal | None, high: Decimal | None, value: Decimal) -> Decimal:
    """The lower bound of the bucket of a finite number, for a type without limits."""
    if high is not None and value > high:
        return high
    if low is not None and value < low:
        return low
    with localcontext(Context(prec=1000)):
        origin = low or Decimal(0)
        steps = ((value - origin) / width).to_integral_value(ROUND_FLOOR)
        return origin + steps * width
