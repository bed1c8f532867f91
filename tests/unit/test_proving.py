"""Proofs: the catalog of a plan against the newest one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.catalog.introspect import ConnectParameters
from proxy.catalog.snapshot import Snapshot
from proxy.catalog.store import CatalogStore, OnChecked
from proxy.errors import CatalogError, ProxyError
from proxy.proving import CatalogProof
from proxy.session.unproven import Unproven
from tests.support.small_clinic import PATIENTS, SNAPSHOT, planner

CHANGED = replace(
    SNAPSHOT, relations=tuple(replace(r, stamp="2") if r.oid == PATIENTS else r for r in SNAPSHOT.relations)
)


class Found(CatalogStore):
    """A store that finds this at each look."""

    def __init__(self, found: Snapshot | CatalogError) -> None:
        super().__init__(ConnectParameters())
        self._found = found

    def check(self, database: str, done: OnChecked) -> None:
        assert database == "clinic"
        done(self._found)


def failure(found: Snapshot | CatalogError, since: object, *relations: str) -> ProxyError | None:
    """What a proof comes to."""
    answers: list[ProxyError | None] = []
    CatalogProof(Found(found), "clinic").prove(Unproven(since, frozenset(relations)), answers.append)
    (answer,) = answers
    return answer


def test_unchanged(tmp_path: Path) -> None:
    """The same catalog, or one that differs elsewhere, is a proof."""
    since = planner(tmp_path, "analyst")
    assert failure(SNAPSHOT, since, "clinic.patients") is None
    assert failure(CHANGED, since, "sales.orders") is None


@pytest.mark.parametrize("relations", [("clinic.patients",), ("sales.orders", "clinic.patients")])
def test_changed(tmp_path: Path, relations: tuple[str, ...]) -> None:
    """A change of what is named ends the session, with a code that clients take for one to try again after."""
    found = failure(CHANGED, planner(tmp_path, "analyst"), *relations)
    assert found is not None
    assert found.sqlstate == "40001"


def test_doubt(tmp_path: Path) -> None:
    """A look that failed proves nothing, nor does a generation without a planner."""
    broken = CatalogError("cannot be read")
    assert failure(broken, planner(tmp_path, "analyst")) is broken
    assert failure(SNAPSHOT, object()) is not None


def test_a_database_that_is_not_known() -> None:
    """Asked for a database that nobody uses, a store says so."""
    answers: list[Snapshot | CatalogError] = []
    CatalogStore(ConnectParameters()).check("clinic", answers.append)
    assert isinstance(answers[0], CatalogError)
