"""Attacks by the protocol itself: each finds something on bare Postgres, and nothing through the proxy.

Must not know: how the proxy answers messages. Invariant: two databases that the role cannot tell apart give it the same
bytes for the same messages, none of them holds a stored value, and the session stays of use.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from struct import pack

import psycopg
import pytest

from proxy.wire.frames import frame
from proxy.wire.frontend import FLUSH_MESSAGE, SYNC_MESSAGE, Close, Describe, Execute, Parse, Query
from tests.attacks.attack_files import Bare
from tests.attacks.conftest import Ward
from tests.attacks.wire import PATIENCE, Message, WireSession, bind, pieces, rows, sqlstate

ROLE = "reader"
NAMES = "SELECT name FROM patients ORDER BY id"
STORED = "SELECT name, ssn FROM ward.patients ORDER BY id"
TYPES = (
    "SELECT ssn, name, dob, zip, phone, email, income, score, note, seen, chart, aliases, photo, active "
    "FROM ward.patients ORDER BY id"
)
LONG = b"n" * 70
_ANSWERED_BY_READY = frozenset(b"QSF")


def query(text: str) -> bytes:
    """A Query."""
    return Query(text.encode()).encode()


def parse(text: str, name: bytes = b"") -> bytes:
    """A Parse."""
    return Parse(name, text.encode(), ()).encode()


def bound(name: bytes = b"", portal: bytes = b"", *values: bytes | None, results: tuple[int, ...] = ()) -> bytes:
    """A Bind."""
    return bind(portal, name, *values, results=results).encode()


def described(portal: bytes = b"") -> bytes:
    """A Describe of a portal."""
    return Describe(b"P", portal).encode()


def executed(portal: bytes = b"", limit: int = 0) -> bytes:
    """An Execute."""
    return Execute(portal, limit).encode()


def run(text: str, *values: bytes | None, results: tuple[int, ...] = ()) -> bytes:
    """Parse, Bind, Describe and Execute."""
    return parse(text) + bound(b"", b"", *values, results=results) + described() + executed()


def called(oid: int, *arguments: bytes, binary: bool = False) -> bytes:
    """A FunctionCall (manual, 54.7); an oid of 0 stands for that of ``ward.peek``."""
    given = b"".join(pack("!i", len(a)) + a for a in arguments)
    form = int(binary)
    return frame(ord("F"), pack("!iHhH", oid, 1, form, len(arguments)) + given + pack("!h", form))


SYNC, FLUSH = SYNC_MESSAGE, FLUSH_MESSAGE
PATH = query("SET search_path = ward")
SHOP = query("SET search_path = shop")
BEGIN, COMMIT = query("BEGIN"), query("COMMIT")
TO_WARD = "SET search_path = ward"


@dataclass(frozen=True, slots=True)
class Conversation:
    """``steps`` are sent one after the other, each when the one before is answered."""

    channel: str
    title: str
    bare: Bare
    steps: tuple[bytes, ...]


def _attacks(channel: str, bare: Bare, **steps: tuple[bytes, ...]) -> list[Conversation]:
    return [Conversation(channel, title.replace("_", " "), bare, flights) for title, flights in steps.items()]


ATTACKS = [
    *_attacks(
        "fast path",
        Bare.PRINTS,
        a_function_that_reads=(called(0, b"1"),),
        in_binary=(called(0, pack("!i", 1), binary=True),),
        in_a_transaction=(BEGIN, called(0, b"1"), COMMIT),
        behind_a_bound_portal=(parse("SELECT 1") + bound() + called(0, b"1"),),
    ),
    *_attacks(
        "fast path", Bare.RUNS, a_file=(called(3826, b"PG_VERSION"),), a_setting=(called(2077, b"data_directory"),)
    ),
    *_attacks(
        "search path",
        Bare.PRINTS,
        parsed_before=(SHOP, parse(NAMES, b"s") + SYNC, PATH, bound(b"s") + described() + executed() + SYNC),
        parsed_and_described_before=(
            SHOP,
            parse(NAMES, b"s") + Describe(b"S", b"s").encode() + SYNC,
            PATH,
            bound(b"s") + executed() + SYNC,
        ),
        prepared_by_SQL_before=(SHOP, query(f"PREPARE s AS {NAMES}"), PATH, query("EXECUTE s")),
        parsed_before_and_executed_by_SQL=(SHOP, parse(NAMES, b"s") + SYNC, PATH, query("EXECUTE s")),
        prepared_by_SQL_and_bound=(SHOP, query(f"PREPARE s AS {NAMES}"), PATH, bound(b"s") + executed() + SYNC),
        set_in_the_same_flight=(SHOP, run(TO_WARD) + run(NAMES) + SYNC),
        set_in_the_same_flight_with_flushes=(SHOP, run(TO_WARD) + FLUSH + run(NAMES) + FLUSH + SYNC),
        set_by_a_function=(SHOP, run("SELECT set_config('search_path', 'ward', false)") + run(NAMES) + SYNC),
        set_in_the_same_message=(SHOP, query(f"{TO_WARD}; {NAMES}")),
        set_locally=(SHOP, BEGIN, query("SET LOCAL search_path = ward"), run(NAMES) + SYNC, COMMIT),
        set_and_taken_back=(
            PATH,
            BEGIN,
            query("SAVEPOINT a; SET LOCAL search_path = shop"),
            query("ROLLBACK TO a"),
            query(NAMES),
            COMMIT,
        ),
        parsed_while_another_change_fails=(
            PATH,
            parse("SET search_path = shop") + bound() + run("SELECT 1/0") + executed() + SYNC,
            run(NAMES) + SYNC,
        ),
        executed_by_SQL_in_the_same_message=(SHOP, parse(NAMES, b"s") + SYNC, query(f"{TO_WARD}; EXECUTE s")),
        a_search_path_that_leads_to_a_temporary_table=(
            query("CREATE TEMP TABLE patients AS SELECT * FROM ward.patients"),
            query("SELECT name FROM patients"),
        ),
    ),
    *_attacks(
        "names",
        Bare.PRINTS,
        a_cursor_executed_by_protocol=(BEGIN, query(f"DECLARE c CURSOR FOR {STORED}"), executed(b"c") + SYNC, COMMIT),
        a_cursor_described_and_executed=(
            BEGIN,
            query(f"DECLARE c BINARY CURSOR FOR {STORED}"),
            described(b"c") + executed(b"c", 2) + executed(b"c") + SYNC,
            COMMIT,
        ),
        a_portal_fetched_by_SQL=(BEGIN, parse(STORED) + bound(b"", b"p") + SYNC, query("FETCH ALL FROM p"), COMMIT),
        a_portal_fetched_in_binary=(
            BEGIN,
            parse(STORED, b"s") + bound(b"s", b"p", results=(1,)) + SYNC,
            run("FETCH 2 FROM p") + run("FETCH ALL FROM p", results=(0,)) + SYNC,
            COMMIT,
        ),
        a_portal_closed_by_SQL_and_declared_anew=(
            BEGIN,
            parse("SELECT name FROM shop.patients") + bound(b"", b"p") + described(b"p") + SYNC,
            query(f"CLOSE p; DECLARE p CURSOR FOR {STORED}"),
            executed(b"p") + SYNC,
            COMMIT,
        ),
        a_statement_deallocated_and_prepared_anew=(
            parse("SELECT name FROM shop.patients", b"s") + SYNC,
            query("DEALLOCATE s"),
            query(f"PREPARE s AS {STORED}"),
            bound(b"s") + described() + executed() + SYNC,
        ),
        a_name_longer_than_names_are=(
            parse("SELECT name FROM shop.patients", LONG) + SYNC,
            query(f"DEALLOCATE {LONG.decode()}; PREPARE {LONG[:63].decode()} AS {STORED}"),
            bound(LONG) + executed() + SYNC,
        ),
        a_cursor_with_hold=(
            query(f"DECLARE h CURSOR WITH HOLD FOR {STORED}"),
            executed(b"h", 1) + SYNC,
            query("FETCH ALL FROM h"),
        ),
        execute_of_a_portal_of_execute=(
            parse(STORED, b"s") + SYNC,
            parse("EXECUTE s", b"e") + bound(b"e", b"p") + described(b"p") + executed(b"p") + SYNC,
        ),
        the_texts_of_prepared_statements=(
            parse(STORED, b"s") + SYNC,
            query("SELECT statement FROM pg_prepared_statements"),
            query("EXECUTE s"),
        ),
        discarded_with_open_portals=(
            BEGIN,
            parse(STORED) + bound(b"", b"p") + executed(b"p", 1) + SYNC,
            query("DISCARD ALL"),
            executed(b"p") + SYNC,
            COMMIT,
        ),
        a_portal_whose_statement_is_closed=(
            BEGIN,
            parse(STORED, b"s") + bound(b"s", b"p") + Close(b"S", b"s").encode() + executed(b"p") + SYNC,
            COMMIT,
        ),
        a_portal_bound_again_to_another=(
            BEGIN,
            parse("SELECT name, name FROM shop.patients", b"a") + bound(b"a", b"p") + described(b"p") + SYNC,
            Close(b"P", b"p").encode() + parse(STORED, b"b") + bound(b"b", b"p") + executed(b"p") + SYNC,
            COMMIT,
        ),
    ),
    *_attacks(
        "pipelines",
        Bare.PRINTS,
        flushed_before_the_end=(run(STORED) + FLUSH + run("SELECT 1/0") + FLUSH + run(STORED) + SYNC,),
        a_portal_in_parts=(
            BEGIN,
            parse(STORED) + bound() + executed(b"", 1) + executed(b"", 1) + executed() + SYNC,
            COMMIT,
        ),
        a_refusal_and_what_follows=(query("SELECT ward.peek(1); SELECT ward.peek(2)"),),
        a_refusal_behind_an_answer=(query("SELECT 1; SELECT ward.peek(2)"),),
        a_refused_parse_and_the_old_statement=(
            parse("SELECT 1") + SYNC,
            parse("SELECT ward.peek(1)") + SYNC,
            run("SELECT ward.peek(2)") + SYNC,
        ),
        a_refusal_between_two_executes=(run(STORED) + run("SELECT ward.peek(1)") + run(STORED) + SYNC,),
        a_query_inside_a_flight=(parse(STORED, b"s") + bound(b"s") + query(STORED), bound(b"s") + executed() + SYNC),
        many_binds_of_which_one_fails=(
            parse("SELECT name FROM ward.patients WHERE id = $1", b"s")
            + b"".join(bound(b"s", b"", v) + described() + executed() for v in (b"1", b"2", b"x", b"3"))
            + SYNC,
        ),
    ),
    *_attacks(
        "errors",
        Bare.PRINTS,
        in_the_middle_of_rows=(run("SELECT name, 1 / (id - 3) FROM ward.patients") + SYNC,),
        in_the_middle_of_rows_by_query=(
            query("SELECT 1, (CASE WHEN id = 3 THEN name ELSE '1' END)::int FROM ward.patients"),
        ),
        in_a_cast_in_a_pipeline=(run("SELECT ssn::bpchar::text::int FROM ward.patients") + FLUSH + SYNC,),
        in_a_fetch=(
            BEGIN,
            query("DECLARE c CURSOR FOR SELECT name::int FROM ward.patients"),
            executed(b"c") + SYNC,
            query("ROLLBACK"),
        ),
        in_a_parameter_beside_a_value=(run("SELECT (name || $1)::date FROM ward.patients", b"!") + SYNC,),
        in_COPY=(query("COPY (SELECT name, 1 / (id - 3) FROM ward.patients) TO STDOUT"),),
        in_COPY_by_a_cast=(query("COPY (SELECT name::int FROM ward.patients) TO STDOUT"),),
    ),
    *_attacks(
        "deferred constraints",
        Bare.DIFFERS,
        at_commit=(
            BEGIN,
            query("INSERT INTO shop.orders SELECT 100 + id, income::int, 1 FROM ward.patients WHERE id = 1"),
            COMMIT,
        ),
        at_sync=(
            run("INSERT INTO shop.orders SELECT 100 + id, income::int, 1 FROM ward.patients WHERE id = 1") + SYNC,
        ),
        at_the_end_of_a_message=(
            query("INSERT INTO shop.orders SELECT 100 + id, income::int, 1 FROM ward.patients WHERE id = 1; SELECT 1"),
        ),
        at_set_constraints=(
            BEGIN,
            query("INSERT INTO shop.orders SELECT 100 + id, income::int, 1 FROM ward.patients WHERE id = 1"),
            query("SET CONSTRAINTS ALL IMMEDIATE"),
            query("ROLLBACK"),
        ),
        of_a_row_in_a_pipeline=(
            run("INSERT INTO shop.orders SELECT 100, income::int, NULL FROM ward.patients WHERE id = 1") + FLUSH + SYNC,
        ),
    ),
    *_attacks(
        "notices",
        Bare.PRINTS,
        raised_by_a_function=(run("SELECT count(*) FROM ward.patients WHERE ward.tell(name)") + SYNC,),
        with_more_of_them_wanted=(
            query("SET client_min_messages = debug5"),
            query("SELECT count(*) FROM ward.patients WHERE ward.tell(name)"),
        ),
        by_a_domain=(run("SELECT name::ward.told FROM ward.patients") + SYNC,),
    ),
    *_attacks(
        "notices",
        Bare.RUNS,
        the_parse_tree=(query("SET client_min_messages = log; SET debug_print_parse = on"), query(STORED)),
        the_duration=(query("SET client_min_messages = log; SET log_min_duration_statement = 0"), query(STORED)),
        the_executor=(query("SET client_min_messages = log; SET log_executor_stats = on"), query(STORED)),
    ),
    *_attacks(
        "notifications",
        Bare.PRINTS,
        by_a_function=(query("LISTEN x"), run("SELECT pg_notify('x', name) FROM ward.patients") + SYNC),
        of_a_channel=(query("LISTEN x"), query("SELECT pg_notify('x', ssn) FROM ward.patients WHERE ssn IS NOT NULL")),
    ),
    *_attacks(
        "parameters",
        Bare.PRINTS,
        by_set_config=(
            run("SELECT set_config('application_name', name, false) FROM ward.patients WHERE id = 1") + SYNC,
        ),
        by_set_config_in_a_transaction=(
            BEGIN,
            query("SELECT 1 FROM ward.patients WHERE id = 2 AND set_config('application_name', name, true) <> ''"),
            COMMIT,
        ),
        by_the_error_of_set_config=(
            query("SELECT set_config('DateStyle', ssn, false) FROM ward.patients WHERE id = 1"),
        ),
        by_a_setting_of_ones_own=(
            query("SELECT set_config('my.own', string_agg(name, ','), false) FROM ward.patients"),
            query("SHOW my.own"),
        ),
    ),
    *_attacks(
        "COPY",
        Bare.PRINTS,
        a_table_in_binary=(query("COPY ward.notes TO STDOUT (FORMAT binary)"),),
        by_the_extended_protocol=(run("COPY ward.patients TO STDOUT") + SYNC,),
        twice_in_a_message=(
            query("COPY ward.patients (name) TO STDOUT; COPY ward.patients (ssn) TO STDOUT (FORMAT csv)"),
        ),
        a_program=(query("COPY (SELECT name FROM ward.patients) TO PROGRAM 'cat >&2'; COPY ward.patients TO STDOUT"),),
    ),
    *_attacks(
        "formats",
        Bare.PRINTS,
        every_masked_type_in_binary=(run(TYPES, results=(1,)) + SYNC,),
        each_column_in_its_own=(run(TYPES, results=tuple(n % 2 for n in range(14))) + SYNC,),
        text_first_and_binary_after=(
            parse(TYPES, b"s")
            + bound(b"s", b"a", results=(0,))
            + executed(b"a", 1)
            + bound(b"s", b"b", results=(1,))
            + executed(b"b")
            + SYNC,
        ),
        a_whole_row_in_binary=(run("SELECT p FROM ward.patients p ORDER BY id", results=(1,)) + SYNC,),
        an_array_in_binary=(run("SELECT array_agg(name ORDER BY id) FROM ward.patients", results=(1,)) + SYNC,),
    ),
]


@contextmanager
def past_the_proxy(ward: Ward, database: str) -> Iterator[WireSession]:
    """The superuser's session, on a socket on which psycopg has logged in."""
    with ward.bare(database) as connection, socket.socket(fileno=os.dup(connection.pgconn.socket)) as raw:
        raw.settimeout(PATIENCE)
        yield WireSession(raw)
        connection.pgconn.finish()


