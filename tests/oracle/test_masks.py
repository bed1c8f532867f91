"""Masks on a real Postgres against the reference in Python, for generated values and under hostile settings.

Owns: what each mask must show. Must not know: how an expression is made.
Invariant: every value that a column can hold is in reach of the generators or named in an example.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from proxy.catalog.snapshot import Column, ColumnType, TypeCategory
from proxy.demo.postgres import EmbeddedPostgres
from proxy.policy.mask_sql import scan_expression
from proxy.policy.masks import (
    BirthYear,
    Bucket,
    Clear,
    Constant,
    DateUnit,
    Generalize,
    Mask,
    Nullify,
    Partial,
    Redact,
    RedactPattern,
    Shift,
    Zip3,
)
from tests.support import mask_reference as reference
from tests.support import shown as types
from tests.support.shown import shown

Connection = psycopg.Connection[tuple[object, ...]]

quickly = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

PLAIN = st.text(st.sampled_from("abXYZ 0129-.,'()/@"), max_size=20)
ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80)
NAMES = st.sampled_from(
    [
        *("", " ", "---", "A", "Ada", "901-42-0042", "(555) 123-4567", "O'Brien", "Müller-Lüdenscheidt", "José"),
        *(
            "Jose\u0301",
            "Łukasz",
            "Ærøskøbing",
            "李小龍",
            "ジョン・スミス",
            "प्रिया",
            "Ⅷ ½",
            "N.º 5",
            "a\nb",
            "\\1 \\& x",
        ),
        *("𝔘nicode 😀", "٣٤٥"),
    ]
)
TEXTS = st.lists(st.none() | PLAIN | NAMES | ANY_TEXT, min_size=1, max_size=40)
PARTIALS = st.builds(
    Partial,
    show_first=st.integers(0, 4),
    show_last=st.integers(0, 5),
    fill=st.sampled_from(["*", "X", ".", "\\", "•", "'", "😀"]),
    collapse=st.booleans(),
)


@pytest.fixture(scope="module")
def connection(postgres: EmbeddedPostgres) -> Iterator[Connection]:
    """A session of the superuser with settings as they come."""
    with psycopg.connect(
        host=postgres.host, port=postgres.port, user=postgres.user, password=postgres.password, dbname="postgres",
        autocommit=True,
    ) as opened:  # fmt: skip
        opened.execute("SET client_encoding = 'UTF8'")
        opened.execute("SET TimeZone = 'UTC'")
        opened.execute("SET DateStyle = 'ISO, MDY'")
        yield opened


@quickly
@given(mask=PARTIALS, values=TEXTS)
def test_partial_hides_letters_and_digits(connection: Connection, mask: Partial, values: list[str | None]) -> None:
    """Text of any script shows what the reference shows."""
    expected = [None if v is None else reference.partial(mask, v) for v in values]
    assert shown(connection, mask, types.TEXT, values).values == expected


@quickly
@given(mask=PARTIALS, values=st.lists(st.none() | st.text(st.sampled_from("aZ09 -é"), max_size=11), min_size=1))
def test_partial_of_padded_text_ignores_the_padding(
    connection: Connection, mask: Partial, values: list[str | None]
) -> None:
    """In char(n) the blanks at the end are not part of the value, and the width stays."""
    expected = [None if v is None else reference.partial(mask, v.rstrip(" ")).ljust(11) for v in values]
    got = shown(connection, mask, types.CHAR11, values)
    assert got.values == expected
    assert (got.type_oid, got.typmod) == (1042, 15)


@pytest.mark.parametrize("size", [63, 64, 65, 200_000])
@pytest.mark.parametrize("letter", ["a", "é"])
@pytest.mark.parametrize("mask", [Partial(2, 4), Partial(1, 0, ".", collapse=True), Partial(0, 4), Partial()])
def test_partial_of_long_texts(connection: Connection, mask: Partial, letter: str, size: int) -> None:
    """Texts around the limit of the quick path and very long ones, of letters and of separators, are no exception."""
    values = [letter * size, " " * size, (letter + " ") * (size // 2), letter + " " * size, " " * size + letter]
    assert shown(connection, mask, types.TEXT, values).values == [reference.partial(mask, v) for v in values]


def test_partial_hides_every_letter_mark_and_number_of_unicode(connection: Connection) -> None:
    """No character that Unicode calls a letter, a mark or a number stays, and the usual separators do."""
    points = [
        c for i in range(1, 0x110000) if not 0xD800 <= i < 0xE000 and unicodedata.category(c := chr(i))[0] in "LMN"
    ]
    (hidden,) = shown(connection, Partial(), types.TEXT, ["".join(points)]).values
    assert hidden is not None
    assert set(hidden) == {"*"}
    (kept,) = shown(connection, Partial(), types.TEXT, ["".join(sorted(reference.SEPARATORS))]).values
    assert kept == "".join(sorted(reference.SEPARATORS))


@quickly
@given(values=st.lists(st.none() | NAMES | st.from_regex(r"\A[0-9]{2,5}[-x ]?[0-9]{0,3}\Z") | ANY_TEXT, min_size=1))
def test_zip3_shows_areas_of_more_than_20000_people(connection: Connection, values: list[str | None]) -> None:
    """Three digits and 00, or 00000."""
    expected = [None if v is None else reference.zip3(v) for v in values]
    assert shown(connection, Zip3(), types.TEXT, values).values == expected


def test_zip3_of_the_sparse_areas(connection: Connection) -> None:
    """Each of the 17 areas is shown as 00000."""
    values = [f"{area}12-3456" for area in sorted(reference.SPARSE)]
    assert len(values) == 17
    assert set(shown(connection, Zip3(), types.VARCHAR20, values).values) == {"00000"}


DATES = st.dates(date(1, 1, 8), date(9999, 12, 31))
EDGES = ["infinity", "-infinity", "4714-11-24 BC", "4713-01-01 BC", "0001-12-31 BC", "0044-03-15 BC", None]


@quickly
@given(unit=st.sampled_from([DateUnit.YEAR, DateUnit.QUARTER, DateUnit.MONTH, DateUnit.WEEK]), values=st.lists(DATES))
def test_generalize_truncates_dates(connection: Connection, unit: DateUnit, values: list[date]) -> None:
    """A date becomes the first day of its unit."""
    got = shown(connection, Generalize(unit), types.DATE, [v.isoformat() for v in values])
    assert got.values == [reference.generalize_date(unit, v).isoformat() for v in values]
    assert got.type_oid == 1082


@pytest.mark.parametrize("unit", [DateUnit.YEAR, DateUnit.QUARTER, DateUnit.MONTH, DateUnit.WEEK])
def test_generalize_takes_every_date(connection: Connection, unit: DateUnit) -> None:
    """Dates beyond the first and the last timestamp are shown as the infinity on their side."""
    got = shown(connection, Generalize(unit), types.DATE, [*EDGES, "294277-01-01", "5874897-12-31"]).values
    assert got[:3] == ["infinity", "-infinity", "-infinity"]
    assert got[6:] == [None, "infinity", "infinity"]
    assert got[3] == {"week": "4714-12-29 BC"}.get(unit.value, "4713-01-01 BC")


MOMENTS = (datetime.fromisoformat("0001-01-08"), datetime.fromisoformat("9999-12-31"))


@quickly
@given(unit=st.sampled_from(DateUnit), values=st.lists(st.datetimes(*MOMENTS)))
def test_generalize_truncates_timestamps(connection: Connection, unit: DateUnit, values: list[datetime]) -> None:
    """A timestamp becomes the beginning of its unit; with a zone, the beginning in UTC."""
    written = [v.isoformat(sep=" ") for v in values]
    expected = [reference.truncated(unit, v).isoformat(sep=" ") for v in values]
    assert shown(connection, Generalize(unit), types.TIMESTAMP, written).values == expected
    zoned = shown(connection, Generalize(unit), types.TIMESTAMPTZ, [f"{w}+00" for w in written])
    assert zoned.values == [f"{e}+00" for e in expected]


@pytest.mark.parametrize("unit", DateUnit)
@pytest.mark.parametrize("column", [types.TIMESTAMP, types.TIMESTAMPTZ, types.TIMESTAMP0])
def test_generalize_takes_every_timestamp(connection: Connection, unit: DateUnit, column: ColumnType) -> None:
    """The infinities stay, and the first and the last moment make no error."""
    values = [*EDGES, "294276-12-31 23:59:59"]
    if column is not types.TIMESTAMP0:
        values.append("294276-12-31 23:59:59.999999")
    got = shown(connection, Generalize(unit), column, values)
    assert got.values[:3] == ["infinity", "-infinity", "-infinity"]
    assert (got.type_oid, got.typmod) == (column.oid, column.typmod)


@quickly
@given(age=st.integers(1, 120), values=st.lists(DATES))
def test_birth_year_joins_the_oldest(connection: Connection, age: int, values: list[date]) -> None:
    """Everyone older than the age shares one year with those who reach it this year."""
    today = datetime.now(UTC).date()
    got = shown(connection, BirthYear(age), types.DATE, [v.isoformat() for v in values])
    assert got.values == [reference.birth_year(age, v, today).isoformat() for v in values]


def test_birth_year_takes_every_date(connection: Connection) -> None:
    """Whoever was born before Christ shares the year of the oldest; infinities make no error."""
    oldest = f"{datetime.now(UTC).year - 90}-01-01"
    got = shown(connection, BirthYear(), types.DATE, [*EDGES, "5874897-12-31"]).values
    assert got == ["infinity", oldest, oldest, oldest, oldest, oldest, None, "infinity"]


BOUND = st.none() | st.decimals(-1000, 1000, places=1)


@st.composite
def buckets(draw: st.DrawFn, *, whole: bool) -> Bucket:
    """Buckets with whatever bounds go together."""
    numbers = st.integers(-(2**15), 2**15 - 1).map(Decimal) if whole else st.decimals(-1000, 1000, places=2)
    low, high = draw(st.none() | numbers), draw(st.none() | numbers)
    if low is not None and high is not None and low >= high:
        low = None
    widths = st.integers(1, 10**18).map(Decimal) | st.integers(1, 100).map(Decimal)
    width = draw(widths if whole else st.sampled_from([Decimal(w) for w in ("0.01", "0.1", "0.25", "1", "7", "100")]))
    return Bucket(width, low, high)


@pytest.mark.parametrize(
    ("column", "bits"), [(types.SMALLINT, 15), (types.INTEGER, 31), (types.BIGINT, 63)], ids=["int2", "int4", "int8"]
)
@quickly
@given(data=st.data())
def test_bucket_of_whole_numbers(connection: Connection, column: ColumnType, bits: int, data: st.DataObject) -> None:
    """The lower bound of the bucket; where the type has no room for it, the type's least value."""
    mask = data.draw(buckets(whole=True))
    least, most = -(2**bits), 2**bits - 1
    values = [least, most, 0, *data.draw(st.lists(st.integers(least, most)))]
    expected = [
        max(Decimal(least), reference.bucket(mask.width, mask.minimum, mask.maximum, Decimal(v))) for v in values
    ]
    got = shown(connection, mask, column, [str(v) for v in values])
    assert [Decimal(v) for v in got.values if v is not None] == expected
    assert got.type_oid == column.oid


