"""Statements over token columns, made at random: most are what an analyst would write, some what a thief would.

Owns: the grammar of them. Must not know: what is allowed. Invariant: the rows of a statement (not their order) are
determined by the data, and constants that are compared by order are tokens; so any two databases can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

T = TypeVar("T")
MRN, PROVIDER, NUMBER, TEXT = "mrn", "provider", "number", "text"

_TABLES: dict[str, dict[str, str]] = {
    "patients": {"id": NUMBER, "mrn": MRN, "age": NUMBER, "card": MRN},
    "visits": {"id": NUMBER, "mrn": MRN, "provider": PROVIDER, "cost": NUMBER, "seen": TEXT},
    "old_visits": {"id": NUMBER, "mrn": MRN, "provider": PROVIDER, "cost": NUMBER, "seen": TEXT},
    "codes": {"code": TEXT, "mrn": TEXT},
    "front": {"who": MRN, "age": NUMBER},
}
_FROM = "\0"


@dataclass(slots=True)
class StatementMaker:
    """Makes one statement after the other out of ``chance``. ``theft`` is how often an expression shows its operand."""

    chance: Random
    theft: float = 0.04
    _aliases: int = 0
    _scope: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def statement(self) -> str:
        """A query."""
        self._aliases, self._scope = 0, []
        text, columns = self._query(2)
        if self._sometimes(0.3) and all(kind != "array" for kind in columns.values()):
            order = ", ".join(f"{i}{self._one(['', ' DESC', ' NULLS FIRST'])}" for i in range(1, len(columns) + 1))
            text += f" ORDER BY {order}"
            if self._sometimes(0.5):
                text += f" LIMIT {self.chance.randint(1, 6)}"
        return text

    # queries --------------------------------------------------------------------------------------------------------

    def _query(self, depth: int) -> tuple[str, dict[str, str]]:
        form = self.chance.random()
        if depth and form < 0.12:
            return self._united(depth)
        if depth and form < 0.25:
            return self._with(depth)
        return self._select(depth)

    def _united(self, depth: int) -> tuple[str, dict[str, str]]:
        kinds = [self._one([MRN, NUMBER, PROVIDER]) for _ in range(self.chance.randint(1, 2))]
        word = self._one(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
        left, columns = self._select(depth - 1, kinds)
        right, _ = self._select(depth - 1, kinds)
        return f"{left} {word} {right}", columns

    def _with(self, depth: int) -> tuple[str, dict[str, str]]:
        inner, columns = self._query(depth - 1)
        name = self._alias("w")
        listed = f"({', '.join(columns)})" if self._sometimes(0.5) else ""
        outer_scope, self._scope = self._scope, []
        text, outputs = self._select(0, source=(f"{name}", columns))
        self._scope = outer_scope
        return f"WITH {name}{listed} AS ({inner}) {text}", outputs

    def _select(
        self, depth: int, kinds: list[str] | None = None, source: tuple[str, dict[str, str]] | None = None
    ) -> tuple[str, dict[str, str]]:
        before = list(self._scope)
        from_ = self._from(depth, source)
        where = f" WHERE {self._condition(depth)}" if self._sometimes(0.5) else ""
        grouped = kinds is None and self._sometimes(0.3)
        if grouped:
            text, columns = self._grouped(depth)
            text = text.replace(" GROUP BY", f"{_FROM}{where} GROUP BY", 1)
        else:
            wanted = kinds or [self._one([MRN, MRN, NUMBER, PROVIDER, TEXT]) for _ in range(self.chance.randint(1, 3))]
            columns = {f"c{i}": kind for i, kind in enumerate(wanted)}
            items = ", ".join(f"{self._value(kind, depth)} AS {name}" for name, kind in columns.items())
            distinct = "DISTINCT " if self._sometimes(0.2) else ""
            text = f"SELECT {distinct}{items}{_FROM}{where}"
        self._scope = before
        return text.replace(_FROM, f" FROM {from_}", 1), columns

    def _grouped(self, depth: int) -> tuple[str, dict[str, str]]:
        key = self._one([MRN, PROVIDER, NUMBER])
        value = self._value(key, 0)
        aggregate, kind = self._aggregate(depth)
        having = f" HAVING count(*) > {self.chance.randint(0, 2)}" if self._sometimes(0.4) else ""
        by = self._one(["1", "k", f"ROLLUP ({value})", value])
        return f"SELECT {value} AS k, {aggregate} AS a GROUP BY {by}{having}", {"k": key, "a": kind}

    def _aggregate(self, depth: int) -> tuple[str, str]:
        tokens = self._value(self._one([MRN, PROVIDER]), 0)
        mrn = self._value(MRN, 0)
        made = self._one(
            [
                ("count(*)", NUMBER),
                (f"count(DISTINCT {tokens})", NUMBER),
                (f"min({mrn})", MRN),
                (f"max({mrn}) FILTER (WHERE {self._condition(0)})", MRN),
                (f"array_agg({mrn} ORDER BY {mrn})", "array"),
                (f"sum({self._value(NUMBER, 0)})", NUMBER),
            ]
        )
        if self._sometimes(self.theft):
            return self._one([f"string_agg({mrn}, ',')", f"json_agg({mrn})::text", f"min({mrn} || '')"]), TEXT
        return made

    # FROM -----------------------------------------------------------------------------------------------------------

    def _from(self, depth: int, source: tuple[str, dict[str, str]] | None) -> str:
        first = self._item(depth, source)
        if self._sometimes(0.5):
            return first
        left = self._scope[-1]
        second = self._item(depth, None)
        right = self._scope[-1]
        shared = [n for n in ("mrn", "provider") if left[1].get(n, TEXT) == right[1].get(n, NUMBER)]
        form = self.chance.random()
        if form < 0.3 and shared:
            side = self._one(["", "LEFT ", "FULL "])
            return f"{first} {side}JOIN {second} USING ({self._one(shared)})"
        if form < 0.75:
            kind = self._one([MRN, PROVIDER])
            side = self._one(["", "LEFT "])
            return f"{first} {side}JOIN {second} ON {self._of(left, kind)} = {self._of(right, kind)}"
        return f"{first}, {second}"

    def _item(self, depth: int, source: tuple[str, dict[str, str]] | None) -> str:
        alias = self._alias("t")
        if source is not None:
            name, columns = source
        elif depth and self._sometimes(0.3):
            lateral = bool(self._scope) and self._sometimes(0.5)
            outer, self._scope = self._scope, self._scope if lateral else []
            inner, columns = self._query(depth - 1)
            self._scope = outer
            name = f"{'LATERAL ' if lateral else ''}({inner})"
        elif self._sometimes(0.1):
            name, columns = "(VALUES ('TOK1', 1), ('TOK4', 2))", {"column1": MRN, "column2": NUMBER}
        else:
            name = self._one(list(_TABLES))
            columns = _TABLES[name]
        if self._sometimes(0.15):
            columns = {f"r{i}": kind for i, kind in enumerate(columns.values())}
            text = f"{name} AS {alias}({', '.join(columns)})"
        else:
            text = f"{name} AS {alias}"
        self._scope = [*self._scope, (alias, columns)]
        return text

    # expressions ----------------------------------------------------------------------------------------------------

    def _value(self, kind: str, depth: int) -> str:
        if kind == NUMBER:
            return self._number(depth)
        if kind == TEXT:
            return self._stolen(depth) if self._sometimes(self.theft * 5) else self._column(TEXT)
        column = self._column(kind)
        form = self.chance.random()
        if form < 0.55:
            return column
        other = self._column(kind) if form < 0.8 else self._token(kind)
        made = [
            f"coalesce({column}, {other})",
            f"CASE WHEN {self._condition(0)} THEN {column} ELSE {other} END",
            f"nullif({column}, {other})",
            f"({column})::text",
            f"(ARRAY[{column}, {other}])[{self.chance.randint(1, 2)}]",
            f"CASE {column} WHEN {other} THEN {column} ELSE NULL END",
        ]
        if depth:
            before = list(self._scope)
            inner, _ = self._select(0, [kind])
            self._scope = before
            made.append(f"(SELECT min(c0) FROM ({inner}) AS {self._alias('m')})")
        return self._one(made)

    def _number(self, depth: int) -> str:
        column = self._column(NUMBER)
        mrn = self._value(MRN, 0)
        return self._one(
            [
                column,
                f"({column} + 1)",
                f"CASE WHEN {self._condition(depth)} THEN 1 ELSE 0 END",
                f"cardinality(ARRAY[{mrn}])",
            ]
        )

    def _stolen(self, depth: int) -> str:
        value = self._value(self._one([MRN, PROVIDER]), depth)
        alias = self._scope[-1][0] if self._scope else "t0"
        return self._one(
            [
                f"lower({value})",
                f"{value} || ''",
                f"substr({value}, 1, 8)",
                f"({value})::varchar(7)",
                f"ROW({value})::text",
                f"{alias}::text",
                f"row_to_json({alias})::text",
                f"to_json({value})::text",
                f"array_to_string(ARRAY[{value}], ',')",
                f"CASE WHEN {value} LIKE 'C%' THEN 'yes' END",
                f"coalesce({value}, {self._column(TEXT)})",
                f"(SELECT {value} || x FROM (VALUES ('')) AS s(x))",
                f"format('%s', {value})",
                f"greatest({value}, 'a')",
                f"({alias}).mrn",
            ]
        )

    def _condition(self, depth: int) -> str:
        kind = self._one([MRN, MRN, PROVIDER])
        value = self._value(kind, 0)
        other = self._one([self._column(kind), self._token(kind)])
        token = self._token(kind)
        made = [
            f"{value} = {other}",
            f"{value} <> {other}",
            f"{value} IS NOT NULL",
            f"{value} IS DISTINCT FROM {other}",
            f"{value} IN ({token}, {self._token(kind)}, 'CANARY01')",
            f"{value} < {other}",
            f"{value} >= {token}",
            f"{value} BETWEEN {token} AND {other}",
            f"{value} = ANY (ARRAY[{token}, {other}])",
            f"({value}, {self._column(NUMBER)}) > ({token}, 5)",
            f"({value}, {self._column(NUMBER)}) IN (({token}, 5), ({other}, 10))",
            f"{self._column(NUMBER)} > 10",
        ]
        if depth:
            before = list(self._scope)
            inner, _ = self._select(0, [kind])
            self._scope = before
            made += [f"{value} IN ({inner})", f"EXISTS ({inner})", f"{value} = ANY ({inner})"]
        condition = self._one(made)
        if self._sometimes(0.2):
            condition = f"({condition} {self._one(['AND', 'OR'])} NOT ({self._one(made)}))"
        return condition

    def _column(self, kind: str) -> str:
        sources = self._scope or [("t0", {})]
        return self._of(self._one(sources[-2:]), kind)

    def _of(self, source: tuple[str, dict[str, str]], kind: str) -> str:
        alias, columns = source
        names = [name for name, found in columns.items() if found == kind]
        if not names:
            return {NUMBER: "7", TEXT: "'text'"}.get(kind) or self._token(kind)
        name = self._one(names)
        return f"{alias}.{name}" if self._sometimes(0.9) else name

    def _token(self, kind: str) -> str:
        word = "TOK" if kind == MRN else "PRO"
        return f"'{word}{self.chance.randint(1, 3)}'"

    def _alias(self, letter: str) -> str:
        self._aliases += 1
        return f"{letter}{self._aliases}"

    def _sometimes(self, share: float) -> bool:
        return self.chance.random() < share

    def _one(self, choices: list[T]) -> T:
        return self.chance.choice(choices)
