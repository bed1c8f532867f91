"""Logging in upstream: which messages go out, what a failure means for the client, what is never said."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
import scramp

from proxy.errors import ProxyError, UpstreamProtocolError, UpstreamUnavailableError
from proxy.net.scram import ScramSha256
from proxy.session.startup import read_startup
from proxy.session.upstream_login import (
    SESSION_QUERY,
    Account,
    UpstreamLogin,
    UpstreamLoginError,
    own_startup,
    upstream_startup,
)
from proxy.wire import backend
from proxy.wire.backend import Authentication, BackendKeyData, ErrorResponse, NoticeResponse, ParameterStatus
from proxy.wire.frames import frame
from proxy.wire.frontend import PasswordMessage, Query, StartupMessage, parse_sasl_initial

ACCOUNT = Account("pgveil", "pencil")
OK = Authentication(0).encode()
SETTINGS = b"".join(
    ParameterStatus(name, value).encode()
    for name, value in {
        "server_version": "16.4",
        "client_encoding": "UTF8",
        "standard_conforming_strings": "on",
    }.items()
)
KEY = BackendKeyData(4711, b"\1\2\3\4").encode()
READY = backend.ReadyForQuery(b"I").encode()
ASK = Query(SESSION_QUERY.encode()).encode()


def _path(*schemas: bytes) -> bytes:
    rows = b"".join(backend.build_data_row((cell,)) for cell in (b"4711 2026-01-01", *schemas))
    columns = backend.RowDescription((backend.RowField("unnest", 0, 0, 19, 64, -1),)).encode()
    return columns + rows + backend.CommandComplete(f"SELECT {len(schemas)}").encode() + READY


def _startup(*parameters: tuple[str, str]) -> StartupMessage:
    asked = read_startup(StartupMessage(0x30000, (("user", "ada"), ("database", "clinic"), *parameters)))
    return upstream_startup(asked, ACCOUNT, principal_label="analyst:ada@clinic")


def _login(*, private: bool = True, account: Account = ACCOUNT) -> UpstreamLogin:
    return UpstreamLogin(
        _startup(), account, private=private, scram=lambda offered: ScramSha256(offered, account, None)
    )


def test_startup_is_ours_with_the_clients_wishes() -> None:
    """Our user, the client's database and settings, a name for the logs, and the settings that we read text by."""
    message = _startup(("TimeZone", "UTC"), ("application_name", "psql"), ("client_encoding", "utf-8"))
    assert message.parameters == (
        ("user", "pgveil"),
        ("database", "clinic"),
        ("application_name", "pgveil/analyst:ada@clinic psql"),
        ("TimeZone", "UTC"),
        ("client_encoding", "UTF8"),
        ("standard_conforming_strings", "on"),
    )


def test_application_name_is_cut_and_printable() -> None:
    """The server cuts names at 63 bytes and replaces what is not ASCII: we do it ourselves, in that order of worth."""
    name = _startup(("application_name", "é\n" + "x" * 99)).get("application_name")
    assert name is not None
    assert name.startswith("pgveil/analyst:ada@clinic ??xxx")
    assert len(name) == 63


@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_trusted_login(step: int) -> None:
    """However the server's bytes are cut, the login ends with its settings, its key and the search path."""
    login = _login()
    assert login.start() == _startup().encode()
    stream = OK + SETTINGS + KEY + NoticeResponse({"S": "NOTICE", "M": "hello"}).encode() + READY
    sent = b"".join(login.receive(stream[at : at + step]) for at in range(0, len(stream), step))
    assert sent == ASK
    stream = _path(b"app", b"public") + b"N"
    assert b"".join(login.receive(stream[at : at + step]) for at in range(0, len(stream), step)) == b""
    assert login.ready is not None
    assert login.ready.search_path == ("app", "public")
    assert login.ready.parameters["server_version"] == "16.4"
    assert (login.ready.process_id, login.ready.secret) == (4711, b"\1\2\3\4")
    assert login.ready.process == "4711 2026-01-01"
    assert login.take_rest() == b"N"


