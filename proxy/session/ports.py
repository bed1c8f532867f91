"""What a conversation asks of the rest of pgveil, as protocols.

Owns: the questions a session may ask (plan this, may this column appear, which token is this, note this down).
Must not know: who answers them. Invariant: every answer is immediate; nothing here may wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from proxy.errors import Refusal
from proxy.planner.plan import Plan, TokenCells
from proxy.tokens.types import TokenType


class Planning(Protocol):
    """The planner, bound to one principal's role and one database."""

    @property
    def generation(self) -> object:
        """Equal objects mean the same catalog and policy versions; what was planned under others is planned again."""

    @property
    def tokens(self) -> TokenCodec:
        """The codec of the keys in force, of the same generation as the plans."""

    @property
    def restricted(self) -> bool:
        """Whether some column or relation is not clear to the principal: then errors' texts are held back."""

    def split(self, text: str) -> tuple[str, ...]:
        """The statements of a simple Query message, empty ones left out, as PostgreSQL splits them.

        Raises StatementSyntaxError where the Postgres grammar does.
        """

    def plan(self, text: str, search_path: tuple[str, ...]) -> Plan:
        """The plan for one statement (raises Refusal). ``search_path`` as ``current_schemas(true)`` would print it."""

    def check_parameters(self, type_oids: tuple[int, ...]) -> None:
        """Raise PolicyRefusal where a parameter may not be of a type that the client names (0: left to the server)."""

    def with_arguments(self, plan: Plan, parameters: tuple[TokenCells | None, ...]) -> Plan:
        """The plan of EXECUTE with stored values in place of the tokens among its arguments (raises Refusal).

        ``parameters``: which parameters of the statement that it names are tokens, at least one.
        """

    def is_protected(self, table_oid: int, attribute_number: int) -> bool:
        """Whether this column's stored value must never reach this principal (masked, hidden or unreadable)."""


class TokenCodec(Protocol):
    """Stored cells to tokens and back, in Postgres' text or binary format; None is NULL and stays so.

    Each call may raise TokenValueError: a stored value without a token of its format, or a cell that is no value of
    its type. What is no token decodes to a stored value that equals nothing, and encodes back to itself.
    """

    def encode_cells(self, token_type: TokenType, cells: Sequence[bytes | None], *, binary: bool) -> list[bytes | None]:
        """The tokens of stored cells."""

    def encode_arrays(
        self, token_type: TokenType, cells: Sequence[bytes | None], *, binary: bool
    ) -> list[bytes | None]:
        """The same for cells that are arrays."""

    def decode_cell(self, token_type: TokenType, cell: bytes, *, binary: bool) -> bytes:
        """The stored cell that a client's token stands for."""

    def decode_array(self, token_type: TokenType, cell: bytes, *, binary: bool) -> bytes:
        """The same for an array of tokens."""


class Watching(Protocol):
    """The journal and the metrics, bound to one session. Each call may raise JournalError."""

    def require_journal(self) -> None:
        """Raise JournalError unless a record can be written now (asked before a protected relation is read)."""

    def statement(self, plan: Plan, *, rows: int | None, seconds: float, sqlstate: str | None) -> None:
        """A statement ended: ``rows`` from its command tag, ``sqlstate`` where it failed. Called before its result is
        complete for the client.
        """

    def refused(self, refusal: Refusal) -> None:
        """A statement was refused by us."""