@quickly
@given(mask=buckets(whole=False), values=st.lists(st.decimals(-(10**30), 10**30, allow_nan=False)))
def test_bucket_of_numerics(connection: Connection, mask: Bucket, values: list[Decimal]) -> None:
    """Exact whatever the number of digits, and without decimals that tell of the value's own."""
    got = shown(connection, mask, types.NUMERIC, [str(v) for v in values]).values
    assert [Decimal(v) for v in got if v is not None] == [
        reference.bucket(mask.width, mask.minimum, mask.maximum, v) for v in values
    ]
    allowed = max(len(f"{x:f}".partition(".")[2]) for x in (mask.width, mask.minimum, mask.maximum) if x is not None)
    assert all(len(v.partition(".")[2]) <= allowed for v in got if v is not None)


@quickly
@given(mask=buckets(whole=False), values=st.lists(st.decimals("-999.99", "999.99", places=2)))
def test_bucket_of_numerics_with_a_scale(connection: Connection, mask: Bucket, values: list[Decimal]) -> None:
    """Type modifiers stay, and nothing overflows them."""
    bounds = [b for b in (mask.minimum, mask.maximum) if b is not None]
    if any(abs(b) > Decimal("999.99") for b in bounds):
        return
    got = shown(connection, mask, types.NUMERIC_5_2, [*map(str, values), "-999.99", "999.99"])
    floors = [reference.bucket(mask.width, mask.minimum, mask.maximum, v) for v in values]
    assert [Decimal(v) for v in got.values[:-2] if v] == [max(f, Decimal("-999.99")) for f in floors]
    assert (got.type_oid, got.typmod) == (1700, types.NUMERIC_5_2.typmod)


