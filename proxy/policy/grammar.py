"""The masks of the policy language as they are written, and what they are turned into.

Owns: the pydantic models of masks, with the limits of their parameters. Must not know: YAML, files, column types.
Invariant: what validates has a meaning: a mask word that this release does not have, or a parameter that changes
nothing, is an error.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeAlias, assert_never

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from proxy.policy.masks import (
    BirthYear,
    Bucket,
    Clear,
    Constant,
    ConstantValue,
    DateUnit,
    Deny,
    Generalize,
    Mask,
    Nullify,
    Partial,
    Redact,
    RedactPattern,
    Shift,
    Token,
    Zip3,
)
from proxy.policy.suggest import did_you_mean
from proxy.tokens.types import TokenFormat

_LARGEST = Decimal(10) ** 18
_DECIMALS = 15


class Strict(BaseModel):
    """What all parts of a policy share: no unknown keys, no conversions, no changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def problem(message: str) -> PydanticCustomError:
    """An error whose text is shown as it is."""
    return PydanticCustomError("policy", "{message}", {"message": message})


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise problem("should be a number")
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(number) > _LARGEST or exponent < -_DECIMALS:
        raise problem(f"should lie between -1e18 and 1e18 and have at most {_DECIMALS} decimals")
    # Trailing zeros would be shown: a constant 10.0 among buckets that read 10.
    text = f"{number:f}"
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def _character(value: str) -> str:
    if len(value) != 1 or not value.isprintable():
        raise problem("should be a single printable character")
    return value


def _constant(value: object) -> object:
    if not isinstance(value, bool | int | Decimal | str | date | datetime):
        raise problem("should be a text, a number, a date or true or false (for NULL there is nullify)")
    return value


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise problem("names a pattern twice")
    return values


