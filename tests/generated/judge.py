"""What became of a made-up statement: answered as by the masked copy, refused and why, or wrong.

Owns: asking both, the search for stored values, and the count of outcomes. Must not know: how statements are made.
Invariant: a statement that the proxy refuses for a function is not run on the copy, where that function would run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from psycopg import pq

from proxy.errors import Refusal
from proxy.planner.plan import TokenCells
from proxy.planner.planner import Planner
from tests.support.answers import Answer, Way, differences
from tests.support.corpus import CorpusStatement, Order
from tests.support.disguises import Canaries
from tests.support.hidden_values import hidden_texts
from tests.support.oracle import Oracle, search_path
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess

REFUSALS = frozenset({"42501", "0A000"})
CANCELLED = "57014"
RECORD = 2249  # pg_type.oid
BY_ROWS = re.compile(r"ORDER BY (?:[^()]*, )?t\d+(?:,| |$)")
OF_TOKENS = "shown as"
OF_A_FUNCTION = "permission denied for function"


@dataclass(slots=True)
class Judge:
    """``tally`` counts outcomes: ``asked`` and what they are called in ``told``, and ``why …`` for each refusal."""

    clinic: Clinic
    proxy: ProxyProcess
    oracle: Oracle
    tally: Counter[str] = field(default_factory=Counter)
    _canaries: dict[str, Canaries] = field(default_factory=dict)
    _planners: dict[str, Planner] = field(default_factory=dict)

    def set_time_limit(self, role: str, milliseconds: int) -> None:
        """For the statements of both sessions."""
        for session in (self.oracle.copy_session(role), self.oracle.proxy_session(role)):
            done = session.exec_(f"SET statement_timeout = {milliseconds}".encode())
            assert done.status == pq.ExecStatus.COMMAND_OK

    def compare(self, statement: CorpusStatement, role: str, way: Way) -> list[str]:
        """What is wrong with the proxy's answer: stored values in it, or differences from the copy's."""
        statement = self._by_its_order(statement, role)
        actual = self.oracle.actual(statement, role, way)
        self.tally["asked"] += 1
        heard = [cell for row in actual.rows for cell in row if cell is not None]
        if actual.sqlstate is not None:
            heard.append(self.oracle.proxy_session(role).error_message)
        said = " ".join([statement.text, *(v for v in statement.parameters if v is not None)])
        found = [f"tells {canary}" for canary in self.canaries(role).found(heard, said=said)]
        return found + list(self._differences(statement, role, way, actual))

    def _by_its_order(self, statement: CorpusStatement, role: str) -> CorpusStatement:
        """With the order that it can have: rows, texts and JSON that hold tokens are sorted by one of their own."""
        if role not in self._planners:
            self._planners[role] = self.oracle.planner(role)
        with suppress(Refusal):
            plan = self._planners[role].plan(statement.text, search_path())
            holding = any(shape is not None and not isinstance(shape, TokenCells) for shape in plan.tokens)
            if holding or (BY_ROWS.search(statement.text) and "sha256" in plan.text):
                return replace(statement, order=Order.SAMPLE if " LIMIT " in statement.text else Order.NONE)
        return statement

    def written(self, role: str, records: int) -> list[str]:
        """The stored texts in the proxy's log and metrics, and in as many of its last journal records."""
        told = [self.proxy.log(), self.proxy.metrics(), *map(str, self.proxy.journal()[-records:])]
        found = self.canaries(role).found(text.encode() for text in told)
        return [canary for canary in found if not canary.replace(".", "").isdigit()]  # metrics are full of numbers

    def canaries(self, role: str) -> Canaries:
        """The stored texts that the role may not see."""
        if role not in self._canaries:
            bound = self.oracle.planner(role).role
            name = (self.oracle.copy_session(role).db or b"").decode()
            with self.clinic.connect() as original, self.clinic.connect(database=name) as copy:
                self._canaries[role] = hidden_texts(original, copy, self.oracle.snapshot, bound)
        return self._canaries[role]

    def told(self) -> str:
        """The counts in a sentence, and the reasons of refusals that are not of tokens or functions."""
        count = self.tally
        why = "; ".join(f"{n} x {k.removeprefix('why ')}" for k, n in count.most_common(40) if k.startswith("why "))
        parts = [
            f"{count['asked']} asked",
            f"{count['equal']} answered as on the masked copy ({count['with rows']} with rows)",
            f"{count['open']} whose answer is not determined",
            f"{count['failed']} failed on both",
            f"{count['slow']} too slow to compare",
            f"{count['functions']} refused for functions that are not on the list",
            f"{count['tokens']} for uses of tokens",
            f"{count['refused']} otherwise",
        ]
        return ", ".join(parts) + (f" ({why})" if why else "")

    def _differences(self, statement: CorpusStatement, role: str, way: Way, actual: Answer) -> Iterator[str]:
        tally, message = self.tally, actual.message or ""
        if actual.sqlstate in REFUSALS and message.startswith(OF_A_FUNCTION):
            tally["functions"] += 1
            return
        expected = self.oracle.expected(statement, role, way)
        if CANCELLED in (expected.sqlstate, actual.sqlstate):
            tally["slow"] += 1
        elif expected.sqlstate is not None and (actual.sqlstate == expected.sqlstate or actual.sqlstate in REFUSALS):
            tally["failed"] += 1
        elif expected.sqlstate is None and actual.sqlstate in REFUSALS:
            outcome = "tokens" if OF_TOKENS in message else "refused"
            tally[outcome] += 1
            if outcome == "refused":
                tally[f"why {message}"] += 1
        else:
            if statement.order is Order.SAMPLE:
                if expected.sqlstate is not None or actual.sqlstate is not None:
                    tally["open"] += 1  # it depends on the rows whether there is an error
                    return
                expected, actual = (replace(answer, rows=(), tag="") for answer in (expected, actual))
            found = list(differences(statement, as_described(expected, actual), actual))
            if found and self.oracle.expected(statement, role, way) != expected:
                tally["open"] += 1
                return
            tally["equal"] += not found
            tally["with rows"] += bool(expected.rows)
            yield from found


def as_described(expected: Answer, actual: Answer) -> Answer:
    """``expected`` with what a description may say otherwise, values being the same.

    Postgres folds constants before it describes a result, and a mask may be one: ``coalesce(code, NULL)`` is ``code``
    with its type modifier, or without where ``code`` is one too. And a row of which the role may not see all columns is
    no row of the table's type.
    """
    if len(expected.columns) != len(actual.columns):
        return expected
    columns = []
    for wanted, got in zip(expected.columns, actual.columns, strict=True):
        if (
            got.type_oid == wanted.type_oid
            and wanted.table_oid == 0
            and -1 in (wanted.type_modifier, got.type_modifier)
        ):
            columns.append(replace(wanted, type_modifier=got.type_modifier))
        elif got.type_oid == RECORD and wanted.attribute_number == 0 and wanted.table_oid != 0:
            columns.append(replace(wanted, type_oid=RECORD, table_oid=0))
        else:
            columns.append(wanted)
    return replace(expected, columns=tuple(columns))