@pytest.mark.parametrize(("column", "digits"), [(types.DOUBLE, 15), (types.REAL, 6)], ids=["double", "real"])
@quickly
@given(data=st.data())
def test_bucket_of_floats(connection: Connection, column: ColumnType, digits: int, data: st.DataObject) -> None:
    """The bucket of the number as it reads in decimals; no value is an error."""
    mask = data.draw(buckets(whole=False))
    floats = st.floats(-(2.0**126), 2.0**126, width=32) if column is types.REAL else st.floats(-1e307, 1e307)
    values = [*data.draw(st.lists(floats)), 0.3, -0.3, 29.5]
    got = shown(connection, mask, column, [repr(v) for v in values]).values
    for value, seen in zip(values, got, strict=True):
        floor = reference.bucket(mask.width, mask.minimum, mask.maximum, Decimal(f"{value:.{digits}g}"))
        assert seen is not None
        assert float(seen) == pytest.approx(float(floor), rel=10.0 ** (1 - digits), abs=1e-12)


@pytest.mark.parametrize("column", [types.DOUBLE, types.REAL, types.NUMERIC])
def test_bucket_takes_what_is_no_finite_number(connection: Connection, column: ColumnType) -> None:
    """NaN and the infinities stay, unless a bound stands in their way."""
    values = ["NaN", "Infinity", "-Infinity"]
    assert shown(connection, Bucket(Decimal(10)), column, values).values == values
    bounded = Bucket(Decimal(10), Decimal(0), Decimal(90))
    assert shown(connection, bounded, column, values).values == ["90", "90", "0"]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (types.DOUBLE, ["1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "-5e-324", "-0"]),
        (types.REAL, ["3.4028235e38", "-3.4028235e38", "1e-45", "-1e-45", "-0"]),
        (types.NUMERIC, ["9" * 131072, "-" + "9" * 131072, "0." + "0" * 16382 + "1", "-0." + "0" * 16382 + "1"]),
    ],
)
@pytest.mark.parametrize("width", ["0.1", "1000000000000000000"])
def test_bucket_takes_the_extremes(
    connection: Connection, column: ColumnType, values: list[str | None], width: str
) -> None:
    """The largest and the smallest numbers of a type make no error."""
    assert len(shown(connection, Bucket(Decimal(width)), column, values).values) == len(values)


