"""No condition of a statement is evaluated on what a mask should have hidden from it.

Must not know: the proxy as a process; statements are planned here and explained by the server itself. Invariant: below
a masking subquery each protected column bears another name, and the mask is a function of it that the server cannot
look into; so its plan tells every place where a stored value is looked at, and each must be that function's call.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from proxy.catalog.introspect import ConnectParameters, introspect
from proxy.catalog.snapshot import RelationKind, Snapshot
from proxy.errors import Refusal
from proxy.planner import masking
from proxy.planner.plan import Decision, StatementKind
from proxy.planner.planner import Planner
from proxy.policy.bound import BoundRole, RelationAccess, bind
from proxy.policy.load import load_policy
from proxy.policy.mask_sql import scan_expression
from proxy.policy.masks import Clear, Deny, Hidden, Nullify
from tests.support.copy_structure import exists, name_of
from tests.support.corpus import load_corpus
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, copied_database

ROLES = ("analyst", "billing", "researcher", "partner_acme", "contrarian")
CORPUS_ROLES = ("analyst", "contrarian")
PATH = ("clinic", "sales", "reference", "public")
STORED = "stored_"
STATEMENTS = load_corpus("clinic")
_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE, RelationKind.MATERIALIZED_VIEW})
# What the server decides by, and not what it merely hands on (VERBOSE's Output).
DECIDES = re.compile(r"Filter|Cond|Key|Call|Order By")
SEARCHES = re.compile(r"Index Cond|Recheck Cond|Order By")
MASK = "pgveil_test_mask"
MASKED = re.compile(rf"\b{MASK}\(([\w ]+\.)?{STORED}\w+\)")
OPAQUE = f"""
    CREATE FUNCTION pg_catalog.{MASK}(anyelement) RETURNS anyelement IMMUTABLE LANGUAGE plpgsql
    AS $$ BEGIN RETURN $1; END $$
