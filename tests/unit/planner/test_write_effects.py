"""What writes do beside their table: keys that ask or change other tables, and functions that run unasked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.catalog.snapshot import ForeignKey, ReferentialAction, Relation, Snapshot
from proxy.errors import PolicyRefusal, Refusal, UnsupportedRefusal
from proxy.planner.planner import Planner
from tests.support.small_clinic import PATIENTS, SNAPSHOT, planner

VISITS, FREE, ORDERS, OLD_ORDERS = 20002, 20003, 20004, 20040

_ASKS = ReferentialAction.NO_ACTION
INSERT, DELETE = "INSERT INTO sales.orders VALUES (1, 1)", "DELETE FROM sales.orders"
UPDATE_TOTAL, UPDATE_ID = "UPDATE sales.orders SET total = 1", "UPDATE sales.orders SET id = 1"
UPSERT = "INSERT INTO sales.orders VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET id = 2"
MERGE = "MERGE INTO sales.orders o USING sales.orders p ON o.id = p.id WHEN MATCHED THEN {}"
ALL = (INSERT, DELETE, UPDATE_TOTAL, UPDATE_ID, UPSERT, MERGE.format("DELETE"), MERGE.format("UPDATE SET total = 1"))


def key(table: int, column: str, referenced: int, other: str, action: ReferentialAction = _ASKS) -> ForeignKey:
    """A key of one column, with the same action for both."""
    return ForeignKey("a_key", table, (column,), referenced, (other,), action, action)


def analyst(folder: Path, *keys: ForeignKey, **of_orders: object) -> Planner:
    """A role that writes ``sales.orders``, sees masked patients and hidden visits, and all of other.patients."""
    relations = []
    for relation in SNAPSHOT.relations:
        mine = tuple(k for k in keys if relation.oid in (k.table, k.referenced))
        changed = replace(relation, foreign_keys=mine)
        relations.append(replace(changed, **of_orders) if relation.oid == ORDERS else changed)  # type: ignore[arg-type]
    return planner(folder, "analyst", _with(tuple(relations)))


def _with(relations: tuple[Relation, ...]) -> Snapshot:
    return replace(SNAPSHOT, relations=relations)


def refused(found: Planner, statements: tuple[str, ...]) -> set[str]:
    """Those of the statements that are refused as writes that tell or change too much."""
    told = set()
    for statement in statements:
        try:
            found.plan(statement, ())
        except Refusal as refusal:
            if refusal.reason != "write" or refusal.sqlstate != "0A000":
                raise
            told.add(statement)
    return told


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((key(ORDERS, "total", PATIENTS, "ssn"),), {INSERT, UPDATE_TOTAL, UPSERT, ALL[-1]}),
        ((key(ORDERS, "total", PATIENTS, "id"),), set()),
        ((key(ORDERS, "id", 20010, "x"),), {INSERT, UPDATE_ID, UPSERT}),
        ((key(ORDERS, "total", 99, "x"),), {INSERT, UPDATE_TOTAL, UPSERT, ALL[-1]}),
        ((key(PATIENTS, "ssn", ORDERS, "id"),), {DELETE, UPDATE_ID, UPSERT, ALL[-2]}),
        ((key(PATIENTS, "id", ORDERS, "id"),), set()),
        ((key(PATIENTS, "id", ORDERS, "id", ReferentialAction.CASCADE),), {DELETE, UPDATE_ID, UPSERT, ALL[-2]}),
        ((key(PATIENTS, "id", ORDERS, "id", ReferentialAction.SET_NULL),), {DELETE, UPDATE_ID, UPSERT, ALL[-2]}),
        ((key(FREE, "id", ORDERS, "id", ReferentialAction.CASCADE),), set()),
        ((key(ORDERS, "total", ORDERS, "id", ReferentialAction.CASCADE),), set()),
    ],
    ids=[
        "asks a masked column",
        "asks a clear column",
        "asks a table out of reach",
        "asks an unknown table",
        "asked by a masked column",
        "asked by a clear column",
        "deletes masked rows",
        "changes masked rows",
        "deletes clear rows",
        "asks itself",
    ],
)
def test_keys_that_tell_or_change_what_is_masked(
    tmp_path: Path, keys: tuple[ForeignKey, ...], expected: set[str]
) -> None:
    """Refused is what fires the key, and only where its other end is not clear to the role."""
    assert refused(analyst(tmp_path, *keys), ALL) == expected


@pytest.mark.parametrize("action", [ReferentialAction.CASCADE, ReferentialAction.SET_DEFAULT])
def test_what_follows_from_what_follows(tmp_path: Path, action: ReferentialAction) -> None:
    """A clear table's rows that go or change with the written ones ask on, also in a circle."""
    first = key(FREE, "id", ORDERS, "id", action)
    back = key(ORDERS, "id", FREE, "id", action)
    last = key(PATIENTS, "ssn", FREE, "id")
    assert refused(analyst(tmp_path, first, back), (DELETE,)) == set()
    assert refused(analyst(tmp_path, first, back, last), (DELETE,)) == {DELETE}


