"""A policy, a catalog or an asker that changes between any two messages never lets rows of the one before out.

Must not know: how decisions are made anew. Invariant: whatever a flight is cut by, what is asked for after the cut is
answered under what is in force then, or refused; and the session goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from proxy.errors import PolicyRefusal, ProxyError
from proxy.session.conversation import Conversation
from proxy.session.hints import NO_HINTS, Hint, Hinting
from proxy.wire.backend import DATA_ROW, parse_data_row
from proxy.wire.frames import HEADER, HEADER_SIZE
from proxy.wire.frontend import FLUSH_MESSAGE, SYNC_MESSAGE, Bind, Close, Describe, Execute, Parse, Query
from tests.support.fake_planning import FakePlanning, FakeWatching
from tests.support.model_server import ModelServer

_NOTHING = bytes(6)
SYNC = SYNC_MESSAGE
TOKENS = {"ada": "a.a.a", "bob": "b.b.b"}
VERSIONS = {"login": 10, "ada": 20, "bob": 30}
# A cursor that SQL has declared is read with FETCH: Execute of one that was closed meanwhile may end the session.
MAY_END = frozenset({"a cursor, executed", "a cursor by both protocols"})


def parse(text: str, name: bytes = b"") -> bytes:
    """A Parse."""
    return Parse(name, text.encode()).encode()


def bound(name: bytes = b"", portal: bytes = b"") -> bytes:
    """A Bind without parameters."""
    return Bind(portal, name, _NOTHING).encode()


def described(portal: bytes = b"") -> bytes:
    """A Describe of a portal."""
    return Describe(b"P", portal).encode()


def run(portal: bytes = b"", limit: int = 0) -> bytes:
    """An Execute."""
    return Execute(portal, limit).encode()


def query(text: str) -> bytes:
    """A Query."""
    return Query(text.encode()).encode()


WHOLE = bound(b"s") + described() + run() + SYNC
FLIGHTS: dict[str, list[bytes]] = {
    "simple": [query("select x masked")] * 3,
    "several in a query": [query("begin; select x masked; select x masked"), query("select x masked; commit")],
    "one by one": [parse("select x masked"), bound(), described(), run(), SYNC] * 2,
    "prepared": [parse("select x masked", b"s"), SYNC, bound(b"s"), described(), run(), SYNC, bound(b"s"), run(), SYNC],
    "whole flights": [parse("select x masked", b"s"), SYNC, WHOLE, WHOLE, bound(b"s") + run() + SYNC],
    "described as a statement": [
        parse("select x masked", b"s"), Describe(b"S", b"s").encode(), SYNC, bound(b"s"), run(), SYNC
    ],
    "pipelined": [
        parse("select x masked", b"s"), bound(b"s"), run(), bound(b"s"), run(), parse("select x masked"), bound(),
        described(), run(), SYNC,
    ],
    "flushed": [parse("select x masked"), bound(), FLUSH_MESSAGE, described(), run(), FLUSH_MESSAGE, run(), SYNC],
    "in parts": [
        query("begin"), parse("select x masked"), bound(b"", b"p"), described(b"p"), run(b"p", 1), SYNC,
        run(b"p", 1), SYNC, run(b"p", 1), SYNC, query("commit"),
    ],
    "in parts, one flight": [parse("select x masked"), bound(), run(b"", 1), run(b"", 1), run(b"", 1), SYNC],
    "a closed portal": [
        query("begin"), parse("select x masked", b"s"), bound(b"s", b"p"), Close(b"P", b"p").encode(), run(b"p"), SYNC,
        query("rollback"), bound(b"s"), run(), SYNC,
    ],
    "a cursor": [
        query("begin"), query("declare c x masked"), query("fetch c"), query("fetch c"), query("close c"),
        query("declare c x masked"), query("fetch c"), query("commit"),
    ],
    "a cursor with hold": [
        query("declare c hold x masked"), query("fetch c"), query("begin"), query("fetch c"), query("commit"),
        query("fetch c"), query("close c"),
    ],
    "a cursor by both protocols": [
        query("begin"), query("declare c x masked"), parse("fetch c", b"f"), bound(b"f"), described(), run(), SYNC,
        bound(b"f"), run(), SYNC, query("fetch c"), query("commit"),
    ],
    "a cursor, executed": [query("begin"), query("declare c x masked"), described(b"c"), run(b"c"), SYNC],
    "prepared by SQL": [
        query("prepare q x masked"), query("execute q"), query("execute q"), query("begin"), query("execute q"),
        query("commit"),
    ],
    "prepared by SQL, executed by messages": [
        query("prepare q x masked"), parse("execute q", b"e"), bound(b"e"), described(), run(), SYNC, bound(b"e"),
        run(), SYNC, bound(b"q"), described(), run(), SYNC,
    ],
    "prepared by messages, executed by SQL": [parse("select x masked", b"s"), SYNC, query("execute s")] ,
}  # fmt: skip


class Peers:
    """A conversation between a client that sends, and a server that answers at once or only in the end.

    What is sent upstream is stamped with the planner's version at that moment.
    """

    def __init__(self, planning: FakePlanning, *, eager: bool, hints: Hinting = NO_HINTS) -> None:
        self.server = ModelServer()
        self.told = bytearray()
        self._planning = planning
        self._sent: list[tuple[int, bytes]] = []
        self._eager = eager
        self.conversation = Conversation(
            planning=planning,
            watching=FakeWatching(),
            to_client=self.told.extend,
            to_upstream=lambda data: self._sent.append((planning.policy, data)),
            clock=lambda: 0.0,
            search_path=("public",),
            hints=hints,
        )

    def send(self, message: bytes) -> None:
        """The client sends."""
        self.conversation.client_bytes(message)
        if self._eager:
            self.settle()

    def settle(self) -> None:
        """The server answers all that it has got, and what follows from that."""
        while self._sent:
            self.server.now, data = self._sent.pop(0)
            self.conversation.upstream_bytes(self.server.answer(data))

    def rows(self) -> list[list[str]]:
        """The words of each row that the client was told."""
        found, at, data = [], 0, bytes(self.told)
        while at < len(data):
            tag, length = HEADER.unpack_from(data, at)
            if tag == DATA_ROW:
                (cell,) = parse_data_row(data[at + HEADER_SIZE : at + 1 + length])
                found.append((cell or b"").decode().split())
            at += 1 + length
        return found

    def play(self, flight: list[bytes], before: Callable[[int], None]) -> bool:
        """Send all, and a last statement that must be answered; False where the session was ended instead.

        ``before`` is called with each message's number.
        """
        try:
            for number, message in enumerate(flight):
                before(number)
                self.send(message)
            before(len(flight))
            for last in (SYNC, query("rollback"), query("select x masked")):
                self.send(last)
            self.settle()
        except ProxyError:
            return False
        assert self.conversation.idle
        assert self.rows()[-1][1:] == [str(self._planning.policy)] * 2
        return True


def test_the_flights_give_rows() -> None:
    """Without a change each of them gives some, so that nothing could be shown by their silence."""
    for name, flight in FLIGHTS.items():
        peers = Peers(FakePlanning(), eager=True)
        assert peers.play(flight, lambda number: None), name
        assert peers.rows().count(["x", "1", "1"]) > 3, name


@pytest.mark.parametrize("eager", [True, False], ids=["answered at once", "answered late"])
@pytest.mark.parametrize("name", FLIGHTS)
def test_a_change_lets_nothing_old_out(name: str, eager: bool) -> None:
    """Every row is of the version in force when it was asked for, at every cut and at every two that are neighbours."""
    flight = FLIGHTS[name]
    ended = 0
    for first in range(len(flight) + 1):
        for second in (first, first + 1):
            planning = FakePlanning()
            peers = Peers(planning, eager=eager)

            def changed(number: int, cuts: set[int], planning: FakePlanning = planning) -> None:
                planning.policy += number in cuts

            ended += not peers.play(flight, partial(changed, cuts={first, second}))
            stale = [row for row in peers.rows() if row[1] != row[2]]
            assert stale == [], (name, first, second)
    assert ended == 0 or name in MAY_END


class Askers:
    """Everybody has a planner's version of their own; ``expired`` are no longer accepted."""

    def __init__(self, planning: FakePlanning) -> None:
        self.login = self.in_force = "login"
        self.expired: set[str] = set()
        self._planning = planning

    def asker(self, hint: Hint) -> object:
        """By the first part of the token."""
        who = next(name for name, token in TOKENS.items() if token == hint.token)
        if who in self.expired:
            raise PolicyRefusal("the hint is not accepted", reason="hint")
        return who

    def act_as(self, asker: object) -> None:
        """Their version is in force."""
        self.in_force = str(asker)
        self._planning.policy = VERSIONS[self.in_force]


