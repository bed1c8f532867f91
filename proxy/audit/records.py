"""What the journal's records say, as JSON lines.

Owns: the fields of each kind of record. Must not know: files, metrics. Invariant: a record names who, what and under
which mask, and holds no cell value, parameter, SQL text or token; it is one line of ASCII.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Final

from proxy.errors import AuthenticationError, ProxyError, Refusal, StatementSyntaxError
from proxy.identity.principal import Principal
from proxy.planner.plan import Plan

_NULL: Final = b"null"
_SECRETS: Final = ("eyJ", "pgv1_")  # how tokens and handles begin: some put the password where the name belongs
_LONGEST_TEXT: Final = 256  # for what a client says of itself, before or without a token


class HandleEvent(Enum):
    """What happened to a handle."""

    ISSUED = "issued"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What every record of one session says. ``client`` is its address, ``application`` what it calls itself.

    ``login``: who had logged in, where the principal was named by a hint.
    """

    session: str
    principal: Principal
    database: str
    client: str | None = None
    application: str | None = None
    login: str | None = None

    def fields(self) -> dict[str, object]:
        """The facts under their names in the journal."""
        return {
            "session": self.session,
            "principal": self.principal.name,
            "login": self.login,
            "issuer": self.principal.issuer,
            "user": self.principal.user,
            "role": self.principal.role,
            "purpose": self.principal.purpose,
            "contract": self.principal.contract,
            "database": _clipped(self.database),
            "client": self.client,
            "application": _clipped(self.application),
        }


def timestamp(at: float) -> str:
    """RFC 3339 in UTC with milliseconds; ``at`` is in seconds since the epoch."""
    whole, thousandths = divmod(round(at * 1000), 1000)
    return f"{_second(whole)}.{thousandths:03d}Z"


@lru_cache(maxsize=4)  # records come many to the second, and to format a time costs more than all the rest of one
def _second(whole: int) -> str:
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}"


def login(at: float, facts: SessionFacts) -> bytes:
    """A login was accepted; it ends with the token, at ``token_expires``."""
    return _line(
        at,
        "login",
        facts.fields()
        | {
            "result": "accepted",
            "handle": facts.principal.handle,
            "token_expires": timestamp(facts.principal.expires_at),
        },
    )


def login_refused(
    at: float, error: ProxyError, *, user: str | None, database: str | None, client: str | None, unrecorded: int = 0
) -> bytes:
    """A login was refused (its token) or failed (the upstream, a limit, a role without policy).

    Nothing is known of the caller but what it called itself. ``unrecorded``: such logins since the last record of one.
    """
    return _line(
        at,
        "login",
        {
            "user": _clipped(user),
            "database": _clipped(database),
            "client": client,
            "result": "refused" if isinstance(error, AuthenticationError) else "failed",
            "sqlstate": error.sqlstate,
            "reason": error.detail or error.message,
        }
        | ({"unrecorded": unrecorded} if unrecorded else {}),
    )


def logout(at: float, facts: SessionFacts, *, seconds: float, statements: int) -> bytes:
    """A session ended after ``seconds`` and so many statements."""
    return _line(at, "logout", facts.fields() | {"seconds": round(seconds, 3), "statements": statements})


def refusal(at: float, facts: SessionFacts, refused: Refusal, policy_version: str | None) -> bytes:
    """We refused a statement. The grammar's own message is left out, since it quotes the statement."""
    quotes = isinstance(refused, StatementSyntaxError)
    return _line(
        at,
        "refusal",
        facts.fields()
        | {
            "reason": refused.reason,
            "sqlstate": refused.sqlstate,
            "message": None if quotes else refused.message,
            "policy": policy_version,
        },
    )


def detokenization(
    at: float,
    principal: Principal,
    *,
    domain: str,
    tokens: int,
    found: int,
    reason: str,
    refused: str | None,
    policy_version: str | None,
) -> bytes:
    """So many tokens were to be turned back, and so many were; ``refused`` is why not, in a word."""
    return _line(
        at,
        "detokenization",
        {
            "principal": principal.name,
            "issuer": principal.issuer,
            "role": principal.role,
            "purpose": principal.purpose,
            "contract": principal.contract,
            "domain": _clipped(domain),
            "tokens": tokens,
            "found": found,
            "reason": _clipped(reason),
            "result": "refused" if refused is not None else "accepted",
            "refusal": refused,
            "policy": policy_version,
        },
    )


def handle(at: float, event: HandleEvent, *, handle: str, principal: str, issuer: str, expires_at: float) -> bytes:
    """A handle was issued or revoked; ``handle`` is its public id."""
    return _line(
        at,
        "handle",
        {
            "event": event.value,
            "handle": handle,
            "principal": principal,
            "issuer": issuer,
            "expires": timestamp(expires_at),
        },
    )


def policy(at: float, *, event: str, version: str | None, problems: int = 0) -> bytes:
    """A policy was loaded at start, reloaded, or refused with so many problems; ``version`` is the one in force."""
    return _line(at, "policy", {"event": event, "policy": version, "problems": problems})


def journal_resumed(at: float, *, since: float, lost: int) -> bytes:
    """The journal can be written again; ``lost`` records of the time ``since`` did not fit in the backlog."""
    return _line(at, "journal", {"event": "resumed", "since": timestamp(since), "lost": lost})


def session_part(facts: SessionFacts) -> bytes:
    """The facts as the middle of a statement's record, made once for each session."""
    return _inner(facts.fields()).encode("ascii")


def plan_part(plan: Plan) -> bytes:
    """The plan as the middle of a statement's record, made once for each plan."""
    part = _inner(
        {
            "fingerprint": plan.fingerprint,
            "kind": plan.kind.value,
            "decision": plan.decision.value,
            "relations": plan.relations,
            "columns": [
                {
                    "relation": column.relation,
                    "column": column.column,
                    "kind": column.kind,
                    "mask": column.mask,
                    "shown": column.output is not None,
                }
                for column in plan.columns
            ],
            "policy": plan.policy_version,
        }
    )
    return part.encode("ascii")


def statement(
    at: float, of_session: bytes, of_plan: bytes, rows: int | None, seconds: float, sqlstate: str | None
) -> bytes:
    """A statement ended. ``of_session`` and ``of_plan`` come from the functions above.

    This runs for every statement, so the line is put together rather than encoded.
    """
    return b'{"time":"%b","type":"statement",%b,%b,"rows":%b,"seconds":%.6f,"sqlstate":%b}\n' % (
        timestamp(at).encode("ascii"),
        of_session,
        of_plan,
        _NULL if rows is None else b"%d" % rows,
        seconds,
        _NULL if sqlstate is None else json.dumps(sqlstate).encode("ascii"),
    )


def _line(at: float, kind: str, fields: Mapping[str, object]) -> bytes:
    return f'{{"time":"{timestamp(at)}","type":"{kind}",{_inner(fields)}}}\n'.encode("ascii")


def _inner(fields: Mapping[str, object]) -> str:
    """The fields as JSON without the braces around them."""
    return json.dumps(fields, separators=(",", ":"))[1:-1]


def _clipped(text: str | None) -> str | None:
    if text is not None and text.startswith(_SECRETS):
        return "(not a name)"
    return text if text is None else text[:_LONGEST_TEXT]
