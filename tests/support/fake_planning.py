"""A planner and a journal for conversations without SQL, policy or files.

Owns: decisions by first word, and a log of what the session said. Must not know: the wire.
Invariant: a text gives the same plan every time, unless ``masked`` or ``path`` in it says that policy or path matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from proxy.errors import JournalError, PolicyRefusal, Refusal, StatementSyntaxError, UnsupportedRefusal
from proxy.planner.plan import CopyFormat, CopyKind, Decision, Effects, Origin, Plan, StatementKind, TokenCells
from proxy.tokens.types import StoredType, TokenFormat, TokenType
from tests.support.fake_tokens import FakeTokens

PATIENTS = 16_384  # the oid of the one protected table; its attribute 3 is protected
SSN = 3
DOMAIN = 17_000  # the oid of a type that no parameter may be of
_TOKENS = (TokenCells(TokenType("patient", TokenFormat.TEXT, StoredType.TEXT)), None)

_KINDS = {
    "select": StatementKind.SELECT,
    "insert": StatementKind.WRITE,
    "begin": StatementKind.TRANSACTION,
    "commit": StatementKind.TRANSACTION,
    "rollback": StatementKind.TRANSACTION,
    "savepoint": StatementKind.TRANSACTION,
    "set": StatementKind.SETTING,
    "show": StatementKind.SETTING,
    "discard": StatementKind.SESSION,
    "deallocate": StatementKind.SESSION,
    "declare": StatementKind.DECLARE,
    "prepare": StatementKind.PREPARE,
    "execute": StatementKind.EXECUTE,
    "fetch": StatementKind.CURSOR,
    "move": StatementKind.CURSOR,
    "close": StatementKind.CURSOR,
    "copy": StatementKind.COPY_OUT,
    "explain": StatementKind.EXPLAIN,
}


@dataclass
class FakePlanning:
    """``select … masked`` is rewritten, ``… denied`` refused, ``… path`` rewritten with the search path in it;
    of ``… tokens`` the first of two columns, and the first of two parameters, are tokens.

    ``policy`` is the generation, and is written into what is rewritten. ``missing``: the code by which ``… gone`` is.
    """

    policy: int = 1
    restricted: bool = True
    origins: tuple[Origin | None, ...] = ()
    forbidden: set[str] = field(default_factory=set)
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    looks: int = 0
    made: tuple[int, str] = (0, "catalog")
    missing: str = ""

    @property
    def tokens(self) -> FakeTokens:
        """Readable ones."""
        return FakeTokens()

    @property
    def generation(self) -> object:
        """Equal for equal policies; now the object that it was before, now a new one."""
        self.looks += 1
        if self.looks % 3 == 0 or self.made[0] != self.policy:
            self.made = (self.policy, "catalog")
        return self.made

    def split(self, text: str) -> tuple[str, ...]:
        """At semicolons."""
        if "syntax" in text:
            raise StatementSyntaxError("syntax error", reason="syntax", position=text.index("syntax") + 1)
        return tuple(part.strip() for part in text.split(";") if part.strip())

    def plan(self, text: str, search_path: tuple[str, ...]) -> Plan:
        """By first word."""
        self.asked.append((text, search_path))
        words = text.lower().split()
        word = next((word for word in words if word in _KINDS), "")
        if word == "" or "denied" in words or text in self.forbidden:
            raise PolicyRefusal(
                "no access",
                reason="relation",
                detail="why",
                hint="what to do",
                position=text.find("denied") + 1 or None,
            )
        if self.missing and "gone" in words:
            raise PolicyRefusal("not there", sqlstate=self.missing, reason="relation")
        kind = _KINDS[word]
        rewritten = "masked" in words or "path" in words
        sent = text
        if rewritten:
            sent = f"{text} under {'+'.join(search_path) if 'path' in words else self.policy}"
        plan = Plan(
            text=sent,
            decision=Decision.REWRITTEN if rewritten else Decision.PASSED,
            kind=kind,
            fingerprint=text,
            relations=("public.t",) if " from " in text else (),
            origins=self.origins if "masked" in words else (),
            tokens=_TOKENS if "tokens" in words else (),
            token_parameters=_TOKENS if "tokens" in words else (),
            copy_format=CopyFormat(CopyKind.TEXT) if "tokens" in words and kind is StatementKind.COPY_OUT else None,
            effects=_effects(words, text),
            touches_protected=rewritten,
            portal=words[-1] if word in ("fetch", "move") else None,
            prepared=words[1] if word == "execute" else None,
        )
        if kind in (StatementKind.DECLARE, StatementKind.PREPARE):
            inner = replace(plan, kind=StatementKind.SELECT, effects=Effects())
            return replace(plan, origins=(), inner=inner)
        return plan

    def with_arguments(self, plan: Plan, parameters: tuple[TokenCells | None, ...]) -> Plan:
        """Without their prefixes; ``computed`` is no constant."""
        if "computed" in plan.text:
            raise UnsupportedRefusal("not a constant", reason="token")
        text = plan.text.replace("tok:", "")
        return replace(plan, text=text, decision=Decision.REWRITTEN, arguments=parameters)

    def check_parameters(self, type_oids: tuple[int, ...]) -> None:
        """One type may not be."""
        if DOMAIN in type_oids:
            raise PolicyRefusal("no access", reason="function")

    def is_protected(self, table_oid: int, attribute_number: int) -> bool:
        """One column is."""
        return (table_oid, attribute_number) == (PATIENTS, SSN)


def _effects(words: list[str], text: str) -> Effects:
    path = "search_path" in words or words[0] in {"rollback", "commit"} or words[:2] == ["discard", "all"]
    deallocates = closes = None
    if words[0] == "deallocate":
        deallocates = "*" if words[1] == "all" else text.split()[1]
    if words[:2] == ["discard", "all"]:
        deallocates = closes = "*"
    if words[0] == "close":
        closes = "*" if words[1] == "all" else text.split()[1]
    return Effects(
        search_path=path,
        deallocates=deallocates,
        closes=closes,
        declares=words[1] if words[0] == "declare" else None,
        holdable="hold" in words,
        prepares=words[1] if words[0] == "prepare" else None,
    )


@dataclass
class FakeWatching:
    """Keeps what it is told; ``works`` False is a journal that cannot be written."""

    works: bool = True
    log: list[tuple[str, int | None, str | None]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def require_journal(self) -> None:
        """Raise unless it works."""
        if not self.works:
            raise JournalError("the journal cannot be written")

    def statement(self, plan: Plan, *, rows: int | None, seconds: float, sqlstate: str | None) -> None:
        """Keep (fingerprint, rows, sqlstate)."""
        self.require_journal()
        self.seconds.append(seconds)
        self.log.append((plan.fingerprint, rows, sqlstate))

    def refused(self, refusal: Refusal) -> None:
        """Keep the reason."""
        self.require_journal()
        self.refusals.append(refusal.reason)
