"""A policy on a catalog: decisions for each role, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.catalog.snapshot import ColumnType, RelationKind, Snapshot
from proxy.errors import PolicyFileError
from proxy.policy.bound import BoundPolicy, BoundRole, ColumnDecision, bind
from proxy.policy.load import load_policy
from proxy.policy.masks import Clear, DateUnit, Deny, Generalize, Hidden, Nullify, Partial, Shift
from tests.support import shown as types
from tests.support.catalog import catalog, relation

PATIENTS = {"id": types.BIGINT, "ssn": types.CHAR11, "dob": types.DATE, "zip": types.VARCHAR20, "sex": types.TEXT}
EVENTS = {"id": types.BIGINT, "at": types.DATE, "note": types.TEXT}
CATALOG = catalog(
    [
        relation("clinic.patients", PATIENTS),
        relation("clinic.events", EVENTS, kind=RelationKind.PARTITIONED_TABLE),
        relation("clinic.events_1", EVENTS, parents=("clinic.events",)),
        relation("clinic.events_1_a", {**EVENTS, "extra": types.TEXT}, parents=("clinic.events_1",)),
        relation("clinic.recent", {"id": types.BIGINT}, kind=RelationKind.VIEW),
        relation("clinic.per_zip", {"zip": types.VARCHAR20}, kind=RelationKind.MATERIALIZED_VIEW),
        relation("clinic.ids", {"last_value": types.BIGINT}, kind=RelationKind.SEQUENCE),
        relation("sales.orders", {"id": types.BIGINT, "amount": types.NUMERIC}),
        relation("sales.recent", {"id": types.BIGINT}, kind=RelationKind.VIEW),
    ],
    functions=[("clinic", "age_at")],
)
Made = tuple[str, dict[str, ColumnType], RelationKind, tuple[str, ...]]
POLICY = """\
version: 1
kinds:
  ssn: {safe_harbor: social_security_number, mask: {partial: {show_last: 4}}}
  date: {safe_harbor: date, mask: {generalize: year}}
  zip: {mask: zip3}
  note: {mask: deny}
tables:
  clinic.patients:
    columns: {id: clear, ssn: ssn, dob: date, zip: zip, sex: clear}
  clinic.events:
    columns: {id: clear, at: date, note: note}
  clinic.per_zip:
    columns: {zip: zip}
  sales.*: {columns: clear}
roles:
  doctor:
    reads: ["*"]
    masks: {"*": clear}
    writes: [clinic.*]
    functions: [clinic.age_at]
  clerk:
    reads: [clinic.patients, clinic.events, clinic.recent, sales.*]
    masks: {date: {generalize: month}, clinic.events.at: nullify}
  strict:
    reads: [clinic.*, sales.*]
    masks: {"*": nullify, ssn: deny, clinic.patients.ssn: clear, clear: clear}
