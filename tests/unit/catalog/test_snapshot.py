"""When two catalogs are the same for a statement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot, ValueCall


def table(oid: int, schema: str, name: str, stamp: str = "1") -> Relation:
    """A table without columns."""
    return Relation(oid, schema, name, RelationKind.TABLE, (), stamp=stamp)


MENTIONED = table(1, "a", "both")
OTHERS = (table(2, "b", "both"), table(3, "b", "only"))
BEFORE = Snapshot("db", "1", 160004, (MENTIONED, *OTHERS), frozenset({"a", "b"}))


def test_relations_are_found_by_oid_and_by_name() -> None:
    """Names are exact, and a relation is called by its schema and name."""
    assert BEFORE.by_name["a", "both"] is BEFORE.by_oid[1] is MENTIONED
    assert MENTIONED.qualified_name == "a.both"


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        replace(BEFORE, version="2"),
        replace(BEFORE, version="2", relations=(MENTIONED, OTHERS[0])),
        replace(BEFORE, version="2", relations=(MENTIONED, OTHERS[0], table(3, "b", "only", "2"))),
        replace(BEFORE, version="2", relations=(MENTIONED, *OTHERS, table(4, "b", "new"))),
    ],
)
def test_changes_elsewhere_do_not_matter(after: Snapshot) -> None:
    """What a statement does not name may change, come and go."""
    assert BEFORE.agrees(after, {"a.both"})


@pytest.mark.parametrize(
    "after",
    [
        replace(BEFORE, relations=OTHERS),
        replace(BEFORE, relations=(table(5, "a", "both"), *OTHERS)),
        replace(BEFORE, relations=(table(1, "a", "both", "2"), *OTHERS)),
        replace(BEFORE, relations=(MENTIONED, *OTHERS, table(4, "c", "both"))),
        replace(BEFORE, relations=(MENTIONED, table(2, "b", "moved"), OTHERS[1])),
        replace(BEFORE, schemas=frozenset({"a", "b", "c"})),
        replace(BEFORE, functions=frozenset({("a", "lower")})),
        replace(BEFORE, operators=frozenset({("a", "=")})),
        replace(BEFORE, type_calls=frozenset({("a", "t", "a", "f")})),
        replace(BEFORE, unasked_calls=frozenset({("a", "f", True)})),
        replace(BEFORE, value_calls=frozenset({ValueCall(1, "a", "f", by_cast=True)})),
        replace(BEFORE, volatile=frozenset({("a", "f")})),
        replace(BEFORE, system_functions=frozenset({"f"})),
        replace(BEFORE, relations=(MENTIONED, *OTHERS, replace(table(4, "b", "child"), parents=(1,)))),
        replace(BEFORE, relations=(MENTIONED, OTHERS[0], replace(OTHERS[1], parents=(1,)))),
    ],
)
def test_changes_of_what_is_named_matter(after: Snapshot) -> None:
    """So do relations of the same name in other schemas, and functions and the like, which have no list of users."""
    assert not BEFORE.agrees(after, {"a.both"})


def test_a_family_has_all_generations() -> None:
    """Children follow their parents, however deep, each once."""
    child, grandchild = replace(table(4, "b", "x"), parents=(1, 2)), replace(table(5, "b", "y"), parents=(4,))
    snapshot = replace(BEFORE, relations=(grandchild, child, MENTIONED, *OTHERS))
    assert list(snapshot.family([MENTIONED, OTHERS[0]])) == [1, 2, 4, 5]
    assert snapshot.family([]) == {}
