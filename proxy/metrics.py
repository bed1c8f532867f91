"""What Prometheus is told.

Owns: every metric's name, labels and buckets. Must not know: who scrapes, what a statement says.
Invariant: labels are bounded (roles, kinds, masks, reasons, SQLSTATE classes); no user name, SQL or value is a label.
All calls come from the event loop's thread, scrapes too, so counts are plain numbers: an eighth of the cost of the
library's own counters, which take a lock each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from proxy.planner.plan import Plan

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

LoginResult = Literal["accepted", "refused", "failed"]
LOGIN_RESULTS: Final[tuple[LoginResult, ...]] = get_args(LoginResult)

# A cached plan costs microseconds, a new one some milliseconds, and a hundred milliseconds is a query worth looking at.
PLAN_SECONDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
# A point read takes half a millisecond through a proxy, a dashboard's query seconds, an export minutes.
STATEMENT_SECONDS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip


class _Count:
    """One number that only we change."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class _Family:
    """A counter with labels: its counts by label values."""

    __slots__ = ("_counts", "_documentation", "_labels", "_name")

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._counts: dict[tuple[str, ...], _Count] = {}

    def count(self, *labels: str) -> _Count:
        """The count for these label values, made when first asked for."""
        found = self._counts.get(labels)
        if found is None:
            found = self._counts[labels] = _Count()
        return found

    def metric(self) -> Metric:
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, count in self._counts.items():
            family.add_metric(labels, count.value)
        return family


class _Histogram:
    """Observed seconds in buckets."""

    __slots__ = ("_bounds", "_counts", "_documentation", "_name", "_sum")

    def __init__(self, name: str, documentation: str, bounds: tuple[float, ...]) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def metric(self) -> Metric:
        names = [*map(str, self._bounds), "+Inf"]
        buckets = list(zip(names, map(float, accumulate(self._counts)), strict=True))
        family = HistogramMetricFamily(self._name, self._documentation)
        family.add_metric([], buckets, self._sum)
        return family


class StatementMeter:
    """The counts that one plan adds to when it is run in one role."""

    __slots__ = ("_columns", "_observe", "_rows", "_statements")

    def __init__(self, statements: _Count, rows: _Count, columns: tuple[_Count, ...], histogram: _Histogram) -> None:
        self._statements = statements
        self._rows = rows
        self._columns = columns
        self._observe = histogram.observe

    def statement(self, rows: int | None, seconds: float) -> None:
        """A statement ended after ``seconds``; ``rows`` is None where it returned none or failed."""
        self._statements.value += 1
        self._observe(seconds)
        if rows is not None:
            self._rows.value += rows
            for column in self._columns:
                column.value += 1


