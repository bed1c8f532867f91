"""Stand-ins for identity and policy: the password says how the login goes, and every statement passes."""

from __future__ import annotations

import asyncio
import time

from proxy.errors import AuthenticationError, CatalogError, Refusal
from proxy.identity.principal import Principal
from proxy.net.ports import OpenedSession
from proxy.planner.plan import Decision, Plan, StatementKind, TokenCells
from proxy.session.ports import TokenCodec
from proxy.session.startup import Startup
from tests.support.fake_tokens import FakeTokens


class PassingPlanning:
    """A planner that lets every text through as one statement. ``BUG`` in a text makes it fail as a bug would."""

    generation: object = 1
    restricted: bool = False
    tokens: TokenCodec = FakeTokens()

    def split(self, text: str) -> tuple[str, ...]:
        return (text,) if text.strip() else ()

    def plan(self, text: str, search_path: tuple[str, ...]) -> Plan:
        if "BUG" in text:
            raise ZeroDivisionError(text * 2)
        return Plan(text, Decision.PASSED, StatementKind.SELECT, "0")

    def with_arguments(self, plan: Plan, parameters: tuple[TokenCells | None, ...]) -> Plan:
        return plan

    def check_parameters(self, type_oids: tuple[int, ...]) -> None: ...

    def is_protected(self, table_oid: int, attribute_number: int) -> bool:
        return False


class NoWatching:
    """Nothing is recorded."""

    def require_journal(self) -> None: ...

    def statement(self, plan: Plan, *, rows: int | None, seconds: float, sqlstate: str | None) -> None: ...

    def refused(self, refusal: Refusal) -> None: ...


class FakeServices:
    """``authenticate`` by password: ``bad``, ``bug``, ``slow``, ``short`` (expires soon), else the name of who it is.

    ``open`` fails for the database ``unreadable``. What was asked is kept.
    """

    def __init__(self) -> None:
        self.opened: list[OpenedSession] = []
        self.closed_sessions: list[OpenedSession] = []
        self.unanswered = 0
        self.sessions_out_of_step = 0
        self.failures: list[str] = []
        self.clients: list[str | None] = []
        self.failed_logins: list[tuple[str, str | None, str | None]] = []
        self.expires_at = time.time() + 3600

    async def authenticate(self, *, user: str, password: str) -> Principal:
        match password:
            case "bad":
                raise AuthenticationError(
                    f'password authentication failed for user "{user}"', detail="The token has expired."
                )
            case "bug":
                raise ZeroDivisionError(password * 2)
            case "slow":
                await asyncio.sleep(3600)
        return Principal(password, user, "analyst", "https://idp.example", self.expires_at)

    async def open(self, principal: Principal, startup: Startup, *, client: str | None) -> OpenedSession:
        self.clients.append(client)
        if startup.database == "unreadable":
            raise CatalogError("the catalog could not be read")
        opened = OpenedSession(principal, PassingPlanning(), NoWatching())
        self.opened.append(opened)
        return opened

    def closed(self, session: OpenedSession, *, unanswered: int) -> None:
        self.closed_sessions.append(session)
        self.unanswered += unanswered

    def out_of_step(self) -> None:
        self.sessions_out_of_step += 1

    def login_failed(self, error: Exception, *, startup: Startup | None, client: str | None) -> None:
        user = startup.user if startup is not None else None
        self.failed_logins.append((type(error).__name__, user, client))

    def upstream_failed(self, sqlstate: str) -> None:
        self.failures.append(sqlstate)
