"""The first parser's verdict: what kind of statement this is, and whether its kind, functions and settings are allowed.

Owns: the allow-list of statement kinds and what each does to the session. Must not know: masks, sqlglot, the wire.
Invariant: a kind that is not named here is refused; what the text names is read off Postgres' own tree, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from proxy.errors import PolicyRefusal, Refusal, UnsupportedRefusal
from proxy.planner import setting_rules
from proxy.planner.plan import Effects, StatementKind
from proxy.planner.references import References, collect, inner

_NO_EFFECTS: Final = Effects()


class Body(Enum):
    """Where in the statement the query is that relations are read by."""

    NONE = "none"  # there is none
    WHOLE = "whole"  # the statement itself is a query
    NESTED = "nested"  # DECLARE, COPY, PREPARE: it can be masked inside the statement
    FIXED = "fixed"  # goes upstream as it is, or not at all


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one statement; ``references`` is empty for statements that read and write nothing.

    ``query``: the query itself (a message such as SelectStmt). ``portal`` and ``prepared`` as in ``Plan``.
    """

    kind: StatementKind
    references: References
    body: Body
    effects: Effects = _NO_EFFECTS
    what: str = "statement"
    query: Any = None
    portal: str | None = None
    prepared: str | None = None


_WRITES: Final = {"InsertStmt": "INSERT", "UpdateStmt": "UPDATE", "DeleteStmt": "DELETE", "MergeStmt": "MERGE"}
_WITH_WRITES: Final = frozenset({StatementKind.EXPLAIN, StatementKind.PREPARE})
_HOLD: Final = 0x0020  # CURSOR_OPT_HOLD
_ACCESS_SHARE: Final = 1
_UTF8: Final = frozenset({"utf8", "unicode"})
_TRANSACTION_ENDS: Final = frozenset({3, 4, 6, 7})  # COMMIT, ROLLBACK, RELEASE, ROLLBACK TO (TransactionStmtKind)
_TRANSACTION_ALLOWED: Final = frozenset({1, 2, 3, 4, 5, 6, 7})
_HINTS: Final = {
    "CreateTableAsStmt": ("CREATE TABLE AS", "Use a plain SELECT and keep the result on the client."),
    "DoStmt": ("DO", "Send the statements themselves."),
    "CallStmt": ("CALL", "Procedures run SQL that pgveil cannot see."),
    "ListenStmt": ("LISTEN", "Notifications carry payloads that pgveil cannot mask."),
    "NotifyStmt": ("NOTIFY", "Notifications carry payloads that pgveil cannot mask."),
    "TruncateStmt": ("TRUNCATE", "Ask the database's administrators."),
}


def judge(statement: Any) -> Judgement:
    """Judge one statement (the message inside RawStmt).

    Raises PolicyRefusal or UnsupportedRefusal for kinds, constructs and settings that are not allowed.
    """
    name = statement.DESCRIPTOR.name
    if name == "SelectStmt":
        return _query(statement)
    if name in _WRITES:
        return Judgement(StatementKind.WRITE, _references(statement), Body.WHOLE, what=_WRITES[name], query=statement)
    match name:
        case "TransactionStmt":
            return _transaction(statement)
        case "VariableSetStmt":
            effects = Effects(search_path=setting_rules.check_set(statement))
            return _plain(StatementKind.SETTING, effects)
        case "VariableShowStmt":
            setting_rules.check_show(statement.name)
            return _plain(StatementKind.SETTING)
        case "DiscardStmt":
            everything = statement.target == 1  # DISCARD_ALL
            marker = "*" if everything else None
            return _plain(StatementKind.SESSION, Effects(everything, deallocates=marker, closes=marker))
        case "DeallocateStmt":
            return _plain(StatementKind.SESSION, Effects(deallocates="*" if statement.isall else statement.name))
        case "UnlistenStmt" | "ConstraintsSetStmt":
            return _plain(StatementKind.SESSION)
        case "FetchStmt":
            return Judgement(StatementKind.CURSOR, References(), Body.NONE, portal=statement.portalname)
        case "ClosePortalStmt":
            return _plain(StatementKind.CURSOR, Effects(closes=statement.portalname or "*"))
        case "DeclareCursorStmt":
            effects = Effects(declares=statement.portalname, holdable=bool(statement.options & _HOLD))
            return _nested(StatementKind.DECLARE, inner(statement.query), "DECLARE CURSOR", effects)
        case "PrepareStmt":
            effects = Effects(prepares=statement.name)
            return _nested(StatementKind.PREPARE, inner(statement.query), "PREPARE", effects)
        case "ExecuteStmt":
            return _execute(statement)
        case "LockStmt":
            return _lock(statement)
        case "ExplainStmt":
            judged = _nested(StatementKind.EXPLAIN, inner(statement.query), "EXPLAIN")
            return replace(judged, body=Body.FIXED)
        case "CopyStmt":
            return _copy(statement)
        case _:
            raise _not_supported(name)


