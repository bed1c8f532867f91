"""Which relations of a statement hold tokens for the role, and so whether it has to be checked at all.

Owns: the token columns of resolved relations. Must not know: the check itself, keys. Invariant: a statement that cannot
name a token column is left alone; one that can is checked, or refused where there are no keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from sqlglot import exp

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot
from proxy.errors import UnsupportedRefusal
from proxy.planner.plan import TokenCells
from proxy.planner.pruning import needed_names
from proxy.planner.references import RelationReference
from proxy.planner.sources import Source
from proxy.planner.tokens.arguments import with_stored_arguments
from proxy.planner.tokens.check import Typed, check_tokens
from proxy.planner.tokens.refusals import no_keys
from proxy.planner.tokens.sources import RelationColumns
from proxy.planner.tokens.variables import Held
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
        needed = needed_names(tree)
        found = [held for source in sources for held in self._reached(source, needed)]
        if not found:
            return Typed()
        if self.vocabulary is None:
            raise no_keys(found[0].column)

        def relations(reference: RelationReference) -> tuple[str, RelationColumns | None]:
            source = resolve(reference)
            return source.schema, self.columns(source)

        return check_tokens(tree, original, relations, self._is_user_function, self.vocabulary)

    def with_stored_arguments(self, execute: str, parameters: tuple[TokenCells | None, ...]) -> str:
        """See ``arguments``. Raises UnsupportedRefusal with reason ``token``."""
        if self.vocabulary is None:
            raise no_keys("an argument of EXECUTE")
        return with_stored_arguments(execute, parameters, self._is_user_function, self.vocabulary)

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

    def _reached(self, source: Source, needed: frozenset[str] | None) -> Iterator[Held]:
        """The token columns that the statement's tree may name: a table's masking subquery has only the needed ones.

        A view's text has them all, and ``view.row_to_json`` names none of them.
        """
        relation = source.relation
        is_view = relation is not None and relation.kind is RelationKind.VIEW
        for name, held in self.columns(source) or ():
            if held is not None and (is_view or needed is None or name in needed):
                yield held

    def _is_user_function(self, name: str) -> bool:
        return any(function == name for _, function in self.snapshot.functions)


def _held(relation: Relation, decision: ColumnDecision) -> Held | None:
    mask = decision.mask
    if not isinstance(mask, Token):
        return None
    stored = stored_type(decision.column.type)
    name = f"{relation.qualified_name}.{decision.column.name}"
    if stored is None:  # pragma: no cover - binding the policy hides a column that its mask does not fit
        raise UnsupportedRefusal(f"{name} is of a type that has no tokens", reason="token")
    if mask.format is TokenFormat.TEXT:
        stored = StoredType.TEXT
    return Held(TokenCells(TokenType(mask.domain, mask.format, stored)), name)
