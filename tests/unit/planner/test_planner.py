"""Decisions on statements: passed, rewritten, refused, and what plans say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.catalog.snapshot import Column, ColumnType, TypeCategory, ValueCall
from proxy.errors import PolicyRefusal, Refusal, UnsupportedRefusal
from proxy.planner.plan import CopyFormat, CopyKind, Decision, Origin, Plan
from proxy.planner.planner import MAX_STATEMENT_CHARACTERS, Planner
from tests.support.small_clinic import PATIENTS, POLICY, SNAPSHOT, planner
from tests.support.token_clinic import token_planner

PATH = ("clinic",)
SCAN = 'SELECT "id" AS "id", CAST(NULL AS pg_catalog.text) AS "ssn"'


@pytest.fixture
def analyst(tmp_path: Path) -> Planner:
    """The planner of a restricted role."""
    return planner(tmp_path, "analyst")


@pytest.fixture
def clinician(tmp_path: Path) -> Planner:
    """The planner of a role that sees everything in clear."""
    return planner(tmp_path, "clinician")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT * FROM sales.orders o -- a comment",
        "SELECT * FROM sales.totals",
        "SELECT * FROM other.patients",
        "SELECT relname FROM pg_class",
        "SELECT * FROM pg_catalog.pg_class",
        "WITH patients AS (SELECT 1) SELECT * FROM patients",
        "INSERT INTO sales.orders VALUES (1, 2) RETURNING id",
        "EXPLAIN SELECT * FROM sales.orders",
        "COPY sales.orders TO STDOUT",
        "DECLARE c CURSOR FOR SELECT * FROM sales.orders",
        "BEGIN",
    ],
)
def test_what_touches_nothing_protected_passes_as_it_is(analyst: Planner, sql: str) -> None:
    """The client's own text goes upstream, comments included."""
    plan = analyst.plan(sql, PATH)
    assert (plan.decision, plan.text) == (Decision.PASSED, sql)


def test_a_table_becomes_its_masking_subquery(analyst: Planner) -> None:
    """The scan stands in place of the reference, under the same alias, with needed columns only."""
    plan = analyst.plan("SELECT p.ssn FROM patients p WHERE p.id = 1", PATH)
    assert plan.text == f'SELECT p.ssn FROM ({SCAN} FROM "clinic"."patients") AS p WHERE p.id = 1'
    assert plan.decision is Decision.REWRITTEN
    assert plan.relations == ("clinic.patients",)
    assert plan.origins == (Origin(PATIENTS, 2),)
    assert [(c.column, c.mask, c.output) for c in plan.columns] == [("ssn", "nullify", 0), ("id", "clear", None)]


@pytest.mark.parametrize(
    ("sql", "fragment"),
    [
        ("SELECT ssn FROM clinic.patients", ") AS patients"),
        ("SELECT clinic.patients.ssn FROM clinic.patients", "SELECT patients.ssn FROM ("),
        ("SELECT ssn FROM ONLY patients", 'FROM ONLY "clinic"."patients")'),
        ("SELECT ssn FROM patients TABLESAMPLE bernoulli (10)", '"patients" TABLESAMPLE bernoulli(10))'),
        ("SELECT s FROM patients AS p(i, s)", ") AS p(i, s)"),
        ("SELECT ssn FROM patients, sales.orders", "AS patients, sales.orders"),
        ("SELECT ssn FROM patients JOIN pg_class ON true", "JOIN pg_catalog.pg_class ON"),
        ("SELECT ssn FROM patients_old", '"clinic"."patients_old"'),
    ],
)
def test_shapes_of_references(analyst: Planner, sql: str, fragment: str) -> None:
    """Aliases, ONLY, TABLESAMPLE and column lists stay; other relations are named with their schema."""
    assert fragment in analyst.plan(sql, PATH).text


def test_all_columns_are_kept_where_all_may_be_needed(analyst: Planner) -> None:
    """A star and a whole-row reference need every column that exists for the role; the denied one is left out."""
    for sql in ("SELECT * FROM patients", "SELECT p FROM patients p", "SELECT row_to_json(p) FROM patients p"):
        text = analyst.plan(sql, PATH).text
        assert '"last_name"' in text
        assert '"sex"' in text
        assert '"note"' not in text


