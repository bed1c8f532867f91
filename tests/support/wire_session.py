"""A session whose messages a test writes and reads itself, through a real proxy in front of a real server.

Owns: the login (psycopg's), and cutting answers into messages. Must not know: what is asked.
Invariant: nothing is read beyond the message that was waited for.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from proxy.wire.backend import parse_error_response

Message = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class WireSession:
    """A socket that is logged in. Answers must come within 30 seconds."""

    socket: socket.socket

    def send(self, *messages: bytes) -> None:
        """Send these in one piece."""
        self.socket.sendall(b"".join(messages))

    def message(self) -> Message:
        """The next message: its type and its body."""
        header = self._exactly(5)
        return chr(header[0]), self._exactly(int.from_bytes(header[1:], "big") - 4)

    def until(self, *types: str) -> list[Message]:
        """All messages up to the first of one of these types."""
        read = [self.message()]
        while read[-1][0] not in types:
            read.append(self.message())
        return read

    def _exactly(self, size: int) -> bytes:
        read = bytearray()
        while len(read) < size:
            if not (some := self.socket.recv(min(size - len(read), 1 << 20))):
                raise EOFError("the proxy closed the connection")
            read += some
        return bytes(read)


def types(messages: list[Message]) -> str:
    """The types of messages as one word; of errors with their SQLSTATE."""
    return "".join(f"E({parse_error_response(body).sqlstate})" if tag == "E" else tag for tag, body in messages)


@contextmanager
def wire_session(connection: psycopg.Connection[Any]) -> Iterator[WireSession]:
    """Take over the socket of a connection without TLS that psycopg has logged in."""
    with connection, socket.socket(fileno=os.dup(connection.pgconn.socket)) as raw:
        raw.settimeout(30)
        yield WireSession(raw)
        connection.pgconn.finish()
