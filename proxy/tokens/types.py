"""What a token is, as plain values that the planner, the session and the codecs share.

Owns: the type of a token column and the question that planning asks about keys. Must not know: keys, SQL, policy.
Invariant: two expressions may meet in a statement only if their ``TokenType.domain`` and ``format`` are equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

DOMAIN_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}")  # part of every token of format TEXT


class TokenFormat(Enum):
    """How a token is printed; the values are the words of the policy language."""

    TEXT = "text"  # AES-SIV, RFC 5297
    DIGITS = "digits"  # FF1, NIST SP 800-38G
    UUID = "uuid"


class StoredType(Enum):
    """The type that the database stores and sends; the values are the type's oids in ``pg_type``."""

    TEXT = 25  # also varchar and char(n), which a masking subquery casts to text where the format is TEXT
    VARCHAR = 1043
    BPCHAR = 1042
    SMALLINT = 21
    INTEGER = 23
    BIGINT = 20
    UUID = 2950


@dataclass(frozen=True, slots=True)
class TokenType:
    """A *token of domain D*: equal stored values of one type have equal tokens, whatever column they are in."""

    domain: str
    format: TokenFormat
    stored: StoredType


class Vocabulary(Protocol):
    """What planning asks about keys: it never sees one. A snapshot: other keys are another vocabulary."""

    @property
    def version(self) -> str:
        """Which keys these are: another one after each change of a key epoch."""

    def stored_literal(self, token_type: TokenType, literal: str) -> str:
        """The stored value, as a literal's text, that a literal beside a token column stands for.

        One that is no valid token gives a marked value: equal to nothing that is stored, and shown to the client as the
        literal it was. Never raises for any text.
        """

    def order_secret(self, domain: str) -> str:
        """The secret of the domain's opaque order, in hexadecimal digits: derived for ordering only, and the one
        secret that stands in SQL text, since only the database can sort before LIMIT. No token follows from it.
        """
