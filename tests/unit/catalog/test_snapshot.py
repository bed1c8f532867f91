"""Names are resolved as PostgreSQL resolves them."""

from __future__ import annotations

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot


def table(oid: int, schema: str, name: str) -> Relation:
    """A table without columns."""
    return Relation(oid, schema, name, RelationKind.TABLE, ())


SNAPSHOT = Snapshot(
    "db",
    "1",
    160004,
    (table(1, "a", "both"), table(2, "b", "both"), table(3, "b", "only"), table(4, "b", "Only")),
    frozenset({"a", "b"}),
)


def test_the_first_schema_of_the_path_wins() -> None:
    """An unqualified name is looked for in the order of the search path."""
    assert SNAPSHOT.resolve(None, "both", ("a", "b")) is SNAPSHOT.by_oid[1]
    assert SNAPSHOT.resolve(None, "both", ("b", "a")) is SNAPSHOT.by_oid[2]
    assert SNAPSHOT.resolve(None, "only", ("nowhere", "a", "b")) is SNAPSHOT.by_oid[3]
    assert SNAPSHOT.resolve(None, "only", ("a",)) is None
    assert SNAPSHOT.resolve(None, "only", ()) is None


def test_a_qualified_name_ignores_the_path() -> None:
    """With a schema only that schema counts, and names are exact."""
    assert SNAPSHOT.resolve("b", "both", ("a",)) is SNAPSHOT.by_oid[2]
    assert SNAPSHOT.resolve("a", "only", ("b",)) is None
    assert SNAPSHOT.resolve("b", "Only", ()) is SNAPSHOT.by_oid[4]
    assert SNAPSHOT.by_oid[4].qualified_name == "b.Only"
