"""Cancel keys (manual, 54.2.8): ours towards clients, each for one upstream key.

Owns: which of our keys stands for which session of which server, and whose it is. Must not know: sockets, what a
session is doing.
Invariant: keys come from the operating system's random source and are compared in constant time; a key is good only
while its session lasts.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from proxy.net.servers import ServerAddress
from proxy.wire.backend import BackendKeyData
from proxy.wire.frontend import CancelRequest

_LONG_KEY_MINOR: Final = 2  # from protocol 3.2 on a key may have up to 256 bytes; the server's have 32
_LONG_KEY_BYTES: Final = 32
_SHORT_KEY_BYTES: Final = 4
_MAX_PROCESS_ID: Final = 2**31 - 1


@dataclass(slots=True)
class _Entry:
    secret: bytes = field(repr=False)
    server: ServerAddress
    upstream: CancelRequest
    owner: object = field(repr=False)
    used: bool = False


class CancelKeys:
    """The keys of all sessions."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}

    def issue(
        self, *, minor: int, server: ServerAddress, upstream: CancelRequest, owner: object = None
    ) -> BackendKeyData:
        """A new key for a session of protocol 3.``minor``, standing for that server's.

        ``owner``: equal for sessions that may cancel one another without the key; None where none may.
        """
        while (process_id := secrets.randbelow(_MAX_PROCESS_ID) + 1) in self._entries:
            continue
        secret = secrets.token_bytes(_LONG_KEY_BYTES if minor >= _LONG_KEY_MINOR else _SHORT_KEY_BYTES)
        self._entries[process_id] = _Entry(secret, server, upstream, owner)
        return BackendKeyData(process_id, secret)

    def withdraw(self, key: BackendKeyData) -> bool:
        """The session of this key is over. Returns whether the key was ever used: then a request that is on its way may
        still reach the server, and end what runs there by then.
        """
        entry = self._entries.pop(key.process_id, None)
        return entry is not None and entry.used

    def upstream_request(self, process_id: int, secret: bytes) -> tuple[ServerAddress, CancelRequest] | None:
        """What cancels the same session upstream, and where; None for a wrong key, about which nothing is said."""
        entry = self._entries.get(process_id)
        if entry is None or not hmac.compare_digest(entry.secret, secret):
            return None
        entry.used = True
        return entry.server, entry.upstream

    def request_of_owner(self, process_id: int, owner: object) -> tuple[ServerAddress, CancelRequest] | None:
        """What cancels the session of this process id upstream, and where; None unless it is this owner's."""
        entry = self._entries.get(process_id)
        if entry is None or entry.owner is None or entry.owner != owner:
            return None
        entry.used = True
        return entry.server, entry.upstream
