"""Who asks: the verified outcome of a login.

Owns: the ``Principal`` value. Must not know: SQL, sessions, how a token is verified.
Invariant: a ``Principal`` is made only from claims whose signature and times were checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller, acting in one role.

    ``name`` is the token's subject (or the claim the issuer's settings name), ``user`` the startup user name that the
    client gave, ``expires_at`` seconds since the epoch, ``handle`` the public id of the handle that was the password.
    """

    name: str
    user: str
    role: str
    issuer: str
    expires_at: float
    purpose: str | None = None
    contract: str | None = None
    handle: str | None = None

    @property
    def person(self) -> Principal:
        """The same caller in the same role, whichever of its tokens was shown: equal for all of them."""
        return replace(self, expires_at=0.0, handle=None)
