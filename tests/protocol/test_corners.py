"""Corners of the protocol through a whole proxy, each beside a real server: extremes of size, orders of messages that
drivers seldom send, and openings that libpq 18 knows.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from proxy.wire.frontend import FLUSH_MESSAGE, SYNC_MESSAGE, Bind, Describe, Execute, Parse, Query
from tests.support.postgres import Clinic, NewDatabase
from tests.support.proxy_process import ProxyProcess, run_proxy
from tests.support.wire_session import Message, WireSession, types, wire_session

MASKED = b"SELECT patient_id, ssn, zip FROM clinic.patients WHERE patient_id <= 5 ORDER BY patient_id"
NO_PARAMETERS = bytes(6)
MEGABYTE = 1 << 20


def both(proxy: ProxyProcess, clinic: Clinic, *messages: bytes, ends: int = 1) -> tuple[list[Message], list[Message]]:
    """What the server itself and the proxy answer to the same messages, up to so many ReadyForQuery."""
    answers = []
    for connection in (clinic.connect(database=proxy.database), proxy.connect("analyst")):
        with wire_session(connection) as session:
            session.send(*messages)
            answers.append([message for _ in range(ends) for message in session.until("Z")])
    return answers[0], answers[1]


@pytest.mark.parametrize(
    "text", [b"", b" ; ;; ", b"-- nothing", b"/* nothing /* at all */ */", b"--\n;/**/", b"\xef\xbb\xbf"]
)
def test_texts_without_a_statement(proxy: ProxyProcess, clinic: Clinic, text: bytes) -> None:
    """Empty texts and comments are answered as the server answers them, in both protocols."""
    for messages in (
        [Query(text).encode()],
        [
            Parse(b"", text).encode(),
            Bind(b"", b"", NO_PARAMETERS).encode(),
            Describe(b"P", b"").encode(),
            Execute(b"").encode(),
            SYNC_MESSAGE,
        ],
    ):
        direct, through = both(proxy, clinic, *messages)
        assert types(through) == types(direct)


def test_flush_without_sync(proxy: ProxyProcess) -> None:
    """Each part of a flight is answered as soon as a Flush asks for it; the Sync may come much later."""
    with wire_session(proxy.connect("analyst")) as session:
        session.send(Parse(b"s", MASKED).encode(), Describe(b"S", b"s").encode(), FLUSH_MESSAGE)
        assert types(session.until("T")) == "1tT"
        session.send(Bind(b"p", b"s", NO_PARAMETERS).encode(), Execute(b"p", 2).encode(), FLUSH_MESSAGE)
        assert types(session.until("s")) == "2DDs"
        session.send(Execute(b"p", 0).encode(), FLUSH_MESSAGE)
        assert types(session.until("C")) == "DDDC"
        session.send(SYNC_MESSAGE)
        assert session.message() == ("Z", b"I")


def test_a_portal_outlives_an_error(proxy: ProxyProcess) -> None:
    """A portal that is older than the savepoint goes on after the error, with the same masks."""
    with proxy.connect("analyst") as connection:
        rows = [tuple(row) for row in connection.execute(MASKED).fetchall()]
    with wire_session(proxy.connect("analyst")) as session:
        session.send(
            Query(b"BEGIN").encode(),
            Parse(b"", MASKED).encode(),
            Bind(b"p", b"", NO_PARAMETERS).encode(),
            Execute(b"p", 2).encode(),
            SYNC_MESSAGE,
            Query(b"SAVEPOINT a").encode(),
            Query(b"SELECT pg_read_file('/etc/passwd')").encode(),
            Query(b"ROLLBACK TO a").encode(),
            Execute(b"p", 0).encode(),
            SYNC_MESSAGE,
            Query(b"COMMIT").encode(),
            Execute(b"p", 0).encode(),
            SYNC_MESSAGE,
        )
        answers = [message for _ in range(8) for message in session.until("Z")]
    assert types(answers) == "CZ12DDsZCZE(42501)ZCZDDDCZCZE(34000)Z"
    shown = [cells(body) for tag, body in answers if tag == "D"]
    assert shown == [[None if value is None else str(value).encode() for value in row] for row in rows]


def cells(body: bytes) -> list[bytes | None]:
    """The values of a DataRow."""
    (count,) = struct.unpack_from("!h", body)
    at, found = 2, list[bytes | None]()
    for _ in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        found.append(None if size < 0 else body[at + 4 : at + 4 + size])
        at += 4 + max(size, 0)
    return found


def test_cancel_while_pipelining(proxy: ProxyProcess, clinic: Clinic) -> None:
    """A cancel ends the statement that runs; what follows it up to its Sync is skipped, what follows that runs."""
    outcomes = []
    for connection in (clinic.connect(database=proxy.database), proxy.connect("analyst")):
        with connection:
            timer = threading.Timer(0.7, connection.cancel_safe)
            timer.start()
            with connection.pipeline() as pipeline:
                cursors = [connection.execute("SELECT 1")]
                pipeline.sync()
                cursors += [connection.execute("SELECT pg_sleep(60)"), connection.execute("SELECT 2")]
                with pytest.raises(psycopg.errors.QueryCanceled):
                    pipeline.sync()
                cursors.append(connection.execute("SELECT 3"))
                pipeline.sync()
            timer.join()
            outcomes.append(
                [cursor.fetchall() if cursor.pgresult is not None else None for cursor in (cursors[0], cursors[3])]
            )
            assert connection.execute("SELECT 4").fetchone() == (4,)
    assert outcomes[0] == outcomes[1] == [[(1,)], [(3,)]]


def test_very_wide_rows(proxy: ProxyProcess) -> None:
    """1,600 columns, masked ones among them, clear ones too; one more than the server allows is its own error."""
    wide = ", ".join(f"{'zip' if n % 2 else 'patient_id'} AS c{n}" for n in range(1600))
    with proxy.connect("analyst") as connection:
        one = connection.execute("SELECT patient_id, zip FROM clinic.patients WHERE patient_id = 7").fetchone()
        assert one is not None
        cursor = connection.execute(f"SELECT {wide} FROM clinic.patients WHERE patient_id = 7")
        assert cursor.fetchall() == [one * 800]
        assert [column.name for column in cursor.description or ()] == [f"c{n}" for n in range(1600)]
        assert len(connection.execute(f"SELECT {', '.join(['1'] * 1600)}", binary=True).fetchone() or ()) == 1600
        with pytest.raises(psycopg.errors.TooManyColumns):
            connection.execute(f"SELECT {', '.join(['1'] * 1665)}")


def test_very_large_cells(proxy: ProxyProcess) -> None:
    """A masked value of 100 MB passes whole, and the proxy never holds it."""
    status = Path(f"/proc/{proxy.process.pid}/status")
    with wire_session(proxy.connect("analyst")) as session:
        before = resident(status)
        size = 100 * MEGABYTE
        session.send(Query(b"SELECT repeat(zip, %d) FROM clinic.patients WHERE patient_id = 1" % (size // 5)).encode())
        answers = session.until("Z")
        after = resident(status)
    assert types(answers) == "TDCZ"
    (cell,) = cells(answers[1][1])
    assert cell is not None
    assert (len(cell), cell[:5], cell[-2:]) == (size, b"03000", b"00")
    assert after - before < 40 * MEGABYTE


def resident(status: Path) -> int:
    """The most memory that a process has had, in bytes; what it has now where the system does not keep that."""
    if not status.exists():
        return 0
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def test_very_long_statements(proxy: ProxyProcess) -> None:
    """10 MB of SQL pass where nothing is masked; where it is, the limit is told, and the session goes on."""
    literal = "x" * (10 * MEGABYTE)
    with proxy.connect("analyst") as connection:
        assert connection.execute(f"SELECT length('{literal}')").fetchone() == (10 * MEGABYTE,)
        assert connection.execute("SELECT length(%s)", [literal]).fetchone() == (10 * MEGABYTE,)
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="100000 characters"):
            connection.execute(f"SELECT ssn, '{literal}' FROM clinic.patients")
        # A value of that size is no matter where it is a parameter.
        found = connection.execute("SELECT count(*) FROM clinic.patients WHERE zip <> %s::text", [literal])
        assert found.fetchone() is not None


def test_very_many_parameters(proxy: ProxyProcess) -> None:
    """60,000 parameters pass where nothing is masked; one array does the same where it is."""
    with proxy.connect("analyst") as connection:
        clear, masked = "sales.regions WHERE region_id", "clinic.patients WHERE patient_id"
        assert connection.execute(*counting(clear, 60_000)).fetchone() is not None
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="100000 characters"):
            connection.execute(*counting(masked, 20_000))
        assert connection.execute(*counting(masked, 1_000)).fetchone() == (400,)
        array = "SELECT count(*) FROM clinic.patients WHERE patient_id = ANY (%s)"
        assert connection.execute(array, [list(range(60_000))]).fetchone() == (400,)


def counting(column: str, parameters: int) -> tuple[sql.Composed, list[int]]:
    """A statement with so many parameters, and their values."""
    marks = sql.SQL(", ").join([sql.Placeholder()] * parameters)
    return sql.SQL(f"SELECT count(*) FROM {column} IN ({{}})").format(marks), list(range(parameters))


def test_statements_prepared_before_a_change(clinic: Clinic, new_database: NewDatabase, tmp_path: Path) -> None:
    """What was prepared before a policy or a column changed is never run with the old masks."""
    text = b"SELECT dob FROM clinic.patients WHERE patient_id = 1"
    database = new_database()
    with run_proxy(tmp_path, clinic, database=database) as proxy:
        with clinic.connect(database=database) as owner:
            born = owner.execute(text).fetchone()
        assert born is not None
        with wire_session(proxy.connect("analyst")) as session:
            session.send(Parse(b"s", text).encode(), SYNC_MESSAGE)
            session.until("Z")
            assert run_prepared(session) == [str(born[0].replace(day=1)).encode()]
            roles = proxy.policy / "roles.yaml"
            roles.write_text(roles.read_text().replace("generalize: month", "generalize: year"))
            proxy.reload()
            wait_for(proxy, "policy reloaded")
            assert run_prepared(session) == [str(born[0].replace(month=1, day=1)).encode()]
            with clinic.connect(database=database) as owner:
                # Another column has the name now, and no kind.
                owner.execute("ALTER TABLE clinic.patients RENAME COLUMN dob TO born")
                owner.execute("ALTER TABLE clinic.patients RENAME COLUMN phone TO dob_was")
            wait_for(proxy, "the column born has no kind")
            session.send(Bind(b"", b"s", NO_PARAMETERS).encode(), Execute(b"").encode(), SYNC_MESSAGE)
            assert types(session.until("Z")) == "E(42703)Z"


def run_prepared(session: WireSession) -> list[bytes | None]:
    """Bind and execute the statement ``s``, which gives one row."""
    session.send(Bind(b"", b"s", NO_PARAMETERS).encode(), Execute(b"").encode(), SYNC_MESSAGE)
    answers = session.until("Z")
    assert types(answers) == "2DCZ"
    return cells(answers[1][1])


def wait_for(proxy: ProxyProcess, logged: str) -> None:
    """Wait until the proxy's log says so."""
    end = time.monotonic() + 20
    while logged not in proxy.log():
        assert time.monotonic() < end, logged
        time.sleep(0.05)


