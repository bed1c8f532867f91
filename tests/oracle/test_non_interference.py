"""Nothing that a role is told depends on what it may not see: the corpus on two databases that differ in nothing else.

Must not know: masks' SQL. Invariant: both databases look the same through the role's masks, so every reply (rows in
their order, tags, descriptions, errors) must be the same.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import pytest
from psycopg import pq

from proxy.catalog.introspect import ConnectParameters, introspect
from proxy.policy.bound import bind
from proxy.policy.load import load_policy
from tests.support.answers import Way, ask, ways_of
from tests.support.corpus import CorpusStatement, Order, load_corpus
from tests.support.oracle import SEARCH_PATH
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, copied_database
from tests.support.twins import make_twin

ROLES = ("analyst", "billing", "researcher", "partner_acme", "contrarian")
STATEMENTS = [*load_corpus("clinic"), *load_corpus("refused")]
# Each role is asked a share of the statements, and all roles together all of them; or each role all of them.
WHOLE = os.environ.get("PGVEIL_TEST_WHOLE") == "1"
ASKED = [
    pytest.param(statement, role, id=f"{role}-{statement.name}")
    for place, statement in enumerate(STATEMENTS)
    for number, role in enumerate(ROLES)
    if WHOLE or place % len(ROLES) == number
]


@dataclass(slots=True)
class Twins:
    """The proxy's sessions to the original and to the twin of each role; ``changed`` counts a twin's other cells."""

    clinic: Clinic
    proxy: ProxyProcess
    kept: ExitStack
    sessions: dict[tuple[str, bool], pq.abc.PGconn] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)

    def session(self, role: str, *, twin: bool) -> pq.abc.PGconn:
        """A session as ``role``."""
        known = self.sessions.get((role, twin))
        if known is not None and known.status == pq.ConnStatus.OK:
            return known
        database = self._twin(role) if twin else self.proxy.database
        words = " ".join(f"{k}='{v}'" for k, v in (self.proxy.parameters(role) | {"dbname": database}).items())
        session = pq.PGconn.connect(words.encode())
        assert session.status == pq.ConnStatus.OK, session.error_message
        assert session.exec_(SEARCH_PATH).status == pq.ExecStatus.COMMAND_OK
        self.kept.callback(session.finish)
        self.sessions[role, twin] = session
        return session

    def _twin(self, role: str) -> str:
        name = f"twin_for_{role}"
        if role not in self.changed:
            self.kept.enter_context(copied_database(self.clinic, name))
            login = self.clinic.proxy_login()
            parameters = ConnectParameters(
                host=login["host"], port=login["port"], user=login["user"], password=login["password"], ssl=False
            )
            snapshot = asyncio.run(introspect(parameters, name))
            bound = bind(load_policy(self.proxy.policy), snapshot).role(role)
            assert bound is not None
            with self.clinic.connect(database=name) as connection:
                self.changed[role] = make_twin(connection, snapshot, bound)
        return name


@pytest.fixture(scope="module")
def twins(clinic: Clinic, proxy: ProxyProcess) -> Iterator[Twins]:
    """A twin for each role, made when first asked for."""
    with clinic.connect(database=proxy.database) as connection:
        connection.execute("VACUUM ANALYZE")  # as the twins are: it decides whether an index alone is read
    with ExitStack() as kept:
        yield Twins(clinic, proxy, kept)


@pytest.mark.parametrize("role", ROLES)
def test_twins_differ(twins: Twins, role: str) -> None:
    """The databases are far from equal, so that equal answers mean something."""
    twins.session(role, twin=True)
    assert twins.changed[role] > 3000


@pytest.mark.parametrize(("statement", "role"), ASKED)
def test_the_answer_depends_on_nothing_hidden(twins: Twins, statement: CorpusStatement, role: str) -> None:
    """The same rows, in the same order unless the plan alone decides it, or the same error.

    The plan may follow from what the server has measured of the stored values (docs/threat-model.md).
    """
    way = Way.SIMPLE if Way.SIMPLE in ways_of(statement) else Way.EXTENDED_TEXT
    original, other = (ask(twins.session(role, twin=twin), statement, way) for twin in (False, True))
    if original != other and statement.order is Order.NONE:
        original, other = (replace(answer, rows=tuple(sorted(answer.rows, key=str))) for answer in (original, other))
    assert original == other, statement.text
