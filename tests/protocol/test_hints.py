"""Who asks, by a comment before the statement or by SET pgveil.token, in both query protocols."""

from __future__ import annotations

import pytest

from proxy.session.hints import Hint
from proxy.session.standing import Standing
from proxy.wire.backend import ParameterStatus
from proxy.wire.frontend import FLUSH_MESSAGE, SYNC_MESSAGE, Bind, Execute, Parse, Query
from tests.support.fake_hints import LOGIN, TOKEN, hint
from tests.support.playbook import (
    BOUND,
    FAILED,
    IDLE,
    IN_TRANSACTION,
    PARSED,
    REFUSED_TEXT,
    Act,
    Playbook,
    Question,
    Stage,
    answer,
    columns,
    done,
    error,
    row,
)

REFUSED = Query(REFUSED_TEXT)


SOMEBODY, ADA, FORGER = hint(), hint("ada"), hint("forger")


def q(text: str) -> Query:
    """A Query."""
    return Query(text.encode())


def p(name: str, text: str) -> Parse:
    """A Parse."""
    return Parse(name.encode(), text.encode())


def asks(asker: str) -> Act:
    """In the end this one asks."""

    def check(stage: Stage) -> None:
        assert stage.hints.in_force == asker

    return check


def script() -> Playbook:
    """A conversation in which hints are taken."""
    return Playbook(hints=True)


def test_a_hint_holds_for_its_own_query() -> None:
    """The text goes upstream without it, planned for whoever it names; the next one is the login's again."""
    book = script()
    book.client(q(f"{ADA} select masked")).to_upstream(q("select masked under 20"))
    book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE).act(asks("ada"))
    book.client(q("select masked")).to_upstream(q("select masked under 1"))
    book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE).act(asks(LOGIN))
    book.through(q("select 1")).back(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE)
    book.run()


def test_what_passes_is_sent_without_its_hint() -> None:
    """Also where nothing in it is rewritten."""
    book = script().client(q(f"{SOMEBODY} select 1")).to_upstream(q(" select 1"))
    book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE).run()


def test_a_refusal_behind_a_hint_has_no_position() -> None:
    """With one, clients print the line that it is in, and the token with it."""
    book = script().client(q(f"{SOMEBODY} select denied")).to_upstream(REFUSED)
    book.upstream(error("42883"), IDLE).to_client(error("42501", "no access", D="why", H="what to do"), IDLE)
    book.client(p("s", f"{SOMEBODY} select denied"), SYNC_MESSAGE)
    book.upstream(error("42883"), IDLE).to_client(error("42501", "no access", D="why", H="what to do"), IDLE)
    book.refuses("relation", "relation").run()


@pytest.mark.parametrize("text", [f"{FORGER} select 1", f"select '{SOMEBODY}'"])
def test_a_hint_that_is_not_accepted_refuses_its_message(text: str) -> None:
    """A token that nobody signed, or one that stands in the middle; the login asks on."""
    book = script()
    for message in (q(text), p("", text)):
        book.client(message, *(() if isinstance(message, Query) else (SYNC_MESSAGE,)))
        book.upstream(error("42883"), IDLE)
    book.refuses("hint", "hint").act(asks(LOGIN)).run()


def test_another_asker_waits_for_what_is_owed() -> None:
    """Each reply is treated for who had asked; in an open flight the server is told to send what it keeps."""
    book = script()
    book.client(p("", "select 1"), Bind(b"", b"", bytes(6)), Execute(b""))
    book.client(p("s", f"{ADA} select masked")).to_upstream(FLUSH_MESSAGE)
    book.upstream(PARSED, BOUND, columns((0, 0)), row(b"1"), done("SELECT 1"))
    book.to_upstream(p("s", "select masked under 20"))
    book.client(SYNC_MESSAGE)
    book.back(PARSED, IDLE).run()


def test_another_asker_waits_for_a_query_too() -> None:
    """A Query is answered by itself, so nothing need be flushed."""
    book = script().through(q("select 1"))
    book.client(q(f"{ADA} select masked")).to_upstream()
    book.upstream(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE).to_upstream(q("select masked under 20"))
    book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE).run()


# SET pgveil.token

SET_ADA, SET_EVE = (f"SET pgveil.token = '{role} {TOKEN}'" for role in ("ada", "eve"))
FAILED_QUESTION = error("57014", "canceled")


