"""The types of expressions: what may be done with a token, construct by construct.

Owns: operators, predicates, constants and columns. Must not know: FROM, keys, how tokens are made.
Invariant: a construct that is not named here takes ordinary values only, and every part of it is looked at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final, TypeAlias

from sqlglot import exp

from proxy.planner.dialect import Call, OperatorCall, PrefixOperator, RowConstructor, Special, SqlValue, print_statement
from proxy.planner.tokens.columns import ColumnReferences, bare, record_of, record_of_item
from proxy.planner.tokens.findings import Operand, Outputs
from proxy.planner.tokens.refusals import WHOLE_ROW, Use
from proxy.planner.tokens.scopes import Scope
from proxy.planner.tokens.variables import Elements, Json, Printed, Record, Variable, ordinary, parts, unify
from proxy.tokens.types import StoredType

Shape: TypeAlias = Variable | list[Variable]

_WORDS: Final[dict[type[exp.Expr], str]] = {
    exp.Like: "LIKE",
    exp.ILike: "ILIKE",
    exp.SimilarTo: "SIMILAR TO",
    exp.DPipe: "||",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.GT: ">",
    exp.LTE: "<=",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
_LEAVES: Final = (exp.Identifier, exp.Var, exp.DataType, exp.Star)
_PLAIN_VALUES: Final = (exp.Boolean, exp.BitString, exp.HexString, SqlValue)
_EQUALITY: Final = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)
_ORDER: Final = (exp.LT, exp.LTE, exp.GT, exp.GTE)
_TEXTS: Final = frozenset({"text", "varchar", "character varying", "pg_catalog.text"})
_COLLATIONS: Final = frozenset({"c", "posix", "default", "ucs_basic"})  # deterministic, and tokens have an own order
_NO_PATTERN: Final = "Tokens have no letters in common with what they stand for: compare them as a whole."


class Expressions(ColumnReferences, ABC):
    """Infers the type of an expression; ``findings`` is filled on the way."""

    @abstractmethod
    def query(self, node: exp.Expr, scope: Scope) -> Outputs:
        """The output columns of a query; ``scope`` is the empty one that it starts from."""

    @abstractmethod
    def call(self, node: Call, scope: Scope) -> Variable:
        """The type of a function call."""

    @abstractmethod
    def over(self, node: exp.Window, scope: Scope) -> Variable:
        """The type of a window function's call."""

    def infer(self, node: exp.Expr, scope: Scope) -> Variable:
        """The type of ``node``. Raises UnsupportedRefusal (reason ``token``)."""
        match node:
            case exp.Paren() | exp.Alias():
                return self.infer(node.this, scope)
            case exp.Column():
                return self.column(node, scope)
            case exp.Literal():
                kind = Variable()
                self.findings.literals.append((node, kind))
                return kind
            case exp.Null():
                return Variable()
            case exp.Parameter():
                number = int(node.this.name)
                self.findings.mentions[number] += 1
                return self.findings.parameters.setdefault(number, Variable())
            case exp.Cast():
                return self._cast(node, scope)
            case exp.Collate():
                return self._collate(node, scope)
            case exp.Case():
                return self._case(node, scope)
            case exp.Coalesce():
                return self._alike([node.this, *node.expressions], scope, Use("COALESCE", meets=True))
            case exp.Nullif():
                return self._alike([node.this, node.expression], scope, Use("NULLIF", meets=True))
            case exp.Query() | exp.Values():  # in brackets of its own or, as JSON_ARRAY has it, without
                return self._scalar(node, scope)
            case exp.Array():
                return self._array(node, scope)
            case exp.Bracket():
                return self._subscript(node, scope)
            case exp.Dot(expression=exp.Identifier() as name):
                return self._field(node.this, name.name, scope)
            case exp.Tuple() | RowConstructor():
                return record_of(self.members(node.expressions, scope))
            case OperatorCall() | exp.Sub() if (picked := self._picked(node, scope)) is not None:
                return picked
            case Call():
                return self.call(node, scope)
            case exp.Window():
                return self.over(node, scope)
            case exp.Filter():
                kind = self.infer(node.this, scope)
                self.condition(node.expression.this, scope)
                return kind
            case _:
                self._predicate(node, scope)
                return ordinary()

    def condition(self, node: exp.Expr, scope: Scope) -> None:
        """An expression that must be an ordinary one: a condition, a number of rows …"""
        self.infer(node, scope).be_ordinary(Use("as a condition or a number"))

    def shape(self, node: exp.Expr, scope: Scope) -> Shape:
        """The type of ``node``, one for each element where it is a row."""
        plain = bare(node)
        if isinstance(plain, exp.Tuple | RowConstructor):
            return self.members(plain.expressions, scope)
        return self.infer(plain, scope)

    def members(self, nodes: Iterable[exp.Expr], scope: Scope) -> list[Variable]:
        """The types of a row's fields; ``p.*`` among them stands for all of its columns."""
        kinds: list[Variable] = []
        for node in nodes:
            is_star = isinstance(node, exp.Column) and isinstance(node.this, exp.Star)
            kind = self.infer(node, scope)
            kinds += parts(kind.bound) if is_star and isinstance(kind.bound, Record) else (kind,)
        return kinds

    def all_ordinary(self, nodes: Iterable[exp.Expr], scope: Scope, use: Use) -> None:
        """Each of them must be ordinary for ``use``."""
        for node in nodes:
            self.infer(node, scope).be_ordinary(use)

    # predicates and operators ---------------------------------------------------------------------------------------

    def _predicate(self, node: exp.Expr, scope: Scope) -> None:
        """Whatever gives an ordinary value."""
        match node:
            case exp.And() | exp.Or():
                while isinstance(node, exp.And | exp.Or):  # chains lean to the left and may be long
                    self.condition(node.expression, scope)
                    node = node.this
                self.condition(node, scope)
            case exp.Is() if isinstance(node.expression, exp.Null) or _is_not_null(node.expression):
                if self.row(node.this, scope) is None:
                    self.shape(node.this, scope)
            case exp.EQ() | exp.NEQ() | exp.NullSafeEQ() | exp.NullSafeNEQ():
                self._compare(node, scope)
            case exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
                self._compare_by_order(node, scope)
            case exp.Between():
                self._between(node, scope)
            case exp.In():
                self._in(node, scope)
            case exp.Exists():
                self.query(node.this, scope.inside())
            case Special() if node.this == "GROUPING":
                for part in node.expressions:
                    self.infer(part, scope)
            case _ if isinstance(node, (*_LEAVES, *_PLAIN_VALUES)):
                return
            case _:
                self._default(node, scope)

    def _default(self, node: exp.Expr, scope: Scope) -> None:
        use = _use_of(node)
        known = (*_EQUALITY, *_ORDER, exp.And, exp.Or)
        while isinstance(node, exp.Binary) and isinstance(node.this, exp.Binary) and not isinstance(node.this, known):
            self.all_ordinary([node.expression], scope, use)
            node = node.this
            use = _use_of(node)
        self.all_ordinary(node.iter_expressions(), scope, use)

    def _compare(self, node: exp.Expr, scope: Scope) -> None:
        use = Use(f"compared with {_WORDS[type(node)]}", meets=True)
        left = self.shape(node.this, scope)
        right = bare(node.expression)
        if isinstance(right, exp.Any | exp.All):
            meet(left, self._quantified(right, scope, left, use), use)
        elif isinstance(left, list) and isinstance(right, exp.Subquery):
            meet(left, self._row_of(right, scope), use)
        else:
            meet(left, self.shape(right, scope), use)

    def _quantified(self, node: exp.Expr, scope: Scope, left: Shape, use: Use) -> Shape:
        if isinstance(node.this, exp.Subquery):
            return self._row_of(node.this, scope) if isinstance(left, list) else self._scalar(node.this, scope)
        element = Variable()
        unify(self.infer(node.this, scope), Variable(Elements(element)), use)
        return element

    def _compare_by_order(self, node: exp.Expr, scope: Scope) -> None:
        use = Use(f"compared with {_WORDS[type(node)]}", meets=True)
        left, right = bare(node.this), bare(node.expression)
        rows = isinstance(left, exp.Tuple | RowConstructor), isinstance(right, exp.Tuple | RowConstructor)
        if all(rows) and len(left.expressions) == len(right.expressions):
            for one, other in zip(left.expressions, right.expressions, strict=True):
                self._ordered([one, other], scope, use)
        elif any(rows) or isinstance(right, exp.Any | exp.All):
            self._default(node, scope)
        else:
            self._ordered([left, right], scope, use)

    def _ordered(self, nodes: list[exp.Expr], scope: Scope, use: Use) -> None:
        kinds = [self.infer(node, scope) for node in nodes]
        for kind in kinds[1:]:
            unify(kinds[0], kind, use)
        self.findings.orderings += [Operand(n, k) for n, k in zip(nodes, kinds, strict=True)]

    def _between(self, node: exp.Between, scope: Scope) -> None:
        operands = [bare(node.this), bare(node.args["low"]), bare(node.args["high"])]
        if any(isinstance(operand, exp.Tuple | RowConstructor) for operand in operands):
            self._default(node, scope)
        else:
            self._ordered(operands, scope, Use("compared with BETWEEN", meets=True))

    def _in(self, node: exp.In, scope: Scope) -> None:
        use = Use("compared with IN", meets=True)
        left = self.shape(node.this, scope)
        query = node.args.get("query")
        if query is not None:
            meet(left, self._row_of(query, scope) if isinstance(left, list) else self._scalar(query, scope), use)
        for item in node.expressions:
            meet(left, self.shape(item, scope), use)

    # values ---------------------------------------------------------------------------------------------------------

    def _alike(self, nodes: list[exp.Expr], scope: Scope, use: Use) -> Variable:
        kinds = [self.infer(node, scope) for node in nodes]
        for kind in kinds[1:]:
            unify(kinds[0], kind, use)
        return kinds[0]

    def _case(self, node: exp.Case, scope: Scope) -> Variable:
        branches = node.args["ifs"]
        operand = node.args.get("this")
        if operand is None:
            self.all_ordinary((b.this for b in branches), scope, Use("as a condition"))
        else:
            left = self.shape(operand, scope)
            for branch in branches:
                meet(left, self.shape(branch.this, scope), Use("compared in CASE", meets=True))
        results = [b.args["true"] for b in branches]
        default = node.args.get("default")
        return self._alike(results if default is None else [*results, default], scope, Use("a CASE", meets=True))

    def _cast(self, node: exp.Cast, scope: Scope) -> Variable:
        kind = self.infer(node.this, scope)
        spelling = str(node.args["to"].args.get("kind") or "")
        if spelling in _TEXTS and isinstance(kind.bound, Elements | Record | Json):
            return Variable(Printed(kind))
        self.findings.casts.append((kind, spelling, Use(f"as {spelling}", instead="Leave the cast out.")))
        return kind

    def _field(self, row: exp.Expr, name: str, scope: Scope) -> Variable:
        """``(row).name``, which may also be a function in attribute notation (manual, 4.2.4)."""
        item = self.row(row, scope)
        kind = record_of_item(item) if item is not None else self.infer(row, scope)
        fields = kind.bound.fields if isinstance(kind.bound, Record) else ()
        found = [field for field_name, field in fields if field_name == name]
        if len(found) == 1:
            return found[0]
        kind.be_ordinary(WHOLE_ROW)
        return ordinary()

    def _picked(self, node: exp.Expr, scope: Scope) -> Variable | None:
        """``json -> 'name'``, ``json ->> 'name'`` and ``jsonb - 'name'`` of a row's JSON; None where it is none."""
        key, operator = bare(node.expression), node.args.get("operator", "-")
        if operator not in ("->", "->>", "-") or not (isinstance(key, exp.Literal) and key.is_string):
            return None
        kind = self.infer(node.this, scope)
        row = kind.bound.of.bound if isinstance(kind.bound, Json) else None
        names = [name for name, _ in row.fields] if isinstance(row, Record) else []
        if not isinstance(row, Record) or names.count(key.name) > 1:
            kind.be_ordinary(_use_of(node))
            return ordinary()
        if operator == "-":
            return Variable(Json(Variable(Record(tuple(f for f in row.fields if f[0] != key.name)))))
        field = dict(row.fields).get(key.name, ordinary())
        if operator == "->":
            return Variable(Json(field))
        while isinstance(field.bound, Json):
            field = field.bound.of
        tokens = field.tokens
        if tokens is None:
            return Variable(Printed(Variable(Json(field))))
        return field if tokens.type.stored is StoredType.TEXT else Variable(Printed(field))

    def _collate(self, node: exp.Collate, scope: Scope) -> Variable:
        kind = self.infer(node.this, scope)
        name = print_statement(node.expression).removeprefix("pg_catalog.").strip('"')
        if name.lower() not in _COLLATIONS:
            self.findings.forbidden.append((kind, Use(f"with the collation {name}")))
        return kind

    def _scalar(self, node: exp.Expr, scope: Scope) -> Variable:
        kinds = self._row_of(node, scope)
        if len(kinds) == 1:
            return kinds[0]
        for kind in kinds:
            kind.be_ordinary(Use("in a row of a subquery"))
        return ordinary()

    def _row_of(self, node: exp.Expr, scope: Scope) -> list[Variable]:
        return [c.kind for c in self.query(node, scope.inside()).columns]

    def _array(self, node: exp.Array, scope: Scope) -> Variable:
        if not node.args.get("bracket_notation"):
            return Variable(Elements(self._scalar(node.expressions[0], scope)))
        if not node.expressions:
            return Variable(Elements(Variable()))
        return Variable(Elements(self._alike(node.expressions, scope, Use("an array", meets=True))))

    def _subscript(self, node: exp.Bracket, scope: Scope) -> Variable:
        array = self.infer(node.this, scope)
        use = Use("with a subscript")
        self.all_ordinary(node.expressions, scope, use)
        element = Variable()
        unify(array, Variable(Elements(element)), use)
        return array if any(isinstance(e, exp.Slice) for e in node.expressions) else element