def test_a_function_call_is_refused(proxy: ProxyProcess) -> None:
    """The fast path names a function by OID, past every policy: refused, in step."""
    with wire_session(proxy.connect("analyst")) as session:
        call = struct.pack("!ihhi4sh", 2071, 0, 1, 4, bytes(4), 0)
        session.send(b"F" + struct.pack("!i", len(call) + 4) + call, Query(b"SELECT 1").encode())
        assert types(session.until("Z") + session.until("Z")) == "E(0A000)ZTDCZ"


@pytest.mark.parametrize("replication", ["database", "true", "on", "1"])
def test_replication_is_refused(proxy: ProxyProcess, replication: str) -> None:
    """Another grammar behind the same door."""
    with pytest.raises(psycopg.OperationalError, match="replication connections are not supported"):
        psycopg.connect(**proxy.parameters("analyst"), replication=replication)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "WIN1252", "EUC_JP", "nonsense"])
def test_other_encodings_are_refused(proxy: ProxyProcess, encoding: str) -> None:
    """Whatever would make bytes mean something else than we read is refused, at start and later."""
    with pytest.raises(psycopg.OperationalError, match="client_encoding"):
        psycopg.connect(**proxy.parameters("analyst"), client_encoding=encoding)  # type: ignore[arg-type]
    with pytest.raises(psycopg.OperationalError, match="client_encoding"):
        psycopg.connect(**proxy.parameters("analyst"), options=f"-c client_encoding={encoding}")  # type: ignore[arg-type]
    with proxy.connect("analyst") as connection:
        for statement in (
            f"SET client_encoding TO '{encoding}'",
            f"SET NAMES '{encoding}'",
            f"SELECT set_config('client_encoding', '{encoding}', false)",
        ):
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                connection.execute(sql.SQL(statement))
        assert connection.execute("SHOW client_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SELECT 'ü€😀'").fetchone() == ("ü€😀",)


