"""Templates over tokens: statements of one shape decode their own literals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.planner.constants import cut
from proxy.planner.plan import Plan
from proxy.planner.templates import make_template
from tests.support.fake_vocabulary import MARK, FakeVocabulary
from tests.support.token_clinic import ACCOUNT, MRN, token_planner

PATH = ("clinic",)
FAKE = FakeVocabulary()
TOKENS = [FAKE.token(MRN, f"M-{n}") for n in range(4)]


@pytest.mark.parametrize(
    "shape",
    [
        "SELECT id FROM patients WHERE mrn = '{}'",
        "SELECT id FROM patients WHERE mrn IN ('{}', 'x') AND age > 3",
        "SELECT id FROM patients WHERE mrn > '{}' ORDER BY mrn LIMIT 7",
    ],
)
def test_each_statement_of_a_shape_decodes_its_own_tokens(tmp_path: Path, shape: str) -> None:
    """The third statement comes from the template, and is what planning it afresh gives."""
    planner = token_planner(tmp_path)
    plans = [planner.plan(shape.format(token), PATH) for token in TOKENS[:3]]
    assert plans[2].identity is plans[1].identity
    assert plans[2].text == token_planner(tmp_path).plan(shape.format(TOKENS[2]), PATH).text
    assert "'M-2'" in plans[2].text
    assert TOKENS[2] not in plans[2].text


def test_a_template_marks_what_is_no_token(tmp_path: Path) -> None:
    """A stored value given where a token belongs matches nothing, by template too, quotes and all."""
    planner = token_planner(tmp_path)
    for token in TOKENS[:3]:
        planner.plan(f"SELECT id FROM patients WHERE mrn = '{token}'", PATH)
    assert f"'{MARK}M-1'" in planner.plan("SELECT id FROM patients WHERE mrn = 'M-1'", PATH).text
    assert f"'{MARK}it''s'" in planner.plan("SELECT id FROM patients WHERE mrn = 'it''s'", PATH).text


def test_a_text_that_passes_is_its_own_template(tmp_path: Path) -> None:
    """Statements that touch nothing protected go upstream as they are, by template too."""
    planner = token_planner(tmp_path)
    plans = [planner.plan(f"SELECT label FROM codes WHERE code = '{n}'", PATH) for n in range(3)]
    assert plans[2].identity is plans[1].identity
    assert plans[2].text == "SELECT label FROM codes WHERE code = '2'"


def test_a_constant_that_is_sent_twice_has_no_template(tmp_path: Path) -> None:
    """Where a stand-in shows up in two places, one of them may be another constant; where in none, it was changed."""
    text = "SELECT ssn FROM patients WHERE id = 5"
    parts = cut(text)
    assert parts is not None
    plan = token_planner(tmp_path).plan("SELECT id FROM patients WHERE age = 5", PATH)
    for printed in ("{0} {0}", "none"):

        def planned(sent: str, printed: str = printed) -> Plan:
            return replace(plan, text=printed.format(sent.removeprefix("SELECT ssn FROM patients WHERE id = ")))

        assert make_template(plan, *parts, frozenset({0}), planned) is None


def test_numbers_that_are_tokens_are_decoded_by_template(tmp_path: Path) -> None:
    """Digits tokens are whole numbers without quotes; so is what they stand for."""
    planner = token_planner(tmp_path)
    plans = [planner.plan(f"SELECT id FROM patients WHERE account = {n} AND age = 5", PATH) for n in (11, 22, 33)]
    assert plans[2].identity is plans[1].identity
    assert f"account = {FAKE.token(ACCOUNT, '33')} AND age = 5" in plans[2].text
