"""OAUTHBEARER: the client's response in all shapes, and the exchange's steps."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import AuthenticationError, ClientProtocolError, ProxyError
from proxy.session.bearer import ASK_BEARER, BearerExchange, challenge, read_response
from proxy.session.handshake import Handshake, LoginRequested, MetadataTold, Methods
from proxy.wire.frontend import (
    Parse,
    PasswordMessage,
    Query,
    SASLInitialResponse,
    SASLResponse,
    SSLRequest,
    StartupMessage,
)

TOLD = challenge("https://idp.example/.well-known/openid-configuration", "openid")
CONTINUE = b"R" + (8 + len(TOLD)).to_bytes(4, "big") + b"\0\0\0\x0b" + TOLD
ASK_PASSWORD = b"R\0\0\0\x08\0\0\0\x03"
OFFER = Methods(bearer=TOLD)
TOKEN = "aaa.bbb.ccc"
GOOD = f"n,,\x01auth=Bearer {TOKEN}\x01\x01".encode()
EMPTY = b"n,,\x01auth=\x01\x01"


def startup(*options: str) -> bytes:
    """A startup packet with these options."""
    return StartupMessage(0x30000, (("user", "ada"), ("database", "clinic"), ("options", " ".join(options)))).encode()


ASKS = startup("-c", "pgveil.login=oauth")


def encrypted(methods: Methods = OFFER) -> Handshake:
    """A handshake that speaks TLS."""
    handshake = Handshake(tls=True, clear_password=False, password_bytes=16384, methods=methods)
    handshake.receive(SSLRequest().encode())
    handshake.tls_started()
    return handshake


@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        GOOD.replace(b"n,,", b"y,,"),
        GOOD.replace(b"Bearer", b"bEARER"),
        f"n,,\x01host=db\x01port=5432\x01auth=Bearer {TOKEN}\x01\x01".encode(),
        f"n,,\x01auth=Bearer   {TOKEN}\x01user=x\x01\x01".encode(),
    ],
)
def test_responses_with_a_token(data: bytes) -> None:
    """RFC 7628's own forms: pairs that we do not know are ignored, the scheme's case does not matter."""
    assert read_response(data) == TOKEN


def test_an_empty_response_asks_for_the_metadata() -> None:
    """As libpq sends it first."""
    assert read_response(EMPTY) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"n,,",
        GOOD[:-1],
        GOOD + b"\x01",
        GOOD.replace(b"n,,", b"p=tls-unique,,"),
        GOOD.replace(b"n,,", b"x,,"),
        GOOD.replace(b"auth", b"au-th"),
        GOOD.replace(b"Bearer", b"Basic"),
        GOOD.replace(b"Bearer ", b""),
        GOOD.replace(b".bbb", b"\x00bbb"),
        GOOD.replace(b".bbb", b"\xffbbb"),
        f"n,,\x01auth=Bearer {TOKEN}\x01auth=Bearer x\x01\x01".encode(),
        f"n,,\x01auth=\x01auth=Bearer {TOKEN}\x01\x01".encode(),
        b"n,,\x01user=x\x01\x01",
    ],
)
def test_malformed_responses(data: bytes) -> None:
    """Each is refused without a word of it."""
    with pytest.raises(ClientProtocolError, match="malformed OAUTHBEARER message"):
        read_response(data)


def test_an_authorization_identity_is_refused() -> None:
    """Nobody acts as somebody else this way."""
    with pytest.raises(ProxyError, match="authorization identity"):
        read_response(GOOD.replace(b"n,,", b"n,a=root,"))


@given(
    st.binary(max_size=64) | st.lists(st.sampled_from([b"n,,", b"\x01", b"auth=", b"Bearer ", b"a.b.c"])).map(b"".join)
)
def test_any_bytes(data: bytes) -> None:
    """A token of allowed signs, a question, or our own error; a token only where it stands in the one place."""
    try:
        token = read_response(data)
    except ProxyError:
        return
    assert token is None or (token.isascii() and data.count(b"auth=") == 1 and token.encode() in data)


@given(
    token=st.from_regex(r"[A-Za-z0-9._~+/-]+=*", fullmatch=True),
    others=st.lists(st.from_regex(r"[a-z]{5,8}", fullmatch=True)),
)
def test_every_token_comes_through(token: str, others: list[str]) -> None:
    """Whatever else a client says beside it."""
    pairs = "".join(f"{key}={n}\x01" for n, key in enumerate(others))
    assert read_response(f"n,,\x01{pairs}auth=Bearer {token}\x01\x01".encode()) == token


def test_what_a_client_is_told() -> None:
    """JSON with the three members that libpq reads; without an address that one is left out."""
    assert json.loads(TOLD) == {
        "status": "invalid_token",
        "openid-configuration": "https://idp.example/.well-known/openid-configuration",
        "scope": "openid",
    }
    assert set(json.loads(challenge(None, "x"))) == {"status", "scope"}


def test_a_login() -> None:
    """Asked for by the option, which goes nowhere else; the token is a login's and in no repr."""
    handshake = encrypted()
    assert handshake.receive(ASKS) == (ASK_BEARER, None)
    answers, event = handshake.receive(SASLInitialResponse(b"OAUTHBEARER", GOOD).encode() + b"more")
    assert answers == b""
    assert isinstance(event, LoginRequested)
    assert (event.password, event.startup.settings) == (TOKEN, ())
    assert TOKEN not in repr(event)
    assert handshake.take_rest() == b"more"