def test_views_are_expanded(analyst: Planner) -> None:
    """A view over a view over a protected table ends in the masking subquery; origins are the view's own."""
    plan = analyst.plan("SELECT surname FROM behind", PATH)
    assert '"sex" FROM "clinic"."patients") AS p' in plan.text
    assert plan.relations == ("clinic.behind", "clinic.front", "clinic.patients")
    assert plan.origins == (Origin(20006, 1),)
    assert [(c.relation, c.column, c.output) for c in plan.columns] == [("clinic.patients", "last_name", 0)]


def test_a_primary_key_in_group_by_keeps_its_meaning(analyst: Planner) -> None:
    """The other columns of the table may still be selected ungrouped."""
    text = analyst.plan("SELECT p.id, p.last_name, count(*) FROM patients p GROUP BY p.id", PATH).text
    assert text.endswith("GROUP BY p.id, p.last_name")


@pytest.mark.parametrize(
    ("sql", "sqlstate", "reason"),
    [
        ("SELECT note FROM patients", "42501", "column"),
        ("SELECT p.note FROM patients p", "42501", "column"),
        ("SELECT id FROM patients WHERE note LIKE 'x%'", "42501", "column"),
        ("SELECT (p).note FROM patients p", "42501", "column"),
        ("SELECT x FROM unlisted", "42501", "relation"),
        ("SELECT x FROM nowhere", "42P01", "relation"),
        ("SELECT * FROM elsewhere.clinic.patients", "0A000", "relation"),
        ("SELECT * FROM pg_stats", "42501", "system_relation"),
        ("SELECT * FROM pg_toast.pg_toast_1", "42501", "system_relation"),
        ("SELECT pg_read_file('x')", "42501", "function"),
        ("SELECT nothing(1)", "42883", "function"),
        ("SELECT (SELECT note FROM patients LIMIT 1) FROM (SELECT 1 AS note) q", "42501", "column"),
        ("SELECT * FROM moving", "0A000", "setting"),
        ("SELECT 'x'::known_ssn", "42501", "function"),
        ("SELECT * FROM json_to_record('{}') AS r(a clinic.known_ssn[])", "42501", "function"),
        ("SELECT ('SELECT 1'::text).ts_stat", "42501", "function"),
        ("SELECT (c).ts_stat FROM (SELECT 'SELECT 1'::text AS c, 1 AS ts_stat) c", "42501", "function"),
        ("SELECT clinic.label(1)", "42501", "function"),
        ("SELECT upper('x')", "42501", "function"),
        ("SELECT o.label FROM sales.orders o", "42501", "function"),
        ("SELECT 1 ### 2", "42501", "function"),
        ("SELECT * FROM labels", "42501", "function"),
        ("SELECT ssn FROM patients FOR UPDATE", "0A000", "locking"),
        ("INSERT INTO patients (id) VALUES (1)", "0A000", "write"),
        ("INSERT INTO visits (id) VALUES (1)", "42501", "write"),
        ("UPDATE pg_class SET relname = 'x'", "42501", "write"),
        ("EXPLAIN SELECT ssn FROM patients", "0A000", "statement"),
        ("SELEC 1", "42601", "syntax"),
        ("SELECT 1; SELECT 2", "42601", "syntax"),
    ],
)
def test_refusals(analyst: Planner, sql: str, sqlstate: str, reason: str) -> None:
    """Each says no with its code and reason, twice the same."""
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            analyst.plan(sql, PATH)
        assert (refused.value.sqlstate, refused.value.reason) == (sqlstate, reason)


def test_a_view_needs_its_tables_too(tmp_path: Path) -> None:
    """A role that reads a view but not what is under it is told so."""
    with pytest.raises(Refusal, match=r"clinic\.front") as refused:
        planner(tmp_path, "clerk").plan("SELECT * FROM clinic.front", ())
    assert "clinic.patients" in str(refused.value.detail)


def test_who_sees_everything_gets_the_original_through(clinician: Planner) -> None:
    """Reads and listed writes pass; what was seen in clear is told to the journal all the same."""
    plan = clinician.plan("SELECT last_name, clinic.label(id) FROM patients FOR UPDATE", PATH)
    assert plan.decision is Decision.PASSED
    assert plan.touches_protected
    assert ("last_name", "clear", 0) in [(c.column, c.mask, c.output) for c in plan.columns]
    assert clinician.plan("UPDATE visits SET reason = 'x' RETURNING *", PATH).touches_protected
    with pytest.raises(Refusal, match="write"):
        clinician.plan("DELETE FROM patients", PATH)