"""


def bound(folder: Path, text: str = POLICY, snapshot: Snapshot = CATALOG, *, strict: bool = True) -> BoundPolicy:
    """The policy in ``text`` on the catalog."""
    path = folder / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return bind(load_policy(path), snapshot, strict=strict)


def problems(folder: Path, text: str, snapshot: Snapshot = CATALOG) -> list[str]:
    """What does not fit, without the folder."""
    with pytest.raises(PolicyFileError) as caught:
        bound(folder, text, snapshot)
    return [p.removeprefix(f"{folder}/") for p in caught.value.problems]


def role(policy: BoundPolicy, name: str) -> BoundRole:
    """A role that is there."""
    found = policy.role(name)
    assert found is not None
    return found


def decision(of: BoundRole, table: str, column: str) -> ColumnDecision:
    """What a role sees of one column of the catalog."""
    schema, name = table.split(".")
    access = of.access(CATALOG.by_name[schema, name])
    return next(d for d in access.columns if d.column.name == column)


@pytest.mark.parametrize(
    ("name", "table", "column", "mask", "rule"),
    [
        ("doctor", "clinic.patients", "ssn", Clear(), "roles.doctor.masks.* (p.yaml:18)"),
        ("doctor", "clinic.events", "note", Clear(), "roles.doctor.masks.* (p.yaml:18)"),
        ("clerk", "clinic.patients", "ssn", Partial(show_last=4), "kinds.ssn (p.yaml:3)"),
        ("clerk", "clinic.patients", "dob", Generalize(DateUnit.MONTH), "roles.clerk.masks.date (p.yaml:23)"),
        ("clerk", "clinic.events", "at", Nullify(), "roles.clerk.masks.clinic.events.at (p.yaml:23)"),
        ("clerk", "clinic.events", "note", Deny(), "kinds.note (p.yaml:6)"),
        ("clerk", "clinic.patients", "sex", Clear(), "tables.clinic.patients.columns.sex (p.yaml:9)"),
        ("clerk", "sales.orders", "amount", Clear(), "tables.sales.* (p.yaml:14)"),
        ("strict", "clinic.patients", "ssn", Clear(), "roles.strict.masks.clinic.patients.ssn (p.yaml:26)"),
        ("strict", "clinic.patients", "zip", Nullify(), "roles.strict.masks.* (p.yaml:26)"),
        ("strict", "clinic.patients", "sex", Clear(), "roles.strict.masks.clear (p.yaml:26)"),
    ],
)
def test_the_most_particular_rule_holds(
    tmp_path: Path, name: str, table: str, column: str, mask: object, rule: str
) -> None:
    """By column before by kind before "*" before the kind's own; the decision says which it was."""
    found = decision(role(bound(tmp_path), name), table, column)
    assert (found.mask, found.rule) == (mask, rule)


def test_a_decision_knows_kind_and_safe_harbor_class(tmp_path: Path) -> None:
    """Reports need both; columns without protection have the kind clear."""
    clerk = role(bound(tmp_path), "clerk")
    assert decision(clerk, "clinic.patients", "ssn").kind == "ssn"
    assert decision(clerk, "clinic.patients", "ssn").safe_harbor == "social_security_number"
    assert decision(clerk, "sales.orders", "id").kind == "clear"


def test_decisions_come_in_the_order_of_attributes(tmp_path: Path) -> None:
    """Every live column has one, and the access is kept."""
    clerk, patients = role(bound(tmp_path), "clerk"), CATALOG.by_name["clinic", "patients"]
    access = clerk.access(patients)
    assert [d.column for d in access.columns] == list(patients.columns)
    assert clerk.access(patients) is access


def test_partitions_take_the_decisions_of_their_parent(tmp_path: Path) -> None:
    """By name, through every level, masks by column included; what the parent does not have is hidden."""
    strict, clerk = role(bound(tmp_path), "strict"), role(bound(tmp_path), "clerk")
    assert decision(strict, "clinic.events_1_a", "note").mask == Nullify()
    assert decision(strict, "clinic.events_1_a", "extra").mask == Hidden()
    assert not clerk.access(CATALOG.by_name["clinic", "events_1"]).readable
    text = POLICY.replace("clinic.events, clinic.recent", "clinic.*")
    assert decision(role(bound(tmp_path, text), "clerk"), "clinic.events_1_a", "at").mask == Nullify()


def test_what_a_role_does_not_read_is_out_of_reach(tmp_path: Path) -> None:
    """Unlisted relations are unknown, unread ones known; every column of both is hidden."""
    policy = bound(tmp_path)
    clerk = role(policy, "clerk")
    unread = clerk.access(CATALOG.by_name["clinic", "per_zip"])
    assert (unread.known, unread.readable, unread.writable, unread.clear) == (True, False, False, False)
    sequence = role(policy, "doctor").access(CATALOG.by_name["clinic", "ids"])
    assert (sequence.known, sequence.readable, sequence.clear) == (False, False, False)
    assert {d.mask for d in (*unread.columns, *sequence.columns)} == {Hidden()}


