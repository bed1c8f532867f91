"""A client's opening messages, cut anywhere, in every order that clients and attackers send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import AuthenticationError, ClientProtocolError, ProxyError, TooManyConnectionsError
from proxy.session.handshake import (
    CancelRequested,
    Handshake,
    HandshakeEvent,
    LoginRequested,
    StartTls,
    greeting,
    login_refused,
)
from proxy.wire.backend import BackendKeyData
from proxy.wire.frames import FrameReader
from proxy.wire.frontend import CancelRequest, GSSENCRequest, PasswordMessage, SSLRequest, StartupMessage

ASK_PASSWORD = b"R\0\0\0\x08\0\0\0\x03"
STARTUP = StartupMessage(0x30000, (("user", "ada"), ("database", "clinic"), ("application_name", "psql"))).encode()
PASSWORD = PasswordMessage(b"secret.token").encode()


def _handshake(*, tls: bool = True, clear: bool = True) -> Handshake:
    return Handshake(tls=tls, clear_password=clear, password_bytes=16384)


def _login(handshake: Handshake, data: bytes) -> tuple[bytes, LoginRequested]:
    answers, event = handshake.receive(data)
    assert isinstance(event, LoginRequested)
    return answers, event


def test_plain_login() -> None:
    """Startup, password, login: with the user, the database and the password as given."""
    handshake = _handshake()
    assert handshake.receive(STARTUP) == (ASK_PASSWORD, None)
    answers, event = _login(handshake, PASSWORD)
    assert answers == b""
    assert (event.startup.user, event.startup.database, event.password) == ("ada", "clinic", "secret.token")
    assert "secret" not in repr(event)


def test_nothing_said_is_nothing_answered() -> None:
    """Before the first byte; and what comes after the login is kept for whoever reads on."""
    handshake = _handshake()
    assert handshake.receive(b"") == (b"", None)
    _login(handshake, STARTUP + PASSWORD)
    assert handshake.receive(b"more") == (b"", None)
    assert handshake.take_rest() == b"more"


def test_what_the_listener_reads_off() -> None:
    """Who wants to log in is known before the password, and how much waits; rejecting takes no words before it."""
    handshake = _handshake()
    handshake.receive(STARTUP + PASSWORD[:3])
    assert handshake.startup is not None
    assert handshake.startup.user == "ada"
    assert handshake.buffered == 3
    assert handshake.reject(AuthenticationError("no")) == b""


def test_tls_is_direct_where_nobody_asked_for_it() -> None:
    """Then the client must have named the protocol, since another server might have been meant."""
    assert StartTls(b"hello").direct
    assert not StartTls().direct


@given(cuts=st.lists(st.integers(0, 200), max_size=8))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    """However the stream is cut, the same answers and the same login come out."""
    stream = GSSENCRequest().encode() + STARTUP + PASSWORD + b"more"
    handshake, answers, event, at = _handshake(tls=False), b"", None, 0
    # What stands behind an encryption request is refused, so that the first cut is always behind the request.
    for cut in [*sorted({8, *(c for c in cuts if c != 8)}), len(stream)]:
        if cut > len(stream) or cut < at or (at < 8 < cut):
            continue
        answer, happened = handshake.receive(stream[at:cut])
        answers, event, at = answers + answer, event or happened, cut
    assert answers == b"N" + ASK_PASSWORD
    assert isinstance(event, LoginRequested)
    assert handshake.take_rest() == b"more"


def test_ssl_request_is_answered_with_tls() -> None:
    """With a certificate SSLRequest gives S, and the login goes on inside TLS where clear passwords are refused."""
    handshake = _handshake(clear=False)
    assert handshake.receive(SSLRequest().encode()) == (b"S", StartTls())
    handshake.tls_started()
    assert handshake.receive(STARTUP) == (ASK_PASSWORD, None)


def test_ssl_request_without_certificate() -> None:
    """Without a certificate SSLRequest gives N, and the client may go on in clear."""
    handshake = _handshake(tls=False)
    assert handshake.receive(SSLRequest().encode()) == (b"N", None)
    assert handshake.receive(STARTUP) == (ASK_PASSWORD, None)


def test_gss_then_ssl() -> None:
    """libpq with a Kerberos ticket asks for GSS first and for TLS then, on the same connection."""
    handshake = _handshake()
    assert handshake.receive(GSSENCRequest().encode()) == (b"N", None)
    assert handshake.receive(SSLRequest().encode()) == (b"S", StartTls())


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("request_", [SSLRequest().encode(), GSSENCRequest().encode()])
def test_clear_bytes_behind_an_encryption_request(request_: bytes, *, tls: bool) -> None:
    """Bytes that follow the request in clear are refused: an attacker could have put them there (CVE-2021-23214)."""
    with pytest.raises(ClientProtocolError, match="unencrypted data"):
        _handshake(tls=tls).receive(request_ + STARTUP)


def test_encryption_is_negotiated_once() -> None:
    """A second SSLRequest, or one inside TLS, is refused."""
    handshake = _handshake(tls=False)
    handshake.receive(SSLRequest().encode())
    with pytest.raises(ClientProtocolError):
        handshake.receive(SSLRequest().encode())
    handshake = _handshake()
    handshake.receive(SSLRequest().encode())
    handshake.tls_started()
    with pytest.raises(ClientProtocolError):
        handshake.receive(SSLRequest().encode())


def test_direct_tls() -> None:
    """A first byte of 0x16 is a ClientHello, which goes to the TLS layer whole."""
    assert _handshake().receive(b"\x16\x03\x01rest") == (b"", StartTls(b"\x16\x03\x01rest"))
    with pytest.raises(ClientProtocolError, match="does not offer TLS"):
        _handshake(tls=False).receive(b"\x16")


def test_password_is_not_asked_in_clear() -> None:
    """Where clear passwords are not allowed the login is refused before the client could send one."""
    with pytest.raises(ProxyError, match="only over TLS") as caught:
        _handshake(clear=False).receive(STARTUP)
    assert caught.value.sqlstate == "28000"


def test_full_house_is_told_before_the_password() -> None:
    """The limit on sessions is asked when a session is asked for; a cancel request does not count."""

    def admit() -> None:
        raise TooManyConnectionsError("sorry, too many clients already")

    with pytest.raises(TooManyConnectionsError):
        Handshake(tls=False, clear_password=True, password_bytes=9, admit=admit).receive(STARTUP)
    handshake = Handshake(tls=False, clear_password=True, password_bytes=9, admit=admit)
    assert handshake.receive(CancelRequest(7, b"1234").encode())[1] == CancelRequested(7, b"1234")


@pytest.mark.parametrize("size", [4, 32, 256])
def test_cancel_request(size: int) -> None:
    """A cancel request carries a key of 4 to 256 bytes, which never shows in a repr."""
    answers, event = _handshake().receive(CancelRequest(7, b"k" * size).encode())
    assert (answers, event) == (b"", CancelRequested(7, b"k" * size))
    assert "kkkk" not in repr(event)


def test_negotiation_comes_before_the_password_request() -> None:
    """A client of a newer minor version is told what we speak, and which of its options we do not know."""
    startup = StartupMessage(0x30000 | 9999, (("user", "ada"), ("_pq_.test_protocol_negotiation", ""))).encode()
    answers, event = _handshake().receive(startup)
    assert event is None
    reader = FrameReader(error=ClientProtocolError, max_message_bytes=1000)
    reader.feed(answers)
    expected = b"\0\x03\0\x02" + b"\0\0\0\x01" + b"_pq_.test_protocol_negotiation\0"
    assert reader.next() == (ord("v"), expected)
    assert reader.take_rest() == ASK_PASSWORD


@pytest.mark.parametrize("password", [b"", b"\xff\xfe"])
def test_unusable_passwords_are_refused_logins(password: bytes) -> None:
    """An empty password or one that is no text is a failed login in the words that tools look for."""
    handshake = _handshake()
    handshake.receive(STARTUP)
    with pytest.raises(ProxyError, match='password authentication failed for user "ada"') as caught:
        handshake.receive(PasswordMessage(password).encode())
    assert caught.value.sqlstate == "28P01"


def test_password_size() -> None:
    """A token of 16 kB fits; a message that claims more is refused by its length alone."""
    handshake = _handshake()
    handshake.receive(STARTUP)
    assert _login(handshake, PasswordMessage(b"x" * 16384).encode())[1].password == "x" * 16384
    handshake = _handshake()
    handshake.receive(STARTUP)
    with pytest.raises(AuthenticationError) as caught:
        handshake.receive(b"p\x7f\xff\xff\xff")
    assert (caught.value.sqlstate, caught.value.detail) == ("28P01", "The token is longer than 16384 bytes.")
    for data in (b"Q\x7f\xff\xff\xff", b"p\0\0\0\3"):
        handshake = _handshake()
        handshake.receive(STARTUP)
        with pytest.raises(ClientProtocolError, match="invalid message length"):
            handshake.receive(data)


def test_only_a_password_answers_the_question() -> None:
    """A client that goes on as if it were logged in is refused."""
    handshake = _handshake()
    handshake.receive(STARTUP)
    with pytest.raises(ClientProtocolError, match="expected password response"):
        handshake.receive(b"Q\0\0\0\x06x\0")


@pytest.mark.parametrize("length", [0, 7, 10_001, 0x47455420])
def test_impossible_startup_lengths(length: int) -> None:
    """A packet that cannot be a startup packet (the last one is an HTTP request) is refused before it is kept."""
    with pytest.raises(ClientProtocolError, match="invalid length of startup packet"):
        _handshake().receive(length.to_bytes(4, "big"))


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_garbage_gives_our_own_errors(chunks: list[bytes]) -> None:
    """Whatever bytes come, the outcome is an event or a ProxyError, never a login."""
    handshake = _handshake()
    event: HandshakeEvent | None = None
    try:
        for chunk in chunks:
            event = handshake.receive(chunk)[1] or event
            if isinstance(event, StartTls):
                return
    except ProxyError:
        return
    assert not isinstance(event, LoginRequested)


def test_greeting() -> None:
    """The client reads the upstream's settings, but its own name, rights and application_name, and our key."""
    handshake = _handshake()
    handshake.receive(STARTUP)
    startup = _login(handshake, PASSWORD)[1].startup
    upstream = {
        "server_version": "16.4",
        "session_authorization": "pgveil",
        "is_superuser": "on",
        "application_name": "pgveil/analyst:ada psql",
    }
    reader = FrameReader(error=ClientProtocolError, max_message_bytes=1000)
    reader.feed(greeting(startup, upstream, BackendKeyData(77, b"keys")))
    assert reader.next() == (ord("R"), b"\0\0\0\0")
    shown = {}
    while (message := reader.next()) is not None and message[0] == ord("S"):
        name, value, _ = message[1].split(b"\0")
        shown[name.decode()] = value.decode()
    assert shown == {
        "server_version": "16.4",
        "session_authorization": "ada",
        "is_superuser": "off",
        "application_name": "psql",
    }
    assert message == (ord("K"), (77).to_bytes(4, "big") + b"keys")
    assert reader.next() == (ord("Z"), b"I")
    assert reader.next() is None


def test_refusal_has_the_words_of_postgres() -> None:
    """Tools match the message of a failed login; the reason is in DETAIL."""
    error = login_refused("ada", "The token has expired.")
    assert (error.sqlstate, error.message) == ("28P01", 'password authentication failed for user "ada"')
    assert error.detail == "The token has expired."
