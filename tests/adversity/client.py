"""A client that says exactly what a test tells it to, and reads what comes back message by message."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

from proxy.wire import backend
from proxy.wire.frames import HEADER, HEADER_SIZE, LENGTH_SIZE
from proxy.wire.frontend import PasswordMessage, Query, SSLRequest, StartupMessage

Message = tuple[str, bytes]


class Client:
    """One connection to the proxy. Every wait has a limit, so that a hanging proxy fails the test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.parameters: dict[str, str] = {}
        self.key: backend.BackendKeyData | None = None

    @classmethod
    async def connect(cls, port: int, **options: object) -> Client:
        """Open a connection and say nothing. ``options`` are those of ``asyncio.open_connection``."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)  # type: ignore[arg-type]
        return cls(reader, writer)

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Ask for TLS, and begin it."""
        self.send(SSLRequest().encode())
        assert await self.exactly(1) == b"S"
        await self.writer.start_tls(context, server_hostname="localhost")

    async def login(self, who: str = "ada", **parameters: str) -> None:
        """The whole login (raises AssertionError where it is refused)."""
        self.startup(**parameters)
        assert await self.message() == ("R", b"\0\0\0\3")
        self.send(PasswordMessage(who.encode()).encode())
        assert await self.message() == ("R", b"\0\0\0\0")
        while (message := await self.message())[0] != "Z":
            if message[0] == "S":
                status = backend.parse_parameter_status(message[1])
                self.parameters[status.name] = status.value
            elif message[0] == "K":
                self.key = backend.parse_backend_key_data(message[1])

    def startup(self, **parameters: str) -> None:
        """Send a StartupMessage of protocol 3.0, or 3.2 where ``minor="2"`` is given."""
        minor = int(parameters.pop("minor", "0"))
        given = {"user": "ada", "database": "clinic"} | parameters
        self.send(StartupMessage(0x30000 | minor, tuple(given.items())).encode())

    async def query(self, text: str) -> list[Message]:
        """Run a simple query; returns its messages, ReadyForQuery included."""
        self.send(Query(text.encode()).encode())
        return await self.until("Z")

    async def until(self, tag: str) -> list[Message]:
        """The messages up to the first of that kind."""
        messages = [await self.message()]
        while messages[-1][0] != tag:
            messages.append(await self.message())
        return messages

    async def message(self) -> Message:
        """The next message as (tag, body)."""
        tag, length = HEADER.unpack(await self.exactly(HEADER_SIZE))
        return chr(tag), await self.exactly(length - LENGTH_SIZE)

    async def exactly(self, size: int) -> bytes:
        """That many bytes."""
        async with asyncio.timeout(20):
            return await self.reader.readexactly(size)

    async def error(self) -> dict[str, str]:
        """The fields of the ErrorResponse that must come next (notices aside), after which the connection must end."""
        tag, body = await self.message()
        assert tag == "E", (tag, body)
        assert await self.ended() == b""
        return dict(backend.parse_error_response(body).fields)

    async def ended(self) -> bytes:
        """What still comes until the proxy closes the connection."""
        async with asyncio.timeout(20):
            rest = b""
            with suppress(ConnectionResetError):
                rest = await self.reader.read()
            return rest

    async def close(self) -> None:
        """Leave without a word."""
        self.writer.close()
        with suppress(OSError):  # ssl.SSLError is one
            await self.writer.wait_closed()
