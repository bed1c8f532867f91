"""The twin of a database: other values in every protected column, and not one that a given role could tell apart.

Owns: the choice of those values, and filling them in. Must not know: the proxy, SQL under test, statements.
Invariant: through each mask a twin's value is the original's (``mask_reference`` says so, not the proxy's SQL), so
whatever a role is told must be the same, byte for byte, from both databases.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TypeAlias

import psycopg
from psycopg import sql

from proxy.catalog.snapshot import RelationKind, Snapshot, TypeCategory
from proxy.policy.bound import BoundRole, ColumnDecision
from proxy.policy.masks import (
    BirthYear,
    Bucket,
    Clear,
    Constant,
    Deny,
    Generalize,
    Hidden,
    Mask,
    Nullify,
    Partial,
    Redact,
    Shift,
    Token,
    Zip3,
)
from proxy.policy.redact_patterns import REGEXES
from tests.support.copy_structure import exists, name_of
from tests.support.mask_reference import SEPARATORS
from tests.support.masked_copy import shown

_SESSION = """
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3;
    SET search_path = ''; SET session_replication_role = replica;
"""
_TRIES = 40
_WHOLE_LIFE = 3000  # days

Texts: TypeAlias = list[str | None]


def make_twin(twin: psycopg.Connection, snapshot: Snapshot, role: BoundRole, *, seed: int = 1) -> int:
    """Fill ``twin`` (a copy of the database of ``snapshot``) with other values; returns how many cells changed.

    The connection is the superuser's and autocommit. Materialized views stay as they are.
    """
    twin.execute(_SESSION)
    chosen = Random(seed)  # noqa: S311 - the same twin every time
    changed = 0
    for relation in snapshot.relations:
        decisions = role.access(relation).columns
        if not exists(role.access(relation)):
            parents = [role.access(snapshot.by_oid[oid]) for oid in relation.parents]
            seen = {d.column.name: d.mask for p in parents if exists(p) for d in p.columns}
            decisions = tuple(replace(d, mask=seen.get(d.column.name, d.mask)) for d in decisions)
        if relation.kind is not RelationKind.TABLE or all(isinstance(d.mask, Clear) for d in decisions):
            continue
        table = name_of(relation)
        names = sql.SQL(", ").join(sql.Identifier(d.column.name) for d in decisions)
        texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(d.column.name)) for d in decisions)
        rows = twin.execute(sql.SQL("SELECT {} FROM ONLY {}").format(texts, table)).fetchall()
        checked = _checked(twin, relation.oid)
        columns = [
            _others(decision, [row[place] for row in rows], chosen, free=decision.column.number not in checked)
            for place, decision in enumerate(decisions)
        ]
        changed += sum(row[i] != column[n] for n, row in enumerate(rows) for i, column in enumerate(columns))
        twin.execute(sql.SQL("DELETE FROM ONLY {}").format(table))
        twin.execute(sql.SQL("VACUUM {}").format(table))
        with twin.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as target:
            for number in range(len(rows)):
                target.write_row([column[number] for column in columns])
    twin.execute("VACUUM ANALYZE")
    return changed


def _checked(twin: psycopg.Connection, oid: int) -> frozenset[int]:
    find = "SELECT unnest(conkey) FROM pg_catalog.pg_constraint WHERE contype IN ('c', 'f', 'p', 'u') AND conrelid = %s"
    return frozenset(number for (number,) in twin.execute(find, [oid]))


def _others(decision: ColumnDecision, values: Texts, chosen: Random, *, free: bool) -> Texts:
    """The twin's values of one column; ``free``: no constraint says what they may be."""
    mask, kind = decision.mask, decision.column.type
    match mask:
        case Clear() | Token() | Shift():  # each is the value itself, in other words
            return values
        case Nullify() | Deny() | Hidden():
            moved = values[-1:] + values[:-1]
        case Constant():
            moved = _rotated(values)
        case _:
            return [_other(mask, kind.category, value, chosen) for value in values]
    if not free or kind.constrained:
        return moved
    return [None if value is None else _replaced(kind.category, value, chosen) for value in moved]


