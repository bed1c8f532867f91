"""Sending a peer away so that it can read why.

Owns: the end of a connection. Must not know: sessions, what is being said.
Invariant: the connection is closed within the time given, whatever the peer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def send_away(
    transport: asyncio.Transport,
    last_words: bytes,
    *,
    seconds: float,
    peer_finished: bool = False,
    done: Callable[[], None] = lambda: None,
) -> None:
    """Write ``last_words``, close our side, and read on without looking until the peer closes its own.

    To close at once would make the kernel answer what the peer still sends with a reset, and a reset makes it drop the
    words that it has not read yet. ``peer_finished``: the peer has closed its side already, so that there is nothing to
    wait for. ``done`` is called once the connection is closed.
    """
    if transport.is_closing():
        done()
        return
    farewell = _Farewell(transport, done)
    transport.set_protocol(farewell)
    farewell.begin(last_words, seconds, peer_finished=peer_finished)


class _Farewell(asyncio.Protocol):
    def __init__(self, transport: asyncio.Transport, done: Callable[[], None]) -> None:
        self._transport = transport
        self._done = done
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, last_words: bytes, seconds: float, *, peer_finished: bool) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.abort)
        if last_words:
            self._transport.write(last_words)
        if not self._transport.can_write_eof() or peer_finished:
            self._transport.close()  # TLS says goodbye itself, and reads on until the peer has answered
            return
        try:
            self._transport.write_eof()
            self._transport.resume_reading()
        except OSError:  # the peer has reset the connection, and the loop has not noticed yet
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Nothing that is said now matters."""

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._done()
