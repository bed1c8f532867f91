"""What a client's StartupMessage asks for (manual, 54.2.1): user, database and settings, each judged.

Owns: the ``Startup`` value, and the rule which settings a client may start its session with.
Must not know: sockets, passwords, who the principal turns out to be.
Invariant: a setting goes upstream only under a name on the allow-list and never inside ``options``, so that the server
has nothing left to parse that we have not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from proxy.errors import ClientProtocolError, ProxyError
from proxy.planner.allowed_settings import ALLOWED_SETTINGS, ALLOWED_VALUES, is_value_allowed
from proxy.wire.frontend import StartupMessage
from proxy.wire.sqlstate import (
    FEATURE_NOT_SUPPORTED,
    INSUFFICIENT_PRIVILEGE,
    INVALID_AUTHORIZATION_SPECIFICATION,
    SYNTAX_ERROR,
)

NEWEST_MINOR: Final = 2  # 3.2 is the newest that we speak: cancel keys of more than four bytes

_MAJOR: Final = 3
_OPTION_PREFIX: Final = "_pq_."
_LOGIN: Final = "pgveil.login"  # for us alone: it never goes upstream
_FALSE: Final = frozenset({"", "0", "f", "false", "n", "no", "of", "off"})


class LoginMethod(Enum):
    """How a client wants to show who it is. A server can ask in one way only, so the client says which beforehand."""

    PASSWORD = "password"  # noqa: S105 - a word
    OAUTH = "oauth"


@dataclass(frozen=True, slots=True)
class Startup:
    """``settings`` are (name, value) in the order in which the server would apply them.

    ``client_encoding`` and ``application_name`` are not among them: the one is always UTF8, the other is kept here.
    ``minor`` is the protocol's minor version in force, ``unknown_options`` the ``_pq_.`` options that we do not know,
    and ``negotiate`` whether the client must be told of either. ``login``: what it asked for by ``pgveil.login``.
    """

    user: str
    database: str
    application_name: str
    settings: tuple[tuple[str, str], ...]
    minor: int
    unknown_options: tuple[str, ...]
    negotiate: bool
    login: LoginMethod | None = None


def read_startup(message: StartupMessage) -> Startup:
    """Judge a StartupMessage.

    Raises ClientProtocolError for another protocol, and ProxyError (28000, 0A000, 42501) for what is not allowed.
    """
    major, minor = message.protocol >> 16, message.protocol & 0xFFFF
    if major != _MAJOR:
        raise ClientProtocolError(
            f"unsupported frontend protocol {major}.{minor}: pgveil supports 3.0 to 3.{NEWEST_MINOR}",
            sqlstate=FEATURE_NOT_SUPPORTED,
        )
    user = message.get("user")
    if not user:
        raise ProxyError(
            "no PostgreSQL user name specified in startup packet", sqlstate=INVALID_AUTHORIZATION_SPECIFICATION
        )
    if (message.get("replication") or "").lower() not in _FALSE:
        raise ProxyError(
            "replication connections are not supported by pgveil",
            sqlstate=FEATURE_NOT_SUPPORTED,
            hint="Replicate from the database itself; pgveil serves queries.",
        )
    application_name = ""
    settings: list[tuple[str, str]] = []
    login: LoginMethod | None = None
    for name, value in _assignments(message):
        if name.lower() == _LOGIN:
            login = _method(value)
            continue
        _check(name.lower(), value)
        if name.lower() == "application_name":
            application_name = value
        elif name.lower() != "client_encoding":
            settings.append((name, value))
    unknown = tuple(name for name, _ in message.parameters if name.startswith(_OPTION_PREFIX))
    return Startup(
        user=user,
        database=message.get("database") or user,
        application_name=application_name,
        settings=tuple(settings),
        minor=min(minor, NEWEST_MINOR),
        unknown_options=unknown,
        negotiate=minor > NEWEST_MINOR or bool(unknown),
        login=login,
    )


def _assignments(message: StartupMessage) -> Iterator[tuple[str, str]]:
    """The settings asked for: those of ``options`` first, as the server does, so that the packet's own win."""
    yield from parse_options(message.get("options") or "")
    for name, value in message.parameters:
        if name not in {"user", "database", "options", "replication"} and not name.startswith(_OPTION_PREFIX):
            yield name, value


def _method(value: str) -> LoginMethod:
    try:
        return LoginMethod(value)
    except ValueError:
        raise ProxyError(
            f'the startup parameter "{_LOGIN}" may not have this value',
            sqlstate=FEATURE_NOT_SUPPORTED,
            hint=f"Allowed are: {', '.join(method.value for method in LoginMethod)}.",
        ) from None


def _check(name: str, value: str) -> None:
    if name not in ALLOWED_SETTINGS:
        raise ProxyError(
            f'the startup parameter "{name}" may not be set through pgveil',
            sqlstate=INSUFFICIENT_PRIVILEGE,
            hint="Remove it from the connection's parameters or options.",
        )
    if not is_value_allowed(name, value):
        raise ProxyError(
            f'the startup parameter "{name}" may not have this value',
            sqlstate=FEATURE_NOT_SUPPORTED,
            hint=f"Allowed are: {', '.join(sorted(ALLOWED_VALUES[name]))}.",
        )


def parse_options(options: str) -> tuple[tuple[str, str], ...]:
    """The settings in a startup packet's ``options`` (manual, 20.1.4): ``-c name=value``, ``-cname=value``,
    ``--name=value``, split at white space that no backslash protects.

    Raises ProxyError (42601) for anything else: other switches of the server are not for clients of pgveil.
    """
    found: list[tuple[str, str]] = []
    words = iter(_split(options))
    for word in words:
        if word == "-c":
            assignment = next(words, "")
        elif word.startswith(("-c", "--")):
            assignment = word[2:]
        else:
            assignment = ""
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise ProxyError(
                'the startup parameter "options" may hold only -c name=value and --name=value',
                sqlstate=SYNTAX_ERROR,
                hint="A blank inside a value is written with a backslash before it.",
            )
        found.append((name.replace("-", "_"), value))
    return tuple(found)


def _split(options: str) -> Iterator[str]:
    """Words as the server's pg_split_opts cuts them (a backslash protects the next character, whatever it is)."""
    for match in re.finditer(r"(?:[^\s\\]|\\.|\\$)+", options, re.DOTALL | re.ASCII):
        yield re.sub(r"\\(.?)", r"\1", match[0], flags=re.DOTALL)
