"""What each relation of a statement is for one role."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.catalog.snapshot import RelationKind
from proxy.errors import PolicyRefusal, UnsupportedRefusal
from proxy.planner.references import RelationReference
from proxy.planner.sources import Resolver, Source, Treatment
from tests.support.small_clinic import PATIENTS, SNAPSHOT, planner


def resolver(folder: Path, role: str, *path: str) -> Resolver:
    """Name resolution for a role, no view being clear."""
    return Resolver(SNAPSHOT, planner(folder, role).role, path, lambda _: False)


@pytest.mark.parametrize(
    ("path", "name", "found"),
    [
        (("clinic",), "patients", "clinic.patients"),
        (("other", "clinic"), "patients", "other.patients"),
        (("nothing", "clinic"), "patients", "clinic.patients"),
        (("clinic",), "pg_class", "pg_catalog.pg_class"),
        (("clinic", "pg_catalog"), "pg_class", "pg_catalog.pg_class"),
        (("clinic", "information_schema"), "tables", "information_schema.tables"),
    ],
)
def test_names_are_found_along_the_search_path(tmp_path: Path, path: tuple[str, ...], name: str, found: str) -> None:
    """In the first schema that has them; the system's comes first unless the path says where (manual, 5.10.5)."""
    source = resolver(tmp_path, "analyst", *path).resolve(RelationReference(None, name))
    assert f"{source.schema}.{source.name}" == found


def test_a_system_catalog_has_no_columns_to_mask(tmp_path: Path) -> None:
    """It stays as it is; whoever wants to mask one is refused."""
    source = resolver(tmp_path, "analyst").resolve(RelationReference("pg_catalog", "pg_class"))
    assert source == Source("pg_catalog", "pg_class", Treatment.SYSTEM)
    assert not source.needs_rewrite
    with pytest.raises(UnsupportedRefusal, match="cannot be masked"):
        source.of_user()


def test_what_is_no_table_cannot_be_read(tmp_path: Path) -> None:
    """A sequence's rows are no rows of a policy."""
    relations = tuple(replace(r, kind=RelationKind.SEQUENCE) if r.oid == PATIENTS else r for r in SNAPSHOT.relations)
    changed = replace(resolver(tmp_path, "analyst"), snapshot=replace(SNAPSHOT, relations=relations))
    with pytest.raises(PolicyRefusal, match="only tables and views"):
        changed.resolve(RelationReference("clinic", "patients"))


def test_a_table_that_no_policy_lists_is_out_of_reach_for_everyone(tmp_path: Path) -> None:
    """Also for a role that reads all: nobody has said what its columns are."""
    with pytest.raises(PolicyRefusal) as refused:
        resolver(tmp_path, "clinician").resolve(RelationReference("clinic", "unlisted"))
    assert refused.value.detail is not None
    assert "does not list" in refused.value.detail
