"""From a text to what goes upstream."""

from __future__ import annotations

import pytest

from proxy.errors import JournalError, PolicyRefusal, Refusal, StatementSyntaxError
from proxy.session.hints import Hint
from proxy.session.scripts import FAILING_STATEMENT, Script, Scripts
from proxy.session.standing import Standing
from tests.support.fake_hints import TOKEN
from tests.support.fake_planning import FakePlanning, FakeWatching

_PATH = ("public",)


def _scripts() -> tuple[Scripts, FakePlanning, FakeWatching]:
    planning, watching = FakePlanning(), FakeWatching()
    return Scripts(planning, watching, Standing()), planning, watching


def _query(scripts: Scripts, text: bytes) -> Script:
    return scripts.query(text, _PATH, path_known=True, path_touched=False)


def test_a_known_text_is_not_planned_again_until_it_is_forgotten() -> None:
    """The cache spares the planner; refusals and changes of the path are planned each time."""
    scripts, planning, _ = _scripts()
    assert _query(scripts, b"select 1") is _query(scripts, b"select 1")
    assert len(planning.asked) == 1
    scripts.forget()
    _query(scripts, b"select 1")
    assert len(planning.asked) == 2
    for text in (b"select denied", b"rollback", b"set search_path = x"):
        assert _query(scripts, text) is not _query(scripts, text)


def test_the_cache_is_bounded() -> None:
    """In number, and in the length of what it keeps."""
    scripts, _, _ = _scripts()
    for number in range(1000):
        _query(scripts, f"select {number}".encode())
    assert len(scripts._cache) <= 256
    scripts.forget()
    _query(scripts, b"select " + b"1" * 20_000)
    assert scripts._cache == {}


def test_a_passed_text_that_ends_with_a_comment_does_not_swallow_what_follows() -> None:
    """Statements are joined so that a line comment ends before the semicolon."""
    scripts, _, _ = _scripts()
    script = _query(scripts, b"select 1 -- x\n; select 2 masked")
    assert script.text == b"select 1 -- x\n;\nselect 2 masked under 1"


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        (b"/* a */ select masked", b"/* a */\n"),
        (b"-- a\n--b\r\n /* c\n */ select masked", b"-- a\n--b\r\n /* c\n */\n"),
        (b"/* a /* nested */ */ select masked", b""),
        (b"select /* a */ masked", b""),
    ],
)
def test_leading_comments_are_kept_where_every_lexer_agrees_on_them(text: bytes, comments: bytes) -> None:
    """Nested comments are left out; others come before the rewritten text."""
    scripts, _, _ = _scripts()
    sent = _query(scripts, text).text
    assert sent == comments + text + b" under 1"


def test_a_refusal_takes_the_place_of_its_statement() -> None:
    """What is before it is sent, what is after it is not even planned."""
    scripts, planning, watching = _scripts()
    script = _query(scripts, b"begin; select denied; select 3")
    assert script.text == f"begin\n;\n{FAILING_STATEMENT}".encode()
    assert [text for text, _ in planning.asked] == ["begin", "select denied"]
    assert isinstance(script.refusal, PolicyRefusal)
    assert script.refusal.position == 15
    assert watching.refusals == ["relation"]


def test_a_refusal_stands_where_it_cannot_be_recorded() -> None:
    """No journal is no reason to let a statement through."""
    scripts, _, watching = _scripts()
    watching.works = False
    assert _query(scripts, b"select denied").refusal is not None
    refusal = _query(scripts, b"select a masked").refusal
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.sqlstate) == ("journal", "58030")


def test_a_parse_text_holds_one_statement() -> None:
    """None for an empty one; more are a syntax error, known text or not."""
    scripts, _, _ = _scripts()
    assert scripts.single(b" ; ", _PATH, path_known=True).plans == ()
    assert len(scripts.single(b"select 1;", _PATH, path_known=True).plans) == 1
    _query(scripts, b"select 1; select 2")
    for text in (b"select 1; select 2", b"select 3; select 4"):
        with pytest.raises(StatementSyntaxError):
            scripts.single(text, _PATH, path_known=True)


def test_what_depends_on_the_path_is_not_independent() -> None:
    """Only texts that name nothing mean the same under every path; finding out notes no refusal."""
    scripts, _, watching = _scripts()
    assert scripts.independent(b"begin; show x", _PATH) is not None
    assert scripts.independent(b"", _PATH) is not None
    assert scripts.independent(b"begin; select 1", _PATH) is None
    assert scripts.independent(b"select denied", _PATH) is None
    assert watching.refusals == []
    assert scripts._cache == {}


def test_other_errors_of_refusing_are_not_noted() -> None:
    """Only refusals count in ``pgveil_refusals_total``."""
    scripts, _, watching = _scripts()
    scripts.note(JournalError("no"))
    assert watching.refusals == []


def test_what_is_not_found_behind_a_change_of_the_path_is_refused_for_that() -> None:
    """It was looked for on the path before; a statement of its own is told that it is not there."""
    scripts, planning, _ = _scripts()
    planning.missing = "42P01"
    changed = _query(scripts, b"set search_path = x; select gone").refusal
    assert isinstance(changed, Refusal)
    assert (changed.reason, changed.sqlstate) == ("search_path", "0A000")
    alone = _query(scripts, b"begin; select gone").refusal
    assert alone is not None
    assert alone.sqlstate == "42P01"


def test_a_token_that_was_not_accepted_is_the_planners_to_refuse() -> None:
    """Only for one that was accepted a reference is sent in its place."""
    planning, standing = FakePlanning(), Standing()
    scripts = Scripts(planning, FakeWatching(), standing)
    standing.keep(Hint(TOKEN, "ada"))
    accepted, forged = (f"SET pgveil.token = '{role} {TOKEN}'" for role in ("ada", "eve"))
    sent = scripts.single(accepted.encode(), _PATH, path_known=True).text
    assert sent is not None
    assert TOKEN.encode() not in sent
    planning.forbidden.add(forged)
    with pytest.raises(PolicyRefusal):
        scripts.single(forged.encode(), _PATH, path_known=True)