NUMBERS = [types.SMALLINT, types.INTEGER, types.BIGINT, types.NUMERIC, types.NUMERIC_5_2, types.REAL, types.DOUBLE]
NULLABLE: list[tuple[Mask, ColumnType]] = [
    *(
        (Bucket(Decimal(10), low, high), c)
        for c in NUMBERS
        for low in (None, Decimal(-5))
        for high in (None, Decimal(90))
    ),
    *((Partial(1, 1), c) for c in (types.TEXT, types.CHAR11, types.VARCHAR20, types.NAME)),
    (Partial(1, 0, ".", collapse=True), types.TEXT),
    *((Generalize(unit), c) for unit in DateUnit for c in (types.TIMESTAMP, types.TIMESTAMP0, types.TIMESTAMPTZ)),
    *((Generalize(unit), types.DATE) for unit in DateUnit if unit is not DateUnit.HOUR),
    (BirthYear(89), types.DATE),
    *((Zip3(), c) for c in (types.TEXT, types.CHAR11, types.VARCHAR20)),
    (Redact(frozenset(RedactPattern)), types.TEXT),
    (Constant("x"), types.TEXT),
    (Nullify(), types.DOUBLE),
    (Clear(), types.JSONB),
]


@pytest.mark.parametrize(("mask", "column"), NULLABLE, ids=lambda v: str(v) if not isinstance(v, ColumnType) else v.sql)
def test_null_stays_null(connection: Connection, mask: Mask, column: ColumnType) -> None:
    """Under every mask, for every type that it takes."""
    assert shown(connection, mask, column, [None]).values == [None]