def test_asked_again() -> None:
    """Later the search path, the process and the reported settings are what they are then."""
    login = _login()
    login.receive(OK + SETTINGS + KEY + READY)
    login.receive(_path(b"public"))
    first = login.ready
    assert login.ask_again() == ASK
    login.receive(ParameterStatus("in_hot_standby", "off").encode() + _path(b"pgveil", b"public"))
    assert first is not None
    assert login.ready is not None
    assert login.ready.search_path == ("pgveil", "public")
    assert login.ready.parameters == {**first.parameters, "in_hot_standby": "off"}
    assert "in_hot_standby" not in first.parameters


DISCARD = Query(b"DISCARD ALL").encode()
DISCARDED = backend.CommandComplete("DISCARD ALL").encode() + READY
SEEDED = (
    backend.RowDescription((backend.RowField("setseed", 0, 0, 2278, 4, -1),)).encode()
    + backend.build_data_row((b"",))
    + backend.CommandComplete("SELECT 1").encode()
    + READY
)


def _used() -> UpstreamLogin:
    """A login whose session is over."""
    login = _login()
    login.receive(OK + SETTINGS + ParameterStatus("TimeZone", "UTC").encode() + KEY + READY)
    login.receive(_path(b"public"))
    assert login.ready is not None
    return login


@pytest.mark.parametrize("step", [1, 10_000])
def test_made_as_new(step: int) -> None:
    """All is discarded, random() gets a seed that nobody knows, and what a session must know is asked again."""
    login = _used()
    assert login.start_over({"TimeZone": "CET", "DateStyle": "ISO"}) == DISCARD
    said = ParameterStatus("TimeZone", "Europe/Rome").encode() + NoticeResponse({"S": "NOTICE"}).encode() + DISCARDED
    seed = b"".join(login.receive(said[at : at + step]) for at in range(0, len(said), step))
    assert seed[:1] == b"Q"
    assert b"setseed(" in seed
    assert b"gen_random_uuid()" in seed
    assert (login.receive(SEEDED), login.ready) == (ASK, None)
    login.receive(_path(b"app", b"public"))
    assert login.ready is not None
    assert login.ready.search_path == ("app", "public")
    assert login.ready.parameters["TimeZone"] == "Europe/Rome"
    assert login.ready.parameters["DateStyle"] == "ISO"


@pytest.mark.parametrize(
    "reply",
    [
        ErrorResponse({"S": "ERROR", "C": "57014", "M": "canceling statement"}).encode(),
        READY,
        backend.CommandComplete("DISCARD").encode() + READY,
        backend.CommandComplete("DISCARD ALL").encode() + backend.ReadyForQuery(b"T").encode(),
        frame(backend.NOTIFICATION_RESPONSE, b"\0\0\0\1a\0b\0"),
        SEEDED,
        ParameterStatus("client_encoding", "LATIN1").encode() + DISCARDED + SEEDED,
    ],
)
def test_not_made_as_new(reply: bytes) -> None:
    """Whatever else the server says, the connection is of no use for another session."""
    login = _used()
    login.start_over({})
    with pytest.raises(ProxyError):
        login.receive(reply)


def test_scram() -> None:
    """SCRAM-SHA-256 runs to its end, and the server has to prove itself before AuthenticationOk counts."""
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    salt, stored, server_key, iterations = mechanism.make_auth_info("pencil")
    server = mechanism.make_server(lambda _: (salt, stored, server_key, iterations))
    login = _login(private=False)
    first = login.receive(Authentication(10, b"SCRAM-SHA-256\0\0").encode())
    initial = parse_sasl_initial(first[5:])
    assert initial.mechanism == b"SCRAM-SHA-256"
    assert initial.data is not None
    server.set_client_first(initial.data.decode())
    final = login.receive(Authentication(11, server.get_server_first().encode()).encode())
    server.set_client_final(final[5:].decode())
    assert login.receive(Authentication(12, server.get_server_final().encode()).encode()) == b""
    assert login.receive(OK + SETTINGS + READY) == ASK


