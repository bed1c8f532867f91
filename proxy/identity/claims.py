"""From a verified payload to what pgveil knows about its bearer.

Owns: reading the configured claims and choosing the role. Must not know: signatures, keys, SQL.
Invariant: what is not of the expected shape is refused, never guessed; no text quotes more than names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.identity.issuer import ClaimNames
from proxy.identity.principal import Principal

_MAX_NAME = 256
_LATEST = 253_402_300_799  # the year 9999; later times are mistakes, and overflow clocks
_ROLES_SHOWN = 10


class TokenRefusedError(Exception):
    """The token does not admit its bearer; the text is what the client is told in DETAIL."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token says. Times are seconds since the epoch; ``expires_at`` includes the leeway granted."""

    issuer: str
    subject: str | None
    name: str
    roles: tuple[str, ...]
    expires_at: float
    purpose: str | None
    contract: str | None

    def acting_as(self, user: str) -> Principal:
        """The principal for a startup user name. Raises TokenRefusedError.

        The user name is one of the token's roles; or, where the token has exactly one role, its subject.
        """
        if user in self.roles:
            role = user
        elif len(self.roles) == 1 and self.subject is not None and user == self.subject:
            role = self.roles[0]
        else:
            listed = ", ".join(self.roles[:_ROLES_SHOWN]) + (", …" if len(self.roles) > _ROLES_SHOWN else "")
            raise TokenRefusedError(
                "The token does not allow this user name: give one of the token's roles as the user name "
                f"(it has: {listed})."
            )
        return Principal(
            name=self.name,
            user=user,
            role=role,
            issuer=self.issuer,
            expires_at=self.expires_at,
            purpose=self.purpose,
            contract=self.contract,
        )


def read_identity(payload: Mapping[str, object], names: ClaimNames, issuer: str, leeway: int) -> Identity:
    """The identity in a payload whose signature and times were checked. Raises TokenRefusedError."""
    name = _text(payload, names.name)
    if name is None:
        raise TokenRefusedError(f'The token lacks the claim "{names.name}", which names its bearer.')
    return Identity(
        issuer=issuer,
        subject=_text(payload, "sub"),
        name=name,
        roles=_roles(payload, names.roles),
        expires_at=_expiry(payload) + leeway,
        purpose=_text(payload, names.purpose),
        contract=_text(payload, names.contract),
    )


def _find(payload: Mapping[str, object], name: str) -> object:
    """The claim of that exact name (some are URLs, with dots in them), or else at that dotted path; None if absent."""
    if name in payload:
        return payload[name]
    found: object = payload
    for step in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(step)
    return found


def _text(payload: Mapping[str, object], name: str) -> str | None:
    value = _find(payload, name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise TokenRefusedError(f'The token\'s claim "{name}" is not a string.')
    return _checked(value, name)


def _checked(value: str, name: str) -> str:
    # These reach the journal and application_name, so they stay short, on one line and free of control characters.
    if not value or len(value) > _MAX_NAME or not value.isprintable():
        raise TokenRefusedError(
            f'The token\'s claim "{name}" is empty, longer than {_MAX_NAME} characters, or not printable.'
        )
    return value


def _roles(payload: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = _find(payload, name)
    if isinstance(value, str):
        value = value.split(" ")
        value = [word for word in value if word]
    if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
        raise TokenRefusedError(f'The token lacks the claim "{name}", a list of roles or a string of words.')
    if not value:
        raise TokenRefusedError(f'The token\'s claim "{name}" names no role.')
    return tuple(dict.fromkeys(_checked(role, name) for role in value))


def _expiry(payload: Mapping[str, object]) -> float:
    value = payload.get("exp")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LATEST:
        raise TokenRefusedError('The token\'s claim "exp" is not a time.')
    return float(value)
