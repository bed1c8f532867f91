"""Did you mean …?

Owns: the guess at what a misspelt name was to be. Must not know: where names come from.
Invariant: a suggestion is one of the candidates.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """``; did you mean "x"?``, or nothing where no candidate is close."""
    close = difflib.get_close_matches(name.lower(), {c.lower(): c for c in sorted(candidates)}, n=1, cutoff=0.6)
    if not close:
        return ""
    original = next(c for c in sorted(candidates) if c.lower() == close[0])
    return f'; did you mean "{original}"?'
