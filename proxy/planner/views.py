"""Views for one role: their definitions rewritten like queries, once for each catalog and policy version.

Owns: the expansion of a view and the relations under it. Must not know: the statement that names the view, the wire.
Invariant: a view over anything that the role may not read, or that cannot be rewritten, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot
from proxy.errors import CatalogError, PolicyRefusal, UnsupportedRefusal
from proxy.planner import function_rules, grammar
from proxy.planner.lineage import Lineage
from proxy.planner.outputs import Columns, Item, OutputColumn, Protected
from proxy.planner.plan import Origin
from proxy.planner.references import RelationReference, collect, inner
from proxy.planner.rewriting import rewrite_query
from proxy.planner.sources import Resolver, Source, Treatment
from proxy.planner.tokens.reach import TokenReach
from proxy.planner.tokens.variables import Held
from proxy.policy.bound import BoundRole
from proxy.policy.masks import Clear, Deny, Hidden, Token
from proxy.tokens.types import TokenFormat, Vocabulary


@dataclass(frozen=True, slots=True)
class ViewExpansion:
    """A view as one role sees it. ``text`` is the rewritten definition, None where everything under it is clear.

    ``tokens`` says which of its columns are tokens; empty where none is. ``calls``: the functions of the role's own
    list that it may call.
    """

    text: str | None
    scans: frozenset[str]
    relations: tuple[str, ...]
    columns: Columns | None
    tokens: tuple[Held | None, ...] = ()
    calls: frozenset[tuple[str, str]] = frozenset()


@dataclass(slots=True)
class Views:
    """The views of one catalog for one role, expanded when first named."""

    snapshot: Snapshot
    role: BoundRole
    vocabulary: Vocabulary | None = None
    _done: dict[int, ViewExpansion] = field(default_factory=dict)

    def resolver(self, search_path: tuple[str, ...]) -> Resolver:
        """Name resolution for a statement; definitions are resolved with an empty path."""
        return Resolver(self.snapshot, self.role, search_path, self.is_clear)

    def is_clear(self, view: Relation) -> bool:
        """Whether all that the view reads is clear for the role (raises a refusal where it is out of reach)."""
        return self.expand(view).text is None

    def text(self, view: Relation) -> str:
        """The rewritten definition."""
        text = self.expand(view).text
        if text is None:
            raise CatalogError(f"the view {view.qualified_name} needs no expansion")
        return text

    def text_without_tokens(self, view: Relation) -> str:
        """The same, for statements without an edge: raises UnsupportedRefusal where a column of the view is a token."""
        if any(self.expand(view).tokens):
            raise UnsupportedRefusal(
                f"{view.qualified_name} holds tokens, which a statement that writes cannot read", reason="token"
            )
        return self.text(view)

    def tokens_of(self, view: Relation) -> tuple[Held | None, ...] | None:
        """See ``ViewTokens``."""
        return self.expand(view).tokens or None

    @property
    def tokens(self) -> TokenReach:
        """The token columns of the role's relations."""
        return TokenReach(self.snapshot, self, self.vocabulary)

    def expand(self, view: Relation) -> ViewExpansion:
        """The expansion of one view."""
        done = self._done.get(view.oid)
        if done is None:
            done = self._expand(view)
            self._done[view.oid] = done
        return done

    def item(self, source: Source) -> Item:
        """The FROM item that ``source`` is, for the lineage."""
        if source.treatment is Treatment.SYSTEM:
            return Item(None, None, source.schema)
        relation, access = source.of_user()
        if relation.kind is RelationKind.VIEW:
            return self._view_item(source, relation)
        shown: list[OutputColumn] = []
        denied: list[Protected] = []
        for decision in access.columns:
            protected = Protected(relation.qualified_name, decision)
            if isinstance(decision.mask, Deny):
                denied.append(protected)
            elif not isinstance(decision.mask, Hidden):
                masked = not isinstance(decision.mask, Clear)
                origin = Origin(relation.oid, decision.column.number) if masked else None
                noted = protected if masked or decision.kind != "clear" else None
                uses = frozenset({noted}) if noted is not None else frozenset[Protected]()
                kind = decision.column.type
                type_name = kind.sql if kind.typmod == -1 else ""
                if isinstance(decision.mask, Token) and decision.mask.format is TokenFormat.TEXT:
                    type_name = "text"
                shown.append(OutputColumn(decision.column.name, origin, noted, uses, type_name))
        whole = source.treatment is Treatment.MASK and len(shown) == len(relation.columns)
        row = Origin(relation.oid, 0, relation.row_type_oid) if whole else None
        return Item(None, tuple(shown), source.schema, tuple(denied), row)

    def _view_item(self, source: Source, view: Relation) -> Item:
        inside = self.expand(view).columns
        if inside is None or len(inside) != len(view.columns):
            return Item(None, None, source.schema)
        expanded = source.treatment is Treatment.EXPAND
        columns = tuple(
            replace(shown, name=column.name, origin=Origin(view.oid, column.number) if expanded else None)
            for shown, column in zip(inside, view.columns, strict=True)
        )
        row = Origin(view.oid, 0, view.row_type_oid) if expanded else None
        return Item(None, columns, source.schema, row=row)

    def _expand(self, view: Relation) -> ViewExpansion:
        if view.definition is None:
            raise UnsupportedRefusal(f"the definition of {view.qualified_name} is not known", reason="view")
        resolver = self.resolver(())
        original = grammar.parse(view.definition)
        select = inner(original.stmts[0].stmt)
        references = collect(select)
        if any(function == "set_config" for function, _, _ in references.setting_calls):
            raise UnsupportedRefusal(f"{view.qualified_name} changes settings, which no view may", reason="setting")
        function_rules.check(references, self.snapshot, self.role, ())
        sources = [self._source(view, resolver, r) for r in references.reads]
        lineage = Lineage(lambda r: self.item(resolver.resolve(r)))
        columns = lineage.run(select)
        function_rules.check_attributes(references, lineage.resolved, self.snapshot, self.role)
        relations = tuple(sorted({view.qualified_name, *self.names_under(sources)}))
        used = [s.relation for s in sources if s.relation is not None]
        function_rules.check_columns(references, used, self.snapshot, self.role)
        calls = function_rules.listed_calls(references, used, self.snapshot, self.role, ())
        calls |= self.calls_under(sources)
        if not any(s.needs_rewrite for s in sources):
            return ViewExpansion(None, frozenset(), relations, columns, calls=calls)
        check = partial(self.tokens.check, sources=sources, resolve=resolver.resolve)
        text, scans, typed = rewrite_query(
            original, view.definition, references.reads, resolver.resolve, self.text, check
        )
        below = frozenset(scan for s in sources for scan in self.scans_of(s))
        tokens = typed.outputs if any(typed.outputs) else ()
        return ViewExpansion(text, scans | below, relations, columns, tokens, calls)

    def _source(self, view: Relation, resolver: Resolver, reference: RelationReference) -> Source:
        try:
            return resolver.resolve(reference)
        except PolicyRefusal as refusal:
            raise PolicyRefusal(
                f"permission denied for {view.qualified_name}",
                reason=refusal.reason,
                detail=f"The view reads {reference}: {refusal.detail or refusal.message}",
                hint=refusal.hint,
            ) from refusal

    def scans_of(self, source: Source) -> frozenset[str]:
        """The masking subqueries inside an expanded view."""
        if source.treatment is Treatment.EXPAND and source.relation is not None:
            return self.expand(source.relation).scans
        return frozenset()

    def calls_under(self, sources: list[Source]) -> frozenset[tuple[str, str]]:
        """The functions of the role's own list that the views among the sources may call."""
        views = [s.relation for s in sources if s.relation is not None and s.relation.kind is RelationKind.VIEW]
        return frozenset(call for view in views for call in self.expand(view).calls)

    def names_under(self, sources: list[Source]) -> set[str]:
        """Qualified names of the relations and of all that is under the views among them."""
        names: set[str] = set()
        for source in sources:
            if source.relation is not None and source.relation.kind is RelationKind.VIEW:
                names.update(self.expand(source.relation).relations)
            elif source.relation is not None:
                names.add(source.relation.qualified_name)
        return names
