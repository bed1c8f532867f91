"""Postgres' own tokens as sqlglot tokens.

Owns: the lexer of the strict dialect, which is libpg_query's scanner, and the list of keywords. Must not know: grammar.
Invariant: where a token begins and ends, and what a string or identifier holds, is what Postgres says.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import postgast
from sqlglot.tokenizer_core import Token, TokenType

from proxy.planner import grammar

NOT_KEYWORD: Final = 0
UNRESERVED: Final = 1
COLUMN_NAME: Final = 2
TYPE_OR_FUNCTION_NAME: Final = 3
RESERVED: Final = 4

_NUMBERS: Final[dict[str, int]] = dict(postgast.pg_query_pb2.Token.items())
_IDENT: Final = _NUMBERS["IDENT"]
_UIDENT: Final = _NUMBERS["UIDENT"]
_SCONST: Final = _NUMBERS["SCONST"]
_USCONST: Final = _NUMBERS["USCONST"]
_UESCAPE: Final = _NUMBERS["UESCAPE"]
_COMMENTS: Final = frozenset({_NUMBERS["SQL_COMMENT"], _NUMBERS["C_COMMENT"]})
_UNICODE: Final = frozenset({_UIDENT, _USCONST})
_STRINGS: Final = frozenset({_SCONST, _USCONST})
_CONSTANTS: Final = {
    _NUMBERS["FCONST"]: TokenType.NUMBER,
    _NUMBERS["ICONST"]: TokenType.NUMBER,
    _NUMBERS["BCONST"]: TokenType.BIT_STRING,
    _NUMBERS["XCONST"]: TokenType.HEX_STRING,
    _NUMBERS["PARAM"]: TokenType.PARAMETER,
}

_PLAIN_STRING: Final = re.compile(r"'((?:[^']|'')*)'")
_DOUBLED_STRING: Final = re.compile(r"[eE]'((?:[^'\\]|''|\\\\)*)'")
_SAFE_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")
_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class StrictToken(Token):
    """One token as Postgres reads it.

    ``word``: a keyword in capitals, or an operator or punctuation as written; empty for identifiers and constants, so
    that comparing it never takes a name or a value for a keyword.
    ``text``: the identifier as Postgres folds it, the value of a string, or the token as written.
    ``kind``: the keyword's class (manual, appendix C), NOT_KEYWORD for everything else.
    """

    __slots__ = ("kind", "word")

    def __init__(self, token_type: TokenType, text: str, word: str, kind: int, span: tuple[int, int]) -> None:
        super().__init__(token_type, text, start=span[0], end=span[1] - 1)
        self.word = word
        self.kind = kind


def tokenize(text: str) -> list[Token]:
    """The tokens of ``text`` without comments, each a StrictToken. Raises StatementSyntaxError."""
    encoded = text.encode("utf-8", "surrogatepass")
    is_ascii = len(encoded) == len(text)
    items = [item for item in grammar.scan(text).tokens if item.token not in _COMMENTS]
    tokens: list[Token] = []
    index = 0
    while index < len(items):
        item = items[index]
        number, start, end = item.token, item.start, item.end
        index += 1
        if number in _UNICODE and index + 1 < len(items) and items[index].token == _UESCAPE:
            end = items[index + 1].end
            index += 2
        verbatim = text[start:end] if is_ascii else encoded[start:end].decode("utf-8")
        tokens.append(_token(number, verbatim, item.keyword_kind, (start, end)))
    return tokens


def _token(number: int, verbatim: str, kind: int, span: tuple[int, int]) -> StrictToken:
    if kind:
        return StrictToken(TokenType.VAR, fold(verbatim), verbatim.upper(), kind, span)
    if number == _IDENT:
        if verbatim[0] == '"':
            return StrictToken(TokenType.IDENTIFIER, verbatim[1:-1].replace('""', '"'), "", NOT_KEYWORD, span)
        return StrictToken(TokenType.VAR, fold(verbatim), "", NOT_KEYWORD, span)
    if number in _STRINGS:
        return StrictToken(TokenType.STRING, _string_value(verbatim), "", NOT_KEYWORD, span)
    if number == _UIDENT:
        fields = _alone(verbatim).column_ref.fields
        return StrictToken(TokenType.IDENTIFIER, str(fields[0].string.sval), "", NOT_KEYWORD, span)
    constant = _CONSTANTS.get(number)
    if constant is not None:
        return StrictToken(constant, verbatim, "", NOT_KEYWORD, span)
    return StrictToken(TokenType.OPERATOR, verbatim, "<>" if verbatim == "!=" else verbatim, NOT_KEYWORD, span)


def _string_value(verbatim: str) -> str:
    plain = _PLAIN_STRING.fullmatch(verbatim)
    if plain:
        return plain[1].replace("''", "'")
    doubled = _DOUBLED_STRING.fullmatch(verbatim)
    if doubled:
        return doubled[1].replace("''", "'").replace("\\\\", "\\")
    return str(_alone(verbatim).a_const.sval.sval)


def _alone(verbatim: str) -> Any:
    """The node that libpg_query makes of one token: it knows every escape there is."""
    return grammar.parse(f"SELECT {verbatim}").stmts[0].stmt.select_stmt.target_list[0].res_target.val


@cache
def keywords() -> frozenset[str]:
    """Every keyword of Postgres' grammar, in lower case."""
    candidates = " ".join(name.removesuffix("_P").removesuffix("_LA").lower() for name in _NUMBERS)
    return frozenset(candidates[item.start : item.end] for item in grammar.scan(candidates).tokens if item.keyword_kind)


def fold(name: str) -> str:
    """An unquoted identifier as Postgres folds it: ASCII letters only (manual, 4.1.1)."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


def quote(name: str) -> str:
    """``name`` as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def spell(name: str) -> str:
    """``name`` as an identifier in any position, quoted where it must be."""
    return name if _SAFE_NAME.fullmatch(name) and name not in keywords() else quote(name)


def quote_string(value: str) -> str:
    """``value`` as a string constant that reads the same whatever ``standard_conforming_strings`` is."""
    doubled = value.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in value else f"'{doubled}'"