@pytest.mark.parametrize("encoding", ["UTF8", "utf-8", "'utf-8'", "UNICODE", "Utf_8"])
def test_utf_8_by_any_name(proxy: ProxyProcess, encoding: str) -> None:
    """Drivers write it in many ways (asyncpg with quotes)."""
    startup = packet(proxy, client_encoding=encoding)
    with socket.create_connection((proxy.host, proxy.port), timeout=20) as raw:
        raw.sendall(startup)
        assert raw.recv(9) == b"R\0\0\0\x08\0\0\0\x03"
    with proxy.connect("analyst") as connection:
        connection.execute(sql.SQL("SET client_encoding TO {}").format(encoding.strip("'")))


def packet(proxy: ProxyProcess, *, minor: int = 0, **parameters: str) -> bytes:
    """A StartupMessage as the analyst."""
    words = {"user": "analyst", "database": proxy.database, **parameters}
    body = struct.pack("!hh", 3, minor) + b"".join(f"{k}\0{v}\0".encode() for k, v in words.items()) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def login(raw: socket.socket, proxy: ProxyProcess, startup: bytes) -> list[Message]:
    """Log in on a socket; all that is answered up to the first ReadyForQuery."""
    session = WireSession(raw)
    session.send(startup)
    password = proxy.token("analyst").encode() + b"\0"
    session.send(b"p" + struct.pack("!i", len(password) + 4) + password)
    return session.until("Z", "E")


