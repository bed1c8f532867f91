"""From Postgres' tree to the masked text: canonical print, strict dialect, token types, masks.

Owns: the order of those steps. Must not know: policy files, the wire, sessions.
Invariant: a text leaves here only after fidelity was asserted, and that both parsers read the same relations.
Containment is asserted by the planner on what goes upstream, with the views' texts in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlglot import exp

from proxy.catalog.snapshot import Relation
from proxy.planner.containment import assert_same_references
from proxy.planner.dialect import print_statement
from proxy.planner.fidelity import faithful_tree
from proxy.planner.masking import rewrite
from proxy.planner.references import RelationReference
from proxy.planner.sources import Source
from proxy.planner.tokens.check import Typed

TokenCheck: TypeAlias = Callable[[exp.Expr, Any], Typed]
"""The token type check of a tree that was read from a ParseResult."""


def rewrite_query(
    original: Any,
    text: str,
    reads: list[RelationReference],
    resolve: Callable[[RelationReference], Source],
    expand: Callable[[Relation], str],
    check_tokens: TokenCheck,
) -> tuple[str, frozenset[str], Typed]:
    """The masked text of a one-statement ParseResult (of ``text``), the text of every masking subquery, and the tokens.

    Raises UnsupportedRefusal (reason ``fidelity``, ``construct`` or ``token``), PolicyRefusal from ``resolve``.
    """
    tree = faithful_tree(original, text)
    typed = check_tokens(tree, original)
    done = rewrite(tree, resolve, expand, print_statement)
    assert_same_references(reads, done.references)
    return print_statement(typed.finish(tree)), frozenset(done.scans), typed
