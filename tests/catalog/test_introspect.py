"""Introspection of a real server: that the snapshot says what the database is."""

from __future__ import annotations

from typing import LiteralString

import pytest

from proxy.catalog.introspect import ConnectParameters, introspect
from proxy.catalog.snapshot import ForeignKey, ReferentialAction, Relation, RelationKind, Snapshot, TypeCategory
from proxy.errors import CatalogError
from tests.support.postgres import Clinic, NewDatabase


def as_proxy(clinic: Clinic) -> ConnectParameters:
    """The proxy's own login, which is no superuser."""
    where = clinic.proxy_login()
    return ConnectParameters(host=where["host"], port=where["port"], user=where["user"], password=where["password"])


async def snapshot_after(clinic: Clinic, database: str, statements: LiteralString) -> Snapshot:
    """Run ``statements`` as the superuser, then read the catalog as the proxy does."""
    with clinic.connect(database=database) as connection:
        connection.execute(statements)
    return await introspect(as_proxy(clinic), database)


def relation(snapshot: Snapshot, name: str) -> Relation:
    """The relation of that qualified name; the test fails where there is none."""
    schema, _, plain = name.partition(".")
    found = snapshot.by_name.get((schema, plain))
    assert found is not None, name
    return found


@pytest.fixture
async def snapshot(clinic: Clinic) -> Snapshot:
    """The clinic's catalog."""
    return await introspect(as_proxy(clinic), clinic.database)


async def test_relations_of_the_clinic(snapshot: Snapshot) -> None:
    """Each relation is there with its kind, and none of the system's is."""
    assert relation(snapshot, "clinic.patients").kind is RelationKind.TABLE
    assert relation(snapshot, "clinic.encounters").kind is RelationKind.PARTITIONED_TABLE
    assert relation(snapshot, "clinic.active_patients").kind is RelationKind.VIEW
    assert relation(snapshot, "clinic.patients_per_zip").kind is RelationKind.MATERIALIZED_VIEW
    assert relation(snapshot, "clinic.encounter_id_seq").kind is RelationKind.SEQUENCE
    assert {r.schema for r in snapshot.relations} == {"clinic", "sales", "reference"}
    assert snapshot.schemas == {"clinic", "sales", "reference", "public"}
    assert snapshot.database == "clinic"
    assert snapshot.server_version_num >= 150000


async def test_columns_keep_number_and_type(snapshot: Snapshot) -> None:
    """Attribute numbers have the gap that a dropped column left; types have their typmod and category."""
    patients = relation(snapshot, "clinic.patients")
    assert [c.number for c in patients.columns] == [1, 2, *range(4, 21)]
    shown = {c.name: (c.type.sql, c.type.category, c.type.blank_padded) for c in patients.columns}
    assert shown["patient_id"] == ("bigint", TypeCategory.INTEGER, False)
    assert shown["mrn"] == ("character varying(12)", TypeCategory.TEXT, False)
    assert shown["ssn"] == ("character(11)", TypeCategory.TEXT, True)
    assert shown["dob"] == ("date", TypeCategory.DATE, False)
    assert shown["languages"] == ("text[]", TypeCategory.OTHER, False)
    assert shown["consent_research"] == ("boolean", TypeCategory.BOOLEAN, False)
    assert shown["created_at"] == ("timestamp with time zone", TypeCategory.TIMESTAMPTZ, False)
    ssn = patients.column("ssn")
    assert ssn is not None
    assert (ssn.type.oid, ssn.type.typmod) == (1042, 15)
    claims = relation(snapshot, "clinic.claims")
    assert [c.type.category for c in claims.columns if c.name in ("claim_id", "amount")] == [
        TypeCategory.UUID,
        TypeCategory.NUMBER,
    ]


