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
from proxy.session.startup import NEWEST_MINOR, Startup, read_startup
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
    """The client gave its password."""

    startup: Startup
    password: str = field(repr=False)


HandshakeEvent = StartTls | CancelRequested | LoginRequested


class _State(Enum):
    FIRST_BYTE = auto()
    PACKET = auto()
    TLS = auto()
    PASSWORD = auto()
    OVER = auto()


class Handshake:
    """The opening of one client connection: bytes in, bytes out, and at most one event at a time.

    ``tls``: whether we can answer ``S``. ``clear_password``: whether a password may come without TLS. ``admit`` is
    called when a client asks for a session, before it is asked for a password, and may raise TooManyConnectionsError.
    """

    def __init__(
        self, *, tls: bool, clear_password: bool, password_bytes: int, admit: Callable[[], None] = lambda: None
    ) -> None:
        self._tls = tls
        self._clear_password = clear_password
        self._admit = admit
        self._reader = FrameReader(error=ClientProtocolError, max_message_bytes=password_bytes + 1)
        self._state = _State.FIRST_BYTE
        self._encrypted = False
        self._asked_for: set[type[SSLRequest | GSSENCRequest]] = set()
        self._startup: Startup | None = None

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
                case _State.TLS | _State.OVER:
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
            case StartupMessage() as message:
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
        self._state = _State.PASSWORD
        if not startup.negotiate:
            return _ASK_PASSWORD
        # The server itself puts the whole version here, not the minor alone, and libpq reads it so.
        return NegotiateProtocolVersion(_PROTOCOL_3 | NEWEST_MINOR, startup.unknown_options).encode() + _ASK_PASSWORD

    def _password(self) -> LoginRequested | None:
        message = self._reader.next()
        if message is None:
            return None
        tag, body = message
        if tag != PASSWORD or self._startup is None:
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
