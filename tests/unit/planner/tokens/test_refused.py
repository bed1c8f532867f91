"""What a token must not be given to, and how the refusal reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import Refusal
from proxy.planner.planner import Planner
from tests.support.corpus import CorpusStatement, load_corpus
from tests.support.token_clinic import token_planner

STATEMENTS = [s for s in load_corpus("tokens") if s.sqlstate is not None]


@pytest.fixture(scope="module")
def analyst(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    """The planner of a role that sees tokens."""
    return token_planner(tmp_path_factory.mktemp("policy"))


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.name)
def test_what_would_show_a_stored_value_is_refused(analyst: Planner, statement: CorpusStatement) -> None:
    """Every construct that is not known to keep tokens whole is refused with its code."""
    with pytest.raises(Refusal) as refused:
        analyst.plan(statement.text, ("clinic",))
    assert (refused.value.sqlstate, refused.value.reason) == (statement.sqlstate, statement.reason or "token")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT mrn LIKE 'a%' FROM patients", ("clinic.patients.mrn", "LIKE", "domain patient")),
        ("SELECT lower(mrn) FROM patients", ("clinic.patients.mrn", "function lower")),
        ("SELECT mrn = provider FROM visits", ("clinic.visits.mrn", "clinic.visits.provider", "compared with =")),
        ("SELECT mrn = seen FROM visits", ("clinic.visits.mrn", "no token")),
        ("SELECT (p).upper FROM patients p", ("clinic.patients", "whole row")),
    ],
)
def test_refusals_name_the_column_and_what_was_done(analyst: Planner, sql: str, says: tuple[str, ...]) -> None:
    """A reader learns which column it is, what cannot be done with it, and what can."""
    with pytest.raises(Refusal) as refused:
        analyst.plan(sql, ("clinic",))
    for words in says:
        assert words in refused.value.message
    assert "joined, grouped, sorted" in str(refused.value.detail)


def test_without_keys_a_token_column_is_refused_and_the_others_are_not(tmp_path: Path) -> None:
    """There is no token without a keyring, and nothing else needs one."""
    planner = token_planner(tmp_path, vocabulary=None)
    assert planner.plan("SELECT age FROM patients", ("clinic",)).tokens == ()
    with pytest.raises(Refusal, match="no keys"):
        planner.plan("SELECT mrn FROM patients", ("clinic",))