def converse(session: WireSession, attack: Conversation, peek: int) -> list[Message]:
    """All that is said to an attack, and to a look at the session's health after it."""
    heard: list[Message] = []
    for step in attack.steps:
        session.send(_aimed(step, peek))
        for _ in range(_readies(step)):
            heard += session.until_ready()
    heard += [] if heard[-1][1] == b"I" else session.ask("ROLLBACK")
    heard += session.ask("DISCARD ALL")
    assert rows(session.ask("SELECT 1")) == [(b"1",)], heard
    return heard


def _messages(step: bytes) -> Iterator[bytes]:
    while step:
        size = 1 + int.from_bytes(step[1:5], "big")
        yield step[:size]
        step = step[size:]


def _aimed(step: bytes, peek: int) -> bytes:
    aimed = (m[:5] + pack("!i", peek) + m[9:] if m[:1] == b"F" and m[5:9] == bytes(4) else m for m in _messages(step))
    return b"".join(aimed)


def _readies(step: bytes) -> int:
    return sum(message[0] in _ANSWERED_BY_READY for message in _messages(step))


@pytest.fixture(scope="module")
def peek(ward: Ward) -> int:
    """The OID of a function that reads by itself."""
    with ward.bare(ward.left) as connection:
        ((oid,),) = connection.execute("SELECT 'ward.peek'::regproc::oid::bigint").fetchall()
    return int(oid)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.channel}: {a.title}")
