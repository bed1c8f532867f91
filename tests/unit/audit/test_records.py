"""Records: their fields, and that they stay one line without values."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.audit import records
from proxy.audit.records import SessionFacts
from proxy.errors import AuthenticationError, PolicyRefusal, StatementSyntaxError, UpstreamUnavailableError
from proxy.identity.principal import Principal
from proxy.planner.plan import Decision, Plan, ShownColumn, StatementKind

AT = 1_700_000_000.1234
WHO = Principal("ada", "analyst", "analyst", "https://idp.example", AT + 60, purpose="research")
FACTS = SessionFacts("s1", WHO, "clinic", "10.0.0.1:4444", "Tableau")
PLAN = Plan(
    "SELECT 'secret'",
    Decision.REWRITTEN,
    StatementKind.SELECT,
    "f00d",
    ("clinic.patients",),
    (
        ShownColumn("clinic.patients", "ssn", "ssn", "partial", "kinds.ssn", output=0),
        ShownColumn("clinic.patients", "zip", "zip", "zip3", "kinds.zip"),
    ),
    policy_version="v1",
)
SESSION = {
    "session": "s1", "principal": "ada", "login": None, "issuer": "https://idp.example", "user": "analyst",
    "role": "analyst", "purpose": "research", "contract": None, "database": "clinic", "client": "10.0.0.1:4444",
    "application": "Tableau",
}  # fmt: skip


def read(line: bytes) -> dict[str, Any]:
    """The record in a line, after checking that it is exactly one line of ASCII."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    found: dict[str, Any] = json.loads(line)
    return found


def test_timestamp() -> None:
    """Times are RFC 3339 in UTC with milliseconds, rounded, over the end of a second too."""
    assert records.timestamp(AT) == "2023-11-14T22:13:20.123Z"
    assert records.timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert records.timestamp(1.9996) == "1970-01-01T00:00:02.000Z"


def test_login() -> None:
    """A login says who, acting as what, from where and until when."""
    assert read(records.login(AT, FACTS)) == SESSION | {
        "time": "2023-11-14T22:13:20.123Z", "type": "login", "result": "accepted", "handle": None,
        "token_expires": "2023-11-14T22:14:20.123Z",
    }  # fmt: skip


def test_refused_login() -> None:
    """A refused login says what the caller called itself and why it was refused, shortened where it is endless."""
    error = AuthenticationError('password authentication failed for user "x"', detail="The token has expired.")
    found = read(records.login_refused(AT, error, user="x" * 9999, database="clinic", client=None))
    assert found == {
        "time": "2023-11-14T22:13:20.123Z", "type": "login", "user": "x" * 256, "database": "clinic", "client": None,
        "result": "refused", "sqlstate": "28P01", "reason": "The token has expired.",
    }  # fmt: skip
    for secret in ("eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "pgv1_" + "x" * 43):
        mixed_up = records.login_refused(AT, error, user=secret, database=secret, client=None)
        assert secret[8:] not in mixed_up.decode()
    down = read(records.login_refused(AT, UpstreamUnavailableError("down"), user=None, database=None, client=None))
    assert (down["result"], down["sqlstate"], down["reason"]) == ("failed", "57P03", "down")


def test_logout() -> None:
    """The end of a session says how long it was and how many statements it had."""
    found = read(records.logout(AT, FACTS, seconds=1.23456, statements=7))
    assert (found["type"], found["session"], found["seconds"], found["statements"]) == ("logout", "s1", 1.235, 7)


def test_statement() -> None:
    """A statement's record has the fingerprint and each column's mask, and neither its text nor a value."""
    line = records.statement(AT, records.session_part(FACTS), records.plan_part(PLAN), 3, 0.00123, None)
    assert read(line) == SESSION | {
        "time": "2023-11-14T22:13:20.123Z", "type": "statement", "fingerprint": "f00d", "kind": "select",
        "decision": "rewritten", "relations": ["clinic.patients"],
        "columns": [
            {"relation": "clinic.patients", "column": "ssn", "kind": "ssn", "mask": "partial", "shown": True},
            {"relation": "clinic.patients", "column": "zip", "kind": "zip", "mask": "zip3", "shown": False},
        ],
        "policy": "v1", "rows": 3, "seconds": 0.00123, "sqlstate": None,
    }  # fmt: skip
    assert b"secret" not in line
    failed = records.statement(AT, records.session_part(FACTS), records.plan_part(PLAN), None, 1e-9, '4"')
    assert (read(failed)["rows"], read(failed)["sqlstate"], read(failed)["policy"]) == (None, '4"', "v1")


def test_refusal() -> None:
    """A refusal says its reason and message, but not the grammar's words, which quote the statement."""
    no = PolicyRefusal("column clinic.patients.note may not be named", reason="deny")
    assert read(records.refusal(AT, FACTS, no, "v1")) == SESSION | {
        "time": "2023-11-14T22:13:20.123Z", "type": "refusal", "reason": "deny", "sqlstate": "42501",
        "message": "column clinic.patients.note may not be named", "policy": "v1",
    }  # fmt: skip
    syntax = StatementSyntaxError('syntax error at or near "secret"', reason="syntax")
    line = records.refusal(AT, FACTS, syntax, None)
    assert read(line)["message"] is None
    assert b"secret" not in line


def test_policy_and_gap() -> None:
    """Policies and gaps in the journal have records of their own."""
    assert read(records.policy(AT, event="refused", version="v1", problems=2)) == {
        "time": "2023-11-14T22:13:20.123Z", "type": "policy", "event": "refused", "policy": "v1", "problems": 2,
    }  # fmt: skip
    gap = read(records.journal_resumed(AT, since=AT - 1, lost=4))
    assert (gap["type"], gap["since"], gap["lost"]) == ("journal", "2023-11-14T22:13:19.123Z", 4)


@settings(deadline=None)
@given(text=st.text(max_size=40) | st.sampled_from(["\ud800", 'a"b\\', "\n\r\x00\u2028"]))
def test_any_name_stays_on_its_line(text: str) -> None:
    """Whatever a client calls itself, a record is one line of valid JSON that gives the same name back."""
    facts = SessionFacts("s", WHO, text, None, text)
    line = records.statement(AT, records.session_part(facts), records.plan_part(PLAN), 1, 1.0, None)
    assert read(line)["database"] == text
