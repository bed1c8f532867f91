"""Tokens among the arguments of EXECUTE.

Owns: EXECUTE with stored values in place of tokens, and the types that PREPARE may declare for them. Must not know:
which statement a name stands for, keys. Invariant: what leaves here parses to the client's EXECUTE, node for node, but
for constants that are certainly tokens and stand where the prepared statement takes one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.planner import grammar
from proxy.planner.dialect import print_statement
from proxy.planner.fidelity import assert_same, faithful_tree
from proxy.planner.grammar import ParseResult
from proxy.planner.plan import TokenCells
from proxy.planner.references import inner, names_of
from proxy.planner.tokens.check import check_arguments
from proxy.planner.tokens.literals import SPELLINGS
from proxy.planner.tokens.refusals import Use, misused
from proxy.tokens.types import Vocabulary


def with_stored_arguments(
    text: str,
    parameters: tuple[TokenCells | None, ...],
    is_user_function: Callable[[str], bool],
    vocabulary: Vocabulary,
) -> str:
    """The EXECUTE ``text`` as the server is to have it; ``parameters``: which of its arguments are tokens.

    Raises UnsupportedRefusal (reason ``token``) where one of these is anything but a constant.
    """
    edited = grammar.parse(text)
    statement = inner(edited.stmts[0].stmt)
    query = ParseResult(version=edited.version)
    select = query.stmts.add().stmt.select_stmt
    select.CopyFrom(inner(grammar.parse("SELECT 1").stmts[0].stmt))
    del select.target_list[:]
    for argument in statement.params:
        select.target_list.add().res_target.val.CopyFrom(argument)
    tree = faithful_tree(query, grammar.deparse(query))
    finish = check_arguments(tree, query, parameters, is_user_function, vocabulary).finish
    stored = inner(grammar.parse(print_statement(finish(tree))).stmts[0].stmt)
    for argument, target in zip(statement.params, stored.target_list, strict=True):
        argument.CopyFrom(target.res_target.val)
    printed = grammar.deparse(edited)
    assert_same(edited, printed)
    return printed


def check_declared(prepare: Any, parameters: tuple[TokenCells | None, ...]) -> None:
    """Refuse a PrepareStmt that declares a type for a token that is not the token's own (UnsupportedRefusal)."""
    for number, (node, cells) in enumerate(zip(prepare.argtypes, parameters, strict=False), 1):
        name = names_of(node.type_name.names)
        if cells is None or name == ("unknown",):
            continue
        is_own = name[:-1] in ((), ("pg_catalog",)) and name[-1] in SPELLINGS[cells.type.stored]
        if is_own and bool(node.type_name.array_bounds) is cells.array:
            continue
        use = Use(f"as {'.'.join(name)}", instead="Leave the types of parameters out, or declare the column's own.")
        raise misused(f"parameter {number}", use, cells.type)
