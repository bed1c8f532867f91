"""What the type check notes on its way through a statement, to be judged and carried out once every type is known.

Owns: the notes. Must not know: how they are made, SQL text, keys. Invariant: nodes are noted in tree order, what is
inside a query before what is around it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlglot import exp

from proxy.planner.dialect import Call
from proxy.planner.tokens.refusals import Use
from proxy.planner.tokens.scopes import Named
from proxy.planner.tokens.variables import Variable


@dataclass(frozen=True, slots=True)
class Output:
    """One output column of a query.

    ``target`` is its number in the select list; ``column`` the expression that a star stands for there.
    Both are None behind a set operation. ``named`` is the column that it shows as it is.
    """

    name: str
    kind: Variable
    target: int | None = None
    column: exp.Expr | None = None
    named: Named | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """The output columns of a query. ``open``: some are not known; then none holds tokens."""

    columns: tuple[Output, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class SortKey:
    """One element of ORDER BY or DISTINCT ON: the node that holds the expression, and the output that it names."""

    holder: exp.Expr
    kind: Variable
    output: int | None


@dataclass(frozen=True, slots=True)
class SortedQuery:
    """A query with ORDER BY; ``on`` are the expressions of DISTINCT ON."""

    query: exp.Expr
    outputs: Outputs
    keys: tuple[SortKey, ...]
    on: tuple[SortKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Operand:
    """An expression that is compared or sorted by order."""

    node: exp.Expr
    kind: Variable


@dataclass(frozen=True, slots=True)
class Extreme:
    """A call of min or max."""

    call: Call
    kind: Variable


@dataclass(slots=True)
class Findings:
    """The notes on one statement.

    ``literals`` and ``parameters`` may turn out to be tokens; ``parameters`` are by number. ``casts`` are types that
    fit some tokens only, ``forbidden`` what no token may meet. ``orderings`` are all places where the order of values
    matters, what is inside one of them before it. ``selects`` have the names that unnamed outputs must keep. ``names``
    are all columns in scope anywhere, ``unresolved`` the names that were none of them; ``references`` and ``mentions``
    count the columns and parameters that got a type, ``relations`` those that became a FROM item (catalog, schema and
    name as written); ``resolved`` tells which column a node is.
    """

    literals: list[tuple[exp.Literal, Variable]] = field(default_factory=list)
    parameters: dict[int, Variable] = field(default_factory=dict)
    casts: list[tuple[Variable, str, Use]] = field(default_factory=list)
    forbidden: list[tuple[Variable, Use]] = field(default_factory=list)
    orderings: list[Operand | Extreme | SortedQuery] = field(default_factory=list)
    selects: list[tuple[exp.Select, Outputs]] = field(default_factory=list)
    names: list[Named] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    references: Counter[tuple[str, ...]] = field(default_factory=Counter)
    mentions: Counter[int] = field(default_factory=Counter)
    relations: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    resolved: dict[int, Named] = field(default_factory=dict)
