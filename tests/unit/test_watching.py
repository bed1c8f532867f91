"""Watching: which event reaches the journal and which count, and what a failing journal stops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.audit.journal import Journal
from proxy.errors import AuthenticationError, JournalError, PolicyRefusal, UpstreamUnavailableError
from proxy.identity.principal import Principal
from proxy.metrics import Metrics
from proxy.planner.plan import Decision, Plan, ShownColumn, StatementKind
from proxy.session.ports import Watching
from proxy.watching import SessionWatch, Watch

WHO = Principal("ada", "analyst", "analyst", "https://idp.example", 2e9)
SSN = ShownColumn("clinic.patients", "ssn", "ssn", "partial", "kinds.ssn", output=0)
PROTECTED = Plan(
    "x",
    Decision.REWRITTEN,
    StatementKind.SELECT,
    "f1",
    ("clinic.patients",),
    (SSN,),
    touches_protected=True,
    policy_version="v1",
)
PLAIN = Plan("x", Decision.PASSED, StatementKind.SELECT, "f2", ("sales.orders",), policy_version="v1")


class Files:
    """A watch with its journal's file and a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.jsonl"
        self.now = 1_700_000_000.0
        self.journal = Journal(self.path, clock=lambda: self.now)
        self.watch = Watch(self.journal, Metrics(), clock=lambda: self.now)

    def session(self) -> SessionWatch:
        return self.watch.session(WHO, database="clinic", client="c", application="a", session_id="s1")

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def metrics(self) -> str:
        return self.watch.metrics.exposition().decode()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    """A fresh watch."""
    files = Files(tmp_path)
    yield files
    files.journal.close()


