"""Text in, plan out: the planner of one role on one catalog and policy version.

Owns: the order judge → resolve → rewrite → verify, and the cache of plans. Must not know: sockets, the wire, files.
Invariant: a plan is a pure function of the text, the search path and what the planner was made from.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any, Final, Protocol

from proxy.catalog.snapshot import Relation, RelationKind
from proxy.errors import PolicyRefusal, Refusal, StatementSyntaxError, UnsupportedRefusal
from proxy.planner import function_rules, grammar
from proxy.planner.cache import Parts, PlanCache
from proxy.planner.constants import cut, is_single_statement
from proxy.planner.containment import assert_contained
from proxy.planner.copy_format import copy_format
from proxy.planner.frames import copy_as_query, only_query, with_query
from proxy.planner.judge import Body, Judgement, judge
from proxy.planner.lineage import Lineage
from proxy.planner.outputs import Columns, Protected
from proxy.planner.plan import CopyFormat, Decision, Effects, Plan, ShownColumn, StatementKind, TokenCells
from proxy.planner.references import Change, inner
from proxy.planner.rewriting import rewrite_query
from proxy.planner.sources import Resolver, Source, Treatment
from proxy.planner.tokens.arguments import check_declared
from proxy.planner.tokens.check import Typed
from proxy.planner.tokens.literals import stored_constant
from proxy.planner.views import Views
from proxy.planner.write_effects import check_write
from proxy.planner.writes import mask_write
from proxy.policy.bound import BoundPolicy, BoundRole
from proxy.tokens.types import Vocabulary

_HOLDS_PLAN: Final = frozenset({StatementKind.DECLARE, StatementKind.PREPARE})
MAX_STATEMENT_CHARACTERS: Final = 100_000  # about two seconds of planning, during which no session is served


class PlanningMeter(Protocol):
    """Who counts plans and their seconds."""

    def plan_cache_hit(self) -> None:
        """A plan was in the cache."""

    def plan_cache_miss(self) -> None:
        """A plan had to be made."""

    def planned(self, seconds: float) -> None:
        """How long that took."""


class Planner:
    """Plans statements for one role (implements ``session.ports.Planning``)."""

    def __init__(
        self,
        policy: BoundPolicy,
        role: BoundRole,
        *,
        vocabulary: Vocabulary | None = None,
        meter: PlanningMeter | None = None,
        cache_size: int = 5_000,
    ) -> None:
        self.policy = policy
        self.role = role
        self.snapshot = policy.snapshot
        self._views = Views(policy.snapshot, role, vocabulary)
        self._cache = PlanCache(cache_size, partial(stored_constant, vocabulary) if vocabulary is not None else None)
        self._meter = meter
        self._last: tuple[str, Parts | None] = ("", None)

    @property
    def generation(self) -> object:
        """The planner itself: another catalog or policy version has another planner."""
        return self

    @property
    def restricted(self) -> bool:
        """Whether some column or relation is not clear to the role."""
        return self.role.restricted

    def split(self, text: str) -> tuple[str, ...]:
        """The statements of a simple Query message (raises StatementSyntaxError)."""
        stripped = text.strip(" \t\r\n;")
        parts = cut(stripped)
        self._last = (stripped, parts)
        if parts is not None and is_single_statement(stripped, parts[0]):
            return (stripped,)
        return grammar.split(text)

    def plan(self, text: str, search_path: tuple[str, ...]) -> Plan:
        """The plan for one statement (raises Refusal; the same refusal again for the same text)."""
        known = self._cache.decisions.get((text, search_path))
        if known is None:
            # ``split`` has just cut the text that a simple Query consists of.
            parts = self._last[1] if text is self._last[0] else cut(text)
            known = self._cache.from_template(text, parts, search_path) if parts is not None else None
            if known is None:
                known = self._miss(text, parts, search_path)
            elif self._meter is not None:
                self._meter.plan_cache_hit()
        elif self._meter is not None:
            self._meter.plan_cache_hit()
        if isinstance(known, Plan):
            return known
        raise known.with_traceback(None)

    def with_arguments(self, plan: Plan, parameters: tuple[TokenCells | None, ...]) -> Plan:
        """See ``session.ports.Planning``."""
        text = self._views.tokens.with_stored_arguments(plan.text, parameters)
        return replace(plan, text=text, decision=Decision.REWRITTEN, arguments=parameters)

    def check_parameters(self, type_oids: tuple[int, ...]) -> None:
        """Refuse parameters whose types would run functions that the role may not use (PolicyRefusal)."""
        function_rules.check_parameters(type_oids, self.snapshot, self.role)

    def is_protected(self, table_oid: int, attribute_number: int) -> bool:
        """Whether RowDescription may not name this column (design: the check before the first row)."""
        relation = self.snapshot.by_oid.get(table_oid)
        if relation is not None and relation.kind is RelationKind.VIEW:
            return not self._is_clear_view(relation)
        if relation is not None and attribute_number == 0:  # a whole row
            return not self.role.access(relation).clear
        return self.role.is_protected(table_oid, attribute_number)

    def _is_clear_view(self, view: Relation) -> bool:
        try:
            return self.role.access(view).readable and self._views.is_clear(view)
        except Refusal:
            return False

    def _miss(self, text: str, parts: Parts | None, search_path: tuple[str, ...]) -> Plan | Refusal:
        started = perf_counter()
        decided = self._decide(text, search_path)
        self._cache.put(text, search_path, decided)
        if isinstance(decided, Plan) and parts is not None:
            with contextlib.suppress(Refusal, RecursionError):  # without a template such texts are planned one by one
                self._cache.learn(text, parts, search_path, decided, lambda t: self.explain(t, search_path)[0])
        if self._meter is not None:
            self._meter.plan_cache_miss()
            self._meter.planned(perf_counter() - started)
        return decided

    def _decide(self, text: str, search_path: tuple[str, ...]) -> Plan | Refusal:
        try:
            return self.explain(text, search_path)[0]
        except Refusal as refusal:
            return refusal
        except RecursionError:
            return UnsupportedRefusal(
                "the statement is nested too deeply", reason="complexity", hint="Split it into several statements."
            )

    def explain(self, text: str, search_path: tuple[str, ...]) -> tuple[Plan, Columns | None]:
        """The plan and the lineage of its output columns (None where not known), past the cache. Raises Refusal."""
        tree = grammar.parse(text)
        if len(tree.stmts) != 1:
            raise StatementSyntaxError("cannot insert multiple commands into a prepared statement", reason="syntax")
        resolver = self._views.resolver(search_path)
        judgement = judge(inner(tree.stmts[0].stmt))
        if judgement.kind is StatementKind.COPY_OUT and judgement.query is None:
            table = resolver.resolve(judgement.references.reads[0])
            if table.needs_rewrite:
                tree = copy_as_query(tree, table)
                judgement = judge(inner(tree.stmts[0].stmt))
        references = judgement.references
        function_rules.check(references, self.snapshot, self.role, search_path)
        sources = [resolver.resolve(r) for r in references.reads]
        targets = [self._target(resolver.resolve(w.relation), w.change) for w in references.writes]
        effects = self._effects(judgement, [*sources, *targets], search_path)
        relations = tuple(sorted(self._views.names_under([*sources, *targets])))
        lineage = Lineage(lambda r: self._views.item(resolver.resolve(r)))
        query = judgement.query
        is_select = query is not None and query.DESCRIPTOR.name == "SelectStmt"
        outputs = lineage.run(query) if is_select and judgement.body is not Body.FIXED else None
        function_rules.check_attributes(references, lineage.resolved, self.snapshot, self.role)
        rewritten = judgement.kind is not StatementKind.LOCK and any(s.needs_rewrite for s in sources)
        sent, typed = self._rewritten(text, tree, judgement, sources, resolver) if rewritten else (text, Typed())
        plan = Plan(
            text=sent,
            decision=Decision.REWRITTEN if rewritten else Decision.PASSED,
            kind=judgement.kind,
            fingerprint=grammar.fingerprint(text),
            relations=relations,
            columns=_shown(outputs, lineage.uses),
            origins=_origins(outputs) if rewritten else (),
            tokens=typed.cells,
            token_parameters=typed.parameters,
            token_literals=typed.literals,
            copy_format=_copy_format(tree, judgement, outputs) if any(typed.cells) else None,
            effects=effects,
            touches_protected=bool(lineage.uses or targets or judgement.portal or judgement.prepared) or rewritten,
            policy_version=self.policy.version,
            portal=judgement.portal,
            prepared=judgement.prepared,
            any_path=judgement.kind is StatementKind.SELECT
            and function_rules.same_under_every_path(references, self.snapshot),
        )
        return (_with_inner(plan, judgement) if judgement.kind in _HOLDS_PLAN else plan), outputs

    def _effects(self, judgement: Judgement, used: list[Source], search_path: tuple[str, ...]) -> Effects:
        """What running it does to the session. Refuses EXPLAIN of listed functions, and what columns' types would call.

        A volatile function may set the search path, or make temporary tables, which are found before all others.
        """
        relations = [source.relation for source in used if source.relation is not None]
        function_rules.check_columns(judgement.references, relations, self.snapshot, self.role)
        calls = function_rules.listed_calls(judgement.references, relations, self.snapshot, self.role, search_path)
        calls |= self._views.calls_under(used)
        if judgement.kind is StatementKind.EXPLAIN and self.role.restricted and calls:
            raise UnsupportedRefusal(
                "EXPLAIN is not supported for functions of the database's own",
                reason="statement",
                detail="A plan may show what is inside: "
                f"{', '.join(sorted(f'{schema}.{name}' for schema, name in calls))}.",
                hint="Leave them out.",
            )
        volatile = {call for call in self.snapshot.volatile if f"{call[0]}.{call[1]}" in self.role.functions}
        unseen = judgement.portal is not None or judgement.prepared is not None
        changes = bool(volatile) and (unseen or not volatile.isdisjoint(calls))
        return replace(judgement.effects, search_path=True) if changes else judgement.effects

    def _rewritten(
        self, text: str, tree: Any, judgement: Judgement, sources: list[Source], resolver: Resolver
    ) -> tuple[str, Typed]:
        masked = ", ".join(sorted({f"{s.schema}.{s.name}" for s in sources if s.needs_rewrite}))
        if judgement.body is Body.FIXED:
            raise UnsupportedRefusal(
                f"{judgement.what} is not supported on relations with masked columns",
                reason="statement",
                detail=f"Masked for the role {self.role.name}: {masked}. Plans have estimates from statistics of what "
                "is stored, and show the masks.",
                hint="Run the statement itself, or ask someone for the plan whose role sees these columns clear.",
            )
        if judgement.references.locks_rows:
            raise UnsupportedRefusal(
                "row locking is not supported on relations with masked columns",
                reason="locking",
                detail=f"Masked for the role {self.role.name}: {masked}.",
                hint="Leave FOR UPDATE or FOR SHARE out.",
            )
        if len(text) > MAX_STATEMENT_CHARACTERS:
            raise UnsupportedRefusal(
                f"a statement on masked relations may have {MAX_STATEMENT_CHARACTERS} characters", reason="complexity"
            )
        check = partial(self._views.tokens.check, sources=sources, resolve=resolver.resolve)
        reads = judgement.references.reads
        nested = judgement.body is Body.NESTED
        query = only_query(tree) if nested else tree
        if judgement.references.writes:
            (sent, scans), typed = mask_write(query, resolver.resolve, self._views.text_without_tokens), Typed()
        else:
            sent, scans, typed = rewrite_query(query, text, reads, resolver.resolve, self._views.text, check)
        below = frozenset(scan for s in sources for scan in self._views.scans_of(s))
        assert_contained(sent, scans | below, resolver.resolve)
        if typed.parameters and judgement.kind is StatementKind.PREPARE:
            check_declared(inner(tree.stmts[0].stmt), typed.parameters)
        return (with_query(tree, text, sent) if nested else sent), typed

    def _target(self, source: Source, change: Change) -> Source:
        if source.treatment is Treatment.SYSTEM or not source.of_user()[1].writable:
            raise PolicyRefusal(
                f"permission denied to write to {source.schema}.{source.name}",
                reason="write",
                detail=f"The role {self.role.name} does not write it.",
                hint=f"A policy can list it under roles.{self.role.name}.writes.",
            )
        if source.treatment is not Treatment.CLEAR:
            raise UnsupportedRefusal(
                f"{source.schema}.{source.name} cannot be written by the role {self.role.name}",
                reason="write",
                detail="It holds columns that are masked for this role.",
            )
        check_write(source.of_user()[0], change, self.snapshot, self.role)
        return source


def _copy_format(tree: Any, judgement: Judgement, outputs: Columns | None) -> CopyFormat | None:
    if judgement.kind is not StatementKind.COPY_OUT:
        return None
    if outputs is None:
        raise UnsupportedRefusal(
            "tokens in a COPY whose columns are not known are not supported",
            reason="token",
            hint="Name the columns that are to be copied.",
        )
    return copy_format(inner(tree.stmts[0].stmt), tuple(output.name for output in outputs))


def _with_inner(plan: Plan, judgement: Judgement) -> Plan:
    """The plan of a statement that gives no rows itself, but keeps a query whose rows others give."""
    kind = StatementKind.WRITE if judgement.references.writes else StatementKind.SELECT
    used = tuple(dict.fromkeys(replace(column, output=None) for column in plan.columns))
    return replace(plan, columns=used, origins=(), tokens=(), inner=replace(plan, kind=kind, effects=Effects()))


def _origins(outputs: Columns | None) -> tuple[Any, ...]:
    if outputs is None or not any(o.origin for o in outputs):
        return ()
    return tuple(o.origin for o in outputs)


def _shown(outputs: Columns | None, uses: set[Protected]) -> tuple[ShownColumn, ...]:
    """Every protected column the statement uses: once for each output that shows it, else once without a position."""
    shown = [_column(o.shows, i) for i, o in enumerate(outputs or ()) if o.shows is not None]
    seen = {o.shows for o in outputs or () if o.shows is not None}
    rest = sorted(uses - seen, key=lambda p: (p.relation, p.decision.column.number))
    return (*shown, *(_column(p, None) for p in rest))


def _column(protected: Protected, output: int | None) -> ShownColumn:
    decision = protected.decision
    return ShownColumn(
        protected.relation, decision.column.name, decision.kind, decision.mask.name, decision.rule, output
    )
