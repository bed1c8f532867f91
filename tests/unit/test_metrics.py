"""Metrics: what a scrape shows after events, and what can never be a label."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from proxy.metrics import CONTENT_TYPE, PLAN_SECONDS, STATEMENT_SECONDS, Metrics
from proxy.planner.plan import Decision, Plan, ShownColumn, StatementKind

SHOWN = ShownColumn("clinic.patients", "ssn", "ssn", "partial", "kinds.ssn", output=0)
USED = ShownColumn("clinic.patients", "zip", "zip", "zip3", "kinds.zip")
PLAN = Plan("SELECT 1", Decision.REWRITTEN, StatementKind.SELECT, "fp", columns=(SHOWN, USED))


def scrape(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels."""
    return {
        sample.name + "".join(f" {k}={v}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_every_metric_is_there() -> None:
    """All documented metrics are announced from the start, under their documented names and kinds."""
    announced = set(re.findall(r"^# TYPE (\S+) (\S+)$", Metrics().exposition().decode(), re.MULTILINE))
    counters = (
        "logins", "statements", "refusals", "columns_returned", "rows_returned", "detokenizations", "handles",
        "plan_cache", "upstream_errors", "journal_records", "policy_reloads", "out_of_step", "replies_unanswered",
    )  # fmt: skip
    assert announced == (
        {(f"pgveil_{name}_total", "counter") for name in counters}
        | {(f"pgveil_{name}", "gauge") for name in ("sessions", "journal_backlog", "policy_info", "row_loop_info")}
        | {(f"pgveil_{name}_seconds", "histogram") for name in ("plan", "statement")}
    )
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")


def test_statements() -> None:
    """A statement counts once, with its rows and the protected columns that it showed (not those it only used)."""
    metrics = Metrics()
    meter = metrics.meter("analyst", PLAN)
    meter.statement(3, 0.0012)
    metrics.meter("analyst", PLAN).statement(2, 0.0012)
    meter.statement(None, 99.0)
    found = scrape(metrics)
    assert found["pgveil_statements_total decision=rewritten role=analyst"] == 3
    assert found["pgveil_rows_returned_total role=analyst"] == 5
    assert found["pgveil_columns_returned_total kind=ssn mask=partial role=analyst"] == 2
    assert "pgveil_columns_returned_total kind=zip mask=zip3 role=analyst" not in found
    assert found["pgveil_statement_seconds_count"] == 3
    assert found["pgveil_statement_seconds_bucket le=0.001"] == 0
    assert found["pgveil_statement_seconds_bucket le=0.0025"] == 2
    assert found["pgveil_statement_seconds_bucket le=300.0"] == 3
    assert abs(found["pgveil_statement_seconds_sum"] - 99.0024) < 1e-9


def test_sessions_that_lose_step() -> None:
    """Sessions that ended out of step, and replies that were never given, are counted."""
    metrics = Metrics()
    metrics.out_of_step()
    metrics.unanswered(0)
    metrics.unanswered(3)
    found = scrape(metrics)
    assert found["pgveil_out_of_step_total"] == 1
    assert found["pgveil_replies_unanswered_total"] == 3


def test_refusals() -> None:
    """A refusal counts as a refused statement and by its reason."""
    metrics = Metrics()
    metrics.refused("analyst", "fidelity")
    found = scrape(metrics)
    assert found["pgveil_statements_total decision=refused role=analyst"] == 1
    assert found["pgveil_refusals_total reason=fidelity role=analyst"] == 1


def test_everything_else() -> None:
    """Sessions, logins, plans, the journal and the policy are shown as they stand."""
    metrics = Metrics()
    metrics.session_opened()
    metrics.session_opened()
    metrics.session_closed()
    metrics.login("accepted")
    metrics.login("failed")
    metrics.planned(0.0002)
    metrics.plan_cache_hit()
    metrics.plan_cache_hit()
    metrics.plan_cache_miss()
    metrics.detokenized("auditor", "patient")
    metrics.watch_journal(lambda: (12, 5))
    metrics.policy("v1")
    metrics.policy("v2")
    metrics.row_loop(compiled=True)
    metrics.policy_reloaded(accepted=True)
    metrics.policy_reloaded(accepted=False)
    found = scrape(metrics)
    assert found["pgveil_sessions"] == 1
    assert [found[f"pgveil_logins_total result={r}"] for r in ("accepted", "refused", "failed")] == [1, 0, 1]
    assert found["pgveil_plan_seconds_bucket le=0.00025"] == 1
    assert found["pgveil_plan_seconds_count"] == 1
    assert found["pgveil_plan_cache_total result=hit"] == 2
    assert found["pgveil_plan_cache_total result=miss"] == 1
    assert found["pgveil_detokenizations_total domain=patient role=auditor"] == 1
    assert (found["pgveil_journal_records_total"], found["pgveil_journal_backlog"]) == (12, 5)
    assert found["pgveil_policy_info version=v2"] == 1
    assert found["pgveil_row_loop_info path=compiled"] == 1
    assert "pgveil_policy_info version=v1" not in found
    assert found["pgveil_policy_reloads_total result=accepted"] == 1
    assert found["pgveil_policy_reloads_total result=refused"] == 1


def test_upstream_errors() -> None:
    """Upstream errors are counted by class, and what is no SQLSTATE does not become a label."""
    metrics = Metrics()
    for state in ("42P01", "42703", "P0001", "", "4270", "42x01", "42 01", "ÄÖ001", "secret"):
        metrics.upstream_error(state)
    found = scrape(metrics)
    assert found["pgveil_upstream_errors_total sqlstate_class=42"] == 2
    assert found["pgveil_upstream_errors_total sqlstate_class=P0"] == 1
    assert found["pgveil_upstream_errors_total sqlstate_class=other"] == 6


def test_buckets() -> None:
    """Buckets rise, from 50 µs for plans and half a millisecond for statements; a bound belongs to its bucket."""
    assert sorted(set(PLAN_SECONDS)) == list(PLAN_SECONDS)
    assert sorted(set(STATEMENT_SECONDS)) == list(STATEMENT_SECONDS)
    assert (PLAN_SECONDS[0], STATEMENT_SECONDS[0]) == (0.00005, 0.0005)
    metrics = Metrics()
    metrics.planned(0.00005)
    assert scrape(metrics)["pgveil_plan_seconds_bucket le=5e-05"] == 1


def test_separate_proxies_count_separately() -> None:
    """Two instances share nothing, and nothing goes into the library's global registry."""
    one, other = Metrics(), Metrics()
    one.login("refused")
    assert scrape(one)["pgveil_logins_total result=refused"] == 1
    assert scrape(other)["pgveil_logins_total result=refused"] == 0