def _references(statement: Any) -> References:
    references = collect(statement)
    for function, first, second in references.setting_calls:
        setting_rules.check_call(function, first, second)
    return references


def _query(statement: Any) -> Judgement:
    references = _references(statement)
    path = any(f == "set_config" and name and name.lower() == "search_path" for f, name, _ in references.setting_calls)
    kind = StatementKind.WRITE if references.writes else StatementKind.SELECT
    return Judgement(kind, references, Body.WHOLE, Effects(search_path=path), "SELECT", statement)


def _nested(kind: StatementKind, query: Any, what: str, effects: Effects = _NO_EFFECTS) -> Judgement:
    name = query.DESCRIPTOR.name
    if name != "SelectStmt" and not (kind in _WITH_WRITES and name in _WRITES):
        raise UnsupportedRefusal(f"{what} of this kind of statement is not supported", reason="statement")
    references = _references(query)
    if any(function == "set_config" for function, _, _ in references.setting_calls):
        raise UnsupportedRefusal(f"{what} may not change settings", reason="setting")
    return Judgement(kind, references, Body.NESTED, effects, what, query)


def _execute(statement: Any) -> Judgement:
    """EXECUTE runs what was planned as PREPARE or Parse; here only its arguments are judged."""
    references = References()
    for argument in statement.params:
        found = collect(inner(argument))
        references.functions |= found.functions
        references.operators |= found.operators
        references.types |= found.types
        references.fields |= found.fields
        if found.reads or found.setting_calls:
            raise UnsupportedRefusal("arguments of EXECUTE may not read relations or settings", reason="statement")
    return Judgement(StatementKind.EXECUTE, references, Body.NONE, what="EXECUTE", prepared=statement.name)


def _copy(statement: Any) -> Judgement:
    if statement.is_program or statement.filename:
        raise PolicyRefusal(
            "COPY to or from a file or program of the server is not allowed",
            reason="statement",
            hint="Use COPY … TO STDOUT.",
        )
    if statement.is_from:
        raise UnsupportedRefusal("COPY FROM is not supported", reason="statement", hint="Use INSERT.")
    for option in statement.options:
        element = option.def_elem
        if element.defname == "encoding" and element.arg.string.sval.lower().replace("-", "") not in _UTF8:
            raise UnsupportedRefusal(
                "COPY in another encoding than UTF8 is not supported", reason="setting", hint="Leave ENCODING out."
            )
    if statement.HasField("query"):
        return _nested(StatementKind.COPY_OUT, inner(statement.query), "COPY")
    return Judgement(StatementKind.COPY_OUT, collect(statement.relation), Body.NESTED, what="COPY")


def _lock(statement: Any) -> Judgement:
    """LOCK TABLE … IN ACCESS SHARE MODE, the lock that reading takes: dumps hold their tables by it."""
    if statement.mode != _ACCESS_SHARE:
        raise UnsupportedRefusal(
            "LOCK is supported in ACCESS SHARE MODE only", reason="statement", hint="Reads need no stronger lock."
        )
    references = References()
    for relation in statement.relations:
        references.reads += collect(inner(relation)).reads
    return Judgement(StatementKind.LOCK, references, Body.FIXED, what="LOCK")


def _transaction(statement: Any) -> Judgement:
    if statement.kind not in _TRANSACTION_ALLOWED:
        raise UnsupportedRefusal("two-phase commit is not supported", reason="statement")
    # SET LOCAL ends with COMMIT, SET with ROLLBACK: either may bring back another search path.
    return _plain(StatementKind.TRANSACTION, Effects(search_path=statement.kind in _TRANSACTION_ENDS))


def _plain(kind: StatementKind, effects: Effects | None = None) -> Judgement:
    return Judgement(kind, References(), Body.NONE, effects or Effects())


def _not_supported(name: str) -> Refusal:
    word, hint = _HINTS.get(name, (_words(name), "pgveil forwards queries and session commands only."))
    return UnsupportedRefusal(f"{word} is not supported", reason="statement", hint=hint)


def _words(name: str) -> str:
    """``AlterTableStmt`` → ``ALTER TABLE``."""
    spaced = "".join(f" {c}" if c.isupper() else c for c in name.removesuffix("Stmt"))
    return spaced.strip().upper()