def test_keys_of_children(tmp_path: Path) -> None:
    """Rows of a partition are written through its parent; then any update may move a row."""
    told = key(OLD_ORDERS, "total", PATIENTS, "ssn")
    asked = key(PATIENTS, "ssn", OLD_ORDERS, "id")
    orders = SNAPSHOT.by_oid[ORDERS]
    for one, expected in ((told, {INSERT, UPDATE_ID}), (asked, {DELETE, UPDATE_TOTAL, UPDATE_ID})):
        child = replace(orders, oid=OLD_ORDERS, name="old_orders", parents=(ORDERS,), foreign_keys=(one,))
        grandchild = replace(child, oid=OLD_ORDERS + 1, name="older_orders", parents=(OLD_ORDERS,), foreign_keys=())
        found = planner(tmp_path, "analyst", _with((*SNAPSHOT.relations, child, grandchild)))
        assert expected <= refused(found, (INSERT, DELETE, UPDATE_TOTAL, UPDATE_ID))


def test_the_refusal_names_both_ends(tmp_path: Path) -> None:
    """The tables and columns of the key, and what a policy can do."""
    with pytest.raises(UnsupportedRefusal) as refusal:
        analyst(tmp_path, key(ORDERS, "total", PATIENTS, "ssn")).plan(INSERT, ())
    assert "a_key of sales.orders (total) to clinic.patients (ssn)" in (refusal.value.detail or "")
    assert "roles.analyst.writes" in (refusal.value.hint or "")


def test_functions_that_a_write_runs(tmp_path: Path) -> None:
    """They must be on the role's list, as those that it names itself."""
    with pytest.raises(PolicyRefusal, match=r"sales\.orders cannot be written") as refusal:
        analyst(tmp_path, write_calls=frozenset({("clinic", "label")})).plan(INSERT, ())
    assert refusal.value.reason == "function"
    assert "clinic.label" in (refusal.value.detail or "")


def test_functions_that_the_role_may_call_may_run_in_a_write(tmp_path: Path) -> None:
    """What a policy lists for the role is the policy's own responsibility, in triggers and defaults as well."""
    writing = [replace(r, write_calls=frozenset({("clinic", "label")})) for r in SNAPSHOT.relations]
    with_calls = planner(tmp_path, "clinician", _with(tuple(writing)))
    assert with_calls.plan("INSERT INTO clinic.visits VALUES (1)", ()).text == "INSERT INTO clinic.visits VALUES (1)"


def test_who_sees_everything_writes_as_the_database_lets_it(tmp_path: Path) -> None:
    """Nothing is told to such a role."""
    visits = SNAPSHOT.by_oid[VISITS]
    changed = replace(
        visits, foreign_keys=(key(VISITS, "reason", PATIENTS, "ssn"),), write_calls=frozenset({("clinic", "x")})
    )
    listed = tuple(changed if r is visits else r for r in SNAPSHOT.relations if r.name != "unlisted")
    found = planner(tmp_path, "clinician", _with(listed))
    assert not found.restricted
    found.plan("INSERT INTO clinic.visits VALUES (1, 1, 'x')", ())
