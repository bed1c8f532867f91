"""The masked-copy rule for tokens, without the proxy's session: plans are run on a real Postgres by a stand-in edge.

Owns: two databases of the token clinic, one with stored values (canaries) and one with the fake's tokens in their
place, and the comparison of a plan's answer with the copy's. Must not know: how plans are made.
Invariant: no canary may be in an answer that the stand-in edge lets out, whatever the statement.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.string import TextLoader

from proxy.catalog.introspect import ConnectParameters, introspect
from proxy.planner.plan import Plan
from proxy.planner.planner import Planner
from proxy.policy.bound import bind
from proxy.tokens.types import TokenType
from tests.support.fake_vocabulary import FakeVocabulary
from tests.support.postgres import Clinic
from tests.support.token_clinic import ACCOUNT, DEVICE, MRN, NUMBER, PROVIDER, VIEWS, planner_of, token_policy

SCHEMA: LiteralString = """
CREATE SCHEMA clinic;
CREATE TABLE clinic.patients (id bigint PRIMARY KEY, mrn {varchar} UNIQUE, name text, age integer, device uuid,
                              account bigint, number varchar(12), card {char}, note text);
CREATE TABLE clinic.visits (id bigint PRIMARY KEY, mrn {text}, provider {text}, cost integer, account bigint,
                            seen text);
CREATE TABLE clinic.old_visits (id bigint PRIMARY KEY, mrn {text}, provider {text}, cost integer, account bigint,
                                seen text);
CREATE TABLE clinic.codes (code text, label text, mrn text);
CREATE INDEX ON clinic.visits (mrn);
CREATE INDEX ON clinic.patients (account);
CREATE INDEX ON clinic.patients (device);
"""
CANARY = "CANARY"
_RECORD, _RECORDS = 2249, 2287
VOCABULARY = FakeVocabulary()
PEOPLE = 12
_COLUMNS: dict[str, tuple[TokenType | None, ...]] = {
    "patients": (None, MRN, None, None, DEVICE, ACCOUNT, NUMBER, MRN, None),
    "visits": (None, MRN, PROVIDER, None, ACCOUNT, None),
    "old_visits": (None, MRN, PROVIDER, None, ACCOUNT, None),
    "codes": (None, None, None),
}


def stored_mrn(number: int) -> str:
    """The medical record number of the patient of that number."""
    return f"{CANARY}{number:02d}"


def _rows() -> dict[str, list[tuple[Any, ...]]]:
    chosen = random.Random(7)  # noqa: S311 - the same clinic each time
    patients = [
        (n, stored_mrn(n), f"Name {n}", 20 + 3 * n % 40, UUID(int=0xCA11 << 100 | n), *_numbers(n), "note")
        for n in range(1, PEOPLE + 1)
    ]
    visits = {
        table: [
            (n, stored_mrn(who) if who else None, f"{CANARY}-P{chosen.randint(1, 3)}", *_visit(chosen, who))
            for n in range(1, 31)
            for who in [chosen.choice([None, *range(1, PEOPLE - 2)])]
        ]
        for table in ("visits", "old_visits")
    }
    return {"patients": patients, **visits, "codes": [("a", "A", "x"), ("b", "B", None)]}


def _numbers(who: int) -> tuple[object, ...]:
    return 77_000_000 + who, f"9177{who:06d}", stored_mrn(who) if who % 3 else None


def _visit(chosen: random.Random, who: int | None) -> tuple[object, ...]:
    return 5 * chosen.randint(1, 6), 77_000_000 + who if who else None, chosen.choice(["a", "b"])


@dataclass(frozen=True, slots=True)
class TokenOracle:
    """Asks both databases the same statement."""

    planner: Planner
    stored: psycopg.Connection
    copy: psycopg.Connection

    def plan(self, text: str) -> Plan:
        """The plan (raises Refusal)."""
        return self.planner.plan(text, ("clinic",))

    def answers(self, text: str, parameters: Sequence[object] = ()) -> tuple[list[str], list[str]]:
        """What the client would get, and what the copy gives; SQLSTATEs in place of rows where there are none."""
        plan = self.plan(text)
        cells = (*plan.token_parameters, *[None] * len(parameters))
        bound = [VOCABULARY.bound(c, v) for c, v in zip(cells, parameters, strict=False)]
        return self._ask(self.stored, plan.text, bound, plan), self._ask(self.copy, text, parameters, None)

    def _ask(
        self, session: psycopg.Connection, text: str, parameters: Sequence[object], plan: Plan | None
    ) -> list[str]:
        cursor = psycopg.RawCursor(session)
        try:
            cursor.execute(text, parameters)
        except psycopg.Error as error:
            return [f"SQLSTATE {error.sqlstate}"]
        rows = [list(row) for row in cursor.fetchall()]
        if plan is not None and plan.tokens:
            assert cursor.description is not None
            assert len(cursor.description) == len(plan.tokens), "the result's columns are not those of its plan"
            rows = [[VOCABULARY.shown(c, v) for c, v in zip(plan.tokens, row, strict=True)] for row in rows]
        return [repr(row) for row in rows]


@contextmanager
def token_oracle(clinic: Clinic, folder: Path, name: str = "tokens") -> Iterator[TokenOracle]:
    """Both databases, loaded, on the clinic's server; dropped afterwards."""
    with ExitStack() as kept:
        stored = kept.enter_context(_database(clinic, f"{name}_stored"))
        copy = kept.enter_context(_database(clinic, f"{name}_copy"))
        load(stored, masked=False)
        load(copy, masked=True)
        login = clinic.superuser()
        where = ConnectParameters(
            host=login["host"], port=login["port"], user=login["user"], password=login["password"], ssl=False
        )
        snapshot = asyncio.run(introspect(where, f"{name}_stored"))
        policy = bind(token_policy(folder), snapshot)
        yield TokenOracle(planner_of(policy, "analyst", VOCABULARY), stored, copy)


