"""Our way into the upstream (manual, 54.2), without I/O: from the StartupMessage to the initial search path.

Owns: the order of the messages of a login upstream, and what its failures mean for the client.
Must not know: sockets, how TLS or SCRAM is computed.
Invariant: our password leaves only in a form that the way it goes on protects, and a session begins only where the
server reads text as the planner does (UTF8, standard_conforming_strings on).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Protocol

from proxy.errors import ProxyError, UpstreamProtocolError, UpstreamUnavailableError
from proxy.session.settings import SCHEMAS
from proxy.session.startup import Startup
from proxy.wire import backend
from proxy.wire.frames import FrameReader
from proxy.wire.frontend import (
    PROTOCOL_3_0,
    PasswordMessage,
    Query,
    SASLInitialResponse,
    SASLResponse,
    StartupMessage,
)
from proxy.wire.sqlstate import CANNOT_CONNECT_NOW, TOO_MANY_CONNECTIONS, may_carry_text

# One row for the server process, then one for each schema of the search path. No two processes have the same number and
# were started by the same server, so that a pooler which shares one among sessions is found out.
SESSION_QUERY: Final = (
    "SELECT pg_catalog.unnest(pg_catalog.array_prepend(pg_catalog.concat(pg_catalog.pg_backend_pid(), ' ', "
    f"pg_catalog.pg_postmaster_start_time()), {SCHEMAS}))"
)

# Leaves the seed of random() as a new session has it: unknown to everyone, and never in a text.
_RESEED: Final = (
    "SELECT pg_catalog.setseed(pg_catalog.hashtextextended("
    "pg_catalog.gen_random_uuid()::pg_catalog.text, 0) / 9223372036854775808.0)"
)
_DISCARD: Final = "DISCARD ALL"

_NAME_BYTES: Final = 63  # NAMEDATALEN - 1, where the server cuts application_name
_LOGIN_MESSAGE_BYTES: Final = 1 << 20  # nothing before the first query of a client is longer
# The settings by which texts are read as the planner reads them.
READ_BY: Final = {"client_encoding": "UTF8", "standard_conforming_strings": "on"}


class ScramExchange(Protocol):
    """One SCRAM-SHA-256 exchange (RFC 5802). Each step may raise UpstreamProtocolError."""

    @property
    def mechanism(self) -> str:
        """The mechanism chosen among those offered."""

    def first(self) -> str:
        """client-first-message."""

    def final(self, server_first: str) -> str:
        """client-final-message."""

    def verify(self, server_final: str) -> None:
        """Check that the server knows the password too."""


@dataclass(frozen=True, slots=True)
class Account:
    """Our own account upstream."""

    user: str
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class UpstreamReady:
    """A login upstream that succeeded. ``parameters`` are its ParameterStatus, ``search_path`` as
    ``current_schemas(true)`` gives it, ``process_id`` and ``secret`` the upstream's own cancel key. ``process`` names
    the server process behind it, which behind a pooler is not that of the key.
    """

    parameters: Mapping[str, str]
    process_id: int
    secret: bytes = field(repr=False)
    search_path: tuple[str, ...]
    process: str


class UpstreamLoginError(UpstreamUnavailableError):
    """The upstream refused our account. ``upstream_text`` is what it said, for our log and not for the client."""

    def __init__(self, upstream_text: str) -> None:
        super().__init__(
            "the proxy could not log in to the upstream database",
            hint="This is for the administrators of pgveil: the proxy's log has the upstream's answer.",
        )
        self.upstream_text = upstream_text


class _State(Enum):
    AUTHENTICATION = auto()
    SASL_CONTINUE = auto()
    SASL_FINAL = auto()
    PROVED = auto()
    AUTHENTICATED = auto()
    DISCARDING = auto()
    RESEEDING = auto()
    SEARCH_PATH = auto()
    READY = auto()


def upstream_startup(startup: Startup, account: Account, *, principal_label: str) -> StartupMessage:
    """Our StartupMessage: our user, the client's database and settings, a name that tells the principal.

    ``principal_label`` becomes part of ``application_name``, so that the database's own logs show who asked.
    """
    name = f"pgveil/{principal_label} {startup.application_name}".strip()
    printable = "".join(c if " " <= c <= "~" else "?" for c in name)
    given = tuple((key, value) for key, value in startup.settings if key.lower() not in READ_BY)
    own = (("user", account.user), ("database", startup.database), ("application_name", printable[:_NAME_BYTES]))
    return StartupMessage(PROTOCOL_3_0, (*own, *given, *READ_BY.items()))


def own_startup(account: Account, database: str, purpose: str) -> StartupMessage:
    """The StartupMessage of a connection that no client asked for."""
    own = (("user", account.user), ("database", database), ("application_name", f"pgveil {purpose}"))
    return StartupMessage(PROTOCOL_3_0, (*own, *READ_BY.items()))


_REPORTING: Final = frozenset({_State.AUTHENTICATED, _State.DISCARDING, _State.RESEEDING, _State.SEARCH_PATH})
_AUTHENTICATING: Final = frozenset({_State.AUTHENTICATION, _State.SASL_CONTINUE, _State.SASL_FINAL, _State.PROVED})


class UpstreamLogin:
    """One login: ``start`` gives the first bytes, ``receive`` takes the server's and gives ours, until ``ready``.

    ``private``: the connection cannot be overheard (TLS, a Unix socket, loopback). ``scram`` makes an exchange for the
    mechanisms offered and may raise UpstreamProtocolError.
    """

    def __init__(
        self,
        startup: StartupMessage,
        account: Account,
        *,
        private: bool,
        scram: Callable[[tuple[str, ...]], ScramExchange],
    ) -> None:
        self._startup = startup
        self._account = account
        self._private = private
        self._make_scram = scram
        self._scram: ScramExchange | None = None
        self._reader = FrameReader(error=UpstreamProtocolError, max_message_bytes=_LOGIN_MESSAGE_BYTES)
        self._state = _State.AUTHENTICATION
        self._parameters: dict[str, str] = {}
        self._key: backend.BackendKeyData | None = None
        self._answers: list[str] = []
        self._discarded = False
        self._ready: UpstreamReady | None = None

    @property
    def ready(self) -> UpstreamReady | None:
        """The outcome, once the login is complete."""
        return self._ready

    def start(self) -> bytes:
        """The StartupMessage."""
        return self._startup.encode()

    def ask_again(self) -> bytes:
        """After some time: ask once more for what may be different by now; ``receive`` takes the answer."""
        self._ready = None
        return self._ask()

    def start_over(self, reported: Mapping[str, str]) -> bytes:
        """After a session: make the connection as new, and ask again; ``receive`` takes the answers.

        ``reported``: the settings that the server has reported in that session.
        """
        self._ready = None
        self._discarded = False
        self._parameters |= reported
        self._state = _State.DISCARDING
        return Query(_DISCARD.encode()).encode()

    def take_rest(self) -> bytes:
        """What the server sent behind the login; the conversation begins with it."""
        return self._reader.take_rest()

    def receive(self, data: bytes) -> bytes:
        """Take what the server sent; returns what to answer. Raises ProxyError: the connection is to be closed then."""
        self._reader.feed(data)
        answers = b""
        while self._ready is None and (message := self._reader.next()) is not None:
            answers += self._message(*message)
        return answers

    def _message(self, tag: int, body: bytes) -> bytes:
        match tag:
            case backend.ERROR_RESPONSE:
                raise login_failure(backend.parse_error_response(body))
            case backend.NOTICE_RESPONSE:
                return b""
            case backend.PARAMETER_STATUS if self._state in _REPORTING:
                status = backend.parse_parameter_status(body)
                self._parameters[status.name] = status.value
                return b""
            case backend.AUTHENTICATION if self._state in _AUTHENTICATING:
                return self._authentication(backend.parse_authentication(body))
            case backend.BACKEND_KEY_DATA if self._state is _State.AUTHENTICATED:
                self._key = backend.parse_backend_key_data(body)
                return b""
            case backend.READY_FOR_QUERY if self._state is _State.AUTHENTICATED:
                return self._logged_in()
            case _ if self._state is _State.SEARCH_PATH:
                self._search_path_reply(tag, body)
                return b""
            case backend.COMMAND_COMPLETE if self._state is _State.DISCARDING:
                self._discarded = body == _DISCARD.encode() + b"\0"
                return b""
            case backend.READY_FOR_QUERY if self._state is _State.DISCARDING and self._discarded and body == b"I":
                self._state = _State.RESEEDING
                return Query(_RESEED.encode()).encode()
            case backend.ROW_DESCRIPTION | backend.DATA_ROW | backend.COMMAND_COMPLETE if (
                self._state is _State.RESEEDING
            ):
                return b""
            case backend.READY_FOR_QUERY if self._state is _State.RESEEDING and body == b"I":
                return self._logged_in()
            case _:
                raise UpstreamProtocolError(f"unexpected message type {tag} from the upstream during login")

    def _authentication(self, message: backend.Authentication) -> bytes:
        match self._state, message.code:
            case ((_State.AUTHENTICATION | _State.PROVED), backend.AUTHENTICATION_OK):
                self._state = _State.AUTHENTICATED
                return b""
            case _State.AUTHENTICATION, backend.AUTHENTICATION_SASL:
                self._scram = self._make_scram(backend.sasl_mechanisms(message.data))
                self._state = _State.SASL_CONTINUE
                first = self._scram.first().encode()
                return SASLInitialResponse(self._scram.mechanism.encode(), first).encode()
            case _State.SASL_CONTINUE, backend.AUTHENTICATION_SASL_CONTINUE if self._scram is not None:
                self._state = _State.SASL_FINAL
                return SASLResponse(self._scram.final(_ascii(message.data)).encode()).encode()
            case _State.SASL_FINAL, backend.AUTHENTICATION_SASL_FINAL if self._scram is not None:
                self._scram.verify(_ascii(message.data))
                self._scram = None
                self._state = _State.PROVED
                return b""
            case _State.AUTHENTICATION, backend.AUTHENTICATION_MD5_PASSWORD:
                self._state = _State.PROVED
                return PasswordMessage(self._md5(message.data)).encode()
            case _State.AUTHENTICATION, backend.AUTHENTICATION_CLEARTEXT_PASSWORD:
                self._state = _State.PROVED
                return PasswordMessage(self._open_password().encode()).encode()
            case _:
                raise UpstreamLoginError(
                    f"it asked for authentication method {message.code}, which pgveil does not speak"
                )

    def _open_password(self) -> str:
        """Our password, for the methods that an eavesdropper could replay or guess from."""
        if not self._private:
            raise UpstreamLoginError("it asked for a cleartext or md5 password on a connection without TLS")
        if self._account.password is None:
            raise UpstreamLoginError("it asked for a password, and the settings have none")
        return self._account.password

    def _md5(self, salt: bytes) -> bytes:
        inner = _md5_hex((self._open_password() + self._account.user).encode())
        return b"md5" + _md5_hex(inner + salt)

    def _logged_in(self) -> bytes:
        for name, value in READ_BY.items():
            if self._parameters.get(name) != value:
                raise UpstreamProtocolError(f'the upstream does not report the setting "{name}" as {value}')
        return self._ask()

    def _ask(self) -> bytes:
        self._answers = []
        self._state = _State.SEARCH_PATH
        return Query(SESSION_QUERY.encode()).encode()

    def _search_path_reply(self, tag: int, body: bytes) -> None:
        match tag:
            case backend.ROW_DESCRIPTION | backend.COMMAND_COMPLETE:
                return
            case backend.DATA_ROW:
                self._answers.append(_schema(backend.parse_data_row(body)))
            case backend.READY_FOR_QUERY:
                if not self._answers:
                    raise UpstreamProtocolError("malformed answer to the question for the search path")
                key = self._key or backend.BackendKeyData(0, bytes(4))
                process, *path = self._answers
                self._ready = UpstreamReady(dict(self._parameters), key.process_id, key.secret, tuple(path), process)
                self._state = _State.READY
            case _:
                raise UpstreamProtocolError(f"unexpected message type {tag} from the upstream during login")


def login_failure(error: backend.ErrorResponse) -> ProxyError:
    """What an ErrorResponse during login means for the client.

    Before the first statement no text can quote stored data, so names and limits are told as the server tells them;
    only what it says of our own account is not the client's business.
    """
    message = error.fields.get("M", "")
    if error.sqlstate.startswith("28"):
        return UpstreamLoginError(f"{error.sqlstate} {message}")
    if error.sqlstate.startswith("53"):
        return ProxyError("the upstream database has no connection left", sqlstate=TOO_MANY_CONNECTIONS)
    if error.sqlstate.startswith("57"):
        return UpstreamUnavailableError(
            message or "the upstream database is not available", sqlstate=CANNOT_CONNECT_NOW
        )
    if may_carry_text(error.sqlstate) or error.sqlstate == "22023":  # an invalid value of a setting, the client's own
        return ProxyError(message, sqlstate=error.sqlstate)
    return UpstreamUnavailableError("the upstream database did not accept the connection", detail=error.sqlstate)


def _schema(row: tuple[bytes | None, ...]) -> str:
    match row:
        case (bytes(name),):
            try:
                return name.decode()
            except UnicodeDecodeError:
                raise UpstreamProtocolError("a schema in the search path has a name that is not UTF-8") from None
        case _:
            raise UpstreamProtocolError("malformed answer to the question for the search path")


def _ascii(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise UpstreamProtocolError("malformed SASL message from the upstream") from None


def _md5_hex(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()
