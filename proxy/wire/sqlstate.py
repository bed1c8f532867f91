"""SQLSTATE codes by name, and which of their texts may reach a restricted principal (manual, appendix A).

Owns: the names of the codes that pgveil uses, and the rule of the design's section 2, "errors are a channel".
Must not know: SQL, policy, how an error is framed.
Invariant: ``may_carry_text`` is an allow-list; a class that nobody thought about is withheld.
"""

from __future__ import annotations

from typing import Final

SUCCESSFUL_COMPLETION: Final = "00000"
WARNING: Final = "01000"
CONNECTION_FAILURE: Final = "08006"
PROTOCOL_VIOLATION: Final = "08P01"
FEATURE_NOT_SUPPORTED: Final = "0A000"
CHARACTER_NOT_IN_REPERTOIRE: Final = "22021"
IN_FAILED_SQL_TRANSACTION: Final = "25P02"
INVALID_SQL_STATEMENT_NAME: Final = "26000"
INVALID_AUTHORIZATION_SPECIFICATION: Final = "28000"
INVALID_PASSWORD: Final = "28P01"  # noqa: S105 - a code, not a secret
INVALID_CURSOR_NAME: Final = "34000"
INVALID_CATALOG_NAME: Final = "3D000"
INSUFFICIENT_PRIVILEGE: Final = "42501"
SYNTAX_ERROR: Final = "42601"
UNDEFINED_COLUMN: Final = "42703"
CANNOT_COERCE: Final = "42846"
UNDEFINED_FUNCTION: Final = "42883"
UNDEFINED_TABLE: Final = "42P01"
DUPLICATE_CURSOR: Final = "42P03"
DUPLICATE_PREPARED_STATEMENT: Final = "42P05"
OUT_OF_MEMORY: Final = "53200"
TOO_MANY_CONNECTIONS: Final = "53300"
QUERY_CANCELED: Final = "57014"
ADMIN_SHUTDOWN: Final = "57P01"
CANNOT_CONNECT_NOW: Final = "57P03"
IO_ERROR: Final = "58030"
CONFIG_FILE_ERROR: Final = "F0000"
INTERNAL_ERROR: Final = "XX000"

# Classes whose messages name syntax, objects, transaction states or resources. The others may quote a value that the
# statement met on its way (22 data, 23 and 44 constraints, P0 RAISE, 38/39 routines, HV foreign data, XX internals),
# or are free text (00 and 01: RAISE NOTICE and RAISE WARNING), or can become an oracle (21: how many rows there are).
_TEXT_CLASSES: Final = frozenset(
    {
        "03",  # SQL statement not yet complete
        "08",  # connection exception
        "0A",  # feature not supported
        "0B",  # invalid transaction initiation
        "24",  # invalid cursor state
        "25",  # invalid transaction state
        "26",  # invalid SQL statement name
        "28",  # invalid authorization specification
        "2D",  # invalid transaction termination
        "34",  # invalid cursor name
        "3B",  # savepoint exception
        "3D",  # invalid catalog name
        "3F",  # invalid schema name
        "40",  # transaction rollback: serialization failure, deadlock
        "42",  # syntax error or access rule violation
        "53",  # insufficient resources
        "54",  # program limit exceeded
        "55",  # object not in prerequisite state
        "57",  # operator intervention: cancellation, shutdown
    }
)

_CLASS_NAMES: Final = {
    "00": "successful completion",
    "01": "warning",
    "02": "no data",
    "20": "case not found",
    "21": "cardinality violation",
    "22": "data exception",
    "23": "integrity constraint violation",
    "2F": "SQL routine exception",
    "38": "external routine exception",
    "39": "external routine invocation exception",
    "44": "WITH CHECK OPTION violation",
    "58": "system error",
    "F0": "configuration file error",
    "HV": "foreign data wrapper error",
    "P0": "PL/pgSQL error",
    "XX": "internal error",
}


def class_of(sqlstate: str) -> str:
    """The class of a code: its first two characters."""
    return sqlstate[:2]


def may_carry_text(sqlstate: str) -> bool:
    """Whether the message that comes with this code cannot quote a stored value."""
    return sqlstate[:2] in _TEXT_CLASSES


def generic_text(sqlstate: str) -> str:
    """What a restricted principal reads in place of a message that may quote a stored value."""
    name = _CLASS_NAMES.get(sqlstate[:2], "other")
    return f"the database reported {sqlstate} ({name}); its text is withheld because it may contain protected values"
