"""Which functions a role may call, by name and schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import PolicyRefusal
from proxy.planner.planner import Planner
from tests.support.small_clinic import planner

PATH = ("clinic",)


@pytest.fixture
def clinician(tmp_path: Path) -> Planner:
    """The planner of a role that may call ``clinic.label``."""
    return planner(tmp_path, "clinician")


@pytest.mark.parametrize(
    "call",
    [
        "upper('x')",
        "pg_catalog.upper('x')",
        "information_schema._pg_truetypid(NULL, NULL)",
        "clinic.label(1)",
        "label(1)",
    ],
)
def test_what_is_listed_may_be_called(clinician: Planner, call: str) -> None:
    """Built-in functions of pgveil's lists, and the role's own, with their schema or by the search path."""
    path = PATH if "label" in call else ()
    assert clinician.plan(f"SELECT {call}", path).text == f"SELECT {call}"


@pytest.mark.parametrize(
    ("call", "sqlstate"),
    [
        ("upper('x')", "42501"),
        ("clinic.upper('x')", "42501"),
        ("other.label(1)", "42501"),
        ("pg_catalog.pg_read_file('x')", "42501"),
        ("pg_catalog.label(1)", "42501"),
        ("pg_read_file('x')", "42501"),
        ("information_schema.label(1)", "42501"),
        ("information_schema.upper('x')", "42501"),
        ("nothing(1)", "42883"),
    ],
)
def test_anything_else_may_not(clinician: Planner, call: str, sqlstate: str) -> None:
    """A built-in name too, where the search path has a function of that name that the role does not list."""
    with pytest.raises(PolicyRefusal) as refused:
        clinician.plan(f"SELECT {call}", PATH)
    assert (refused.value.reason, refused.value.sqlstate) == ("function", sqlstate)
