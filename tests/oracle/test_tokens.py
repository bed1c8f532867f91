"""The masked-copy rule for token columns: each statement on stored values, through its plan, against the copy.

Must not know: how the type check works. Invariant: an answer holds no stored value and is the copy's, in its order
wherever the statement orders it; a statement that is refused is one of the corpus's refused ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.corpus import CorpusStatement, Order, load_corpus
from tests.support.postgres import Clinic
from tests.support.token_oracle import CANARY, TokenOracle, token_oracle, with_tokens

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
