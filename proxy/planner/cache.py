"""The cache of plans and refusals of one planner.

Owns: a bounded map in the order of last use. Must not know: what a plan says. Invariant: never more than ``size``
entries, and no text longer than ``MAX_CACHED_CHARACTERS``, so that long literals cannot fill the memory.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from proxy.errors import Refusal
from proxy.planner.plan import Plan

MAX_CACHED_CHARACTERS: Final = 20_000

Key = tuple[str, tuple[str, ...]]


class PlanCache:
    """Least recently used plans go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._plans: OrderedDict[Key, Plan | Refusal] = OrderedDict()
        self._parts: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def get(self, key: Key) -> Plan | Refusal | None:
        """The known decision for a text under a search path."""
        known = self._plans.get(key)
        if known is not None:
            self._plans.move_to_end(key)
        return known

    def put(self, key: Key, decision: Plan | Refusal) -> None:
        """Remember a decision."""
        if len(key[0]) <= MAX_CACHED_CHARACTERS:
            self._plans[key] = decision
            if len(self._plans) > self._size:
                self._plans.popitem(last=False)

    def parts(self, text: str) -> tuple[str, ...] | None:
        """The statements that a message is known to consist of."""
        known = self._parts.get(text)
        if known is not None:
            self._parts.move_to_end(text)
        return known

    def keep_parts(self, text: str, parts: tuple[str, ...]) -> None:
        """Remember how a message splits."""
        if len(text) <= MAX_CACHED_CHARACTERS:
            self._parts[text] = parts
            if len(self._parts) > self._size:
                self._parts.popitem(last=False)
