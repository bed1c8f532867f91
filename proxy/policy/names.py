"""Names of tables, columns and functions as policies write them.

Owns: ``schema.table``, ``schema.*``, ``*`` and their quoting. Must not know: what is named.
Invariant: names are taken as the catalog holds them (no folding to lower case); a part that holds a dot, a quote or a
blank stands in double quotes, as in SQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from proxy.catalog.snapshot import Relation

_PART: Final = r'(?:"(?:[^"]|"")+"|[^\s."*]+)'
_NAME: Final = re.compile(rf"{_PART}(?:\.{_PART})*")
_PARTS: Final = re.compile(_PART)


def split_name(text: str) -> tuple[str, ...] | None:
    """The parts of a dotted name, unquoted; None where ``text`` is no such name."""
    if not _NAME.fullmatch(text):
        return None
    return tuple(p[1:-1].replace('""', '"') if p.startswith('"') else p for p in _PARTS.findall(text))


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which relations are meant: one (schema and name), all of a schema (name None), all there are (both None)."""

    schema: str | None
    name: str | None

    def matches(self, relation: Relation) -> bool:
        """Whether ``relation`` is one of those meant."""
        return (self.schema is None or self.schema == relation.schema) and (
            self.name is None or self.name == relation.name
        )

    def __str__(self) -> str:
        return "*" if self.schema is None else f"{self.schema}.{self.name or '*'}"


def parse_pattern(text: str) -> Pattern | None:
    """``*``, ``schema.*`` or ``schema.table``; None where ``text`` is none of them."""
    if text == "*":
        return Pattern(None, None)
    if text.endswith(".*"):
        schema = split_name(text[:-2])
        return Pattern(schema[0], None) if schema is not None and len(schema) == 1 else None
    parts = split_name(text)
    return Pattern(parts[0], parts[1]) if parts is not None and len(parts) == 2 else None