def test_views_need_no_entry(tmp_path: Path) -> None:
    """A view is readable where the role reads it, is never clear by itself, and schema.* does not cover it."""
    clerk = role(bound(tmp_path), "clerk")
    for schema in ("clinic", "sales"):
        view = clerk.access(CATALOG.by_name[schema, "recent"])
        assert (view.known, view.readable, view.clear, view.writable) == (True, True, False, False)
        assert {d.mask for d in view.columns} == {Hidden()}


def test_an_unlisted_materialized_view_is_out_of_reach(tmp_path: Path) -> None:
    """It holds rows of its own, so it needs an entry."""
    text = POLICY.replace("  clinic.per_zip:\n    columns: {zip: zip}\n", "")
    access = role(bound(tmp_path, text), "doctor").access(CATALOG.by_name["clinic", "per_zip"])
    assert (access.known, access.readable) == (False, False)


def test_writing_is_for_listed_tables_that_the_role_writes(tmp_path: Path) -> None:
    """Neither reading nor knowing is enough."""
    policy = bound(tmp_path)
    patients, orders = CATALOG.by_name["clinic", "patients"], CATALOG.by_name["sales", "orders"]
    assert role(policy, "doctor").access(patients).writable
    assert not role(policy, "doctor").access(orders).writable
    assert not role(policy, "clerk").access(patients).writable


def test_restricted_means_that_something_is_kept_from_the_role(tmp_path: Path) -> None:
    """Who sees everything is unrestricted, sequences aside; one unlisted table or unread view changes that."""
    whole = catalog(_listed(), functions=[("clinic", "age_at")])
    assert not role(bound(tmp_path, POLICY, whole), "doctor").restricted
    assert role(bound(tmp_path, POLICY, whole), "clerk").restricted
    assert role(bound(tmp_path), "doctor").restricted  # a partition's own column without a kind
    unlisted = catalog([*_listed(), relation("public.other", {"x": types.TEXT})])
    assert role(bound(tmp_path, POLICY.replace("[clinic.age_at]", "[]"), unlisted), "doctor").restricted
    narrow = POLICY.replace('reads: ["*"]', "reads: [clinic.patients, clinic.events, sales.orders]")
    assert role(bound(tmp_path, narrow, whole), "doctor").restricted


