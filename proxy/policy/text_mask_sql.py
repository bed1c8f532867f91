"""The masks of text as SQL: partial, zip3 and redact.

Owns: the expressions and the regular expressions in them. Must not know: column types, policy files.
Invariant: an expression takes the column's text and gives text under the column's collation, NULL for NULL, an error
for nothing; no regular expression depends on a locale (explicit ranges, no classes such as ``[[:alpha:]]``).
"""

from __future__ import annotations

import re
from typing import Final

from proxy.policy.masks import Partial, RedactPattern
from proxy.policy.redact_patterns import REGEXES
from proxy.policy.sql_text import (
    C_COLLATION,
    TEXT,
    call,
    concatenation,
    in_collation_of,
    literal,
    match_length,
    matches,
    operation,
    replaced,
    replaced_from,
)

# What is known to be no letter and no digit: the separators of ASCII and Latin-1, general punctuation and spaces, and
# the usual ones of Chinese and Japanese. Everything else is hidden: letters, digits and numbers of every script, and
# also combining marks (they spell names in half of the world's scripts), rare symbols, private and unassigned points.
SEPARATORS: Final = r"\u0001-/:-@[-`{-\u00a9\u00ab-\u00b1\u00b6-\u00b8\u00bb\u00bf\u2000-\u206f\u3000-\u3003\u30fb"
_SEPARATOR: Final = f"[{SEPARATORS}]"
_HIDDEN: Final = f"[^{SEPARATORS}]"

# The quick path: short texts of ASCII letters and digits and the separators of names, numbers and addresses.
_QUICK_SEPARATORS: Final = " '(),./:@_+#&-"
_QUICK_LENGTH: Final = 64
_QUICK_ALNUM: Final = "[0-9A-Za-z]"
_QUICK_ANY: Final = f"[0-9A-Za-z{_QUICK_SEPARATORS}]"
_SSN_SHAPE: Final = "000-00-0000"

SPARSE_ZIP3: Final = "{036,059,063,102,203,556,692,790,821,823,830,831,878,879,884,890,893}"


def partial(mask: Partial, text: str, width: int | None) -> str:
    """See ``masks.Partial``; ``width`` is the column's, where it has one.

    Any text is done by one ``regexp_replace``; before it stands a cheaper way of the same meaning for what such columns
    mostly hold. The expression is short on purpose: Postgres reads it for every query.
    """
    if mask.collapse:
        whens = _quick_collapsed(mask, text)
    else:
        whens = _shape(mask, text, width) or _quick(mask, text)
    branches = " ".join(f"WHEN {condition} THEN {value}" for condition, value in whens)
    general = _general(mask, text)
    return f"CASE {branches} ELSE {general} END" if branches else general


def _shape(mask: Partial, text: str, width: int | None) -> list[tuple[str, str]]:
    """The last digits of a social security number, for columns as wide as one: a comparison and a concatenation."""
    digits = sum(c.isdigit() for c in _SSN_SHAPE)
    if width != len(_SSN_SHAPE) or mask.show_first or not 0 < mask.show_last < digits:
        return []
    tail = 0
    seen = 0
    while seen < mask.show_last:
        tail += 1
        seen += _SSN_SHAPE[-tail].isdigit()
    hidden = re.sub("0", lambda _: mask.fill, _SSN_SHAPE[:-tail])
    regex = "^[0-9]{3}-[0-9]{2}-[0-9]{4}$"
    return [(matches(text, regex), concatenation(literal(hidden), call("right", text, tail)))]


def _quick(mask: Partial, text: str) -> list[tuple[str, str]]:
    first, last = mask.show_first, mask.show_last
    if first + last >= _QUICK_LENGTH:
        return []
    head = f"{_QUICK_ALNUM}{{{first}}}" if first else ""
    tail = f"{_QUICK_ALNUM}{{{last}}}" if last else ""
    some = f"{_QUICK_ALNUM}{_QUICK_ANY}*" if first or last else ""
    condition = (
        f"{matches(text, f'^{head}{_QUICK_ANY}*{some}{tail}$')}"
        f" AND {operation(call('length', text), '<=', str(_QUICK_LENGTH))}"
    )
    hidden = text
    if last:
        hidden = call("left", hidden, -last)
    if first:
        hidden = call("substr", hidden, first + 1)
    letters = call("translate", hidden, literal(_QUICK_SEPARATORS), "''")
    parts = [call("translate", hidden, letters, call("repeat", literal(mask.fill), _QUICK_LENGTH))]
    if first:
        parts.insert(0, call("left", text, first))
    if last:
        parts.append(call("right", text, last))
    return [(condition, concatenation(*parts))]


def _quick_collapsed(mask: Partial, text: str) -> list[tuple[str, str]]:
    first, last = mask.show_first, mask.show_last
    head = f"{_QUICK_ALNUM}{{{first}}}" if first else ""
    tail = f"{_QUICK_ALNUM}{{{last}}}" if last else ""
    condition = matches(text, f"^{head}{_QUICK_ALNUM}(?:{_QUICK_ANY}*{_QUICK_ALNUM})?{tail}$")
    parts = [literal(mask.fill)]
    if first:
        parts.insert(0, call("left", text, first))
    if last:
        parts.append(call("right", text, last))
    return [(condition, concatenation(*parts))]


def _general(mask: Partial, text: str) -> str:
    """From behind the letters shown first, each letter that has those shown last behind it; with too few, each.

    Linear in the length of the text: a look-behind in place of the start would read the beginning for every match.
    """
    first, last = mask.show_first, mask.show_last
    rest, count = (f"(?:.*{_HIDDEN})?", 1) if mask.collapse else ("", 0)
    regex, start = literal(f"{_HIDDEN}{rest}"), "1"
    if last:
        enough = matches(text, f"(?:{_HIDDEN}{_SEPARATOR}*){{{first + last + 1}}}")
        some = literal(f"{_HIDDEN}{rest}(?=(?:{_SEPARATOR}*{_HIDDEN}){{{last}}})")
        regex = f"CASE WHEN {enough} THEN {some} ELSE {regex} END"
    if first:
        more = f"(?=(?:{_SEPARATOR}*{_HIDDEN}){{{last + 1}}})"
        shown = match_length(text, f"^(?:{_SEPARATOR}*{_HIDDEN}){{{first}}}{more}")
        start = operation(f"COALESCE({shown}, 0)", "+", "1")
    return in_collation_of(text, replaced_from(text, regex, mask.fill, start, count))


def zip3(text: str) -> str:
    """45 CFR 164.514(b)(2)(i)(B): the first three digits, or 000 for areas of 20,000 people or fewer."""
    area = call("left", text, 3)
    sparse = f"({area} COLLATE {C_COLLATION}) OPERATOR(pg_catalog.=) ANY (CAST('{SPARSE_ZIP3}' AS {TEXT}[]))"
    shown = concatenation(area, "'00'")
    whens = f"WHEN {matches(text, '^[0-9]{3}')} AND NOT {sparse} THEN {shown} WHEN {text} IS NOT NULL THEN '00000'"
    return f"CASE {whens} END"


def redact(patterns: frozenset[RedactPattern], text: str) -> str:
    """Each pattern over the whole text, one after the other in the order of ``RedactPattern``."""
    redacted = text
    for pattern in RedactPattern:
        if pattern in patterns:
            redacted = replaced(redacted, REGEXES[pattern], f"[{pattern.name}]", "gi")
    return in_collation_of(text, redacted)
