"""The name that Postgres gives an output column without AS (FigureColname in parse_target.c).

Owns: that rule on Postgres' own tree. Must not know: anything else.
Invariant: only used to follow columns through subqueries; what the client sees is named by the server itself.
"""

from __future__ import annotations

from typing import Any, Final

from proxy.planner.references import inner, names_of

UNNAMED: Final = "?column?"
_FIXED: Final = {
    "A_ArrayExpr": "array",
    "RowExpr": "row",
    "CoalesceExpr": "coalesce",
    "GroupingFunc": "grouping",
    "XmlSerialize": "xmlserialize",
    "JsonParseExpr": "json",
    "JsonScalarExpr": "json_scalar",
    "JsonSerializeExpr": "json_serialize",
    "JsonObjectConstructor": "json_object",
    "JsonArrayConstructor": "json_array",
    "JsonArrayQueryConstructor": "json_array",
    "JsonObjectAgg": "json_objectagg",
    "JsonArrayAgg": "json_arrayagg",
}
_SUBLINK_EXISTS: Final = 1
_SUBLINK_EXPR: Final = 5
_SUBLINK_ARRAY: Final = 7


def output_name(node: Any) -> str:
    """The name of an output column whose expression is ``node``."""
    return _figure(inner(node))[0]


def _figure(message: Any) -> tuple[str, int]:
    """(name, strength) as FigureColnameInternal: 0 none, 1 weak (a type or CASE), 2 good."""
    if message is None:
        return UNNAMED, 0
    kind = message.DESCRIPTOR.name
    match kind:
        case "ColumnRef":
            names = names_of(message.fields)
            return (names[-1], 2) if names else (UNNAMED, 0)
        case "A_Indirection":
            names = names_of(message.indirection)
            return (names[-1], 2) if names else _figure(inner(message.arg))
        case "FuncCall":
            return names_of(message.funcname)[-1], 2
        case "A_Expr":
            return ("nullif", 2) if message.kind == 6 else (UNNAMED, 0)  # AEXPR_NULLIF
        case "TypeCast":
            return _weak(_figure(inner(message.arg)), names_of(message.type_name.names))
        case "CollateClause":
            return _figure(inner(message.arg))
        case "CaseExpr":
            return _weak(_figure(inner(message.defresult)), ("case",))
        case "MinMaxExpr":
            return ("greatest" if message.op == 1 else "least"), 2
        case "SubLink":
            return _sublink(message)
        case "SQLValueFunction":
            return _value_function(message), 2
        case _:
            return (_FIXED[kind], 2) if kind in _FIXED else (UNNAMED, 0)


def _weak(found: tuple[str, int], fallback: tuple[str, ...]) -> tuple[str, int]:
    return found if found[1] > 1 or not fallback else (fallback[-1], 1)


def _sublink(message: Any) -> tuple[str, int]:
    if message.sub_link_type == _SUBLINK_EXISTS:
        return "exists", 2
    if message.sub_link_type == _SUBLINK_ARRAY:
        return "array", 2
    if message.sub_link_type == _SUBLINK_EXPR:
        select = inner(message.subselect)
        while select.HasField("larg"):
            select = select.larg
        if select.target_list:
            target = select.target_list[0].res_target
            return (target.name, 2) if target.name else _figure(inner(target.val))
    return UNNAMED, 0


def _value_function(message: Any) -> str:
    word = type(message).DESCRIPTOR.fields_by_name["op"].enum_type.values_by_number[message.op].name
    return str(word).removeprefix("SVFOP_").removesuffix("_N").lower()
