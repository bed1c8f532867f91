"""Each attack on the ward: it finds something on bare Postgres, and nothing through the proxy.

Must not know: how statements are masked. Invariant: two databases that the role cannot tell apart give it the same
bytes, whatever it sends and however; none of them is a stored value; and what is answered is the masked copy's answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from psycopg import pq

from tests.attacks.attack_files import Attack, Bare, Ends, load_attacks
from tests.attacks.conftest import ROLES, Ward
from tests.attacks.wire import Message, Way, WireSession, pieces, rows, sqlstate
from tests.support.answers import Answer, answer_of
from tests.support.postgres import VERSION

ATTACKS = load_attacks(VERSION)
LEAST = 250
_CLOCK = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", re.MULTILINE)
# A masked row has no system columns (42703), is of no named type (42846), its columns are no functions (42883), its
# table's name needs no other schema to be taken twice (42712), and a message has one search path (42P01).
REFUSALS = frozenset({"42501", "0A000", "42703", "42846", "42883", "42712", "42P01"})
# What the policy does not show does not exist in the copy; whichever is said, nothing is told.
NOT_THERE = frozenset({"42P01", "42703", "3F000", "42883", "42704", "42501", "0A000"})


def _asked(connection: pq.abc.PGconn, text: str) -> Answer:
    """One simple Query."""
    result = connection.exec_(text.encode())
    return Answer() if result.status == pq.ExecStatus.EMPTY_QUERY else answer_of(connection, result)


class Stage:
    """Sessions to every side, kept for all attacks: one that an attack broke would break those after it."""

    def __init__(self, ward: Ward) -> None:
        self._kept = ExitStack()
        self._wire: dict[tuple[str, str], WireSession] = {}
        self._bare: dict[str, psycopg.Connection] = {}
        self._clients: dict[str, psycopg.Connection] = {}
        self.ward = ward

    def through(self, attack: Attack, side: str, way: Way) -> list[Message]:
        """All that the proxy says to an attack, the session's reset and a look at its health included."""
        session = self._session(attack.role, side)
        heard = [message for step in attack.steps for message in session.ask(step, way)]
        if heard[-1][1] != b"I":
            heard += session.ask("ROLLBACK")
        heard += session.ask("DISCARD ALL")
        healthy = session.ask("SELECT 1")
        assert rows(healthy) == [(b"1",)], "the session is of no use after the attack"
        return heard

    def past(self, attack: Attack, database: str) -> tuple[list[Answer], list[str]]:
        """The same without the proxy, simple: the answers, and the notices."""
        connection = self._connection(database)
        notices: list[str] = []

        def noted(diagnostic: psycopg.errors.Diagnostic) -> None:
            notices.append(str(diagnostic.message_primary))

        connection.add_notice_handler(noted)
        answers = []
        for step in attack.steps:
            answers.append(_asked(connection.pgconn, step))
            notices.append(connection.pgconn.error_message.decode())  # with DETAIL and the like
        connection.remove_notice_handler(noted)
        if connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            connection.pgconn.exec_(b"ROLLBACK")
        connection.pgconn.exec_(b"DISCARD ALL")
        return answers, notices

    @contextmanager
    def as_client(self, role: str) -> Iterator[psycopg.Connection]:
        """libpq's session through the proxy, reset in the end."""
        if role not in self._clients:
            parameters = self.ward.parameters(role, self.ward.left)
            made = psycopg.connect(**parameters, autocommit=True)  # type: ignore[arg-type]  # they are all texts
            self._clients[role] = self._kept.enter_context(made)
        connection = self._clients[role]
        yield connection
        if connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            connection.pgconn.exec_(b"ROLLBACK")
        assert connection.pgconn.exec_(b"DISCARD ALL").status == pq.ExecStatus.COMMAND_OK

    def close(self) -> None:
        """End all sessions."""
        self._kept.close()

    def _session(self, role: str, side: str) -> WireSession:
        key = (role, side)
        if key not in self._wire:
            parameters = self.ward.parameters(role, side)
            self._wire[key] = self._kept.enter_context(WireSession.connect(parameters))
        return self._wire[key]

    def _connection(self, database: str) -> psycopg.Connection:
        if database not in self._bare:
            self._bare[database] = self._kept.enter_context(self.ward.bare(database))
        return self._bare[database]


