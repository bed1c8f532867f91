"""The desk where handles are given for tokens and taken back, each time on the record.

Owns: who may, how often, and that the journal knows first. Must not know: HTTP, how a handle is kept.
Invariant: a handle is given only for a token (never for another handle) that a login would accept, and only once its
record is in the journal; no record, error or metric holds any part of either.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from proxy.allowances import Allowances
from proxy.audit import records
from proxy.audit.records import HandleEvent
from proxy.errors import AuthenticationError, JournalError, Refusal, UpstreamUnavailableError
from proxy.identity.authenticator import Authenticator, Verified
from proxy.identity.claims import TokenRefusedError
from proxy.identity.handle_store import HandlesUnavailableError, StoredHandle
from proxy.identity.handles import Handles, Issued, is_handle
from proxy.watching import Watch

_PER_MINUTE: Final = 30


class TooManyHandlesError(Refusal):
    """The principal has as many handles as it may have, or asked too often; ``wait`` is in seconds."""

    default_sqlstate = "53400"

    def __init__(self, message: str, *, wait: float, hint: str) -> None:
        super().__init__(message, reason="rate", hint=hint)
        self.wait = wait


class HandleDesk:
    """Gives and takes back handles. Belongs to one event loop."""

    def __init__(
        self,
        authenticator: Authenticator,
        handles: Handles,
        watch: Watch,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``clock`` gives seconds since the epoch."""
        self._authenticator = authenticator
        self._handles = handles
        self._watch = watch
        self._clock = clock
        self._allowances = Allowances(_PER_MINUTE, clock=clock)

    async def issue(self, token: str, lifetime: float | None) -> Issued:
        """A handle for a token, for at most so many seconds.

        Raises AuthenticationError, TooManyHandlesError, JournalError, UpstreamUnavailableError (no store).
        """
        verified = await self._verified(token)
        who = (verified.identity.issuer, verified.identity.name)
        if wait := self._allowances.spend(who):
            raise TooManyHandlesError(
                "too many handles in a minute", wait=wait, hint=f"Wait {wait:.0f} seconds, and keep the handle."
            )
        try:
            issued = await self._handles.issue(verified.identity, verified.signing_key, lifetime)
        except HandlesUnavailableError:
            raise _unavailable() from None
        if issued is None:
            raise TooManyHandlesError(
                "too many handles are in use", wait=60, hint="Revoke them with DELETE, or wait until they expire."
            )
        try:
            self._watch.journal.append(self._record(HandleEvent.ISSUED, issued.stored))
        except JournalError:
            await self._handles.revoke(issued.stored.handle_id)
            raise
        self._watch.metrics.handle(HandleEvent.ISSUED.value)
        return issued

    async def revoke(self, credential: str) -> int:
        """End a handle, given the handle itself; or all handles of a person, given their token. Returns how many.

        Raises AuthenticationError where a token is not accepted, UpstreamUnavailableError (no store).
        """
        try:
            if is_handle(credential):
                known = await self._handles.find(credential)
                gone = [await self._handles.revoke(known.handle_id)] if known is not None else []
            else:
                gone = list(await self._handles.revoke_all((await self._verified(credential)).identity))
        except HandlesUnavailableError:
            raise _unavailable() from None
        ended = [stored for stored in gone if stored is not None]
        for stored in ended:
            self._watch.note(self._record(HandleEvent.REVOKED, stored))
            self._watch.metrics.handle(HandleEvent.REVOKED.value)
        return len(ended)

    async def _verified(self, token: str) -> Verified:
        try:
            return await self._authenticator.verify(token)
        except TokenRefusedError as refused:
            reason = str(refused)
        # Raised outside of the handler, so that no part of the token hangs on the exception as its context.
        raise AuthenticationError("the token is not accepted", detail=reason)

    def _record(self, event: HandleEvent, stored: StoredHandle) -> bytes:
        return records.handle(
            self._clock(),
            event,
            handle=stored.handle_id,
            principal=stored.identity.name,
            issuer=stored.identity.issuer,
            expires_at=stored.identity.expires_at,
        )


def _unavailable() -> UpstreamUnavailableError:
    return UpstreamUnavailableError(
        "handles cannot be kept now", hint="Ask the administrator to look at handles.store."
    )
