"""A small clinic without a server: a catalog, a policy and planners for its roles.

Owns: the shapes that the planner's unit tests need (keys, views over views, a partition, a user function).
Must not know: what is tested with them. Invariant: everything is made anew from the constants here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from proxy.catalog.snapshot import Column, ColumnType, Relation, RelationKind, Snapshot, TypeCategory
from proxy.planner.planner import Planner
from proxy.policy.bound import bind
from proxy.policy.load import load_policy

POLICY = """
version: 1
kinds:
  key: {mask: clear}
  ssn: {safe_harbor: social_security_number, mask: nullify}
  name: {safe_harbor: name, mask: {partial: {show_first: 1}}}
  note: {mask: deny}
tables:
  clinic.patients: {columns: {id: key, ssn: ssn, last_name: name, sex: clear, note: note}}
  clinic.visits: {columns: {id: key, patient_id: key, reason: note}}
  other.patients: {columns: clear}
  sales.*: {columns: clear}
roles:
  clinician: {reads: ["*"], masks: {"*": clear}, writes: [clinic.visits], functions: [clinic.label]}
  analyst: {reads: [clinic.*, sales.*, other.*], writes: [clinic.patients, sales.orders]}
  clerk: {reads: [sales.*, clinic.front]}
"""
TEXT = ColumnType(25, -1, "text", TypeCategory.TEXT)
BIGINT = ColumnType(20, -1, "bigint", TypeCategory.INTEGER)
PATIENTS = 20001


def _relation(oid: int, name: str, columns: dict[str, ColumnType], **more: object) -> Relation:
    schema, table = name.split(".")
    made = tuple(Column(c, n, t) for n, (c, t) in enumerate(columns.items(), 1))
    relation = Relation(oid, schema, table, RelationKind.TABLE, made, row_type_oid=oid + 1000)
    return replace(relation, **more)  # type: ignore[arg-type]


def _view(oid: int, name: str, columns: dict[str, ColumnType], definition: str) -> Relation:
    return _relation(oid, name, columns, kind=RelationKind.VIEW, definition=definition)


_PATIENT = {"id": BIGINT, "ssn": TEXT, "last_name": TEXT, "sex": TEXT, "note": TEXT}
SNAPSHOT = Snapshot(
    database="clinic",
    version="1",
    server_version_num=160000,
    relations=(
        _relation(PATIENTS, "clinic.patients", _PATIENT, primary_key=("id",)),
        _relation(20002, "clinic.visits", {"id": BIGINT, "patient_id": BIGINT, "reason": TEXT}, primary_key=("id",)),
        _relation(20003, "other.patients", {"id": BIGINT, "name": TEXT}),
        _relation(20004, "sales.orders", {"id": BIGINT, "total": BIGINT}, primary_key=("id",)),
        _view(
            20005,
            "clinic.front",
            {"id": BIGINT, "surname": TEXT},
            " SELECT p.id, p.last_name AS surname FROM clinic.patients p WHERE (p.sex = 'F'::text)",
        ),
        _view(20006, "clinic.behind", {"surname": TEXT}, " SELECT front.surname FROM clinic.front"),
        _view(20007, "sales.totals", {"sum": TEXT}, " SELECT sum(orders.total) AS sum FROM sales.orders"),
        _view(20008, "clinic.labels", {"label": TEXT}, " SELECT clinic.label(p.id) AS label FROM clinic.patients p"),
        _view(20011, "clinic.moving", {"x": TEXT}, " SELECT set_config('search_path'::text, 'x'::text, false) AS x"),
        _relation(20009, "clinic.patients_old", _PATIENT, parents=(PATIENTS,)),
        _relation(20010, "clinic.unlisted", {"x": TEXT}),
    ),
    schemas=frozenset({"clinic", "other", "sales"}),
    functions=frozenset({("clinic", "label"), ("clinic", "upper")}),
    type_calls=frozenset({("clinic", "known_ssn", "clinic", "label")}),
    operators=frozenset({("clinic", "###")}),
    system_relations=frozenset({"pg_class", "pg_stats", "pg_stat_activity"}),
    system_functions=frozenset(
        {"upper", "count", "sum", "max", "pg_read_file", "query_to_xml", "ts_stat", "set_config"}
    ),
)


def planner(folder: Path, role: str, snapshot: Snapshot = SNAPSHOT, policy: str = POLICY) -> Planner:
    """A planner for one role; ``folder`` is an empty one for the policy file."""
    path = folder / "policy.yaml"
    path.write_text(policy)
    bound = bind(load_policy(path), snapshot, strict=False)
    bound_role = bound.role(role)
    if bound_role is None:
        raise LookupError(role)
    return Planner(bound, bound_role)