def _replaced(category: TypeCategory, text: str, chosen: Random) -> str:
    match category:
        case TypeCategory.TEXT:
            return scrambled(text, chosen)
        case TypeCategory.INTEGER:
            return str(int(text) - chosen.randint(1, 999))
        case TypeCategory.BOOLEAN:
            return chosen.choice(["true", "false"])
        case _:
            return text


def _rotated(values: Texts) -> Texts:
    """Values change places, and NULL stays where it is."""
    present = [value for value in values if value is not None]
    turned = iter(present[-1:] + present[:-1])
    return [None if value is None else next(turned) for value in values]


def _other(mask: Mask, category: TypeCategory, text: str | None, chosen: Random) -> str | None:
    """Another value that the mask shows as it shows ``text``; the same one where none was found."""
    if text is None:
        return None
    seen = shown(mask, category, text)
    for _ in range(_TRIES):
        candidate = _candidate(mask, category, text, chosen)
        if candidate == text and isinstance(mask, Partial | Redact | Zip3):  # there is nothing that could change
            return text
        if candidate != text and shown(mask, category, candidate) == seen:
            return candidate
    return text


def _candidate(mask: Mask, category: TypeCategory, text: str, chosen: Random) -> str:
    match mask:
        case Partial():
            return _partly(mask, text, chosen)
        case Zip3():
            return text[:3] + scrambled(text[3:], chosen)
        case Redact():
            for pattern in mask.patterns:
                text = re.sub(REGEXES[pattern], lambda m: scrambled(m[0], chosen), text, flags=re.IGNORECASE | re.ASCII)
            return text
        case Generalize() | BirthYear():
            return _moved(mask, category, text, chosen)
        case Bucket():
            width = float(mask.width)
            places = Decimal(text).as_tuple().exponent
            step = Decimal(1).scaleb(places if isinstance(places, int) else 0)
            return str((Decimal(text) + Decimal(chosen.uniform(-width, width))).quantize(step))
        case _:
            return text


def _moved(mask: Mask, category: TypeCategory, text: str, chosen: Random) -> str:
    """Another day or moment of the same year, or for the very old of any year."""
    if category is TypeCategory.DATE:
        day = date.fromisoformat(text)
        other = day + timedelta(days=chosen.randint(-200, 200))
        if isinstance(mask, BirthYear) and chosen.random() < 0.5:
            other = day + timedelta(days=chosen.randint(-_WHOLE_LIFE, _WHOLE_LIFE))
            return other.isoformat()
        return other.isoformat() if other.year == day.year else text
    moment = datetime.fromisoformat(text)
    reach = chosen.choice([50, 3_000, 80_000, 600_000, 2_500_000, 15_000_000])
    later = moment + timedelta(seconds=chosen.randint(-reach, reach))
    return later.isoformat(sep=" ") if later.year == moment.year else text


def _partly(mask: Partial, text: str, chosen: Random) -> str:
    letters = [i for i, c in enumerate(text) if c not in SEPARATORS]
    enough = len(letters) > mask.show_first + mask.show_last
    hidden = frozenset(letters[mask.show_first : len(letters) - mask.show_last] if enough else letters)
    return "".join(scrambled(c, chosen) if i in hidden else c for i, c in enumerate(text))


def scrambled(text: str, chosen: Random) -> str:
    """Every ASCII letter and digit becomes another one of its kind."""
    return re.sub("[A-Za-z0-9]", _substitute(chosen), text)


def _substitute(chosen: Random) -> Callable[[re.Match[str]], str]:
    def other(match: re.Match[str]) -> str:
        base, size = (48, 10) if match[0].isdigit() else (65 if match[0].isupper() else 97, 26)
        return chr(base + (ord(match[0]) - base + chosen.randrange(1, size)) % size)

    return other
