"""Names that come to stand for other columns than the policy was written for, and those that honestly may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.catalog.snapshot import Column, Relation, RelationKind, Snapshot
from proxy.policy.bound import BoundPolicy, bind
from proxy.policy.load import load_policy
from proxy.policy.masks import Clear, Hidden, Nullify
from proxy.policy.model import Policy
from tests.support.shown import TEXT

POLICY = """
version: 1
kinds:
  key: {mask: clear}
  ssn: {mask: nullify}
tables:
  app.people: {columns: {id: key, ssn: ssn, sex: clear, city: clear}}
  open.*: {columns: clear}
roles:
  analyst: {reads: ["*"], masks: {app.people.city: nullify}}
"""
PEOPLE = Relation(
    20001,
    "app",
    "people",
    RelationKind.TABLE,
    tuple(Column(name, number, TEXT) for number, name in enumerate(("id", "ssn", "sex", "city"), 1)),
)
CHILD = replace(PEOPLE, oid=20002, schema="open", name="old_people", parents=(20001,))
ORDERS = Relation(20003, "open", "orders", RelationKind.TABLE, (Column("id", 1, TEXT), Column("sum", 2, TEXT)))


def catalog(*relations: Relation) -> Snapshot:
    """A catalog of these relations."""
    return Snapshot("db", "1", 160004, relations, frozenset({"app", "open"}))


def renamed(relation: Relation, **names: str) -> Relation:
    """The same relation with columns of other names."""
    columns = tuple(replace(c, name=names.get(c.name, c.name)) for c in relation.columns)
    return replace(relation, columns=columns)


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """The policy."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return load_policy(path)


@pytest.fixture
def before(policy: Policy) -> BoundPolicy:
    """The policy as it came into force."""
    return bind(policy, catalog(PEOPLE, CHILD, ORDERS))


def shown(policy: Policy, before: BoundPolicy, *relations: Relation) -> dict[str, str]:
    """What the analyst sees of each column of the first relation of the next catalog."""
    after = bind(policy, catalog(*relations), strict=False, memory=before.memory)
    role = after.role("analyst")
    assert role is not None
    words = {Clear: "clear", Nullify: "masked", Hidden: "hidden"}
    return {d.column.name: words[type(d.mask)] for d in role.access(relations[0]).columns}


def test_nothing_has_changed(policy: Policy, before: BoundPolicy) -> None:
    """The same catalog again gives the same decisions."""
    expected = {"id": "clear", "ssn": "masked", "sex": "clear", "city": "masked"}
    assert shown(policy, before, PEOPLE) == expected


def test_swapped_names(policy: Policy, before: BoundPolicy) -> None:
    """The column that was masked is hidden under the other's name, in the table and in its children."""
    expected = {"id": "clear", "sex": "hidden", "ssn": "masked", "city": "masked"}
    people, child = renamed(PEOPLE, ssn="sex", sex="ssn"), renamed(CHILD, ssn="sex", sex="ssn")
    assert shown(policy, before, people) == expected
    assert shown(policy, before, child, people) == expected


def test_a_column_that_a_role_names(policy: Policy, before: BoundPolicy) -> None:
    """A column that is clear but for a role's own mask does not lose that mask by another name."""
    expected = {"id": "clear", "ssn": "masked", "city": "masked", "sex": "hidden"}
    assert shown(policy, before, renamed(PEOPLE, sex="city", city="sex")) == expected


def test_it_is_reported_until_the_policy_is_loaded_again(policy: Policy, before: BoundPolicy) -> None:
    """The problem stays through later catalogs; a policy that is loaded anew takes names as they are."""
    swapped = catalog(renamed(PEOPLE, ssn="sex", sex="ssn"))
    after = bind(policy, swapped, strict=False, memory=before.memory)
    again = bind(policy, swapped, strict=False, memory=after.memory)
    assert after.problems == again.problems
    assert ["app.people.sex was app.people.ssn when the policy was loaded" in p for p in again.problems] == [True]
    assert bind(policy, swapped).problems == ()


def test_a_table_under_another_entry(policy: Policy, before: BoundPolicy) -> None:
    """What had a kind of its own is not clear in a schema that is clear: renamed, moved, or let go by its parent."""
    moved = replace(PEOPLE, schema="open", name="patients")
    assert shown(policy, before, moved) == {"id": "hidden", "ssn": "hidden", "sex": "clear", "city": "hidden"}
    alone = replace(CHILD, parents=())
    assert shown(policy, before, alone, PEOPLE) == {"id": "hidden", "ssn": "hidden", "sex": "clear", "city": "hidden"}


def test_a_table_made_anew(policy: Policy, before: BoundPolicy) -> None:
    """A table with another OID is judged by its names, also where it was another clear table before."""
    columns = tuple(reversed([replace(c, number=5 - c.number) for c in PEOPLE.columns]))
    expected = {"id": "clear", "ssn": "masked", "sex": "clear", "city": "masked"}
    assert shown(policy, before, replace(PEOPLE, oid=20009, columns=columns)) == expected
    built = replace(PEOPLE, oid=20009, schema="open", name="people_tmp")
    between = bind(policy, catalog(PEOPLE, built), strict=False, memory=before.memory)
    old = replace(PEOPLE, schema="open", name="people_old")
    swapped = replace(built, schema="app", name="people")
    assert shown(policy, between, swapped, old) == expected
    assert shown(policy, between, old, swapped)["ssn"] == "hidden"


def test_a_column_made_anew(policy: Policy, before: BoundPolicy) -> None:
    """A column that takes a dropped one's name (a change of type, step by step) has that name's kind."""
    columns = (*(c for c in PEOPLE.columns if c.name != "ssn"), Column("ssn_new", 5, TEXT))
    with_both = bind(policy, catalog(replace(PEOPLE, columns=columns)), strict=False, memory=before.memory)
    after = renamed(replace(PEOPLE, columns=columns), ssn_new="ssn")
    assert shown(policy, with_both, after)["ssn"] == "masked"


def test_clear_columns_are_renamed_freely(policy: Policy, before: BoundPolicy) -> None:
    """In a schema that is clear names may change."""
    assert shown(policy, before, renamed(ORDERS, sum="total", id="number")) == {"number": "clear", "total": "clear"}


def test_what_is_gone_is_forgotten(policy: Policy, before: BoundPolicy) -> None:
    """An OID that is given to another table later says nothing about that one."""
    without = bind(policy, catalog(ORDERS), strict=False, memory=before.memory)
    assert set(without.memory.columns) == {(20003, 1), (20003, 2)}
