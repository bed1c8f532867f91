"""Hints that stand until further notice: what ``SET pgveil.token`` has set.

Owns: the references that the server keeps in a token's place, and what each means. Must not know: what a token says,
who is accepted, when a setting ends.
Invariant: the server is the one that knows which reference is in force (a rollback brings back the one before, DISCARD
ALL ends it), and gets nothing else: a reference cannot be guessed, and means something in its own session only.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Final

from proxy.errors import PolicyRefusal
from proxy.planner.plan import Decision, Effects, Plan
from proxy.session.hints import Hint, TokenSetting

UNSET: Final = "SET pgveil.token = ''"
_KEPT: Final = 16  # a rollback brings back one that was set in the same transaction, or the last before it


class Standing:
    """The references of one session."""

    __slots__ = ("_hints", "_secret")

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._hints: dict[str, Hint] = {}

    @property
    def used(self) -> bool:
        """Whether a token was ever set."""
        return bool(self._hints)

    def keep(self, hint: Hint) -> None:
        """A hint was accepted that is to stand."""
        reference = self._reference(hint)
        self._hints.pop(reference, None)
        if len(self._hints) >= _KEPT:
            del self._hints[next(iter(self._hints))]
        self._hints[reference] = hint

    def meant(self, reference: str) -> Hint | None:
        """The hint that the server's value of the setting stands for, None for none (raises PolicyRefusal)."""
        if not reference:
            return None
        hint = self._hints.get(reference)
        if hint is None:
            raise PolicyRefusal(
                "the setting pgveil.token has a value that pgveil did not give it",
                reason="hint",
                hint="Set it again, or RESET pgveil.token.",
            )
        return hint

    def plan(self, setting: TokenSetting, unset: Plan) -> Plan | None:
        """The plan of a SET whose hint was accepted, else None. ``unset``: that of ``UNSET``."""
        reference = self._reference(setting.hint)
        if reference not in self._hints:
            return None
        local = "LOCAL " if setting.local else ""
        text = f"SET {local}pgveil.token = '{reference}'"
        effects = Effects(search_path=True, asker=True)
        return replace(unset, text=text, decision=Decision.REWRITTEN, effects=effects)

    def _reference(self, hint: Hint) -> str:
        said = f"{hint.role or ''} {hint.token}".encode("ascii")
        return hashlib.blake2b(said, key=self._secret, digest_size=16).hexdigest()
