"""Index use: equality on a token column is still answered by the column's own index.

Must not know: how plans are made. Invariant: the planner of Postgres decides, on a table large enough to need an index.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Clinic
from tests.support.token_oracle import TokenOracle, token_oracle, with_tokens


@pytest.fixture(scope="module")
def oracle(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenOracle]:
    """The stored values, with many more patients."""
    with token_oracle(clinic, tmp_path_factory.mktemp("policy"), "indexed") as made:
        made.stored.execute(
            "INSERT INTO patients (id, mrn, age, account, device) SELECT n, 'N' || n, n % 90, n, gen_random_uuid() "
            "FROM generate_series(1000, 6000) AS n"
        )
        made.stored.execute("INSERT INTO visits (id, mrn) SELECT n, 'N' || n FROM generate_series(1000, 6000) AS n")
        made.stored.execute("ANALYZE")
        yield made


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("SELECT * FROM patients WHERE mrn = 'TOK1'", "patients_mrn_key"),
        ("SELECT id FROM patients WHERE mrn IN ('TOK1', 'TOK2')", "patients_mrn_key"),
        ("SELECT id FROM patients WHERE mrn = ANY ('{TOK1,TOK2}'::text[])", "patients_mrn_key"),
        ("SELECT id FROM visits WHERE mrn = 'TOK1'", "visits_mrn_idx"),
        ("SELECT age FROM patients WHERE account = ACC1", "patients_account_idx"),
        ("SELECT age FROM patients WHERE device = 'DEV1'", "patients_device_idx"),
        ("SELECT v.id FROM patients p JOIN visits v ON v.mrn = p.mrn WHERE p.id = 7", "visits_mrn_idx"),
        ("SELECT count(*) FROM front WHERE who = 'TOK3'", "patients_mrn_key"),
    ],
)
def test_equality_uses_the_index(oracle: TokenOracle, text: str, index: str) -> None:
    """The plan names the index of the stored column."""
    plan = oracle.plan(with_tokens(text))
    lines = [row[0] for row in oracle.stored.execute(f"EXPLAIN {plan.text}".encode())]
    assert index in "\n".join(lines)
