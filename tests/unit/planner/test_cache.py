"""The cache of plans: bounded, by search path, and without long texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import PolicyRefusal
from proxy.planner import cache
from proxy.planner.cache import Bounded
from proxy.planner.constants import MAX_CHARACTERS
from proxy.planner.planner import Planner
from tests.support.small_clinic import planner

PATH = ("clinic",)


class Meter:
    """Counts."""

    def __init__(self) -> None:
        self.hits = self.misses = 0
        self.seconds: list[float] = []

    def plan_cache_hit(self) -> None:
        """One more."""
        self.hits += 1

    def plan_cache_miss(self) -> None:
        """One more."""
        self.misses += 1

    def planned(self, seconds: float) -> None:
        """Keep it."""
        self.seconds.append(seconds)


def metered(folder: Path) -> tuple[Planner, Meter]:
    """The analyst's planner with a meter."""
    plain, meter = planner(folder, "analyst"), Meter()
    return Planner(plain.policy, plain.role, meter=meter), meter


def test_the_least_recently_used_goes_first() -> None:
    """Reading counts as use, and there are never more entries than allowed."""
    kept: Bounded[str, int] = Bounded(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert [kept.get(key) for key in ("a", "b", "c")] == [1, None, 3]


def test_hits_and_misses_are_counted(tmp_path: Path) -> None:
    """The same text, and one from a template, are hits; planning is a miss with its seconds, a refusal's too."""
    plans, meter = metered(tmp_path)
    for number in range(4):
        plans.plan(f"SELECT ssn FROM patients WHERE id = {number}", PATH)
    plans.plan("SELECT ssn FROM patients WHERE id = 0", PATH)
    assert (meter.hits, meter.misses) == (3, 2)
    for _ in range(2):
        with pytest.raises(PolicyRefusal):
            plans.plan("SELECT note FROM patients", PATH)
    assert (meter.hits, meter.misses, len(meter.seconds)) == (4, 3, 3)


def test_shapes_without_free_constants_are_planned_one_by_one(tmp_path: Path) -> None:
    """Where each constant is a function's argument, no plan can stand for another, however often the shape comes."""
    plans, meter = metered(tmp_path)
    for number in range(4):
        plans.plan(f"SELECT ssn, max('{number}') FROM patients", PATH)
    assert (meter.hits, meter.misses) == (0, 4)


def test_statements_without_a_template_are_planned_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that cannot be proven is none."""
    monkeypatch.setattr(cache, "make_template", lambda *_: None)
    plans, meter = metered(tmp_path)
    for number in range(4):
        plans.plan(f"SELECT ssn FROM patients WHERE id = {number}", PATH)
    assert (meter.hits, meter.misses) == (0, 4)


def test_long_texts_are_not_kept(tmp_path: Path) -> None:
    """Literals of any length cannot fill the memory."""
    plans, meter = metered(tmp_path)
    text = f"SELECT '{'x' * MAX_CHARACTERS}'"
    assert plans.plan(text, PATH) == plans.plan(text, PATH)
    assert (meter.hits, meter.misses) == (0, 2)


def test_templates_of_one_shape_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shape whose other constants always differ does not fill the memory with templates either."""
    monkeypatch.setattr(cache, "_TEMPLATES_A_SHAPE", 1)
    plans, meter = metered(tmp_path)
    for column in range(1, 6):
        for number in range(2):
            plans.plan(f"SELECT id FROM patients WHERE id = {number}{column} ORDER BY 1 LIMIT {column}", PATH)
    assert meter.hits + meter.misses == 10
    assert meter.misses >= 1
