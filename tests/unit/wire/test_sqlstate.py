"""Which error texts may reach a restricted principal."""

from __future__ import annotations

import pytest

from proxy.wire import sqlstate


@pytest.mark.parametrize("code", ["42601", "42P01", "57014", "53200", "25P02", "0A000", "40001", "34000", "55P03"])
def test_texts_that_name_objects_and_states_pass(code: str) -> None:
    """Syntax, names, cancellation, resources and transaction states cannot quote a value."""
    assert sqlstate.may_carry_text(code)


@pytest.mark.parametrize(
    "code",
    ["22P02", "23505", "P0001", "XX000", "21000", "44000", "38000", "39000", "HV000", "00000", "01000", "ZZ000", ""],
)
def test_texts_that_may_quote_a_value_are_withheld(code: str) -> None:
    """Data, constraint, RAISE, internal and unknown classes are withheld, and so is free text in notices."""
    assert not sqlstate.may_carry_text(code)
    assert code in sqlstate.generic_text(code)


def test_the_class_is_the_first_two_characters() -> None:
    """A code's class is its first two characters."""
    assert sqlstate.class_of(sqlstate.UNDEFINED_FUNCTION) == "42"
