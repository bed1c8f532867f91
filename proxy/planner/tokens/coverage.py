"""The second look: Postgres' own tree of the statement against what the type check has seen.

Owns: that comparison. Must not know: types, sqlglot. Invariant: every column reference and every parameter of the
statement has been given a type exactly once, and every relation that it names was a FROM item exactly once, so that no
clause can have been walked past, and no query taken for an expression of the one around it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from proxy.planner.references import child_messages
from proxy.planner.tokens.findings import Findings
from proxy.planner.tokens.refusals import unsafe


def assert_covered(original: Any, findings: Findings) -> None:
    """Raise UnsupportedRefusal where the check has not seen the statement ``original`` (a ParseResult) whole."""
    references: Counter[tuple[str, ...]] = Counter()
    mentions: Counter[int] = Counter()
    relations: Counter[tuple[str, str, str]] = Counter()
    stack = [original]
    while stack:
        message = stack.pop()
        stack.extend(child_messages(message))
        match message.DESCRIPTOR.name:
            case "ColumnRef":
                references[tuple("*" if n.HasField("a_star") else n.string.sval for n in message.fields)] += 1
            case "ParamRef":
                mentions[message.number] += 1
            case "RangeVar":
                relations[message.catalogname, message.schemaname, message.relname] += 1
            case _:
                pass
    if references != findings.references:
        raise unsafe("Not every column that it names was looked at.")
    if mentions != findings.mentions:
        raise unsafe("Not every parameter that it names was looked at.")
    if relations != findings.relations:
        raise unsafe("Not every relation that it names was looked at.")
    tainted = {named.name for named in findings.names if named.kind.innermost is not None}
    if tainted & set(findings.unresolved):
        raise unsafe("A name of it stands for a token somewhere, and for nothing that is known elsewhere.")
