"""Tokens among the arguments of EXECUTE: which expressions may be some, and what the server is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import UnsupportedRefusal
from proxy.planner.plan import Decision, TokenCells
from proxy.planner.tokens.arguments import with_stored_arguments
from tests.support.fake_vocabulary import FakeVocabulary
from tests.support.token_clinic import ACCOUNT, MRN, token_planner

_TOKEN = FakeVocabulary().token(MRN, "A1")


def _sent(folder: Path, text: str, *parameters: TokenCells | None) -> str:
    planner = token_planner(folder)
    plan = planner.plan(text, ("clinic",))
    assert (plan.text, plan.decision, plan.arguments) == (text, Decision.PASSED, ())
    made = planner.with_arguments(plan, parameters)
    assert (made.decision, made.arguments, made.prepared) == (Decision.REWRITTEN, parameters, plan.prepared)
    return made.text


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (f"'{_TOKEN}'", "'A1'"),
        (f"'{_TOKEN}'::text", "'A1'::text"),
        (f"('{_TOKEN}')", "'A1'"),
        (f"coalesce('{_TOKEN}', NULL)", "COALESCE('A1', NULL)"),
        ("NULL", "NULL"),
    ],
)
def test_a_constant_is_what_it_stands_for(tmp_path: Path, given: str, sent: str) -> None:
    """In the place of a token, and nowhere else."""
    text = f"EXECUTE q ({given}, '{_TOKEN}', 1 + 2)"
    assert _sent(tmp_path, text, TokenCells(MRN), None) == f"EXECUTE q({sent}, '{_TOKEN}', 1 + 2)"


def test_what_is_no_token_is_marked(tmp_path: Path) -> None:
    """So that it equals nothing stored."""
    sent = _sent(tmp_path, "EXECUTE q ('A1')", TokenCells(MRN))
    assert "not a token:A1" in sent


def test_arrays_and_numbers(tmp_path: Path) -> None:
    """Element by element; numbers as numbers."""
    account = FakeVocabulary().token(ACCOUNT, "77")
    sent = _sent(
        tmp_path, f"EXECUTE q (ARRAY['{_TOKEN}'], {account})", TokenCells(MRN, array=True), TokenCells(ACCOUNT)
    )
    assert sent == "EXECUTE q(ARRAY['A1'], 77)"


@pytest.mark.parametrize("given", ["upper('x')", "'a' || 'b'", "ARRAY['a']", "'x'::date", "'x' COLLATE \"de_DE\""])
def test_what_is_computed_is_refused(tmp_path: Path, given: str) -> None:
    """A token is a constant."""
    with pytest.raises(UnsupportedRefusal) as refused:
        _sent(tmp_path, f"EXECUTE q ({given})", TokenCells(MRN))
    assert refused.value.reason == "token"
    assert refused.value.message.startswith("argument 1 of EXECUTE")


@pytest.mark.parametrize(
    ("declared", "column"),
    [("text", "mrn"), ("pg_catalog.varchar", "mrn"), ("unknown", "mrn"), ("bigint", "account"), ("uuid", "device")],
)
def test_a_parameter_may_be_declared_of_the_own_type(tmp_path: Path, declared: str, column: str) -> None:
    """As PREPARE would find it."""
    text = f"PREPARE q ({declared}) AS SELECT id FROM patients WHERE {column} = $1"
    inner = token_planner(tmp_path).plan(text, ("clinic",)).inner
    assert inner is not None
    assert inner.token_parameters[0] is not None


@pytest.mark.parametrize("declared", ["name", '"char"', "bpchar", "text[]", "int", "clinic.text"])
def test_a_parameter_of_another_type_is_refused(tmp_path: Path, declared: str) -> None:
    """It could cut what a token stands for."""
    with pytest.raises(UnsupportedRefusal, match="parameter 1"):
        token_planner(tmp_path).plan(f"PREPARE q ({declared}) AS SELECT id FROM patients WHERE mrn = $1", ("clinic",))


def test_without_keys_there_are_no_arguments(tmp_path: Path) -> None:
    """A plan with tokens is not made then either."""
    planner = token_planner(tmp_path, vocabulary=None)
    with pytest.raises(UnsupportedRefusal, match="no keys"):
        planner.with_arguments(planner.plan("EXECUTE q ('x')", ("clinic",)), (TokenCells(MRN),))


def test_no_argument_reads_a_relation() -> None:
    """Also where nothing has looked at the statement before, since the masks of relations are not put in here."""
    with pytest.raises(UnsupportedRefusal, match="cannot be checked"):
        with_stored_arguments(
            "EXECUTE q ((SELECT mrn FROM patients))", (TokenCells(MRN),), lambda _: False, FakeVocabulary()
        )