async def test_domains_count_as_their_base_type(snapshot: Snapshot) -> None:
    """A domain's category is its base type's, and one with a CHECK is marked."""
    columns = {c.name: c.type for c in relation(snapshot, "clinic.diagnoses").columns}
    assert columns["icd10"].sql == "clinic.icd10_code"
    assert columns["icd10"].category is TypeCategory.TEXT
    assert columns["icd10"].constrained
    assert columns["description"].category is TypeCategory.TEXT
    assert not columns["description"].constrained


async def test_domain_over_a_constrained_domain(clinic: Clinic, new_database: NewDatabase) -> None:
    """A constraint holds through every domain above the one that has it, NOT NULL included."""
    snapshot = await snapshot_after(
        clinic,
        new_database(),
        """
        CREATE DOMAIN sales.inner_one AS char(4) NOT NULL;
        CREATE DOMAIN sales.outer_one AS sales.inner_one;
        CREATE TABLE sales.boxes (code sales.outer_one);
        """,
    )
    code = relation(snapshot, "sales.boxes").columns[0].type
    assert (code.sql, code.category, code.blank_padded, code.constrained) == (
        "sales.outer_one",
        TypeCategory.TEXT,
        True,
        True,
    )


async def test_keys_and_parents(snapshot: Snapshot) -> None:
    """Primary keys keep their order; partitions and inheritance children name their parent."""
    encounters = relation(snapshot, "clinic.encounters")
    assert encounters.primary_key == ("encounter_id", "admitted_at")
    assert relation(snapshot, "clinic.encounters_2024").parents == (encounters.oid,)
    notes = relation(snapshot, "clinic.notes")
    assert relation(snapshot, "clinic.psychotherapy_notes").parents == (notes.oid,)
    assert encounters.parents == ()
    assert encounters.row_type_oid != 0


async def test_deferrable_key_is_none(clinic: Clinic, new_database: NewDatabase) -> None:
    """A deferrable primary key allows no functional dependency, so it is not given."""
    snapshot = await snapshot_after(
        clinic, new_database(), "CREATE TABLE sales.later (id int PRIMARY KEY DEFERRABLE, what text)"
    )
    assert relation(snapshot, "sales.later").primary_key == ()


async def test_view_definitions_are_qualified(clinic: Clinic, new_database: NewDatabase) -> None:
    """Every name in a view's definition has its schema, whatever path the view was made under."""
    snapshot = await snapshot_after(
        clinic,
        new_database(),
        """
        DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = clinic, sales', current_database()); END$$;
        SET search_path = clinic;
        CREATE FUNCTION twice(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $1';
        CREATE OPERATOR <<>> (LEFTARG = text, RIGHTARG = text, FUNCTION = starts_with);
        CREATE VIEW odd AS SELECT twice(last_name) AS who FROM patients WHERE mrn <<>> 'MRN' AND sex = 'F';
        """,
    )
    definition = relation(snapshot, "clinic.odd").definition
    assert definition is not None
    assert "clinic.twice(" in definition
    assert "OPERATOR(clinic.<<>>)" in definition
    assert "FROM clinic.patients" in definition
    assert not definition.endswith(";")
    assert ("clinic", "twice") in snapshot.functions
    assert ("clinic", "<<>>") in snapshot.operators


async def test_what_runs_functions_unnamed(clinic: Clinic, new_database: NewDatabase) -> None:
    """Casts between built-in types, with the arrays of the target, and rules on tables."""
    snapshot = await snapshot_after(
        clinic,
        new_database(),
        """
        CREATE FUNCTION sales.made(boolean) RETURNS name LANGUAGE sql IMMUTABLE AS 'SELECT ''x''::name';
        CREATE CAST (boolean AS name) WITH FUNCTION sales.made(boolean) AS ASSIGNMENT;
        CREATE RULE quiet AS ON DELETE TO sales.orders DO INSTEAD NOTHING;
        """,
    )
    assert {("pg_catalog", "name", "sales", "made"), ("pg_catalog", "_name", "sales", "made")} <= snapshot.type_calls
    assert snapshot.unasked_calls == {("sales", "made", False)}
    assert [r.qualified_name for r in snapshot.relations if r.has_write_rules] == ["sales.orders"]


