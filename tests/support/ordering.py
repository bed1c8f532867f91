"""What ORDER BY determines of an answer, also where it leaves ties.

Owns: finding the output columns that a query is sorted by. Must not know: servers, masks.
Invariant: a sort key that is not certainly an output column ends the list, so that nothing undetermined is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.planner import grammar
from proxy.planner.fidelity import first_difference
from proxy.planner.naming import output_name
from proxy.planner.references import inner, names_of
from tests.support.answers import Answer


def sorted_by(text: str) -> tuple[int, ...]:
    """The 0-based positions of the output columns that the rows of ``text`` are sorted by, most significant first."""
    select = inner(grammar.parse(text).stmts[0].stmt)
    if select.DESCRIPTOR.name != "SelectStmt":
        return ()
    first = select
    while first.HasField("larg"):
        first = first.larg
    targets = [node.res_target for node in first.target_list]
    positions: list[int] = []
    for sort in select.sort_clause:
        position = _position(sort.sort_by.node, targets)
        if position is None or any(_is_star(t.val) for t in targets[: position + 1]):
            break
        positions.append(position)
    return tuple(positions)


def order_differences(text: str, expected: Answer, actual: Answer) -> Iterator[str]:
    """One line where the rows' sort keys are not the same, place by place."""
    keys = sorted_by(text)
    for place, (wanted, got) in enumerate(zip(expected.rows, actual.rows, strict=False), 1):
        if [wanted[k] for k in keys] != [got[k] for k in keys]:
            yield f"row {place} is sorted by other values: expected {wanted}, got {got}"
            return


def _position(key: Any, targets: list[Any]) -> int | None:
    node = inner(key)
    if node.DESCRIPTOR.name == "A_Const":
        return int(node.ival.ival) - 1 if node.HasField("ival") else None
    if node.DESCRIPTOR.name == "ColumnRef" and len(node.fields) == 1:
        name = names_of(node.fields)[0]
        named = [i for i, t in enumerate(targets) if (t.name or output_name(t.val)) == name]
        if named:
            return named[0]
    return next((i for i, t in enumerate(targets) if first_difference(t.val, key) is None), None)


def _is_star(value: Any) -> bool:
    node = inner(value)
    return bool(node.DESCRIPTOR.name == "ColumnRef" and node.fields[-1].HasField("a_star"))
