"""A plan filled from a template is the plan that would be made for the text itself.

Must not know: how constants are found. Invariant: whatever stands in a constant's place, both ways give the same tree
upstream and the same decision.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.catalog.introspect import ConnectParameters, introspect
from proxy.catalog.snapshot import Snapshot
from proxy.errors import Refusal
from proxy.planner import grammar
from proxy.planner.constants import cut, with_constants
from proxy.planner.fidelity import first_difference
from proxy.planner.plan import Plan
from proxy.planner.planner import Planner
from proxy.policy.bound import bind
from proxy.policy.load import load_policy
from tests.support.corpus import CorpusStatement, load_corpus
from tests.support.postgres import Clinic

POLICY = Path(__file__).parents[2] / "policies" / "clinic"
PATH = ("clinic", "sales", "reference", "public")
STATEMENTS = [s for folder in ("clinic", "catalogs", "refused") for s in load_corpus(folder)]
INTEGERS = [
    "0",
    "1",
    "2",
    "007",
    "999999999",
    "1000000000",
    "2147483648",
    "9223372036854775808",
    "99999999999999999999",
]
STRINGS = [
    "''",
    "''''",
    "'a''b'",
    "'\"'",
    "';'",
    "'é'",
    "'1'",
    "'search_path'",
    "'clinic.patients'",
    "'x'",
    "' '",
    "'$'",
]


@pytest.fixture(scope="module")
def snapshot(clinic: Clinic) -> Snapshot:
    """The clinic's catalog."""
    login = clinic.proxy_login()
    parameters = ConnectParameters(
        host=login["host"], port=login["port"], user=login["user"], password=login["password"], ssl=False
    )
    return asyncio.run(introspect(parameters, clinic.database))


def _planner(snapshot: Snapshot) -> Planner:
    bound = bind(load_policy(POLICY), snapshot)
    role = bound.role("analyst")
    assert role is not None
    return Planner(bound, role)


def _variants(text: str, chosen: random.Random) -> list[str]:
    parts = cut(text)
    if parts is None:
        return []
    shape, constants = parts
    marks = shape[1::2]
    values = [INTEGERS if mark == "0" else STRINGS if mark == "'" else None for mark in marks]
    return [
        with_constants(
            shape, tuple(c if v is None else chosen.choice(v) for c, v in zip(constants, values, strict=True))
        )
        for _ in range(4)
    ]


def _outcome(planner: Planner, text: str, *, fresh: bool) -> Plan | tuple[str, str]:
    try:
        return planner.explain(text, PATH)[0] if fresh else planner.plan(text, PATH)
    except Refusal as refusal:
        return refusal.sqlstate, refusal.message


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.name)
def test_any_constant_gives_the_same_plan(snapshot: Snapshot, statement: CorpusStatement) -> None:
    """Planned from the text, or from what similar texts have taught: the same is sent, with the same notes."""
    taught = _planner(snapshot)
    for text in [statement.text, statement.text, *_variants(statement.text, random.Random(statement.name))]:  # noqa: S311
        learned, fresh = _outcome(taught, text, fresh=False), _outcome(taught, text, fresh=True)
        if not isinstance(learned, Plan) or not isinstance(fresh, Plan):
            assert learned == fresh, text
            continue
        assert first_difference(grammar.parse(fresh.text), grammar.parse(learned.text)) is None, text
        assert replace(learned, text="", template=None) == replace(fresh, text="", template=None), text
