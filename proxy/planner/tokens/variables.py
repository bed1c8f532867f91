"""The types of expressions, inferred by unification.

Owns: what an expression can be (ordinary, a token; an array, a row, JSON or text of either), and what happens when two
of them meet.
Must not know: trees, scopes, SQL. Invariant: a variable that was bound never becomes anything else; where two bounds do
not agree the statement is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from proxy.planner.plan import Shape, TokenArray, TokenCells, TokenJson, TokenRow, TokenText
from proxy.planner.tokens.refusals import Use, misused, mixed, unlike
from proxy.tokens.types import TokenType


@dataclass(frozen=True, slots=True)
class Ordinary:
    """A value that the client may see as it is."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A stored value that leaves as a token; ``column`` (``schema.table.column``) is where it came from first."""

    type: TokenType
    column: str


@dataclass(frozen=True, slots=True)
class Elements:
    """An array whose elements are ``of``."""

    of: Variable


@dataclass(frozen=True, slots=True)
class Record:
    """A row of these fields, in order; names may come twice."""

    fields: tuple[tuple[str, Variable], ...]


@dataclass(frozen=True, slots=True)
class Json:
    """The JSON of ``of``."""

    of: Variable


@dataclass(frozen=True, slots=True)
class Printed:
    """The text that ``of`` is printed as."""

    of: Variable


Container: TypeAlias = Elements | Record | Json | Printed
Bound: TypeAlias = Ordinary | Tokens | Container


@dataclass(slots=True, eq=False)
class Variable:
    """The type of one expression. Variables that have met are one; an unbound one is that of constants alone.

    ``known`` and ``same`` are for this file: what it is, and the variable that stands for it since they met.
    """

    known: Bound | None = None
    same: Variable | None = field(default=None, repr=False)

    def root(self) -> Variable:
        """The variable that stands for all that have met this one."""
        at = self
        while at.same is not None:
            at = at.same
        if at is not self:
            self.same = at
        return at

    @property
    def bound(self) -> Bound | None:
        """What it is, None while nothing is known."""
        return self.root().known

    @property
    def tokens(self) -> Tokens | None:
        """The tokens that it is, None where it is none (or an array)."""
        bound = self.bound
        return bound if isinstance(bound, Tokens) else None

    @property
    def innermost(self) -> Tokens | None:
        """The tokens that it is or holds, at any depth."""
        bound = self.bound
        if bound is None or isinstance(bound, Ordinary | Tokens):
            return bound if isinstance(bound, Tokens) else None
        return next((tokens for part in parts(bound) if (tokens := part.innermost) is not None), None)

    @property
    def certainly_ordinary(self) -> bool:
        """Whether it is bound to be ordinary, with all that it holds."""
        bound = self.bound
        if bound is None or isinstance(bound, Ordinary | Tokens):
            return isinstance(bound, Ordinary)
        return all(part.certainly_ordinary for part in parts(bound))

    def be_ordinary(self, use: Use) -> None:
        """What ``use`` does is done to ordinary values only (raises UnsupportedRefusal where it is a token)."""
        unify(self, ordinary(), use)


@dataclass(frozen=True, slots=True)
class Held:
    """What a column of a relation holds, where that is no ordinary value; ``column`` is where its tokens came from."""

    shape: Shape
    column: str

    def variable(self) -> Variable:
        """As the type of an expression."""
        return self._variable(self.shape)

    def _variable(self, shape: Shape | None) -> Variable:
        match shape:
            case None:
                return ordinary()
            case TokenCells(array=False):
                return Variable(Tokens(shape.type, self.column))
            case TokenCells():
                return Variable(Elements(Variable(Tokens(shape.type, self.column))))
            case TokenRow():
                return Variable(Record(tuple((name, self._variable(of)) for name, of in shape.fields)))
            case TokenArray():
                return Variable(Elements(self._variable(shape.of)))
            case TokenJson():
                return Variable(Json(self._variable(shape.of)))
            case TokenText():  # pragma: no branch - mypy proves the match exhaustive
                return Variable(Printed(self._variable(shape.of)))


def parts(container: Container) -> tuple[Variable, ...]:
    """The types of what it holds."""
    return tuple(kind for _, kind in container.fields) if isinstance(container, Record) else (container.of,)


def ordinary() -> Variable:
    """A new ordinary type."""
    return Variable(Ordinary())


def unify(one: Variable, other: Variable, use: Use) -> None:
    """Both are the same from here on (raises UnsupportedRefusal where they cannot be)."""
    left, right = one.root(), other.root()
    if left is right:
        return
    if _holds(left, right) or _holds(right, left):  # an array that is one of its own elements
        raise misused(None, use)
    known = _meet(left.known, right.known, use) if left.known and right.known else left.known or right.known
    left, right = left.root(), right.root()
    left.known = known
    if left is not right:  # pragma: no branch - neither holds the other, so that no parts of them make them one
        right.same = left


def _holds(container: Variable, part: Variable) -> bool:
    bound = container.bound
    if bound is None or isinstance(bound, Ordinary | Tokens):
        return False
    return any(inside.root() is part or _holds(inside, part) for inside in parts(bound))


def _all_ordinary(container: Container, use: Use) -> Bound:
    for part in parts(container):
        part.be_ordinary(use)
    return container


def _alike(one: Container, other: Container) -> bool:
    """Whether two values that meet hold the same in the same places, and under the same names: JSON goes by them."""
    if isinstance(one, Record) and isinstance(other, Record):
        return [name for name, _ in one.fields] == [name for name, _ in other.fields]
    return type(one) is type(other)


def _meet(one: Bound, other: Bound, use: Use) -> Bound:
    match one, other:
        case Ordinary(), Ordinary():
            return one
        case Tokens(), Tokens():
            if one.type != other.type:
                raise unlike(one.column, one.type, other.column, other.type, use)
            return one
        case Ordinary(), Elements() | Record() | Json() | Printed():
            return _all_ordinary(other, use)
        case Elements() | Record() | Json() | Printed(), Ordinary():
            return _all_ordinary(one, use)
        case Elements() | Record() | Json() | Printed(), Elements() | Record() | Json() | Printed():
            if not _alike(one, other):
                _all_ordinary(other, use)
                return _all_ordinary(one, use)
            for left, right in zip(parts(one), parts(other), strict=True):
                unify(left, right, use)
            return one
        case _:
            found = Variable(one).innermost or Variable(other).innermost
            if found is None:  # pragma: no cover - what is left are tokens and something else
                raise misused(None, use)
            values = isinstance(one, Ordinary) or isinstance(other, Ordinary)
            raise (
                mixed(found.column, found.type, use) if values and use.meets else misused(found.column, use, found.type)
            )