def test_what_restricts_a_role_is_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement asks whether its role is restricted, and the catalog under it does not change."""
    clerk = role(bound(tmp_path), "clerk")
    first = clerk.restricted
    monkeypatch.setattr(BoundRole, "_restricts", lambda *_: pytest.fail("looked for again"))
    assert clerk.restricted is first


def _listed() -> list[tuple[str, dict[str, ColumnType], RelationKind, tuple[str, ...]]]:
    return [
        relation(r.qualified_name, {c.name: c.type for c in r.columns}, kind=r.kind)
        for r in CATALOG.relations
        if not r.parents
    ]


def test_stored_values_are_protected_unless_clear(tmp_path: Path) -> None:
    """Masked, hidden, unreadable and unknown columns are; system catalogs, expressions and clear columns are not."""
    clerk = role(bound(tmp_path), "clerk")
    patients, per_zip = CATALOG.by_name["clinic", "patients"], CATALOG.by_name["clinic", "per_zip"]
    numbers = {c.name: c.number for c in patients.columns}
    assert clerk.is_protected(patients.oid, numbers["ssn"])
    assert not clerk.is_protected(patients.oid, numbers["sex"])
    assert not clerk.is_protected(patients.oid, -1)
    assert clerk.is_protected(patients.oid, numbers["sex"] + 1)
    assert clerk.is_protected(per_zip.oid, 1)
    assert clerk.is_protected(per_zip.oid, -1)
    assert clerk.is_protected(99999, 1)
    assert not clerk.is_protected(1259, 2)
    assert not clerk.is_protected(0, 0)
    assert not clerk.is_protected(CATALOG.by_name["clinic", "recent"].oid, 1)
    assert clerk.is_protected(CATALOG.by_name["clinic", "ids"].oid, 1)


def test_a_relation_of_another_catalog_is_out_of_reach(tmp_path: Path) -> None:
    """The same oid elsewhere says nothing."""
    other = catalog([relation("clinic.patients", {"ssn": types.TEXT})]).relations[0]
    doctor = role(bound(tmp_path), "doctor")
    doctor.access(CATALOG.relations[0])
    assert not doctor.access(other).readable


def test_roles_are_found_by_name(tmp_path: Path) -> None:
    """The same object each time; functions come as schema.name."""
    policy = bound(tmp_path)
    assert policy.role("nobody") is None
    assert policy.role("doctor") is policy.role("doctor")
    assert policy.role_names == ("clerk", "doctor", "strict")
    assert role(policy, "doctor").functions == {"clinic.age_at"}
    assert (len(policy.version), policy.snapshot) == (12, CATALOG)
    assert "ssn" not in repr(policy) + repr(role(policy, "clerk"))


def test_a_database_without_the_policys_tables_binds_to_nothing(tmp_path: Path) -> None:
    """Nothing fits, nothing is wrong, nothing is readable."""
    other = catalog([relation("public.things", {"x": types.TEXT})], schemas=["clinic"])
    doctor = role(bound(tmp_path, POLICY, other), "doctor")
    assert not doctor.access(other.relations[0]).readable
    assert doctor.restricted


VIEW = "this is a view: it shows what the tables under it show, and takes no entry"
NO_TABLE = "the database has no table or view"
CLERK = "roles.clerk.masks"
ONLY_DATES = "generalize is a mask of dates and timestamps, and the column is character(11)"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("clinic.per_zip:", "clinic.per_zips:",
         ['p.yaml:12: tables.clinic.per_zips: the database has no such table; did you mean "clinic.per_zip"?']),
        ("clinic.per_zip:", "clinic.recent:", [f"p.yaml:12: tables.clinic.recent: {VIEW}"]),
        ("clinic.per_zip:", "clinic.ids:", ["p.yaml:12: tables.clinic.ids: this is a sequence, not a table"]),
        ("sex: clear}", "gender: clear}",
         ["p.yaml:8: tables.clinic.patients.columns: the column sex has no kind",
          "p.yaml:9: tables.clinic.patients.columns: there is no column gender"]),
        ("sales.*: {", "salse.*: {",
         ['p.yaml:14: tables.salse.*: the database has no schema salse; did you mean "sales"?']),
        ("ssn: ssn", "ssn: date",
         [f"p.yaml:23: roles.clerk.masks.date does not fit clinic.patients.ssn: {ONLY_DATES}",
          f"p.yaml:4: kinds.date does not fit clinic.patients.ssn: {ONLY_DATES}"]),
        ("reads: [clinic.*, sales.*]", "reads: [clinic.*, saels.*, clinic.patiens]",
         ['p.yaml:25: roles.strict.reads: the database has no schema saels; did you mean "sales"?',
          f'p.yaml:25: roles.strict.reads: {NO_TABLE} clinic.patiens; did you mean "clinic.patients"?']),
        ("[clinic.age_at]", "[clinic.age]",
         ['p.yaml:20: roles.doctor.functions: there is no function clinic.age; did you mean "clinic.age_at"?']),
        ("clinic.events.at: nullify", "sales.orders.amont: nullify",
         [f'p.yaml:23: {CLERK}.sales.orders.amont: sales.orders has no column amont; did you mean "amount"?']),
        ("clinic.events.at: nullify", "sales.order.id: nullify",
         [f"p.yaml:23: {CLERK}.sales.order.id: the database has no table sales.order"]),
    ],
)  # fmt: skip
def test_what_the_catalog_lacks_is_a_problem(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    """Each disagreement is one line with file and line."""
    assert POLICY.count(old) == 1
    assert sorted(problems(tmp_path, POLICY.replace(old, new))) == expected


def test_problems_come_in_the_order_of_lines(tmp_path: Path) -> None:
    """Line 4 before line 23."""
    lines = [int(p.split(":")[1]) for p in problems(tmp_path, POLICY.replace("ssn: ssn", "ssn: date"))]
    assert lines == [4, 23]


def test_a_child_may_not_be_listed_otherwise_than_its_parent(tmp_path: Path) -> None:
    """The parent shows the child's rows too, so both must say the same; columns of its own are the child's business."""
    same = POLICY.replace(
        "  clinic.per_zip:",
        "  clinic.events_1_a:\n    columns: {id: clear, at: date, note: note, extra: note}\n  clinic.per_zip:",
    )
    strict = role(bound(tmp_path, same), "strict")
    assert decision(strict, "clinic.events_1_a", "extra").mask == Nullify()
    message = "should be note as in tables.clinic.events.columns.note (p.yaml:11), which shows the same rows"
    looser = same.replace("note: note, extra", "note: clear, extra")
    assert problems(tmp_path, looser) == [f"p.yaml:13: tables.clinic.events_1_a.columns.note: {message}"]
    assert decision(role(bound(tmp_path, looser, strict=False), "strict"), "clinic.events_1_a", "note").mask == Hidden()
    whole = same.replace("columns: {id: clear, at: date, note: note, extra: note}", "columns: clear")
    assert f"p.yaml:12: tables.clinic.events_1_a.columns.note: {message}" in problems(tmp_path, whole)
    masked = same.replace("clinic.events.at: nullify", "clinic.events_1_a.at: clear")
    instead = "name the column of clinic.events instead, which shows the same rows"
    assert problems(tmp_path, masked) == [f"p.yaml:25: roles.clerk.masks.clinic.events_1_a.at: {instead}"]


def test_parents_that_disagree_are_a_problem(tmp_path: Path) -> None:
    """A child of two parents cannot obey both."""
    both = catalog(
        [
            *(relation(name, {"x": types.TEXT}) for name in ("a.one", "a.two")),
            relation("a.child", {"x": types.TEXT}, parents=("a.one", "a.two")),
        ]
    )
    text = (
        "version: 1\nkinds: {k: {mask: nullify}}\ntables:\n  a.one: {columns: {x: k}}\n  a.two: {columns: clear}\n"
        "roles: {r: {reads: ['*']}}\n"
    )
    expected = "parents of a.child disagree: tables.a.two says clear"
    assert problems(tmp_path, text, both) == [f"p.yaml:4: tables.a.one.columns.x: {expected}"]
    access = role(bound(tmp_path, text, both, strict=False), "r").access(both.by_name["a", "child"])
    assert [d.mask for d in access.columns] == [Hidden()]
    agreed = text.replace("a.two: {columns: clear}", "a.two: {columns: {x: k}}")
    access = role(bound(tmp_path, agreed, both), "r").access(both.by_name["a", "child"])
    assert [d.mask for d in access.columns] == [Nullify()]


_FAMILY = """\
version: 1
kinds: {k: {mask: nullify}, other: {mask: clear}}
tables: {a.child: {columns: {x: k, y: clear}}, a.masked: {columns: {x: k, y: clear}}, b.*: {columns: clear}}
roles: {r: {reads: ['*']}}
"""
_XY = {"x": types.TEXT, "y": types.TEXT}


@pytest.mark.parametrize(
    "children",
    [
        [relation("a.child", _XY, parents=("b.all",))],
        [relation("b.middle", _XY, parents=("b.all",)), relation("a.child", _XY, parents=("b.middle",))],
        [relation("b.kid", _XY, parents=("a.masked", "b.all"))],
    ],
)
def test_a_clear_parent_hides_what_its_children_protect(tmp_path: Path, children: list[Made]) -> None:
    """It shows their rows too, so that a protected table cannot be attached to it to be read."""
    family = catalog([relation("a.masked", _XY), relation("b.all", _XY), *children])
    access = role(bound(tmp_path, _FAMILY, family, strict=False), "r").access(family.by_name["b", "all"])
    assert [d.mask for d in access.columns] == [Hidden(), Clear()]


def test_a_clear_parent_hides_what_its_children_were(tmp_path: Path) -> None:
    """Also a table that had an entry only by a parent that it was taken from, and what a role masks by its name."""
    before = catalog([relation("a.masked", _XY), relation("b.all", _XY), relation("b.kid", _XY, parents=("a.masked",))])
    after = catalog([relation("a.masked", _XY), relation("b.all", _XY), relation("b.kid", _XY, parents=("b.all",))])
    known = bound(tmp_path, _FAMILY, before, strict=False)
    policy = bind(load_policy(tmp_path / "p.yaml"), after, strict=False, memory=known.memory)
    assert [d.mask for d in role(policy, "r").access(after.by_name["b", "all"]).columns] == [Hidden(), Clear()]
    named = catalog([relation("b.all", _XY), relation("a.child", _XY, parents=("b.all",))])
    text = _FAMILY.replace("roles: {", "roles: {s: {reads: ['*'], masks: {a.child.y: nullify}}, ")
    columns = role(bound(tmp_path, text, named, strict=False), "s").access(named.by_name["b", "all"]).columns
    assert [d.mask for d in columns] == [Hidden(), Hidden()]


def test_what_does_not_fit_is_hidden_in_a_running_proxy(tmp_path: Path) -> None:
    """With strict off, a new column, or one whose type has changed, is hidden, and the problems are kept."""
    changed = catalog(
        [
            relation("clinic.patients", {**PATIENTS, "dob": types.INTEGER, "new": types.TEXT}),
            *(r for r in _listed() if r[0] != "clinic.patients"),
        ],
        functions=[("clinic", "age_at")],
    )
    policy = bound(tmp_path, POLICY, changed, strict=False)
    assert any("the column new has no kind" in p for p in policy.problems)
    access = role(policy, "clerk").access(changed.by_name["clinic", "patients"])
    masks = {d.column.name: d.mask for d in access.columns}
    assert masks["new"] == masks["dob"] == Hidden()
    assert masks["ssn"] == Partial(show_last=4)
    assert not role(policy, "doctor").access(changed.by_name["clinic", "patients"]).clear


SHIFTED = """\
version: 1
domains: {patient: {}}
kinds:
  date: {mask: {shift: {by: id, within_days: 30, domain: patient}}}
