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
from proxy.identity.handle_store import HandlesUnavailableError

_FRESH_SECONDS: Final = 15.0  # as long as the shortest usual interval between two probes of an orchestrator
_PROBE_SECONDS: Final = 3.0

Probe = Callable[[], Awaitable[None]]


class Readiness:
    """Told by the parts how they are; asked by ``/readyz``. Belongs to one event loop."""

    def __init__(
        self,
        *,
        journal_writable: Callable[[], bool],
        probe: Probe | None = None,
        handles: Probe | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``probe`` reaches for the upstream, ``handles`` for the store of handles, where nothing was heard of them
        lately; each raises OSError, ProxyError or HandlesUnavailableError.
        """
        self.listening = False
        self.policy_loaded = False
        self._journal_writable = journal_writable
        self._upstream = _Far(probe, clock)
        self._handles = _Far(handles, clock) if handles is not None else None

    def upstream_answered(self) -> None:
        """The upstream let us in, or answered otherwise as it should."""
        self._upstream.answered()

    def upstream_failed(self) -> None:
        """The upstream could not be reached, or refused us."""
        self._upstream.failed()

    async def missing(self) -> tuple[str, ...]:
        """What is not as it should be, in words; empty when ready."""
        far = (self._upstream,) if self._handles is None else (self._upstream, self._handles)
        await asyncio.gather(*(one.ask() for one in far))
        checks = {
            "not listening": self.listening,
            "no policy is loaded": self.policy_loaded,
            "the journal cannot be written": self._journal_writable(),
            "the upstream was not reached lately": self._upstream.is_fresh,
            "handles cannot be looked up": self._handles is None or self._handles.is_fresh,
        }
        return tuple(words for words, holds in checks.items() if not holds)

    async def close(self) -> None:
        """End the probes that are under way."""
        await self._upstream.close()
        if self._handles is not None:
            await self._handles.close()


class _Far:
    """Something that is reached over the network: whether it answered lately."""

    def __init__(self, probe: Probe | None, clock: Callable[[], float]) -> None:
        self._probe = probe
        self._clock = clock
        self._answered_at = float("-inf")
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_fresh(self) -> bool:
        return self._clock() - self._answered_at < _FRESH_SECONDS

    def answered(self) -> None:
        self._answered_at = self._clock()

    def failed(self) -> None:
        self._answered_at = float("-inf")

    async def ask(self) -> None:
        """Probe it where it did not answer lately."""
        if self.is_fresh or self._probe is None:
            return
        if self._probing is None:
            self._probing = asyncio.create_task(self._reach(self._probe))
        # Shielded: several askers wait for one probe, and one that hangs up must not end it.
        await asyncio.shield(self._probing)

    async def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait({self._probing})

    async def _reach(self, probe: Probe) -> None:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await probe()
        except (OSError, ProxyError, HandlesUnavailableError):  # TimeoutError is an OSError
            self.failed()
        else:
            self.answered()
        finally:
            self._probing = None