async def test_what_values_run(clinic: Clinic, new_database: NewDatabase) -> None:
    """Casts and domains of the database's own, with all that is made of their types; and which functions may change
    the session.
    """
    snapshot = await snapshot_after(
        clinic,
        new_database(),
        """
        CREATE TYPE sales.colour AS ENUM ('red');
        CREATE FUNCTION sales.depth(sales.colour) RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
        CREATE CAST (sales.colour AS integer) WITH FUNCTION sales.depth;
        CREATE FUNCTION sales.fine(date) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE DOMAIN sales.day AS date CHECK (sales.fine(VALUE));
        CREATE TYPE sales.days AS RANGE (subtype = sales.day);
        CREATE TABLE sales.held (days sales.days[], colour sales.colour);
        CREATE FUNCTION sales.step(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE AGGREGATE sales.gather(integer) (sfunc = sales.step, stype = integer);
        CREATE OPERATOR sales.## (leftarg = integer, rightarg = integer, function = sales.step);
        CREATE OPERATOR sales.### (rightarg = sales.colour, function = sales.depth);
        """,
    )
    days, colour = (column.type.oid for column in relation(snapshot, "sales.held").columns)
    row_type = relation(snapshot, "sales.held").row_type_oid
    by_type = {(call.type_oid, call.function, call.by_cast, call.asked) for call in snapshot.value_calls}
    assert {(colour, "depth", True, True), (row_type, "depth", True, True)} <= by_type
    assert {(days, "fine", False, False), (row_type, "fine", False, False)} <= by_type
    assert {name for schema, name in snapshot.volatile if schema == "sales"} >= {"fine", "step", "gather", "##"}
    assert snapshot.volatile.isdisjoint({("sales", "depth"), ("sales", "###")})


async def test_foreign_keys_stand_at_both_ends(clinic: Clinic, new_database: NewDatabase) -> None:
    """Columns in the key's order, the actions, and partitions' own copies; self-references once."""
    snapshot = await snapshot_after(
        clinic,
        new_database(),
        """CREATE TABLE sales.pairs (a int, b int, up int UNIQUE REFERENCES sales.pairs (up), UNIQUE (b, a));
        CREATE TABLE sales.of_pairs (x int, y int,
            CONSTRAINT k FOREIGN KEY (x, y) REFERENCES sales.pairs (b, a) ON DELETE CASCADE ON UPDATE SET NULL)""",
    )
    pairs, of_pairs = relation(snapshot, "sales.pairs"), relation(snapshot, "sales.of_pairs")
    cascade, set_null = ReferentialAction.CASCADE, ReferentialAction.SET_NULL
    key = ForeignKey("k", of_pairs.oid, ("x", "y"), pairs.oid, ("b", "a"), set_null, cascade)
    assert of_pairs.foreign_keys == (key,)
    assert key in pairs.foreign_keys
    assert [(k.table, k.columns) for k in pairs.foreign_keys if k != key] == [(pairs.oid, ("up",))]
    partition = relation(snapshot, "clinic.encounters_2024")
    assert ("patient_id",) in [k.columns for k in partition.foreign_keys if k.table == partition.oid]


async def test_system_names(snapshot: Snapshot) -> None:
    """The system's relations and functions are listed by name, apart from the users'."""
    assert {"pg_class", "pg_stats", "pg_stat_activity"} <= snapshot.system_relations
    assert "tables" not in snapshot.system_relations
    assert {"lower", "pg_sleep", "count"} <= snapshot.system_functions
    assert ("clinic", "age_at") in snapshot.functions
    assert not any(schema == "pg_catalog" for schema, _ in snapshot.functions)