def test_it_finds_something_on_bare_postgres(ward: Ward, peek: int, attack: Conversation) -> None:
    """Without the proxy it prints stored values, tells two databases apart, or reaches what it should not."""
    with past_the_proxy(ward, ward.left) as session:
        left = converse(session, attack, peek)
    match attack.bare:
        case Bare.PRINTS:
            assert ward.canaries[ROLE].found(pieces(left)), left
        case Bare.DIFFERS:
            with past_the_proxy(ward, ward.right[ROLE]) as session:
                assert converse(session, attack, peek) != left
        case Bare.RUNS | Bare.LACKS:
            assert sqlstate(left) is None, left


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.channel}: {a.title}")
def test_it_finds_nothing_through_the_proxy(ward: Ward, peek: int, attack: Conversation) -> None:
    """Both databases give the same bytes, in which no stored value is, and the session stays of use."""
    heard = []
    for side in (ward.left, ward.right[ROLE]):
        with WireSession.connect(ward.parameters(ROLE, side)) as session:
            heard.append(converse(session, attack, peek))
    left, right = heard
    assert ward.canaries[ROLE].found(pieces(left)) == []
    assert left == right


def test_there_are_attacks_of_every_channel() -> None:
    """The count, by channel."""
    counted = Counter(attack.channel for attack in ATTACKS)
    assert min(counted.values()) >= 2, counted
    assert len(ATTACKS) >= 60, counted


