"""A session that keeps every byte it is told.

Owns: logging in, sending bytes, and cutting what comes back into messages. Must not know: attacks, what is right.
Invariant: nothing is interpreted but lengths, so two sessions can be compared byte for byte.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum

from proxy.wire.backend import parse_data_row, parse_error_response
from proxy.wire.frames import HEADER, HEADER_SIZE, LENGTH_SIZE
from proxy.wire.frontend import (
    SYNC_MESSAGE,
    TERMINATE_MESSAGE,
    Bind,
    Describe,
    Execute,
    Parse,
    PasswordMessage,
    Query,
    StartupMessage,
)

PATIENCE = 20.0
VERSION_3 = 0x30000

Message = tuple[str, bytes]


class Way(Enum):
    """How a statement is sent."""

    SIMPLE = "simple"
    TEXT = "extended, text"
    BINARY = "extended, binary"


class WireSession:
    """One connection; ``greeting`` is what came with the login, BackendKeyData left out."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._reader = connection.makefile("rb")
        self.greeting: list[Message] = []

    @classmethod
    @contextmanager
    def connect(cls, parameters: Mapping[str, str], **startup: str) -> Iterator[WireSession]:
        """Log in with libpq's ``parameters`` (a password, no TLS), and leave in the end."""
        address = (parameters["host"], int(parameters["port"]))
        with socket.create_connection(address, timeout=PATIENCE) as connection:
            session = cls(connection)
            given = {"user": parameters["user"], "database": parameters["dbname"]} | startup
            session.send(StartupMessage(VERSION_3, tuple(given.items())).encode())
            session.greeting = session._greeted(parameters["password"])
            with session._reader:
                yield session
                with suppress(OSError):
                    session.send(TERMINATE_MESSAGE)

    def _greeted(self, password: str) -> list[Message]:
        heard: list[Message] = []
        while not heard or heard[-1][0] not in "ZE":
            tag, body = self.message()
            if (tag, body) == ("R", b"\0\0\0\3"):
                self.send(PasswordMessage(password.encode()).encode())
            elif tag != "K":
                heard.append((tag, body))
        return heard

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._socket.sendall(data)

    def ask(self, text: str, way: Way = Way.SIMPLE) -> list[Message]:
        """One statement, and all that is said to it."""
        if way is Way.SIMPLE:
            self.send(Query(text.encode()).encode())
        else:
            results = (1,) if way is Way.BINARY else (0,)
            flight = (Parse(b"", text.encode(), ()), Describe(b"S", b""), bind(b"", b"", results=results))
            self.send(b"".join(m.encode() for m in (*flight, Describe(b"P", b""), Execute(b""))) + SYNC_MESSAGE)
        return self.until_ready()

    def until_ready(self) -> list[Message]:
        """The messages up to ReadyForQuery, or to the end of the connection."""
        heard: list[Message] = []
        while not heard or heard[-1][0] != "Z":
            try:
                heard.append(self.message())
            except ConnectionError:
                heard.append(("", b"gone"))
                return heard
        return heard

    def message(self) -> Message:
        """The next message as (tag, body)."""
        tag, length = HEADER.unpack(self._exactly(HEADER_SIZE))
        return chr(tag), self._exactly(length - LENGTH_SIZE)

    def _exactly(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise ConnectionError("the proxy has closed the connection")
        return data


def bind(portal: bytes, statement: bytes, *values: bytes | None, results: tuple[int, ...] = ()) -> Bind:
    """Bind with parameters in text format."""
    count = len(values).to_bytes(2)
    cells = b"".join(b"\xff\xff\xff\xff" if v is None else len(v).to_bytes(4) + v for v in values)
    formats = len(results).to_bytes(2) + b"".join(f.to_bytes(2) for f in results)
    return Bind(portal, statement, b"\0\0" + count + cells + formats)


def pieces(messages: list[Message]) -> Iterator[bytes]:
    """What may carry a value: each cell of each row, and the bodies of all other messages."""
    for tag, body in messages:
        if tag == "D":
            yield from (bytes(cell) for cell in parse_data_row(body) if cell is not None)
        else:
            yield body


def sqlstate(messages: list[Message]) -> str | None:
    """The code of the first error, None where there is none."""
    return next((parse_error_response(body).fields.get("C") for tag, body in messages if tag == "E"), None)


def rows(messages: list[Message]) -> list[tuple[bytes | None, ...]]:
    """The rows, in their order."""
    return [
        tuple(None if c is None else bytes(c) for c in parse_data_row(body)) for tag, body in messages if tag == "D"
    ]
