"""Who asks, statement by statement: one login, and the people that its hints name.

Owns: whether a hint is accepted, in which role, and which planner and watch go with whom. Must not know: where a hint
stands, how a token is verified. Invariant: with a hint a session may see what its own role may see, or less; what a
statement did is on the record of whoever asked, with the login beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from proxy.errors import PolicyRefusal, Refusal
from proxy.identity.claims import Identity, TokenRefusedError
from proxy.identity.principal import Principal
from proxy.planner.plan import Plan, TokenCells
from proxy.scopes import LivePlanning, Scopes, Tokens
from proxy.session.hints import Hint
from proxy.watching import SessionWatch

_KEPT: Final = 256
_OF_THE_SYSTEM: Final = ("pg_catalog.", "information_schema.")


@dataclass(frozen=True, slots=True, eq=False)
class Asker:
    """One who asks in a session, in one role."""

    principal: Principal
    planning: LivePlanning
    watching: SessionWatch


class Asking:
    """The askers of one session (implements ``session.hints.Hinting``).

    ``verify`` gives what a token says now (raises TokenRefusedError). ``make`` gives the planner and the watch for a
    principal. ``clock`` gives seconds since the epoch.
    """

    def __init__(
        self,
        login: Asker,
        scopes: Scopes,
        database: str,
        *,
        required: bool,
        verify: Callable[[str], Identity],
        make: Callable[[Principal], Asker],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.login = login
        self.in_force = login
        self._scopes = scopes
        self._database = database
        self._required = required
        self._verify = verify
        self._make = make
        self._clock = clock
        self._askers: dict[tuple[Identity, str], Asker] = {}

    @property
    def unnamed(self) -> bool:
        """Whether a hint is required and there is none."""
        return self._required and self.in_force is self.login

    @property
    def lapsed(self) -> bool:
        """Whether the token of who asks has expired."""
        return self._clock() >= self.in_force.principal.expires_at

    def asker(self, hint: Hint) -> Asker:
        """See ``Hinting``."""
        try:
            identity = self._verify(hint.token)
        except TokenRefusedError as refused:
            reason = str(refused)
        else:
            role = self._role(identity, hint.role)
            asker = self._askers.get((identity, role))
            if asker is None:
                asker = self._admit(identity, role)
            return asker
        raise _refusal("the hint is not accepted", reason)

    def act_as(self, asker: object) -> None:
        """See ``Hinting``."""
        if not isinstance(asker, Asker):
            raise TypeError("not one who asks")
        self.in_force = asker

    def _role(self, identity: Identity, named: str | None) -> str:
        """The role that a hint means: the one it names, the session's own, or the only one that is narrower.

        Asked anew for each statement, since policy and catalog may have changed.
        """
        own = self.login.principal.role
        if named is not None and named not in identity.roles:
            raise _refusal("the hint is not accepted", "The token does not have the role that the hint names.")
        if own in identity.roles and named in (None, own):
            return own
        candidates = (named,) if named is not None else identity.roles
        found = {role: self._scopes.wider(self._database, role, own) for role in candidates}
        narrower = [role for role, why in found.items() if why is None]
        if len(narrower) == 1:
            return narrower[0]
        if narrower:
            raise _refusal(
                "the hint does not say which role is meant",
                f"Several of the token's roles are narrower than {own}: {', '.join(sorted(narrower)[:10])}.",
                "Name one before the token: /* pgveil: ROLE TOKEN */",
            )
        role, why = next(iter(found.items()))
        raise _refusal("a hint can only narrow what the session may see", f"The role {role} {why}, and {own} does not.")

    def _admit(self, identity: Identity, role: str) -> Asker:
        own = self.login.principal
        principal = Principal(
            name=identity.name,
            user=own.user,
            role=role,
            issuer=identity.issuer,
            expires_at=min(own.expires_at, identity.expires_at),
            purpose=identity.purpose,
            contract=identity.contract,
        )
        if len(self._askers) >= _KEPT:
            self._askers.clear()
        asker = self._askers[identity, role] = self._make(principal)
        return asker


class AskedPlanning:
    """The planner of whoever asks (implements ``session.ports.Planning``)."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    @property
    def generation(self) -> object:
        """See ``Planning``; another one once the asker's token has expired, so that nothing old is used."""
        generation = self._asking.in_force.planning.generation
        return ("lapsed", generation) if self._asking.lapsed else generation

    @property
    def tokens(self) -> Tokens:
        """See ``Planning``."""
        return self._asking.in_force.planning.tokens

    @property
    def restricted(self) -> bool:
        """See ``Planning``."""
        return self._asking.in_force.planning.restricted

    def split(self, text: str) -> tuple[str, ...]:
        """See ``Planning``."""
        return self._asking.in_force.planning.split(text)

    def plan(self, text: str, search_path: tuple[str, ...]) -> Plan:
        """See ``Planning``. Raises Refusal where a hint is required and a relation is named without one."""
        plan = self._asking.in_force.planning.plan(text, search_path)
        if self._asking.unnamed and not all(name.startswith(_OF_THE_SYSTEM) for name in plan.relations):
            raise _refusal(
                "this login may read relations only for somebody whom a hint names",
                None,
                "Put /* pgveil: TOKEN */ before the statement.",
            )
        return plan

    def with_arguments(self, plan: Plan, parameters: tuple[TokenCells | None, ...]) -> Plan:
        """See ``Planning``."""
        return self._asking.in_force.planning.with_arguments(plan, parameters)

    def check_parameters(self, type_oids: tuple[int, ...]) -> None:
        """See ``Planning``."""
        self._asking.in_force.planning.check_parameters(type_oids)

    def is_protected(self, table_oid: int, attribute_number: int) -> bool:
        """See ``Planning``."""
        return self._asking.in_force.planning.is_protected(table_oid, attribute_number)


class AskedWatching:
    """The record of whoever asks (implements ``session.ports.Watching``)."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def require_journal(self) -> None:
        """See ``Watching``."""
        self._asking.in_force.watching.require_journal()

    def statement(self, plan: Plan, *, rows: int | None, seconds: float, sqlstate: str | None) -> None:
        """See ``Watching``."""
        self._asking.in_force.watching.statement(plan, rows=rows, seconds=seconds, sqlstate=sqlstate)

    def refused(self, refusal: Refusal) -> None:
        """See ``Watching``."""
        self._asking.in_force.watching.refused(refusal)

    def closed(self) -> None:
        """The session is over."""
        self._asking.login.watching.closed()


def _refusal(message: str, detail: str | None, hint: str | None = None) -> Refusal:
    return PolicyRefusal(message, reason="hint", detail=detail, hint=hint)
