"""The masked copy: a database in which every protected column physically holds what one role may see.

Owns: filling a copied database with masked values. Must not know: the proxy's SQL, sessions, the corpus.
Invariant: masks are computed in Python by ``mask_reference``, never by the SQL that is under test.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
from psycopg import sql

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot, TypeCategory
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
    RedactPattern,
    Shift,
    Token,
    Zip3,
)
from proxy.policy.redact_patterns import REGEXES
from tests.support import mask_reference
from tests.support.copy_structure import exists, loosen, name_of, remove_what_is_hidden, token_type_of
from tests.support.stand_ins import StandIns

_HOLDS_ROWS = frozenset({RelationKind.TABLE, RelationKind.MATERIALIZED_VIEW})
_SESSION = """
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3;
    SET client_min_messages = warning; SET search_path = '';
"""


def mask_database(
    original: psycopg.Connection,
    copy: psycopg.Connection,
    snapshot: Snapshot,
    role: BoundRole,
    stand_ins: StandIns | None = None,
) -> None:
    """Turn ``copy`` (made from the original as its template) into what ``role`` may see of ``original``.

    Both connections are the superuser's and autocommit; ``snapshot`` is the original's. ``stand_ins``: for tokens.
    """
    original.execute(_SESSION)
    copy.execute(_SESSION)
    with copy.transaction():
        loosen(copy, snapshot, role)
        for relation in snapshot.relations:
            access = role.access(relation)
            if relation.kind in _HOLDS_ROWS and exists(access) and not access.clear:
                _refill(original, copy, relation, _decisions(snapshot, role, relation), stand_ins)
        for child in snapshot.relations:
            for parent in (snapshot.by_oid[oid] for oid in child.parents):
                if exists(role.access(parent)) and not exists(role.access(child)):
                    _refill(original, copy, child, role.access(parent).columns, stand_ins)
        remove_what_is_hidden(copy, snapshot, role)
        for schema in sorted({r.schema for r in snapshot.relations}):
            copy.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO pgveil").format(sql.Identifier(schema)))
    copy.execute("VACUUM ANALYZE")


def _decisions(snapshot: Snapshot, role: BoundRole, relation: Relation) -> tuple[ColumnDecision, ...]:
    """How each column of a table is shown, and a check that its parents show it alike.

    One stored value cannot be two things at once, so a policy whose child differs from its parent has no masked copy.
    """
    decisions = role.access(relation).columns
    for parent in (snapshot.by_oid[oid] for oid in relation.parents):
        inherited = {d.column.name: d.mask for d in role.access(parent).columns} if exists(role.access(parent)) else {}
        for decision in decisions:
            if inherited.get(decision.column.name, decision.mask) != decision.mask:
                raise ValueError(f"{relation.qualified_name}.{decision.column.name} is not shown as its parent's is")
    return decisions


def _refill(
    original: psycopg.Connection,
    copy: psycopg.Connection,
    relation: Relation,
    decisions: tuple[ColumnDecision, ...],
    stand_ins: StandIns | None,
) -> None:
    names = sql.SQL(", ").join(sql.Identifier(d.column.name) for d in decisions)
    table = name_of(relation)
    copy.execute(sql.SQL("TRUNCATE ONLY {}").format(table))
    texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(d.column.name)) for d in decisions)
    rows = original.execute(sql.SQL("SELECT {} FROM ONLY {}").format(texts, table))
    with copy.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as target:
        for row in rows:
            target.write_row([_held(d, t, stand_ins) for d, t in zip(decisions, row, strict=True)])


def _held(decision: ColumnDecision, text: str | None, stand_ins: StandIns | None) -> str | None:
    """What the copy holds in place of one stored value."""
    token_type = token_type_of(decision)
    if token_type is None or text is None or stand_ins is None:
        return shown(decision.mask, decision.column.type.category, text)
    return stand_ins.of(token_type, text)


def shown(mask: Mask, category: TypeCategory, text: str | None) -> str | None:
    """What takes the place of one stored value, both as the server writes them under ``_SESSION``."""
    if text is None:
        return None
    match mask:
        case Clear():
            return text
        case Nullify() | Deny() | Hidden():  # the column of the last two is dropped in the end
            return None
        case Constant():
            return str(mask.value)
        case Partial():
            return mask_reference.partial(mask, text)
        case Zip3():
            return mask_reference.zip3(text)
        case Redact():
            return _redacted(mask, text)
        case Generalize():
            if category is TypeCategory.DATE:
                return mask_reference.generalize_date(mask.unit, date.fromisoformat(text)).isoformat()
            return mask_reference.truncated(mask.unit, datetime.fromisoformat(text)).isoformat(sep=" ")
        case BirthYear():
            today = datetime.now(UTC).date()
            return mask_reference.birth_year(mask.oldest_age, date.fromisoformat(text), today).isoformat()
        case Bucket():
            bound = mask_reference.bucket(mask.width, mask.minimum, mask.maximum, Decimal(text))
            return f"{bound.normalize():f}"  # a column without a scale shows no more decimals than there are
        case Token() | Shift():
            raise NotImplementedError("what needs a key is not shown by the mask alone")


def _redacted(mask: Redact, text: str) -> str:
    """By Python's regular expressions, which take the first alternative that fits where Postgres takes the longest."""
    for pattern in RedactPattern:
        if pattern in mask.patterns:
            text = re.sub(REGEXES[pattern], f"[{pattern.value.upper()}]", text, flags=re.IGNORECASE | re.ASCII)
    return text