@pytest.mark.parametrize(
    ("minor", "options", "negotiated"),
    [
        (0, {}, None),
        (2, {}, None),
        (0, {"_pq_.test_protocol_negotiation": ""}, ["_pq_.test_protocol_negotiation"]),
        (
            9999,
            {"_pq_.test_protocol_negotiation": "", "_pq_.other": "1"},
            ["_pq_.test_protocol_negotiation", "_pq_.other"],
        ),
    ],
    ids=["3.0", "3.2", "an option", "3.9999"],
)
def test_negotiation(proxy: ProxyProcess, minor: int, options: dict[str, str], negotiated: list[str] | None) -> None:
    """A newer version and unknown options are answered by what we speak; keys are as long as the version has them."""
    with socket.create_connection((proxy.host, proxy.port), timeout=20) as raw:
        answers = login(raw, proxy, packet(proxy, minor=minor, **options))
        told = [body for tag, body in answers if tag == "v"]
        if negotiated is None:
            assert told == []
        else:
            version, count = struct.unpack_from("!ii", told[0])
            assert (version >> 16, version & 0xFFFF, count) == (3, 2, len(negotiated))
            assert told[0][8:] == b"".join(f"{name}\0".encode() for name in negotiated)
        (key,) = (body for tag, body in answers if tag == "K")
        assert (len(key) == 8) if minor < 2 else (8 < len(key) <= 260)
        session = WireSession(raw)
        session.send(Query(MASKED).encode())
        assert types(session.until("Z")) == "TDDDDDCZ"


@pytest.mark.parametrize("version", ["3.0", "3.2", "latest"])
@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
def test_openings_of_libpq_18(proxy: ProxyProcess, negotiation: str, version: str) -> None:
    """Direct TLS with ALPN, and protocol 3.2 with its long cancel keys, as libpq itself speaks them."""
    options: dict[str, Any] = {"sslnegotiation": negotiation, "max_protocol_version": version}
    parameters: dict[str, Any] = {**proxy.parameters("analyst", tls=True), **options}
    with psycopg.connect(**parameters, autocommit=True) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("SELECT count(ssn) FROM clinic.patients").fetchone() == (0,)
        timer = threading.Timer(0.5, connection.cancel_safe)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(60)")
        timer.join()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_gss_then_tls(proxy: ProxyProcess) -> None:
    """GSSENCRequest is answered by one byte, and the same connection goes on with TLS."""
    context = ssl.create_default_context(cafile=str(proxy.certificates.ca))
    with socket.create_connection((proxy.host, proxy.port), timeout=20) as raw:
        raw.sendall(struct.pack("!ii", 8, 80877104))
        assert raw.recv(1) == b"N"
        raw.sendall(struct.pack("!ii", 8, 80877103))
        assert raw.recv(1) == b"S"
        with context.wrap_socket(raw, server_hostname="localhost") as secure:
            answers = login(secure, proxy, packet(proxy))
            assert types(answers).endswith("Z")


def test_a_half_closed_socket(proxy: ProxyProcess) -> None:
    """A client that says all it has to say and closes its side still gets every answer, then the end."""
    with wire_session(proxy.connect("analyst")) as session:
        session.send(Query(b"SELECT pg_sleep(0.2)").encode(), Query(MASKED).encode())
        session.socket.shutdown(socket.SHUT_WR)
        assert types(session.until("Z") + session.until("Z")) == "TDCZTDDDDDCZ"
        with pytest.raises(EOFError):
            session.message()
