"""The cache of plans, refusals and templates of one planner.

Owns: bounded maps in the order of last use. Must not know: what a plan says. Invariant: never more than ``size``
entries, and no text longer than ``constants.MAX_CHARACTERS``, so that long literals cannot fill the memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from proxy.errors import Refusal
from proxy.planner.constants import MAX_CHARACTERS, Shape, free_constants
from proxy.planner.plan import Plan
from proxy.planner.templates import Stored, Template, make_template

_TEMPLATES_A_SHAPE: Final = 64

K = TypeVar("K")
V = TypeVar("V")
Path = tuple[str, ...]
Parts = tuple[Shape, tuple[str, ...]]


class Bounded(Generic[K, V]):
    """A map of at most ``size`` entries; the least recently used go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The entry, or None."""
        known = self._entries.get(key)
        if known is not None:
            self._entries.move_to_end(key)
        return known

    def put(self, key: K, value: V) -> None:
        """Keep an entry."""
        self._entries[key] = value
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)


class PlanCache:
    """Decisions by text, and templates by shape, each under a search path. ``stored`` is for token constants."""

    def __init__(self, size: int, stored: Stored | None = None) -> None:
        self._stored = stored
        self.decisions: Bounded[tuple[str, Path], Plan | Refusal] = Bounded(size)
        self._shapes: Bounded[tuple[Shape, Path], _Known] = Bounded(size)

    def put(self, text: str, path: Path, decision: Plan | Refusal) -> None:
        """Keep the decision on one text."""
        if len(text) <= MAX_CHARACTERS:
            self.decisions.put((text, path), decision)

    def from_template(self, text: str, parts: Parts, path: Path) -> Plan | None:
        """The plan for a text (cut into ``parts``) whose shape is known."""
        shape, constants = parts
        known = self._shapes.get((shape, path))
        if known is None or known.free is None:
            return None
        template = known.templates.get(_bound(constants, known.free))
        return template.fill(text, constants) if template is not None else None

    def learn(self, text: str, parts: Parts, path: Path, plan: Plan, plan_text: Callable[[str], Plan]) -> None:
        """Make a template of a plan, where its constants allow that and its shape was seen before.

        A template costs as much as planning again, which a statement that comes once should not.
        """
        shape, constants = parts
        known = self._shapes.get((shape, path))
        if known is None:
            self._shapes.put((shape, path), _Known())
            return
        if known.free is None:
            known.free = free_constants(text, shape)
        if not known.free or len(known.templates) >= _TEMPLATES_A_SHAPE:
            return
        template = make_template(plan, shape, constants, known.free, plan_text, self._stored)
        if template is not None:
            known.templates[_bound(constants, known.free)] = template


@dataclass(slots=True)
class _Known:
    """What is known of a shape: the constants that are free, and a template for each choice of the others."""

    free: frozenset[int] | None = None
    templates: dict[tuple[str, ...], Template] = field(default_factory=dict)


def _bound(constants: tuple[str, ...], free: frozenset[int]) -> tuple[str, ...]:
    if len(free) == len(constants):
        return ()
    return tuple(c for i, c in enumerate(constants) if i not in free)
