"""What a statement names, read off Postgres' own parse tree.

Owns: the walk over libpg_query's tree that collects relations, functions, operators and settings calls, with the scope
rules of WITH (manual, 7.8). Must not know: the catalog, policy, sqlglot.
Invariant: a kind of node that is not on the list below is refused, so that new grammar is never waved through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from proxy.errors import UnsupportedRefusal

# Every node that may stand inside SELECT, VALUES, INSERT, UPDATE, DELETE and MERGE as raw parse trees have them.
# Left out on purpose: IntoClause (SELECT INTO makes a table), CurrentOfExpr and everything that is DDL or a command.
_EXPRESSION_NODES: Final = """
    Alias RangeVar BoolExpr SubLink CaseExpr CaseWhen CollateClause RowExpr CoalesceExpr MinMaxExpr SQLValueFunction
    XmlExpr XmlSerialize JsonFormat JsonReturning JsonValueExpr JsonIsPredicate JsonBehavior NullTest BooleanTest
    MergeAction SetToDefault JoinExpr TypeName ColumnRef ParamRef A_Expr TypeCast FuncCall A_Star A_Indices
    A_Indirection A_ArrayExpr ResTarget MultiAssignRef SortBy WindowDef RangeSubselect RangeFunction RangeTableFunc
    RangeTableFuncCol RangeTableSample ColumnDef LockingClause GroupingSet GroupingFunc WithClause InferClause
    OnConflictClause CTESearchClause CTECycleClause CommonTableExpr MergeWhenClause ReturningClause ReturningOption
    JsonOutput JsonArgument JsonFuncExpr JsonTablePathSpec JsonTable JsonTableColumn JsonKeyValue JsonParseExpr
    JsonScalarExpr JsonSerializeExpr JsonObjectConstructor JsonArrayConstructor JsonArrayQueryConstructor
    JsonAggConstructor JsonObjectAgg JsonArrayAgg InsertStmt DeleteStmt UpdateStmt MergeStmt SelectStmt Integer Float
    Boolean String BitString List A_Const NamedArgExpr IndexElem DefElem MergeSupportFunc
"""
EXPRESSION_NODES: Final = frozenset(_EXPRESSION_NODES.split())
# Syntax of PostgreSQL 16 to 18 that earlier servers read as calls of functions with these names.
_YOUNG_SYNTAX: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "JsonFuncExpr": ("json_exists", "json_query", "json_value"),
        "JsonTable": ("json_table",),
        "JsonParseExpr": ("json",),
        "JsonScalarExpr": ("json_scalar",),
        "JsonSerializeExpr": ("json_serialize",),
        "JsonObjectConstructor": ("json_object",),
        "JsonArrayConstructor": ("json_array",),
        "JsonArrayQueryConstructor": ("json_array",),
        "JsonObjectAgg": ("json_objectagg",),
        "JsonArrayAgg": ("json_arrayagg",),
        "MergeSupportFunc": ("merge_action",),
    }
)
NOWHERE: Final = -1  # ``(a).b``: whether ``a`` is a row or a value is not settled by its name
_CMD_UPDATE, _CMD_INSERT, _CMD_DELETE = 3, 4, 5  # libpg_query's CmdType
WITH_BEARERS: Final = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})


@dataclass(frozen=True, slots=True)
class RelationReference:
    """A relation as the statement writes it; ``schema`` is None for an unqualified name."""

    schema: str | None
    name: str
    database: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema is not None else self.name


@dataclass(frozen=True, slots=True)
class Change:
    """What a write does to its table; ``updates`` are the columns that it sets in rows that are there."""

    inserts: bool = False
    deletes: bool = False
    updates: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Write:
    """The table that a statement writes, and how."""

    relation: RelationReference
    change: Change

    def __str__(self) -> str:
        return str(self.relation)


@dataclass(frozen=True, slots=True)
class NamedObject:
    """A function, operator or type as the statement writes it."""

    schema: str | None
    name: str


_EQUALS: Final = NamedObject(None, "=")


@dataclass(slots=True)
class References:
    """Everything one statement names. ``reads`` and ``writes`` keep one entry for each mention, in tree order.

    ``operators`` has those too that no text names: of BETWEEN, CASE x WHEN, IN (SELECT …), USING and NATURAL.
    ``keywords`` are names that are syntax to our grammar and may be functions to an older server.
    ``fields`` are the names written behind a dot, which Postgres may take for a function call in attribute notation
    (manual, 4.2.4), with the position of their ColumnRef, or NOWHERE. ``setting_calls`` are (function, setting name or
    None when it is no literal).
    """

    reads: list[RelationReference] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    functions: set[NamedObject] = field(default_factory=set)
    operators: set[NamedObject] = field(default_factory=set)
    keywords: set[str] = field(default_factory=set)
    types: set[NamedObject] = field(default_factory=set)
    fields: set[tuple[int, str]] = field(default_factory=set)
    setting_calls: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    locks_rows: bool = False


def names_of(nodes: Iterable[Any]) -> tuple[str, ...]:
    """The strings of a list of String nodes (a qualified name)."""
    return tuple(n.string.sval for n in nodes if n.HasField("string"))


def inner(node: Any) -> Any:
    """The message inside a ``Node`` wrapper."""
    which = node.WhichOneof("node")
    return getattr(node, which) if which is not None else None


def child_messages(message: Any, *, without: tuple[str, ...] = ()) -> Iterator[Any]:
    """All direct sub-messages of a parse tree message."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None or descriptor.name in without:
            continue
        if descriptor.is_repeated:
            yield from value
        else:
            yield value


