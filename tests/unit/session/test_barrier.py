"""Who asks where a token was set, and the server cannot be asked whether it still is."""

from __future__ import annotations

from itertools import count

import pytest

from proxy.errors import PolicyRefusal, Refusal, UnsupportedRefusal
from proxy.session.barrier import Barrier
from proxy.session.hints import Hint
from proxy.session.replies import Owed, Request
from proxy.session.state import FAILED, State
from tests.support.fake_planning import FakePlanning, FakeWatching

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln"
SET = f"SET pgveil.token = '{TOKEN}'".encode()


class FakeHinting:
    """Asks as whom the token names, while ``good``."""

    login: object = "login"

    def __init__(self) -> None:
        self.in_force: object = self.login
        self.good = True

    def asker(self, hint: Hint) -> object:
        """The token itself."""
        if not self.good:
            raise PolicyRefusal("the hint is not accepted", reason="hint")
        return hint.token

    def act_as(self, asker: object) -> None:
        """See ``Hinting``."""
        self.in_force = asker


class Session:
    """A session in which a token was set, and nothing is known since."""

    def __init__(self) -> None:
        self.hints = FakeHinting()
        seconds = count()
        self.state = State(
            planning=FakePlanning(), watching=FakeWatching(), clock=lambda: float(next(seconds)),
            search_path=("public",), hints=self.hints,
        )  # fmt: skip
        self.barrier = Barrier(self.state)
        assert self.barrier.asked(SET) == SET
        (self.reference,) = self.state.standing._hints
        self.state.path.known = False

    def answer(self, reference: str) -> None:
        """The server says what is in force."""
        self.state.owed.clear()
        self.state.path.row((reference.encode(),))
        self.state.path.row((b"public",))
        self.state.path_answered()


def test_it_is_asked_before_anything_is_read() -> None:
    """The message waits, and is then asked by whom the server names; a reference that it never had is nobody's."""
    session = Session()
    assert session.barrier.asked(b"select 1") is None
    assert b"current_setting" in session.barrier.parting
    session.answer(session.reference)
    assert session.barrier.asked(b"select 1") == b"select 1"
    assert session.hints.in_force == TOKEN
    session.state.path.known = False
    assert session.barrier.asked(b"select 1") is None
    session.answer("")
    assert session.barrier.asked(b"select 1") == b"select 1"
    assert session.hints.in_force == "login"
    session.answer("somebody else's")
    with pytest.raises(PolicyRefusal, match="did not give it"):
        session.barrier.asked(b"select 1")


def test_what_anybody_may_say_does_not_wait() -> None:
    """Transactions end and settings change whoever asks, also once the token is not good any more."""
    session = Session()
    for text in (b"rollback", b"set work_mem = 1", b"begin; commit", b"discard all", b""):
        assert session.barrier.asked(text) == text
    session.answer(session.reference)
    session.hints.good = False
    for text in (b"rollback", b"set work_mem = 1"):
        assert session.barrier.asked(text) == text
    for text in (b"select 1", b"begin; select 1", SET):
        with pytest.raises(PolicyRefusal, match="not accepted"):
            session.barrier.asked(text)
        assert session.hints.in_force == "login"


def test_a_question_that_fails_refuses_the_statement() -> None:
    """The next one asks again; in a transaction that has failed the server refuses whatever it is."""
    session = Session()
    session.state.path.failed = True
    with pytest.raises(UnsupportedRefusal):
        session.barrier.asked(b"select 1")
    assert session.barrier.asked(b"select 1") is None
    session.state.owed.clear()
    session.state.status = FAILED
    assert session.barrier.asked(b"select 1") == b"select 1"


def test_nobody_is_exchanged_while_replies_are_owed() -> None:
    """They are treated for whoever had asked."""
    session = Session()
    session.answer(session.reference)
    session.state.owed.append(Owed(Request.SYNC))
    assert session.barrier.asked(f"/* pgveil: {TOKEN}x */ select 1".encode()) is None
    assert session.hints.in_force == TOKEN
    session.state.owed.clear()
    assert session.barrier.asked(f"/* pgveil: {TOKEN}x */ select 1".encode()) == b" select 1"
    assert session.hints.in_force == f"{TOKEN}x"
    with pytest.raises(Refusal):
        session.barrier.asked(f"/* pgveil: {TOKEN} */ ".encode() + SET)
