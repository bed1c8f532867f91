"""Casts that change nothing: ``dob::date`` and ``date(dob)`` are the column itself to Postgres (manual, 4.2.9).

Owns: the recognition of a cast and its type's name as ``format_type`` prints it. Must not know: columns, scopes.
Invariant: only unmodified built-in types are recognised; anything else is an ordinary expression.
"""

from __future__ import annotations

from typing import Any, Final

from proxy.planner.references import inner, names_of

# pg_type.typname → format_type, where they differ.
_SPELLINGS: Final = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "varchar": "character varying",
    "bpchar": "character",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}


def plain_cast(message: Any) -> tuple[Any, str] | None:
    """(operand, type) where ``message`` is a cast to a type without modifier, or such a type's name called."""
    if message.DESCRIPTOR.name == "TypeCast":
        wanted = message.type_name
        names = names_of(wanted.names)
        if wanted.typmods or wanted.array_bounds or wanted.setof or len(names) not in (1, 2):
            return None
        if len(names) == 2 and names[0] != "pg_catalog":
            return None
        return inner(message.arg), _SPELLINGS.get(names[-1], names[-1])
    if message.DESCRIPTOR.name == "FuncCall":
        names = names_of(message.funcname)
        if len(names) == 1 and len(message.args) == 1 and not message.agg_distinct and not message.HasField("over"):
            return inner(message.args[0]), _SPELLINGS.get(names[0], names[0])
    return None