@pytest.fixture(scope="module")
def stage(ward: Ward) -> Iterator[Stage]:
    """Sessions for all attacks."""
    made = Stage(ward)
    yield made
    made.close()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_it_finds_something_on_bare_postgres(stage: Stage, attack: Attack) -> None:
    """Without the proxy the attack shows what its header says, so that failing through the proxy means something."""
    ward = stage.ward
    left, notices = stage.past(attack, ward.left)
    match attack.bare:
        case Bare.RUNS:
            assert all(a.sqlstate is None for a in left), left
        case Bare.LACKS:
            assert left[-1].sqlstate == "0A000", left
        case Bare.DIFFERS:
            right = stage.past(attack, ward.right[attack.role])
            assert (left, notices) != right, left
        case Bare.PRINTS:
            told = [str(a.message).encode() for a in left] + [n.encode() for n in notices]
            cells = [cell for a in left for row in a.rows for cell in row if cell is not None]
            assert ward.canaries[attack.role].found([*cells, *told], said=" ".join(attack.steps)), left


@pytest.mark.parametrize("way", Way, ids=lambda w: w.value)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_it_finds_nothing_through_the_proxy(stage: Stage, attack: Attack, way: Way) -> None:
    """Both databases give the same bytes, in which no stored value is, and the session stays of use."""
    ward = stage.ward
    left = stage.through(attack, ward.left, way)
    right = stage.through(attack, ward.right[attack.role], way)
    assert ward.canaries[attack.role].found(pieces(left), said=" ".join(attack.steps)) == []
    assert left == right
    if attack.ends is Ends.REFUSED:
        assert sqlstate(left) is not None


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_it_is_answered_as_by_the_masked_copy(stage: Stage, attack: Attack) -> None:
    """Step by step: a refusal, or the rows, order included, or the error's code of the role's copy."""
    ward = stage.ward
    expected, _ = stage.past(attack, ward.masked[attack.role])
    with stage.as_client(attack.role) as connection:
        for step, wanted in zip(attack.steps, expected, strict=True):
            got = _asked(connection.pgconn, step)
            if got.sqlstate is not None and got.sqlstate in REFUSALS and attack.ends is not Ends.ANSWERED:
                return
            if got.sqlstate in NOT_THERE and wanted.sqlstate in NOT_THERE:
                return
            assert (got.sqlstate, got.tag) == (wanted.sqlstate, wanted.tag), step
            assert Counter(got.rows) == Counter(wanted.rows), step
            assert got.rows == wanted.rows or "order by" not in step.lower(), step


def test_nothing_is_written_down(stage: Stage) -> None:
    """After all attacks no stored value is in the proxy's log, in the journal or among the metrics."""
    proxy = stage.ward.proxy
    # Among the stored values are times of day, which the clock shows too.
    recorded = {str(value) for record in proxy.journal() for name, value in record.items() if name != "time"}
    logged = _CLOCK.sub("", proxy.log())
    written = [line.encode() for text in (logged, proxy.metrics()) for line in {*text.splitlines()}]
    written += [text.encode() for text in recorded if not text.replace(".", "").isdigit()]
    for role in ROLES:
        found = stage.ward.canaries[role].found(written)
        assert [value for value in found if not value.replace(".", "").isdigit()] == []  # metrics are full of numbers


def test_there_are_enough() -> None:
    """Every channel has attacks, and all together there are as many as were asked for."""
    by_channel = Counter(attack.channel for attack in ATTACKS)
    assert sum(by_channel.values()) >= LEAST, by_channel
    assert min(by_channel.values()) >= 3, by_channel
