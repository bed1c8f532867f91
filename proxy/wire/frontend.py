"""The messages that a client sends (manual, 54.7), parsed, and built again for upstream.

Owns: their layout. Must not know: sockets, SQL, what a session does with a message.
Invariant: any bytes parse to a message or raise ClientProtocolError; building a parsed message gives the same bytes.
Names and texts stay ``bytes``: whoever needs text decodes it. Passwords and cancel keys never show in a ``repr``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from proxy.errors import ClientProtocolError
from proxy.wire.fields import FieldReader
from proxy.wire.frames import frame, startup_frame

QUERY: Final = ord("Q")
PARSE: Final = ord("P")
BIND: Final = ord("B")
DESCRIBE: Final = ord("D")
EXECUTE: Final = ord("E")
CLOSE: Final = ord("C")
FLUSH: Final = ord("H")
SYNC: Final = ord("S")
TERMINATE: Final = ord("X")
PASSWORD: Final = ord("p")  # also SASLInitialResponse, SASLResponse, GSSResponse
COPY_DATA: Final = ord("d")
COPY_DONE: Final = ord("c")
COPY_FAIL: Final = ord("f")
FUNCTION_CALL: Final = ord("F")

SSL_REQUEST_CODE: Final = 80877103
GSSENC_REQUEST_CODE: Final = 80877104
CANCEL_REQUEST_CODE: Final = 80877102
PROTOCOL_3_0: Final = 0x0003_0000

SYNC_MESSAGE: Final = frame(SYNC, b"")
FLUSH_MESSAGE: Final = frame(FLUSH, b"")
TERMINATE_MESSAGE: Final = frame(TERMINATE, b"")

_INT16: Final = Struct("!H")
_INT32: Final = Struct("!I")
_SIGNED32: Final = Struct("!i")


@dataclass(frozen=True, slots=True)
class StartupMessage:
    """``protocol`` is major << 16 | minor; ``parameters`` in the order sent, names as given."""

    protocol: int
    parameters: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The last value given for a parameter, as the server takes it, or None."""
        return next((value for key, value in reversed(self.parameters) if key == name), None)

    def encode(self) -> bytes:
        """The bytes of the message."""
        pairs = b"".join(_text(text) for pair in self.parameters for text in pair)
        return startup_frame(_INT32.pack(self.protocol) + pairs + b"\0")


@dataclass(frozen=True, slots=True)
class SSLRequest:
    """The client asks for TLS; the answer is one byte."""

    def encode(self) -> bytes:
        """The bytes of the message."""
        return startup_frame(_INT32.pack(SSL_REQUEST_CODE))


@dataclass(frozen=True, slots=True)
class GSSENCRequest:
    """The client asks for GSSAPI encryption; the answer is one byte."""

    def encode(self) -> bytes:
        """The bytes of the message."""
        return startup_frame(_INT32.pack(GSSENC_REQUEST_CODE))


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """The client asks to cancel what the session of that key runs; ``secret`` has 4 to 256 bytes."""

    process_id: int
    secret: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return startup_frame(_INT32.pack(CANCEL_REQUEST_CODE) + _INT32.pack(self.process_id) + self.secret)


StartupPacket = StartupMessage | SSLRequest | GSSENCRequest | CancelRequest


@dataclass(frozen=True, slots=True)
class PasswordMessage:
    """The answer to AuthenticationCleartextPassword."""

    password: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(PASSWORD, self.password + b"\0")