def meet(left: Shape, right: Shape, use: Use) -> None:
    """Compare two values, or two rows element by element, whatever the names of their fields."""
    one, other = _fields(left), _fields(right)
    if one is not None and other is not None and len(one) == len(other):
        for a, b in zip(one, other, strict=True):
            meet(a, b, use)
    elif isinstance(left, Variable) and isinstance(right, Variable):
        unify(left, right, use)
    else:
        for side in (left, right):
            for kind in side if isinstance(side, list) else (side,):
                kind.be_ordinary(use)


def _fields(shape: Shape) -> list[Variable] | None:
    if isinstance(shape, list):
        return shape
    return list(parts(shape.bound)) if isinstance(shape.bound, Record) else None


def _is_not_null(node: exp.Expr) -> bool:
    return isinstance(node, exp.Not) and isinstance(node.this, exp.Null)


def _use_of(node: exp.Expr) -> Use:
    match node:
        case exp.Like() | exp.ILike() | exp.SimilarTo():
            return Use(f"with {_WORDS[type(node)]}", instead=_NO_PATTERN)
        case OperatorCall() | PrefixOperator():
            return Use(f"with the operator {node.args['operator']}")
        case Special():
            return Use(f"by {node.this}")
        case exp.Greatest() | exp.Least():
            return Use(f"by {node.key.upper()}", instead="MIN and MAX go by the tokens' own order.")
        case exp.WithinGroup():
            return Use("by an ordered-set aggregate")
        case exp.Dot():
            return Use("as a row")
        case exp.Any() | exp.All():
            return Use("with ANY or ALL in this place")
        case exp.Binary():
            return Use(f"with {_WORDS.get(type(node), node.key.upper())}")
        case _:
            return Use(f"by {node.key.upper()}")
