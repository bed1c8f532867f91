"""The cache of plans, refusals and templates of one planner.

Owns: bounded maps in the order of last use. Must not know: what a plan says. Invariant: never more than ``size``
entries, and no text longer than ``MAX_CACHED_CHARACTERS``, so that long literals cannot fill the memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from proxy.errors import Refusal
from proxy.planner.constants import Shape, cut, free_constants
from proxy.planner.plan import Plan
from proxy.planner.templates import Template, make_template

MAX_CACHED_CHARACTERS: Final = 20_000

K = TypeVar("K")
V = TypeVar("V")
Path = tuple[str, ...]


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
    """Decisions by text, and templates by shape, each under a search path."""

    def __init__(self, size: int) -> None:
        self.decisions: Bounded[tuple[str, Path], Plan | Refusal] = Bounded(size)
        self._seen: Bounded[tuple[Shape, Path], bool] = Bounded(size)
        self._free: Bounded[tuple[Shape, Path], frozenset[int]] = Bounded(size)
        self._templates: Bounded[tuple[Shape, Path, tuple[str, ...]], Template] = Bounded(size)

    def put(self, text: str, path: Path, decision: Plan | Refusal) -> None:
        """Keep the decision on one text."""
        if len(text) <= MAX_CACHED_CHARACTERS:
            self.decisions.put((text, path), decision)

    def from_template(self, text: str, path: Path) -> Plan | None:
        """The plan for a text whose shape is known."""
        parts = cut(text)
        if parts is None:
            return None
        shape, constants = parts
        free = self._free.get((shape, path))
        if free is None:
            return None
        template = self._templates.get((shape, path, _bound(constants, free)))
        return template.fill(text, constants) if template is not None else None

    def learn(self, text: str, path: Path, plan: Plan, plan_text: Callable[[str], Plan]) -> None:
        """Make a template of a plan, where its constants allow that and its shape was seen before.

        A template costs as much as planning again, which a statement that comes once should not.
        """
        parts = cut(text)
        if parts is None:
            return
        shape, constants = parts
        if self._seen.get((shape, path)) is None:
            self._seen.put((shape, path), True)
            return
        free = free_constants(text, shape)
        if free:
            template = make_template(plan, shape, constants, free, plan_text)
            if template is not None:
                self._free.put((shape, path), free)
                self._templates.put((shape, path, _bound(constants, free)), template)


def _bound(constants: tuple[str, ...], free: frozenset[int]) -> tuple[str, ...]:
    return tuple(c for i, c in enumerate(constants) if i not in free)