REDACTED = [
    ("SSN 901-42-0042, or 901 42 0042.", "SSN [SSN], or [SSN]."),
    ("Call (555) 123-4567 or 555.123.4567, +1 555 123 4567", "Call [PHONE] or [PHONE], [PHONE]"),
    ("office 555-0142", "office [PHONE]"),
    ("Mail ada.lovelace+x@example.org now", "Mail [EMAIL] now"),
    ("see https://portal.example.org/p?id=12-3, then www.example.org.", "see [URL], then [URL]."),
    ("seen 2024-03-14 and 3/14/2024, 14.3.2024 and 3/14/24", "seen [DATE] and [DATE], [DATE] and [DATE]"),
    ("since March 14, 2024; 14 Mar 2024; MARCH 2024", "since [DATE]; [DATE]; [DATE]"),
    ("MRN: 00123456. mrn#A-4711", "[MRN]. [MRN]"),
    ("Medical record number 8812345", "[MRN]"),
    ("BP 120/80, 7/10 pain, 2.5 mg, room 12", "BP 120/80, 7/10 pain, 2.5 mg, room 12"),
    ("", ""),
]


@pytest.mark.parametrize(("note", "expected"), REDACTED)
def test_redact_replaces_what_looks_like_an_identifier(connection: Connection, note: str, expected: str) -> None:
    """Each match becomes its name; the rest of the text stays."""
    assert shown(connection, Redact(frozenset(RedactPattern)), types.TEXT, [note, None]).values == [expected, None]


def test_redact_looks_only_for_what_is_asked(connection: Connection) -> None:
    """A pattern that is not listed stays in the text."""
    mask = Redact(frozenset({RedactPattern.EMAIL}))
    assert shown(connection, mask, types.TEXT, ["a@b.org 901-42-0042"]).values == ["[EMAIL] 901-42-0042"]


@quickly
@given(values=TEXTS)
def test_redact_takes_every_text(connection: Connection, values: list[str | None]) -> None:
    """Any text comes back, the characters of JSON's escapes included; NULL stays NULL."""
    got = shown(connection, Redact(frozenset({RedactPattern.MRN})), types.TEXT, values).values
    assert got == values or any(v is not None and "mrn" in v.lower() for v in values)


def test_redact_of_long_texts_ends(connection: Connection) -> None:
    """A megabyte without blanks, or of nothing else, is no reason to hang."""
    values = ["a" * 300_000 + " x@y.org", "1-" * 100_000, " " * 300_000, "a@" * 100_000, "+1 " * 100_000]
    got = shown(connection, Redact(frozenset(RedactPattern)), types.TEXT, values).values
    assert got[0] is not None
    assert got[0].endswith(" [EMAIL]")


CONSTANTS: list[tuple[Constant, ColumnType, str]] = [
    (Constant("it's \\ •"), types.TEXT, "it's \\ •"),
    (Constant("-"), types.CHAR11, "-          "),
    (Constant(7), types.SMALLINT, "7"),
    (Constant(Decimal("7.0")), types.BIGINT, "7"),
    (Constant(Decimal("1.50")), types.NUMERIC_5_2, "1.50"),
    (Constant(Decimal("1.5")), types.DOUBLE, "1.5"),
    (Constant(value=True), types.BOOLEAN, "t"),
    (Constant(date(1900, 1, 1)), types.DATE, "1900-01-01"),
    (Constant("1900-01-01 10:00"), types.TIMESTAMP, "1900-01-01 10:00:00"),
    (Constant(datetime(1900, 1, 1, tzinfo=UTC)), types.TIMESTAMPTZ, "1900-01-01 00:00:00+00"),
    (Constant("6f0f1b1c-0000-4000-8000-000000000000"), types.UUID, "6f0f1b1c-0000-4000-8000-000000000000"),
]
SAMPLE = {
    TypeCategory.TEXT: "Ada Lovelace",
    TypeCategory.BOOLEAN: "f",
    TypeCategory.DATE: "1930-05-17",
    TypeCategory.TIMESTAMP: "2024-05-17 03:04:05.6",
    TypeCategory.TIMESTAMPTZ: "2024-05-17 03:04:05.6+00",
    TypeCategory.UUID: "00000000-0000-0000-0000-000000000001",
    TypeCategory.INTEGER: "1234",
    TypeCategory.NUMBER: "123.45",
    TypeCategory.OTHER: "{}",
}


