"""Column references: which column, or which row, a name is.

Owns: looking up the columns and the whole rows that expressions name, and counting them. Must not know: operators,
clauses, keys. Invariant: every reference is counted once, for the second look; what is not certainly a column or row of
known columns stands for no token, or the statement is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from proxy.errors import UnsupportedRefusal
from proxy.planner.tokens.findings import Findings
from proxy.planner.tokens.refusals import WHOLE_ROW
from proxy.planner.tokens.scopes import Item, Scope
from proxy.planner.tokens.variables import Record, Variable, ordinary


class ColumnReferences:
    """columnref; ``findings`` is filled on the way."""

    def __init__(self, is_user_function: Callable[[str], bool]) -> None:
        self.findings = Findings()
        self._is_user_function = is_user_function

    def note_reference(self, node: exp.Column) -> None:
        """Count a column reference: the second look wants every one of the statement's counted once."""
        parts = [node.args.get(key) for key in ("catalog", "db", "table", "this")]
        names = tuple("*" if isinstance(p, exp.Star) else p.name for p in parts if p is not None)
        self.findings.references[names] += 1

    def row(self, node: exp.Expr, scope: Scope) -> Item | None:
        """The FROM item that ``node`` is the whole row of.

        None, and nothing noted, where it is something else or its columns are not all known.
        """
        plain = bare(node)
        if not isinstance(plain, exp.Column) or plain.args.get("table") is not None or isinstance(plain.this, exp.Star):
            return None
        if scope.column(plain.name) is not None:  # a column's name goes first
            return None
        item = scope.item(plain.name)
        if item is None or item.open or scope.reaches_open():
            return None
        self.note_reference(plain)
        return item

    def column(self, node: exp.Column, scope: Scope) -> Variable:
        """The type of a column, or of a whole row."""
        if (item := self.row(node, scope)) is not None:
            return record_of_item(item)
        self.note_reference(node)
        schema = node.args["db"].name if node.args.get("db") is not None else None
        if isinstance(node.this, exp.Star):
            item = scope.item(node.table, schema)
            return record_of_item(item) if item is not None and not item.open else _unknown_row(item)
        if node.args.get("table") is None:
            named = scope.column(node.name)
            if named is not None:
                self.findings.resolved[id(node)] = named
                return named.kind
            item = scope.item(node.name)
            if item is None:
                self.findings.unresolved.append(node.name)
            return _unknown_row(item)
        item = scope.item(node.table, schema)
        if item is None:
            self.findings.unresolved.append(node.name)
            return ordinary()
        found = [c for c in item.columns if c.name == node.name]
        if len(found) == 1:
            self.findings.resolved[id(node)] = found[0]
            return found[0].kind
        if found or not (item.open or item.clear):
            # Not a function in attribute notation either (manual, 4.2.4): that would be given the whole row.
            state, why = ("42702", "is ambiguous") if found else ("42703", "does not exist")
            raise UnsupportedRefusal(f"column {node.table}.{node.name} {why}", reason="token", sqlstate=state)
        return _unknown_row(item)


def record_of(kinds: Sequence[Variable]) -> Variable:
    """A row that ROW makes."""
    return Variable(Record(tuple((f"f{number}", kind) for number, kind in enumerate(kinds, 1))))


def record_of_item(item: Item) -> Variable:
    """The whole row of a FROM item, all of whose columns are known."""
    return Variable(Record(tuple((column.name, column.kind) for column in item.columns)))


def _unknown_row(item: Item | None) -> Variable:
    if item is not None:
        item.be_ordinary(WHOLE_ROW)
    return ordinary()


def bare(node: exp.Expr) -> exp.Expr:
    """Without the brackets around it, which mean nothing to Postgres."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node
