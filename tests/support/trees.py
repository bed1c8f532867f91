"""Postgres' parse trees, as tests look at them.

Owns: the walk over all nodes. Must not know: sqlglot, plans.
Invariant: it does not recurse, so that no tree is too deep.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.planner.references import child_messages


def nodes(message: Any) -> Iterator[Any]:
    """Every message of a parse tree, outermost first, ``Node`` wrappers left out."""
    stack = [message]
    while stack:
        current = stack.pop()
        if current.DESCRIPTOR.name != "Node":
            yield current
        stack.extend(reversed(list(child_messages(current))))
