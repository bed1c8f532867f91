"""The masked-copy rule over the corpus: each statement, as each restricted role, against that role's masked copy.

Must not know: how the proxy answers. Invariant: every statement is equal in every way of asking; a statement that can
be run on the copy and is refused by the proxy is a failure like any other difference.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.answers import ways_of
from tests.support.corpus import CorpusStatement, Order, load_corpus
from tests.support.oracle import Oracle
from tests.support.postgres import Clinic

RESTRICTED = ("analyst", "billing", "researcher", "partner_acme", "contrarian", "pseudonymous")
ROLES = (*RESTRICTED, "clinician")
# Not refused, but tokens have an order of their own: what is then still determined of the rows.
BY_ORDER = {"compared by order with what is none": Order.SAMPLE, "sorted by": Order.NONE}
WITH_TOKENS = ("analyst", "partner_acme", "pseudonymous")
STATEMENTS = load_corpus("clinic")
CATALOGS = load_corpus("catalogs")
LEAST = 150  # statements that each of the first two roles must be able to run


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.name)
def test_the_proxy_answers_as_the_masked_copy(oracle: Oracle, statement: CorpusStatement, role: str) -> None:
    """Names, types, origins, rows and tags, or the SQLSTATE, are the copy's, however the statement is sent.

    Up to what the type check of tokens refuses, which the corpus says for each such statement.
    """
    if statement.tokens in BY_ORDER and role in WITH_TOKENS:
        statement = replace(statement, order=BY_ORDER[statement.tokens])
    elif statement.tokens is not None and role in WITH_TOKENS and oracle.refused_for_tokens(statement, role):
        assert {oracle.actual(statement, role, way).sqlstate for way in ways_of(statement)} == {"0A000"}
        return
    found = oracle.compare(statement, role)
    assert not found, "\n".join([f"as {role}:", statement.text, "", *found])


@pytest.mark.parametrize(
    "statement", [s for s in STATEMENTS if s.tokens not in (None, *BY_ORDER)], ids=lambda s: s.name
)
def test_what_is_said_to_be_refused_is(oracle: Oracle, statement: CorpusStatement) -> None:
    """For some role that sees a token in it, and for none that sees none."""
    assert any(oracle.refused_for_tokens(statement, role) for role in WITH_TOKENS)
    assert not any(oracle.refused_for_tokens(statement, role) for role in ROLES if role not in WITH_TOKENS)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("statement", CATALOGS, ids=lambda s: s.name)
def test_the_catalogs_pass(oracle: Oracle, statement: CorpusStatement, role: str) -> None:
    """What tools ask of the catalogs is answered as the database itself answers it, to every role."""
    found = oracle.compare_with_original(statement, role)
    assert not found, "\n".join([f"as {role}:", statement.text, "", *found])


@pytest.mark.parametrize("role", RESTRICTED[:2])
def test_the_corpus_says_something(oracle: Oracle, role: str) -> None:
    """Most statements run and find rows in the role's copy, so that equality means something."""
    answers = [oracle.expected(s, role, ways_of(s)[-1]) for s in STATEMENTS]
    assert sum(bool(a.rows) for a in answers) >= max(LEAST, len(STATEMENTS) * 3 // 4)


@pytest.mark.parametrize("role", RESTRICTED)
def test_the_copy_is_masked(oracle: Oracle, clinic: Clinic, role: str) -> None:
    """No stored social security number is left in a restricted role's copy."""
    text = "SELECT p.patient_id, p.ssn FROM clinic.patients p WHERE p.ssn IS NOT NULL"
    shown = oracle.expected(CorpusStatement("copy", "ssn", text), role)
    with clinic.connect() as connection:
        stored = {ssn.encode() for _, ssn in connection.execute(text)}
    assert not stored & {row[-1] for row in shown.rows}


def test_the_copy_keeps_the_numbers_of_the_original(oracle: Oracle, clinic: Clinic) -> None:
    """Tables that need not be made anew have the original's OIDs, so that row descriptions compare as they are."""
    text = "SELECT attrelid::bigint, attname, attnum FROM pg_attribute WHERE attrelid = 'clinic.patients'::regclass"
    with clinic.connect() as connection:
        original = {tuple(str(value).encode() for value in row) for row in connection.execute(text)}
    assert set(oracle.expected(CorpusStatement("copy", "numbers", text), "analyst").rows) == original
