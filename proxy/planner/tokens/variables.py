"""The types of expressions, inferred by unification.

Owns: what an expression can be (ordinary, a token, an array of either) and what happens when two of them meet.
Must not know: trees, scopes, SQL. Invariant: a variable that was bound never becomes anything else; where two bounds do
not agree the statement is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

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


Bound: TypeAlias = Ordinary | Tokens | Elements


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
        while isinstance(bound, Elements):
            bound = bound.of.bound
        return bound if isinstance(bound, Tokens) else None

    def be_ordinary(self, use: Use) -> None:
        """What ``use`` does is done to ordinary values only (raises UnsupportedRefusal where it is a token)."""
        unify(self, ordinary(), use)


@dataclass(frozen=True, slots=True)
class Held:
    """What a column of a relation holds, where that is no ordinary value."""

    tokens: Tokens
    array: bool = False

    def variable(self) -> Variable:
        """As the type of an expression."""
        return Variable(Elements(Variable(self.tokens))) if self.array else Variable(self.tokens)


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
    if left is not right:
        right.same = left


def _holds(array: Variable, element: Variable) -> bool:
    bound = array.bound
    while isinstance(bound, Elements):
        inside = bound.of.root()
        if inside is element:
            return True
        bound = inside.known
    return False


def _meet(one: Bound, other: Bound, use: Use) -> Bound:
    match one, other:
        case Ordinary(), Ordinary():
            return one
        case Tokens(), Tokens():
            if one.type != other.type:
                raise unlike(one.column, one.type, other.column, other.type, use)
            return one
        case Elements(), Elements():
            unify(one.of, other.of, use)
            return one
        case Elements(), Ordinary():
            one.of.be_ordinary(use)
            return one
        case Ordinary(), Elements():
            other.of.be_ordinary(use)
            return other
        case _:
            found = Variable(one).innermost or Variable(other).innermost
            if found is None:
                raise misused(None, use)
            values = isinstance(one, Ordinary) or isinstance(other, Ordinary)
            raise (
                mixed(found.column, found.type, use) if values and use.meets else misused(found.column, use, found.type)
            )
