"""A client's way in (manual, 54.2.1, 54.2.9, 54.2.10), without I/O: from the first byte to the password.

Owns: the order of the opening messages and our answers to them, and the greeting after a login.
Must not know: sockets, how TLS is done, how a password is checked.
Invariant: nothing that came in clear is used after TLS began, and no password is asked for where it could be overheard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from proxy.errors import AuthenticationError, ClientProtocolError, ProxyError
from proxy.session.bearer import ASK_BEARER, BearerExchange
from proxy.session.startup import NEWEST_MINOR, LoginMethod, Startup, read_startup
from proxy.wire.backend import (
    AUTHENTICATION_CLEARTEXT_PASSWORD,
    AUTHENTICATION_OK,
    Authentication,
    BackendKeyData,
    NegotiateProtocolVersion,
    ParameterStatus,
    ReadyForQuery,
)
from proxy.wire.frames import FrameReader
from proxy.wire.frontend import (
    PASSWORD,
    CancelRequest,
    GSSENCRequest,
    SSLRequest,
    StartupMessage,
    parse_password,
    parse_startup,
)
from proxy.wire.sqlstate import INVALID_AUTHORIZATION_SPECIFICATION

_TLS_HANDSHAKE: Final = 0x16  # the content type that opens every TLS connection (RFC 8446, 5.1)
_ASK_PASSWORD: Final = Authentication(AUTHENTICATION_CLEARTEXT_PASSWORD).encode()
_PROTOCOL_3: Final = 3 << 16
_AROUND_A_TOKEN: Final = 256  # what OAUTHBEARER says beside the token


@dataclass(frozen=True, slots=True)
class StartTls:
    """TLS begins now. ``received`` is what came of the client's ClientHello (direct TLS), else empty."""

    received: bytes = field(default=b"", repr=False)

    @property
    def direct(self) -> bool:
        """Whether the client began TLS without an SSLRequest, and so must have named the protocol by ALPN."""
        return bool(self.received)


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Not a session: somebody asks to cancel the session of this key. There is no answer."""

    process_id: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoginRequested:
    """The client gave its password, or its token by OAUTHBEARER."""

    startup: Startup
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MetadataTold:
    """The client asked where to get a token, and was told. It expects to be sent away now, and comes back with one."""


HandshakeEvent = StartTls | CancelRequested | LoginRequested | MetadataTold


@dataclass(frozen=True, slots=True)
class Methods:
    """How clients may log in. ``bearer``: what a client of OAUTHBEARER without a good token is told; None: not so."""

    password: bool = True
    bearer: bytes | None = None


_PASSWORD_ONLY: Final = Methods()


class _State(Enum):
    FIRST_BYTE = auto()
    PACKET = auto()
    TLS = auto()
    PASSWORD = auto()
    BEARER = auto()
    OVER = auto()


class Handshake:
    """The opening of one client connection: bytes in, bytes out, and at most one event at a time.

    ``tls``: whether we can answer ``S``. ``clear_password``: whether a password may come without TLS. ``admit`` is
    called when a client asks for a session, before it is asked for a password, and may raise TooManyConnectionsError.
    """

    def __init__(
        self,
        *,
        tls: bool,
        clear_password: bool,
        password_bytes: int,
        admit: Callable[[], None] = lambda: None,
        methods: Methods = _PASSWORD_ONLY,
    ) -> None:
        self._tls = tls
        self._clear_password = clear_password
        self._admit = admit
        self._password_bytes = password_bytes
        self._reader = FrameReader(error=ClientProtocolError, max_message_bytes=password_bytes + _AROUND_A_TOKEN)
        self._state = _State.FIRST_BYTE
        self._encrypted = False
        self._asked_for: set[type[SSLRequest | GSSENCRequest]] = set()
        self._startup: Startup | None = None
        self._methods = methods
        self._bearer: BearerExchange | None = None
        self._rejected: ProxyError | None = None

    @property
    def startup(self) -> Startup | None:
        """What the client asked for, once it has."""
        return self._startup

    @property
    def buffered(self) -> int:
        """How many bytes are kept unread."""
        return self._reader.buffered

    def take_rest(self) -> bytes:
        """What the client sent behind its password; the conversation begins with it."""
        return self._reader.take_rest()

    def tls_started(self) -> None:
        """The TLS handshake is done: what follows is encrypted."""
        self._encrypted = True
        self._state = _State.PACKET

    def receive(self, data: bytes) -> tuple[bytes, HandshakeEvent | None]:
        """Take what the client sent; returns what to answer, and then what to do.

        After StartTls nothing may be given before ``tls_started``; after the other events bytes are only kept.
        Raises ProxyError, after which the connection is to be closed with that error.
        """
        self._reader.feed(data)
        answers = b""
        while True:
            match self._state:
                case _State.FIRST_BYTE:
                    if (first := self._reader.peek_byte()) is None:
                        return answers, None
                    self._state = _State.PACKET
                    if first == _TLS_HANDSHAKE:
                        return answers, self._direct_tls()
                case _State.PACKET:
                    if (body := self._reader.next_startup()) is None:
                        return answers, None
                    answer, event = self._packet(body)
                    answers += answer
                    if event is not None:
                        return answers, event
                case _State.PASSWORD:
                    return answers, self._password()
                case _State.BEARER:
                    answer, event = self._token()
                    return answers + answer, event
                case _State.TLS | _State.OVER:  # pragma: no branch - mypy proves the match exhaustive
                    return answers, None

    def _direct_tls(self) -> StartTls:
        if not self._tls:
            raise ClientProtocolError("this listener does not offer TLS", hint="Connect with sslmode=disable.")
        self._state = _State.TLS
        return StartTls(self._reader.take_rest())

    def _packet(self, body: bytes) -> tuple[bytes, HandshakeEvent | None]:
        match parse_startup(body):
            case CancelRequest(process_id, secret):
                self._state = _State.OVER
                return b"", CancelRequested(process_id, secret)
            case SSLRequest() | GSSENCRequest() as request:
                return self._encryption(request)
            case StartupMessage() as message:  # pragma: no branch - mypy proves the match exhaustive
                return self._begin(message), None

    def _encryption(self, request: SSLRequest | GSSENCRequest) -> tuple[bytes, StartTls | None]:
        if self._encrypted or type(request) in self._asked_for:
            raise ClientProtocolError("encryption was already negotiated")
        if self._reader.buffered:
            # CVE-2021-23214: what stands in clear behind the request may be an attacker's, and would be taken for
            # the first thing said inside TLS.
            raise ClientProtocolError(
                "received unencrypted data after SSL request",
                detail="This could be either a client-software bug or evidence of an attempted "
                "man-in-the-middle attack.",
            )
        self._asked_for.add(type(request))
        if self._tls and isinstance(request, SSLRequest):
            self._state = _State.TLS
            return b"S", StartTls()
        return b"N", None

    def _begin(self, message: StartupMessage) -> bytes:
        startup = read_startup(message)
        self._admit()
        if not self._encrypted and not self._clear_password:
            raise ProxyError(
                "a password is accepted only over TLS",
                sqlstate=INVALID_AUTHORIZATION_SPECIFICATION,
                hint="Connect with sslmode=require or stronger.",
            )
        self._startup = startup
        ask = self._ask(startup)
        if not startup.negotiate:
            return ask
        # The server itself puts the whole version here, not the minor alone, and libpq reads it so.
        return NegotiateProtocolVersion(_PROTOCOL_3 | NEWEST_MINOR, startup.unknown_options).encode() + ask

    def _ask(self, startup: Startup) -> bytes:
        """How the client is to show who it is. Raises ProxyError where it cannot be as it asks."""
        method = startup.login or (LoginMethod.PASSWORD if self._methods.password else LoginMethod.OAUTH)
        if method is LoginMethod.PASSWORD and self._methods.password:
            self._state = _State.PASSWORD
            return _ASK_PASSWORD
        if method is LoginMethod.OAUTH and self._methods.bearer is not None:
            if not self._encrypted:
                raise ProxyError(
                    "OAUTHBEARER is accepted only over TLS",
                    sqlstate=INVALID_AUTHORIZATION_SPECIFICATION,
                    hint="Connect with sslmode=require or stronger.",
                )
            self._state = _State.BEARER
            self._bearer = BearerExchange(self._methods.bearer)
            return ASK_BEARER
        raise ProxyError(
            f"this server does not offer login by {method.value}", sqlstate=INVALID_AUTHORIZATION_SPECIFICATION
        )

    def reject(self, error: ProxyError) -> bytes:
        """The token is not accepted: what the client is to be told before ``error``; empty where it expects no more.

        Where it does, ``receive`` raises ``error`` once the client has acknowledged.
        """
        if self._bearer is None:
            return b""
        self._state = _State.BEARER
        self._rejected = error
        return self._bearer.reject()

    def _token(self) -> tuple[bytes, HandshakeEvent | None]:
        if self._bearer is None or self._startup is None or (message := self._next(self._startup)) is None:
            return b"", None
        tag, body = message
        if tag != PASSWORD:
            raise ClientProtocolError(f"expected SASL response, got message type {tag}")
        answer, token = self._bearer.receive(body)
        if token is not None:
            self._state = _State.OVER
            return answer, LoginRequested(self._startup, token)
        if answer:
            return answer, None
        self._state = _State.OVER
        if self._rejected is not None:
            raise self._rejected
        return b"", MetadataTold()

    def _next(self, startup: Startup) -> tuple[int, bytes] | None:
        """The client's answer to what it was asked for. Raises AuthenticationError where it is too long to be good."""
        announced = self._reader.announced()
        if announced is not None and announced[0] == PASSWORD and announced[1] > self._password_bytes + _AROUND_A_TOKEN:
            raise login_refused(startup.user, f"The token is longer than {self._password_bytes} bytes.")
        return self._reader.next()

    def _password(self) -> LoginRequested | None:
        if self._startup is None or (message := self._next(self._startup)) is None:
            return None
        tag, body = message
        if tag != PASSWORD:
            raise ClientProtocolError(f"expected password response, got message type {tag}")
        self._state = _State.OVER
        try:
            password = parse_password(body).password.decode()
        except UnicodeDecodeError:
            password = ""
        if not password:
            raise login_refused(self._startup.user, "The password is empty or not a token.")
        return LoginRequested(self._startup, password)


def login_refused(user: str, detail: str | None) -> AuthenticationError:
    """The refusal of a login, in the words that clients look for; ``detail`` has the reason for an administrator."""
    return AuthenticationError(f'password authentication failed for user "{user}"', detail=detail)


def greeting(startup: Startup, parameters: Mapping[str, str], key: BackendKeyData) -> bytes:
    """What follows an accepted password: AuthenticationOk, ParameterStatus, BackendKeyData, ReadyForQuery.

    ``parameters`` are the upstream's own. Those that speak of our account there are told as the client's.
    """
    shown = {**parameters, **shown_parameters(startup)}
    parts = [Authentication(AUTHENTICATION_OK).encode()]
    parts += [ParameterStatus(name, value).encode() for name, value in shown.items()]
    parts += [key.encode(), ReadyForQuery(b"I").encode()]
    return b"".join(parts)


def shown_parameters(startup: Startup) -> dict[str, str]:
    """The reported settings that a client sees as its own, not as those of our account upstream."""
    return {
        "session_authorization": startup.user,
        "is_superuser": "off",
        "application_name": startup.application_name,
    }
