"""The one door to Postgres' own grammar (libpg_query, through postgast).

Owns: every call into libpg_query, its errors as ours, and the limit that keeps its C recursion inside the stack.
Must not know: sqlglot, policy, what a statement means.
Invariant: whatever the text, the outcome is a tree, a refusal or a syntax error; never a crash, never a shortened text.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Final

import postgast
from postgast.pg_query_pb2 import ParseResult, ScanResult

from proxy.errors import StatementSyntaxError, UnsupportedRefusal

__all__ = [
    "MAX_DEPTH",
    "ParseResult",
    "ScanResult",
    "deparse",
    "fingerprint",
    "parse",
    "scan",
    "split",
    "tail_from",
    "too_complex",
]

# Levels of nesting in one statement. libpg_query recurses in C without a limit of its own and takes the process down
# at 1,300 nested sub-selects, or between 3,000 and 9,000 nested operators, on an 8 MB stack; Postgres itself gives up
# in that range too (max_stack_depth). Lists do not count: AND and OR, IN lists, VALUES and select lists of any length
# are flat trees.
MAX_DEPTH: Final = 1000
_LEVELS_PER_SELECT: Final = 2  # what a sub-select costs beyond its brackets
_BYTES_PER_LEVEL: Final = 2  # "+a": no level of a tree takes fewer bytes, so short texts need no counting

_REMEMBERED_CHARACTERS: Final = 20_000

# What Postgres strips between statements; str.strip() would also take no-break spaces, which are letters to Postgres.
_WHITESPACE: Final = " \t\n\r\f\v"


def _lift_protobuf_limit() -> None:
    """Let protobuf read trees deeper than its own 100 levels: ``a || b || …`` of 50 terms has more."""
    try:
        importlib.import_module("google._upb._message").SetAllowOversizeProtos(True)
    except ImportError:  # protobuf's pure Python implementation
        importlib.import_module("google.protobuf.internal.decoder").SetRecursionLimit(10 * MAX_DEPTH)


_lift_protobuf_limit()


def _tokens(names: str) -> frozenset[int]:
    numbers: dict[str, int] = dict(postgast.pg_query_pb2.Token.items())
    return frozenset(numbers[name] for name in names.split())


# By the names that the scanner gives them: ASCII_40 is "(", 41 ")", 44 ",", 59 ";", 91 "[", 93 "]".
_OPENING: Final = _tokens("ASCII_40 ASCII_91 CASE")
_CLOSING: Final = _tokens("ASCII_41 ASCII_93 END_P")
_SEPARATORS: Final = _tokens(
    "ASCII_44 ASCII_59 AND OR WHEN THEN ELSE SELECT FROM WHERE ON USING GROUP_P HAVING ORDER LIMIT OFFSET VALUES "
    "WINDOW WITH RETURNING SET AS"
)
# The same by what they are written with, wherever a text has it, in strings and names too.
_SYMBOLS: Final = "()[]+-*/<>=~!@#%^&|`?:"
_WORDS: Final = "CASE SELECT JOIN UNION INTERSECT EXCEPT NOT IS LIKE SIMILAR BETWEEN IN AT COLLATE OPERATOR OVERLAPS"
_SPINE: Final = _tokens("JOIN UNION INTERSECT EXCEPT")
_LEVELS: Final = _tokens(
    "Op TYPECAST LESS_EQUALS GREATER_EQUALS NOT_EQUALS ASCII_37 ASCII_42 ASCII_43 ASCII_45 ASCII_47 ASCII_60 ASCII_61 "
    "ASCII_62 ASCII_94 NOT IS ISNULL NOTNULL LIKE ILIKE SIMILAR BETWEEN IN_P AT COLLATE OPERATOR OVERLAPS"
)
(_SELECT,) = _tokens("SELECT")
(_SEMICOLON,) = _tokens("ASCII_59")


def parse(text: str) -> ParseResult:
    """Parse ``text``, which may hold several statements.

    Raises StatementSyntaxError with Postgres' message and the 1-based character position, or UnsupportedRefusal
    (reason ``complexity``) where the nesting is deeper than MAX_DEPTH.
    """
    _guard(text)
    try:
        return postgast.parse(text)
    except postgast.PgQueryError as error:
        raise _syntax_error(error) from None
    except Exception as error:
        if type(error).__name__ == "DecodeError":  # deeper than protobuf reads: its limit is above ours
            raise too_complex() from None
        raise


def split(text: str) -> tuple[str, ...]:
    """Cut ``text`` into its statements as Postgres does; comments stay with what follows, empty statements are dropped.

    Raises what ``parse`` raises.
    """
    encoded = text.encode("utf-8", "surrogatepass")
    statements = []
    start = 0  # not stmt_location: that lies behind leading comments, in which tools say who asks
    for raw in parse(text).stmts:
        end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(encoded)
        statements.append(encoded[start:end].decode("utf-8").lstrip(f"{_WHITESPACE};").rstrip(_WHITESPACE))
        start = end
    return tuple(statements)


def deparse(tree: ParseResult) -> str:
    """Libpg_query's canonical print of ``tree``. Raises UnsupportedRefusal (reason ``fidelity``) where it has none."""
    try:
        return str(postgast.deparse(tree))
    except postgast.PgQueryError:
        raise UnsupportedRefusal(
            "the statement cannot be rewritten", reason="fidelity", detail="Postgres' grammar has no print of it."
        ) from None


