"""A real database that stops and starts again under sessions in every state, and what their clients are told."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
import pytest

from proxy.wire.backend import parse_error_response
from proxy.wire.frontend import SYNC_MESSAGE, Bind, Execute, Parse, Query
from tests.support.mortal_postgres import MortalPostgres, Shutdown, mortal_clinic
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, run_proxy
from tests.support.wire_session import Message, WireSession, wire_session

MASKED = "SELECT zip FROM clinic.patients WHERE patient_id = 1"
SLEEP = b"SELECT pg_sleep(60)"
# Rows of a masked column for longer than any buffer on the way holds.
ENDLESS = "SELECT p.zip, q.zip FROM clinic.patients p, clinic.patients q, generate_series(1, 100)"
SAID = {"57P01", "08006"}  # what the server says before it goes, and what we say where it could not
WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Ground:
    """A proxy with spares in front of a database that a test may stop."""

    server: MortalPostgres
    clinic: Clinic
    proxy: ProxyProcess


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One for all tests of this file; each leaves the server running."""
    with MortalPostgres() as server:
        clinic = asyncio.run(mortal_clinic(server))
        upstream = {"host": "127.0.0.1", "tls": "disable", "spares": 3}
        with run_proxy(tmp_path_factory.mktemp("restarts"), clinic, upstream=upstream) as proxy:
            yield Ground(server, clinic, proxy)


def to_the_end(session: WireSession) -> list[Message]:
    """All messages that still come; the last one may have been cut off."""
    messages: list[Message] = []
    try:
        while True:
            messages.append(session.message())
    except (EOFError, ConnectionResetError):
        return messages


def told(messages: list[Message]) -> list[str]:
    """The SQLSTATEs of the errors among them."""
    return [parse_error_response(body).sqlstate for tag, body in messages if tag == "E"]


def sessions_become(proxy: ProxyProcess, count: int) -> None:
    """Wait until there are so many."""
    end = time.monotonic() + WAIT_SECONDS
    while proxy.metric("pgveil_sessions") != count:
        assert time.monotonic() < end, proxy.metric("pgveil_sessions")
        time.sleep(0.05)


def extended(text: bytes) -> bytes:
    """One statement by the extended protocol, without a Sync."""
    return Parse(b"", text).encode() + Bind(b"", b"", bytes(6)).encode() + Execute(b"").encode()


@pytest.mark.parametrize("how", Shutdown)
def test_every_session_is_told(ground: Ground, how: Shutdown) -> None:
    """Idle, in a statement, a transaction, a pipeline, a cursor: each ends with 57P01 or 08006, and none hangs."""
    states: dict[str, bytes] = {
        "idle": b"",
        "statement": Query(SLEEP).encode(),
        "transaction": Query(b"BEGIN; SELECT 1").encode(),
        "failed transaction": Query(b"BEGIN; SELECT 1/0").encode(),
        "statement in a transaction": Query(b"BEGIN").encode() + Query(SLEEP).encode(),
        "pipeline": extended(MASKED.encode()) + extended(SLEEP) + extended(MASKED.encode()) + SYNC_MESSAGE * 3,
        "flight without a Sync": Parse(b"s", MASKED.encode()).encode(),
        "cursor": Query(b"BEGIN; DECLARE c CURSOR FOR " + MASKED.encode() + b"; FETCH 0 FROM c").encode(),
    }
    with ExitStack() as stack:
        sessions = {name: stack.enter_context(wire_session(ground.proxy.connect("analyst"))) for name in states}
        for name, messages in states.items():
            sessions[name].send(messages)
        sessions["transaction"].until("Z")
        time.sleep(0.3)
        ground.server.shut_down(how)
        for name, session in sessions.items():
            errors = told(to_the_end(session))
            assert errors, name
            assert errors[-1] in SAID, (name, errors)
        sessions_become(ground.proxy, 0)
    with pytest.raises(psycopg.OperationalError, match="upstream database"):
        ground.proxy.connect("analyst")
    ground.server.start_again()
    with ground.proxy.connect("analyst") as again:
        assert again.execute(MASKED).fetchone() == ("03000",)
    assert ground.proxy.metric("pgveil_out_of_step_total") == 0


@pytest.mark.parametrize("statement", [ENDLESS, f"COPY ({ENDLESS}) TO STDOUT"], ids=["rows", "copy"])
@pytest.mark.parametrize("how", Shutdown)
def test_in_the_middle_of_a_result(ground: Ground, how: Shutdown, statement: str) -> None:
    """Rows that are on their way arrive; then an error where no row was cut, and the end in any case."""
    with wire_session(ground.proxy.connect("analyst")) as session:
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        session.send(Query(statement.encode()).encode())
        session.until("D", "d")
        stopping = threading.Thread(target=ground.server.shut_down, args=(how,))
        stopping.start()
        rest = to_the_end(session)
        stopping.join()
        assert not [tag for tag, _ in rest if tag == "C"]
        assert {tag for tag, _ in rest} <= {"D", "d", "E", "N"}
        assert set(told(rest)) <= SAID
        if how is Shutdown.FAST:
            assert told(rest) == ["57P01"]
    sessions_become(ground.proxy, 0)
    ground.server.start_again()
    with ground.proxy.connect("analyst") as again:
        assert again.execute(MASKED).fetchone() == ("03000",)


@pytest.mark.parametrize("how", Shutdown)
def test_spares_of_the_server_before_are_not_given(ground: Ground, how: Shutdown) -> None:
    """After a restart each login works, the first ones too, and none meets a process of the server before."""
    processes = (
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'pgveil/analyst%' AND pid <> pg_backend_pid()"
    )
    for _ in range(3):
        ground.proxy.connect("analyst").close()
    end = time.monotonic() + WAIT_SECONDS
    while len(before := {pid for (pid,) in ground.server.execute(processes)}) < 3:
        assert time.monotonic() < end, before
        time.sleep(0.05)
    ground.server.restart(how)
    with ExitStack() as stack:
        sessions = [stack.enter_context(ground.proxy.connect("analyst")) for _ in range(6)]
        for session in sessions:
            assert session.execute(MASKED).fetchone() == ("03000",)
        now = {row[0] for session in sessions for row in session.execute("SELECT pg_backend_pid()")}
    assert len(now) == 6
    assert not now & before


def test_logins_while_the_server_comes_and_goes(ground: Ground) -> None:
    """A client that tries again and again sees 57P03 or the end of its session, never a wrong answer, and gets in."""
    stop = threading.Event()
    answers: list[object] = []

    def keep_trying() -> None:
        while not stop.is_set():
            try:
                with ground.proxy.connect("analyst") as session:
                    answers.extend(session.execute(MASKED).fetchone() for _ in range(5))
            except psycopg.OperationalError as error:
                answers.append(error)

    clients = [threading.Thread(target=keep_trying) for _ in range(3)]
    for client in clients:
        client.start()
    for how in (Shutdown.FAST, Shutdown.IMMEDIATE):
        ground.server.restart(how)
        time.sleep(0.5)
    stop.set()
    for client in clients:
        client.join(WAIT_SECONDS)
        assert not client.is_alive()
    seen = {answer for answer in answers if isinstance(answer, tuple)}
    assert seen == {("03000",)}
    with ground.proxy.connect("analyst") as again:
        assert again.execute(MASKED).fetchone() == ("03000",)
    sessions_become(ground.proxy, 0)
    assert ground.proxy.metric("pgveil_out_of_step_total") == 0