@pytest.mark.parametrize(("mask", "column", "expected"), CONSTANTS)
def test_constant_shows_its_value(connection: Connection, mask: Constant, column: ColumnType, expected: str) -> None:
    """The constant in place of every value, in the column's own type; NULL stays NULL."""
    sample = SAMPLE[column.category][: 11 if column is types.CHAR11 else None]
    got = shown(connection, mask, column, [sample, None])
    assert got.values == [expected, None]
    assert (got.type_oid, got.typmod) == (column.oid, column.typmod)


ALL_TYPES = [
    *(types.TEXT, types.CHAR11, types.VARCHAR20, types.NAME, types.DATE, types.TIMESTAMP, types.TIMESTAMP0),
    *(types.TIMESTAMPTZ, types.SMALLINT, types.INTEGER, types.BIGINT, types.NUMERIC, types.NUMERIC_5_2, types.REAL),
    *(types.DOUBLE, types.BOOLEAN, types.UUID, types.JSONB),
]


@pytest.mark.parametrize("column", ALL_TYPES, ids=[t.sql for t in ALL_TYPES])
def test_nullify_shows_null_of_the_same_type(connection: Connection, column: ColumnType) -> None:
    """Type and type modifier stay."""
    sample = SAMPLE[column.category][: 11 if column is types.CHAR11 else None]
    got = shown(connection, Nullify(), column, [sample, None])
    assert got.values == [None, None]
    assert (got.type_oid, got.typmod) == (column.oid, column.typmod)
    assert shown(connection, Clear(), column, [None]).values == [None]


EVERY_MASK: list[tuple[Mask, ColumnType, str]] = [
    (Partial(show_last=4), types.CHAR11, "901-42-0042"),
    (Partial(show_last=4), types.TEXT, "+49 (30) 901-42 é"),
    (Partial(1, 0, ".", collapse=True), types.VARCHAR20, "Ærø Ada"),
    (Partial(1, 1, "\\"), types.NAME, "Ada Lovelace"),
    (Partial(fill="•"), types.TEXT, "Ada 李"),
    (Zip3(), types.VARCHAR20, "02139-1234"),
    (Redact(frozenset(RedactPattern)), types.TEXT, "MRN 123, 901-42-0042, a@b.org, 2024-01-01 https://x.org/a\\b 'q'"),
    (Generalize(DateUnit.YEAR), types.DATE, "2024-05-17"),
    (Generalize(DateUnit.DAY), types.TIMESTAMP, "2024-05-17 03:04:05"),
    (Generalize(DateUnit.YEAR), types.TIMESTAMPTZ, "2024-01-01 03:04:05+00"),
    (BirthYear(), types.DATE, "1900-05-17"),
    (BirthYear(), types.DATE, "1990-05-17"),
    (Bucket(Decimal(10), Decimal(0), Decimal(1000)), types.INTEGER, "1234"),
    (Bucket(Decimal("0.1")), types.DOUBLE, "0.3"),
    (Bucket(Decimal("0.25"), Decimal("-1.5")), types.NUMERIC, "0.33333"),
    (Bucket(Decimal(7)), types.BIGINT, "-9223372036854775808"),
    *((mask, column, SAMPLE[column.category][:11]) for mask, column, _ in CONSTANTS[:4]),
    (Constant("1900-01-01"), types.DATE, "2024-01-01"),
    (Nullify(), types.JSONB, "{}"),
]
HOSTILE_SETTINGS = [
    {"DateStyle": "German, DMY", "IntervalStyle": "sql_standard"},
    {"TimeZone": "UTC5", "DateStyle": "SQL, DMY"},
    {"TimeZone": "Pacific/Kiritimati"},
    {"standard_conforming_strings": "off", "backslash_quote": "off", "escape_string_warning": "on"},
    {"extra_float_digits": "-15", "bytea_output": "escape"},
    {"client_encoding": "SQL_ASCII"},
    {"client_encoding": "LATIN1"},
    {"search_path": "hostile, pg_catalog"},
    {"transform_null_equals": "on", "quote_all_identifiers": "on", "array_nulls": "off"},
]


