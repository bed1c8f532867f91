"""Made-up queries over a catalog: joins, subqueries, CTEs, set operations, windows, aggregates, LATERAL, whole rows.

Owns: the grammar of queries. Must not know: servers, masks, what is compared.
Invariant: the answer is determined: wherever rows are counted off, they are sorted by all that they show, and a window
or an aggregate does not depend on the order of equal rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

from tests.generated.expressions import Expressions
from tests.generated.scope import Kind, Named, Table, pick

_SHOWN = (Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ,
          Kind.BOOLEAN, Kind.ARRAY, Kind.JSON)  # fmt: skip
_KEYS = ("patient_id", "encounter_id", "provider_id", "department_id", "mrn")


@dataclass(frozen=True, slots=True)
class Statement:
    """A made-up statement and its parameters' texts."""

    text: str
    parameters: tuple[str, ...]


@dataclass(slots=True)
class Queries:
    """Makes one statement from one source of chance."""

    rng: Random
    tables: list[Table]
    expressions: Expressions = field(init=False)
    _aliases: int = 0
    _ctes: list[Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Tie the two grammars together."""
        self.expressions = Expressions(self.rng, self._scalar)

    def statement(self) -> Statement:
        """A whole statement."""
        self.expressions.with_parameters = self.rng.random() < 0.3
        with_ = self._with() if self.rng.random() < 0.3 else ""
        kinds = [self.rng.choice(_SHOWN) for _ in range(self.rng.randint(1, 4))]
        if self.rng.random() < 0.2:
            body = self._set_operation(kinds)
        elif self.rng.random() < 0.3:
            body, kinds = self._grouped()
        else:
            body = self._select(kinds, [], depth=3, extra=True)
        return self._numbered(f"{with_}{body}")

    def _numbered(self, text: str) -> Statement:
        """With those parameters that did not stand in a choice that was not taken."""
        used = sorted({int(number) for number in re.findall(r"\$(\d+)", text)})
        places = {str(number): str(place) for place, number in enumerate(used, 1)}
        text = re.sub(r"\$(\d+)", lambda match: f"${places[match[1]]}", text)
        return Statement(text, tuple(self.expressions.parameters[number - 1] for number in used))

    # query blocks ---------------------------------------------------------------------------------------------------

    def _select(self, kinds: list[Kind], outer: list[Named], *, depth: int, extra: bool = False) -> str:
        """A query that shows values of these classes, ``c1``, ``c2`` …; with ``extra`` perhaps rows and windows too."""
        source, scope = self._from(outer, depth)
        shown = [f"{self.expressions.make(k, scope + outer, depth - 1)} AS c{i}" for i, k in enumerate(kinds, 1)]
        if extra:
            shown += self._extras(scope)
        where = f" WHERE {self.expressions.condition(scope + outer, depth - 1)}" if self.rng.random() < 0.6 else ""
        distinct = "DISTINCT " if self.rng.random() < 0.15 else ""
        if extra and not distinct and self._now(0.1):
            alias = self.rng.choice(scope).alias
            return f"SELECT {', '.join(shown)}, {alias}.* FROM {source}{where}{self._cut(len(shown), alias)}"
        return f"SELECT {distinct}{', '.join(shown)} FROM {source}{where}{self._cut(len(shown))}"

    def _extras(self, scope: list[Named]) -> list[str]:
        some = self.rng.choice(scope)
        found = []
        if self.rng.random() < 0.15:
            found.append(f"{some.alias} AS r")
        if self.rng.random() < 0.1:
            found.append(f"({some.alias}).{some.name} AS f")
        if self.rng.random() < 0.1:
            found.append(f"row_to_json({some.alias})::text AS j")
        if self.rng.random() < 0.2:
            found.append(f"{self._window(scope)} AS w")
        if self.rng.random() < 0.1:
            found.append(str(some))
        return found

    def _window(self, scope: list[Named]) -> str:
        by, key = self.rng.choice(scope), self.rng.choice(scope)
        value = self.expressions.make(Kind.NUMBER, scope, 1)
        call = self.rng.choice(
            ["rank()", "dense_rank()", "cume_dist()", "count(*)", f"sum({value})", f"max({value})", f"count({key})"]
        )
        return f"{call} OVER (PARTITION BY {by} ORDER BY {key}{self.rng.choice(['', ' DESC', ' NULLS FIRST'])})"

    def _grouped(self) -> tuple[str, list[Kind]]:
        source, scope = self._from([], 2)
        kinds = [self.rng.choice(_SHOWN) for _ in range(self.rng.randint(1, 2))]
        keys = [self.expressions.make(k, scope, 2) for k in kinds]
        shown = [f"{key} AS c{i}" for i, key in enumerate(keys, 1)]
        shown += [f"{self._aggregate(scope)} AS a{i}" for i in range(self.rng.randint(1, 3))]
        positions = [str(i) for i in range(1, len(keys) + 1)]
        by = ", ".join(positions)
        if self.rng.random() < 0.2:
            by = self.rng.choice(["ROLLUP", "CUBE"]) + f" ({', '.join(keys)})"
            shown = [f"{self._aggregate(scope)} AS a{i}" for i in range(len(shown))]
        having = f" HAVING count(*) > {self.rng.randint(0, 3)}" if self.rng.random() < 0.4 else ""
        where = f" WHERE {self.expressions.condition(scope, 2)}" if self.rng.random() < 0.4 else ""
        text = f"SELECT {', '.join(shown)} FROM {source}{where} GROUP BY {by}{having}{self._cut(len(shown))}"
        return text, kinds

    def _aggregate(self, scope: list[Named]) -> str:
        text, number = self.expressions.make(Kind.TEXT, scope, 1), self.expressions.make(Kind.NUMBER, scope, 1)
        call = self.rng.choice(
            [
                "count(*)",
                f"count({self.rng.choice(scope)})",
                f"count(DISTINCT {text})",
                f"count({self.rng.choice(scope).alias})",
                f"sum({number})",
                f"avg({number})",
                f"min({text})",
                f"max({self.expressions.make(Kind.DATE, scope, 1)})",
                f"string_agg({text}, ',' ORDER BY {text})",
                f"array_agg(DISTINCT {text}::text)",
                f"bool_or({self.expressions.condition(scope, 1)})",
                f"jsonb_agg({text}::text ORDER BY {text}::text)",
                f"mode() WITHIN GROUP (ORDER BY {number})",
                f"percentile_disc(0.5) WITHIN GROUP (ORDER BY {text})",
            ]
        )
        ordinary = "WITHIN" not in call
        return call + (f" FILTER (WHERE {self.expressions.condition(scope, 1)})" if ordinary and self._now(0.2) else "")

    def _set_operation(self, kinds: list[Kind]) -> str:
        operator = self.rng.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"])
        arms = [f"({self._select(kinds, [], depth=2)})" for _ in range(2)]
        return f" {operator} ".join(arms) + self._cut(len(kinds))

    def _scalar(self, kind: Kind, outer: list[Named]) -> str:
        """A query of one column and at most one row where that matters: always sorted and cut."""
        source, scope = self._from(outer, 0)
        value = self.expressions.make(kind, scope + outer, 1)
        where = f" WHERE {self._match(scope, outer) or self.expressions.condition(scope + outer, 0)}"
        return f"SELECT {value} FROM {source}{where} ORDER BY 1 LIMIT 1"

    def _with(self) -> str:
        parts = []
        for number in range(self.rng.randint(1, 2)):
            kinds = [self.rng.choice(_SHOWN) for _ in range(3)]
            name = self.rng.choice([f"cte{number}", f"patients{number}"])
            hint = self.rng.choice(["", "", "MATERIALIZED ", "NOT MATERIALIZED "])
            parts.append(f"{name} AS {hint}({self._select(kinds, [], depth=2)})")
            self._ctes.append(Table(name, tuple((f"c{i}", k) for i, k in enumerate(kinds, 1))))
        return f"WITH {', '.join(parts)} "

    # FROM -----------------------------------------------------------------------------------------------------------

    def _from(self, outer: list[Named], depth: int) -> tuple[str, list[Named]]:
        source, scope = self._item(outer, depth)
        for _ in range(self.rng.choice([0, 0, 1, 1, 2]) if depth > 0 else 0):
            if self._now(0.2):
                alias, (kind, other) = self._alias(), self.rng.sample(_SHOWN, 2)
                source += f" CROSS JOIN LATERAL ({self._select([kind, other], scope, depth=1)}) AS {alias}"
                scope = [*scope, Named(alias, "c1", kind), Named(alias, "c2", other)]
                continue
            item, columns = self._item(outer, depth - 1)
            match = self._match(columns, scope) or self._equal(columns, scope)
            join = self.rng.choice(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]) if match else "CROSS JOIN"
            source += f" {join} {item}" + (f" ON {match}" if match else "")
            scope = scope + columns
        return source, scope

    def _item(self, outer: list[Named], depth: int) -> tuple[str, list[Named]]:
        alias = self._alias()
        chance = self.rng.random()
        if chance < 0.15 and depth > 1:
            kinds = [self.rng.choice(_SHOWN) for _ in range(3)]
            columns = [Named(alias, f"c{i}", k) for i, k in enumerate(kinds, 1)]
            return f"({self._select(kinds, [], depth=depth - 1)}) AS {alias}", columns
        if chance < 0.2 and depth > 1:
            return f"(VALUES (1, 'M'), (42, 'A')) AS {alias} (n, t)", [
                Named(alias, "n", Kind.INTEGER),
                Named(alias, "t", Kind.TEXT),
            ]
        if chance < 0.35 and self._ctes:
            table = self.rng.choice(self._ctes)
            return f"{table.name} AS {alias}", table.under(alias)
        table = self.rng.choice(self.tables)
        name = table.name
        if self._now(0.2):
            name = ".".join(f'"{part}"' for part in name.split("."))
        if self._now(0.05):
            renamed = [(f"x{i}", kind) for i, (_, kind) in enumerate(table.columns)]
            query = f"SELECT {', '.join(n for n, _ in table.columns)} FROM {name}"
            return f"({query}) AS {alias} ({', '.join(n for n, _ in renamed)})", Table("", tuple(renamed)).under(alias)
        return f"{name} AS {alias}", table.under(alias)

    def _match(self, columns: list[Named], others: list[Named]) -> str | None:
        """Equality of a key that both sides have."""
        pairs = [(a, b) for a in columns for b in others if a.name == b.name and a.name in _KEYS]
        if not pairs:
            return None
        left, right = self.rng.choice(pairs)
        return f"{left} = {right}"

    def _equal(self, columns: list[Named], others: list[Named]) -> str | None:
        kind = self.rng.choice(_SHOWN)
        left, right = pick(self.rng, columns, kind), pick(self.rng, others, kind)
        return f"{left} = {right}" if left and right else None

    def _cut(self, width: int, row: str = "") -> str:
        """Sorted by everything that is shown (by position, and a row of which all columns are), and cut."""
        positions = [str(i) for i in range(1, width + 1)] + ([row] if row else [])
        self.rng.shuffle(positions)
        order = ", ".join(f"{p}{self.rng.choice(['', ' DESC', ' NULLS FIRST'])}" for p in positions)
        offset = f" OFFSET {self.rng.randint(0, 5)}" if self._now(0.2) else ""
        return f" ORDER BY {order} LIMIT {self.rng.randint(1, 40)}{offset}"

    def _alias(self) -> str:
        self._aliases += 1
        return f"t{self._aliases}"

    def _now(self, chance: float) -> bool:
        return self.rng.random() < chance
