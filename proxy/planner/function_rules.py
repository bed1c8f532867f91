"""Which functions and operators a role may use.

Owns: the judgement on every function and operator name of a statement. Must not know: masks, sqlglot, the wire.
Invariant: a name is allowed only if all that Postgres could take it for is allowed; arguments' types are not resolved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from proxy.catalog.snapshot import Relation, Snapshot
from proxy.errors import PolicyRefusal
from proxy.planner import allowlist
from proxy.planner.references import NamedObject, References
from proxy.policy.bound import BoundRole

# They make values of the types that the fields of a row have.
_MAKE_ROWS: Final = frozenset(
    {
        "json_populate_record",
        "json_populate_recordset",
        "jsonb_populate_record",
        "jsonb_populate_record_valid",
        "jsonb_populate_recordset",
    }
)
_GRAMMAR_VERSION: Final = 180_000  # what libpg_query reads by: an older server may read a word as a function's name


def check(references: References, snapshot: Snapshot, role: BoundRole, search_path: tuple[str, ...]) -> None:
    """Refuse functions and operators that the role may not use (PolicyRefusal, reason ``function``)."""
    for function in references.functions:
        _check_function(function, snapshot, role, search_path)
    for operator in references.operators:
        _check_operator(operator, snapshot, role, search_path)
    for schema in search_path if snapshot.server_version_num < _GRAMMAR_VERSION else ():
        for keyword in sorted(references.keywords):
            if (schema, keyword) in snapshot.functions and f"{schema}.{keyword}" not in role.functions:
                raise _refused(f"{schema}.{keyword}", role)
    for schema, name, *called in sorted(snapshot.type_calls):
        found_bare = schema == "pg_catalog" or schema in search_path
        bare = found_bare and NamedObject(None, name) in references.types
        if (bare or NamedObject(schema, name) in references.types) and ".".join(called) not in role.functions:
            raise _refused(".".join(called), role)
    for schema, name, anywhere in sorted(snapshot.unasked_calls):
        asked = anywhere or bool(references.writes)
        if asked and role.restricted and f"{schema}.{name}" not in role.functions:
            raise _refused(f"{schema}.{name}", role, "the cast that calls")


def check_columns(references: References, relations: Iterable[Relation], snapshot: Snapshot, role: BoundRole) -> None:
    """Refuse what the values in the columns of these relations would run unasked (as ``check``)."""
    if not (snapshot.value_calls and role.restricted):
        return
    held = {column.type.oid for relation in relations for column in relation.columns}
    makes = any(function.name in _MAKE_ROWS for function in references.functions)
    casts = bool(references.types or references.writes)
    for call in snapshot.value_calls:
        runs = (casts or not call.asked) if call.by_cast else makes
        if runs and call.type_oid in held and f"{call.schema}.{call.function}" not in role.functions:
            raise _refused(f"{call.schema}.{call.function}", role, "the function of a column's type,")


def check_parameters(type_oids: Iterable[int], snapshot: Snapshot, role: BoundRole) -> None:
    """Refuse parameters of types whose values run functions that the role may not use (as ``check``)."""
    given = frozenset(type_oids)
    for call in snapshot.value_calls:
        if call.type_oid in given and f"{call.schema}.{call.function}" not in role.functions:
            raise _refused(f"{call.schema}.{call.function}", role, "the function of a parameter's type,")


def listed_calls(
    references: References, relations: Iterable[Relation], snapshot: Snapshot, role: BoundRole, path: tuple[str, ...]
) -> frozenset[tuple[str, str]]:
    """The functions and operators of the role's own list that the statement may call (all have been checked)."""
    if not role.functions:
        return frozenset()
    named = {(s, f.name) for f in references.functions for s in (path if f.schema is None else (f.schema,))}
    named |= {(s, o.name) for o in references.operators for s in (path if o.schema is None else (o.schema,))}
    types = {named_type.name for named_type in references.types}
    named |= {(schema, function) for _, name, schema, function in snapshot.type_calls if name in types}
    fields = {name for _, name in references.fields}
    named |= {(schema, name) for schema, name in snapshot.functions if name in fields}
    named |= {(schema, name) for schema, name, _ in snapshot.unasked_calls}
    named |= {(call.schema, call.function) for call in snapshot.value_calls}
    if references.writes:
        named |= {call for relation in snapshot.family(relations).values() for call in relation.write_calls}
    return frozenset((schema, name) for schema, name in named if f"{schema}.{name}" in role.functions)


def same_under_every_path(references: References, snapshot: Snapshot) -> bool:
    """Whether nothing that is named could be another object under another search path."""
    if references.reads or references.writes or references.fields or references.keywords:
        return False
    elsewhere = {name for _, name in snapshot.functions | snapshot.operators}
    elsewhere |= {name for _, name, *_ in snapshot.type_calls}
    named = references.functions | references.operators | references.types
    return all(found.schema is not None or found.name not in elsewhere for found in named)


def check_attributes(references: References, resolved: set[int], snapshot: Snapshot, role: BoundRole) -> None:
    """Refuse ``value.name`` where that could call a function that the role may not use (manual, 4.2.4).

    It can wherever the name is not known to be a column's, and on values of any type: ``('…'::text).pg_read_file``.
    """
    names = {name for position, name in references.fields if position not in resolved}
    for name in sorted(names & snapshot.system_functions):
        if name not in allowlist.functions() or name in allowlist.judged_functions():
            raise _refused(name, role)
    for schema, name in sorted(snapshot.functions):
        if name in names and f"{schema}.{name}" not in role.functions:
            raise _refused(f"{schema}.{name}", role)


def _check_function(function: NamedObject, snapshot: Snapshot, role: BoundRole, search_path: tuple[str, ...]) -> None:
    if function.schema is not None and function.schema not in ("pg_catalog", "information_schema"):
        if f"{function.schema}.{function.name}" not in role.functions:
            raise _refused(f"{function.schema}.{function.name}", role)
        return
    built_in = function.name in allowlist.functions() or function.name in allowlist.judged_functions()
    if function.schema == "information_schema":
        if function.name not in allowlist.information_schema_functions():
            raise _refused(f"{function.schema}.{function.name}", role)
        return
    if function.schema is not None:
        if not built_in:
            raise _refused(f"{function.schema}.{function.name}", role)
        return
    candidates = [f"{s}.{function.name}" for s in search_path if (s, function.name) in snapshot.functions]
    for candidate in candidates:  # each could be the better match for the arguments, also beside a built-in one
        if candidate not in role.functions:
            raise _refused(candidate, role)
    if built_in or (candidates and function.name not in snapshot.system_functions):
        return
    if not candidates and function.name not in snapshot.system_functions:
        raise PolicyRefusal(f"function {function.name} does not exist", sqlstate="42883", reason="function")
    raise _refused(function.name, role)


def _check_operator(operator: NamedObject, snapshot: Snapshot, role: BoundRole, search_path: tuple[str, ...]) -> None:
    schemas = search_path if operator.schema is None else (operator.schema,)
    for schema in schemas:
        if (schema, operator.name) in snapshot.operators and f"{schema}.{operator.name}" not in role.functions:
            raise _refused(f"{schema}.{operator.name}", role, "operator")


def _refused(name: str, role: BoundRole, what: str = "function") -> PolicyRefusal:
    return PolicyRefusal(
        f"permission denied for {what} {name}",
        reason="function",
        detail="It is not on the list of functions that every role may call.",
        hint=f"A policy can list functions of its own under roles.{role.name}.functions.",
    )