@pytest.fixture(scope="module")
def hostile_schema(connection: Connection) -> Iterator[None]:
    """A schema whose functions, operators and types have the names of built-in ones, and lie."""
    connection.execute("CREATE SCHEMA hostile")
    connection.execute("CREATE DOMAIN hostile.text AS int4")
    connection.execute("CREATE DOMAIN hostile.date AS int4")
    connection.execute("CREATE DOMAIN hostile.name AS int4")
    for name, arguments in (("left", 2), ("right", 2), ("textcat", 2), ("translate", 3), ("regexp_replace", 4)):
        parameters = ", ".join(["anycompatible", *["anycompatible"] * (arguments - 1)])
        body = "SELECT 'lie'::pg_catalog.text"
        connection.execute(
            sql.SQL("CREATE FUNCTION hostile.{} ({}) RETURNS pg_catalog.text LANGUAGE sql AS {}").format(
                sql.Identifier(name), sql.SQL(parameters), sql.Literal(body)
            )
        )
    for operator, kind in (("=", "text"), ("<", "date"), (">", "date"), ("+", "int8"), ("-", "int8"), ("~", "text")):
        number = sum(map(ord, operator + kind))
        returns = kind if operator in "+-" else "bool"
        typed = f"pg_catalog.{kind}"
        connection.execute(
            f"CREATE FUNCTION hostile.f{number}({typed}, {typed}) RETURNS pg_catalog.{returns} "
            f"LANGUAGE sql AS 'SELECT NULL::pg_catalog.{returns}'"
        )
        connection.execute(
            f"CREATE OPERATOR hostile.{operator} (LEFTARG = {typed}, RIGHTARG = {typed}, FUNCTION = hostile.f{number})"
        )
    yield
    connection.execute("DROP SCHEMA hostile CASCADE")


@pytest.mark.usefixtures("hostile_schema")
@pytest.mark.parametrize("hostile", HOSTILE_SETTINGS, ids=[" ".join(s) for s in HOSTILE_SETTINGS])
def test_no_setting_changes_what_a_mask_shows(connection: Connection, hostile: dict[str, str]) -> None:
    """What is shown depends on no setting of the session: read it back the usual way, and it is the same."""
    before = [_stored(connection, {}, mask, column, value) for mask, column, value in EVERY_MASK]
    after = [_stored(connection, hostile, mask, column, value) for mask, column, value in EVERY_MASK]
    assert after == before


def _stored(
    connection: Connection, changed: dict[str, str], mask: Mask, column: ColumnType, value: str
) -> list[tuple[object, ...]]:
    """Keeps the masked value in a table while the settings hold, and reads it when they are gone."""
    with connection.transaction(force_rollback=True):
        connection.execute(f"CREATE TEMP TABLE stored (v {column.sql})")
        connection.execute(sql.SQL("INSERT INTO stored VALUES ({})").format(sql.Literal(value)))
        for name, setting in changed.items():
            connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(setting)))
        expression = scan_expression(mask, Column("v", 1, column))
        assert expression.isascii()
        result = connection.pgconn.exec_(
            f"CREATE TEMP TABLE seen AS SELECT {expression} AS v FROM pg_temp.stored".encode()
        )
        assert result.status == psycopg.pq.ExecStatus.COMMAND_OK, result.error_message.decode(errors="replace")
        for name in changed:
            connection.execute(sql.SQL("RESET {}").format(sql.Identifier(name)))
        connection.execute("SET LOCAL client_encoding = 'UTF8'")
        return connection.execute("SELECT v::text, pg_typeof(v)::text FROM seen").fetchall()


@pytest.mark.parametrize(
    "mask",
    [Partial(1, 2), Partial(1, 0, ".", collapse=True), Zip3(), Redact(frozenset(RedactPattern)), Constant("x")],
)
@pytest.mark.parametrize("collation", ['"default"', '"POSIX"', "pg_temp.other"])
def test_a_masked_column_keeps_its_collation(connection: Connection, mask: Mask, collation: str) -> None:
    """The collation is the column's, and an implicit one: another in the statement makes no conflict."""
    expression = scan_expression(mask, Column("v", 1, types.TEXT))
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE COLLATION pg_temp.other FROM pg_catalog.ucs_basic")
        connection.execute(f"CREATE TEMP TABLE collated (v text COLLATE {collation})")
        connection.execute("INSERT INTO collated VALUES ('Ærø (Ada) 42'), ('ada@example.org'), ('02139')")
        statement = f"SELECT pg_collation_for({expression}), pg_collation_for(v) FROM collated"
        assert all(masked == own for masked, own in connection.execute(statement).fetchall())
        connection.execute(f'SELECT ({expression}) < (v COLLATE "C") FROM collated')


