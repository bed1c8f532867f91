"""The opaque order: tokens sort by a keyed digest of the stored value, never by the value itself.

Owns: the SQL of the sort key, and putting it wherever a statement goes by the order of tokens. Must not know: scopes,
how types were inferred. Invariant: the key of two equal values is the same text in every session and statement, the key
of two different ones is not, and only the database, the proxy and the domain's order secret can tell which is less.

The key is one text: the SHA-256 of secret and value as 64 hexadecimal digits, and the value behind it, so that even
values of one digest are told apart. It compares under the collation "C"; MIN and MAX cut the digest off again. What
holds tokens (a row, an array, JSON) is sorted as the text that it is printed as.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from proxy.planner.dialect import Call, OperatorCall
from proxy.planner.dialect.types import data_type
from proxy.planner.tokens.findings import Extreme, Findings, Operand, SortedQuery, SortKey
from proxy.planner.tokens.refusals import Use, misused, unordered
from proxy.planner.tokens.variables import Printed, Tokens, Variable
from proxy.tokens.types import StoredType, Vocabulary

_DIGEST_DIGITS: Final = 64
_SQL_TYPES: Final[dict[StoredType, str]] = {
    StoredType.TEXT: "pg_catalog.text",
    StoredType.VARCHAR: "pg_catalog.varchar",
    StoredType.BPCHAR: "pg_catalog.bpchar",
    StoredType.SMALLINT: "pg_catalog.int2",
    StoredType.INTEGER: "pg_catalog.int4",
    StoredType.BIGINT: "pg_catalog.int8",
    StoredType.UUID: "pg_catalog.uuid",
}
_COMPARED: Final = Use("in a row, an array or JSON that is compared by order", instead="ORDER BY can sort by it.")


class OpaqueOrder:
    """Rewrites one statement; ``apply`` gives the tree, which may have another root."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._replaced: dict[int, exp.Expr] = {}

    def apply(self, tree: exp.Expr, findings: Findings) -> exp.Expr:
        """Put the opaque order in every place that ``findings`` noted (raises UnsupportedRefusal)."""
        for ordering in findings.orderings:
            match ordering:
                case Operand():
                    if _is_sorted(ordering.kind):
                        node = self._replaced.get(id(ordering.node), ordering.node)
                        _put(node, *_place(node), self.key(node, ordering.kind))
                case Extreme():
                    self._extreme(ordering)
                case SortedQuery():  # pragma: no branch - mypy proves the match exhaustive
                    if any(_is_sorted(key.kind, as_rows=True) for key in ordering.keys):
                        tree = self._sorted(tree, ordering, findings)
        return tree

    def key(self, node: exp.Expr, kind: Variable) -> exp.Expr:
        """The sort key of the expression ``node``, which holds tokens."""
        tokens = kind.innermost
        if tokens is None:  # pragma: no cover - asked of what holds tokens only
            raise ValueError("what holds no tokens has no opaque order")
        stored = tokens.type.stored if kind.tokens is not None else StoredType.TEXT
        value = node if stored is StoredType.TEXT else _cast(node, _SQL_TYPES[stored])
        text = _cast(value.copy(), "pg_catalog.text")
        secret = exp.Literal.string(self._vocabulary.order_secret(tokens.type.domain))
        keyed = _built_in("convert_to", _joined(secret, text), exp.Literal.string("UTF8"))
        digest = _built_in("encode", _built_in("sha256", keyed), exp.Literal.string("hex"))
        whole = exp.Paren(this=_joined(digest, text.copy()))
        return exp.Paren(this=exp.Collate(this=whole, expression=_C.copy()))

    def _extreme(self, extreme: Extreme) -> None:
        if not _is_sorted(extreme.kind):
            return
        argument = self._replaced.get(id(extreme.call.expressions[0]), extreme.call.expressions[0])
        extreme.call.set("expressions", [self.key(argument.copy(), extreme.kind)])
        outermost: exp.Expr = extreme.call
        while isinstance(outermost.parent, exp.Filter | exp.Window) and outermost.arg_key == "this":
            outermost = outermost.parent
        place = _place(outermost)
        start = exp.Literal.number(_DIGEST_DIGITS + 1)
        cut = _built_in("substr", outermost, start)
        tokens = extreme.kind.tokens
        stored = tokens.type.stored if tokens is not None else StoredType.TEXT
        made = cut if stored is StoredType.TEXT else _cast(cut, _SQL_TYPES[stored])
        self._replaced[id(outermost)] = made
        _put(outermost, *place, made)

    # ORDER BY -------------------------------------------------------------------------------------------------------

    def _sorted(self, tree: exp.Expr, found: SortedQuery, findings: Findings) -> exp.Expr:
        query = found.query
        plain = isinstance(query, exp.Select) and (query.args.get("distinct") is None or bool(found.on))
        if not plain:
            return self._around(tree, found, findings)
        for key in found.on:
            if _is_sorted(key.kind):
                node = self._expression(found, key, key.holder).copy()
                _put(key.holder, *_place(key.holder), self.key(node, key.kind))
        for key in found.keys:
            if _is_sorted(key.kind, as_rows=True):
                node = self._expression(found, key, key.holder.this).copy()
                key.holder.set("this", self.key(node, key.kind))
        return tree

    def _expression(self, found: SortedQuery, key: SortKey, written: exp.Expr) -> exp.Expr:
        if key.output is None:
            return written
        output = found.outputs.columns[key.output]
        if output.target is not None:
            target: exp.Expr = found.query.expressions[output.target].unalias()
            return target
        return output.column if output.column is not None else written

    def _around(self, tree: exp.Expr, found: SortedQuery, findings: Findings) -> exp.Expr:
        """A query around this one: Postgres sorts SELECT DISTINCT and set operations by their outputs only."""
        query, alias = found.query, exp.to_identifier("pgveil_sorted", quoted=True)
        parent, place = query.parent, _place(query)
        names = [f"c{number}" for number in range(len(found.outputs.columns))]
        for key in found.keys:
            output = key.output if key.output is not None else _matching(found, key, findings)
            column: exp.Expr = _column(names[output])
            key.holder.set("this", self.key(column, key.kind) if key.kind.innermost is not None else column)
        outer = exp.Select(
            expressions=[
                exp.Alias(this=_column(name), alias=exp.to_identifier(output.name, quoted=True))
                for name, output in zip(names, found.outputs.columns, strict=True)
            ]
        )
        for clause in ("with_", "order", "limit", "offset"):
            if query.args.get(clause) is not None:
                outer.set(clause, query.args[clause])
                query.set(clause, None)
        columns = [exp.to_identifier(name, quoted=True) for name in names]
        outer.set(
            "from_",
            exp.From(this=exp.Subquery(this=query, alias=exp.TableAlias(this=alias, columns=columns))),
        )
        if parent is None:
            return outer
        _put(query, *place, outer)
        return tree


