"""Hints: a comment before a statement, or a SET, that says with a token who is asking.

Owns: finding either in a text, and taking the comment away. Must not know: what a token says, who is accepted.
Invariant: a text that is planned or sent holds no hint: it is either the one comment before everything but simple
comments, which is cut out, or a SET, for which another is sent, or the text is refused. Nothing here keeps, logs or
shows a token.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Protocol

from proxy.errors import PolicyRefusal, Refusal, UnsupportedRefusal

_MARKS: Final = (b"pgveil", b"PGVEIL")
# Comments that no lexer reads differently: no nesting, one line (manual, 4.1.5).
_COMMENT: Final = rb"/\*(?:(?!/\*|\*/).)*\*/|--[^\r\n]*(?:[\r\n]|\Z)"
_ROLE: Final = rb"[A-Za-z_][A-Za-z0-9_$-]{0,62}"
_TOKEN: Final = rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"
_SAID: Final = rb"pgveil:[ \t]*(?:(" + _ROLE + rb")[ \t]+)?(" + _TOKEN + rb")"
_HINT: Final = re.compile(
    rb"((?:\s|" + _COMMENT + rb")*?)(?:/\*\s*" + _SAID + rb"\s*\*/|--[ \t]*" + _SAID + rb"[ \t]*(?:[\r\n]|\Z))",
    re.DOTALL,
)
# What looks like one, wherever it stands: a comment that means to be one, or a token behind the mark.
_SUSPECT: Final = re.compile(rb"(?:/\*|--)\s*pgveil:|pgveil:\s*(?:\S{1,64}\s+)?eyJ", re.IGNORECASE)
# The one form in which a token is set. No reader of SQL can take it for anything else.
_SETTING: Final = re.compile(
    rb"(?:\s|" + _COMMENT + rb")*SET\s+(?:SESSION\s+|(LOCAL)\s+)?pgveil\.token(?:\s*=\s*|\s+TO\s+)"
    rb"'[ \t]*(?:(" + _ROLE + rb")[ \t]+)?(" + _TOKEN + rb")[ \t]*'\s*",
    re.DOTALL | re.IGNORECASE,
)
_TOKEN_LIKE: Final = re.compile(rb"ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.")


class Hint(NamedTuple):
    """What a hint says. ``role``: which of the token's roles is meant, where it says so."""

    token: str
    role: str | None

    def __repr__(self) -> str:
        return "Hint(…)"


class TokenSetting(NamedTuple):
    """``SET pgveil.token``. ``local``: SET LOCAL."""

    hint: Hint
    local: bool


class Hinting(Protocol):
    """Who asks, in one session. Answers are immediate."""

    @property
    def in_force(self) -> object:
        """Who asks now; the same object as long as it is the same."""

    @property
    def login(self) -> object:
        """Who asks where there is no hint."""

    def asker(self, hint: Hint) -> object:
        """Who asks by this hint (raises Refusal: it is not accepted, or would widen what the session may see)."""

    def act_as(self, asker: object) -> None:
        """From now on this one asks."""


class NoHints:
    """For sessions whose settings have none."""

    in_force = login = None

    def asker(self, hint: Hint) -> object:
        """Nobody."""
        raise UnsupportedRefusal(
            "hints (/* pgveil: … */) are not switched on here",
            reason="hint",
            hint="An administrator can set identity.hints.",
        )

    def act_as(self, asker: object) -> None:
        """There is nobody else to act as."""


NO_HINTS: Final = NoHints()


def mentions_hints(text: bytes) -> bool:
    """Whether there may be a hint in it."""
    return any(mark in text for mark in _MARKS)


def take_hint(text: bytes) -> tuple[bytes, Hint | None]:
    """The text without its hint, and the hint. Raises Refusal where something that looks like one stands elsewhere."""
    if not mentions_hints(text):
        return text, None
    found = _HINT.match(text)
    hint = None
    if found is not None:
        before, block_role, block, line_role, line = found.groups()
        role, token = (block_role, block) if block is not None else (line_role, line)
        hint = Hint(token.decode("ascii"), role.decode("ascii") if role is not None else None)
        text = before + text[found.end() :]
    if _SUSPECT.search(text):
        raise misplaced()
    return text, hint


def token_setting(statement: bytes) -> TokenSetting | None:
    """What ``SET [SESSION | LOCAL] pgveil.token = 'TOKEN'`` sets, None where the statement is another."""
    found = _SETTING.fullmatch(statement)
    if found is None:
        return None
    local, role, token = found.groups()
    return TokenSetting(Hint(token.decode("ascii"), role.decode("ascii") if role else None), bool(local))


def check_no_token(text: bytes) -> None:
    """Refuse a text in which a token stands where none is looked for: an error might quote it, or the server log it."""
    if mentions_hints(text) and _TOKEN_LIKE.search(text):
        raise PolicyRefusal(
            "a token stands where none is expected",
            reason="hint",
            hint="Write SET pgveil.token = 'TOKEN', once in a text, or /* pgveil: TOKEN */ before the statement.",
        )


def misplaced() -> Refusal:
    """The refusal of a text with a hint in the wrong place, or with several."""
    return PolicyRefusal(
        "a hint must be the one comment /* pgveil: TOKEN */ before the statement",
        reason="hint",
        detail="Elsewhere in a text it could be somebody else's, so the text is not run.",
    )
