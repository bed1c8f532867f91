"""Every way in which pgveil says no, as exceptions that carry a SQLSTATE.

Owns: the tree of errors that may reach a client, and the rule that their texts name columns and rules, never values.
Must not know: sockets, SQL, how an error is framed (``wire`` does that).
Invariant: whatever is not a ``ProxyError`` is a bug of ours, and all the client gets is XX000 and a reference number.
"""

from __future__ import annotations

from typing import ClassVar


class ProxyError(Exception):
    """A refusal or failure that a client may be told about.

    ``message`` says what, ``detail`` why, ``hint`` what to do instead. ``sqlstate`` is five characters
    (PostgreSQL manual, appendix A). ``position`` is the 1-based character position in the client's text, or None.
    """

    default_sqlstate: ClassVar[str] = "XX000"

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sqlstate = sqlstate or self.default_sqlstate
        self.detail = detail
        self.hint = hint
        self.position = position


class ClientProtocolError(ProxyError):
    """The client broke the frontend/backend protocol (manual, chapter 54)."""

    default_sqlstate = "08P01"


class UpstreamProtocolError(ProxyError):
    """The upstream said something that the protocol does not allow at this point."""

    default_sqlstate = "08006"


class UpstreamUnavailableError(ProxyError):
    """The upstream cannot be reached, refuses us, or went away."""

    default_sqlstate = "57P03"


class TooManyConnectionsError(ProxyError):
    """The limit on concurrent sessions is reached."""

    default_sqlstate = "53300"


class AuthenticationError(ProxyError):
    """A login was refused. ``detail`` helps an administrator and tells an attacker nothing."""

    default_sqlstate = "28P01"


class SessionEndedError(ProxyError):
    """The session must end: its token expired, or the proxy is shutting down."""

    default_sqlstate = "57P01"


class Refusal(ProxyError):  # noqa: N818 - the project's word for its "no"
    """A statement is not sent upstream.

    ``reason`` is a short, bounded word for metrics and the journal (the ``reason`` label of
    ``pgveil_refusals_total``), for instance ``relation``, ``function``, ``fidelity``.
    """

    reason: str

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        sqlstate: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
    ) -> None:
        super().__init__(message, sqlstate=sqlstate, detail=detail, hint=hint, position=position)
        self.reason = reason


class PolicyRefusal(Refusal):
    """The policy says no (42501)."""

    default_sqlstate = "42501"


class UnsupportedRefusal(Refusal):
    """The masked-copy rule cannot be honoured for this statement (0A000)."""

    default_sqlstate = "0A000"


class StatementSyntaxError(Refusal):
    """The statement does not parse (42601); the text is the Postgres grammar's own."""

    default_sqlstate = "42601"


class TokenValueError(ProxyError):
    """A stored value has no token of the format that policy orders (0A000), or a cell is no value of its type."""

    default_sqlstate = "0A000"


class SettingsFileError(ProxyError):
    """A settings, policy, keyring or JWKS file does not load; the message names file and line."""

    default_sqlstate = "F0000"


class PolicyFileError(SettingsFileError):
    """A policy does not load or does not fit the catalog. ``problems`` has one line for each finding."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CatalogError(ProxyError):
    """The catalog could not be read."""

    default_sqlstate = "57P03"


class JournalError(ProxyError):
    """The journal cannot be written, so statements on protected relations are refused."""

    default_sqlstate = "58030"