@pytest.mark.parametrize(
    "startup",
    [
        {"replication": "database"},
        {"replication": "true"},
        {"role": "postgres"},
        {"session_authorization": "postgres"},
        {"options": "-c role=postgres"},
        {"options": "-c session_authorization=postgres"},
        {"options": "-c debug_print_plan=on -c client_min_messages=log"},
        {"options": "--log-statement=all"},
        {"options": "-c log_min_duration_statement=0"},
        {"options": "-c session_preload_libraries=auto_explain"},
        {"options": "-c local_preload_libraries=x"},
        {"options": "-e"},
        {"options": "-c row_security=off"},
        {"session_replication_role": "replica"},
        {"debug_print_parse": "on"},
        {"allow_system_table_mods": "on"},
        {"standard_conforming_strings": "off"},
        {"options": "-c\\ standard_conforming_strings=off"},
        {"plan_cache_mode\0role": "x"},
    ],
    ids=str,
)
def test_a_startup_with_powers_is_refused(ward: Ward, startup: dict[str, str]) -> None:
    """The login fails with an error of ours, before anything is upstream for it."""
    try:
        with WireSession.connect(ward.parameters(ROLE, ward.left), **startup) as session:
            greeting = session.greeting
    except ConnectionError:
        return
    assert sqlstate(greeting) is not None, greeting


