"""Messages of the protocol, and what comes back for them as bytes.

Owns: reading a whole answer, however long, without keeping it. Must not know: what is in it.
Invariant: the client costs next to nothing: it neither splits nor decodes rows.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

_READY = b"Z\x00\x00\x00\x05I"  # ReadyForQuery, idle (manual, 54.7)
_PIECE_BYTES = 256 * 1024


def simple(statement: str) -> bytes:
    """The messages of the simple query protocol (manual, 54.2.2)."""
    return _message(b"Q", statement.encode() + b"\0")


def extended(statement: str, *, binary: bool) -> bytes:
    """The messages of the extended query protocol (manual, 54.2.3): the whole result by one Execute."""
    formats = struct.pack("!HH", 1, binary)
    return b"".join(
        (
            _message(b"P", b"\0" + statement.encode() + b"\0" + struct.pack("!H", 0)),
            _message(b"B", b"\0\0" + struct.pack("!HH", 0, 0) + formats),
            _message(b"D", b"P\0"),
            _message(b"E", b"\0" + struct.pack("!I", 0)),
            _message(b"S", b""),
        )
    )


def _message(tag: bytes, body: bytes) -> bytes:
    return tag + struct.pack("!I", len(body) + 4) + body


@contextmanager
def raw_stream(connection: psycopg.Connection[Any]) -> Iterator[socket.socket]:
    """The socket of a connection that libpq has logged in, which is closed in the end."""
    stream = socket.socket(fileno=os.dup(connection.fileno()))
    stream.setblocking(True)
    with stream:
        yield stream
        stream.shutdown(socket.SHUT_RDWR)


def answer(stream: socket.socket, request: bytes) -> Iterator[bytes]:
    """What comes back for these messages, in pieces, up to its ReadyForQuery.

    Raises AssertionError where it starts with an error or is cut off.
    """
    stream.sendall(request)
    tail = b""
    while not tail.endswith(_READY):
        piece = stream.recv(_PIECE_BYTES)
        assert piece, "the connection ended before the answer did"
        assert tail or piece[0] != ord("E"), f"no answer but an error: {piece[:500]!r}"
        tail = (tail + piece)[-len(_READY) :]
        yield piece
