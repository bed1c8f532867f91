"""Where the upstream is: one server, or several that are copies of each other (manual, 34.1.1.3).

Owns: addresses, the order in which they are tried, and which server will do. Must not know: connections, accounts.
Invariant: a server that failed lately is tried last, but it is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, assert_never

from proxy.net.tls import TlsMode

_FAILED_SECONDS: Final = 15.0  # a host that does not answer costs each login its share of the time, so not every login


class Target(Enum):
    """``target_session_attrs`` of libpq (manual, 34.1.2)."""

    ANY = "any"
    READ_WRITE = "read-write"
    READ_ONLY = "read-only"
    PRIMARY = "primary"
    STANDBY = "standby"
    PREFER_STANDBY = "prefer-standby"

    @property
    def choices(self) -> tuple[Target, ...]:
        """What is looked for, the second only where no server is the first."""
        return (Target.STANDBY, Target.ANY) if self is Target.PREFER_STANDBY else (self,)

    def fits(self, parameters: Mapping[str, str], *, asked_read_only: bool) -> bool:
        """Whether a server that reports these settings will do.

        ``asked_read_only``: the client began its session with a wish for read-only transactions, which says nothing
        about the server.
        """
        standby = parameters.get("in_hot_standby") == "on"
        read_only = standby or (not asked_read_only and parameters.get("default_transaction_read_only") == "on")
        match self:
            case Target.ANY | Target.PREFER_STANDBY:
                return True
            case Target.READ_WRITE:
                return not read_only
            case Target.READ_ONLY:
                return read_only
            case Target.PRIMARY:
                return not standby
            case Target.STANDBY:
                return standby
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """``host`` is a name or address, or the folder of a Unix socket (TLS is not used there, as in libpq).

    ``address``: the one of the name's addresses that answered, where it is known.
    """

    host: str
    port: int
    address: str | None = None

    @property
    def socket_path(self) -> str | None:
        """The Unix socket's path, or None for TCP."""
        return f"{self.host}/.s.PGSQL.{self.port}" if "/" in self.host else None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UpstreamAddress:
    """The servers in the order of preference, how they are reached, and which of them will do."""

    servers: tuple[ServerAddress, ...]
    tls: TlsMode
    ca: Path | None = None
    target: Target = Target.ANY


class TryOrder:
    """In which order to try the servers. ``clock`` gives seconds."""

    def __init__(self, servers: tuple[ServerAddress, ...], clock: Callable[[], float]) -> None:
        self._servers = servers
        self._clock = clock
        self._failed: dict[ServerAddress, float] = {}

    def now(self) -> tuple[ServerAddress, ...]:
        """All of them, those that failed lately last."""
        since = self._clock() - _FAILED_SECONDS
        return tuple(sorted(self._servers, key=lambda server: self._failed.get(server, since) > since))

    def failed(self, server: ServerAddress) -> None:
        """It could not be used just now."""
        self._failed[server] = self._clock()

    def succeeded(self, server: ServerAddress) -> None:
        """It let us in."""
        self._failed.pop(server, None)
