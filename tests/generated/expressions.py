"""Made-up expressions of every class of type.

Owns: the grammar of expressions. Must not know: FROM, servers, masks.
Invariant: a value depends on its columns only: nothing volatile, no order of rows, no error that depends on which rows
are looked at first (no bare division, no cast of text, no sum of floating point numbers).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.generated.scope import Kind, Named, pick

COMPARISONS = ("=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
_LITERALS = {
    Kind.TEXT: ("'A'", "'M'", "'Lake%'", "'03'", "'inpatient'", "'***-**-1234'", "''", "'é'", "E'a\\\\b'", "'it''s'"),
    Kind.INTEGER: ("0", "1", "17", "42", "2023", "-3", "400"),
    Kind.NUMBER: ("0.5", "12.5", "100.0", "1e3", "-2.25"),
    Kind.DATE: ("DATE '1950-01-01'", "DATE '2023-06-01'", "'1980-01-01'::date"),
    Kind.TIMESTAMP: ("TIMESTAMP '2023-03-01 12:00'", "'2024-01-01'::timestamp"),
    Kind.TIMESTAMPTZ: ("TIMESTAMPTZ '2023-03-01 12:00+00'", "'2024-01-01 00:00+02'::timestamptz"),
    Kind.BOOLEAN: ("true", "false"),
    Kind.ARRAY: ("ARRAY['en', 'es']", "'{fr}'::text[]", "ARRAY[]::text[]"),
    Kind.JSON: ("'{}'::jsonb", "'{\"a\": [1, 2]}'::jsonb"),
}
_VALUES = {Kind.TEXT: ("A", "Lake", "03700", "M"), Kind.INTEGER: ("1", "42", "2023"), Kind.DATE: ("1950-01-01",)}


@dataclass(slots=True)
class Expressions:
    """Makes expressions from one source of chance.

    ``subquery`` makes a query of one column that may name the columns given. ``parameters`` are those used so far.
    """

    rng: Random
    subquery: Callable[[Kind, list[Named]], str]
    parameters: list[str] = field(default_factory=list)
    with_parameters: bool = False

    def make(self, kind: Kind, scope: list[Named], depth: int) -> str:
        """An expression of that class, in brackets where it needs them."""
        if depth <= 0 or self.rng.random() < 0.3:
            return self._leaf(kind, scope)
        made: str = getattr(self, f"_{kind.name.lower()}")(scope, depth - 1)
        return made

    def condition(self, scope: list[Named], depth: int) -> str:
        """A Boolean expression."""
        return self.make(Kind.BOOLEAN, scope, depth)

    def _leaf(self, kind: Kind, scope: list[Named]) -> str:
        column = pick(self.rng, scope, kind)
        if column is not None and self.rng.random() < 0.8:
            return str(column)
        if self.with_parameters and kind in _VALUES and self.rng.random() < 0.5:
            self.parameters.append(self.rng.choice(_VALUES[kind]))
            return f"${len(self.parameters)}::{kind.value}"
        return self.rng.choice(_LITERALS[kind])

    def _any(self, kind: Kind, scope: list[Named], depth: int) -> str | None:
        """What there is for every class."""

        def same() -> str:
            return self.make(kind, scope, depth)

        match self.rng.randrange(14):
            case 0:
                return f"coalesce({same()}, {same()})"
            case 1:
                return f"CASE WHEN {self.condition(scope, depth)} THEN {same()} ELSE {same()} END"
            case 2:
                return f"nullif({same()}, {same()})"
            case 3 if kind not in (Kind.BOOLEAN, Kind.JSON):
                return f"{self.rng.choice(['greatest', 'least'])}({same()}, {same()})"
            case 4 if depth > 0:
                return f"({self.subquery(kind, scope)})"
            case 5:
                return f"({same()})::{kind.value}"
            case _:
                return None

    def _text(self, scope: list[Named], depth: int) -> str:
        made = self._any(Kind.TEXT, scope, depth)
        if made is not None:
            return made
        value = self.make(Kind.TEXT, scope, depth)
        other = self.rng.choice([k for k in Kind if k is not Kind.TEXT])
        return self.rng.choice(
            [
                f"lower({value})",
                f"initcap({value})",
                f"left({value}, {self.rng.randint(-1, 4)})",
                f"substring({value} from 1 for 2)",
                f"substr({value}, 2)",
                f"trim(both 'A' from {value})",
                f"replace({value}, '0', 'o')",
                f"regexp_replace({value}, '[0-9]', '#', 'g')",
                f"overlay({value} placing '--' from 2)",
                f"({value} || {self.make(Kind.TEXT, scope, depth)})",
                f"concat_ws('-', {value}, {self.make(other, scope, 0)})",
                f"lpad({value}, 6, '.')",
                f"md5({value})",
                f"({self.make(other, scope, depth)})::text",
                f"to_char({self.make(Kind.DATE, scope, depth)}, 'YYYY-MM')",
                f"({self.make(Kind.ARRAY, scope, depth)})[1]",
                f"({self.make(Kind.JSON, scope, depth)} ->> 'a')",
                f"format('%s', {value})",
                f'({value} COLLATE "C")',
            ]
        )

    def _integer(self, scope: list[Named], depth: int) -> str:
        made = self._any(Kind.INTEGER, scope, depth)
        if made is not None:
            return made
        text = self.make(Kind.TEXT, scope, depth)
        date = self.make(Kind.DATE, scope, depth)
        return self.rng.choice(
            [
                f"length({text})",
                f"position('A' in {text})",
                f"strpos({text}, '0')",
                f"(({self.make(Kind.INTEGER, scope, 0)})::bigint + {self.make(Kind.INTEGER, scope, 0)})",
                f"(({self.make(Kind.INTEGER, scope, 0)})::bigint % 7)",
                f"extract({self.rng.choice(['year', 'month', 'dow'])} from {date})::bigint",
                f"date_part('year', {date})::bigint",
                f"({date} - {self.make(Kind.DATE, scope, 0)})",
                f"cardinality({self.make(Kind.ARRAY, scope, depth)})",
                f"num_nulls({text}::text, {date})",
                f"ascii({text})",
            ]
        )

    def _number(self, scope: list[Named], depth: int) -> str:
        made = self._any(Kind.NUMBER, scope, depth)
        if made is not None:
            return made
        value = self.make(Kind.NUMBER, scope, 0)
        return self.rng.choice(
            [
                f"round({value}, 1)",
                f"({value} * 1.5)",
                f"abs({value})",
                f"floor({value})",
                f"({value} / nullif({self.make(Kind.NUMBER, scope, 0)}, 0))",
                f"({self.make(Kind.INTEGER, scope, depth)})::numeric",
            ]
        )

    def _date(self, scope: list[Named], depth: int) -> str:
        made = self._any(Kind.DATE, scope, depth)
        if made is not None:
            return made
        return self.rng.choice(
            [
                f"({self.make(Kind.DATE, scope, depth)} + 30)",
                f"({self.make(Kind.TIMESTAMP, scope, depth)})::date",
                f"date_trunc('month', {self.make(Kind.DATE, scope, depth)})::date",
                f"CAST({self.make(Kind.DATE, scope, depth)} + interval '1 month' AS date)",
            ]
        )

    def _timestamp(self, scope: list[Named], depth: int) -> str:
        made = self._any(Kind.TIMESTAMP, scope, depth)
        if made is not None:
            return made
        return self.rng.choice(
            [
                f"date_trunc('week', {self.make(Kind.TIMESTAMP, scope, depth)})",
                f"({self.make(Kind.TIMESTAMP, scope, depth)} + interval '1 day')",
                f"({self.make(Kind.TIMESTAMPTZ, scope, depth)} AT TIME ZONE 'UTC')",
                f"({self.make(Kind.DATE, scope, depth)})::timestamp",
            ]
        )

    def _timestamptz(self, scope: list[Named], depth: int) -> str:
        made = self._any(Kind.TIMESTAMPTZ, scope, depth)
        return made or f"({self.make(Kind.TIMESTAMP, scope, depth)} AT TIME ZONE 'UTC')"

    def _array(self, scope: list[Named], depth: int) -> str:
        made = self._any(Kind.ARRAY, scope, depth)
        if made is not None:
            return made
        text = self.make(Kind.TEXT, scope, depth)
        return self.rng.choice(
            [
                f"ARRAY[{text}, 'x']::text[]",
                f"array_append({self.make(Kind.ARRAY, scope, 0)}, ({text})::text)",
                f"string_to_array({text}, '-')",
                f"ARRAY({self.subquery(Kind.TEXT, scope)})::text[]" if depth else "'{}'::text[]",
            ]
        )

    def _json(self, scope: list[Named], depth: int) -> str:
        made = self._any(Kind.JSON, scope, depth)
        if made is not None:
            return made
        text, number = self.make(Kind.TEXT, scope, depth), self.make(Kind.NUMBER, scope, depth)
        row = self.rng.choice(scope).alias if scope else None
        return self.rng.choice(
            [
                f"jsonb_build_object('a', {text}::text, 'b', {number})",
                f"to_jsonb({text}::text)",
                f"jsonb_build_array({text}::text, {number})",
                f"({self.make(Kind.JSON, scope, 0)} || '{{\"z\": 1}}')",
                f"to_jsonb({row})" if row else "'1'::jsonb",
            ]
        )

    def _boolean(self, scope: list[Named], depth: int) -> str:
        made = self._any(Kind.BOOLEAN, scope, depth)
        if made is not None:
            return made
        kind = self.rng.choice([Kind.TEXT, Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.DATE, Kind.TIMESTAMP])
        left, right = self.make(kind, scope, depth), self.make(kind, scope, depth)
        text = self.make(Kind.TEXT, scope, depth)
        some = self.rng.choice(scope) if scope else None
        return (
            "("
            + self.rng.choice(
                [
                    f"{left} {self.rng.choice(COMPARISONS)} {right}",
                    f"{left} {self.rng.choice(COMPARISONS)} {right}",
                    f"{left} IS {self.rng.choice(['', 'NOT '])}NULL",
                    f"{left} {self.rng.choice(['', 'NOT '])}BETWEEN {right} AND {self.make(kind, scope, 0)}",
                    f"{left} {self.rng.choice(['', 'NOT '])}IN ({right}, {self.make(kind, scope, 0)})",
                    f"{left} {self.rng.choice(['', 'NOT '])}IN ({self.subquery(kind, scope)})" if depth else "true",
                    f"EXISTS ({self.subquery(kind, scope)})" if depth else "NOT false",
                    f"{left} = {self.rng.choice(['ANY', 'ALL'])} ({self.subquery(kind, scope)})" if depth else "1 = 1",
                    f"{text} {self.rng.choice(['LIKE', 'NOT LIKE', 'ILIKE', '~', '!~*'])} 'A%'",
                    f"{text} SIMILAR TO '(A|B)%'",
                    f"{text} = ANY ({self.make(Kind.ARRAY, scope, depth)})",
                    f"{self.make(Kind.ARRAY, scope, depth)} {self.rng.choice(['@>', '&&', '<@'])} ARRAY['en']",
                    f"{self.condition(scope, depth)} AND {self.condition(scope, depth)}",
                    f"{self.condition(scope, depth)} OR {self.condition(scope, depth)}",
                    f"NOT {self.condition(scope, depth)}",
                    f"{self.condition(scope, depth)} IS {self.rng.choice(['TRUE', 'NOT TRUE', 'UNKNOWN'])}",
                    f"({left}, {text}) {self.rng.choice(['=', '<', '>='])} ({right}, 'M')",
                    f"{some.alias} IS NOT NULL" if some else "true",
                    f"{self.make(Kind.JSON, scope, depth)} ? 'a'",
                    f"starts_with({text}, 'A')",
                ]
            )
            + ")"
        )
