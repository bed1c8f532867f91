"""Which casts leave a column what it is."""

from __future__ import annotations

import pytest

from proxy.planner import grammar
from proxy.planner.casts import plain_cast
from proxy.planner.references import inner


@pytest.mark.parametrize(
    ("expression", "type_name"),
    [
        ("dob::date", "date"),
        ("dob::pg_catalog.date", "date"),
        ("CAST(dob AS int4)", "integer"),
        ("date(dob)", "date"),
        ("dob::clinic.date", None),
        ("dob::varchar(3)", None),
        ("dob::date[]", None),
        ("date(dob, 1)", None),
        ("date(DISTINCT dob)", None),
        ("date(dob) OVER ()", None),
        ("clinic.date(dob)", None),
        ("dob || 'x'", None),
    ],
)
def test_only_built_in_types_without_modifiers_leave_a_column_as_it_is(expression: str, type_name: str | None) -> None:
    """A type of somebody's schema may be named like a built-in one, and its cast may do anything."""
    select = inner(grammar.parse(f"SELECT {expression}").stmts[0].stmt)
    found = plain_cast(inner(select.target_list[0].res_target.val))
    assert (found[1] if found is not None else None) == type_name
