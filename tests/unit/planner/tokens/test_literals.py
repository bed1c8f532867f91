"""Token literals become stored values, with the real tokens as with the fake's."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from proxy.errors import Refusal
from proxy.planner.planner import Planner
from proxy.planner.tokens.literals import stored_constant
from proxy.tokens.types import StoredType, TokenFormat, TokenType
from tests.support.corpus import CorpusStatement, load_corpus
from tests.support.fake_vocabulary import MARK, FakeVocabulary
from tests.support.keyrings import tokenizer
from tests.support.token_clinic import ACCOUNT, DEVICE, MRN, NUMBER, PROVIDER, token_planner

PATH = ("clinic",)
FAKE = FakeVocabulary()
REAL = tokenizer("patient", "provider", "account", "device")
ALLOWED = [s for s in load_corpus("tokens") if s.sqlstate is None]
INTEGER = TokenType("account", TokenFormat.DIGITS, StoredType.INTEGER)


def _real(token_type: TokenType, value: str) -> str:
    (token,) = REAL.encode_cells(token_type, [value.encode()], binary=False)
    assert token is not None
    return token.decode()


def _with(text: str, token: Callable[[TokenType, str], str]) -> str:
    for n in (4, 3, 2, 1):
        text = text.replace(f"TOK{n}", token(MRN, f"M-{n}")).replace(f"PRO{n}", token(PROVIDER, f"P-{n}"))
        text = text.replace(f"ACC{n}", token(ACCOUNT, str(77_000_000 + n))).replace(
            f"NUM{n}", token(NUMBER, f"91770{n}")
        )
        text = text.replace(f"DEV{n}", token(DEVICE, str(UUID(int=n))))
    return text


@pytest.fixture(scope="module")
def planners(tmp_path_factory: pytest.TempPathFactory) -> tuple[Planner, Planner]:
    """One with the fake's tokens, one with real ones."""
    return (
        token_planner(tmp_path_factory.mktemp("fake"), vocabulary=FAKE),
        token_planner(tmp_path_factory.mktemp("real"), vocabulary=REAL),
    )


@pytest.mark.parametrize("statement", ALLOWED, ids=lambda s: s.name)
def test_real_tokens_give_the_same_plan(planners: tuple[Planner, Planner], statement: CorpusStatement) -> None:
    """What goes upstream is the same, but for the order's secrets and what stands for constants that are no tokens."""
    fake, real = planners
    expected = fake.plan(_with(statement.text, FAKE.token), PATH)
    plan = real.plan(_with(statement.text, _real), PATH)
    assert (plan.tokens, plan.token_parameters, plan.origins) == (
        expected.tokens,
        expected.token_parameters,
        expected.origins,
    )
    text = plan.text
    for domain in ("patient", "provider", "account", "device"):
        text = text.replace(REAL.order_secret(domain), FAKE.order_secret(domain))
    if MARK not in expected.text:
        assert text == expected.text


@pytest.mark.parametrize(
    ("token_type", "constant", "stored"),
    [
        (MRN, f"'{FAKE.token(MRN, 'it' + chr(39) + 's')}'", "'it''s'"),
        (MRN, "'it''s'", f"'{MARK}it''s'"),
        (MRN, f"'{FAKE.token(MRN, 'back' + chr(92) + 'slash')}'", "E'back\\\\slash'"),
        (INTEGER, "5", "1999999995"),
        (INTEGER, "'5'", "1999999995"),
        (INTEGER, "2000000005", "-5"),
    ],
)
def test_constants_as_sql(token_type: TokenType, constant: str, stored: str) -> None:
    """Quotes and backslashes of a stored value stay inside its literal, and numbers are numbers."""
    assert stored_constant(FAKE, token_type, constant) == stored


@pytest.mark.parametrize(
    "literal", ["{{a,b},{c,d}}", "[0:1]={a,b}", '{a,"b}', "{a b}", "a,b", "{a,}", "{a,,b}", '{"a"b}', ""]
)
def test_array_literals_that_are_not_plain_are_refused(planners: tuple[Planner, Planner], literal: str) -> None:
    """Only one-dimensional ones are read; a form that the server might read otherwise is not guessed at."""
    with pytest.raises(Refusal, match="array literal"):
        planners[0].plan(f"SELECT id FROM visits WHERE mrn = ANY ('{literal}')", PATH)


def test_an_empty_array_literal_is_one(planners: tuple[Planner, Planner]) -> None:
    """It has no elements to decode."""
    assert "ANY ('{}')" in planners[0].plan("SELECT id FROM visits WHERE mrn = ANY ('{}')", PATH).text
