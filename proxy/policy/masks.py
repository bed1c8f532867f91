"""What a role may see of a column, as plain values: the masks of the policy language.

Owns: one frozen value for each mask, and how it reads in reports. Must not know: YAML, SQL, types of columns.
Invariant: a mask holds what the policy's author wrote (and a shift its secret, which no report shows); ``name`` is one
of a dozen words, fit for a metric's label.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import ClassVar, TypeAlias

from proxy.tokens.types import TokenFormat

ConstantValue: TypeAlias = bool | int | Decimal | str | date | datetime


class DateUnit(Enum):
    """What ``generalize`` truncates to; the values are the fields of ``date_trunc`` (manual, 9.9.2)."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    HOUR = "hour"


class RedactPattern(Enum):
    """What ``redact`` looks for, in the order in which it does: what may contain another comes first."""

    URL = "url"
    EMAIL = "email"
    MRN = "mrn"
    SSN = "ssn"
    DATE = "date"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Clear:
    """The value as it is."""

    name: ClassVar[str] = "clear"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Nullify:
    """NULL."""

    name: ClassVar[str] = "nullify"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Constant:
    """``value`` in place of everything but NULL."""

    value: ConstantValue
    name: ClassVar[str] = "constant"

    def __str__(self) -> str:
        return f"constant: {self.value}"


@dataclass(frozen=True, slots=True)
class Partial:
    """All but the first ``show_first`` and last ``show_last`` letters and digits become ``fill`` (one character).

    With ``collapse`` the stretch from the first to the last hidden one becomes a single ``fill``.
    """

    show_first: int = 0
    show_last: int = 0
    fill: str = "*"
    collapse: bool = False
    name: ClassVar[str] = "partial"

    def __str__(self) -> str:
        collapse = ", collapse: true" if self.collapse else ""
        return f'partial: {{show_first: {self.show_first}, show_last: {self.show_last}, fill: "{self.fill}"{collapse}}}'


@dataclass(frozen=True, slots=True)
class Generalize:
    """Truncated to ``unit``."""

    unit: DateUnit
    name: ClassVar[str] = "generalize"

    def __str__(self) -> str:
        return f"generalize: {self.unit.value}"


@dataclass(frozen=True, slots=True)
class BirthYear:
    """1 January of the year; everyone older than ``oldest_age`` years shares one year."""

    oldest_age: int = 89
    name: ClassVar[str] = "birth_year"

    def __str__(self) -> str:
        return f"birth_year: {{oldest_age: {self.oldest_age}}}"


@dataclass(frozen=True, slots=True)
class Zip3:
    """The first three digits of a ZIP code, where enough people live."""

    name: ClassVar[str] = "zip3"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Bucket:
    """The lower bound of a number's bucket of ``width``, counted from ``minimum`` (from 0 if None).

    What is below ``minimum`` shows ``minimum``, what is above ``maximum`` shows ``maximum``.
    """

    width: Decimal
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    name: ClassVar[str] = "bucket"

    def __str__(self) -> str:
        bounds = (("width", self.width), ("min", self.minimum), ("max", self.maximum))
        return f"bucket: {{{', '.join(f'{word}: {value}' for word, value in bounds if value is not None)}}}"


@dataclass(frozen=True, slots=True)
class Redact:
    """Each match of one of ``patterns`` becomes its name in brackets."""

    patterns: frozenset[RedactPattern]
    name: ClassVar[str] = "redact"

    def __str__(self) -> str:
        return f"redact: {{patterns: [{', '.join(p.value for p in RedactPattern if p in self.patterns)}]}}"


@dataclass(frozen=True, slots=True)
class Token:
    """A deterministic, reversible token of a domain, made as the row leaves (design, section 4)."""

    domain: str
    format: TokenFormat = TokenFormat.TEXT
    name: ClassVar[str] = "token"

    def __str__(self) -> str:
        return f"token: {{domain: {self.domain}, format: {self.format.value}}}"


@dataclass(frozen=True, slots=True)
class Shift:
    """Moved by a secret number of days from ``-within_days`` to ``within_days``, never 0, one for each value of ``by``.

    ``by`` is a column of the same table. ``secret`` (hexadecimal digits) is the domain's, which a decision has and a
    policy has not.
    """

    by: str
    within_days: int
    domain: str
    secret: str | None = field(default=None, repr=False)
    name: ClassVar[str] = "shift"

    def __str__(self) -> str:
        return f"shift: {{by: {self.by}, within_days: {self.within_days}, domain: {self.domain}}}"


@dataclass(frozen=True, slots=True)
class Deny:
    """Naming the column is refused; ``*`` leaves it out."""

    name: ClassVar[str] = "deny"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Hidden:
    """A column that the policy does not know, in a table that it does: it does not exist for anyone."""

    name: ClassVar[str] = "hidden"

    def __str__(self) -> str:
        return self.name


Mask: TypeAlias = (
    Clear
    | Nullify
    | Constant
    | Partial
    | Generalize
    | BirthYear
    | Zip3
    | Bucket
    | Redact
    | Token
    | Shift
    | Deny
    | Hidden
)
