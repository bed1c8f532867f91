"""Statements that hold a query, with another query in its place: DECLARE, COPY, PREPARE.

Owns: those edits on Postgres' own tree, and ``COPY table`` as the ``COPY (query)`` that it stands for. Must not know:
masks, sqlglot, sessions.
Invariant: what leaves here parses to the client's statement, node for node, with only its query exchanged.
"""

from __future__ import annotations

from typing import Final

from proxy.catalog.snapshot import RelationKind
from proxy.errors import PolicyRefusal, Refusal, UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.fidelity import assert_same
from proxy.planner.grammar import ParseResult
from proxy.planner.masking import quote
from proxy.planner.references import inner, names_of
from proxy.planner.sources import Source
from proxy.policy.masks import Deny, Hidden

_STAND_IN: Final = "SELECT 'pgveil: the query'"
_WRONG_KIND: Final = "42809"  # wrong_object_type, as the server says it
_UNDEFINED_COLUMN: Final = "42703"
_DUPLICATE_COLUMN: Final = "42701"
_GENERATED_COLUMN: Final = "42P10"  # invalid_column_reference
_NOT_COPIED: Final = {
    RelationKind.PARTITIONED_TABLE: "partitioned table",
    RelationKind.VIEW: "view",
    RelationKind.MATERIALIZED_VIEW: "materialized view",
    RelationKind.FOREIGN_TABLE: "foreign table",
}


def only_query(original: ParseResult) -> ParseResult:
    """The query inside the one statement of ``original`` as a tree of its own."""
    tree = ParseResult(version=original.version)
    tree.stmts.add().stmt.CopyFrom(inner(original.stmts[0].stmt).query)
    return tree


def with_query(original: ParseResult, client_text: str, text: str) -> str:
    """The text of the one-statement tree ``original`` with the query ``text`` in place of its own.

    ``client_text``: what ``original`` was read from. Raises UnsupportedRefusal (reason ``fidelity``) where there is no
    faithful print.
    """
    edited = ParseResult()
    edited.CopyFrom(original)
    statement = inner(edited.stmts[0].stmt)
    statement.query.CopyFrom(grammar.parse(_STAND_IN).stmts[0].stmt)
    before, *after = _print(edited, client_text).split(_STAND_IN)
    if len(after) != 1:  # the stand-in is also part of a name or an option
        raise UnsupportedRefusal("the statement cannot be rewritten faithfully", reason="fidelity")
    statement.query.CopyFrom(grammar.parse(text).stmts[0].stmt)
    composed = f"{before}{text}{after[0]}"
    assert_same(edited, composed)
    return composed


def _print(tree: ParseResult, client_text: str) -> str:
    """The print of a statement with a stand-in, COPY with the client's own options where those have no print."""
    try:
        printed = grammar.deparse(tree)
        assert_same(tree, printed)
    except UnsupportedRefusal:
        if inner(tree.stmts[0].stmt).DESCRIPTOR.name != "CopyStmt":
            raise
        return f"COPY ({_STAND_IN}) {grammar.tail_from(client_text, 'TO')}"
    return printed


def copy_as_query(original: ParseResult, source: Source) -> ParseResult:
    """``COPY table`` as ``COPY (SELECT … FROM ONLY table)``, which gives the same rows (manual, COPY).

    Raises Refusal for what the server does not copy either, and for columns that the role may not name.
    """
    edited = ParseResult()
    edited.CopyFrom(original)
    statement = inner(edited.stmts[0].stmt)
    names = _columns(source, names_of(statement.attlist))
    select = f"SELECT {', '.join(map(quote, names))} FROM ONLY {quote(source.schema)}.{quote(source.name)}"  # noqa: S608
    statement.query.CopyFrom(grammar.parse(select).stmts[0].stmt)
    statement.ClearField("relation")
    statement.ClearField("attlist")
    return edited


def _columns(source: Source, listed: tuple[str, ...]) -> tuple[str, ...]:
    relation, access = source.of_user()
    kind = _NOT_COPIED.get(relation.kind)
    if kind is not None:
        raise Refusal(
            f'cannot copy from {kind} "{relation.name}"',
            reason="statement",
            sqlstate=_WRONG_KIND,
            hint="Try the COPY (SELECT ...) TO variant.",
        )
    shown = {d.column.name: d for d in access.columns if not isinstance(d.mask, Deny | Hidden)}
    if not listed:
        return tuple(name for name, d in shown.items() if not d.column.generated)
    for name in listed:
        if any(d.column.name == name and isinstance(d.mask, Deny) for d in access.columns):
            raise PolicyRefusal(f"permission denied for column {relation.qualified_name}.{name}", reason="column")
        if name not in shown:
            text, sqlstate = f'column "{name}" of relation "{relation.name}" does not exist', _UNDEFINED_COLUMN
        elif listed.count(name) > 1:
            text, sqlstate = f'column "{name}" specified more than once', _DUPLICATE_COLUMN
        elif shown[name].column.generated:
            text, sqlstate = f'column "{name}" is a generated column', _GENERATED_COLUMN
        else:
            continue
        raise Refusal(text, reason="column", sqlstate=sqlstate)
    return listed