def hinted(flight: list[bytes], who: str) -> list[bytes]:
    """The flight with a hint in each text that reads, and in what runs it."""
    word = who.encode()
    marked = [message.replace(b"x masked", word + b" masked") for message in flight]
    return [_with_hint(message, f"/* pgveil: {TOKENS[who]} */ ".encode()) for message in marked]


def _with_hint(message: bytes, hint: bytes) -> bytes:
    if message[:1] == b"Q":
        return Query(hint + message[HEADER_SIZE:-1]).encode()
    if message[:1] == b"P":
        name, text, _ = message[HEADER_SIZE:].split(b"\0", 2)
        return Parse(name, hint + text).encode()
    return message


@pytest.mark.parametrize("name", [name for name in FLIGHTS if name != "several in a query"])
def test_an_asker_gets_nothing_of_anothers(name: str) -> None:
    """Somebody else asks, or the asker's token expires, between any two messages: rows are those of who asked."""
    flight = hinted(FLIGHTS[name], "ada")
    for cut in range(len(flight)):
        for expires in (False, True):
            planning = FakePlanning(policy=VERSIONS["login"])
            askers = Askers(planning)
            peers = Peers(planning, eager=True, hints=askers)
            told = 0
            try:
                for number, message in enumerate(flight):
                    if number == cut:
                        if expires:
                            askers.expired.add("ada")
                            planning.policy = -1  # as the generation of one who has expired: equal to none before
                        else:
                            peers.send(hinted([query("select x masked")], "bob")[0])
                        told = len(peers.rows())
                    peers.send(message)
            except ProxyError:
                assert name in MAY_END
            rows = peers.rows()
            assert [row for row in rows if int(row[1]) != VERSIONS[row[0]]] == [], (name, cut)
            assert not (expires and [row for row in rows[told:] if row[0] == "ada"]), (name, cut)