def test_the_search_path_decides(analyst: Planner) -> None:
    """The same text is another statement under another path; pg_catalog comes first unless the path says otherwise."""
    assert analyst.plan("SELECT * FROM patients", ("other", "clinic")).decision is Decision.PASSED
    assert analyst.plan("SELECT * FROM patients", ("clinic", "other")).decision is Decision.REWRITTEN
    with pytest.raises(Refusal, match="does not exist"):
        analyst.plan("SELECT * FROM patients", ())


@pytest.mark.parametrize(
    ("sql", "any_path"),
    [
        ("SELECT 1", True),
        ("SELECT count(*), sum(1 + 1), '1'::int, 'x'::text", True),
        ("SELECT pg_catalog.upper('x')", True),
        ("SELECT upper('x')", False),  # clinic has one too
        ("SELECT 1 OPERATOR(pg_catalog.+) 1", True),
        ("SELECT json_value('{}', '$.a')", False),  # to an older server the name of a function
        ("SELECT 'x'::known_ssn", False),
        ("SELECT count(*) FROM other.things", False),
        ("SELECT count(*) FROM pg_class", False),
        ("SELECT (x).name FROM (SELECT 1 AS x) q", False),  # could be a call of name(x)
        ("EXPLAIN SELECT 1", False),
    ],
)
def test_what_means_the_same_under_every_path_says_so(analyst: Planner, sql: str, any_path: bool) -> None:
    """Only a SELECT in which no name could be another object is free of the search path."""
    path = ("other",)
    try:
        plan = analyst.plan(sql, path)
    except Refusal:
        assert not any_path
    else:
        assert plan.any_path is any_path


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT ssn AS a, ssn || 'x', last_name FROM patients", [(0, "ssn"), (2, "last_name")]),
        ("SELECT x.ssn FROM (SELECT ssn FROM patients) x", [(0, "ssn")]),
        ("WITH c(a, b) AS (SELECT id, ssn FROM patients) SELECT b FROM c", [(0, "ssn")]),
        ("SELECT id, last_name FROM visits JOIN patients USING (id)", [(0, "id"), (1, "last_name")]),
        ("SELECT p.* FROM patients p, visits v", [(0, "id"), (1, "ssn"), (2, "last_name")]),
        ("SELECT ssn FROM patients UNION SELECT ssn FROM patients", [(0, "ssn")]),
        ("SELECT (SELECT ssn FROM patients)", []),
        ("SELECT s FROM patients p, LATERAL (SELECT p.ssn AS s) x", [(0, "ssn")]),
        ("SELECT j.ssn FROM (patients JOIN visits USING (id)) AS j", [(0, "ssn")]),
        ("WITH RECURSIVE r AS (SELECT ssn FROM patients UNION ALL SELECT ssn FROM r) SELECT * FROM r", [(0, "ssn")]),
    ],
)
def test_lineage_follows_columns(analyst: Planner, sql: str, names: list[tuple[int, str]]) -> None:
    """Through aliases, subqueries, CTEs, joins and set operations, the journal learns what each output shows."""
    columns = analyst.plan(sql, PATH).columns
    assert [(c.output, c.column) for c in columns if c.output is not None] == names


def test_row_descriptions_of_protected_columns_are_recognised(analyst: Planner, clinician: Planner) -> None:
    """Masked columns, whole rows and views over them; not clear columns or system catalogs."""
    assert analyst.is_protected(PATIENTS, 2)
    assert analyst.is_protected(PATIENTS, 0)
    assert analyst.is_protected(20005, 1)
    assert analyst.is_protected(20010, 1)
    assert analyst.is_protected(99999, 1)
    assert not analyst.is_protected(PATIENTS, 1)
    assert not analyst.is_protected(20007, 1)
    assert not analyst.is_protected(1259, 1)
    assert not clinician.is_protected(PATIENTS, 0)
    assert not clinician.is_protected(20005, 2)


