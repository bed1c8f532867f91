"""Functions whose arguments have a grammar of their own.

Owns: EXTRACT, TRIM, SUBSTRING, OVERLAY, POSITION, NORMALIZE, the XML and JSON constructors and their tables (manual,
9.4, 9.15, 9.16). Must not know: what they compute.
Invariant: what stands between the brackets is kept part by part in order; a keyword is never taken for a column.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from proxy.planner.dialect.functions import Functions
from proxy.planner.dialect.nodes import Special
from proxy.planner.dialect.tokens import StrictToken

# Keywords that stand between the arguments of each function, and are never the beginning of one.
_BETWEEN: Final[dict[str, frozenset[str]]] = {
    "EXTRACT": frozenset({"FROM"}),
    "TRIM": frozenset({"FROM", "BOTH", "LEADING", "TRAILING"}),
    "SUBSTRING": frozenset({"FROM", "FOR", "SIMILAR", "ESCAPE"}),
    "OVERLAY": frozenset({"PLACING", "FROM", "FOR"}),
    "POSITION": frozenset({"IN"}),
    "COLLATION": frozenset(),
}
_XML: Final = frozenset(
    {"XMLCONCAT", "XMLELEMENT", "XMLEXISTS", "XMLFOREST", "XMLPARSE", "XMLPI", "XMLROOT", "XMLSERIALIZE"}
)
_JSON: Final = frozenset(
    {
        *("JSON", "JSON_OBJECT", "JSON_ARRAY", "JSON_SCALAR", "JSON_SERIALIZE", "JSON_QUERY", "JSON_EXISTS"),
        *("JSON_VALUE", "JSON_OBJECTAGG", "JSON_ARRAYAGG"),
    }
)
_AGGREGATES: Final = frozenset({"JSON_OBJECTAGG", "JSON_ARRAYAGG"})
SPECIAL_NAMES: Final = frozenset(_BETWEEN) | _XML | _JSON | {"NORMALIZE", "TREAT", "GROUPING"}

# Behind these a value follows, and so a keyword that could also be a column's name is a column's name.
_VALUE_FOLLOWS: Final = frozenset(
    {",", ":", "VALUE", "PASSING", "DEFAULT", "VERSION", "DOCUMENT", "CONTENT", "PATH", "REF"}
)
_JSON_WORDS: Final = frozenset(
    {
        *("FORMAT", "JSON", "ENCODING", "UTF8", "ON", "NULL", "ABSENT", "WITH", "WITHOUT", "UNIQUE", "KEYS", "KEEP"),
        *("OMIT", "QUOTES", "WRAPPER", "CONDITIONAL", "UNCONDITIONAL", "ARRAY", "ERROR", "EMPTY", "OBJECT", "TRUE"),
        *("FALSE", "UNKNOWN", "SCALAR", "STRING", "VALUE", "PASSING", "DEFAULT", "EXISTS", "PATH"),
    }
)
_XML_WORDS: Final = frozenset(
    {
        *("PASSING", "BY", "REF", "VALUE", "VERSION", "STANDALONE", "YES", "NO", "DOCUMENT", "CONTENT", "STRIP"),
        *("PRESERVE", "WHITESPACE", "INDENT", "DEFAULT", "NOT", "NULL", "PATH"),
    }
)


class Specials(Functions):
    """func_expr_common_subexpr where it is not a plain list, XMLTABLE and JSON_TABLE."""

    def special(self) -> exp.Expr:
        """The special function whose name stands here."""
        name = self.advance().word
        parts: list[exp.Expr]
        if name in _XML:
            parts = self._bracketed_soup(_XML_WORDS, name)
        elif name in _JSON:
            parts = self._bracketed_soup(_JSON_WORDS, name)
        elif name == "NORMALIZE":
            parts = self._normalize()
        elif name == "TREAT":
            parts = self._treat()
        elif name == "GROUPING":
            self.expect("(")
            parts = _separated(self.expressions())
            self.expect(")")
        else:
            if name == "COLLATION":
                self.expect("FOR")
                name = "COLLATION FOR"
            parts = self._keyworded(_BETWEEN.get(name, frozenset()))
        made = Special(this=name, expressions=parts)
        return self.aggregate_clauses(made) if name in _AGGREGATES else made

    def _keyworded(self, between: frozenset[str]) -> list[exp.Expr]:
        """Expressions with the function's own keywords, or commas, between them."""
        self.expect("(")
        parts: list[exp.Expr] = []
        if between == _BETWEEN["EXTRACT"] and self.ahead().word == "FROM" and self.at_label():
            parts.append(exp.Literal.string(self.advance().text))  # EXTRACT(YEAR FROM …) is EXTRACT('year' FROM …)
        while self.token.word != ")":
            if self.accept(","):
                parts.append(exp.Var(this=","))
            elif self.token.word in between:
                parts.append(exp.Var(this=self.advance().word))
            else:
                parts.append(self.expression(restricted="IN" in between))
        self.expect(")")
        return parts

    def _normalize(self) -> list[exp.Expr]:
        self.expect("(")
        parts: list[exp.Expr] = [self.expression()]
        if self.accept(","):
            parts += [exp.Var(this=","), exp.Var(this=self.advance().word)]
        self.expect(")")
        return parts

    def _treat(self) -> list[exp.Expr]:
        self.expect("(")
        parts: list[exp.Expr] = [self.expression(), exp.Var(this="AS")]
        self.expect("AS")
        parts.append(self.type_name())
        self.expect(")")
        return parts

    def _bracketed_soup(self, words: frozenset[str], name: str) -> list[exp.Expr]:
        self.expect("(")
        parts: list[exp.Expr] = []
        value_follows = True
        while self.token.word != ")":
            word = self.token.word
            if self._is_separator(name, words, value_follows=value_follows):
                parts.append(exp.Var(this=self.advance().word))
                value_follows = word in _VALUE_FOLLOWS
            elif word in ("RETURNING", "AS"):
                parts.append(exp.Var(this=self.advance().word))
                as_type = word == "RETURNING" or name == "XMLSERIALIZE"
                parts.append(self.type_name() if as_type else self.label())
                value_follows = False
            elif word == "ORDER" and name == "JSON_ARRAYAGG":
                order = self.order()
                parts.append(order if order is not None else self.fail())
            else:
                parts.append(self._soup_value(name))
                value_follows = False
        self.expect(")")
        return parts

    def _is_separator(self, name: str, words: frozenset[str], *, value_follows: bool) -> bool:
        """Whether a comma or one of the ``words`` of the function ``name`` stands here, and no column of that name."""
        word = self.token.word
        if word in (",", ":"):
            return True
        if word not in words:
            return False
        if not value_follows:
            return True
        match word:
            case "DEFAULT":  # reserved: it begins no expression
                return True
            case "VERSION" | "STANDALONE":
                return name == "XMLROOT" and self.ahead(-1).word == ","
            case "DOCUMENT" | "CONTENT":
                return name in ("XMLPARSE", "XMLSERIALIZE") and self.ahead(-1).word == "("
            case "NO":
                return self.ahead().word == "VALUE"
            case "BY":
                return self.ahead().word in ("REF", "VALUE")
            case _:
                return False

    def _soup_value(self, name: str) -> exp.Expr:
        if self.token.word == "NAME" and name in ("XMLELEMENT", "XMLPI"):
            self.advance()
            return Special(this="NAME", expressions=[self.label()])
        if self.token.word == "XMLATTRIBUTES" and name == "XMLELEMENT":
            self.advance()
            return Special(this="XMLATTRIBUTES", expressions=self._bracketed_soup(_XML_WORDS, "XMLATTRIBUTES"))
        if name == "JSON_ARRAY" and self._at_select():
            return self.query()
        return self.expression(restricted=name in ("XMLTABLE", "JSON_TABLE"))

    def _at_select(self) -> bool:
        return self.token.word in ("SELECT", "WITH", "VALUES")

    # XMLTABLE and JSON_TABLE

    def table_function(self) -> exp.Expr:
        """XMLTABLE(…) or JSON_TABLE(…), whose name stands here."""
        name = self.advance().word
        words = _XML_WORDS if name == "XMLTABLE" else _JSON_WORDS
        self.expect("(")
        parts: list[exp.Expr] = []
        value_follows = True
        while self.token.word != ")":
            word = self.token.word
            if word == "COLUMNS":
                parts += self._columns(words)
                value_follows = False
            elif word == "XMLNAMESPACES":
                self.advance()
                parts.append(Special(this=word, expressions=self._bracketed_soup(_XML_WORDS, "XMLNAMESPACES")))
            elif word == "AS":
                self.advance()
                parts += [exp.Var(this="AS"), self.label()]
            elif self._is_separator(name, words, value_follows=value_follows):
                parts.append(exp.Var(this=self.advance().word))
                value_follows = word in _VALUE_FOLLOWS
            else:
                parts.append(self._soup_value(name))
                value_follows = False
        self.expect(")")
        return Special(this=name, expressions=parts)

    def _columns(self, words: frozenset[str]) -> list[exp.Expr]:
        """``COLUMNS …``, in brackets for JSON_TABLE."""
        self.expect("COLUMNS")
        parts: list[exp.Expr] = [exp.Var(this="COLUMNS")]
        bracketed = self.accept("(")
        if bracketed:
            parts.append(exp.Var(this="("))
        parts += self._table_column(words)
        while self.accept(","):
            parts.append(exp.Var(this=","))
            parts += self._table_column(words)
        if bracketed:
            self.expect(")")
            parts.append(exp.Var(this=")"))
        return parts

    def _table_column(self, words: frozenset[str]) -> list[exp.Expr]:
        parts: list[exp.Expr] = []
        if self.token.word == "NESTED" and (self.ahead().word == "PATH" or _is_string(self.ahead())):
            parts.append(exp.Var(this=self.advance().word))
            self.accept("PATH")
            parts.append(self.primary())
            if self.accept("AS"):
                parts += [exp.Var(this="AS"), self.identifier()]
            return parts + self._columns(words)
        parts.append(self.identifier())
        if self.accept("FOR", "ORDINALITY"):
            return [*parts, exp.Var(this="FOR ORDINALITY")]
        parts.append(self.type_name())
        value_follows = False
        while self.token.word not in (",", ")"):
            if self.token.word in words and not value_follows:
                value_follows = self.token.word in _VALUE_FOLLOWS
                parts.append(exp.Var(this=self.advance().word))
            else:
                parts.append(self.restricted())
                value_follows = False
        return parts


def _separated(items: list[exp.Expr]) -> list[exp.Expr]:
    parts: list[exp.Expr] = [items[0]]
    for item in items[1:]:
        parts += [exp.Var(this=","), item]
    return parts


def _is_string(token: StrictToken) -> bool:
    return token.token_type is TokenType.STRING
