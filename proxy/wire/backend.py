"""The messages that a server sends (manual, 54.7), parsed from upstream and built for the client.

Owns: their layout, and the one way in which an exception becomes an ErrorResponse.
Must not know: sockets, SQL, what a session does with a message.
Invariant: any bytes parse to a message or raise UpstreamProtocolError; building a parsed message gives the same bytes.
Texts are decoded as UTF-8 with ``surrogateescape``: a server may speak another encoding before login is complete, and
what we only pass on must come out as it went in.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import Final

from proxy.errors import ProxyError, UpstreamProtocolError
from proxy.wire.fields import FieldReader
from proxy.wire.frames import frame
from proxy.wire.sqlstate import INTERNAL_ERROR

AUTHENTICATION: Final = ord("R")
PARAMETER_STATUS: Final = ord("S")
BACKEND_KEY_DATA: Final = ord("K")
READY_FOR_QUERY: Final = ord("Z")
ROW_DESCRIPTION: Final = ord("T")
DATA_ROW: Final = ord("D")
COMMAND_COMPLETE: Final = ord("C")
ERROR_RESPONSE: Final = ord("E")
NOTICE_RESPONSE: Final = ord("N")
NEGOTIATE_PROTOCOL_VERSION: Final = ord("v")
PARSE_COMPLETE: Final = ord("1")
BIND_COMPLETE: Final = ord("2")
CLOSE_COMPLETE: Final = ord("3")
NO_DATA: Final = ord("n")
PARAMETER_DESCRIPTION: Final = ord("t")
PORTAL_SUSPENDED: Final = ord("s")
EMPTY_QUERY_RESPONSE: Final = ord("I")
COPY_IN_RESPONSE: Final = ord("G")
COPY_OUT_RESPONSE: Final = ord("H")
COPY_BOTH_RESPONSE: Final = ord("W")
COPY_DATA: Final = ord("d")
COPY_DONE: Final = ord("c")
NOTIFICATION_RESPONSE: Final = ord("A")
FUNCTION_CALL_RESPONSE: Final = ord("V")

_INT16: Final = Struct("!H")
_INT32: Final = Struct("!I")
_SIGNED32: Final = Struct("!i")
_FIELD: Final = Struct("!IhIhih")  # table oid, attribute number, type oid, type size, type modifier, format

_log = logging.getLogger("pgveil.errors")


@dataclass(frozen=True, slots=True)
class Authentication:
    """AuthenticationOk and its kin: ``code`` says which (0 Ok, 3 cleartext, 10 SASL, …), ``data`` is what follows."""

    code: int
    data: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(AUTHENTICATION, _INT32.pack(self.code) + self.data)


AUTHENTICATION_OK: Final = 0
AUTHENTICATION_CLEARTEXT_PASSWORD: Final = 3
AUTHENTICATION_MD5_PASSWORD: Final = 5
AUTHENTICATION_SASL: Final = 10
AUTHENTICATION_SASL_CONTINUE: Final = 11
AUTHENTICATION_SASL_FINAL: Final = 12


@dataclass(frozen=True, slots=True)
class ParameterStatus:
    """A reported setting."""

    name: str
    value: str

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(PARAMETER_STATUS, _text(self.name) + _text(self.value))


@dataclass(frozen=True, slots=True)
class BackendKeyData:
    """What a CancelRequest must quote; ``secret`` has 4 bytes in protocol 3.0, up to 256 in 3.2."""

    process_id: int
    secret: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(BACKEND_KEY_DATA, _INT32.pack(self.process_id) + self.secret)


@dataclass(frozen=True, slots=True)
class ReadyForQuery:
    """``status``: b"I" idle, b"T" in a transaction, b"E" in a failed one."""

    status: bytes

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(READY_FOR_QUERY, self.status)


@dataclass(frozen=True, slots=True)
class RowField:
    """One column of a RowDescription. ``attribute_number`` 0 and ``table_oid`` 0: not a plain column."""

    name: str
    table_oid: int
    attribute_number: int
    type_oid: int
    type_size: int
    type_modifier: int
    format: int = 0


@dataclass(frozen=True, slots=True)
class RowDescription:
    """The columns of the rows that follow."""

    fields: tuple[RowField, ...]

    def encode(self) -> bytes:
        """The bytes of the message."""
        parts = [_INT16.pack(len(self.fields))]
        for f in self.fields:
            numbers = (f.table_oid, f.attribute_number, f.type_oid, f.type_size, f.type_modifier, f.format)
            parts.append(_text(f.name) + _FIELD.pack(*numbers))
        return frame(ROW_DESCRIPTION, b"".join(parts))


@dataclass(frozen=True, slots=True)
class CommandComplete:
    """``tag`` such as ``SELECT 5``."""

    tag: str

    @property
    def rows(self) -> int | None:
        """The number of rows that the tag ends with, or None (``BEGIN``)."""
        return rows_of_tag(self.tag.encode(errors="surrogateescape"))

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(COMMAND_COMPLETE, _text(self.tag))


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """``fields`` by their letter (manual, 54.8), in the order sent. Texts stay out of the ``repr``."""

    fields: Mapping[str, str] = field(repr=False)

    @property
    def sqlstate(self) -> str:
        """The code, XX000 where the server gave none."""
        return self.fields.get("C", INTERNAL_ERROR)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(ERROR_RESPONSE, _encode_fields(self.fields))


@dataclass(frozen=True, slots=True)
class NoticeResponse:
    """Like an ErrorResponse, but nothing failed."""

    fields: Mapping[str, str] = field(repr=False)

    @property
    def sqlstate(self) -> str:
        """The code, XX000 where the server gave none."""
        return self.fields.get("C", INTERNAL_ERROR)

    def encode(self) -> bytes:
        """The bytes of the message."""
        return frame(NOTICE_RESPONSE, _encode_fields(self.fields))


@dataclass(frozen=True, slots=True)
class NegotiateProtocolVersion:
    """The newest minor version that the server speaks, and the options that it does not know."""

    newest_minor: int
    unknown_options: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The bytes of the message."""
        options = b"".join(map(_text, self.unknown_options))
        body = _INT32.pack(self.newest_minor) + _INT32.pack(len(self.unknown_options)) + options
        return frame(NEGOTIATE_PROTOCOL_VERSION, body)


