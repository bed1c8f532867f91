"""Tokens turned back into values, for those who may: the one way out of pgveil that leads to cleartext on purpose.

Owns: who may, how often, and that each time is written down first. Must not know: HTTP, how a caller was verified, SQL.
Invariant: no value is given without a reason, the policy's leave for the role and domain, and a record in the journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from proxy.allowances import Allowances
from proxy.audit import records
from proxy.errors import PolicyRefusal, Refusal, UnsupportedRefusal
from proxy.identity.principal import Principal
from proxy.policy.model import Policy
from proxy.tokens.tokenizer import Tokenizer
from proxy.tokens.types import StoredType, TokenFormat, TokenType
from proxy.watching import Watch

MOST_TOKENS: Final = 1000  # in one request
_LONGEST_REASON: Final = 200


class TokenKind(Enum):
    """What kind of token is turned back; integers are digits of a column that is one."""

    TEXT = "text"
    DIGITS = "digits"
    INTEGER = "integer"
    UUID = "uuid"

    def of(self, domain: str) -> TokenType:
        """The type of the domain's tokens of this kind."""
        match self:
            case TokenKind.TEXT:
                return TokenType(domain, TokenFormat.TEXT, StoredType.TEXT)
            case TokenKind.DIGITS:
                return TokenType(domain, TokenFormat.DIGITS, StoredType.TEXT)
            case TokenKind.INTEGER:
                return TokenType(domain, TokenFormat.DIGITS, StoredType.BIGINT)
            case TokenKind.UUID:
                return TokenType(domain, TokenFormat.UUID, StoredType.UUID)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, and why."""

    domain: str
    kind: TokenKind
    tokens: Sequence[str]
    reason: str

    def __repr__(self) -> str:
        return f"Request({self.domain!r}, {self.kind}, {len(self.tokens)} tokens)"


class TooManyTokensError(Refusal):
    """The principal has had as many values as it may in this minute; ``wait`` is in seconds."""

    default_sqlstate = "53400"

    def __init__(self, wait: float) -> None:
        super().__init__("too many tokens in a minute", reason="rate", hint=f"Wait {wait:.0f} seconds.")
        self.wait = wait


class Detokenizer:
    """Turns tokens back. Belongs to one event loop."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        tokens: Callable[[], Tokenizer | None],
        watch: Watch,
        *,
        per_minute: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``policy`` and ``tokens`` give those in force; ``per_minute`` is how many tokens a principal may ask for."""
        self._policy = policy
        self._tokens = tokens
        self._watch = watch
        self._clock = clock
        self._allowances = Allowances(per_minute, clock=clock)

    def detokenize(self, principal: Principal, request: Request) -> list[str | None]:
        """The value of each token; None for what is none of the domain.

        Raises Refusal where the principal may not, or not now, and JournalError where it cannot be written down.
        """
        try:
            tokenizer = self._permitted(principal, request)
        except Refusal as refusal:
            self._watch.note(self._record(principal, request, refused=refusal.reason))
            raise
        token_type = request.kind.of(request.domain)
        values = [tokenizer.value_of(token_type, token) for token in request.tokens]
        found = sum(value is not None for value in values)
        self._watch.journal.append(self._record(principal, request, found=found))
        self._watch.metrics.detokenized(principal.role, request.domain, found)
        return values

    def _permitted(self, principal: Principal, request: Request) -> Tokenizer:
        if not 0 < len(request.tokens) <= MOST_TOKENS:
            raise UnsupportedRefusal(f"give 1 to {MOST_TOKENS} tokens", reason="request", sqlstate="22023")
        if not request.reason.strip() or len(request.reason) > _LONGEST_REASON or not request.reason.isprintable():
            raise UnsupportedRefusal(
                f"a reason of 1 to {_LONGEST_REASON} printable characters is required",
                reason="request",
                sqlstate="22023",
            )
        role = self._policy().roles.get(principal.role)
        tokenizer = self._tokens()
        if role is None or request.domain not in role.detokenize or tokenizer is None:
            # The same words for a domain that there is not, so that asking tells nothing of the policy.
            raise PolicyRefusal(
                "the role may not turn back tokens of this domain",
                reason="detokenize",
                hint="An administrator can list the domain under detokenize of the role.",
            )
        if wait := self._allowances.spend((principal.issuer, principal.name), len(request.tokens)):
            raise TooManyTokensError(wait)
        return tokenizer

    def _record(self, principal: Principal, request: Request, *, found: int = 0, refused: str | None = None) -> bytes:
        return records.detokenization(
            self._clock(),
            principal,
            domain=request.domain,
            tokens=len(request.tokens),
            found=found,
            reason=request.reason,
            refused=refused,
            policy_version=self._watch.policy_version(),
        )
