"""Which planner is in force, and what a session sees of a policy or catalog that changes under it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.catalog.snapshot import Column, Relation, Snapshot
from proxy.errors import PolicyFileError, PolicyRefusal
from proxy.metrics import Metrics
from proxy.policy.load import load_policy
from proxy.policy.model import Policy
from proxy.scopes import LivePlanning, Scopes
from tests.support.small_clinic import PATIENTS, POLICY, SNAPSHOT, TEXT

PATH = ("clinic",)
ALL = "SELECT * FROM patients"


@pytest.fixture
def scopes(tmp_path: Path) -> Scopes:
    """The small clinic's policy on its catalog."""
    scopes = Scopes(policy(tmp_path, POLICY), Metrics())
    assert scopes.update_catalog(SNAPSHOT) == ()
    return scopes


def policy(folder: Path, text: str) -> Policy:
    """A policy of this text."""
    file = folder / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    return load_policy(file)


def planning(scopes: Scopes, role: str, kicked: list[str] | None = None) -> LivePlanning:
    """A session's planning in this role."""
    databases: list[str] = [] if kicked is None else kicked
    return LivePlanning(scopes, "clinic", role, databases.append)


def with_columns(*columns: Column) -> Snapshot:
    """A newer catalog in which the patients have these columns."""

    def changed(relation: Relation) -> Relation:
        return replace(relation, columns=columns) if relation.oid == PATIENTS else relation

    return replace(SNAPSHOT, version="2", relations=tuple(map(changed, SNAPSHOT.relations)))


def test_planner_is_kept(scopes: Scopes) -> None:
    """A role has one planner for as long as policy and catalog stay, so that its plans are found again."""
    session = planning(scopes, "analyst")
    assert session.generation is planning(scopes, "analyst").generation
    assert session.generation is not planning(scopes, "clinician").generation


def test_policy_replaced(scopes: Scopes, tmp_path: Path) -> None:
    """A session plans its next statement under the new policy, and what it planned before is not used again."""
    session = planning(scopes, "analyst")
    before, plan = session.generation, session.plan("SELECT ssn FROM patients", PATH)
    scopes.replace_policy(policy(tmp_path, POLICY.replace("mask: nullify", "mask: clear")))
    after = session.plan("SELECT ssn FROM patients", PATH)
    assert session.generation is not before
    assert (plan.columns[0].mask, after.policy_version) == ("nullify", scopes.policy.version)
    assert plan.text != after.text


def test_policy_that_does_not_fit(scopes: Scopes, tmp_path: Path) -> None:
    """A policy that does not fit a known catalog is not taken over, and nothing is planned anew."""
    session, version = planning(scopes, "analyst"), scopes.policy.version
    before = session.generation
    with pytest.raises(PolicyFileError, match=r"policy\.yaml:9: .*no column nosuch"):
        scopes.replace_policy(policy(tmp_path, POLICY.replace("sex: clear", "nosuch: clear")))
    assert (scopes.policy.version, scopes.problems("clinic")) == (version, ())
    assert session.generation is before


def test_role_removed(scopes: Scopes, tmp_path: Path) -> None:
    """A session whose role a new policy does not have is refused everything, and everything is protected for it."""
    session = planning(scopes, "clerk")
    assert not session.is_protected(20004, 1)
    scopes.replace_policy(policy(tmp_path, POLICY[: POLICY.index("  clerk:")]))
    with pytest.raises(PolicyRefusal, match='role "clerk" does not exist'):
        session.plan("SELECT 1", PATH)
    with pytest.raises(PolicyRefusal, match='role "clerk" does not exist'):
        session.split("SELECT 1")
    assert session.restricted
    assert session.is_protected(20004, 1)
    assert session.generation is not session.generation


def test_unknown_database(scopes: Scopes) -> None:
    """Before a database's catalog was read nothing is planned on it."""
    kicked: list[str] = []
    elsewhere = LivePlanning(scopes, "other", "clinician", kicked.append)
    with pytest.raises(PolicyRefusal, match='catalog of database "other" is not known yet'):
        elsewhere.plan("SELECT 1", PATH)
    assert scopes.problems("other") == ()


def test_column_added(scopes: Scopes) -> None:
    """A column that the policy does not know is hidden from everyone until it has a kind, and is reported."""
    columns = (*SNAPSHOT.relations[0].columns, Column("diagnosis", 6, TEXT))
    problems = scopes.update_catalog(with_columns(*columns))
    assert ["column diagnosis has no kind" in problem for problem in problems] == [True]
    assert scopes.problems("clinic") == problems
    for role in ("analyst", "clinician"):
        session = planning(scopes, role)
        assert "diagnosis" not in session.plan(ALL, PATH).text
        assert session.is_protected(PATIENTS, 6)


def test_column_renamed(scopes: Scopes) -> None:
    """A protected column under another name is hidden: its old kind does not follow it by chance."""
    first, ssn, *rest = SNAPSHOT.relations[0].columns
    problems = scopes.update_catalog(with_columns(first, replace(ssn, name="tax_id"), *rest))
    assert len(problems) == 2
    session = planning(scopes, "clinician")
    assert "tax_id" not in session.plan(ALL, PATH).text
    assert session.is_protected(PATIENTS, 2)


def test_kick(scopes: Scopes) -> None:
    """A name that the snapshot does not have makes the catalog be looked at again; other refusals do not."""
    kicked: list[str] = []
    session = planning(scopes, "analyst", kicked)
    with pytest.raises(PolicyRefusal):
        session.plan("SELECT pg_read_file('x')", PATH)
    assert kicked == []
    with pytest.raises(PolicyRefusal):
        session.plan("SELECT * FROM clinic.new_table", PATH)
    assert kicked == ["clinic"]


def test_a_role_that_is_gone_is_one_generation(scopes: Scopes, tmp_path: Path) -> None:
    """Another than any before, and the same until the next change, or a session would wait for it forever."""
    session = planning(scopes, "clinician")
    before = session.generation
    gone = POLICY.replace("clinician:", "doctor:")
    scopes.replace_policy(policy(tmp_path, gone))
    first = session.generation
    assert first != before
    assert session.generation == first
    scopes.replace_policy(policy(tmp_path, gone))
    assert session.generation != first