def test_without_an_initial_response() -> None:
    """It is asked for, and then given."""
    handshake = encrypted()
    handshake.receive(ASKS)
    assert handshake.receive(SASLInitialResponse(b"OAUTHBEARER", None).encode())[0] == b"R\0\0\0\x08\0\0\0\x0b"
    _, event = handshake.receive(SASLResponse(GOOD).encode())
    assert isinstance(event, LoginRequested)


def test_discovery() -> None:
    """An empty token is answered with the metadata, and the acknowledgement ends the connection."""
    handshake = encrypted()
    handshake.receive(ASKS)
    assert handshake.receive(SASLInitialResponse(b"OAUTHBEARER", EMPTY).encode()) == (CONTINUE, None)
    assert handshake.receive(SASLResponse(b"\x01").encode()) == (b"", MetadataTold())


@pytest.mark.parametrize("late", [True, False])
def test_a_rejected_token(late: bool) -> None:
    """The metadata, then, once the client has acknowledged (before or after we knew), the error of the login."""
    handshake = encrypted()
    handshake.receive(ASKS)
    acknowledged = SASLResponse(b"\x01").encode()
    handshake.receive(SASLInitialResponse(b"OAUTHBEARER", GOOD).encode() + (b"" if late else acknowledged))
    error = AuthenticationError("no")
    assert handshake.reject(error) == CONTINUE
    with pytest.raises(AuthenticationError) as caught:
        handshake.receive(acknowledged if late else b"")
    assert caught.value is error


@pytest.mark.parametrize("data", [b"", b"\x01\x01", GOOD])
def test_anything_but_an_acknowledgement(data: bytes) -> None:
    """A second token is not heard."""
    exchange = BearerExchange(TOLD)
    exchange.receive(SASLInitialResponse(b"OAUTHBEARER", EMPTY).encode()[5:])
    with pytest.raises(ClientProtocolError):
        exchange.receive(data)


def test_another_mechanism() -> None:
    """Only what was offered can be chosen."""
    for name in (b"SCRAM-SHA-256", b"OAUTHBEARER-PLUS", b""):
        with pytest.raises(ClientProtocolError, match="mechanism"):
            BearerExchange(TOLD).receive(SASLInitialResponse(name, GOOD).encode()[5:])


def test_which_way_is_asked() -> None:
    """The password, unless the client asks otherwise or there is no other; never a token without TLS."""
    assert encrypted().receive(startup()) == (ASK_PASSWORD, None)
    assert encrypted(Methods(password=False, bearer=TOLD)).receive(startup()) == (ASK_BEARER, None)
    assert encrypted().receive(startup("--pgveil.login=password")) == (ASK_PASSWORD, None)
    clear = Handshake(tls=True, clear_password=True, password_bytes=9, methods=OFFER)
    with pytest.raises(ProxyError, match="only over TLS"):
        clear.receive(ASKS)
    for methods, options in ((Methods(), "oauth"), (Methods(password=False, bearer=TOLD), "password")):
        with pytest.raises(ProxyError, match="does not offer"):
            encrypted(methods).receive(startup(f"--pgveil.login={options}"))
    with pytest.raises(ProxyError, match="may not have this value"):
        encrypted().receive(startup("--pgveil.login=scram"))


def test_a_password_is_no_sasl_response() -> None:
    """Neither message is taken for the other."""
    handshake = encrypted()
    handshake.receive(ASKS)
    with pytest.raises(ClientProtocolError):
        handshake.receive(PasswordMessage(TOKEN.encode()).encode())


def test_a_token_that_is_too_long() -> None:
    """It is refused as a bad token is, by the length that the message claims."""
    handshake = encrypted()
    handshake.receive(ASKS)
    with pytest.raises(AuthenticationError, match="password authentication failed"):
        handshake.receive(b"p\0\1\0\0")


@pytest.mark.parametrize("message", [Query(b"select 1"), Parse(b"", b"select 1")])
def test_another_message_than_the_response_ends_the_login(message: Query | Parse) -> None:
    """Nothing else may be said before it is known who asks."""
    handshake = encrypted()
    handshake.receive(ASKS)
    with pytest.raises(ClientProtocolError, match="expected SASL response"):
        handshake.receive(message.encode())