def test_server_that_does_not_know_the_password() -> None:
    """A server that accepts our proof but has none of its own is not the server that we were told to trust."""
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    salt, stored, _, iterations = mechanism.make_auth_info("pencil")
    server = mechanism.make_server(lambda _: (salt, stored, b"x" * 32, iterations))
    login = _login()
    initial = parse_sasl_initial(login.receive(Authentication(10, b"SCRAM-SHA-256\0\0").encode())[5:])
    server.set_client_first((initial.data or b"").decode())
    final = login.receive(Authentication(11, server.get_server_first().encode()).encode())
    server.set_client_final(final[5:].decode())
    with pytest.raises(UpstreamLoginError) as caught:
        login.receive(Authentication(12, server.get_server_final().encode()).encode())
    assert "prove" in caught.value.upstream_text


def test_server_that_skips_its_proof() -> None:
    """AuthenticationOk in the middle of a SCRAM exchange is refused."""
    login = _login()
    login.receive(Authentication(10, b"SCRAM-SHA-256\0\0").encode())
    with pytest.raises(UpstreamLoginError):
        login.receive(OK)


@pytest.mark.parametrize(
    "server_first", ["r=x,s=AAAA,i=4096", "nonsense", "r=,s=,i=", "r=x,s=AAAA,i=99999999999999", "é"]
)
def test_bad_scram_messages(server_first: str) -> None:
    """Malformed messages, foreign nonces and absurd iteration counts are protocol errors, not crashes."""
    login = _login()
    login.receive(Authentication(10, b"SCRAM-SHA-256\0\0").encode())
    with pytest.raises(UpstreamProtocolError):
        login.receive(Authentication(11, server_first.encode()).encode())


@pytest.mark.parametrize("offered", [b"SCRAM-SHA-256-PLUS\0\0", b"SCRAM-SHA-1\0\0", b"\0"])
def test_only_sha_256(offered: bytes) -> None:
    """Weaker mechanisms, and channel binding without TLS, are not spoken."""
    with pytest.raises(UpstreamLoginError):
        _login().receive(Authentication(10, offered).encode())


def test_md5_where_nobody_listens() -> None:
    """md5 is answered on a private connection only."""
    asked = Authentication(5, b"salt").encode()
    inner = hashlib.md5(b"pencilpgveil", usedforsecurity=False).hexdigest()
    outer = hashlib.md5(inner.encode() + b"salt", usedforsecurity=False).hexdigest()
    login = _login()
    assert login.receive(asked) == PasswordMessage(b"md5" + outer.encode()).encode()
    with pytest.raises(UpstreamLoginError):
        login.receive(asked)
    with pytest.raises(UpstreamLoginError):
        _login(private=False).receive(asked)


def test_cleartext_where_nobody_listens() -> None:
    """A cleartext password leaves on a private connection only."""
    asked = Authentication(3).encode()
    assert _login().receive(asked) == PasswordMessage(b"pencil").encode()
    with pytest.raises(UpstreamLoginError):
        _login(private=False).receive(asked)


@pytest.mark.parametrize(
    "asked", [Authentication(3), Authentication(5, b"salt"), Authentication(10, b"SCRAM-SHA-256\0\0")]
)
def test_no_password_in_the_settings(asked: Authentication) -> None:
    """A server that asks for a password which the settings lack is a failed login, not a crash."""
    with pytest.raises(UpstreamLoginError):
        _login(account=Account("pgveil", None)).receive(asked.encode())


@pytest.mark.parametrize("code", [2, 6, 7, 9, 99])
def test_other_methods(code: int) -> None:
    """Kerberos, GSSAPI, SSPI and unknown methods are refused by name."""
    with pytest.raises(UpstreamLoginError, match="could not log in") as caught:
        _login().receive(Authentication(code).encode())
    assert str(code) in caught.value.upstream_text