def parse_authentication(body: bytes) -> Authentication:
    """Parse the body of an ``R`` message (raises UpstreamProtocolError)."""
    fields = _reader(body, "Authentication")
    return Authentication(fields.unpack(_INT32)[0], fields.rest())


def sasl_mechanisms(data: bytes) -> tuple[str, ...]:
    """The mechanisms that an AuthenticationSASL offers, from its ``data`` (raises UpstreamProtocolError)."""
    fields = _reader(data, "AuthenticationSASL")
    mechanisms: list[str] = []
    while name := fields.string():
        mechanisms.append(_decode(name))
    fields.finish()
    return tuple(mechanisms)


def parse_parameter_status(body: bytes) -> ParameterStatus:
    """Parse the body of an ``S`` message (raises UpstreamProtocolError)."""
    fields = _reader(body, "ParameterStatus")
    status = ParameterStatus(_decode(fields.string()), _decode(fields.string()))
    fields.finish()
    return status


def parse_backend_key_data(body: bytes) -> BackendKeyData:
    """Parse the body of a ``K`` message (raises UpstreamProtocolError)."""
    fields = _reader(body, "BackendKeyData")
    (process_id,) = fields.unpack(_INT32)
    secret = fields.rest()
    if not 4 <= len(secret) <= 256:
        raise fields.broken()
    return BackendKeyData(process_id, secret)


def parse_ready_for_query(body: bytes) -> ReadyForQuery:
    """Parse the body of a ``Z`` message (raises UpstreamProtocolError)."""
    if body not in {b"I", b"T", b"E"}:
        raise UpstreamProtocolError("malformed ReadyForQuery message")
    return ReadyForQuery(body)


def parse_row_description(body: bytes) -> RowDescription:
    """Parse the body of a ``T`` message (raises UpstreamProtocolError)."""
    fields = _reader(body, "RowDescription")
    (count,) = fields.unpack(_INT16)
    columns = tuple(RowField(_decode(fields.string()), *fields.unpack(_FIELD)) for _ in range(count))
    fields.finish()
    return RowDescription(columns)


def copy_columns(body: bytes) -> int:
    """How many columns a CopyOutResponse announces (raises UpstreamProtocolError)."""
    fields = _reader(body, "CopyOutResponse")
    fields.take(1)  # the overall format
    (count,) = fields.unpack(_INT16)
    fields.take(count * _INT16.size)
    fields.finish()
    return int(count)


