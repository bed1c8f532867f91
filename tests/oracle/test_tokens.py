"""The masked-copy rule for token columns: each statement on stored values, through its plan, against the copy.

Must not know: how the type check works. Invariant: an answer holds no stored value and is the copy's, in its order
wherever the statement orders it; a statement that is refused is one of the corpus's refused ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from proxy.errors import Refusal
from tests.support.corpus import CorpusStatement, Order, load_corpus
from tests.support.postgres import Clinic
from tests.support.token_oracle import CANARY, TokenOracle, token_oracle, with_tokens
from tests.support.token_statements import StatementMaker

ALLOWED = [s for s in load_corpus("tokens") if s.sqlstate is None]


@pytest.fixture(scope="module")
def oracle(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenOracle]:
    """The two databases."""
    with token_oracle(clinic, tmp_path_factory.mktemp("policy")) as made:
        yield made


@pytest.mark.parametrize("statement", ALLOWED, ids=lambda s: s.name)
def test_what_is_allowed_answers_as_the_copy(oracle: TokenOracle, statement: CorpusStatement) -> None:
    """Rows are the copy's, and no stored value is among them."""
    text = with_tokens(statement.text)
    got, expected = oracle.answers(text)
    assert CANARY not in str(got)
    if statement.order is not Order.TOTAL:
        got, expected = sorted(got), sorted(expected)
    assert got == expected
    assert "SQLSTATE" not in str(got[:1])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_whatever_is_planned_answers_as_the_copy(oracle: TokenOracle, chance: Random) -> None:
    """A statement made at random is refused, or its answer is the copy's and holds no stored value."""
    text = with_tokens(StatementMaker(chance).statement())
    note(text)
    try:
        got, expected = oracle.answers(text)
    except Refusal as refusal:
        event(refusal.reason)
        return
    event("planned")
    assert CANARY not in str(got)
    assert sorted(got) == sorted(expected)