tables:
  clinic.patients: {columns: {id: clear, ssn: clear, dob: date, zip: clear, sex: clear}}
roles:
  clerk: {reads: [clinic.patients]}
"""


def test_a_shift_is_decided_with_its_domains_secret(tmp_path: Path) -> None:
    """The decision has the secret, which nothing prints; without a keyring it has none."""
    path = tmp_path / "p.yaml"
    path.write_text(SHIFTED, encoding="utf-8")
    policy = load_policy(path)
    keyed = bind(policy, CATALOG, shift_secret={"patient": "5ec7e7"}.get)
    for some, secret in ((keyed, "5ec7e7"), (bind(policy, CATALOG), None)):
        decided = decision(role(some, "clerk"), "clinic.patients", "dob")
        assert decided.mask == Shift("id", 30, "patient", secret)
        assert "5ec7e7" not in f"{decided!r} {decided.mask}"


def test_a_shift_by_a_column_of_another_type_does_not_fit(tmp_path: Path) -> None:
    """The catalog knows the type of the column that dates are shifted by."""
    found = problems(tmp_path, SHIFTED.replace("by: id", "by: dob2").replace("dob: date", "dob: date, dob2: clear"))
    missing = "clinic.patients has no column dob2 to shift by"
    assert found == [
        f'p.yaml:4: kinds.date does not fit clinic.patients.dob: {missing}; did you mean "dob"?',
        'p.yaml:6: tables.clinic.patients.columns: there is no column dob2; did you mean "dob"?',
    ]