def parse_data_row(body: bytes) -> tuple[bytes | None, ...]:
    """The cells of a ``D`` message, None for NULL (raises UpstreamProtocolError)."""
    fields = _reader(body, "DataRow")
    (count,) = fields.unpack(_INT16)
    cells: list[bytes | None] = []
    for _ in range(count):
        (size,) = fields.unpack(_SIGNED32)
        cells.append(None if size == -1 else fields.take(size))
    fields.finish()
    return tuple(cells)


def build_data_row(cells: tuple[bytes | None, ...]) -> bytes:
    """A DataRow message."""
    parts = (_SIGNED32.pack(-1) if cell is None else _INT32.pack(len(cell)) + cell for cell in cells)
    return frame(DATA_ROW, _INT16.pack(len(cells)) + b"".join(parts))


def parse_command_complete(body: bytes) -> CommandComplete:
    """Parse the body of a ``C`` message (raises UpstreamProtocolError)."""
    fields = _reader(body, "CommandComplete")
    tag = fields.string()
    fields.finish()
    return CommandComplete(_decode(tag))


@lru_cache(maxsize=256)  # most results have few rows
def rows_of_tag(tag: bytes) -> int | None:
    """The number of rows that a command tag ends with (``SELECT 5``, ``INSERT 0 1``), or None."""
    last = tag.rpartition(b" ")[2]
    return int(last) if last.isdigit() and len(last) <= 20 else None


def parse_error_response(body: bytes) -> ErrorResponse:
    """Parse the body of an ``E`` message (raises UpstreamProtocolError)."""
    return ErrorResponse(_parse_fields(body, "ErrorResponse"))


def parse_notice_response(body: bytes) -> NoticeResponse:
    """Parse the body of an ``N`` message (raises UpstreamProtocolError)."""
    return NoticeResponse(_parse_fields(body, "NoticeResponse"))


def parse_negotiate_protocol_version(body: bytes) -> NegotiateProtocolVersion:
    """Parse the body of a ``v`` message (raises UpstreamProtocolError)."""
    fields = _reader(body, "NegotiateProtocolVersion")
    (minor,) = fields.unpack(_INT32)
    (count,) = fields.unpack(_INT32)
    if count > len(body):
        raise fields.broken()
    options = tuple(_decode(fields.string()) for _ in range(count))
    fields.finish()
    return NegotiateProtocolVersion(minor, options)


def error_response(error: BaseException, *, fatal: bool = False) -> bytes:
    """The ErrorResponse for an exception, as bytes.

    A ProxyError says what it says. Anything else is a bug of ours: the client gets XX000 with a reference number, under
    which the log has the exception's type and where it was raised; never its text, which may hold a value.
    """
    severity = "FATAL" if fatal else "ERROR"
    fields = {"S": severity, "V": severity}
    if isinstance(error, ProxyError):
        fields["C"] = error.sqlstate
        fields["M"] = error.message
        if error.detail:
            fields["D"] = error.detail
        if error.hint:
            fields["H"] = error.hint
        if error.position is not None:
            fields["P"] = str(error.position)
    else:
        reference = secrets.token_hex(6)
        places = "".join(traceback.format_tb(error.__traceback__))
        _log.error("internal error %s: %s raised at\n%s", reference, type(error).__name__, places)
        fields["C"] = INTERNAL_ERROR
        fields["M"] = f"internal error in pgveil, reference {reference}"
        fields["H"] = "The proxy's log has more under this reference."
    return ErrorResponse({letter: _printable(text) for letter, text in fields.items()}).encode()


def _printable(text: str) -> str:
    return text.replace("\0", "").encode(errors="replace").decode()


def _parse_fields(body: bytes, name: str) -> Mapping[str, str]:
    reader = _reader(body, name)
    fields: dict[str, str] = {}
    while (letter := reader.take(1)) != b"\0":
        key = letter.decode("latin-1")
        if key in fields:
            raise reader.broken()
        fields[key] = _decode(reader.string())
    reader.finish()
    return fields


def _encode_fields(fields: Mapping[str, str]) -> bytes:
    return b"".join(letter.encode("latin-1") + _text(text) for letter, text in fields.items()) + b"\0"


def _reader(body: bytes, name: str) -> FieldReader:
    return FieldReader(body, name=name, error=UpstreamProtocolError)


def _decode(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _text(text: str) -> bytes:
    return text.encode(errors="surrogateescape") + b"\0"
