"""JSON as the server prints it, walked value by value.

Owns: its lexical form (RFC 8259; escape_json of PostgreSQL). Must not know: what the values are. Invariant: what is not
exchanged comes out byte for byte; what cannot be read for certain is an error that does not hold it.
"""

from __future__ import annotations

import json
import re
from typing import Final

from proxy.errors import TokenValueError

_SPACE: Final = re.compile(rb"[ \t\n\r]*")
_STRING: Final = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrtu])*"')
_INTEGER: Final = re.compile(rb"-?[0-9]+(?![0-9.eE])")
_ATOM: Final = re.compile(rb"null|true|false|-?[0-9][0-9.eE+-]*")
_NESTING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class JsonWalker:
    """One text and a place in it. ``copied`` is what has come out of what was read so far."""

    __slots__ = ("_at", "_out", "_text")

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0
        self._out: list[bytes] = []

    def result(self) -> bytes:
        """The text that came out, once all was read (raises TokenValueError where something is left)."""
        self.skip_space()
        if self._at != len(self._text):
            raise malformed()
        return b"".join(self._out)

    def skip_space(self) -> None:
        """Copy blanks."""
        self._copy(_SPACE)

    def peek(self) -> bytes:
        """The first byte of the next value, empty at the end."""
        self.skip_space()
        return self._text[self._at : self._at + 1]

    def take(self, mark: bytes) -> bool:
        """Copy a mark of punctuation where it is the next thing; whether it was."""
        if self.peek() != mark:
            return False
        self._at += 1
        self._out.append(mark)
        return True

    def string(self) -> bytes:
        """The next value, which must be a string, unescaped; nothing comes out for it."""
        self.skip_space()
        return unescaped(self._read(_STRING))

    def integer(self) -> bytes:
        """The next value, which must be a whole number; nothing comes out for it."""
        self.skip_space()
        return self._read(_INTEGER)

    def put(self, value: bytes) -> None:
        """What comes out for what was read last."""
        self._out.append(value)

    def copy_value(self) -> None:
        """Copy the next value, whatever it is."""
        first = self.peek()
        if first == b'"':
            self._copy(_STRING)
        elif first not in (b"{", b"["):
            self._out.append(self._read(_ATOM))
        else:
            self._copy_container()

    def _copy_container(self) -> None:
        depth = 0
        for match in _NESTING.finditer(self._text, self._at):
            mark = match[0]
            if mark in (b"{", b"["):
                depth += 1
            elif mark in (b"}", b"]"):
                depth -= 1
                if not depth:
                    self._out.append(self._text[self._at : match.end()])
                    self._at = match.end()
                    return
        raise malformed()

    def _copy(self, pattern: re.Pattern[bytes]) -> None:
        self._out.append(self._read(pattern))

    def _read(self, pattern: re.Pattern[bytes]) -> bytes:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise malformed()
        self._at = match.end()
        return match[0]


def unescaped(string: bytes) -> bytes:
    """The text of a JSON string in its quotes."""
    if b"\\" not in string:
        return string[1:-1]
    try:
        return str(json.loads(string)).encode()
    except ValueError:
        raise malformed() from None


def escaped(text: bytes) -> bytes:
    """A text as the server prints it as a JSON string."""
    return json.dumps(text.decode("utf-8", "surrogateescape"), ensure_ascii=False).encode("utf-8", "surrogateescape")


def malformed() -> TokenValueError:
    """The JSON is not what the statement's plan says of it."""
    return TokenValueError("malformed JSON with tokens", sqlstate="22P02")