@dataclass(frozen=True, slots=True)
class SASLInitialResponse:
    """The choice of a SASL mechanism, with the first data or None."""

    mechanism: bytes
    data: bytes | None = field(repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        data = _SIGNED32.pack(-1) if self.data is None else _INT32.pack(len(self.data)) + self.data
        return frame(PASSWORD, self.mechanism + b"\0" + data)


@dataclass(frozen=True, slots=True)
class SASLResponse:
    """The next data of a SASL exchange."""

    data: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(PASSWORD, self.data)


@dataclass(frozen=True, slots=True)
class Query:
    """A simple query; ``text`` may hold several statements."""

    text: bytes

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(QUERY, self.text + b"\0")


@dataclass(frozen=True, slots=True)
class Parse:
    """``parameter_types`` are the oids given in advance, 0 for those left open."""

    statement: bytes
    text: bytes
    parameter_types: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """The bytes of the message."""
        types = b"".join(map(_INT32.pack, self.parameter_types))
        body = self.statement + b"\0" + self.text + b"\0" + _INT16.pack(len(self.parameter_types)) + types
        return frame(PARSE, body)


@dataclass(frozen=True, slots=True)
class Bind:
    """``rest`` is everything after the names: formats and parameter values, which pass unread."""

    portal: bytes
    statement: bytes
    rest: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(BIND, self.portal + b"\0" + self.statement + b"\0" + self.rest)


@dataclass(frozen=True, slots=True)
class Describe:
    """``kind`` is b"S" for a statement or b"P" for a portal."""

    kind: bytes
    name: bytes

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(DESCRIBE, self.kind + self.name + b"\0")


@dataclass(frozen=True, slots=True)
class Close:
    """``kind`` is b"S" for a statement or b"P" for a portal."""

    kind: bytes
    name: bytes

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(CLOSE, self.kind + self.name + b"\0")


@dataclass(frozen=True, slots=True)
class Execute:
    """``max_rows`` 0 (or negative) means all."""

    portal: bytes
    max_rows: int = 0

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(EXECUTE, self.portal + b"\0" + _SIGNED32.pack(self.max_rows))


@dataclass(frozen=True, slots=True)
class Flush:
    """Asks for the replies so far."""

    def encode(self) -> bytes:
        """The bytes of the message."""
        return FLUSH_MESSAGE


@dataclass(frozen=True, slots=True)
class Sync:
    """Ends an extended-query flight."""

    def encode(self) -> bytes:
        """The bytes of the message."""
        return SYNC_MESSAGE


@dataclass(frozen=True, slots=True)
class Terminate:
    """The client goes."""

    def encode(self) -> bytes:
        """The bytes of the message."""
        return TERMINATE_MESSAGE


@dataclass(frozen=True, slots=True)
class CopyData:
    """A piece of COPY data."""

    data: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(COPY_DATA, self.data)


@dataclass(frozen=True, slots=True)
class CopyDone:
    """The COPY data is complete."""

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(COPY_DONE, b"")


@dataclass(frozen=True, slots=True)
class CopyFail:
    """The client gives up its COPY."""

    reason: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(COPY_FAIL, self.reason + b"\0")


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The fast-path call of a function; ``rest`` passes unread."""

    function: int
    rest: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(FUNCTION_CALL, _INT32.pack(self.function) + self.rest)


FrontendMessage = (
    Query
    | Parse
    | Bind
    | Describe
    | Execute
    | Close
    | Flush
    | Sync
    | Terminate
    | CopyData
    | CopyDone
    | CopyFail
    | FunctionCall
)


def parse_startup(body: bytes) -> StartupPacket:
    """Parse the body of an untyped message (after its length).

    Raises ClientProtocolError. Any protocol version is returned as it is: what to do with it is the handshake's.
    """
    fields = _reader(body, "startup")
    (code,) = fields.unpack(_INT32)
    if code == CANCEL_REQUEST_CODE:
        (process_id,) = fields.unpack(_INT32)
        secret = fields.rest()
        if not 4 <= len(secret) <= 256:
            raise fields.broken()
        return CancelRequest(process_id, secret)
    if code in {SSL_REQUEST_CODE, GSSENC_REQUEST_CODE}:
        fields.finish()
        return SSLRequest() if code == SSL_REQUEST_CODE else GSSENCRequest()
    parameters: list[tuple[str, str]] = []
    while name := fields.string():
        parameters.append((_decode(name, fields), _decode(fields.string(), fields)))
    fields.finish()
    return StartupMessage(code, tuple(parameters))


def parse_password(body: bytes) -> PasswordMessage:
    """Parse the body of a ``p`` message that answers AuthenticationCleartextPassword (raises ClientProtocolError)."""
    fields = _reader(body, "password")
    password = fields.string()
    fields.finish()
    return PasswordMessage(password)


def parse_sasl_initial(body: bytes) -> SASLInitialResponse:
    """Parse the body of a ``p`` message that answers AuthenticationSASL (raises ClientProtocolError)."""
    fields = _reader(body, "SASLInitialResponse")
    mechanism = fields.string()
    (size,) = fields.unpack(_SIGNED32)
    data = None if size == -1 else fields.take(size)
    fields.finish()
    return SASLInitialResponse(mechanism, data)


def parse_frontend(tag: int, body: bytes) -> FrontendMessage:
    """Parse one message of the time after login (raises ClientProtocolError, also for unknown tags)."""
    parser = _PARSERS.get(tag)
    if parser is None:
        raise ClientProtocolError(f"invalid frontend message type {tag}")
    name, parse = parser
    fields = _reader(body, name)
    message = parse(fields)
    fields.finish()
    return message


def _parse(fields: FieldReader) -> Parse:
    statement, text = fields.string(), fields.string()
    (count,) = fields.unpack(_INT16)
    return Parse(statement, text, tuple(fields.unpack(_INT32)[0] for _ in range(count)))


def _kind(fields: FieldReader) -> bytes:
    kind = fields.take(1)
    if kind not in {b"S", b"P"}:
        raise fields.broken()
    return kind


_PARSERS: Final[Mapping[int, tuple[str, Callable[[FieldReader], FrontendMessage]]]] = {
    QUERY: ("Query", lambda fields: Query(fields.string())),
    PARSE: ("Parse", _parse),
    BIND: ("Bind", lambda fields: Bind(fields.string(), fields.string(), fields.rest())),
    DESCRIBE: ("Describe", lambda fields: Describe(_kind(fields), fields.string())),
    EXECUTE: ("Execute", lambda fields: Execute(fields.string(), fields.unpack(_SIGNED32)[0])),
    CLOSE: ("Close", lambda fields: Close(_kind(fields), fields.string())),
    FLUSH: ("Flush", lambda fields: Flush()),
    SYNC: ("Sync", lambda fields: Sync()),
    TERMINATE: ("Terminate", lambda fields: Terminate()),
    COPY_DATA: ("CopyData", lambda fields: CopyData(fields.rest())),
    COPY_DONE: ("CopyDone", lambda fields: CopyDone()),
    COPY_FAIL: ("CopyFail", lambda fields: CopyFail(fields.string())),
    FUNCTION_CALL: ("FunctionCall", lambda fields: FunctionCall(fields.unpack(_INT32)[0], fields.rest())),
}


def _reader(body: bytes, name: str) -> FieldReader:
    return FieldReader(body, name=name, error=ClientProtocolError)


def _decode(raw: bytes, fields: FieldReader) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise fields.broken() from None


def _text(text: str) -> bytes:
    return text.encode() + b"\0"
