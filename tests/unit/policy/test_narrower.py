"""Which role is no wider than another."""

from __future__ import annotations

import dataclasses
from itertools import product
from pathlib import Path

import pytest

from proxy.catalog.snapshot import ColumnType, TypeCategory
from proxy.policy.bound import BoundPolicy, BoundRole, ColumnDecision, RelationAccess, bind
from proxy.policy.load import load_policy
from proxy.policy.model import Role
from proxy.policy.narrower import wider
from tests.support.catalog import catalog, relation

TEXT = ColumnType(25, -1, "text", TypeCategory.TEXT)
INT4 = ColumnType(23, -1, "integer", TypeCategory.INTEGER)

POLICY = """
version: 1
domains: {patient: {}, acme: {}}
kinds:
  key: {mask: clear}
  name: {mask: {partial: {show_first: 1}}}
  mrn: {mask: {token: {domain: patient}}}
tables:
  clinic.people: {columns: {id: key, name: name, mrn: mrn}}
  clinic.rooms: {columns: clear}
roles:
  all: {reads: [clinic.*], masks: {"*": clear}, writes: [clinic.rooms]}
  plain: {reads: [clinic.*]}
  same: {reads: [clinic.*]}
  less: {reads: [clinic.people], masks: {name: nullify, mrn: deny}}
  rooms: {reads: [clinic.rooms]}
  writer: {reads: [clinic.rooms], writes: [clinic.rooms]}
  other_mask: {reads: [clinic.*], masks: {name: {partial: {show_first: 2}}}}
  other_domain: {reads: [clinic.*], masks: {mrn: {token: {domain: acme}}}}
  constant: {reads: [clinic.*], masks: {name: {constant: x}}}
"""
NARROWER = {
    "all": set[str](),
    "plain": {"all", "same"},
    "same": {"all", "plain"},
    "less": {"all", "plain", "same", "other_mask", "other_domain", "constant"},
    "rooms": {"all", "plain", "same", "other_mask", "other_domain", "constant", "writer"},
    "writer": {"all"},
    "other_mask": {"all"},
    "other_domain": {"all"},
    "constant": {"all"},
}


@pytest.fixture
def bound(tmp_path: Path) -> BoundPolicy:
    """The policy on a catalog with its two tables."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    people = relation("clinic.people", {"id": INT4, "name": TEXT, "mrn": TEXT})
    return bind(load_policy(path), catalog([people, relation("clinic.rooms", {"id": INT4})]))


def role(bound: BoundPolicy, name: str) -> BoundRole:
    """A role that there is."""
    found = bound.role(name)
    assert found is not None
    return found


def test_each_pair(bound: BoundPolicy) -> None:
    """A role is narrower than exactly those that see all of it: as it is, or in clear; and than itself."""
    for one, other in product(NARROWER, NARROWER):
        narrower = wider(role(bound, one), role(bound, other), bound.snapshot) is None
        assert narrower is (one == other or other in NARROWER[one]), (one, other)


def test_what_is_wider_is_named(bound: BoundPolicy) -> None:
    """The first relation or column, by name, without a value."""
    said = {
        ("plain", "less"): "sees more of clinic.people.name",
        ("rooms", "less"): "reads clinic.rooms",
        ("writer", "rooms"): "writes clinic.rooms",
        ("other_domain", "plain"): "sees more of clinic.people.mrn",
    }
    for (one, other), words in said.items():
        assert wider(role(bound, one), role(bound, other), bound.snapshot) == words


def test_nothing_of_a_role_is_forgotten() -> None:
    """Whatever a role comes to be made of must be compared: a new field fails here until it is."""

    def names(thing: type) -> set[str]:
        return {field.name for field in dataclasses.fields(thing)}

    assert names(RelationAccess) == {"readable", "writable", "columns", "clear", "known"}
    assert names(ColumnDecision) == {"column", "kind", "mask", "rule", "safe_harbor"}
    assert names(Role) == {
        "name", "reads", "writes", "functions", "column_masks", "kind_masks", "other_masks", "detokenize", "location",
    }  # fmt: skip
