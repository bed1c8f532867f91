"""SCRAM-SHA-256 as a client (RFC 5802, RFC 7677), by scramp.

Owns: the door to scramp, and the choice of mechanism. Must not know: the messages that carry the exchange.
Invariant: only SHA-256 is spoken, with channel binding wherever server and certificate offer it.
"""

from __future__ import annotations

import ssl
from typing import Final

import scramp

from proxy.errors import UpstreamProtocolError
from proxy.session.upstream_login import Account, UpstreamLoginError

_PLAIN: Final = "SCRAM-SHA-256"
_BOUND: Final = "SCRAM-SHA-256-PLUS"
# The server chooses the count, and we compute in the event loop: this many take a few tenths of a second.
_MAX_ITERATIONS: Final = 500_000


class ScramSha256:
    """One exchange. ``tls`` is the connection's TLS object, None without TLS."""

    def __init__(self, offered: tuple[str, ...], account: Account, tls: ssl.SSLObject | None) -> None:
        mechanisms = [name for name in (_BOUND, _PLAIN) if name in offered]
        if not mechanisms:
            raise UpstreamLoginError(f"it offers none of {_PLAIN} and {_BOUND}")
        if account.password is None:
            raise UpstreamLoginError("it asked for a password, and the settings have none")
        binding = None if tls is None else ("tls-server-end-point", tls)
        try:
            self._client = scramp.ScramClient(mechanisms, account.user, account.password, channel_binding=binding)
        except (scramp.ScramException, ValueError, LookupError):
            raise UpstreamLoginError("SCRAM with this certificate or password is not possible") from None

    @property
    def mechanism(self) -> str:
        """The mechanism chosen among those offered."""
        return str(self._client.mechanism_name)

    def first(self) -> str:
        """client-first-message."""
        return str(self._client.get_client_first())

    def final(self, server_first: str) -> str:
        """client-final-message (raises UpstreamProtocolError)."""
        count = next((part[2:] for part in server_first.split(",") if part.startswith("i=")), "")
        if not count.isdigit() or int(count[:9]) > _MAX_ITERATIONS:
            raise UpstreamProtocolError("the upstream's SCRAM iteration count is not acceptable")
        try:
            self._client.set_server_first(server_first)
            return str(self._client.get_client_final())
        except (scramp.ScramException, ValueError, LookupError):
            raise UpstreamProtocolError("malformed SCRAM message from the upstream") from None

    def verify(self, server_final: str) -> None:
        """Check that the server knows the password too (raises UpstreamLoginError)."""
        try:
            self._client.set_server_final(server_final)
        except (scramp.ScramException, ValueError, LookupError):
            raise UpstreamLoginError("it could not prove that it knows the password (SCRAM)") from None