@pytest.mark.parametrize("startup", [{"search_path": "ward"}, {"options": "-c search_path=ward,shop"}], ids=str)
def test_a_path_set_at_startup_is_known(ward: Ward, startup: dict[str, str]) -> None:
    """Names are looked up as the server does, so what is masked is."""
    with WireSession.connect(ward.parameters(ROLE, ward.left), **startup) as session:
        heard = session.ask(NAMES)
    assert len(rows(heard)) > 2
    assert ward.canaries[ROLE].found(pieces(heard)) == []


def test_what_others_notify_does_not_reach_a_restricted_session(ward: Ward) -> None:
    """An unrestricted session's payload may hold a stored value."""
    with WireSession.connect(ward.parameters(ROLE, ward.left)) as session, ward.bare(ward.left) as other:
        heard = session.ask("LISTEN x")
        other.execute("SELECT pg_notify('x', name) FROM ward.patients")
        heard += session.ask("SELECT 1") + session.ask("SELECT 2")
    assert ward.canaries[ROLE].found(pieces(heard)) == []


def test_a_query_cancelled_among_its_rows_tells_nothing(ward: Ward) -> None:
    """Neither in its rows nor in its error, and the session goes on."""
    text = "SELECT p.name, n FROM ward.patients p, generate_series(1, 3000000) n"
    parameters = ward.parameters(ROLE, ward.left)
    with psycopg.connect(**parameters, autocommit=True) as connection:  # type: ignore[arg-type]  # all are texts
        raw = connection.pgconn
        raw.send_query(text.encode())
        raw.set_single_row_mode()
        first = raw.get_result()
        assert first is not None
        heard = [first.get_value(0, 0) or b""]
        connection.cancel_safe()
        while (result := raw.get_result()) is not None:
            heard += [result.get_value(0, 0) or b""] if result.ntuples else [result.error_message]
        assert b"cancel" in heard[-1]
        assert ward.canaries[ROLE].found({*heard}) == []
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
