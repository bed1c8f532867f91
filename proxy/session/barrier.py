"""Waiting until it is known who asks and what the search path is, before a statement is planned.

Owns: when the client's messages are held back, and asking the server. Must not know: sockets, SQL, what is held.
Invariant: the question is asked only when nothing else is owed, so that its answer is the path that the held message
will meet; and in a way that ends no transaction of the client's and adds nothing to one that it has yet to begin.
"""

from __future__ import annotations

import secrets
from typing import Final

from proxy.errors import Refusal, UnsupportedRefusal
from proxy.session.hints import NO_HINTS, Hint, check_no_token, mentions_hints, misplaced, take_hint, token_setting
from proxy.session.replies import Owed, Request
from proxy.session.scripts import NEED_NOBODY
from proxy.session.settings import question
from proxy.session.state import FAILED, State
from proxy.wire.frontend import FLUSH_MESSAGE, SYNC_MESSAGE

# What a handler returns in place of bytes when its message must wait; told apart by identity.
HOLD: Final = bytes(bytearray(b"hold"))


class Barrier:
    """``parting``: what is to be sent upstream before the client's messages are held."""

    __slots__ = ("_serial", "_state", "_token", "parting")

    def __init__(self, state: State) -> None:
        self._state = state
        self._token = secrets.token_hex(8)
        self._serial = 0
        self.parting = b""

    def asked(self, text: bytes, *, for_query: bool = False) -> bytes | None:
        """The text without its hint, once whoever it names is who asks; None where the message must wait for that.

        Raises Refusal where the hint is not accepted. ``for_query`` as for ``ready``.
        """
        state = self._state
        if state.hints is NO_HINTS and not mentions_hints(text):
            return text
        self.parting = b""
        refusal, asker = None, state.hints.login
        try:
            text, hint, stays = self._said(text)
            if hint is None and state.standing.used:
                if self._needs_nobody(text):
                    return text
                if not self.ready(for_query=for_query):
                    return None
                hint = self._standing_hint()
            if hint is not None:
                asker = state.hints.asker(hint)
                if stays:
                    state.standing.keep(hint)
        except Refusal as refused:
            refusal = refused  # on the record of the login's own
        if asker is not state.hints.in_force:
            if not self.answered():
                return None
            state.ask_as(asker)
        if refusal is not None:
            raise refusal
        return text

    def _said(self, text: bytes) -> tuple[bytes, Hint | None, bool]:
        """The text without its comment, the hint in it, and whether that is to stand. Raises Refusal."""
        text, hint = take_hint(text)
        if not mentions_hints(text):
            return text, hint, False
        try:
            statements = self._state.planning.split(text.decode())
        except (Refusal, UnicodeDecodeError):
            statements = ()  # planning will say so
        set_to = [found.hint for found in map(token_setting, map(str.encode, statements)) if found is not None]
        if not set_to:
            check_no_token(text)
            return text, hint, False
        if hint is not None or len(set_to) > 1:
            raise misplaced()
        return text, set_to[0], True

    def _standing_hint(self) -> Hint | None:
        state = self._state
        if state.path.known:
            return state.standing.meant(state.path.asker)
        if state.status == FAILED and not state.unsettled:
            return None  # the server refuses whatever it is
        raise self.refusal()

    def _needs_nobody(self, text: bytes) -> bool:
        """Whether the text is nothing but what anybody may say at any time: BEGIN, COMMIT, SET, RESET, DISCARD, …"""
        script = self._state.scripts.independent(text, self._state.path.current)
        return script is not None and all(plan.kind in NEED_NOBODY for plan in script.plans)

    def ready(self, *, for_query: bool = False) -> bool:
        """Whether planning may go on; if not, the handler returns HOLD and is called again when nothing is owed.

        True with the path unknown means: the transaction has failed, so that the server refuses whatever it is, or
        the question failed (``SearchPath.failed``). ``for_query``: the message that waits is a Query, which is
        answered by itself even where it stands in an open flight.
        """
        state = self._state
        self.parting = b""
        if state.path.known:
            return True
        if not self.answered():
            return False
        if state.status == FAILED and not state.unsettled:
            state.path.failed = False
            return True
        if state.path.failed:
            return True
        state.path.for_query = for_query
        self._ask()
        return False

    def answered(self) -> bool:
        """Whether all that was sent is answered; if not, the handler returns HOLD and is called again when it is."""
        state = self._state
        # Without a Sync the server keeps its replies in its buffer until it is told to flush.
        self.parting = FLUSH_MESSAGE if state.owed and state.flight_open else b""
        return not state.owed

    def refusal(self) -> Refusal:
        """The refusal of a statement while the path cannot be found out. The next statement asks again."""
        self._state.path.failed = False
        return UnsupportedRefusal(
            "the search path in force could not be found out",
            reason="search_path",
            detail="The database did not answer pgveil's question about it, so names cannot be resolved safely.",
            hint="Send the statement again.",
        )

    def _ask(self) -> None:
        state = self._state
        self._serial += 1
        name = f"pgveil {self._token} {self._serial}".encode()
        requests = (Request.PARSE, Request.BIND, Request.ASK, Request.CLOSE_PORTAL, Request.CLOSE_STATEMENT)
        for request in requests:
            state.owed.append(Owed(request, name, own=True, question=True))
        if state.flight_acts:
            # A Sync would commit the client's implicit transaction.
            self.parting = question(name) + FLUSH_MESSAGE
        else:
            # Without a Sync our snapshot would be part of a transaction that the client is about to begin; and what
            # follows an Execute of ours would be in one that the client knows nothing of (as PostgreSQL 18 has it).
            state.owed.append(Owed(Request.SYNC, own=True, question=True))
            self.parting = question(name) + SYNC_MESSAGE
