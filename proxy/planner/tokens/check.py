"""The token type check of one statement, before its relations are masked and after.

Owns: the order of its steps. Must not know: how relations are resolved, keys, the wire.
Invariant: what is not certainly ordinary is a token of one domain in every place where it stands, or the statement is
refused; a statement that names no token column comes back as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlglot import exp

from proxy.planner.plan import Shape, TokenCells
from proxy.planner.references import RelationReference
from proxy.planner.tokens.coverage import assert_covered
from proxy.planner.tokens.findings import Extreme, Findings, Outputs
from proxy.planner.tokens.literals import check_casts, parameter_cells, place_literals, shape_of
from proxy.planner.tokens.order import OpaqueOrder
from proxy.planner.tokens.queries import Queries, output_label
from proxy.planner.tokens.refusals import Use, misused, unsafe
from proxy.planner.tokens.scopes import Scope
from proxy.planner.tokens.sources import RelationColumns, Relations
from proxy.planner.tokens.variables import Held, Variable, unify
from proxy.tokens.types import TokenType, Vocabulary

_AS_ARGUMENT: Final = Use("as an argument", meets=True, instead="Write the token itself, as a constant.")


def _no_relations(reference: RelationReference) -> tuple[str, RelationColumns | None]:
    raise unsafe(f"Its arguments read {reference}.")


def _as_it_is(tree: exp.Expr) -> exp.Expr:
    return tree


@dataclass(frozen=True, slots=True)
class Typed:
    """What the check found: the cells of each output and each parameter that are tokens (both empty where none is).

    ``outputs`` is what each output column holds, by position, for the relations that read this as a view.
    ``literals`` are those that are tokens, as the client wrote them.
    ``finish`` turns token literals into stored values and orders into the opaque one: on the tree that was checked
    (changed in place, maybe with another root), after its relations were masked, since it copies expressions.
    """

    cells: tuple[Shape | None, ...] = ()
    parameters: tuple[TokenCells | None, ...] = ()
    outputs: tuple[Held | None, ...] = ()
    literals: Mapping[str, TokenType] = field(default_factory=dict, repr=False)
    finish: Callable[[exp.Expr], exp.Expr] = field(default=_as_it_is, repr=False, compare=False)


def check_tokens(
    tree: exp.Expr,
    original: Any,
    relations: Relations,
    is_user_function: Callable[[str], bool],
    vocabulary: Vocabulary,
) -> Typed:
    """Type the statement ``tree``; ``original`` is the ParseResult that it was read from.

    Raises UnsupportedRefusal with reason ``token``.
    """
    queries = Queries(relations, is_user_function)
    outputs = queries.query(tree, Scope())
    return _judged(original, queries.findings, outputs, vocabulary)


def check_arguments(
    tree: exp.Expr,
    original: Any,
    parameters: tuple[TokenCells | None, ...],
    is_user_function: Callable[[str], bool],
    vocabulary: Vocabulary,
) -> Typed:
    """The same for the arguments of EXECUTE, as the outputs of a SELECT without FROM.

    ``parameters``: which of them are tokens.
    """
    queries = Queries(_no_relations, is_user_function)
    outputs = queries.query(tree, Scope())
    for number, (output, cells) in enumerate(zip(outputs.columns, parameters, strict=False), 1):
        if cells is not None:
            held = Held(cells, f"argument {number} of EXECUTE")
            unify(output.kind, held.variable(), _AS_ARGUMENT)
    return _judged(original, queries.findings, outputs, vocabulary)


def _judged(original: Any, findings: Findings, outputs: Outputs, vocabulary: Vocabulary) -> Typed:
    assert_covered(original, findings)
    check_casts(findings)
    for kind, use in findings.forbidden:
        if (tokens := kind.innermost) is not None:
            raise misused(tokens.column, use, tokens.type)
    cells = tuple(shape_of(output.kind) for output in outputs.columns)
    return Typed(
        cells=cells if any(cells) else (),
        parameters=parameter_cells(findings),
        outputs=tuple(_held(output.kind) for output in outputs.columns),
        literals={n.name: t.type for n, kind in findings.literals if (t := kind.tokens) is not None},
        finish=partial(_finish, findings=findings, vocabulary=vocabulary),
    )


def _finish(tree: exp.Expr, findings: Findings, vocabulary: Vocabulary) -> exp.Expr:
    place_literals(findings, vocabulary)
    tree = OpaqueOrder(vocabulary).apply(tree, findings)
    _keep_names(findings)
    return tree


def _held(kind: Variable) -> Held | None:
    tokens, shape = kind.innermost, shape_of(kind)
    return Held(shape, tokens.column) if tokens is not None and shape is not None else None


def _keep_names(findings: Findings) -> None:
    """An output without AS keeps the name that the server would have given it: ``min``, not ``substr``."""
    if not any(isinstance(o, Extreme) and o.kind.tokens is not None for o in findings.orderings):
        return
    for select, outputs in findings.selects:
        _keep_names_of(select, outputs)


def _keep_names_of(select: exp.Select, outputs: Outputs) -> None:
    for output in outputs.columns:
        if output.target is None:
            continue
        target = select.expressions[output.target]
        if isinstance(target, exp.Alias) or output_label(target) == output.name:
            continue
        alias = exp.Alias(this=target.copy(), alias=exp.to_identifier(output.name, quoted=True))
        select.set("expressions", alias, output.target)
