"""Values of the lineage: what an output column shows, and the namespaces of FROM.

Owns: ``OutputColumn``, ``Item`` and ``Namespace`` with Postgres' rules for names (manual, 7.2.1). Must not know: trees,
sqlglot, the wire. Invariant: a name that is not certainly a column of a known relation has no origin.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from proxy.planner.plan import Origin
from proxy.policy.bound import ColumnDecision


@dataclass(frozen=True, slots=True)
class Protected:
    """A column of a kind: the relation's qualified name and the policy's decision."""

    relation: str
    decision: ColumnDecision


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One output column of a query.

    ``origin``: the table column that RowDescription shall name. ``shows``: the protected column that it is, as it is.
    ``uses``: the protected columns that it is computed from (``shows`` included). ``type_name``: a table column's type
    as ``format_type`` prints it, where it has no modifier.
    """

    name: str
    origin: Origin | None = None
    shows: Protected | None = None
    uses: frozenset[Protected] = frozenset()
    type_name: str = ""

    def named(self, name: str) -> OutputColumn:
        """The same column under another name."""
        return replace(self, name=name)

    def without_origin(self) -> OutputColumn:
        """The same column behind a set operation or a computation."""
        return replace(self, origin=None)


Columns = tuple[OutputColumn, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One FROM item that can be named. ``columns`` None means that they are not known (a function's result).

    ``row``: what a whole-row reference to it shows, None where the server's own answer stands.
    """

    alias: str | None
    columns: Columns | None
    schema: str | None = None
    denied: tuple[Protected, ...] = ()
    row: Origin | None = None


@dataclass(frozen=True, slots=True)
class Namespace:
    """What a query's expressions can name: ``items`` by alias, ``visible`` columns by bare name and for ``*``.

    ``visible`` None means that an item's columns are not known. ``outer`` is the enclosing query's namespace.
    """

    items: tuple[Item, ...] = ()
    visible: Columns | None = ()
    outer: Namespace | None = field(default=None, repr=False)

    def beside(self, other: Namespace) -> Namespace:
        """Both sides of a comma or a join without merged columns."""
        visible = None if self.visible is None or other.visible is None else self.visible + other.visible
        return Namespace((*self.items, *other.items), visible, self.outer)

    def item(self, alias: str, schema: str | None = None) -> Item | None:
        """The item of that name, here or in an enclosing query."""
        for candidate in self.items:
            if candidate.alias == alias and (schema is None or candidate.schema == schema):
                return candidate
        return self.outer.item(alias, schema) if self.outer is not None else None

    def column(self, name: str) -> OutputColumn | None:
        """The column of that bare name, here or in an enclosing query; None when unknown."""
        column = self._own_column(name)
        if column is not None:
            return column
        return self.outer.column(name) if self.outer is not None else None

    def _own_column(self, name: str) -> OutputColumn | None:
        pools = [self.visible] if self.visible is not None else [i.columns for i in self.items if i.columns is not None]
        return next((column for pool in pools for column in pool if column.name == name), None)

    def denied(self, name: str) -> Protected | None:
        """The denied column of that bare name; None where the innermost query that knows the name shows it."""
        for candidate in self.items:
            for protected in candidate.denied:
                if protected.decision.column.name == name:
                    return protected
        if self.outer is None or self._own_column(name) is not None:
            return None
        return self.outer.denied(name)


def item_namespace(item: Item, outer: Namespace | None) -> Namespace:
    """The namespace of a single FROM item."""
    return Namespace((item,), item.columns, outer)


def merge(left: Namespace, right: Namespace, names: tuple[str, ...], side: str) -> Namespace:
    """A join with USING or NATURAL: merged columns first, then the rest of both sides.

    ``side`` says whose column a merged one is: ``left``, ``right`` or ``both`` (FULL JOIN: computed).
    """
    if left.visible is None or right.visible is None:
        return left.beside(right)
    merged: list[OutputColumn] = []
    for name in names:
        a = next((c for c in left.visible if c.name == name), OutputColumn(name))
        b = next((c for c in right.visible if c.name == name), OutputColumn(name))
        match side:
            case "left":
                merged.append(a)
            case "right":
                merged.append(b)
            case _:
                merged.append(OutputColumn(name, uses=a.uses | b.uses))
    rest = [c for c in (*left.visible, *right.visible) if c.name not in names]
    return Namespace((*left.items, *right.items), (*merged, *rest), left.outer)