def test_constants_are_filled_into_a_proven_plan(analyst: Planner) -> None:
    """A second statement of the same shape gets the same text but for its constants, and the first plan's identity."""
    analyst.plan("SELECT ssn FROM patients WHERE id = 0 AND sex IN ('', '') LIMIT 0", PATH)
    first = analyst.plan("SELECT ssn FROM patients WHERE id = 1 AND sex IN ('F', 'it''s') LIMIT 5", PATH)
    second = analyst.plan("SELECT ssn FROM patients WHERE id = 22 AND sex IN ('M', ';--') LIMIT 6", PATH)
    third = analyst.plan("SELECT ssn FROM patients WHERE id = 22 AND sex IN ('M', 'x') LIMIT 6", PATH)
    assert third.identity is first.identity
    assert third.text == first.text.replace("id = 1", "id = 22").replace("'F'", "'M'").replace(
        "'it''s'", "'x'"
    ).replace("LIMIT 5", "LIMIT 6")
    assert second.text == third.text.replace("'x'", "';--'")


def test_filled_and_fresh_plans_are_the_same(analyst: Planner, tmp_path: Path) -> None:
    """A plan by template is what a planner without templates makes of the same text."""

    def plan_twice(sql: str, other: str) -> tuple[Plan, Plan]:
        analyst.plan(other.replace("1", "0"), PATH)
        analyst.plan(other, PATH)
        return analyst.plan(sql, PATH), planner(tmp_path, "analyst").explain(sql, PATH)[0]

    for shape in (
        "SELECT id % {} FROM patients GROUP BY id % {}",
        "SELECT last_name FROM patients WHERE id BETWEEN {} AND {} ORDER BY 1",
        "SELECT count(*) FROM front WHERE id = {} OR id = {}",
        "SELECT p.id + {} FROM patients p JOIN visits v ON v.patient_id = p.id AND v.id > {}",
    ):
        filled, fresh = plan_twice(shape.format(7, 8), shape.format(1, 2))
        assert filled.text == fresh.text
        assert filled.columns == fresh.columns


def test_a_planner_is_its_own_generation(analyst: Planner) -> None:
    """Another catalog or policy has another planner, so sessions can tell that what they planned is out of date."""
    assert analyst.generation is analyst


def test_scripts_are_split_as_the_server_splits_them(analyst: Planner) -> None:
    """One statement without its semicolons is found without a parser, and planned from what was found then."""
    (only,) = analyst.split(" SELECT ssn FROM patients WHERE id = 1;; ")
    assert only == "SELECT ssn FROM patients WHERE id = 1"
    assert analyst.plan(only, PATH).decision is Decision.REWRITTEN
    assert analyst.split("SELECT ';'; SELECT 2") == ("SELECT ';'", "SELECT 2")
    assert analyst.split(" ; ") == ()


def test_a_view_out_of_reach_is_protected(analyst: Planner) -> None:
    """Where what is under a view is refused, so is a row description that names it."""
    assert analyst.is_protected(20008, 1)


def test_masked_statements_have_a_longest_text(analyst: Planner) -> None:
    """Planning takes time, in which nobody else is served; what passes unread has no such limit."""
    text = "SELECT ssn FROM patients WHERE sex = '{}'".format("x" * MAX_STATEMENT_CHARACTERS)
    with pytest.raises(UnsupportedRefusal) as refused:
        analyst.plan(text, PATH)
    assert refused.value.reason == "complexity"
    assert analyst.plan(text.replace("patients", "other.patients").replace("ssn", "id").replace("sex", "name"), PATH)


def test_a_copy_with_tokens_says_how_its_rows_are_written(tmp_path: Path) -> None:
    """Fields are found by its format; columns of a query without tokens need none."""
    analyst = token_planner(tmp_path)
    copied = analyst.plan("COPY (SELECT 1 AS n, mrn FROM patients) TO STDOUT (DELIMITER '|', FORMAT csv)", PATH)
    assert [cells is not None for cells in copied.tokens] == [False, True]
    assert copied.copy_format == CopyFormat(CopyKind.CSV, b"|", b"")
    assert analyst.plan("SELECT mrn FROM patients", PATH).copy_format is None


def test_tokens_leave_by_copy_only_where_its_columns_are_known(tmp_path: Path) -> None:
    """Its rows are cut by what stands in which column."""
    with pytest.raises(UnsupportedRefusal, match="whose columns are not known") as refused:
        token_planner(tmp_path).plan("COPY (SELECT mrn, x.* FROM patients, generate_series(1, 2) x) TO STDOUT", PATH)
    assert refused.value.reason == "token"


