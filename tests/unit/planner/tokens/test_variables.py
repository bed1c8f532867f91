"""How types of expressions meet."""

from __future__ import annotations

import pytest

from proxy.errors import UnsupportedRefusal
from proxy.planner.plan import Shape, TokenArray, TokenCells, TokenJson, TokenRow, TokenText
from proxy.planner.tokens.literals import shape_of
from proxy.planner.tokens.refusals import Use
from proxy.planner.tokens.variables import Elements, Held, Ordinary, Tokens, Variable, ordinary, unify
from tests.support.token_clinic import MRN, PROVIDER

USE = Use("compared with =", meets=True)
PATIENT = Tokens(MRN, "clinic.patients.mrn")


def test_constants_become_what_they_meet() -> None:
    """In any order, and all that met before become it too."""
    one, two, three = Variable(), Variable(), Variable()
    unify(one, two, USE)
    unify(two, three, USE)
    assert three.bound is None
    unify(Variable(PATIENT), one, USE)
    assert one.tokens == two.tokens == three.tokens == PATIENT


@pytest.mark.parametrize("other", [ordinary(), Variable(Tokens(PROVIDER, "p")), Variable(Elements(Variable()))])
def test_what_is_not_alike_is_refused(other: Variable) -> None:
    """Tokens meet tokens of their own domain, format and type only, from either side."""
    with pytest.raises(UnsupportedRefusal):
        unify(Variable(PATIENT), other, USE)
    with pytest.raises(UnsupportedRefusal):
        unify(other, Variable(PATIENT), USE)


def test_arrays_meet_by_their_elements() -> None:
    """An array of constants beside an array of tokens is one; ordinary use makes its elements ordinary."""
    element = Variable()
    unify(Variable(Elements(element)), Variable(Elements(Variable(PATIENT))), USE)
    assert element.tokens == PATIENT
    inner = Variable()
    Variable(Elements(inner)).be_ordinary(USE)
    assert isinstance(inner.bound, Ordinary)


def test_an_array_of_itself_is_refused() -> None:
    """``$1 = ANY ($1)`` has no type, and no loop."""
    parameter, element = Variable(), Variable()
    unify(parameter, Variable(Elements(element)), USE)
    with pytest.raises(UnsupportedRefusal):
        unify(parameter, element, USE)


@pytest.mark.parametrize(
    "shape",
    [
        TokenCells(MRN),
        TokenCells(MRN, array=True),
        TokenRow((("id", None), ("mrn", TokenCells(MRN)))),
        TokenArray(TokenRow((("mrn", TokenCells(MRN)),))),
        TokenJson(TokenRow((("mrns", TokenCells(MRN, array=True)),))),
        TokenText(TokenJson(TokenCells(MRN))),
    ],
)
def test_a_held_column_is_what_its_relation_shows(shape: Shape) -> None:
    """A view's column of whole rows, JSON or text has the type of the expression that it stands for."""
    kind = Held(shape, PATIENT.column).variable()
    assert shape_of(kind) == shape
    assert kind.innermost == PATIENT


def test_held_columns_have_a_type_of_their_own_each_time() -> None:
    """What one statement learns of a view's column does not reach the next."""
    held = Held(TokenCells(PATIENT.type, array=True), PATIENT.column)
    assert held.variable().innermost == PATIENT
    assert held.variable() is not held.variable()
