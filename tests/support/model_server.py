"""A server in miniature: statements, portals, cursors and transactions, with rows that tell which text has made them.

Owns: answers to what a conversation sends upstream, as the manual's chapter 54 has them. Must not know: the proxy's
reasons. Invariant: a row's one cell is ``WORD VERSION NOW``: who asked, the policy that the text was rewritten under,
and what ``now`` was when the request for the row came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from proxy.wire.backend import RowDescription as Columns
from proxy.wire.backend import RowField, build_data_row
from proxy.wire.frames import HEADER, HEADER_SIZE
from proxy.wire.frontend import Bind, Close, Describe, Execute, FrontendMessage, Parse, Query, Sync, parse_frontend
from tests.support.playbook import (
    BOUND,
    CLOSED,
    FAILED,
    IDLE,
    IN_TRANSACTION,
    NO_PARAMETERS,
    NO_ROWS,
    PARSED,
    SUSPENDED,
    columns,
    done,
    error,
)

ROWS = 3
_ROW_TEXT = re.compile(r"(select|declare|prepare) .*\b(\w+) masked.* under (\d+)")
_REFUSED = "pgveil: statement refused"


class _Failed(Exception):  # noqa: N818 - how the server gives up on a request
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@dataclass(slots=True)
class _Portal:
    text: str
    given: int = 0
    hold: bool = False


class ModelServer:
    """``answer`` takes what a client sends, and returns what the server says to it, each time all of it."""

    def __init__(self) -> None:
        self.now = 1
        self.statements: dict[bytes, str] = {}
        self.portals: dict[bytes, _Portal] = {}
        self._status = IDLE
        self._skipping = False

    def answer(self, data: bytes) -> bytes:
        """The answers to whole messages."""
        out, at = b"", 0
        while at < len(data):
            tag, length = HEADER.unpack_from(data, at)
            message = parse_frontend(tag, data[at + HEADER_SIZE : at + 1 + length])
            at += 1 + length
            out += self._answer(message)
        return out

    def _answer(self, message: FrontendMessage) -> bytes:
        if isinstance(message, Sync):
            self._skipping = False
            return self._ready()
        if self._skipping:
            return b""
        try:
            return self._query(message.text.decode()) if isinstance(message, Query) else self._extended(message)
        except _Failed as failed:
            self._status = FAILED if self._status == IN_TRANSACTION else self._status
            self._skipping = not isinstance(message, Query)
            return error(failed.sqlstate) + (self._ready() if isinstance(message, Query) else b"")

    def _ready(self) -> bytes:
        if self._status == IDLE:
            self.portals = {name: portal for name, portal in self.portals.items() if portal.hold}
        return self._status

    def _extended(self, message: FrontendMessage) -> bytes:
        match message:
            case Parse():
                text = message.text.decode()
                self._check(text)
                if message.statement and message.statement in self.statements:
                    raise _Failed("42P05")
                self.statements[message.statement] = text
                return PARSED
            case Bind():
                if message.statement not in self.statements:
                    raise _Failed("26000")
                self._check(self.statements[message.statement])
                self.portals[message.portal] = _Portal(self.statements[message.statement])
                return BOUND
            case Describe(b"S", name):
                if name not in self.statements:
                    raise _Failed("26000")
                return NO_PARAMETERS + self._description(self.statements[name])
            case Describe():
                return self._description(self._portal(message.name).text)
            case Execute():
                return self._execute(self._portal(message.portal), message.max_rows)
            case Close():
                (self.statements if message.kind == b"S" else self.portals).pop(message.name, None)
                return CLOSED
            case _:
                return b""

    def _portal(self, name: bytes) -> _Portal:
        if name not in self.portals:
            raise _Failed("34000")
        return self.portals[name]

    def _check(self, text: str) -> None:
        if _REFUSED in text:
            raise _Failed("42883")
        if self._status == FAILED and text not in ("rollback", "commit"):
            raise _Failed("25P02")

    def _query(self, text: str) -> bytes:
        self.statements.pop(b"", None)
        self.portals.pop(b"", None)
        out = b""
        for statement in text.split("\n;\n"):
            self._check(statement)
            portal = _Portal(statement)
            shown = self._description(statement)
            out += (b"" if shown == NO_ROWS else shown) + self._execute(portal, 0)
        return out + self._ready()

    def _source(self, text: str) -> _Portal | None:
        """Where the rows of a text come from."""
        words = text.split()
        if words[0] == "fetch":
            return self._portal(words[-1].encode())
        if words[0] == "execute":
            prepared = self.statements.get(words[1].encode())
            if prepared is None:
                raise _Failed("26000")
            return _Portal(prepared)
        return _Portal(text) if words[0] == "select" else None

    def _description(self, text: str) -> bytes:
        if "pg_catalog" in text:
            return Columns((RowField("s", 0, 0, 25, -1, -1),)).encode()
        return NO_ROWS if self._source(text) is None else columns((0, 0))

    def _execute(self, portal: _Portal, limit: int) -> bytes:
        text = portal.text
        self._check(text)
        if "pgveil.token" in text:  # pgveil's own question
            return build_data_row((None,)) + build_data_row((b"public",)) + done("SELECT 2")
        words = text.split()
        source = self._source(text)
        if source is None:
            return self._command(words, text)
        wanted = 1 if words[0] == "fetch" else limit or ROWS
        holder = source if words[0] == "fetch" else portal
        count = max(min(wanted, ROWS - holder.given), 0)
        holder.given += count
        rows = build_data_row((self._cell(source.text),)) * count
        return rows + (SUSPENDED if limit and holder.given < ROWS and words[0] != "fetch" else done(f"SELECT {count}"))

    def _cell(self, text: str) -> bytes:
        found = _ROW_TEXT.match(text)
        return f"{found[2]} {found[3]} {self.now}".encode() if found else b"plain"

    def _command(self, words: list[str], text: str) -> bytes:
        match words[0]:
            case "begin":
                self._status = IN_TRANSACTION
            case "commit" | "rollback":
                self._status = IDLE
            case "declare":
                self.portals[words[1].encode()] = _Portal(f"select {' '.join(words[2:])}", hold="hold" in words)
            case "prepare":
                self.statements[words[1].encode()] = text
            case "close":
                self.portals.pop(words[1].encode(), None)
            case _:
                pass
        return done(words[0].upper())
