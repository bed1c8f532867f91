"""Which relations of a statement hold tokens for the role, and so whether it has to be checked at all.

Owns: the token columns of resolved relations. Must not know: the check itself, keys. Invariant: a statement that cannot
name a token column is left alone; one that can is checked, or refused where there are no keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlglot import exp

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot
from proxy.errors import UnsupportedRefusal
from proxy.planner.pruning import needed_names
from proxy.planner.references import RelationReference
from proxy.planner.sources import Source
from proxy.planner.tokens.check import Typed, check_tokens
from proxy.planner.tokens.refusals import no_keys
from proxy.planner.tokens.sources import RelationColumns
from proxy.planner.tokens.variables import Held, Tokens
from proxy.policy.bound import ColumnDecision
from proxy.policy.fit import stored_type
from proxy.policy.masks import Deny, Hidden, Token
from proxy.tokens.types import StoredType, TokenFormat, TokenType, Vocabulary


class ViewTokens(Protocol):
    """Who knows the views of the role."""

    def tokens_of(self, view: Relation) -> tuple[Held | None, ...] | None:
        """The tokens of each column of a view; None where they are not known, and none is one."""


@dataclass(frozen=True, slots=True)
class TokenReach:
    """The token columns of one role's relations. ``vocabulary`` is None where there is no keyring."""

    snapshot: Snapshot
    views: ViewTokens
    vocabulary: Vocabulary | None

    def check(
        self, tree: exp.Expr, original: Any, sources: list[Source], resolve: Callable[[RelationReference], Source]
    ) -> Typed:
        """What the type check of ``tree`` found, where one of its ``sources`` has token columns that it may name.

        Raises UnsupportedRefusal with reason ``token``.
        """
        found = [t for s in sources for _, t in self.columns(s) or () if t is not None]
        if not found:
            return Typed()
        needed = needed_names(tree)
        if needed is not None:
            named = (t for s in sources for name, t in self.columns(s) or () if t is not None and name in needed)
            if next(named, None) is None:
                return Typed()
        if self.vocabulary is None:
            raise no_keys(found[0].tokens.column)

        def relations(reference: RelationReference) -> tuple[str, RelationColumns | None]:
            source = resolve(reference)
            return source.schema, self.columns(source)

        return check_tokens(tree, original, relations, self._is_user_function, self.vocabulary)

    def columns(self, source: Source) -> RelationColumns | None:
        """The columns of a relation as the role sees them; None where they are not known (system catalogs)."""
        relation, access = source.relation, source.access
        if relation is None or access is None:
            return None
        if relation.kind is RelationKind.VIEW:
            tokens = self.views.tokens_of(relation)
            if tokens is None or len(tokens) != len(relation.columns):
                return tuple((column.name, None) for column in relation.columns)
            return tuple((column.name, t) for column, t in zip(relation.columns, tokens, strict=True))
        return tuple(
            (decision.column.name, _held(relation, decision))
            for decision in access.columns
            if not isinstance(decision.mask, Deny | Hidden)
        )

    def _is_user_function(self, name: str) -> bool:
        return any(function == name for _, function in self.snapshot.functions)


def _held(relation: Relation, decision: ColumnDecision) -> Held | None:
    mask = decision.mask
    if not isinstance(mask, Token):
        return None
    stored = stored_type(decision.column.type)
    name = f"{relation.qualified_name}.{decision.column.name}"
    if stored is None:
        raise UnsupportedRefusal(f"{name} is of a type that has no tokens", reason="token")
    if mask.format is TokenFormat.TEXT:
        stored = StoredType.TEXT
    return Held(Tokens(TokenType(mask.domain, mask.format, stored), name))
