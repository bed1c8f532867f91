"""What ``pgveil policy check`` finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.catalog.snapshot import RelationKind
from proxy.policy import check as checking
from proxy.policy.bound import bind
from proxy.policy.check import check
from proxy.policy.load import load_policy
from tests.support import shown as types
from tests.support.catalog import catalog, relation

POLICY = """\
version: 1
kinds: {ssn: {mask: {partial: {show_last: 4}}}}
tables:
  clinic.patients: {columns: {id: clear, ssn: ssn}}
  sales.*: {columns: clear}
roles:
  clerk: {reads: [clinic.patients], writes: [sales.*]}
  doctor: {reads: ["*"], masks: {"*": clear}}
"""
RELATIONS = [
    relation("clinic.patients", {"id": types.BIGINT, "ssn": types.CHAR11}),
    relation("sales.orders", {"id": types.BIGINT}),
]
CATALOG = catalog(RELATIONS)


def write(folder: Path, text: str) -> Path:
    """The policy file."""
    path = folder / "p.yaml"
    path.write_text(text)
    return path


def test_a_good_policy_has_a_summary(tmp_path: Path) -> None:
    """Without a catalog what the files hold, with one what each role sees."""
    path = write(tmp_path, POLICY)
    alone = check(path)
    assert alone.problems == ()
    assert alone.summary is not None
    assert (alone.summary.kinds, alone.summary.tables, alone.summary.schemas, alone.summary.columns) == (1, 1, 1, 2)
    assert (alone.summary.role_names, alone.summary.roles) == (("clerk", "doctor"), ())
    summary = check(path, CATALOG).summary
    assert summary is not None
    assert (summary.database, summary.covered) == ("clinic", True)
    clerk, doctor = summary.roles
    assert (clerk.reads, clerk.writes, clerk.masks) == (1, 1, {"clear": 1, "partial": 1})
    assert (doctor.reads, doctor.writes, doctor.masks) == (2, 0, {"clear": 3})


def test_problems_are_returned_not_raised(tmp_path: Path) -> None:
    """Files that do not load have no summary; a catalog that does not fit has both."""
    broken = check(write(tmp_path, "version: 1\nkinds: {a: {mask: x}}\n"), CATALOG)
    assert broken.summary is None
    assert len(broken.problems) == 1
    path = write(tmp_path, POLICY.replace("ssn: ssn", "snn: ssn"))
    assert check(path).problems == ()
    assert len(check(path, CATALOG).problems) == 2
    assert check(path, CATALOG).summary is not None


def test_a_database_without_the_policys_tables_is_not_covered(tmp_path: Path) -> None:
    """The name of the wrong database would otherwise look fine."""
    result = check(write(tmp_path, POLICY), catalog([relation("public.x", {"y": types.TEXT})]))
    assert result.problems == ()
    assert result.summary is not None
    assert not result.summary.covered


def test_a_role_that_is_not_bound_is_an_error(tmp_path: Path) -> None:
    """A summary that left a role out would look like a role without rights."""
    bound = bind(load_policy(write(tmp_path, POLICY)), CATALOG)
    with pytest.raises(LookupError, match="nobody"):
        checking._role(bound, "nobody")


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ("[sales.*]", []),
        ("[sales.orders, '*']", []),
        (
            "[clinic.patients]",
            ["roles.clerk.writes: clinic.patients cannot be written: it has columns masked for this role (ssn)"],
        ),
        ("[clinic.*]", ["roles.clerk.writes: nothing that it matches can be written by this role"]),
        ("[sales.recent]", ["roles.clerk.writes: sales.recent is no table, and only tables can be written"]),
        ("[sales.others]", ["roles.clerk.writes: sales.others can be written only by a role that reads it"]),
    ],
)
def test_writes_that_can_never_be_are_warned_of(tmp_path: Path, grants: str, expected: list[str]) -> None:
    """They are no problem, and have no effect."""
    text = POLICY.replace(
        "reads: [clinic.patients], writes: [sales.*]", f"reads: [clinic.*, sales.orders], writes: {grants}"
    )
    path = write(tmp_path, text)
    more = [relation("sales.recent", {"id": types.BIGINT}, kind=RelationKind.VIEW), relation("sales.others", {})]
    found = check(path, catalog([*RELATIONS, *more]))
    assert found.problems == ()
    assert list(found.warnings) == [f"{path}:7: {message}" for message in expected]