async def test_names_that_need_quotes(clinic: Clinic, new_database: NewDatabase) -> None:
    """Names are given as they are stored, and types from other schemas are quoted and qualified."""
    snapshot = await snapshot_after(
        clinic,
        new_database(),
        """
        CREATE SCHEMA "Mixed Case";
        CREATE TYPE "Mixed Case"."a.b" AS ENUM ('x');
        CREATE TABLE "Mixed Case"."Tab le" ("Sel""ect" "Mixed Case"."a.b", plain "char");
        """,
    )
    table = relation(snapshot, "Mixed Case.Tab le")
    assert [c.name for c in table.columns] == ['Sel"ect', "plain"]
    assert [c.type.sql for c in table.columns] == ['"Mixed Case"."a.b"', '"char"']
    assert {c.type.category for c in table.columns} == {TypeCategory.OTHER}


async def test_version_follows_the_content(clinic: Clinic, new_database: NewDatabase) -> None:
    """Reading twice gives one version; any change that a snapshot shows gives another."""
    database = new_database()
    versions = [(await introspect(as_proxy(clinic), database)).version for _ in range(2)]
    assert versions[0] == versions[1]
    changes: tuple[LiteralString, ...] = (
        "ALTER TABLE sales.orders ADD COLUMN note text",
        "ALTER TABLE sales.orders ALTER COLUMN note TYPE varchar(9)",
        "ALTER TABLE sales.orders DROP COLUMN note",
        "CREATE OR REPLACE VIEW sales.cheap AS SELECT * FROM sales.products WHERE price < 10",
        "CREATE OR REPLACE VIEW sales.cheap AS SELECT * FROM sales.products WHERE price < 11",
        "CREATE FUNCTION sales.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE sales.orders INHERIT sales.orders_parent",
        "CREATE SCHEMA elsewhere",
    )
    with clinic.connect(database=database) as connection:
        connection.execute("CREATE TABLE sales.orders_parent (order_id bigint NOT NULL)")
    versions += [(await snapshot_after(clinic, database, change)).version for change in changes]
    assert len(set(versions)) == len(changes) + 1


async def test_temporary_tables_are_left_out(clinic: Clinic) -> None:
    """What one session made for itself is no part of the database."""
    with clinic.connect() as connection:
        connection.execute("CREATE TEMP TABLE mine (a int); CREATE TEMP VIEW seen AS SELECT * FROM mine")
        snapshot = await introspect(as_proxy(clinic), clinic.database)
    assert not any(r.name in ("mine", "seen") for r in snapshot.relations)
    assert not any(schema.startswith("pg_") for schema in snapshot.schemas)


async def test_failures_are_catalog_errors(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An unknown database, a wrong password and an absent server each give a CatalogError without the password."""
    good = as_proxy(clinic)
    with pytest.raises(CatalogError) as unknown:
        await introspect(good, "nowhere")
    assert unknown.value.sqlstate == "3D000"
    bad = ConnectParameters(host=good["host"], port=good["port"], user=good["user"], password="hunter22")
    with pytest.raises(CatalogError) as refused:
        await introspect(bad, clinic.database)
    away = ConnectParameters(host=str(tmp_path_factory.mktemp("no")), port=1, user="x", password="hunter22")
    with pytest.raises(CatalogError) as absent:
        await introspect(away, clinic.database)
    for raised in (refused, absent):
        assert raised.value.sqlstate == "57P03"
        assert "hunter22" not in f"{raised.value.message}{raised.value.detail}{raised.value.hint}"


async def test_another_encoding_is_refused(clinic: Clinic) -> None:
    """Masks tell letters by Unicode; in another encoding some could stay visible."""
    with clinic.connect(database="postgres") as connection:
        connection.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        with pytest.raises(CatalogError, match="needs UTF8"):
            await introspect(clinic.superuser(), "latin")
    finally:
        with clinic.connect(database="postgres") as connection:
            connection.execute("DROP DATABASE latin")
