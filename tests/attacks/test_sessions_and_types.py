"""Types of parameters, by their OIDs, and what functions that the policy lists leave behind in a session.

Must not know: how a Parse is judged. Invariant: each control shows on bare Postgres that there is something to be had.
"""

from __future__ import annotations

import pytest

from proxy.wire.frontend import SYNC_MESSAGE, Describe, Execute, Parse
from tests.attacks.conftest import Ward
from tests.attacks.test_protocol import past_the_proxy
from tests.attacks.wire import Message, WireSession, bind, rows, sqlstate

ROLE = "reader"
GUESSES = (b"Adelheid", b"Nobody")


def oid_of(ward: Ward, name: str) -> int:
    """The OID of a type."""
    with ward.bare(ward.left) as connection:
        ((oid,),) = connection.execute("SELECT %s::regtype::oid::bigint", [name]).fetchall()
    return int(oid)


def guess(session: WireSession, oid: int, word: bytes) -> list[Message]:
    """A parameter of that type."""
    flight = (Parse(b"", b"SELECT $1", (oid,)), bind(b"", b"", word), Describe(b"P", b""), Execute(b""))
    session.send(b"".join(message.encode() for message in flight) + SYNC_MESSAGE)
    return session.until_ready()


@pytest.mark.parametrize("name", ["ward.known", "ward.known[]", "shop.known"])
def test_a_parameter_of_a_domain_is_no_oracle(ward: Ward, name: str) -> None:
    """Whether its constraint accepts a value tells what the constraint's function reads."""
    oid = oid_of(ward, name)
    written = {"ward.known[]": b"{%s}", "shop.known": b"(1,%s)"}.get(name, b"%s")
    with past_the_proxy(ward, ward.left) as session:
        found = [sqlstate(guess(session, oid, written % word)) for word in GUESSES]
    assert found == [None, "23514"]
    with WireSession.connect(ward.parameters(ROLE, ward.left)) as session:
        heard = [guess(session, oid, written % word) for word in GUESSES]
        assert heard[0] == heard[1]
        assert sqlstate(heard[0]) == "42501"
        assert rows(session.ask("SELECT 1")) == [(b"1",)]


def test_parameters_of_ordinary_types_may_be_named(ward: Ward) -> None:
    """As drivers do for each of their own types."""
    with WireSession.connect(ward.parameters(ROLE, ward.left)) as session:
        assert rows(guess(session, 25, b"x")) == [(b"x",)]


def test_a_session_that_reads_texts_otherwise_ends(ward: Ward) -> None:
    """A function that the policy lists has changed how the server reads strings."""
    with past_the_proxy(ward, ward.left) as session:
        session.ask("SELECT shop.read_otherwise()")
        assert rows(session.ask(r"SELECT 'a\'' || name FROM ward.patients WHERE id = 1 --'"))
    with WireSession.connect(ward.parameters(ROLE, ward.left)) as session:
        heard = session.ask("SELECT shop.read_otherwise()")
        assert sqlstate(heard) == "08006"
        assert heard[-1] == ("", b"gone")


def test_names_are_found_again_when_temporary_tables_are_gone(ward: Ward) -> None:
    """A listed function made one that could be meant, until it is dropped."""
    with WireSession.connect(ward.parameters(ROLE, ward.left)) as session:
        session.ask("SET search_path = shop")
        session.ask("SELECT shop.set_aside()")
        assert sqlstate(session.ask("SELECT label FROM items")) == "0A000"
        assert len(rows(session.ask("SELECT label FROM shop.items"))) == 4
        session.ask("DISCARD ALL")
        session.ask("SET search_path = shop")
        assert len(rows(session.ask("SELECT label FROM items"))) == 4