"""
SHAPES = [
    "SELECT 1 FROM clinic.patients WHERE ssn = '***-**-0042'",
    "SELECT 1 FROM clinic.patients WHERE ssn LIKE '%42' AND patient_id = 7 AND zip > '03'",
    "SELECT 1 FROM clinic.patients p JOIN clinic.claims c ON c.subscriber_ssn = p.ssn AND c.amount > 100",
    "SELECT 1 FROM clinic.patients p, LATERAL (SELECT FROM clinic.notes n WHERE n.body LIKE p.last_name || '%') x",
    "SELECT 1 FROM clinic.active_patients a WHERE a.last_name = 'K.' OR a.phone IS NULL",
    "SELECT 1 FROM clinic.active_patient_summary s WHERE s.last_admitted_at > '2024-05-01' AND s.zip = '03700'",
    "SELECT 1 FROM clinic.encounters WHERE admitted_at >= '2024-01-01' AND admitted_at < '2024-06-01'",
    "SELECT 1 FROM clinic.patients p WHERE EXISTS (SELECT FROM clinic.encounters e WHERE e.mrn = p.mrn)",
    "SELECT 1 FROM clinic.patients p WHERE p.dob NOT IN (SELECT diagnosed_on FROM clinic.diagnoses)",
    "SELECT max(dob) FROM clinic.patients GROUP BY zip HAVING min(ssn) > '5' ORDER BY zip, max(last_name)",
    "SELECT row_number() OVER (PARTITION BY zip ORDER BY dob) FROM clinic.patients ORDER BY ssn LIMIT 3",
    "SELECT 1 FROM clinic.patients WHERE 1 / nullif(length(last_name) - 8, 0) > 0 AND last_name ~ '^K'",
    "SELECT 1 FROM clinic.patients WHERE clinic.age_at(dob, '2025-01-01') > 90",
    "SELECT 1 FROM clinic.patients p LEFT JOIN clinic.patients q ON q.ssn = p.ssn AND q.dob < p.dob WHERE q IS NULL",
    "SELECT 1 FROM clinic.patients p FULL JOIN clinic.claims c ON c.subscriber_ssn = p.ssn",
    "SELECT 1 FROM clinic.patients WHERE (ssn, zip) IN (SELECT subscriber_ssn, '03700' FROM clinic.claims)",
    "SELECT 1 FROM clinic.patients WHERE ssn = ANY (ARRAY(SELECT subscriber_ssn FROM clinic.claims))",
    "WITH m AS MATERIALIZED (SELECT * FROM clinic.patients) SELECT 1 FROM m WHERE ssn LIKE '9%' ORDER BY dob",
    "SELECT count(*) FILTER (WHERE ssn LIKE '9%') FROM clinic.patients GROUP BY ROLLUP (zip, dob)",
    "SELECT 1 FROM clinic.patients WHERE mrn = 'M' OR mrn LIKE 'M%' OR mrn BETWEEN 'A' AND 'B'",
    "SELECT 1 FROM clinic.patients WHERE zip IS NULL OR phone IS NOT NULL ORDER BY email NULLS FIRST LIMIT 1",
    "SELECT DISTINCT ON (zip) ssn FROM clinic.patients ORDER BY zip, ssn USING >",
    "SELECT DISTINCT last_name, zip FROM clinic.patients UNION SELECT body, 'x' FROM clinic.notes",
]


@dataclass(slots=True)
class Shown:
    """In place of ``masking.visible_columns``: the stored columns under their other names, as the role sees them.

    ``opaque``: through a function that the server cannot look into, so that its calls are found in every plan. Else
    through the masks themselves, which the server may take apart as it does in earnest.
    """

    opaque: bool = True

    def __call__(self, access: RelationAccess, needed: frozenset[str] | None) -> Iterator[tuple[str, str]]:
        for decision in access.columns:
            column, mask = decision.column, decision.mask
            if isinstance(mask, Deny | Hidden) or (needed is not None and column.name not in needed):
                continue
            stored = column if isinstance(mask, Clear) else replace(column, name=STORED + column.name)
            if self.opaque and not isinstance(mask, Clear | Nullify):
                yield column.name, f'pg_catalog.{MASK}("{stored.name}")::{column.type.sql}'
            else:
                yield column.name, scan_expression(mask, stored)


@dataclass(frozen=True, slots=True)
class Explained:
    """A database whose masked columns are renamed, for each role, and planners that know of it."""

    connections: dict[str, psycopg.Connection]
    planners: dict[tuple[str, bool], Planner]
    shown: Shown

    def plan(self, text: str, role: str, *, opaque: bool = True) -> dict[str, Any] | None:
        """The server's plan; None where nothing is rewritten, or it has parameters."""
        self.shown.opaque = opaque
        try:
            plan = self.planners[role, opaque].plan(text, PATH)
        except Refusal:
            return None
        if plan.decision is not Decision.REWRITTEN or plan.kind is not StatementKind.SELECT or "$1" in plan.text:
            return None
        return self.explained(plan.text, role)

    def explained(self, text: str, role: str) -> dict[str, Any]:
        """The server's plan of a text that is sent as it is."""
        explain = f"EXPLAIN (FORMAT JSON, COSTS OFF, VERBOSE) {text}"
        ((tree,),) = self.connections[role].execute(explain.encode()).fetchall()
        return dict(tree[0]["Plan"])


def conditions(node: dict[str, Any], keys: re.Pattern[str]) -> Iterator[str]:
    """What the server decides by under these keys, all over the plan."""
    for key, value in node.items():
        if keys.search(key):
            yield from ([value] if isinstance(value, str) else map(str, value if isinstance(value, list) else ()))
    for child in node.get("Plans", ()):
        yield from conditions(child, keys)


def unmasked(plan: dict[str, Any]) -> list[str]:
    """The conditions that look at a stored value otherwise than through its mask."""
    return [c for c in conditions(plan, DECIDES) if STORED in MASKED.sub("", c)]


def scanned(node: dict[str, Any]) -> Iterator[str]:
    """The tables that a plan reads."""
    if "Relation Name" in node:
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from scanned(child)


