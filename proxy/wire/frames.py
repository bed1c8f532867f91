"""Cutting a byte stream into protocol messages (manual, 54.7): a tag byte and an int32 length, or a length alone.

Owns: framing of the phases that read whole messages (login on either side), runs of messages that pass unread, and the
limits on a message's length.
Must not know: what is in a message, sockets.
Invariant: the frames are the same however the stream was cut; a length that cannot be is an error before any of the
message is kept, so memory is bounded by the limit.
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import Final

from proxy.errors import ProxyError

HEADER: Final = Struct("!BI")  # the tag, and the length that counts itself but not the tag
LENGTH: Final = Struct("!I")
HEADER_SIZE: Final = 5
LENGTH_SIZE: Final = 4

MAX_STARTUP_BYTES: Final = 10_000  # MAX_STARTUP_PACKET_LENGTH in the server's libpq/pqcomm.h
MIN_STARTUP_BYTES: Final = 8  # the length and a request code


def frame(tag: int, body: bytes) -> bytes:
    """One typed message."""
    return HEADER.pack(tag, len(body) + LENGTH_SIZE) + body


def startup_frame(body: bytes) -> bytes:
    """One untyped message, as they open a connection."""
    return LENGTH.pack(len(body) + LENGTH_SIZE) + body


def run_end(data: bytes, pos: int, tag: int) -> int:
    """Where a run of messages of that tag ends, beyond the data if the last of them does."""
    unpack = HEADER.unpack_from
    try:
        while True:
            found, length = unpack(data, pos)
            if found != tag or length < LENGTH_SIZE:
                return pos
            pos += length + 1
    except struct_error:  # the end of the data, which costs less to run into than to look for at each row
        return pos


class FrameReader:
    """Bytes in, whole messages out.

    ``error`` is the class raised for impossible lengths: ClientProtocolError or UpstreamProtocolError, after which the
    reader must not be used again. ``max_message_bytes`` bounds a typed message's body.
    """

    __slots__ = ("_buffer", "_error", "_max_message_bytes")

    def __init__(self, *, error: type[ProxyError], max_message_bytes: int) -> None:
        self._buffer = bytearray()
        self._error = error
        self._max_message_bytes = max_message_bytes

    def feed(self, data: bytes) -> None:
        """Take bytes as they came from the wire."""
        self._buffer += data

    @property
    def buffered(self) -> int:
        """How many bytes were fed and not yet read."""
        return len(self._buffer)

    def peek_byte(self) -> int | None:
        """The next unread byte without reading it (0x16 opens a TLS record), or None."""
        return self._buffer[0] if self._buffer else None

    def announced(self) -> tuple[int, int] | None:
        """Tag and body length that the next typed message claims to have, without reading it."""
        if len(self._buffer) < HEADER_SIZE:
            return None
        tag, length = HEADER.unpack_from(self._buffer)
        return tag, length - LENGTH_SIZE

    def take_rest(self) -> bytes:
        """Read all that is left, to hand it to whoever reads the stream from here on."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def next(self) -> tuple[int, bytes] | None:
        """The next typed message as (tag, body), or None while it is not whole.

        Raises the reader's error class for a length below four or above the limit.
        """
        buffer = self._buffer
        if len(buffer) < HEADER_SIZE:
            return None
        tag, length = HEADER.unpack_from(buffer)
        if not LENGTH_SIZE <= length <= self._max_message_bytes + LENGTH_SIZE:
            raise self._error(
                f"invalid message length {length}",
                detail=f"A message may have up to {self._max_message_bytes} bytes.",
            )
        if len(buffer) <= length:
            return None
        body = bytes(buffer[HEADER_SIZE : length + 1])
        del buffer[: length + 1]
        return tag, body

    def next_startup(self) -> bytes | None:
        """The next untyped message's body (request code and what follows), or None while it is not whole.

        Raises the reader's error class for a length below eight or above 10,000, the server's own limit.
        """
        buffer = self._buffer
        if len(buffer) < LENGTH_SIZE:
            return None
        (length,) = LENGTH.unpack_from(buffer)
        if not MIN_STARTUP_BYTES <= length <= MAX_STARTUP_BYTES:
            raise self._error("invalid length of startup packet")
        if len(buffer) < length:
            return None
        body = bytes(buffer[LENGTH_SIZE:length])
        del buffer[:length]
        return body