@contextmanager
def _database(clinic: Clinic, name: str) -> Iterator[psycopg.Connection]:
    with clinic.connect(database="postgres") as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with clinic.connect(database=name) as session:
                session.execute("SET search_path TO clinic")
                for type_oid in (_RECORD, _RECORDS):  # as text, as psycopg reads a row of a table's own type
                    session.adapters.register_loader(type_oid, TextLoader)
                yield session
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def load(session: psycopg.Connection, *, masked: bool) -> None:
    """Make the token clinic in an empty database, with stored values or (``masked``) the fake's tokens."""
    words = {"varchar": "varchar(12)", "char": "char(8)", "text": "text"}
    if masked:  # the fake's tokens sort under "C" as the opaque order does
        words = dict.fromkeys(words, 'text COLLATE "C"')
    schema = SCHEMA
    for word, spelling in words.items():
        schema = schema.replace("{" + word + "}", spelling)
    session.execute(schema)
    for table, rows in _rows().items():
        for row in rows:
            values = [
                VOCABULARY.token(t, str(v)) if masked and t is not None and v is not None else v
                for t, v in zip(_COLUMNS[table], row, strict=True)
            ]
            marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
            session.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), marks), values)
    if masked:  # the other masks of the policy
        session.execute("ALTER TABLE patients DROP COLUMN note")
        session.execute("UPDATE patients SET name = left(name, 1) || regexp_replace(substr(name, 2), '\\w', '*', 'g')")
    for view, (columns, definition) in VIEWS.items():
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        make = sql.SQL("CREATE VIEW {} ({}) AS {}")
        session.execute(make.format(sql.Identifier(view), names, sql.SQL(definition)))


def with_tokens(text: str, token: Callable[[TokenType, str], str] = VOCABULARY.token, mrn: TokenType = MRN) -> str:
    """The corpus's TOK1, PRO1, ACC1, NUM1, DEV1 and STORED1 as what they stand for. ``mrn``: the tokens of patients."""
    for n in range(PEOPLE, 0, -1):
        text = text.replace(f"TOK{n}", token(mrn, stored_mrn(n)))
        text = text.replace(f"STORED{n}", stored_mrn(n))
        text = text.replace(f"PRO{n}", token(PROVIDER, f"{CANARY}-P{n}"))
        text = text.replace(f"ACC{n}", token(ACCOUNT, str(77_000_000 + n)))
        text = text.replace(f"NUM{n}", token(NUMBER, f"9177{n:06d}"))
        text = text.replace(f"DEV{n}", token(DEVICE, str(UUID(int=0xCA11 << 100 | n))))
    return text
