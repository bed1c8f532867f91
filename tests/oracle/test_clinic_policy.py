"""The worked example of ``policies/clinic`` on the clinic itself.

Owns: that it fits, and that each of its masks runs over every row. Must not know: the planner, the proxy.
Invariant: every column of every table of the clinic is in the policy.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.catalog.introspect import introspect
from proxy.catalog.snapshot import Snapshot
from proxy.policy.bound import BoundPolicy, bind
from proxy.policy.coverage import STORED
from proxy.policy.load import load_policy
from proxy.policy.mask_sql import scan_expression
from proxy.policy.masks import Deny, Hidden, Token
from proxy.policy.sql_text import quote_identifier
from proxy.tokens.types import TokenFormat
from tests.support.postgres import Clinic

POLICY = Path(__file__).parents[2] / "policies" / "clinic"
_TEXT = (25, -1)
ROLES = ["analyst", "billing", "clinician", "partner_acme", "researcher"]


@pytest.fixture(scope="module")
def snapshot(clinic: Clinic) -> Snapshot:
    """The clinic's catalog."""
    server = clinic.superuser()
    return asyncio.run(introspect({**server}, clinic.database))


@pytest.fixture(scope="module")
def bound(snapshot: Snapshot) -> BoundPolicy:
    """The policy on it."""
    return bind(load_policy(POLICY), snapshot)


def test_every_column_has_a_kind(bound: BoundPolicy, snapshot: Snapshot) -> None:
    """Nothing of the clinic is hidden by accident, and who sees everything is unrestricted."""
    assert bound.role_names == tuple(ROLES)
    clinician = bound.role("clinician")
    assert clinician is not None
    assert not clinician.restricted
    for relation in snapshot.relations:
        if relation.kind in STORED:
            assert clinician.access(relation).clear, relation.qualified_name
    for name in ROLES:
        role = bound.role(name)
        assert role is not None
        assert role.restricted == (name != "clinician")


@pytest.mark.parametrize("name", ROLES)
def test_every_mask_runs_over_every_row(clinic: Clinic, bound: BoundPolicy, name: str) -> None:
    """No stored value makes a mask fail, and RowDescription names each column's own type and type modifier, or text."""
    role = bound.role(name)
    assert role is not None
    with clinic.connect() as connection:
        for relation in bound.snapshot.relations:
            access = role.access(relation)
            shown = [d for d in access.columns if not isinstance(d.mask, Deny | Hidden)]
            if not access.readable or relation.kind not in STORED or relation.name == "patients_per_zip":
                continue
            table = f"{quote_identifier(relation.schema)}.{quote_identifier(relation.name)}"
            columns = ", ".join(quote_identifier(d.column.name) for d in shown)
            masked = ", ".join(
                f"{scan_expression(d.mask, d.column)} AS {quote_identifier(d.column.name)}" for d in shown
            )
            plain = connection.pgconn.exec_(f"SELECT {columns} FROM {table} LIMIT 0".encode())
            result = connection.pgconn.exec_(f"SELECT * FROM (SELECT {masked} FROM {table}) p".encode())
            assert not result.error_message, result.error_message.decode()
            for number in range(plain.nfields):
                assert result.fname(number) == plain.fname(number)
                mask = shown[number].mask
                longer = isinstance(mask, Token) and mask.format is TokenFormat.TEXT
                own = (plain.ftype(number), plain.fmod(number))
                assert (result.ftype(number), result.fmod(number)) == (_TEXT if longer else own)
