"""Writes that read masked relations: each relation that they read becomes its masking subquery.

Owns: those edits, on Postgres' own tree, since the strict dialect reads queries only. Must not know: sqlglot, the wire,
whether the target may be written.
Invariant: what leaves here parses to the client's statement, node for node, but for the relations that it reads, which
are masking subqueries or qualified names. Containment is asserted by the planner on the text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from proxy.catalog.snapshot import Relation
from proxy.errors import UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.fidelity import assert_same
from proxy.planner.grammar import ParseResult
from proxy.planner.masking import scan_text
from proxy.planner.references import WITH_BEARERS, RelationReference, child_messages, inner, names_of
from proxy.planner.sources import Source, Treatment
from proxy.policy.masks import Token

_QUALIFIED: Final = 3  # schema, table, column


def mask_write(
    original: ParseResult, resolve: Callable[[RelationReference], Source], expand: Callable[[Relation], str]
) -> tuple[str, frozenset[str]]:
    """The masked text of a one-statement tree that writes, and the text of every masking subquery of a table in it.

    ``expand`` gives the rewritten definition of a view. Raises UnsupportedRefusal, or what ``resolve`` raises.
    """
    edited = ParseResult()
    edited.CopyFrom(original)
    masking = _Masking(resolve, expand)
    masking.run(edited.stmts[0].stmt)
    text = grammar.deparse(edited)
    for number, (node, scan) in enumerate(masking.made):
        stand_in = _stand_in(number)
        if text.count(stand_in) != 1:
            raise UnsupportedRefusal("the statement cannot be rewritten faithfully", reason="fidelity")
        text = text.replace(stand_in, scan)
        node.range_subselect.subquery.CopyFrom(grammar.parse(scan).stmts[0].stmt)
    assert_same(edited, text)
    return text, frozenset(masking.scans)


def _stand_in(number: int) -> str:
    return f"SELECT 'pgveil: scan {number}.'"


class _Masking:
    """The walk, with the scope rules of WITH (manual, 7.8). ``made``: the nodes put in, and what they stand for."""

    def __init__(self, resolve: Callable[[RelationReference], Source], expand: Callable[[Relation], str]) -> None:
        self._resolve = resolve
        self._expand = expand
        self._masked: set[tuple[str, str]] = set()
        self.made: list[tuple[Any, str]] = []
        self.scans: set[str] = set()

    def run(self, statement: Any) -> None:
        columns: list[Any] = []
        stack: list[tuple[Any, frozenset[str]]] = [(statement, frozenset())]
        while stack:
            message, ctes = stack.pop()
            name = message.DESCRIPTOR.name
            if name == "Node":
                content = inner(message)
                if content is None:
                    continue
                if content.DESCRIPTOR.name == "RangeVar":
                    self._relation(message, ctes)
                    continue
                message, name = content, content.DESCRIPTOR.name
            if name == "ColumnRef":
                columns.append(message)
            elif name == "RangeTableSample":
                self._sample(message, ctes)
            elif name in WITH_BEARERS:
                stack += self._query(name, message, ctes)
            else:
                stack += ((child, ctes) for child in child_messages(message))
        for column in columns:
            names = names_of(column.fields)
            if len(column.fields) >= _QUALIFIED and names[-3:-1] and tuple(names[-3:-1]) in self._masked:
                del column.fields[:-2]

    def _query(self, name: str, statement: Any, ctes: frozenset[str]) -> list[tuple[Any, frozenset[str]]]:
        below: list[tuple[Any, frozenset[str]]] = []
        if statement.HasField("with_clause"):
            names = [node.common_table_expr.ctename for node in statement.with_clause.ctes]
            visible = ctes | frozenset(names) if statement.with_clause.recursive else ctes
            for node, cte in zip(statement.with_clause.ctes, names, strict=True):
                below += ((child, visible) for child in child_messages(node.common_table_expr))
                visible = visible | {cte}
            ctes = visible
        without: tuple[str, ...] = ("with_clause",)
        if name != "SelectStmt":
            target = self._resolve(_reference(statement.relation))
            statement.relation.schemaname = target.schema
            statement.relation.catalogname = ""
            without = ("with_clause", "relation")
        return below + [(child, ctes) for child in child_messages(statement, without=without)]

    def _sample(self, sample: Any, ctes: frozenset[str]) -> None:
        source = self._resolve(_reference(sample.relation.range_var))
        if source.needs_rewrite:
            raise UnsupportedRefusal(
                "TABLESAMPLE of a masked relation is not supported in a statement that writes", reason="construct"
            )
        self._relation(sample.relation, ctes)

    def _relation(self, node: Any, ctes: frozenset[str]) -> None:
        written = node.range_var
        if not written.schemaname and written.relname in ctes:
            return
        source = self._resolve(_reference(written))
        if not source.needs_rewrite:
            written.schemaname = source.schema
            written.catalogname = ""
            return
        self._masked.add((source.schema, source.name))
        alias = type(written.alias)()
        alias.CopyFrom(written.alias)
        alias.aliasname = alias.aliasname or written.relname
        scan = self._scan(source, only=not written.inh)
        stand_in = grammar.parse(_stand_in(len(self.made))).stmts[0].stmt
        node.Clear()
        node.range_subselect.subquery.CopyFrom(stand_in)
        node.range_subselect.alias.CopyFrom(alias)
        self.made.append((node, scan))

    def _scan(self, source: Source, *, only: bool) -> str:
        relation, access = source.of_user()
        if source.treatment is Treatment.EXPAND:
            if only:
                raise UnsupportedRefusal(
                    f"ONLY does not go with the view {relation.qualified_name}", reason="construct"
                )
            return self._expand(relation).strip().removesuffix(";")
        if any(isinstance(decision.mask, Token) for decision in access.columns):
            raise UnsupportedRefusal(
                f"{relation.qualified_name} holds tokens, which a statement that writes cannot read", reason="token"
            )
        text = scan_text(relation, access, only=only)
        self.scans.add(text)
        return text


def _reference(range_var: Any) -> RelationReference:
    return RelationReference(range_var.schemaname or None, range_var.relname, range_var.catalogname or None)
