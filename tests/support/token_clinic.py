"""A small clinic with token columns of every format, as a catalog without a server.

Owns: its tables, views and policy, and planners for it. Must not know: what is tested with them.
Invariant: ``patient`` tokens are text and stand in a varchar, a text and a char column; the others keep their type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proxy.catalog.snapshot import Column, ColumnType, Relation, RelationKind, Snapshot, TypeCategory
from proxy.planner.planner import Planner
from proxy.policy.bound import BoundPolicy, bind
from proxy.policy.load import load_policy
from proxy.policy.masks import Token
from proxy.policy.model import Policy
from proxy.tokens.types import StoredType, TokenFormat, TokenType, Vocabulary
from tests.support.fake_vocabulary import FakeVocabulary

POLICY = """
version: 1
kinds:
  mrn: {mask: nullify}
  provider: {mask: nullify}
  account: {mask: nullify}
  number: {mask: nullify}
  device: {mask: nullify}
  card: {mask: nullify}
  name: {mask: {partial: {show_first: 1}}}
  note: {mask: deny}
tables:
  clinic.patients: {columns: {id: clear, mrn: mrn, name: name, age: clear, device: device, account: account,
                              number: number, card: card, note: note}}
  clinic.visits: {columns: {id: clear, mrn: mrn, provider: provider, cost: clear, account: account, seen: clear}}
  clinic.old_visits: {columns: {id: clear, mrn: mrn, provider: provider, cost: clear, account: account, seen: clear}}
  clinic.codes: {columns: clear}
roles:
  analyst: {reads: [clinic.*]}
  scribe: {reads: [clinic.*], writes: [clinic.codes]}
  clinician: {reads: [clinic.*], masks: {"*": clear}}
"""
MASKS: Mapping[str, Token] = {
    "mrn": Token("patient"),
    "provider": Token("provider"),
    "account": Token("account", TokenFormat.DIGITS),
    "number": Token("account", TokenFormat.DIGITS),
    "device": Token("device", TokenFormat.UUID),
    "card": Token("patient"),
}
MRN = TokenType("patient", TokenFormat.TEXT, StoredType.TEXT)
PROVIDER = TokenType("provider", TokenFormat.TEXT, StoredType.TEXT)
ACCOUNT = TokenType("account", TokenFormat.DIGITS, StoredType.BIGINT)
NUMBER = TokenType("account", TokenFormat.DIGITS, StoredType.VARCHAR)
DEVICE = TokenType("device", TokenFormat.UUID, StoredType.UUID)
PATIENTS = 20001

TEXT = ColumnType(25, -1, "text", TypeCategory.TEXT)
VARCHAR = ColumnType(1043, 16, "character varying(12)", TypeCategory.TEXT)
CHAR = ColumnType(1042, 12, "character(8)", TypeCategory.TEXT, blank_padded=True)
INTEGER = ColumnType(23, -1, "integer", TypeCategory.INTEGER)
BIGINT = ColumnType(20, -1, "bigint", TypeCategory.INTEGER)
UUID = ColumnType(2950, -1, "uuid", TypeCategory.UUID)

_VISIT = {"id": BIGINT, "mrn": TEXT, "provider": TEXT, "cost": INTEGER, "account": BIGINT, "seen": TEXT}
_TABLES: Mapping[str, Mapping[str, ColumnType]] = {
    "patients": {
        "id": BIGINT,
        "mrn": VARCHAR,
        "name": TEXT,
        "age": INTEGER,
        "device": UUID,
        "account": BIGINT,
        "number": VARCHAR,
        "card": CHAR,
        "note": TEXT,
    },
    "visits": _VISIT,
    "old_visits": _VISIT,
    "codes": {"code": TEXT, "label": TEXT, "mrn": TEXT},
}
VIEWS: Mapping[str, tuple[Mapping[str, ColumnType], str]] = {
    "front": (
        {"who": VARCHAR, "age": INTEGER},
        " SELECT p.mrn AS who, p.age FROM clinic.patients p WHERE (p.age > 30)",
    ),
    "costs": (
        {"mrn": TEXT, "total": BIGINT},
        " SELECT v.mrn, sum(v.cost) AS total FROM clinic.visits v GROUP BY v.mrn",
    ),
    "groups": (
        {"age": INTEGER, "mrns": ColumnType(1015, -1, "character varying[]", TypeCategory.OTHER)},
        " SELECT p.age, array_agg(p.mrn) AS mrns FROM clinic.patients p GROUP BY p.age",
    ),
    "leaky": ({"x": TEXT}, " SELECT lower((p.mrn)::text) AS x FROM clinic.patients p"),
}


def _relation(oid: int, name: str, columns: Mapping[str, ColumnType], definition: str | None = None) -> Relation:
    made = tuple(Column(c, n, t) for n, (c, t) in enumerate(columns.items(), 1))
    kind = RelationKind.TABLE if definition is None else RelationKind.VIEW
    relation = Relation(oid, "clinic", name, kind, made, row_type_oid=oid + 1000, definition=definition)
    return replace(relation, primary_key=("id",)) if "id" in columns else relation


SNAPSHOT = Snapshot(
    database="clinic",
    version="1",
    server_version_num=160000,
    relations=(
        *(_relation(PATIENTS + i, name, columns) for i, (name, columns) in enumerate(_TABLES.items())),
        *(_relation(PATIENTS + 100 + i, name, *view) for i, (name, view) in enumerate(VIEWS.items())),
    ),
    schemas=frozenset({"clinic"}),
    system_relations=frozenset({"pg_class"}),
    system_functions=frozenset(
        {"upper", "lower", "count", "sum", "max", "min", "row_to_json", "array_agg", "string_agg", "md5", "to_jsonb"}
    ),
)


def token_policy(folder: Path) -> Policy:
    """The policy; ``folder`` is an empty one for its file."""
    path = folder / "policy.yaml"
    path.write_text(POLICY)
    policy = load_policy(path)
    kinds = {name: replace(kind, mask=MASKS.get(name, kind.mask)) for name, kind in policy.kinds.items()}
    return replace(policy, kinds=kinds)


def token_planner(
    folder: Path,
    role: str = "analyst",
    *,
    snapshot: Snapshot = SNAPSHOT,
    vocabulary: Vocabulary | None = FakeVocabulary(),  # noqa: B008 - it is a constant
) -> Planner:
    """A planner for one role of the token clinic."""
    return planner_of(bind(token_policy(folder), snapshot, strict=False), role, vocabulary)


def planner_of(policy: BoundPolicy, role: str, vocabulary: Vocabulary | None) -> Planner:
    """A planner of a bound policy."""
    bound_role = policy.role(role)
    if bound_role is None:
        raise LookupError(role)
    return Planner(policy, bound_role, vocabulary=vocabulary)
