"""A server of our own that speaks just enough of the protocol to be told how to misbehave."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress

import scramp

from proxy.session.upstream_login import SESSION_QUERY
from proxy.wire import backend
from proxy.wire.backend import Authentication, BackendKeyData, CommandComplete, ErrorResponse, ParameterStatus
from proxy.wire.frames import HEADER, HEADER_SIZE, LENGTH, LENGTH_SIZE, frame
from proxy.wire.frontend import CancelRequest, SSLRequest, StartupMessage, parse_sasl_initial, parse_startup

COLUMN = backend.RowDescription((backend.RowField("x", 0, 0, 25, -1, -1),)).encode()
READY = backend.ReadyForQuery(b"I").encode()
SETTINGS = {
    "server_version": "16.4",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "session_authorization": "pgveil",
    "is_superuser": "on",
}


class FakeUpstream:
    """Listens on loopback. What a query does is its text: see ``_query``.

    ``greeting``: sent in place of the login's answer, after which the connection is closed. ``silent``: never answer.
    ``tls``: the context to answer SSLRequest with, None for ``N``. ``behind_answer``: bytes that follow that answer in
    clear. ``scram``: the password to ask for by SCRAM-SHA-256-PLUS, and the digest of the certificate that the login
    must be bound to. ``settings``: what it reports beside the usual. ``process``: what every connection says that its
    server process is, None for one of its own. ``asked``: how often it was asked for process and search path;
    its answer comes behind the settings in ``report``. ``slots``: its max_connections. ``discards``: whether DISCARD
    ALL succeeds, ``discarded``: how often it did.
    """

    def __init__(self) -> None:
        self.port = 0
        self.greeting: bytes | None = None
        self.silent = False
        self.tls: ssl.SSLContext | None = None
        self.behind_answer = b""
        self.scram: tuple[str, bytes] | None = None
        self.settings: dict[str, str] = {}
        self.search_path: tuple[bytes, ...] = (b"public",)
        self.process: bytes | None = None
        self.report: dict[str, str] = {}
        self.slots = 1000
        self.asked = 0
        self.discards = True
        self.discarded = 0
        self.startups: list[StartupMessage] = []
        self.cancels: list[CancelRequest] = []
        self.cancelled = asyncio.Event()
        self.received_terminate = asyncio.Event()
        self.connections: set[asyncio.StreamWriter] = set()
        self.rows_sent = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self.connections):
            writer.transport.abort()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections.add(writer)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, scramp.ScramException):
            await self._talk(reader, writer)
        self.connections.discard(writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packet = parse_startup(await _untyped(reader))
        if isinstance(packet, SSLRequest):
            writer.write((b"N" if self.tls is None else b"S") + self.behind_answer)
            if self.tls is not None:
                await writer.start_tls(self.tls)
            packet = parse_startup(await _untyped(reader))
        if isinstance(packet, CancelRequest):
            self.cancels.append(packet)
            self.cancelled.set()
            return
        assert isinstance(packet, StartupMessage)
        self.startups.append(packet)
        if self.silent:
            await reader.read()
            return
        if self.greeting is not None:
            writer.write(self.greeting)
            await writer.drain()
            return
        if len(self.connections) > self.slots:
            writer.write(fatal("53300", "sorry, too many clients already"))
            return
        if self.scram is not None:
            await _scram(reader, writer, *self.scram)
        writer.write(Authentication(0).encode())
        writer.write(
            b"".join(ParameterStatus(name, value).encode() for name, value in (SETTINGS | self.settings).items())
        )
        writer.write(ParameterStatus("application_name", packet.get("application_name") or "").encode())
        writer.write(BackendKeyData(4711, b"upky").encode() + READY)
        while True:
            tag, length = HEADER.unpack(await reader.readexactly(HEADER_SIZE))
            body = await reader.readexactly(length - LENGTH_SIZE)
            match chr(tag):
                case "Q":
                    await self._query(body[:-1].decode(), writer)
                case "X":
                    self.received_terminate.set()
                    return
                case other:
                    raise AssertionError(f"unexpected message {other}")

    async def _query(self, text: str, writer: asyncio.StreamWriter) -> None:
        match text.split():
            case _ if text == SESSION_QUERY:
                self.asked += 1
                process = self.process or str(id(writer)).encode()
                rows = _row(process) + b"".join(_row(schema) for schema in self.search_path)
                writer.write(b"".join(ParameterStatus(name, value).encode() for name, value in self.report.items()))
                writer.write(COLUMN + rows + CommandComplete("SELECT 1").encode() + READY)
            case ["DISCARD", "ALL"] if self.discards:
                self.discarded += 1
                writer.write(CommandComplete("DISCARD ALL").encode() + READY)
            case ["DISCARD", "ALL"]:
                fields = {"S": "ERROR", "V": "ERROR", "C": "53200", "M": "out of memory"}
                writer.write(ErrorResponse(fields).encode() + READY)
            case ["die"]:
                writer.transport.abort()
            case ["die", "in", "a", "row"]:
                writer.write(COLUMN + _row(b"first") + _row(b"second")[:-3])
                await writer.drain()
                await asyncio.sleep(0.05)
                writer.transport.abort()
            case ["leave"]:
                fields = {"S": "FATAL", "V": "FATAL", "C": "57P01", "M": "terminating connection due to command"}
                writer.write(ErrorResponse(fields).encode())
                writer.close()
            case ["nonsense"]:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            case ["wait"]:
                await self.cancelled.wait()
                fields = {"S": "ERROR", "V": "ERROR", "C": "57014", "M": "canceling statement due to user request"}
                writer.write(ErrorResponse(fields).encode() + READY)
            case ["rows", count, size]:
                await self._rows(int(count), int(size), writer)
            case _:
                writer.write(COLUMN + _row(text.encode()) + CommandComplete("SELECT 1").encode() + READY)

    async def _rows(self, count: int, size: int, writer: asyncio.StreamWriter) -> None:
        writer.write(COLUMN)
        row = _row(b"x" * size)
        for _ in range(count):
            writer.write(row)
            await writer.drain()
            self.rows_sent += 1
        writer.write(CommandComplete(f"SELECT {count}").encode() + READY)


async def _scram(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, password: str, digest: bytes) -> None:
    """Check a password and what it is bound to (raises scramp.ScramException)."""
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256-PLUS")
    secrets = mechanism.make_auth_info(password)
    server = mechanism.make_server(
        lambda _: (secrets[0], secrets[1], secrets[2], secrets[3]), channel_binding=("tls-server-end-point", digest)
    )
    writer.write(Authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0").encode())
    initial = parse_sasl_initial(await _password(reader))
    assert initial.mechanism == b"SCRAM-SHA-256-PLUS"
    server.set_client_first((initial.data or b"").decode())
    writer.write(Authentication(11, server.get_server_first().encode()).encode())
    server.set_client_final((await _password(reader)).decode())
    writer.write(Authentication(12, server.get_server_final().encode()).encode())


async def _password(reader: asyncio.StreamReader) -> bytes:
    _, length = HEADER.unpack(await reader.readexactly(HEADER_SIZE))
    return await reader.readexactly(length - LENGTH_SIZE)


def _row(cell: bytes) -> bytes:
    return backend.build_data_row((cell,))


async def _untyped(reader: asyncio.StreamReader) -> bytes:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH_SIZE))
    return await reader.readexactly(length - LENGTH_SIZE)


def fatal(sqlstate: str, message: str) -> bytes:
    """An ErrorResponse as a server sends it before it closes the connection."""
    return frame(ord("E"), f"SFATAL\0VFATAL\0C{sqlstate}\0M{message}\0\0".encode())
