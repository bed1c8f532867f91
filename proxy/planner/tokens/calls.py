"""Function calls over tokens: the few built-in functions that a token may be given to.

Owns: aggregates, window functions and their clauses. Must not know: FROM, keys.
Invariant: a function that is not named here, or of whose name there is another in some schema, gets no token.
"""

from __future__ import annotations

from abc import ABC
from typing import Final

from sqlglot import exp

from proxy.planner.dialect import Call
from proxy.planner.tokens.expressions import Expressions
from proxy.planner.tokens.findings import Extreme, Operand
from proxy.planner.tokens.refusals import Use
from proxy.planner.tokens.scopes import Scope
from proxy.planner.tokens.variables import Elements, Json, Record, Variable, ordinary, unify

_SAME: Final = frozenset({"any_value", "first_value", "last_value"})
_NEIGHBOURS: Final = frozenset({"lag", "lead"})
_SIZES: Final = frozenset({"cardinality", "array_length"})
_TO_JSON: Final = frozenset({"to_json", "to_jsonb", "row_to_json", "array_to_json"})
_JSON_ARRAYS: Final = frozenset({"json_agg", "jsonb_agg"})
_OBJECTS: Final = frozenset({"json_build_object", "jsonb_build_object"})
_DISTINCT_ARRAY: Final = Use(
    "by an aggregate of DISTINCT values", instead="Use it over a subquery with SELECT DISTINCT, which keeps no order."
)


class Calls(Expressions, ABC):
    """func_expr."""

    def call(self, node: Call, scope: Scope) -> Variable:
        """See ``Expressions``."""
        order = node.args.get("order")
        if order is not None:
            self.order_inside(order, scope)
        kind = self._known(node, scope) if self.is_built_in(node) else None
        if kind is None:
            self.all_ordinary(node.expressions, scope, Use(f"by the function {node.name}"))
            return ordinary()
        return kind

    def is_built_in(self, node: Call) -> bool:
        """Whether the name can only be that of pg_catalog's function."""
        qualifier = [part.name for part in node.args.get("qualifier") or ()]
        return qualifier == ["pg_catalog"] or (not qualifier and not self._is_user_function(node.name))

    def _known(self, node: Call, scope: Scope) -> Variable | None:
        arguments = node.expressions
        name, count = node.name, len(arguments)
        if any(isinstance(a, exp.Variadic | exp.Kwarg) for a in arguments):
            return None
        if name == "count":
            for argument in arguments:
                if self.row(argument, scope) is None:
                    self.shape(argument, scope)
            return ordinary()
        if name in _SIZES and count:
            self.elements(arguments[0], scope)
            self.all_ordinary(arguments[1:], scope, Use(f"by the function {name}"))
            return ordinary()
        if count == 1:
            return self._of_one(node, name, scope)
        if name == "nth_value" and count == 2:
            kind = self.infer(arguments[0], scope)
            self.all_ordinary(arguments[1:], scope, Use("as a number"))
            return kind
        if name in _OBJECTS and count:
            return self._object(node, scope)
        if name == "row_to_json" and count == 2:
            self.all_ordinary(arguments[1:], scope, Use("as a condition"))
            return Variable(Json(self.infer(arguments[0], scope)))
        if name in _NEIGHBOURS and count in (2, 3):
            kind = self.infer(arguments[0], scope)
            self.all_ordinary(arguments[1:2], scope, Use("as a number"))
            for default in arguments[2:]:
                unify(kind, self.infer(default, scope), Use(f"the default of {name}", meets=True))
            return kind
        return None

    def _of_one(self, node: Call, name: str, scope: Scope) -> Variable | None:
        argument = node.expressions[0]
        if name in ("min", "max"):
            kind = self.infer(argument, scope)
            self.findings.orderings.append(Extreme(node, kind))
            return kind
        if name == "array_agg" or name in _JSON_ARRAYS:
            kind = self.infer(argument, scope)
            if node.args.get("distinct"):
                self.findings.forbidden.append((kind, _DISTINCT_ARRAY))
            array = Variable(Elements(kind))
            return array if name == "array_agg" else Variable(Json(array))
        if name in _TO_JSON:
            return Variable(Json(self.infer(argument, scope)))
        if name == "unnest":
            return self.elements(argument, scope)
        if name in _SAME or name in _NEIGHBOURS:
            return self.infer(argument, scope)
        return None

    def _object(self, node: Call, scope: Scope) -> Variable | None:
        """The JSON object of names and values; None, and nothing looked at, where a name is computed."""
        names, values = node.expressions[::2], node.expressions[1::2]
        keys = [name.name for name in names if isinstance(name, exp.Literal) and name.is_string]
        if len(keys) != len(names) or len(names) != len(values):
            return None
        kinds = [self.infer(value, scope) for value in values]
        return Variable(Json(Variable(Record(tuple(zip(keys, kinds, strict=True))))))

    def elements(self, node: exp.Expr, scope: Scope) -> Variable:
        """The type of the elements of the array ``node``."""
        element = Variable()
        unify(self.infer(node, scope), Variable(Elements(element)), Use("as an array"))
        return element

    def over(self, node: exp.Window, scope: Scope) -> Variable:
        """See ``Expressions``."""
        kind = self.infer(node.this, scope)
        self.window(node, scope)
        return kind

    def window(self, node: exp.Window, scope: Scope) -> None:
        """The clauses of a window definition."""
        for part in node.args.get("partition_by") or ():
            self.shape(part, scope)
        order = node.args.get("order")
        if order is not None:
            self.order_inside(order, scope)
        frame = node.args.get("spec")
        if frame is not None:
            self.all_ordinary(frame.iter_expressions(), scope, Use("as a frame's bound"))

    def order_inside(self, order: exp.Order, scope: Scope) -> None:
        """ORDER BY of a window or an aggregate: expressions only, no names or numbers of outputs."""
        for item in order.expressions:
            kind = self.infer(item.this, scope)
            if item.args.get("using"):
                self.findings.forbidden.append((kind, Use("with ORDER BY … USING")))
            self.findings.orderings.append(Operand(item.this, kind))