def fingerprint(text: str) -> str:
    """Sixteen hexadecimal digits, equal for statements that differ in constants only. Raises what ``parse`` raises."""
    _guard(text)
    try:
        return str(postgast.fingerprint(text).hex)
    except postgast.PgQueryError as error:
        raise _syntax_error(error) from None


def scan(text: str) -> ScanResult:
    """The tokens of ``text`` with their byte positions. Raises StatementSyntaxError."""
    _encode(text)
    try:
        return postgast.scan(text)
    except postgast.PgQueryError as error:
        raise _syntax_error(error) from None


def tail_from(text: str, keyword: str) -> str:
    """``text`` from the first ``keyword`` (a token's name, such as TO) outside brackets on, or an empty text."""
    wanted = next(iter(_tokens(keyword)))
    depth = 0
    for item in scan(text).tokens:
        depth += (item.token in _OPENING) - (item.token in _CLOSING)
        if item.token == wanted and depth == 0:
            return text.encode()[item.start :].decode()
    return ""


def too_complex() -> UnsupportedRefusal:
    """The refusal of a statement that is nested too deeply."""
    return UnsupportedRefusal(
        "the statement is nested too deeply",
        reason="complexity",
        hint="Use IN lists, VALUES or temporary results in place of long chains of operators.",
    )


def _encode(text: str) -> bytes:
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise StatementSyntaxError(
            'invalid byte sequence for encoding "UTF8"', reason="syntax", sqlstate="22021", position=error.start + 1
        ) from None
    if b"\0" in encoded:  # C would stop reading here
        raise StatementSyntaxError(
            'invalid byte sequence for encoding "UTF8": 0x00',
            reason="syntax",
            sqlstate="22021",
            position=text.index("\0") + 1,
        )
    return encoded


def _guard(text: str) -> None:
    if len(_encode(text)) <= MAX_DEPTH * _BYTES_PER_LEVEL:
        return
    sql = text.strip(_WHITESPACE)
    if not (_is_shallow_again(sql) if len(sql) <= _REMEMBERED_CHARACTERS else _is_shallow(sql)):
        raise too_complex()


def _is_shallow(text: str) -> bool:
    return _bound(text) <= MAX_DEPTH or _depth(scan(text)) <= MAX_DEPTH


# A text is parsed, and fingerprinted; a mask stands in many texts.
_is_shallow_again = lru_cache(maxsize=256)(_is_shallow)


def _bound(text: str) -> int:
    """A coarser bound than ``_depth``, and a cheaper one."""
    upper = text.upper()
    return sum(map(text.count, _SYMBOLS)) + _LEVELS_PER_SELECT * sum(map(upper.count, _WORDS.split()))


def _depth(scanned: ScanResult) -> int:
    """An upper bound of the depth of the tree that the tokens can make.

    For each pair of brackets (and CASE … END) the bound is the longest run of operators between separators, plus the
    deepest brackets in that run, plus the joins and set operations, which form one left-deep spine.
    """
    outer: list[_Level] = []
    level = _Level()
    for item in scanned.tokens:
        token = item.token
        if token in _OPENING:
            outer.append(level)
            level = _Level()
        elif token in _CLOSING and outer:
            inside = level.depth()
            level = outer.pop()
            level.child = max(level.child, inside + 1)
        elif token in _SEPARATORS:
            level.longest = max(level.longest, level.run + level.child)
            level.run = level.child = 0
            if token == _SELECT:
                level.select = _LEVELS_PER_SELECT
            elif token == _SEMICOLON:  # statements of one text stand beside each other
                level.finished = level.depth()
                level.longest = level.spine = level.select = 0
        elif token in _SPINE:
            level.spine += 1
        elif token in _LEVELS:
            level.run += 1
    while outer:  # brackets left open
        inside = level.depth()
        level = outer.pop()
        level.child = max(level.child, inside + 1)
    return level.depth()


class _Level:
    """What has been seen between one pair of brackets so far."""

    __slots__ = ("child", "finished", "longest", "run", "select", "spine")

    def __init__(self) -> None:
        self.run = self.child = self.longest = self.spine = self.select = self.finished = 0

    def depth(self) -> int:
        return max(self.finished, max(self.longest, self.run + self.child) + self.spine + self.select)


def _syntax_error(error: postgast.PgQueryError) -> StatementSyntaxError:
    # Measured on multi-byte texts: cursorpos counts characters, whatever postgast's documentation says of bytes.
    return StatementSyntaxError(str(error.message), reason="syntax", position=error.cursorpos or None)