Number: TypeAlias = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
Character: TypeAlias = Annotated[
    str, AfterValidator(_character), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 1})
]
Scalar: TypeAlias = Annotated[
    Any, BeforeValidator(_constant), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
ShownCount: TypeAlias = Annotated[int, Field(ge=0, le=100)]


class PartialParameters(Strict):
    """How much of a text stays visible, counted in letters and digits."""

    show_first: ShownCount = 0
    show_last: ShownCount = 0
    fill: Character = "*"
    collapse: bool = False

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        given = self.model_fields_set & {"show_first", "show_last"}
        if given and not self.show_first and not self.show_last:
            raise problem(f"{' and '.join(sorted(given))} of 0 changes nothing: leave it out to hide everything")
        return self


class BucketParameters(Strict):
    """The width of the buckets, and where they begin and end."""

    width: Number
    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.width <= 0:
            raise problem("width should be more than 0")
        if self.min is not None and self.max is not None and self.max <= self.min:
            raise problem("max should be more than min")
        if self.max is not None and self.width > self.max - (self.min or 0) and self.min is not None:
            raise problem("width is more than max - min, so that it changes nothing")
        return self


class BirthYearParameters(Strict):
    """From which age on everyone shares one year."""

    oldest_age: Annotated[int, Field(ge=1, le=120)] = 89


class RedactParameters(Strict):
    """What is looked for in free text."""

    patterns: Annotated[
        list[Literal["ssn", "phone", "email", "date", "url", "mrn"]],
        AfterValidator(_distinct),
        Field(min_length=1),
    ]


class TokenParameters(Strict):
    """Whose tokens, and how they are printed."""

    domain: Annotated[str, Field(description="One of the policy's domains.")]
    format: Literal["text", "digits", "uuid"] = "text"


class ShiftParameters(Strict):
    """How far dates are moved, and what belongs together."""

    by: Annotated[str, Field(min_length=1, description="The column whose rows are moved alike, in the same table.")]
    within_days: Annotated[int, Field(ge=1, le=3650)]
    domain: Annotated[str, Field(description="One of the policy's domains.")]


class ConstantMask(Strict):
    """One value in place of all."""

    constant: Scalar


class PartialMask(Strict):
    """Part of a text."""

    partial: PartialParameters


class GeneralizeMask(Strict):
    """A date or timestamp, truncated."""

    generalize: Literal["year", "quarter", "month", "week", "day", "hour"]


class BirthYearMask(Strict):
    """The year of birth, the oldest together."""

    birth_year: BirthYearParameters


class BucketMask(Strict):
    """A number's bucket."""

    bucket: BucketParameters


class RedactMask(Strict):
    """Free text without what looks like an identifier."""

    redact: RedactParameters


class TokenMask(Strict):
    """A token: deterministic, and reversible for those who hold the key."""

    token: TokenParameters


class ShiftMask(Strict):
    """A date, moved by a secret number of days."""

    shift: ShiftParameters


MaskWord: TypeAlias = Literal["clear", "nullify", "zip3", "deny", "partial", "birth_year"]
WORDS: tuple[str, ...] = ("clear", "nullify", "zip3", "deny", "partial", "birth_year")
PARAMETERS: dict[str, type[Strict] | None] = {
    "constant": None,
    "generalize": None,
    "partial": PartialParameters,
    "birth_year": BirthYearParameters,
    "bucket": BucketParameters,
    "redact": RedactParameters,
    "token": TokenParameters,
    "shift": ShiftParameters,
}
EXAMPLES = {
    "constant": "constant: V",
    "generalize": "generalize: year",
    "partial": "partial: {show_last: 4}",
    "birth_year": "birth_year: {oldest_age: 89}",
    "bucket": "bucket: {width: 10}",
    "redact": "redact: {patterns: [ssn, phone]}",
    "token": "token: {domain: patient}",
    "shift": "shift: {by: patient_id, within_days: 30, domain: patient}",
}


def _form(value: object) -> object:
    """Check that the mask is a word, or one known key with parameters, and say what is wrong in the author's terms."""
    known = sorted({*WORDS, *PARAMETERS})
    if isinstance(value, str):
        if value in WORDS:
            return value
        if value in EXAMPLES:
            raise problem(f"the mask {value} needs parameters, for instance {{{EXAMPLES[value]}}}")
        raise problem(f'unknown mask "{value}"{did_you_mean(value, known)}')
    if not isinstance(value, dict):
        raise problem("a mask is a word, or one key with its parameters")
    if len(value) != 1:
        raise problem(f"a mask has one key, not {len(value)}")
    (key,) = value
    if key in PARAMETERS:
        return value
    if key in WORDS:
        raise problem(f"the mask {key} takes no parameters: write {key} alone")
    raise problem(f'unknown mask "{key}"{did_you_mean(str(key), known)}')


def _tag(value: object) -> str:
    match value:
        case dict():
            return str(next(iter(value)))
        case _:
            return "word"


MaskSpec: TypeAlias = Annotated[
    Annotated[MaskWord, Tag("word")]
    | Annotated[ConstantMask, Tag("constant")]
    | Annotated[PartialMask, Tag("partial")]
    | Annotated[GeneralizeMask, Tag("generalize")]
    | Annotated[BirthYearMask, Tag("birth_year")]
    | Annotated[BucketMask, Tag("bucket")]
    | Annotated[RedactMask, Tag("redact")]
    | Annotated[TokenMask, Tag("token")]
    | Annotated[ShiftMask, Tag("shift")],
    Discriminator(_tag),
    BeforeValidator(_form),
]


def to_mask(spec: MaskSpec) -> Mask:
    """The mask that ``spec`` stands for."""
    match spec:
        case str():
            return _word(spec)
        case ConstantMask():
            value: ConstantValue = spec.constant
            return Constant(value)
        case PartialMask():
            p = spec.partial
            return Partial(p.show_first, p.show_last, p.fill, p.collapse)
        case GeneralizeMask():
            return Generalize(DateUnit(spec.generalize))
        case BirthYearMask():
            return BirthYear(spec.birth_year.oldest_age)
        case BucketMask():
            return Bucket(spec.bucket.width, spec.bucket.min, spec.bucket.max)
        case RedactMask():
            return Redact(frozenset(RedactPattern(p) for p in spec.redact.patterns))
        case TokenMask():
            return Token(spec.token.domain, TokenFormat(spec.token.format))
        case ShiftMask():  # pragma: no branch - mypy proves the match exhaustive
            return Shift(spec.shift.by, spec.shift.within_days, spec.shift.domain)


def _word(word: MaskWord) -> Mask:
    match word:
        case "clear":
            return Clear()
        case "nullify":
            return Nullify()
        case "zip3":
            return Zip3()
        case "deny":
            return Deny()
        case "partial":
            return Partial()
        case "birth_year":
            return BirthYear()
        case _:
            assert_never(word)