@pytest.fixture
def full_disk(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """A watch whose journal cannot be written."""

    def write(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.journal, "_write", write)
    return files


def test_a_session(files: Files) -> None:
    """A session's login, statements, refusals and end are recorded in order and counted."""
    files.watch.policy_loaded("v1")
    session: Watching = (watch := files.session())
    watch.opened()
    assert "pgveil_sessions 1.0" in files.metrics()
    session.require_journal()
    session.statement(PROTECTED, rows=2, seconds=0.5, sqlstate=None)
    session.statement(PLAIN, rows=None, seconds=0.1, sqlstate="42P01")
    session.refused(PolicyRefusal("no", reason="relation"))
    files.now += 9
    watch.closed()
    watch.closed()
    assert [(r["type"], r.get("policy")) for r in files.records()] == [
        ("policy", "v1"), ("login", None), ("statement", "v1"), ("statement", "v1"), ("refusal", "v1"),
        ("logout", None),
    ]  # fmt: skip
    last = files.records()[-1]
    assert (last["seconds"], last["statements"]) == (9.0, 3)
    shown = files.metrics()
    for line in (
        "pgveil_sessions 0.0",
        'pgveil_logins_total{result="accepted"} 1.0',
        'pgveil_statements_total{decision="rewritten",role="analyst"} 1.0',
        'pgveil_statements_total{decision="passed",role="analyst"} 1.0',
        'pgveil_statements_total{decision="refused",role="analyst"} 1.0',
        'pgveil_refusals_total{reason="relation",role="analyst"} 1.0',
        'pgveil_columns_returned_total{kind="ssn",mask="partial",role="analyst"} 1.0',
        'pgveil_upstream_errors_total{sqlstate_class="42"} 1.0',
        "pgveil_journal_records_total 6.0",
        'pgveil_policy_info{version="v1"} 1.0',
    ):
        assert line in shown


def test_session_that_never_opened(files: Files) -> None:
    """A session whose login failed in the end leaves no logout and no count."""
    files.session().closed()
    assert files.records() == []
    assert "pgveil_sessions 0.0" in files.metrics()


def test_refused_logins(files: Files) -> None:
    """A refused token and a failed upstream are told apart in the counts, and both recorded."""
    files.watch.login_refused(AuthenticationError("no", detail="The token has expired."), user="x", database="d")
    files.watch.login_refused(UpstreamUnavailableError("down"), user="x", client="c")
    assert [(r["type"], r["reason"]) for r in files.records()] == [
        ("login", "The token has expired."),
        ("login", "down"),
    ]
    assert 'pgveil_logins_total{result="refused"} 1.0' in files.metrics()
    assert 'pgveil_logins_total{result="failed"} 1.0' in files.metrics()


def test_policy_events(files: Files) -> None:
    """Loads, reloads and refused reloads are recorded with the version in force, and reloads counted."""
    files.watch.policy_loaded("v1")
    files.watch.policy_refused(3)
    files.watch.policy_loaded("v2", reloaded=True)
    assert [(r["event"], r["policy"], r["problems"]) for r in files.records()] == [
        ("loaded", "v1", 0), ("refused", "v1", 3), ("reloaded", "v2", 0),
    ]  # fmt: skip
    assert 'pgveil_policy_reloads_total{result="refused"} 1.0' in files.metrics()
    assert 'pgveil_policy_reloads_total{result="accepted"} 1.0' in files.metrics()


def test_records_name_the_policy_of_the_plan(files: Files) -> None:
    """A statement that began under the policy before a reload is recorded under that policy."""
    session = files.session()
    files.watch.policy_loaded("v1")
    session.statement(PLAIN, rows=1, seconds=0.1, sqlstate=None)
    files.watch.policy_loaded("v2", reloaded=True)
    session.statement(PLAIN, rows=1, seconds=0.1, sqlstate=None)
    session.statement(replace(PLAIN, policy_version="v2"), rows=1, seconds=0.1, sqlstate=None)
    assert [r["policy"] for r in files.records() if r["type"] == "statement"] == ["v1", "v1", "v2"]


def test_full_disk_stops_protected_statements_only(full_disk: Files) -> None:
    """Without a journal protected relations are out of reach; everything else goes on, and its records wait."""
    session = full_disk.session()
    session.opened()
    with pytest.raises(JournalError):
        session.require_journal()
    session.statement(PLAIN, rows=1, seconds=0.1, sqlstate=None)
    session.refused(PolicyRefusal("no", reason="relation"))
    with pytest.raises(JournalError):
        session.statement(PROTECTED, rows=1, seconds=0.1, sqlstate=None)
    session.closed()
    assert full_disk.records() == []
    assert "pgveil_journal_backlog 5.0" in full_disk.metrics()


def test_kept_plans_are_bounded(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept for plans stays within its bound, and a plan is prepared once for all sessions of a role."""
    monkeypatch.setattr("proxy.watching._PLANS_KEPT", 3)
    plans = [Plan(str(n), Decision.PASSED, StatementKind.SELECT, str(n)) for n in range(10)]
    session, another = files.session(), files.session()
    kept = files.watch.bound_plans("analyst")
    for plan in plans:
        session.statement(plan, rows=1, seconds=0.1, sqlstate=None)
        assert len(kept) <= 3
    before = kept[id(plans[-1])]
    another.statement(plans[-1], rows=1, seconds=0.1, sqlstate=None)
    assert kept[id(plans[-1])] is before
    assert files.watch.bound_plans("clinician") == {}


def test_a_flood_of_refused_logins_does_not_fill_the_disk(files: Files) -> None:
    """Each is counted; of one client's sixty a minute are recorded, of all clients' ten times as many."""
    error = AuthenticationError("no", detail="The token has expired.")
    for _ in range(5000):
        files.watch.login_refused(error, user="x", client="10.0.0.1")
    files.watch.login_refused(error, user="x", client="10.0.0.2")
    assert [r.get("unrecorded") for r in files.records()] == [None] * 60 + [4940]
    assert 'pgveil_logins_total{result="refused"} 5001.0' in files.metrics()
    for number in range(2000):
        files.watch.login_refused(error, user="x", client=f"10.1.{number}")
    assert len(files.records()) == 600
    files.now += 60
    files.watch.login_refused(error, user="x", client="10.0.0.1")
    assert files.records()[-1]["unrecorded"] == 2000 - (600 - 61)
