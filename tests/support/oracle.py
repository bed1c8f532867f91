"""The masked-copy rule as a function: one statement, one role, and how the proxy's answer differs from the copy's.

Owns: the fixture ``oracle`` with a masked copy for each role, and what counts as the same refusal on both sides.
Must not know: the corpus's contents.
Invariant: copy and proxy are asked the same bytes in sessions of the same settings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from psycopg import pq

from proxy.catalog.introspect import ConnectParameters, introspect
from proxy.errors import Refusal
from proxy.planner.planner import Planner
from proxy.policy.bound import bind
from proxy.policy.load import load_policy
from tests.support.answers import Answer, Way, ask, ask_in_transaction, differences, ways_of
from tests.support.copy_structure import original_oids
from tests.support.corpus import CorpusStatement
from tests.support.masked_copy import mask_database
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, copied_database
from tests.support.stand_ins import StandIns

SEARCH_PATH = b"SET search_path TO clinic, sales, reference, public"

# What does not exist in the copy is refused by the proxy; a client must not need to know which of the two it was.
_DOES_NOT_EXIST = frozenset({"42P01", "42703", "3F000", "42883"})
_POLICY_SAYS_NO = "42501"


def search_path() -> tuple[str, ...]:
    """The search path of its sessions."""
    return tuple(SEARCH_PATH.decode().removeprefix("SET search_path TO ").split(", "))


class Oracle:
    """Compares answers, role by role. ``close`` ends its sessions and drops its copies."""

    def __init__(self, clinic: Clinic, proxy: ProxyProcess) -> None:
        self._clinic = clinic
        self._proxy = proxy
        self._kept = ExitStack()
        self._copies: dict[str, str] = {}
        self._oids: dict[str, dict[int, int]] = {}
        self._sessions: dict[tuple[str, str], pq.abc.PGconn] = {}
        self.snapshot = asyncio.run(introspect(_parameters(clinic), clinic.database))
        self._policy = bind(load_policy(proxy.policy), self.snapshot)
        self.stand_ins = StandIns(proxy.tokenizer())

    def compare(self, statement: CorpusStatement, role: str) -> list[str]:
        """Every difference, as ``way: what``; none means that the rule holds for this statement and role."""
        found: list[str] = []
        for way in ways_of(statement):
            expected = self.expected(statement, role, way)
            actual = self.actual(statement, role, way)
            if not _refused_alike(expected, actual):
                found += [f"{way.value}: {line}" for line in differences(statement, expected, actual)]
        return found

    def compare_with_original(self, statement: CorpusStatement, role: str) -> list[str]:
        """The same against the proxy's own database, asked without the proxy."""
        found: list[str] = []
        for way in ways_of(statement):
            expected = ask(self._direct_session("original", self._proxy.database), statement, way)
            actual = self.actual(statement, role, way)
            found += [f"{way.value}: {line}" for line in differences(statement, expected, actual)]
        return found

    def refused_for_tokens(self, statement: CorpusStatement, role: str) -> bool:
        """Whether the type check of tokens refuses it, which the rule allows."""
        try:
            self.planner(role).plan(statement.text_for(self._proxy.database), search_path())
        except Refusal as refusal:
            return refusal.reason == "token"
        return False

    def compare_script(self, script: CorpusStatement, role: str, way: Way) -> list[str]:
        """The same for each statement of a script, in one session, with the transaction's status after each."""
        found: list[str] = []
        sessions = self.copy_session(role), self.proxy_session(role)
        try:
            for number, text in enumerate(script.text.split(";\n"), 1):
                step = replace(script, text=text.removesuffix(";"))
                expected = ask_in_transaction(sessions[0], self.stand_ins.in_statement(step), way)
                expected = self._as_shown(expected, role)
                actual = ask_in_transaction(sessions[1], step, way)
                if not _refused_alike(expected, actual):
                    found += [f"statement {number}: {line}" for line in differences(step, expected, actual)]
                statuses = [session.transaction_status for session in sessions]
                if statuses[0] != statuses[1]:
                    found.append(f"statement {number}: transaction status {statuses[0]} in place of {statuses[1]}")
        finally:
            for session in sessions:
                for reset in (b"ROLLBACK", b"DISCARD ALL", SEARCH_PATH):
                    session.exec_(reset)
        return found

    def expected(self, statement: CorpusStatement, role: str, way: Way = Way.SIMPLE) -> Answer:
        """The copy's answer, as the proxy must give it."""
        session = self.copy_session(role)
        return self._as_shown(ask(session, self.stand_ins.in_statement(statement), way), role)

    def _as_shown(self, answer: Answer, role: str) -> Answer:
        """With the original's OIDs for relations that had to be made anew, and with tokens for what stands for them."""
        answer = self.stand_ins.in_answer(answer)
        oids = self._oids[role]
        columns = tuple(
            replace(c, table_oid=oids.get(c.table_oid, c.table_oid), type_oid=oids.get(c.type_oid, c.type_oid))
            for c in answer.columns
        )
        return replace(answer, columns=columns)

    def actual(self, statement: CorpusStatement, role: str, way: Way = Way.SIMPLE) -> Answer:
        """The proxy's answer."""
        return ask(self.proxy_session(role), statement, way)

    def planner(self, role: str) -> Planner:
        """A planner for the role, new and with an empty cache."""
        bound = self._policy.role(role)
        assert bound is not None, f"the policy has no role {role}"
        return Planner(self._policy, bound, vocabulary=self._proxy.tokenizer())

    def copy_session(self, role: str) -> pq.abc.PGconn:
        """A session in the role's masked copy, with the rights of the proxy's own login."""
        if role not in self._copies:
            self._copies[role] = self._make_copy(role)
        return self._direct_session(role, self._copies[role])

    def proxy_session(self, role: str) -> pq.abc.PGconn:
        """A session through the proxy."""
        return self._session(("proxy", role), **self._proxy.parameters(role))

    def close(self) -> None:
        """End the sessions and drop the copies."""
        for session in self._sessions.values():
            session.finish()
        self._sessions.clear()
        self._kept.close()

    def _make_copy(self, role: str) -> str:
        bound = self._policy.role(role)
        assert bound is not None, f"the policy has no role {role}"
        with ExitStack() as making:
            name = making.enter_context(copied_database(self._clinic, f"{self._proxy.database}_for_{role}"))
            with self._clinic.connect() as original, self._clinic.connect(database=name) as copy:
                mask_database(original, copy, self.snapshot, bound, self.stand_ins)
                self._oids[role] = original_oids(copy, self.snapshot)
            self._kept.enter_context(making.pop_all())
        return name

    def _direct_session(self, name: str, database: str) -> pq.abc.PGconn:
        login = self._clinic.proxy_login()
        return self._session(
            ("direct", name),
            host=login["host"],
            port=str(login["port"]),
            user=login["user"],
            password=login["password"],
            dbname=database,
        )

    def _session(self, key: tuple[str, str], **parameters: str) -> pq.abc.PGconn:
        known = self._sessions.get(key)
        if known is not None and known.status == pq.ConnStatus.OK:
            return known
        words = " ".join(f"{name}='{value}'" for name, value in parameters.items())
        session = pq.PGconn.connect(words.encode())
        assert session.status == pq.ConnStatus.OK, session.error_message.decode()
        assert session.exec_(SEARCH_PATH).status == pq.ExecStatus.COMMAND_OK
        self._sessions[key] = session
        return session


@pytest.fixture(scope="session")
def oracle(clinic: Clinic, proxy: ProxyProcess) -> Iterator[Oracle]:
    """The oracle for the proxy's policy, for the whole run."""
    made = Oracle(clinic, proxy)
    yield made
    made.close()


def _refused_alike(expected: Answer, actual: Answer) -> bool:
    return expected.sqlstate in _DOES_NOT_EXIST and actual.sqlstate == _POLICY_SAYS_NO


def _parameters(clinic: Clinic) -> ConnectParameters:
    login = clinic.proxy_login()
    return ConnectParameters(
        host=login["host"], port=login["port"], user=login["user"], password=login["password"], ssl=False
    )