def collect(statement: Any) -> References:
    """Collect what ``statement`` (a message such as SelectStmt, not a Node) names.

    Raises UnsupportedRefusal for a construct that is not on the list.
    """
    collector = _Collector()
    collector.run(statement)
    return collector.found


class _Collector:
    """A depth-first walk with a stack of its own: long chains of operators are deeper than Python's."""

    def __init__(self) -> None:
        self.found = References()
        self.stack: list[tuple[Any, frozenset[str]]] = []

    def run(self, statement: Any) -> None:
        self.stack.append((statement, frozenset()))
        while self.stack:
            message, ctes = self.stack.pop()
            if message.DESCRIPTOR.name == "Node":
                content = inner(message)
                if content is None:
                    continue
                message = content
            self._visit(message.DESCRIPTOR.name, message, ctes)

    def _visit(self, name: str, message: Any, ctes: frozenset[str]) -> None:
        if name not in EXPRESSION_NODES:
            raise UnsupportedRefusal(
                f"{name} is not supported here",
                reason="construct",
                detail="The statement uses syntax that is not on the list of constructs whose masking is known.",
            )
        if name in WITH_BEARERS:
            self._query(name, message, ctes)
        elif name == "RangeVar":
            self._relation(message, ctes)
        elif name == "LockingClause":
            self.found.locks_rows = True  # its RangeVars are aliases of FROM items, not relations
        else:
            self._note(name, message)
            self._push(child_messages(message), ctes)

    def _push(self, messages: Iterable[Any], ctes: frozenset[str]) -> None:
        self.stack.extend((m, ctes) for m in messages)

    def _query(self, name: str, statement: Any, ctes: frozenset[str]) -> None:
        if name == "SelectStmt" and statement.HasField("into_clause"):
            raise UnsupportedRefusal("SELECT INTO is not supported", reason="statement", hint="Use a plain SELECT.")
        if statement.HasField("with_clause"):
            ctes = self._with(statement.with_clause, ctes)
        without: tuple[str, ...] = ("with_clause",)
        if name != "SelectStmt":
            self.found.writes.append(
                Write(_reference(statement.relation), _change(name, statement))
            )  # never a CTE: manual, 7.8.2
            without = ("with_clause", "relation")
        self._push(child_messages(statement, without=without), ctes)

    def _with(self, clause: Any, ctes: frozenset[str]) -> frozenset[str]:
        names = [node.common_table_expr.ctename for node in clause.ctes]
        visible = ctes | frozenset(names) if clause.recursive else ctes
        for node, name in zip(clause.ctes, names, strict=True):
            self._push(child_messages(node.common_table_expr), visible)
            visible = visible | {name}
        return visible

    def _relation(self, range_var: Any, ctes: frozenset[str]) -> None:
        if range_var.schemaname or range_var.relname not in ctes:
            self.found.reads.append(_reference(range_var))

    def _note(self, name: str, message: Any) -> None:
        match name:
            case "FuncCall":
                function = _named(message.funcname)
                self.found.functions.add(function)
                if function.name in ("set_config", "current_setting"):
                    self.found.setting_calls.append(
                        (function.name, _literal(message.args, 0), _literal(message.args, 1))
                    )
            case "A_Expr":
                self._operator(message)
            case "TypeName":
                self.found.types.add(_named(message.names))
            case "SubLink":
                if message.oper_name:
                    self.found.operators.add(_named(message.oper_name))
                elif message.HasField("testexpr"):
                    self.found.operators.add(_EQUALS)
            case "CaseExpr":
                if message.HasField("arg"):
                    self.found.operators.add(_EQUALS)
            case "JoinExpr":
                if message.is_natural or message.using_clause:
                    self.found.operators.add(_EQUALS)
            case "SortBy":
                if message.use_op:
                    self.found.operators.add(_named(message.use_op))
            case "RangeTableSample":
                _check_sample(_named(message.method))
            case "ColumnRef":
                self.found.fields.update((message.location, name) for name in names_of(message.fields)[1:])
            case "A_Indirection":
                self.found.fields.update((NOWHERE, name) for name in names_of(message.indirection))
            case _:
                self.found.keywords.update(_YOUNG_SYNTAX.get(name, ()))

    def _operator(self, message: Any) -> None:
        operator = _named(message.name)
        if "BETWEEN" in operator.name:  # its bounds are compared in either direction (SYMMETRIC), or both are negated
            self.found.operators.update(NamedObject(None, name) for name in ("<", "<=", ">", ">="))
        else:
            self.found.operators.add(operator)