SHIFT = Shift("n", 30, "patient", "5ec7e7" * 10)  # by the number of the row


@quickly
@given(values=st.lists(st.dates(date(1800, 1, 1), date(2200, 1, 1)), min_size=1, max_size=40))
def test_shift_moves_each_entity_by_the_same_days(connection: Connection, values: list[date]) -> None:
    """Every date moves by 1 to 30 days, and a date and both kinds of timestamps of an entity move alike."""
    moved = shown(connection, SHIFT, types.DATE, [v.isoformat() for v in values])
    days = [(date.fromisoformat(m) - v).days for m, v in zip(_present(moved.values), values, strict=True)]
    assert all(day and abs(day) <= 30 for day in days)
    assert (moved.type_oid, moved.typmod) == (types.DATE.oid, -1)
    for column, zone in ((types.TIMESTAMP, ""), (types.TIMESTAMP0, ""), (types.TIMESTAMPTZ, "+00")):
        got = shown(connection, SHIFT, column, [f"{v} 12:34:56{zone}" for v in values])
        assert (got.type_oid, got.typmod) == (column.oid, column.typmod)
        again = [datetime.fromisoformat(m).replace(tzinfo=UTC) if not zone else datetime.fromisoformat(m)
                 for m in _present(got.values)]  # fmt: skip
        start = [datetime(v.year, v.month, v.day, 12, 34, 56, tzinfo=UTC) for v in values]
        assert [(a - s).total_seconds() for a, s in zip(again, start, strict=True)] == [86400 * d for d in days]


@pytest.mark.parametrize("within", [1, 3, 3650])
def test_shift_uses_every_number_of_days_but_none(connection: Connection, within: int) -> None:
    """Over many entities each number of days from -n to n is met, 0 is not, and another secret moves otherwise."""
    start = date(2000, 1, 1)
    values = [start.isoformat()] * 4000
    days = [
        [(date.fromisoformat(m) - start).days for m in _present(shown(connection, mask, types.DATE, values).values)]
        for mask in (Shift("n", within, "patient", "a" * 64), Shift("n", within, "patient", "b" * 64))
    ]
    assert days[0] != days[1]
    assert all(0 < abs(d) <= within for d in days[0])
    if within < 100:
        assert set(days[0]) == {*range(-within, 0), *range(1, within + 1)}
    else:
        assert {min(days[0]) < -3500, max(days[0]) > 3500} == {True}


@pytest.mark.parametrize(
    ("column", "edges"),
    [
        (types.DATE, ["4713-11-24 BC", "5874897-12-31"]),
        (types.TIMESTAMP, ["4713-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999"]),
        (types.TIMESTAMPTZ, ["4713-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00"]),
    ],
)
def test_shift_takes_every_value(connection: Connection, column: ColumnType, edges: list[str]) -> None:
    """NULL stays NULL, infinities stay, and what cannot be moved inside the type becomes the infinity on its side."""
    values = [None, "-infinity", *edges, "infinity"]
    got = shown(connection, Shift("n", 3650, "patient", "5ec7e7"), column, values).values
    assert got == [None, "-infinity", "-infinity", "infinity", "infinity"]


def test_shift_by_nothing_shows_nothing(connection: Connection) -> None:
    """Rows whose entity is NULL belong to nobody, and show NULL."""
    mask = Shift('the "value"', 30, "patient", "5ec7e7")
    expression = scan_expression(mask, Column("day", 1, types.DATE))
    got = connection.execute(
        f"SELECT {expression} FROM (VALUES (DATE '2000-01-01', CAST(NULL AS text)),"
        " (DATE '2000-01-01', 'a'), (NULL, 'a')) t (day, \"the \"\"value\"\"\")"
    ).fetchall()
    assert got[0] == (None,)
    assert got[1] != (None,)
    assert got[2] == (None,)


def test_shift_without_a_key_is_no_expression() -> None:
    """A decision made without a keyring cannot become SQL."""
    with pytest.raises(ValueError, match="no key"):
        scan_expression(Shift("id", 30, "patient"), Column("day", 1, types.DATE))


def _present(values: list[str | None]) -> list[str]:
    return [value for value in values if value is not None]
