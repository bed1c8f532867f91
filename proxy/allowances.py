"""How often each principal may do something: so much a minute.

Owns: the buckets. Must not know: what is counted. Invariant: over any minute nobody spends more than twice the
allowance, and memory is bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final

_MINUTE: Final = 60.0
_KEPT: Final = 10_000


class Allowances:
    """Buckets that fill up in a minute. Belongs to one event loop."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.time) -> None:
        """``clock`` gives seconds."""
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def spend(self, who: Hashable, count: int = 1) -> float:
        """Take ``count`` (all there ever is, where that is less) and return 0; or take nothing and return the seconds
        to wait.
        """
        now = self._clock()
        left, since = self._buckets.get(who, (float(self._per_minute), now))
        left = min(left + max(now - since, 0) * self._per_minute / _MINUTE, self._per_minute)
        wanted = min(count, self._per_minute)
        if left < wanted:
            return (wanted - left) * _MINUTE / self._per_minute + 1
        if len(self._buckets) >= _KEPT:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket[1] < _MINUTE}
        self._buckets[who] = (left - wanted, now)
        return 0.0
