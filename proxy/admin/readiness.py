"""Whether the proxy can do its work now.

Owns: the list of what is missing. Must not know: HTTP, how each part works. Invariant: ready means that a session
opened now would find a listener, a policy, a journal and an upstream.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from proxy.errors import ProxyError

_FRESH_SECONDS: Final = 15.0  # as long as the shortest usual interval between two probes of an orchestrator
_PROBE_SECONDS: Final = 3.0


class Readiness:
    """Told by the parts how they are; asked by ``/readyz``. Belongs to one event loop."""

    def __init__(
        self,
        *,
        journal_writable: Callable[[], bool],
        probe: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``probe`` reaches for the upstream when nothing was heard of it lately; it raises OSError or ProxyError."""
        self.listening = False
        self.policy_loaded = False
        self._journal_writable = journal_writable
        self._probe = probe
        self._clock = clock
        self._answered_at = float("-inf")
        self._probing: asyncio.Task[None] | None = None

    def upstream_answered(self) -> None:
        """The upstream let us in, or answered otherwise as it should."""
        self._answered_at = self._clock()

    def upstream_failed(self) -> None:
        """The upstream could not be reached, or refused us."""
        self._answered_at = float("-inf")

    async def missing(self) -> tuple[str, ...]:
        """What is not as it should be, in words; empty when ready."""
        if not self._is_fresh() and self._probe is not None:
            if self._probing is None:
                self._probing = asyncio.create_task(self._reach(self._probe))
            # Shielded: several askers wait for one probe, and one that hangs up must not end it.
            await asyncio.shield(self._probing)
        checks = {
            "not listening": self.listening,
            "no policy is loaded": self.policy_loaded,
            "the journal cannot be written": self._journal_writable(),
            "the upstream was not reached lately": self._is_fresh(),
        }
        return tuple(words for words, holds in checks.items() if not holds)

    async def close(self) -> None:
        """End a probe that is under way."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait({self._probing})

    def _is_fresh(self) -> bool:
        return self._clock() - self._answered_at < _FRESH_SECONDS

    async def _reach(self, probe: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await probe()
        except (OSError, ProxyError):  # TimeoutError is an OSError
            self.upstream_failed()
        else:
            self.upstream_answered()
        finally:
            self._probing = None
