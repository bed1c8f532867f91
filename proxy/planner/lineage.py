"""Which table column each output column shows, and which protected columns a statement uses.

Owns: the walk over Postgres' own tree that follows columns through joins, subqueries, CTEs and set operations.
Must not know: sqlglot, the wire. Invariant: nothing here protects a value (the scan masks do): it names columns for
RowDescription, the journal and ``policy explain``, and refuses denied columns by name; what it cannot follow it leaves
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from proxy.errors import PolicyRefusal
from proxy.planner.casts import plain_cast
from proxy.planner.naming import output_name
from proxy.planner.outputs import Columns, Item, Namespace, OutputColumn, Protected, item_namespace, merge
from proxy.planner.references import RelationReference, child_messages, inner, names_of

_JOIN_INNER: Final = 1
_JOIN_LEFT: Final = 2
_JOIN_FULL: Final = 3
_JOIN_RIGHT: Final = 4
_SETOP_NONE: Final = 1

CTEs = Mapping[str, Columns | None]


class Lineage:
    """The lineage of one statement. ``relation_item`` gives the FROM item of a resolved relation.

    After ``run``, ``uses`` holds every protected column that the statement names anywhere, and ``resolved`` the
    positions of the qualified ColumnRefs that certainly are columns, and so no function calls (manual, 4.2.4).
    """

    def __init__(self, relation_item: Callable[[RelationReference], Item]) -> None:
        self._relation_item = relation_item
        self.uses: set[Protected] = set()
        self.resolved: set[int] = set()

    def run(self, select: Any) -> Columns | None:
        """The output columns of a SelectStmt, or None where their number is not known.

        Raises PolicyRefusal where a denied column is named.
        """
        return self._query(select, None, {})

    # queries --------------------------------------------------------------------------------------------------------

    def _query(self, select: Any, outer: Namespace | None, ctes: CTEs) -> Columns | None:
        if select.HasField("with_clause"):
            ctes = self._with(select.with_clause, outer, ctes)
        if select.values_lists:
            return self._values(select, outer, ctes)
        if select.op > _SETOP_NONE:
            return self._set_operation(select, outer, ctes)
        space = Namespace(outer=outer)
        for node in select.from_clause:
            space = space.beside(self._from(inner(node), space, ctes))
        outputs = self._targets(select.target_list, space, ctes)
        self._expressions(
            (m for m in child_messages(select, without=("target_list", "from_clause", "with_clause", "sort_clause"))),
            space,
            ctes,
        )
        names = {o.name for o in outputs} if outputs is not None else set()
        for sort in select.sort_clause:
            key = sort.sort_by.node
            if not (
                key.HasField("column_ref")
                and names_of(key.column_ref.fields)[:1]
                and len(key.column_ref.fields) == 1
                and names_of(key.column_ref.fields)[0] in names
            ):
                self._expressions((key,), space, ctes)
        return outputs

    def _with(self, clause: Any, outer: Namespace | None, ctes: CTEs) -> CTEs:
        known: dict[str, Columns | None] = dict(ctes)
        if clause.recursive:
            known.update({n.common_table_expr.ctename: None for n in clause.ctes})
        for node in clause.ctes:
            cte = node.common_table_expr
            query = inner(cte.ctequery)
            if query.DESCRIPTOR.name != "SelectStmt":
                known[cte.ctename] = None
                continue
            if clause.recursive and query.op > _SETOP_NONE:
                first = self._query(query.larg, outer, known)
                known[cte.ctename] = _renamed(_plain(first), names_of(cte.aliascolnames))
            columns = self._query(query, outer, known)
            if cte.HasField("search_clause") or cte.HasField("cycle_clause"):
                columns = None
            known[cte.ctename] = _renamed(columns, names_of(cte.aliascolnames))
        return known

    def _values(self, select: Any, outer: Namespace | None, ctes: CTEs) -> Columns:
        space = Namespace(outer=outer)
        self._expressions(child_messages(select, without=("with_clause",)), space, ctes)
        width = len(select.values_lists[0].list.items)
        return tuple(OutputColumn(f"column{i + 1}") for i in range(width))

    def _set_operation(self, select: Any, outer: Namespace | None, ctes: CTEs) -> Columns | None:
        # UNION chains are left-deep: walk the left spine in a loop, so that a thousand arms are no deep recursion.
        arms = []
        node = select
        while node.op > _SETOP_NONE and not (node is not select and node.HasField("with_clause")):
            arms.append(node.rarg)
            node = node.larg
        outputs = _plain(self._query(node, outer, ctes))
        for arm in reversed(arms):
            right = self._query(arm, outer, ctes)
            outputs = _union(outputs, right)
        return outputs

    # FROM -----------------------------------------------------------------------------------------------------------

    def _from(self, node: Any, before: Namespace, ctes: CTEs) -> Namespace:
        outer = before.outer
        match node.DESCRIPTOR.name:
            case "RangeVar":
                return self._range_var(node, outer, ctes)
            case "RangeTableSample":
                return self._from(inner(node.relation), before, ctes)
            case "RangeSubselect":
                columns = self._query(inner(node.subquery), before if node.lateral else outer, ctes)
                alias = node.alias.aliasname or None
                return item_namespace(Item(alias, _renamed(columns, names_of(node.alias.colnames))), outer)
            case "JoinExpr":
                return self._join(node, before, ctes)
            case _:
                self._expressions(child_messages(node, without=("alias", "coldeflist")), before, ctes)
                return item_namespace(_function_item(node), outer)

    def _range_var(self, node: Any, outer: Namespace | None, ctes: CTEs) -> Namespace:
        alias = node.alias.aliasname or node.relname
        renames = names_of(node.alias.colnames)
        if not node.schemaname and node.relname in ctes:
            return item_namespace(Item(alias, _renamed(ctes[node.relname], renames)), outer)
        reference = RelationReference(node.schemaname or None, node.relname, node.catalogname or None)
        found = self._relation_item(reference)
        schema = found.schema if not node.alias.aliasname else None
        return item_namespace(Item(alias, _renamed(found.columns, renames), schema, found.denied, found.row), outer)

    def _join(self, node: Any, before: Namespace, ctes: CTEs) -> Namespace:
        left = self._from(inner(node.larg), before, ctes)
        right = self._from(inner(node.rarg), before.beside(left), ctes)
        names = names_of(node.using_clause)
        if node.is_natural and left.visible is not None and right.visible is not None:
            theirs = {c.name for c in right.visible}
            names = tuple(c.name for c in left.visible if c.name in theirs)
        side = {_JOIN_RIGHT: "right", _JOIN_FULL: "both"}.get(node.jointype, "left")
        joined = merge(left, right, names, side) if names else left.beside(right)
        for name in names:
            self._use(left.column(name))
            self._use(right.column(name))
        if node.HasField("quals"):
            self._expressions((node.quals,), Namespace(joined.items, joined.visible, before), ctes)
        if node.HasField("join_using_alias") and joined.visible is not None:
            merged = Item(node.join_using_alias.aliasname, joined.visible[: len(names)])
            joined = Namespace((*joined.items, merged), joined.visible, joined.outer)
        if node.HasField("alias"):
            columns = _renamed(joined.visible, names_of(node.alias.colnames))
            return item_namespace(Item(node.alias.aliasname, columns), before.outer)
        return joined

    # expressions ----------------------------------------------------------------------------------------------------

    def _targets(self, targets: Iterable[Any], space: Namespace, ctes: CTEs) -> Columns | None:
        outputs: list[OutputColumn] | None = []
        for node in targets:
            target = node.res_target
            found = self._target(target, space, ctes)
            outputs = None if found is None or outputs is None else [*outputs, *found]
        return tuple(outputs) if outputs is not None else None

    def _target(self, target: Any, space: Namespace, ctes: CTEs) -> Columns | None:
        value = inner(target.val)
        fields = _field_path(value) or self._cast_column(value, space)
        if fields is not None and fields[-1] == "*":
            return self._star(fields, space)
        name = target.name or output_name(target.val)
        if fields is not None:
            column = self._column(fields, space, value)
            self._use(column)
            if column is not None:
                return (column.named(name),)
            if len(fields) == 1 and (item := space.item(fields[0])) is not None:
                return (OutputColumn(name, item.row, uses=self._expressions((target.val,), space, ctes)),)
        uses = self._expressions((target.val,), space, ctes)
        return (OutputColumn(name, uses=uses),)

    def _cast_column(self, value: Any, space: Namespace) -> tuple[str, ...] | None:
        """The column that a cast, or several, leave as it is, as names; None for anything else."""
        types: set[str] = set()
        while (cast := plain_cast(value)) is not None:
            value, type_name = cast
            types.add(type_name)
        fields = _field_path(value) if types else None
        if fields is None or fields[-1] == "*":
            return None
        column = self._column(fields, space, value)
        return fields if column is not None and types == {column.type_name} else None

    def _star(self, fields: tuple[str, ...], space: Namespace) -> Columns | None:
        if len(fields) == 1:
            columns = space.visible
        else:
            item = space.item(fields[-2], fields[-3] if len(fields) > 2 else None)
            columns = item.columns if item is not None else None
        for column in columns or ():
            self._use(column)
        return columns

    def _expressions(self, roots: Iterable[Any], space: Namespace, ctes: CTEs) -> frozenset[Protected]:
        """The protected columns that the expressions use; they are noted for the statement too."""
        uses: set[Protected] = set()
        stack = list(roots)
        while stack:
            message = stack.pop()
            if message.DESCRIPTOR.name == "Node":
                message = inner(message)
            name = message.DESCRIPTOR.name if message is not None else ""
            if name == "SelectStmt":
                outputs = self._query(message, space, ctes)
                uses.update(p for o in outputs or () for p in o.uses)
            elif name in ("ColumnRef", "A_Indirection") and (fields := _field_path(message)) is not None:
                uses.update(self._named(fields, space, message))
            elif name not in ("", "LockingClause"):
                stack.extend(child_messages(message))
        self.uses.update(uses)
        return frozenset(uses)

    def _named(self, fields: tuple[str, ...], space: Namespace, message: Any) -> frozenset[Protected]:
        if fields[-1] == "*":
            return frozenset(p for c in self._star(fields, space) or () for p in c.uses)
        column = self._column(fields, space, message)
        if column is not None:
            return column.uses
        if len(fields) == 1 and (item := space.item(fields[0])) is not None:  # a whole-row reference
            return frozenset(p for c in item.columns or () for p in c.uses)
        return frozenset()

    def _column(self, fields: tuple[str, ...], space: Namespace, message: Any) -> OutputColumn | None:
        if len(fields) == 1:
            if (protected := space.denied(fields[0])) is not None:
                raise _denied(protected)
            return space.column(fields[0])
        item = space.item(fields[-2], fields[-3] if len(fields) > 2 else None)
        if item is None:
            return None
        for protected in item.denied:
            if protected.decision.column.name == fields[-1]:
                raise _denied(protected)
        column = next((c for c in item.columns or () if c.name == fields[-1]), None)
        if column is not None and message.DESCRIPTOR.name == "ColumnRef":
            self.resolved.add(message.location)
        return column

    def _use(self, column: OutputColumn | None) -> None:
        if column is not None:
            self.uses.update(column.uses)


def _field_path(message: Any) -> tuple[str, ...] | None:
    """``a``, ``a.b``, ``s.a.b``, ``a.*`` or ``(a).b`` as names (``*`` for a star); None for anything else."""
    if message.DESCRIPTOR.name == "ColumnRef":
        nodes = message.fields
        prefix: tuple[str, ...] = ()
    elif message.DESCRIPTOR.name == "A_Indirection" and message.arg.HasField("column_ref"):
        nodes = message.indirection
        prefix = names_of(message.arg.column_ref.fields)
        if len(prefix) != 1 or len(nodes) != 1:
            return None
    else:
        return None
    path = tuple("*" if n.HasField("a_star") else n.string.sval for n in nodes)
    return (*prefix, *path) if all(path) else None


def _function_item(node: Any) -> Item:
    """A function, XMLTABLE or JSON_TABLE in FROM: columns are known only where the statement lists them."""
    alias = node.alias.aliasname or None
    names = names_of(node.alias.colnames)
    if not names and node.DESCRIPTOR.name == "RangeFunction" and node.coldeflist:
        names = tuple(n.column_def.colname for n in node.coldeflist)
    return Item(alias, tuple(OutputColumn(n) for n in names) or None)


def _renamed(columns: Columns | None, names: tuple[str, ...]) -> Columns | None:
    if columns is None or not names:
        return columns
    renamed = [c.named(n) for c, n in zip(columns, names, strict=False)]
    return (*renamed, *columns[len(renamed) :])


def _plain(columns: Columns | None) -> Columns | None:
    return tuple(c.without_origin() for c in columns) if columns is not None else None


def _union(left: Columns | None, right: Columns | None) -> Columns | None:
    if left is None:
        return None
    if right is None or len(left) != len(right):
        return tuple(OutputColumn(c.name, uses=c.uses) for c in left)
    return tuple(
        OutputColumn(a.name, shows=a.shows if a.shows == b.shows else None, uses=a.uses | b.uses)
        for a, b in zip(left, right, strict=True)
    )


def _denied(protected: Protected) -> PolicyRefusal:
    column = f"{protected.relation}.{protected.decision.column.name}"
    return PolicyRefusal(
        f"permission denied for column {column}",
        reason="column",
        detail=f"The policy denies it to this role ({protected.decision.rule}).",
        hint="Leave the column out; SELECT * leaves it out by itself.",
    )