@pytest.mark.parametrize(
    ("sqlstate", "message", "expected", "told"),
    [
        ("3D000", 'database "x" does not exist', "3D000", True),
        ("42501", 'permission denied for database "x"', "42501", True),
        ("22023", 'invalid value for parameter "TimeZone": "Mars"', "22023", True),
        ("55000", 'database "template0" is not currently accepting connections', "55000", True),
        ("57P03", "the database system is starting up", "57P03", True),
        ("57P01", "terminating connection", "57P03", True),
        ("53300", "remaining connection slots are reserved", "53300", False),
        ("28P01", 'password authentication failed for user "pgveil"', "57P03", False),
        ("28000", 'no pg_hba.conf entry for host "10.0.0.1"', "57P03", False),
        ("XX000", "could not read 16 bytes", "57P03", False),
        ("P0001", "login trigger says no", "57P03", False),
    ],
)
def test_failures(sqlstate: str, message: str, expected: str, *, told: bool) -> None:
    """What the server says of databases and settings is passed on; what it says of our account is not."""
    fields = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": message}
    with pytest.raises(ProxyError) as caught:
        _login().receive(ErrorResponse(fields).encode())
    assert caught.value.sqlstate == expected
    assert (caught.value.message == message) is told


@pytest.mark.parametrize(
    "settings",
    [
        b"",
        ParameterStatus("client_encoding", "UTF8").encode(),
        ParameterStatus("client_encoding", "SQL_ASCII").encode()
        + ParameterStatus("standard_conforming_strings", "on").encode(),
    ],
)
def test_server_must_read_text_as_we_do(settings: bytes) -> None:
    """A server that does not report UTF8 and standard strings would read statements otherwise than the planner."""
    with pytest.raises(UpstreamProtocolError):
        _login().receive(OK + settings + READY)


def _after_login(reply: bytes) -> Callable[[], bytes]:
    login = _login()
    login.receive(OK + SETTINGS + KEY + READY)
    return lambda: login.receive(reply)


@pytest.mark.parametrize(
    "reply",
    [
        backend.build_data_row((None,)),
        backend.build_data_row((b"a", b"b")),
        backend.build_data_row((b"\xff",)),
        frame(ord("H"), b"\0\0\0"),
        READY,
        frame(ord("R"), b"\0\0\0\0"),
        frame(ord("D"), b"\0\1\xff"),
    ],
)
def test_odd_answers_about_the_search_path(reply: bytes) -> None:
    """An answer that is not a list of names ends the login: names would be resolved along a wrong path."""
    with pytest.raises(UpstreamProtocolError):
        _after_login(reply)()


def test_error_about_the_search_path() -> None:
    """A failing question (a client's statement_timeout of a millisecond) is an unavailable upstream."""
    fields = {"S": "ERROR", "C": "57014", "M": "canceling statement due to statement timeout"}
    with pytest.raises(UpstreamUnavailableError):
        _after_login(ErrorResponse(fields).encode())()


@pytest.mark.parametrize("message", [frame(ord("D"), b""), frame(ord("Z"), b"I"), SETTINGS, KEY, b"HTTP/1.1 400"])
def test_messages_out_of_order(message: bytes) -> None:
    """Whatever is not a server at this point of a login is a protocol error."""
    with pytest.raises(UpstreamProtocolError):
        _login().receive(message)


def test_server_without_cancel_keys() -> None:
    """A server that gives no key can be used; nothing can be cancelled there."""
    login = _login()
    login.receive(OK + SETTINGS + READY)
    login.receive(_path())
    assert login.ready is not None
    assert (login.ready.process_id, login.ready.search_path) == (0, ())


def test_secrets_stay_out_of_reprs() -> None:
    """Neither the account nor the outcome shows a password or a key."""
    assert "pencil" not in repr(ACCOUNT)
    login = _login()
    login.receive(OK + SETTINGS + KEY + READY)
    login.receive(_path(b"public"))
    assert "x01" not in repr(login.ready)


def test_a_connection_that_no_client_asked_for_says_what_for() -> None:
    """It logs in as pgveil, with the settings that texts are read by and no client's."""
    settings = dict(own_startup(ACCOUNT, "clinic", "catalog").parameters)
    assert (settings["user"], settings["database"], settings["application_name"]) == (
        "pgveil", "clinic", "pgveil catalog",
    )  # fmt: skip
