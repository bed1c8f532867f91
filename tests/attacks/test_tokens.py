"""Attacks on token columns: what the type check refuses would show stored values, and nothing that it passes does.

Must not know: how the check works. Invariant: each attack succeeds on the statement that a planner without the check
would send, which is what makes its refusal mean something.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from proxy.errors import Refusal
from proxy.planner.plan import TokenCells
from tests.support.postgres import Clinic
from tests.support.token_clinic import MRN
from tests.support.token_oracle import CANARY, VOCABULARY, TokenOracle, token_oracle

# Statements whose cells would be treated as if they were what they look like: text of ours, not a token.
THEFTS = [
    "SELECT lower(mrn) FROM patients",
    "SELECT mrn || '' FROM patients",
    "SELECT substring(mrn FROM 1 FOR 7) FROM patients",
    "SELECT p::text || '' FROM patients p",
    "SELECT upper(p::text) FROM patients p",
    "SELECT x FROM patients p, unnest(string_to_array(p::text, ',')) AS x",
    "SELECT (p).mrn || '' FROM patients p",
    "SELECT row_to_json(p)::text || '' FROM patients p",
    "SELECT to_jsonb(p.*)::text::varchar(60) FROM patients p",
    "SELECT to_jsonb(p) || '{}' FROM patients p",
    "SELECT to_jsonb(p) #>> '{mrn}' FROM patients p",
    "SELECT (to_jsonb(p) -> 'mrn')::text || '' FROM patients p",
    "SELECT (to_jsonb(p) ->> 'mrn') || '' FROM patients p",
    "SELECT to_jsonb(p) ->> min(k) FROM patients p, (VALUES ('mrn')) AS v (k) GROUP BY p",
    "SELECT e.value FROM patients p, jsonb_each_text(to_jsonb(p)) e",
    "SELECT e FROM (SELECT json_agg(mrn) AS j FROM patients) s, json_array_elements_text(j) e",
    "SELECT json_agg(s)::text || '' FROM (SELECT mrn FROM patients) s",
    "SELECT jsonb_pretty(to_jsonb(p)) FROM patients p",
    "SELECT row_to_json(s) FROM (SELECT 'y' AS x, mrn AS x FROM patients) s",
    "SELECT json_object_agg(mrn, id) FROM patients",
    "SELECT json_build_object(mrn, 1) FROM patients",
    "SELECT ROW(mrn, 1)::text || '' FROM patients",
    "SELECT ((SELECT ROW(mrn, 1) FROM patients LIMIT 1)::text)::bytea::text",
    (
        "SELECT u FROM (SELECT p FROM (SELECT id::text, mrn FROM patients) p UNION ALL"
        " SELECT q FROM (SELECT mrn, id::text FROM patients) q) u"
    ),
    (
        "SELECT row_to_json(u.p) FROM (SELECT p FROM (SELECT id::text, mrn FROM patients) p UNION ALL"
        " SELECT q FROM (SELECT name AS mrn, mrn AS id FROM patients) q) u"
    ),
    "SELECT string_agg(mrn, ',') FROM patients",
    "SELECT array_to_string(array_agg(mrn), ',') FROM patients",
    "SELECT array_agg(mrn)::text || '' FROM patients",
    "SELECT format('%s', mrn) FROM patients",
    "SELECT x || '' FROM patients p, LATERAL (VALUES (p.mrn)) v(x)",
    "SELECT upper(who) FROM front",
    "SELECT f.row_to_json::text FROM front f",
    "SELECT v.row_to_json::text, v.mrn FROM visits v",
    "SELECT mrns::text || '' FROM groups",
    "SELECT x FROM leaky",
    "WITH c AS (SELECT mrn FROM patients) SELECT c::text || '' FROM c",
    "WITH RECURSIVE r(m) AS (SELECT mrn FROM visits UNION SELECT m || '' FROM r) SELECT m FROM r",
    "WITH RECURSIVE r(m) AS (SELECT mrn FROM visits UNION ALL TABLE r) CYCLE m SET l USING p SELECT p::text FROM r",
    "SELECT (SELECT mrn || '' FROM patients ORDER BY id LIMIT 1)",
    "SELECT JSON_OBJECT('a': mrn)::text FROM patients",
    "SELECT JSON_ARRAY(SELECT mrn FROM patients)::text",
    "SELECT JSON_ARRAY(SELECT p.mrn FROM patients p ORDER BY p.mrn RETURNING jsonb)::text",
    "SELECT JSON_ARRAY(WITH c AS (SELECT mrn FROM patients) SELECT * FROM c)::text",
    "SELECT JSON_ARRAY(SELECT mrn FROM patients UNION SELECT mrn FROM visits)::text",
    "SELECT JSON_ARRAY(VALUES ((SELECT max(mrn) FROM patients)))::text",
    "SELECT JSON_ARRAY(SELECT v.mrn FROM visits v WHERE v.mrn = p.mrn)::text FROM patients p",
    "SELECT JSON_ARRAY(SELECT x FROM LATERAL (SELECT p.mrn AS x) s)::text FROM patients p",
    "SELECT JSON_ARRAY(SELECT m FROM patients AS q(i, m))::text",
    "SELECT JSON_ARRAY(SELECT x FROM unnest(ARRAY(SELECT mrn FROM patients)) x)::text",
    "SELECT mrn::varchar(8)::bytea::text FROM patients",
    "SELECT x FROM patients p, regexp_split_to_table(p.mrn, '-') AS x",
    "SELECT j::text || '' FROM (patients JOIN visits USING (mrn)) AS j",
    "SELECT unnest(array_agg(mrn))::varchar(8) || '' FROM patients",
]
# Guesses: whether they find a row tells whether a stored value begins or compares so.
GUESSES = [
    "SELECT count(*) FROM patients WHERE mrn LIKE '{canary}%'",
    "SELECT count(*) FROM patients WHERE mrn ~ '^{canary}'",
    "SELECT count(*) FROM patients WHERE left(mrn, 6) = '{canary}'",
    "SELECT count(*) FROM patients WHERE ROW(mrn)::text LIKE '%{canary}%'",
    "SELECT count(*) FROM patients WHERE ROW(mrn)::text = '({canary}01)'",
    "SELECT count(*) FROM patients WHERE ROW(mrn, 1)::text = '({canary}01,1)'",
    "SELECT count(*) FROM patients WHERE to_jsonb(mrn) = '\"{canary}01\"'",
    'SELECT count(*) FROM patients p WHERE to_jsonb(p) @> \'{{"mrn": "{canary}01"}}\'',
    "SELECT count(*) FROM patients p WHERE to_jsonb(p) ->> 'mrn' LIKE '{canary}%'",
    (
        "SELECT count(*) FROM (SELECT row_to_json(s)::jsonb AS j FROM (SELECT mrn FROM patients) s) t"
        ' WHERE j IN (\'{{"mrn": "{canary}01"}}\')'
    ),
    "SELECT count(*) FROM (SELECT ROW(mrn, 1) AS r FROM patients) s WHERE r < ROW('{canary}02'::varchar, 1)",
    "SELECT count(*) FROM patients WHERE mrn = 'CAN' || 'ARY01'",
    "SELECT count(*) FROM patients WHERE starts_with(mrn, '{canary}')",
    "SELECT count(*) FROM patients WHERE account / 1000 = 77000",
    "SELECT count(*) FROM (VALUES ('{canary}01'::varchar(8))) v(x) JOIN patients ON mrn = x",
    "SELECT count(*) FROM patients WHERE mrn < ANY (ARRAY['{canary}02'])",
    "SELECT count(*) FROM patients WHERE mrn < (SELECT '{canary}02' || '' FROM codes LIMIT 1)",
]


@pytest.fixture(scope="module")
def oracle(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenOracle]:
    """The two databases."""
    with token_oracle(clinic, tmp_path_factory.mktemp("policy"), "attacked") as made:
        yield made


@pytest.mark.parametrize("text", THEFTS)
def test_computing_with_a_token_is_refused_and_would_show_it(oracle: TokenOracle, text: str) -> None:
    """On stored values it gives them away; the planner does not let it go."""
    assert CANARY.lower() in _cells(oracle.stored, text).lower().replace(_hexadecimal(CANARY), CANARY.lower())
    with pytest.raises(Refusal) as refused:
        oracle.plan(text)
    assert refused.value.reason == "token"
    assert CANARY not in f"{refused.value.message}{refused.value.detail}{refused.value.hint}"


@pytest.mark.parametrize("text", GUESSES)
def test_guessing_stored_values_is_refused(oracle: TokenOracle, text: str) -> None:
    """On stored values it finds rows; the planner does not let it go."""
    guess = text.format(canary=CANARY)
    assert _cells(oracle.stored, guess) != "[(0,)]"
    with pytest.raises(Refusal):
        oracle.plan(guess)


def test_a_stored_value_as_a_literal_or_parameter_finds_nothing(oracle: TokenOracle) -> None:
    """Whoever knows a medical record number learns nothing from asking for it, and raises nothing."""
    number = f"{CANARY}01"
    for text in (
        f"SELECT count(*) FROM patients WHERE mrn = '{number}'",
        f"SELECT count(*) FROM patients WHERE mrn IN ('{number}', '{CANARY}02')",
        f"SELECT count(*) FROM patients WHERE mrn = ANY ('{{{number}}}')",
        f"SELECT count(*) FROM (VALUES ('{number}')) v(x) JOIN patients ON mrn = x",
        f"WITH v AS (SELECT '{number}' AS x) SELECT count(*) FROM v JOIN patients ON mrn = x",
        f"SELECT count(*) FROM patients WHERE (mrn, id) = ('{number}', 1)",
    ):
        assert oracle.answers(text)[0] == ["[0]"]
    assert oracle.answers("SELECT count(*) FROM patients WHERE mrn = $1", [number])[0] == ["[0]"]
    assert oracle.answers("SELECT count(*) FROM patients WHERE mrn = ANY ($1::text[])", [[number]])[0] == ["[0]"]


def test_order_does_not_tell_which_value_is_less(oracle: TokenOracle) -> None:
    """Sorted tokens, and the first and last of them, do not come in the order of what they stand for."""
    plan = oracle.plan("SELECT mrn FROM patients ORDER BY mrn")
    stored = [row[0] for row in oracle.stored.execute(plan.text.encode())]
    assert sorted(stored) != stored
    least = oracle.plan("SELECT min(mrn) FROM patients")
    assert oracle.stored.execute(least.text.encode()).fetchall() == [(stored[0],)]


def test_a_star_over_a_changed_table_does_not_shift_the_tokens(oracle: TokenOracle) -> None:
    """A plan says of each column of its result what it is, so a result of another width cannot pass for it."""
    plan = oracle.plan("SELECT c.*, coalesce(p.mrn, 'x') FROM codes c, patients p")
    assert plan.tokens == (None, None, None, TokenCells(MRN))


def _cells(session: psycopg.Connection, text: str) -> str:
    return str(session.execute(text.encode()).fetchall())


def _hexadecimal(text: str) -> str:
    return text.encode().hex()


def test_the_fake_tokens_hide_their_values() -> None:
    """The canary that the tests look for is not in the tokens themselves."""
    assert CANARY not in VOCABULARY.token(MRN, f"{CANARY}01")
