"""What a name stands for, as strictly as Postgres itself (manual, 7.2.1, 7.8).

Owns: FROM items, the scopes of queries, and the look-up of columns. Must not know: expressions, SQL text, keys.
Invariant: a name is a column only where Postgres could take it for nothing else; where that is not certain and a token
is among the candidates, the statement is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from proxy.errors import UnsupportedRefusal
from proxy.planner.tokens.refusals import Use, uncertain
from proxy.planner.tokens.variables import Variable


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """One column: each has an identity of its own. ``alias`` is its FROM item's, None where it has no such name."""

    name: str
    kind: Variable
    alias: str | None = None


Columns = tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A FROM item. ``open``: it may have columns that are not known, none of which holds tokens."""

    alias: str | None
    columns: Columns
    open: bool = False
    schema: str | None = None

    def be_ordinary(self, use: Use) -> None:
        """All of its columns are used at once, as a row."""
        for column in self.columns:
            column.kind.be_ordinary(use)

    @property
    def clear(self) -> bool:
        """Whether certainly no column holds tokens."""
        return all(c.kind.certainly_ordinary for c in self.columns)


@dataclass(frozen=True, slots=True)
class WithQuery:
    """What a WITH query gives. ``columns`` None stands for one that is named before it is defined."""

    columns: Columns | None
    open: bool = False


WithQueries = Mapping[str, WithQuery]


@dataclass(frozen=True, slots=True)
class Scope:
    """What the expressions of one query can name.

    ``visible`` are the columns of ``*`` and of bare names; ``open``: there may be others, none of which holds tokens.
    """

    items: tuple[Item, ...] = ()
    visible: Columns = ()
    open: bool = False
    outer: Scope | None = field(default=None, repr=False)
    ctes: WithQueries = field(default_factory=dict)

    def beside(self, other: Scope) -> Scope:
        """Both, as a comma or a join without merged columns makes them."""
        return replace(
            self,
            items=(*self.items, *other.items),
            visible=(*self.visible, *other.visible),
            open=self.open or other.open,
        )

    def inside(self) -> Scope:
        """The empty scope of a query in an expression of this one."""
        return Scope(outer=self, ctes=self.ctes)

    def own_column(self, name: str) -> Named | None:
        """The column of that bare name in this query alone (raises UnsupportedRefusal, 42702, where it has several)."""
        found = [c for c in self.visible if c.name == name]
        if len(found) > 1:
            raise UnsupportedRefusal(f'column reference "{name}" is ambiguous', reason="token", sqlstate="42702")
        return found[0] if found else None

    def column(self, name: str) -> Named | None:
        """The column of that bare name, here or in an enclosing query."""
        level: Scope | None = self
        hidden = False
        while level is not None:
            found = level.own_column(name)
            if found is not None:
                if hidden and not found.kind.certainly_ordinary:
                    raise uncertain(name, "A relation whose columns are not known may have a column of that name.")
                return found
            hidden = hidden or level.open
            level = level.outer
        return None

    def reaches_open(self) -> bool:
        """Whether a relation in this or an enclosing query may have columns that are not known."""
        level: Scope | None = self
        while level is not None:
            if level.open:
                return True
            level = level.outer
        return False

    def item(self, alias: str, schema: str | None = None) -> Item | None:
        """The item of that name, here or in an enclosing query."""
        level: Scope | None = self
        while level is not None:
            found = [i for i in level.items if i.alias == alias and schema in (None, i.schema)]
            if len(found) > 1:
                raise UnsupportedRefusal(f'table reference "{alias}" is ambiguous', reason="token", sqlstate="42P09")
            if found:
                return found[0]
            level = level.outer
        return None


def item_scope(item: Item, outer: Scope | None, ctes: WithQueries) -> Scope:
    """The scope that one FROM item makes."""
    return Scope((item,), item.columns, item.open, outer, ctes)


def renamed(columns: Columns, names: list[str], alias: str | None) -> Columns:
    """The columns under the names of an alias's column list, as far as it goes, as those of the item ``alias``."""
    kept = [*names, *(c.name for c in columns[len(names) :])]
    return tuple(Named(name, c.kind, alias) for name, c in zip(kept, columns, strict=False))
