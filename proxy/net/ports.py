"""What the network asks of the rest of pgveil, as protocols.

Owns: the questions of a login (who is it, what may it see) and of a session's end.
Must not know: tokens, policy, catalogs, who answers. Invariant: nothing here is asked for each message, but for
``Proving`` where a session has one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from proxy.errors import ProxyError
from proxy.identity.principal import Principal
from proxy.session.hints import NO_HINTS, Hinting
from proxy.session.ports import Planning, Watching
from proxy.session.startup import Startup
from proxy.session.unproven import Unproven


class Proving(Protocol):
    """Proves that the catalog, which statements were planned for, held when the server ran them."""

    def prove(self, unproven: Unproven, done: Callable[[ProxyError | None], None]) -> None:
        """Call ``done`` once, at once or later: with None where it is proven, else with what ends the session."""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """What one session works with. Without ``proving`` replies are read as they come."""

    principal: Principal
    planning: Planning
    watching: Watching
    proving: Proving | None = None
    hints: Hinting = NO_HINTS


class SessionServices(Protocol):
    """Answers to one login after another. Each question may wait, and may raise ProxyError to refuse the login."""

    async def authenticate(self, *, user: str, password: str) -> Principal:
        """The principal of this password (raises AuthenticationError)."""

    async def open(self, principal: Principal, startup: Startup, *, client: str | None) -> OpenedSession:
        """What the session of this principal on ``startup.database`` works with. Asked once the upstream let us in.

        ``client`` is the peer's address, where it has one.
        """

    def login_failed(self, error: Exception, *, startup: Startup | None, client: str | None) -> None:
        """A login came to nothing; ``startup`` is None where the client was sent away before it was listened to."""

    def closed(self, session: OpenedSession, *, unanswered: int) -> None:
        """A session that was opened is over; ``unanswered``: replies that it still owed its client."""

    def out_of_step(self) -> None:
        """A session ended because the upstream's answers were not those that were owed."""

    def upstream_failed(self, sqlstate: str) -> None:
        """The upstream could not be reached, refused us, or was lost."""
