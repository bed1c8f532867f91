"""Holds replies of the upstream back until it is proven that they may be read.

Owns: which bytes wait, and for what. Must not know: what the bytes mean, who proves.
Invariant: bytes are fed in the order in which they came; a question asked for some bytes is asked after they had come,
and covers none that came later. While bytes wait nothing more is read, so at most two reads are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from proxy.errors import ProxyError
from proxy.net.ports import Proving
from proxy.session.conversation import Conversation


class Reader(Protocol):
    """Who reads from upstream."""

    @property
    def over(self) -> bool:
        """Whether the session has ended, so that nothing more is fed."""

    def feed(self, data: bytes) -> None:
        """Take bytes."""

    def pause(self, waits: bool) -> None:
        """Read no more, or go on."""

    def failed(self, error: Exception) -> None:
        """End the session."""


class ReplyGate:
    """One for each session."""

    __slots__ = ("_conversation", "_held", "_holding", "_later", "_proving", "_reader", "_then")

    def __init__(self, reader: Reader, conversation: Conversation, proving: Proving) -> None:
        self._reader = reader
        self._conversation = conversation
        self._proving = proving
        self._held = b""
        self._later: list[bytes] = []
        self._then: Callable[[], None] | None = None
        self._holding = False

    def take(self, data: bytes) -> None:
        """Bytes have come: feed them, or hold them until what they depend on is proven."""
        if self._holding:
            self._later.append(data)
            return
        question = self._conversation.unproven()
        if question is None:
            self._feed(data)
            return
        self._holding = True
        self._held = data
        self._reader.pause(True)
        self._proving.prove(question, self._proved)

    def finish(self, then: Callable[[], None]) -> None:
        """No more bytes will come: call ``then`` behind those that wait."""
        if self._holding:
            self._then = then
        else:
            then()

    def _proved(self, failure: ProxyError | None) -> None:
        held, self._held, self._holding = self._held, b"", False
        if self._reader.over:
            return
        if failure is not None:
            self._reader.failed(failure)
            return
        self._feed(held)
        if self._later and not self._reader.over:
            later = b"".join(self._later)
            self._later.clear()
            self.take(later)
        if not self._holding and not self._reader.over:
            self._reader.pause(False)
            if self._then is not None:
                self._then()

    def _feed(self, data: bytes) -> None:
        self._reader.feed(data)
        self._conversation.proven()