def _check_sample(method: NamedObject) -> None:
    if method.schema not in (None, "pg_catalog") or method.name not in ("bernoulli", "system"):
        raise UnsupportedRefusal(
            f"the sampling method {method.name} is not supported", reason="construct", hint="Use SYSTEM or BERNOULLI."
        )


def _reference(range_var: Any) -> RelationReference:
    return RelationReference(range_var.schemaname or None, range_var.relname, range_var.catalogname or None)


def _change(name: str, statement: Any) -> Change:
    match name:
        case "InsertStmt":
            return Change(inserts=True, updates=_set_columns(statement.on_conflict_clause.target_list))
        case "UpdateStmt":
            return Change(updates=_set_columns(statement.target_list))
        case "MergeStmt":
            actions = [node.merge_when_clause for node in statement.merge_when_clauses]
            updated = [_set_columns(a.target_list) for a in actions if a.command_type == _CMD_UPDATE]
            return Change(
                inserts=any(a.command_type == _CMD_INSERT for a in actions),
                deletes=any(a.command_type == _CMD_DELETE for a in actions),
                updates=frozenset().union(*updated),
            )
        case _:
            return Change(deletes=True)


def _set_columns(targets: Iterable[Any]) -> frozenset[str]:
    return frozenset(node.res_target.name for node in targets)


def _named(nodes: Iterable[Any]) -> NamedObject:
    parts = names_of(nodes)
    return NamedObject(parts[-2] if len(parts) > 1 else None, parts[-1] if parts else "")


def _literal(arguments: Any, index: int) -> str | None:
    if index >= len(arguments):
        return None
    node = arguments[index]
    while node.HasField("type_cast"):
        node = node.type_cast.arg
    if node.HasField("a_const") and node.a_const.HasField("sval"):
        return str(node.a_const.sval.sval)
    return None