def _matching(found: SortedQuery, key: SortKey, findings: Findings) -> int:
    """The output that a DISTINCT query sorts by where it writes the expression again."""
    written = key.holder.this
    named = findings.resolved.get(id(written))
    for position, output in enumerate(found.outputs.columns):
        if named is not None and output.named is named:
            return position
        if output.target is not None and found.query.expressions[output.target].unalias() == written:
            return position
    tokens = key.kind.innermost
    other = next((k.kind.tokens for k in found.keys if k.kind.tokens is not None), None)
    raise unordered(tokens.column if tokens is not None else other.column if other is not None else "")


def _is_sorted(kind: Variable, *, as_rows: bool = False) -> bool:
    """Whether it goes by the opaque order. ``as_rows``: it only sorts rows, so that it need not say which are equal.

    Raises UnsupportedRefusal for rows, arrays and JSON elsewhere, which may be equal and still print differently.
    """
    tokens = kind.innermost
    if tokens is not None and not (as_rows or isinstance(kind.bound, Tokens | Printed)):
        raise misused(tokens.column, _COMPARED, tokens.type)
    return tokens is not None


def _place(node: exp.Expr) -> tuple[exp.Expr | None, str | None, int | None]:
    return node.parent, node.arg_key, node.index


def _put(node: exp.Expr, parent: exp.Expr | None, key: str | None, index: int | None, new: exp.Expr) -> None:
    if parent is None or key is None:  # pragma: no cover - every expression stands in a query
        raise ValueError(f"{type(node).__name__} stands nowhere")
    parent.set(key, new, index)


def _cast(node: exp.Expr, spelling: str) -> exp.Expr:
    return exp.Cast(this=node, to=data_type(spelling))


def _built_in(name: str, *arguments: exp.Expr) -> Call:
    return Call(this=exp.to_identifier(name), qualifier=[exp.to_identifier("pg_catalog")], expressions=list(arguments))


def _joined(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return OperatorCall(this=left, expression=right, operator="OPERATOR(pg_catalog.||)")


def _column(name: str) -> exp.Column:
    return exp.column(name, table="pgveil_sorted", quoted=True)


_C: Final = exp.Dot(this=exp.to_identifier("pg_catalog"), expression=exp.to_identifier("C", quoted=True))
