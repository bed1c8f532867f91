"""What plans say of tokens: cells, parameters, origins, names, and the texts that go upstream."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.planner.plan import Origin, TokenCells
from proxy.planner.planner import Planner
from tests.support.fake_vocabulary import MARK, FakeVocabulary
from tests.support.token_clinic import ACCOUNT, DEVICE, MRN, NUMBER, PATIENTS, PROVIDER, token_planner

PATH = ("clinic",)
FAKE = FakeVocabulary()
TOKEN = FAKE.token(MRN, "M-1")
MRNS = TokenCells(MRN)


@pytest.fixture(scope="module")
def analyst(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    """The planner of a role that sees tokens."""
    return token_planner(tmp_path_factory.mktemp("policy"))


@pytest.mark.parametrize(
    ("sql", "cells"),
    [
        ("SELECT age, mrn FROM patients", (None, MRNS)),
        ("SELECT number, account, device, card FROM patients", tuple(map(TokenCells, (NUMBER, ACCOUNT, DEVICE, MRN)))),
        ("SELECT * FROM visits", (None, MRNS, TokenCells(PROVIDER), None, TokenCells(ACCOUNT), None)),
        ("SELECT coalesce(mrn, 'x'), min(mrn), count(mrn) FROM visits GROUP BY mrn", (MRNS, MRNS, None)),
        ("SELECT array_agg(mrn) FROM visits", (TokenCells(MRN, array=True),)),
        ("SELECT 'x' UNION SELECT mrn FROM visits", (MRNS,)),
        ("SELECT v.x FROM (VALUES ('x')) v(x) JOIN visits ON mrn = x", (MRNS,)),
        ("SELECT x FROM (VALUES ('x')) v(x), visits", ()),
        ("SELECT who FROM front", (MRNS,)),
        ("SELECT mrns FROM groups", (TokenCells(MRN, array=True),)),
        ("SELECT unnest(mrns) FROM groups", (MRNS,)),
        ("SELECT j.m FROM (visits v JOIN codes c ON v.seen = c.code) AS j(i, m)", (MRNS,)),
        ("WITH RECURSIVE r(m) AS (SELECT 'x' UNION SELECT mrn FROM visits, r) SELECT m FROM r", (MRNS,)),
        ("SELECT mrn = 'x', mrn IS NULL FROM visits", ()),
    ],
)
def test_each_output_is_known_for_what_it_is(analyst: Planner, sql: str, cells: tuple[TokenCells | None, ...]) -> None:
    """By position, through stars, subqueries, views, recursion and constants that met a token later."""
    assert analyst.plan(sql, PATH).tokens == cells


@pytest.mark.parametrize(
    ("sql", "cells"),
    [
        ("SELECT id FROM visits WHERE mrn = $1", (MRNS,)),
        ("SELECT id FROM visits WHERE cost > $1 AND mrn IN ($3, $2::text)", (None, MRNS, MRNS)),
        ("SELECT id FROM visits WHERE mrn = ANY ($1)", (TokenCells(MRN, array=True),)),
        ("SELECT id FROM visits JOIN unnest($1::text[]) AS t(m) ON mrn = m", (TokenCells(MRN, array=True),)),
        ("SELECT coalesce($1, mrn) FROM visits", (MRNS,)),
        ("SELECT id FROM visits WHERE (mrn, cost) > ($1, $2)", (MRNS, None)),
        ("SELECT id FROM visits WHERE cost = $1", ()),
    ],
)
def test_each_parameter_is_known_for_what_it_is(
    analyst: Planner, sql: str, cells: tuple[TokenCells | None, ...]
) -> None:
    """By number, whatever it is cast to and wherever it stands."""
    assert analyst.plan(sql, PATH).token_parameters == cells


@pytest.mark.parametrize(
    ("sql", "fragment"),
    [
        ("SELECT id FROM visits WHERE mrn = '{t}'", "mrn = 'M-1'"),
        ("SELECT id FROM visits WHERE mrn = 'M-1'", f"mrn = '{MARK}M-1'"),
        ("SELECT id FROM visits WHERE mrn = ANY ('{{{t}, NULL,\"a b\"}}')", f'"M-1",NULL,"{MARK}a b"'),
        ("SELECT id FROM visits WHERE account = 7", f"account = {FAKE.token(ACCOUNT, '7')}"),
        ("SELECT id FROM visits WHERE account = '7'", f"account = {FAKE.token(ACCOUNT, '7')}"),
        ("SELECT min(mrn) FROM visits", "AS min"),
        ("SELECT (SELECT max(mrn) FROM visits)", "AS max"),
        ("SELECT DISTINCT mrn, mrn FROM visits ORDER BY 2", "c0 AS mrn, pgveil_sorted.c1 AS mrn"),
    ],
)
def test_what_goes_upstream(analyst: Planner, sql: str, fragment: str) -> None:
    """Literals become stored values or marked ones, and outputs keep their names."""
    assert fragment in analyst.plan(sql.format(t=TOKEN), PATH).text


def test_the_client_is_shown_the_original_column(analyst: Planner) -> None:
    """Also where a cast to the type that it is shown as stands in between; a view's column is the view's own."""
    origins = analyst.plan("SELECT mrn, mrn::text, mrn::varchar, min(mrn) FROM patients GROUP BY mrn", PATH).origins
    assert origins == (Origin(PATIENTS, 2), Origin(PATIENTS, 2), None, None)
    assert analyst.plan("SELECT who FROM front", PATH).origins == (Origin(PATIENTS + 100, 1),)


def test_the_journal_is_told(analyst: Planner) -> None:
    """A token column is noted with its mask, shown or only used."""
    columns = analyst.plan("SELECT mrn FROM patients WHERE account = 7", PATH).columns
    assert [(c.column, c.mask, c.output) for c in columns] == [("mrn", "token", 0), ("account", "token", None)]


def test_a_statement_that_names_no_token_column_is_left_alone(analyst: Planner, tmp_path: Path) -> None:
    """Its text is that of a planner that has no keys."""
    sql = "SELECT age, name FROM patients WHERE age > 3 ORDER BY name"
    assert analyst.plan(sql, PATH).text == token_planner(tmp_path, vocabulary=None).plan(sql, PATH).text


def test_who_sees_the_column_in_clear_has_no_tokens(tmp_path: Path) -> None:
    """The same statement of another role passes as it is."""
    plan = token_planner(tmp_path, "clinician").plan("SELECT lower(mrn) FROM patients", PATH)
    assert plan.text == "SELECT lower(mrn) FROM patients"
    assert plan.tokens == ()
