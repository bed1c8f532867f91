"""Views as their masked definitions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.catalog.snapshot import Relation, Snapshot
from proxy.errors import CatalogError, UnsupportedRefusal
from proxy.planner.planner import Planner
from proxy.planner.references import RelationReference
from proxy.planner.views import Views
from tests.support.small_clinic import SNAPSHOT, TEXT, planner

PATH = ("clinic", "sales")
FRONT, TOTALS = 20005, 20007


def changed(oid: int, **more: object) -> Snapshot:
    """The clinic with another relation in one's place."""
    relations = tuple(replace(r, **more) if r.oid == oid else r for r in SNAPSHOT.relations)  # type: ignore[arg-type]
    return replace(SNAPSHOT, relations=relations)


def views(found: Planner) -> Views:
    """The views of that planner's role."""
    return Views(found.snapshot, found.role, None)


def relation(snapshot: Snapshot, oid: int) -> Relation:
    """The relation of that number."""
    return snapshot.by_oid[oid]


def test_only_views_over_something_masked_have_a_text(tmp_path: Path) -> None:
    """A view that is clear stands in the statement by its name."""
    expanded = views(planner(tmp_path, "analyst"))
    assert not expanded.is_clear(relation(SNAPSHOT, FRONT))
    assert '"clinic"."patients"' in expanded.text(relation(SNAPSHOT, FRONT))
    assert expanded.is_clear(relation(SNAPSHOT, TOTALS))
    with pytest.raises(CatalogError, match="needs no expansion"):
        expanded.text(relation(SNAPSHOT, TOTALS))


@pytest.mark.parametrize("written", ["front TABLESAMPLE system (1)", "ONLY front"])
def test_a_view_has_neither_pages_nor_children(tmp_path: Path, written: str) -> None:
    """What the server takes of tables only does not go with a definition in the view's place."""
    with pytest.raises(UnsupportedRefusal) as refused:
        planner(tmp_path, "analyst").plan(f"SELECT * FROM {written}", PATH)
    assert refused.value.reason == "construct"


def test_a_view_whose_definition_is_not_known_is_refused(tmp_path: Path) -> None:
    """What it shows cannot be told."""
    with pytest.raises(UnsupportedRefusal, match="is not known") as refused:
        planner(tmp_path, "analyst", changed(FRONT, definition=None)).plan("SELECT * FROM front", PATH)
    assert refused.value.reason == "view"


def test_a_view_with_other_columns_than_its_definition_has_unknown_ones(tmp_path: Path) -> None:
    """Then no output is taken for a column that it may not be."""
    front = relation(SNAPSHOT, FRONT)
    short = planner(tmp_path, "analyst", changed(FRONT, columns=front.columns[:1]))
    source = views(short).resolver(PATH).resolve(RelationReference("clinic", "front"))
    assert views(short).item(source).columns is None


def test_a_hidden_column_is_no_column_of_a_view_over_it(tmp_path: Path) -> None:
    """A column that no policy knows is not there for the lineage either."""
    patients = relation(SNAPSHOT, 20001)
    more = (*patients.columns, replace(patients.columns[0], name="new", number=9, type=TEXT))
    found = planner(tmp_path, "analyst", changed(20001, columns=more))
    item = views(found).item(views(found).resolver(PATH).resolve(RelationReference("clinic", "patients")))
    assert item.columns is not None
    assert [column.name for column in item.columns] == ["id", "ssn", "last_name", "sex"]
