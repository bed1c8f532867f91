"""The last check before a statement goes upstream: no protected relation outside a masking subquery that we made.

Owns: the comparison of the two parsers' readings and of the final text, both on Postgres' own tree.
Must not know: sqlglot, how the text was made. Invariant: a doubt is a refusal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from proxy.errors import UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.fidelity import first_difference
from proxy.planner.references import RelationReference, child_messages, collect, inner
from proxy.planner.sources import Source


def assert_same_references(ours: Iterable[RelationReference], sqlglots: Iterable[RelationReference]) -> None:
    """Both parsers must have read the same relations, each as often (UnsupportedRefusal, reason ``fidelity``)."""
    if Counter(ours) != Counter(sqlglots):
        raise UnsupportedRefusal(
            "the statement cannot be rewritten faithfully",
            reason="fidelity",
            detail="Two parsers disagree on the relations that it names.",
            hint="Simplify the FROM clause, or tell the administrators of pgveil.",
        )


def assert_contained(text: str, scans: Iterable[str], resolve: Callable[[RelationReference], Source]) -> None:
    """No relation of ``text`` that needs masking stands outside one of ``scans``, and all are schema-qualified.

    Raises UnsupportedRefusal (reason ``containment``): then the rewrite is wrong, and nothing is sent.
    """
    tree = _only_statement(text)
    _cut_scans(tree, text.encode(), tuple(scans))
    for reference in collect(inner(tree)).reads:
        if reference.schema is None or resolve(reference).needs_rewrite:
            raise UnsupportedRefusal(
                "the statement cannot be masked safely",
                reason="containment",
                detail=f"A reference to {reference.name} would be left outside its masking subquery.",
                hint="This is a defect of pgveil; please report the statement's shape.",
            )


def _only_statement(text: str) -> Any:
    statements = grammar.parse(text).stmts
    if len(statements) != 1:
        raise UnsupportedRefusal("the rewritten text is not one statement", reason="containment")
    return statements[0].stmt


def _cut_scans(tree: Any, text: bytes, scans: tuple[str, ...]) -> None:
    """Empty every FROM subquery that is, node for node, one of ours."""
    stack = [tree]
    while stack:
        message = stack.pop()
        if message.DESCRIPTOR.name == "RangeSubselect" and _is_ours(message.subquery, text, scans):
            message.ClearField("subquery")
        else:
            stack.extend(child_messages(message))


def _is_ours(query: Any, text: bytes, scans: tuple[str, ...]) -> bool:
    """Whether a subquery of ``text`` has the tree of one of ``scans``.

    Trees hold their nodes' places in the text, so one of ours is read anew at the place where it may stand: then it is
    a comparison of two messages, which is many times faster than one that has to leave the places out.
    """
    place = _beginning(query.select_stmt)
    for scan in scans:
        if place is None:
            if first_difference(query, _only_statement(scan)) is None:
                return True
        elif text.startswith(scan.encode(), place) and query == _only_statement(" " * place + scan):
            return True
    return False


def _beginning(select: Any) -> int | None:
    """Where its SELECT would stand in the text if nothing but a blank were behind it; None without a select list."""
    if not select.target_list:
        return None
    place: int = select.target_list[0].res_target.location - len("SELECT ")
    return max(place, 0)