class Metrics:
    """All metrics of one proxy, in a registry of their own."""

    def __init__(self) -> None:
        self._sessions = 0
        self._out_of_step = 0
        self._unanswered = 0
        self._policy_version: str | None = None
        self._row_loop = "interpreted"
        self._journal: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._logins = _Family("pgveil_logins", "Logins by result", ("result",))
        self._statements = _Family("pgveil_statements", "Statements by role and decision", ("role", "decision"))
        self._refusals = _Family("pgveil_refusals", "Statements refused by us", ("role", "reason"))
        self._columns = _Family(
            "pgveil_columns_returned",
            "Protected columns shown in results, once for each statement and column",
            ("role", "kind", "mask"),
        )
        self._rows = _Family("pgveil_rows_returned", "Rows by role, from command tags", ("role",))
        self._detokenizations = _Family("pgveil_detokenizations", "Tokens turned back into values", ("role", "domain"))
        self._handles = _Family("pgveil_handles", "Handles issued and revoked", ("event",))
        self._plan_cache = _Family("pgveil_plan_cache", "Look-ups in the plan cache", ("result",))
        self._upstream_errors = _Family(
            "pgveil_upstream_errors", "Errors of the upstream by SQLSTATE class", ("sqlstate_class",)
        )
        self._policy_reloads = _Family("pgveil_policy_reloads", "Attempts to load the policy again", ("result",))
        self._plan_seconds = _Histogram("pgveil_plan_seconds", "Time to plan a statement", PLAN_SECONDS)
        self._statement_seconds = _Histogram(
            "pgveil_statement_seconds", "Time from a statement to the end of its result", STATEMENT_SECONDS
        )
        self._hit, self._miss = self._plan_cache.count("hit"), self._plan_cache.count("miss")
        for result in LOGIN_RESULTS:
            self._logins.count(result)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_AllOf(self._metrics))

    def exposition(self) -> bytes:
        """The text that a scrape gets; its media type is ``CONTENT_TYPE``."""
        return generate_latest(self._registry)

    def meter(self, role: str, plan: Plan) -> StatementMeter:
        """The counts for one plan in one role; worth keeping, since finding them costs more than counting."""
        return StatementMeter(
            self._statements.count(role, plan.decision.value),
            self._rows.count(role),
            tuple(self._columns.count(role, c.kind, c.mask) for c in plan.columns if c.output is not None),
            self._statement_seconds,
        )

    def session_opened(self) -> None:
        """A session began."""
        self._sessions += 1

    def session_closed(self) -> None:
        """A session ended."""
        self._sessions -= 1

    def out_of_step(self) -> None:
        """A session ended because the upstream's answers were not those that were owed."""
        self._out_of_step += 1

    def unanswered(self, replies: int) -> None:
        """A session ended while it owed its client so many replies."""
        self._unanswered += replies

    def login(self, result: LoginResult) -> None:
        """A login was accepted, refused (the token), or failed (the upstream, a limit)."""
        self._logins.count(result).value += 1

    def refused(self, role: str, reason: str) -> None:
        """A statement was refused by us."""
        self._statements.count(role, "refused").value += 1
        self._refusals.count(role, reason).value += 1

    def planned(self, seconds: float) -> None:
        """A statement was planned anew."""
        self._plan_seconds.observe(seconds)

    def plan_cache_hit(self) -> None:
        """A plan was found in the cache."""
        self._hit.value += 1

    def plan_cache_miss(self) -> None:
        """A plan was not in the cache."""
        self._miss.value += 1

    def upstream_error(self, sqlstate: str) -> None:
        """The upstream failed with this SQLSTATE; only its class (the first two characters) is a label."""
        known = len(sqlstate) == 5 and sqlstate.isascii() and sqlstate.isalnum() and sqlstate == sqlstate.upper()
        self._upstream_errors.count(sqlstate[:2] if known else "other").value += 1

    def detokenized(self, role: str, domain: str, tokens: int = 1) -> None:
        """So many tokens were turned back into their values."""
        self._detokenizations.count(role, domain).value += tokens

    def handle(self, event: str) -> None:
        """A handle was issued or revoked."""
        self._handles.count(event).value += 1

    def watch_journal(self, counts: Callable[[], tuple[int, int]]) -> None:
        """Ask this at each scrape: records written so far, and records waiting for the journal to be writable."""
        self._journal = counts

    def row_loop(self, *, compiled: bool) -> None:
        """Whether the loop over rows with tokens runs as machine code."""
        self._row_loop = "compiled" if compiled else "interpreted"

    def policy(self, version: str) -> None:
        """This policy is in force from now on."""
        self._policy_version = version

    def policy_reloaded(self, *, accepted: bool) -> None:
        """The policy was read again, and taken over or not."""
        self._policy_reloads.count("accepted" if accepted else "refused").value += 1

    def _metrics(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("pgveil_sessions", "Open sessions", value=self._sessions)
        yield CounterMetricFamily(
            "pgveil_out_of_step", "Sessions ended because the upstream's answers were not those owed", self._out_of_step
        )
        yield CounterMetricFamily(
            "pgveil_replies_unanswered", "Replies still owed when their session ended", self._unanswered
        )
        written, waiting = self._journal()
        yield CounterMetricFamily("pgveil_journal_records", "Records written to the journal", value=written)
        yield GaugeMetricFamily("pgveil_journal_backlog", "Records waiting for the journal", value=waiting)
        info = GaugeMetricFamily("pgveil_policy_info", "The policy in force", labels=["version"])
        if self._policy_version is not None:
            info.add_metric([self._policy_version], 1)
        yield info
        loop = GaugeMetricFamily("pgveil_row_loop_info", "What rebuilds rows with tokens", labels=["path"])
        loop.add_metric([self._row_loop], 1)
        yield loop
        yield from (
            counted.metric()
            for counted in (
                self._logins, self._statements, self._refusals, self._columns, self._rows, self._detokenizations,
                self._handles, self._plan_cache, self._upstream_errors, self._policy_reloads, self._plan_seconds,
                self._statement_seconds,
            )
        )  # fmt: skip


class _AllOf(Collector):
    """What the registry asks at each scrape."""

    def __init__(self, metrics: Callable[[], Iterable[Metric]]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics()
