"""How the demo draws answers."""

from __future__ import annotations

import io
from datetime import date

from rich.console import Console

from proxy.demo.clinic import Answer
from proxy.demo.comparison import SCENES, WIDTH, Comparison, Scene, show

ROLES = SCENES[0].roles
ROW = ("Alejandra", "901-42-0042", date(1931, 3, 14), "03085")


def drawn(comparison: Comparison) -> str:
    """What a terminal of the demo's width would show."""
    out = io.StringIO()
    show(Console(file=out, width=WIDTH, highlight=False), comparison)
    return out.getvalue()


def test_three_answers_stand_side_by_side() -> None:
    """All roles' columns share their lines, and nothing is cut."""
    answer = Answer(("first", "ssn", "dob", "zip"), (ROW,) * 3)
    comparison = Comparison("SELECT 1", dict.fromkeys(ROLES, answer))
    lines = drawn(comparison).splitlines()
    assert comparison.complete
    assert max(len(line) for line in lines) <= WIDTH
    assert sum(line.count("901-42-0042") == len(ROLES) for line in lines) == 3
    assert "…" not in "".join(lines)


def test_null_and_brackets_are_shown_as_they_are() -> None:
    """NULL has a sign of its own, and text in brackets is no markup."""
    shown = drawn(Comparison("SELECT 1", {"analyst": Answer(("a", "b"), ((None, "[SSN]"),))}))
    assert "∅" in shown
    assert "[SSN]" in shown


def test_a_refusal_is_shown_with_its_text() -> None:
    """A role that is refused sees why, and the comparison is not complete."""
    comparison = Comparison("SELECT 1", {"analyst": Answer(error="42501: no such relation for you")})
    assert "42501: no such" in drawn(comparison)
    assert not comparison.complete


def test_a_scene_takes_a_value_out_of_an_answer() -> None:
    """As a constant, whatever is in it; no answer has no first value."""
    comparison = Comparison("SELECT 1", {"analyst": Answer(("a",), (("it's",),)), "billing": Answer(("a",), ())})
    assert comparison.first_of("billing") is None
    assert Scene("SELECT '{token}'").text(comparison.first_of("analyst") or "") == "SELECT 'it''s'"