def test_statements_beyond_pythons_stack_are_refused(analyst: Planner) -> None:
    """What Postgres' parser can still read, the walks over its tree may not: a refusal, and never a crash."""
    with pytest.raises(UnsupportedRefusal) as refused:
        analyst.plan("SELECT 1 FROM other.patients" + " CROSS JOIN sales.orders" * 900, PATH)
    assert refused.value.reason == "complexity"


def test_too_deep_statements_are_refused(analyst: Planner) -> None:
    """Nesting that no parser survives is refused, not crashed on."""
    with pytest.raises(Refusal, match="nested too deeply"):
        analyst.plan("SELECT " + "(" * 5000 + "ssn" + ")" * 5000 + " FROM patients", PATH)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT json_value('{}', '$.a')",
        "SELECT * FROM (VALUES (1)) a(x) JOIN (VALUES (1)) b(x) USING (x)",
        "SELECT true::name",
        "SELECT '{}'::pg_catalog._name",
    ],
)
def test_functions_that_no_call_names_are_refused(tmp_path: Path, sql: str) -> None:
    """What an older server, an operator's own look-up or a cast between built-in types would run."""
    changed = replace(
        SNAPSHOT,
        functions=SNAPSHOT.functions | {("clinic", "json_value")},
        operators=SNAPSHOT.operators | {("clinic", "=")},
        type_calls=SNAPSHOT.type_calls | {("pg_catalog", n, "clinic", "label") for n in ("name", "_name")},
    )
    with pytest.raises(PolicyRefusal) as refused:
        planner(tmp_path, "analyst", changed).plan(sql, ("clinic",))
    assert refused.value.reason == "function"


def test_implicit_casts_count_everywhere(tmp_path: Path) -> None:
    """A cast that no text asks for may run in any expression, or where a row is written."""
    anywhere = replace(SNAPSHOT, unasked_calls=frozenset({("clinic", "upper", True)}))
    with pytest.raises(PolicyRefusal, match=r"the cast that calls clinic\.upper"):
        planner(tmp_path, "analyst", anywhere).plan("SELECT 1", ("clinic",))
    written = replace(SNAPSHOT, unasked_calls=frozenset({("clinic", "upper", False)}))
    writing = planner(tmp_path, "analyst", written)
    assert writing.plan("SELECT 1", ("clinic",)).text == "SELECT 1"
    with pytest.raises(PolicyRefusal, match=r"the cast that calls clinic\.upper"):
        writing.plan("INSERT INTO sales.orders VALUES (1)", ("clinic",))


COLOUR = ColumnType(30000, -1, "clinic.colour", TypeCategory.OTHER)
COLOURED = replace(
    SNAPSHOT,
    relations=tuple(
        replace(r, columns=(*r.columns, Column("colour", 9, COLOUR))) if r.name == "orders" else r
        for r in SNAPSHOT.relations
    ),
)


@pytest.mark.parametrize(
    ("call", "sql"),
    [
        (ValueCall(30000, "clinic", "upper", by_cast=True), "SELECT id FROM sales.orders"),
        (ValueCall(30000, "clinic", "upper", by_cast=True, asked=True), "SELECT colour::int FROM sales.orders"),
        (ValueCall(30000, "clinic", "upper", by_cast=True, asked=True), "INSERT INTO sales.orders VALUES (1)"),
        (
            ValueCall(30000, "clinic", "upper", by_cast=False),
            "SELECT jsonb_populate_record(o, '{}') FROM sales.orders o",
        ),
    ],
)
def test_what_columns_types_would_run_is_refused(tmp_path: Path, call: ValueCall, sql: str) -> None:
    """Casts, and constraints of domains where a row is made."""
    snapshot = replace(
        COLOURED, value_calls=frozenset({call}), system_functions=SNAPSHOT.system_functions | {"jsonb_populate_record"}
    )
    with pytest.raises(PolicyRefusal, match=r"clinic\.upper"):
        planner(tmp_path, "analyst", snapshot).plan(sql, ())