@pytest.fixture(scope="module")
def explained(clinic: Clinic, proxy: ProxyProcess) -> Iterator[Explained]:
    """A database for each role, whose masked columns have other names."""
    login = clinic.proxy_login()
    parameters = ConnectParameters(
        host=login["host"], port=login["port"], user=login["user"], password=login["password"], ssl=False
    )
    snapshot = asyncio.run(introspect(parameters, proxy.database))
    policy = bind(load_policy(proxy.policy), snapshot)
    made = Explained({}, {}, Shown())
    with ExitStack() as kept:
        kept.enter_context(pytest.MonkeyPatch.context()).setattr(masking, "visible_columns", made.shown)
        for role in ROLES:
            bound = policy.role(role)
            assert bound is not None
            database = kept.enter_context(copied_database(clinic, f"explained_for_{role}"))
            connection = kept.enter_context(clinic.connect(database=database))
            connection.execute("SET search_path = ''; SET allow_system_table_mods = on")
            connection.execute(OPAQUE)
            _rename(connection, snapshot, bound)
            made.connections[role] = connection
            made.planners.update({(role, opaque): Planner(policy, bound) for opaque in (True, False)})
        yield made


def _rename(connection: psycopg.Connection, snapshot: Snapshot, role: BoundRole) -> None:
    for relation in snapshot.relations:
        if relation.kind not in _TABLES or not exists(role.access(relation)):
            continue
        for decision in role.access(relation).columns:
            name = decision.column.name
            inherited = any(snapshot.by_oid[p].column(name) is not None for p in relation.parents)
            if not inherited and not isinstance(decision.mask, Clear):
                names = (name_of(relation), sql.Identifier(name), sql.Identifier(STORED + name))
                connection.execute(sql.SQL("ALTER TABLE {} RENAME COLUMN {} TO {}").format(*names))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("text", SHAPES)
def test_conditions_see_masks_only(explained: Explained, text: str, role: str) -> None:
    """Filters, index conditions, join conditions, sort keys and group keys hold the mask's call or nothing."""
    plan = explained.plan(text, role)
    assert plan is not None or any(explained.plan(text, other) is not None for other in ROLES)
    assert plan is None or not unmasked(plan)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("text", SHAPES)
def test_no_index_is_asked_for_a_stored_value(explained: Explained, text: str, role: str) -> None:
    """Nor for a part of the mask that the server could have taken out of it."""
    plan = explained.plan(text, role, opaque=False)
    assert plan is None or not [c for c in conditions(plan, SEARCHES) if STORED in c]


@pytest.mark.parametrize("role", CORPUS_ROLES)
def test_conditions_of_the_corpus_see_masks_only(explained: Explained, role: str) -> None:
    """The same for every statement of the corpus that is rewritten."""
    plans = {s.name: plan for s in STATEMENTS if (plan := explained.plan(s.text, role)) is not None}
    assert not [(name, found) for name, plan in plans.items() if (found := unmasked(plan))]
    assert len(plans) > len(STATEMENTS) // 3
    through_masks = [c for plan in plans.values() for c in conditions(plan, DECIDES) if MASKED.search(c)]
    assert len(through_masks) > len(plans) // 3


def test_partitions_are_not_left_out_by_stored_values(explained: Explained) -> None:
    """A condition on the masked partition key reads all partitions, where one on the stored key reads some."""
    condition = "admitted_at >= '2024-01-01' AND {stored}admitted_at < '2024-02-01'"
    text = "SELECT 1 FROM clinic.encounters WHERE {stored}" + condition
    masked = explained.plan(text.format(stored=""), "analyst")
    everything = explained.plan("SELECT admitted_at FROM clinic.encounters", "analyst")
    assert masked is not None
    assert everything is not None
    assert sorted(scanned(masked)) == sorted(scanned(everything))
    assert len(list(scanned(explained.explained(text.format(stored=STORED), "analyst")))) < len(list(scanned(masked)))


def test_the_test_sees_what_is_wrong(explained: Explained) -> None:
    """A statement that looks at a stored value is found out, in a filter, in a sort key and in an index condition."""
    text = "SELECT 1 FROM clinic.patients WHERE stored_ssn LIKE '9%' ORDER BY stored_zip"
    assert len(unmasked(explained.explained(text, "analyst"))) == 2
    explained.connections["analyst"].execute("SET enable_seqscan = off")
    plan = explained.explained("SELECT 1 FROM clinic.patients WHERE stored_mrn = 'M'", "analyst")
    explained.connections["analyst"].execute("RESET enable_seqscan")
    assert [c for c in conditions(plan, SEARCHES) if STORED in c]
