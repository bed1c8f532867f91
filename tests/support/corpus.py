"""The corpus of SQL statements: files of statements, each with a small header of comments.

Owns: the format of ``tests/corpus/**/*.sql`` and the ``CorpusStatement`` value.
Must not know: how a statement is run or compared.
Invariant: a file that does not follow the format is an error, never a statement left out.

A statement begins with ``-- title:`` and ends where the next title begins. Directly under the title stand further
header lines, in any order: ``-- order: total|none|sample`` (whether ORDER BY leaves nothing open; otherwise the rows
are compared as a multiset; of a ``sample`` only the shape and the number of rows are determined), ``-- params: [...]``
(a JSON list of texts and nulls), ``-- sqlstate: 42501``, ``-- reason: word`` and ``-- role: name`` (refused statements;
the role is the analyst unless it says otherwise), ``-- tokens: what`` (a role that sees a token in what it names is
refused, because of what it does with it). Comments after the header belong to the statement, and
``{database}`` in it stands for the database's name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "corpus"

_TITLE = re.compile(r"^-- title: (.+)$", re.MULTILINE)
_HEADER = re.compile(r"-- (order|params|sqlstate|reason|role|tokens): (.+)")


class Order(Enum):
    """What is determined of a statement's rows."""

    TOTAL = "total"
    NONE = "none"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class CorpusStatement:
    """One statement of a family; ``parameters`` are in text format, None for NULL.

    ``sqlstate`` and ``reason`` say how a refused statement is refused; None for all others. ``tokens``: what it does
    that cannot be done with tokens.
    """

    family: str
    title: str
    text: str
    order: Order = Order.NONE
    parameters: tuple[str | None, ...] = ()
    sqlstate: str | None = None
    reason: str | None = None
    role: str = "analyst"
    tokens: str | None = None

    @property
    def name(self) -> str:
        """What the test report calls it."""
        return f"{self.family}: {self.title}"

    def text_for(self, database: str) -> str:
        """The statement as it is sent to a database of that name."""
        return self.text.replace("{database}", database)


def load_corpus(folder: str) -> list[CorpusStatement]:
    """Every statement of ``tests/corpus/<folder>``; raises ValueError where a file does not follow the format."""
    statements = [s for path in sorted((CORPUS / folder).glob("*.sql")) for s in _load_file(path)]
    if not statements:
        raise ValueError(f"no statements in {CORPUS / folder}")
    names = [s.name for s in statements]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"titles used twice: {twice}")
    return statements


def _load_file(path: Path) -> list[CorpusStatement]:
    preamble, *parts = _TITLE.split(path.read_text(encoding="utf-8"))
    if any(line and not line.startswith("--") for line in preamble.splitlines()):
        raise ValueError(f"{path}: a statement stands before the first title")
    return [_parse(path, title, body) for title, body in zip(parts[::2], parts[1::2], strict=True)]


def _parse(path: Path, title: str, body: str) -> CorpusStatement:
    lines = body.strip().splitlines()
    header: dict[str, str] = {}
    while lines and (match := _HEADER.fullmatch(lines[0])):
        header[match[1]] = match[2]
        lines.pop(0)
    text = "\n".join(lines).strip().removesuffix(";")
    if not text:
        raise ValueError(f"{path}: no statement under {title!r}")
    if "order" not in header and "sqlstate" not in header:
        raise ValueError(f"{path}: {title!r} says neither order nor sqlstate")
    return CorpusStatement(
        family=path.stem,
        title=title.strip(),
        text=text,
        order=Order(header.get("order", "none")),
        parameters=tuple(json.loads(header.get("params", "[]"))),
        sqlstate=header.get("sqlstate"),
        reason=header.get("reason"),
        role=header.get("role", "analyst"),
        tokens=header.get("tokens"),
    )