def test_what_columns_types_would_not_run_is_not_refused(tmp_path: Path) -> None:
    """A cast that must be asked for, in a text without one; a domain that no row is made of; other types."""
    asked = ValueCall(30000, "clinic", "upper", by_cast=True, asked=True)
    domain = ValueCall(30000, "clinic", "upper", by_cast=False)
    other = ValueCall(30001, "clinic", "upper", by_cast=True)
    calls = planner(tmp_path, "analyst", replace(COLOURED, value_calls=frozenset({asked, domain, other})))
    assert calls.plan("SELECT colour FROM sales.orders", ()).text


def test_parameters_may_not_run_functions_by_their_types(tmp_path: Path) -> None:
    """The OIDs that a Parse names, unless the policy lists the function."""
    snapshot = replace(SNAPSHOT, value_calls=frozenset({ValueCall(30000, "clinic", "label", by_cast=False)}))
    analyst = planner(tmp_path, "analyst", snapshot)
    analyst.check_parameters((0, 25, 30001))
    with pytest.raises(PolicyRefusal, match=r"the function of a parameter's type, clinic\.label"):
        analyst.check_parameters((25, 30000))
    planner(tmp_path, "clinician", snapshot).check_parameters((30000,))


LISTED = POLICY.replace("writes: [clinic.patients, sales.orders]", "functions: [clinic.label]")


@pytest.mark.parametrize(
    ("sql", "changes"),
    [
        ("SELECT clinic.label(1)", True),
        ("SELECT label(1)", True),
        ("SELECT label FROM clinic.labels", True),
        ("SELECT o.label FROM sales.orders o", True),
        ("SELECT 1 OPERATOR(clinic.###) 1", True),
        ("SELECT 'x'::clinic.known_ssn", True),
        ("PREPARE p AS SELECT clinic.label(1)", True),
        ("EXECUTE p", True),
        ("FETCH c", True),
        ("SELECT id FROM sales.orders", False),
    ],
)
def test_a_volatile_function_may_change_the_search_path(tmp_path: Path, sql: str, changes: bool) -> None:
    """Wherever it is called, or may be called by what was prepared or declared before."""
    listed = LISTED.replace("functions: [clinic.label]", 'functions: [clinic.label, "clinic.###"]')
    volatile = replace(SNAPSHOT, volatile=frozenset({("clinic", "label"), ("clinic", "###")}))
    assert planner(tmp_path, "analyst", volatile, listed).plan(sql, ("clinic",)).effects.search_path is changes
    assert not planner(tmp_path, "analyst", SNAPSHOT, listed).plan(sql, ("clinic",)).effects.search_path


@pytest.mark.parametrize("sql", ["EXPLAIN SELECT clinic.label(1)", "EXPLAIN SELECT label FROM clinic.labels"])
def test_plans_of_listed_functions_are_not_shown(tmp_path: Path, sql: str) -> None:
    """They would show what is inside them, with its estimates."""
    with pytest.raises(UnsupportedRefusal, match="EXPLAIN") as refused:
        planner(tmp_path, "analyst", SNAPSHOT, LISTED).plan(sql, ())
    assert "clinic.label" in str(refused.value.detail)


def test_names_that_may_be_temporary_relations_need_a_schema(tmp_path: Path) -> None:
    """Those of the session would be found first, and no snapshot has them."""
    analyst = planner(tmp_path, "analyst")
    path = ("pg_temp_3", "pg_catalog", "sales")
    for sql in (
        "SELECT id FROM orders",
        "COPY orders TO STDOUT",
        "INSERT INTO orders VALUES (1)",
        "EXPLAIN TABLE orders",
    ):
        with pytest.raises(UnsupportedRefusal, match="could be a temporary relation"):
            analyst.plan(sql, path)
    assert analyst.plan("SELECT o.id FROM sales.orders o, pg_class", path).text


def test_rules_keep_a_table_from_being_written(tmp_path: Path) -> None:
    """What a rule does instead is not in the statement."""
    ruled = tuple(replace(r, has_write_rules=r.name == "orders") for r in SNAPSHOT.relations)
    with pytest.raises(UnsupportedRefusal) as refused:
        planner(tmp_path, "analyst", replace(SNAPSHOT, relations=ruled)).plan("DELETE FROM sales.orders", ())
    assert refused.value.detail is not None
    assert "rules" in refused.value.detail