@pytest.fixture
def references(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the server is given in place of the tokens, made without chance."""
    monkeypatch.setattr("proxy.session.standing.secrets.token_bytes", bytes)
    standing = Standing()
    return {role: standing._reference(Hint(TOKEN, role)).encode() for role in ("ada", "eve")}


def standing_for(references: dict[str, bytes], role: str = "ada") -> Playbook:
    """A conversation in which the server has been told whose token it is."""
    sent = f"SET pgveil.token = '{references[role].decode()}'"
    book = script().client(q(f"SET pgveil.token = '{role} {TOKEN}'")).to_upstream(q(sent))
    return book.back(done("SET"), IDLE)


def test_a_token_that_was_set_says_who_asks_until_further_notice(references: dict[str, bytes]) -> None:
    """The server is asked what it has before a statement that reads; the token itself it never gets."""
    book = standing_for(references)
    book.through(q("begin")).back(done("BEGIN"), IN_TRANSACTION)
    book.client(q("select masked")).to_upstream(Question(1))
    book.upstream(*answer(b"public", asker=references["ada"]), IN_TRANSACTION)
    book.to_upstream(q("select masked under 20")).act(asks("ada"))
    book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IN_TRANSACTION)
    book.client(q(f"{SOMEBODY} select masked")).to_upstream(q("select masked under 30"))
    book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IN_TRANSACTION)
    book.client(q("select masked")).to_upstream(q("select masked under 20"))
    book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IN_TRANSACTION).run()


@pytest.mark.parametrize("asker", [None, b"ours", b"f" * 32])
def test_what_the_server_has_decides(references: dict[str, bytes], asker: bytes | None) -> None:
    """Nothing, after a RESET: the login asks. What pgveil did not put there, nobody does: the statement is refused."""
    book = standing_for(references).client(q("select masked")).to_upstream(Question(1))
    book.upstream(*answer(b"public", asker=asker), IDLE)
    if asker is None:
        book.to_upstream(q("select masked under 1")).act(asks(LOGIN))
        book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE)
    else:
        book.to_upstream(REFUSED).upstream(error("42883"), IDLE).refuses("hint")
    book.run()


def test_without_an_answer_nobody_asks(references: dict[str, bytes]) -> None:
    """The question may fail; in a failed transaction it is not asked, since the server refuses whatever it is."""
    book = standing_for(references).client(q("select masked")).to_upstream(Question(1))
    book.upstream(FAILED_QUESTION, IDLE).to_upstream(REFUSED).upstream(error("42883"), IDLE)
    book.through(q("begin")).back(done("BEGIN"), IN_TRANSACTION)
    book.through(q("savepoint a")).back(error("42601"), FAILED)
    book.client(q("select masked"))
    book.upstream(error("25P02", "current transaction is aborted"), FAILED)
    book.refuses("search_path", "search_path").run()


@pytest.mark.parametrize(
    "text",
    [
        f"{SOMEBODY} {SET_ADA}",
        f"{SET_ADA}; {SET_EVE}",
        f"select '{TOKEN}' as \"pgveil.token\"",
        f"syntax pgveil.token {TOKEN}",
    ],
)
def test_one_token_in_one_place(text: str) -> None:
    """A text with several, or with one where none is looked for, is refused as a whole."""
    script().client(q(text)).to_upstream(REFUSED).upstream(error("42883"), IDLE).refuses("hint").run()


def test_a_setting_behind_a_statement_that_reads_is_refused(references: dict[str, bytes]) -> None:
    """The statement before it would be planned for whom it names, and has not been."""
    book = standing_for(references).client(q("select masked"))
    book.upstream(*answer(b"public", asker=references["ada"]), IDLE)
    book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE)
    book.client(q(f"select 1; {SET_ADA}")).to_upstream(Query(b"select 1\n;\n" + REFUSED_TEXT))
    book.upstream(error("42883"), IDLE).refuses("hint").run()


def test_settings_and_texts_about_them_pass(references: dict[str, bytes]) -> None:
    """What speaks of the setting without a token is a statement like any other, to be refused like any other."""
    book = script().through(q("show pgveil.token")).back(columns((0, 0)), done("SHOW"), IDLE)
    book.client(q("syntax pgveil.token")).upstream(error("42883"), IDLE)
    book.client(Query(b"show pgveil.token \xff")).upstream(error("42883"), IDLE)
    book.refuses("syntax", "encoding").run()


def test_an_execute_behind_a_token_that_was_set_waits(references: dict[str, bytes]) -> None:
    """A portal that was bound for somebody else is not run for whom the server has been told of since."""
    book = standing_for(references)
    book.client(q("select masked")).to_upstream(Question(1))
    book.upstream(*answer(b"public", asker=references["ada"]), IDLE).to_upstream(q("select masked under 20"))
    book.back(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE)
    book.client(p("", "select 1"), Bind(b"", b"", bytes(6)), FLUSH_MESSAGE).upstream(PARSED, BOUND)
    book.upstream(ParameterStatus("search_path", "other"))
    book.client(Execute(b"")).to_upstream(Question(2, in_flight=True))
    book.upstream(*answer(b"public", asker=references["ada"]))
    book.client(SYNC_MESSAGE).upstream(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE).run()


def test_an_execute_is_refused_where_nobody_says_who_asks(references: dict[str, bytes]) -> None:
    """The question behind a token that was set has failed; this portal may be one that the server knows."""
    book = standing_for(references)
    book.client(Execute(b"unknown"), SYNC_MESSAGE).to_upstream(Question(1))
    book.upstream(FAILED_QUESTION, IDLE).to_upstream(Execute(b"pgveil: statement refused"), SYNC_MESSAGE)
    book.upstream(error("34000"), IDLE).refuses("search_path").run()


def test_an_execute_in_a_failed_transaction_passes(references: dict[str, bytes]) -> None:
    """The server refuses whatever it is, so nobody need be asked for."""
    book = standing_for(references).through(q("begin")).back(done("BEGIN"), IN_TRANSACTION)
    book.through(q("savepoint a")).back(error("42601"), FAILED)
    book.through(Execute(b"unknown"), SYNC_MESSAGE)
    book.upstream(error("25P02", "current transaction is aborted"), FAILED).run()
