"""What will be sent upstream in place of a statement, and how its results are treated.

Owns: the ``Plan`` value and its parts. Must not know: how a plan is made, sockets, the wire.
Invariant: a plan is immutable and holds everything that the session needs; the row path asks nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from proxy.tokens.types import TokenType


class Decision(Enum):
    """The ``decision`` label of ``pgveil_statements_total``; a refusal is an exception, not a plan."""

    PASSED = "passed"
    REWRITTEN = "rewritten"


class StatementKind(Enum):
    """What a statement is, as far as the session and the journal must know."""

    SELECT = "select"
    WRITE = "write"  # INSERT, UPDATE, DELETE, MERGE
    TRANSACTION = "transaction"  # BEGIN, COMMIT, ROLLBACK, SAVEPOINT, …
    SETTING = "setting"  # SET, RESET, SHOW
    DECLARE = "declare"
    CURSOR = "cursor"  # FETCH, MOVE, CLOSE
    PREPARE = "prepare"
    EXECUTE = "execute"
    COPY_OUT = "copy_out"
    LOCK = "lock"
    SESSION = "session"  # DISCARD, DEALLOCATE, LISTEN, …
    EXPLAIN = "explain"


@dataclass(frozen=True, slots=True)
class Effects:
    """What running the statement changes in the session's state.

    ``search_path``: the effective search path, or what pgveil.token is set to, may be another afterwards (SET
    search_path, RESET ALL, DISCARD ALL, ROLLBACK, ROLLBACK TO …), so both must be asked again before the next statement
    is planned. ``asker``: it says who asks, beginning with the text that it stands in (SET pgveil.token).
    ``deallocates``: the prepared statement that DEALLOCATE drops, ``"*"`` for all, None for none.
    ``closes``: the portal that CLOSE drops, ``"*"`` for all, None for none.
    ``declares``: the cursor that DECLARE opens, ``holdable`` WITH HOLD; it returns what ``Plan.inner`` says.
    ``prepares``: the statement that PREPARE makes, which is ``Plan.inner``.
    """

    search_path: bool = False
    asker: bool = False
    deallocates: str | None = None
    closes: str | None = None
    declares: str | None = None
    holdable: bool = False
    prepares: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The column that an output column shows, as RowDescription names it (manual, 54.7).

    ``row_type_oid``: for a whole row (attribute number 0), the table's row type, which a row of a masking subquery
    has to be shown as; 0 otherwise.
    """

    table_oid: int
    attribute_number: int
    row_type_oid: int = 0


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """A column of a kind that the statement names, and what policy orders for it.

    ``output`` is the 0-based position in the select list where it is shown as it is, or None where it is only used.
    ``rule`` says where the decision comes from, for instance ``roles.analyst.masks.zip (clinic.yaml:31)``.
    """

    relation: str
    column: str
    kind: str
    mask: str
    rule: str
    output: int | None = None


@dataclass(frozen=True, slots=True)
class TokenCells:
    """Cells that are tokens to the client and stored values to the database: an output column, or a parameter.

    ``array``: each cell is an array of them.
    """

    type: TokenType
    array: bool = False


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A row with tokens among its fields: names, and what each field holds, None where it passes as it is."""

    fields: tuple[tuple[str, Shape | None], ...]


@dataclass(frozen=True, slots=True)
class TokenArray:
    """An array of rows or of JSON."""

    of: Shape


@dataclass(frozen=True, slots=True)
class TokenJson:
    """The JSON of a value; that of a row is an object, that of an array an array."""

    of: Shape


@dataclass(frozen=True, slots=True)
class TokenText:
    """The text that a value is printed as."""

    of: Shape


Shape: TypeAlias = TokenCells | TokenRow | TokenArray | TokenJson | TokenText
"""What an output column holds that does not leave as it is stored."""


class CopyKind(Enum):
    """The formats of COPY (manual, COPY); the values are its words."""

    TEXT = "text"
    CSV = "csv"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class CopyFormat:
    """How COPY TO STDOUT writes rows. ``forced``: the output columns (from 0) of FORCE_QUOTE.

    ``delimiter``, ``quote`` and ``escape`` are single bytes; the latter two count for CSV only, none for BINARY.
    """

    kind: CopyKind
    delimiter: bytes = b"\t"
    null: bytes = b"\\N"
    quote: bytes = b'"'
    escape: bytes = b'"'
    header: bool = False
    forced: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """The decision on one statement.

    ``text``: what goes upstream (the client's own text where ``decision`` is PASSED).
    ``origins``: by output position, what RowDescription shall show in place of the upstream's (0, 0); None where the
    upstream's own answer stands. Empty where nothing is to be put back.
    ``relations``: qualified names of every relation the statement reads or writes, views and what is under them.
    ``fingerprint``: libpg_query's, of the client's statement: equal for statements that differ in constants only.
    ``columns``: every column of a kind that it names or returns, with the mask it is shown under (also ``clear``).
    ``tokens``: by output position, the columns whose cells leave as tokens; None elsewhere, empty where there are none.
    ``token_parameters``: the same for the cells of Bind, by parameter number less one.
    ``arguments``: of EXECUTE, the ``token_parameters`` for which stored values stand in its text; empty where none do.
    ``copy_format``: of COPY TO STDOUT with columns of tokens.
    ``token_literals``: the client's literals that were taken for tokens, for templates.
    ``template``: the plan that this one differs from in the text's constants only (see ``identity``).
    ``touches_protected``: it reads or writes a protected relation, so it is refused without a working journal.
    ``inner``: the plan of the query inside DECLARE or PREPARE, by which the rows of FETCH and EXECUTE are treated.
    ``portal``: the cursor that FETCH or MOVE names. ``prepared``: the statement that EXECUTE names.
    ``any_path``: a SELECT that means the same under every search path.
    """

    text: str
    decision: Decision
    kind: StatementKind
    fingerprint: str
    relations: tuple[str, ...] = ()
    columns: tuple[ShownColumn, ...] = ()
    origins: tuple[Origin | None, ...] = ()
    tokens: tuple[Shape | None, ...] = ()
    token_parameters: tuple[TokenCells | None, ...] = ()
    arguments: tuple[TokenCells | None, ...] = ()
    copy_format: CopyFormat | None = None
    effects: Effects = Effects()
    touches_protected: bool = False
    policy_version: str = ""
    inner: Plan | None = None
    portal: str | None = None
    prepared: str | None = None
    token_literals: Mapping[str, TokenType] = field(default_factory=dict, repr=False, compare=False)
    any_path: bool = False
    template: Plan | None = field(default=None, repr=False, compare=False)

    @property
    def identity(self) -> Plan:
        """The plan to keep things by: the same for all statements that differ in constants only."""
        return self.template or self
