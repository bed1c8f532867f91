"""From the text of a Query or Parse message to what goes upstream in its place.

Owns: decisions for all statements of one text, the upstream text made of them, and a small cache of both.
Must not know: the wire's framing, sockets, what a policy says.
Invariant: the upstream text holds exactly the texts of the plans, in order, and, where one statement was refused, ends
with a statement that must fail in its place; if every plan is PASSED it is the client's own text, byte for byte.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

from proxy.errors import JournalError, ProxyError, Refusal, StatementSyntaxError, UnsupportedRefusal
from proxy.planner.plan import Decision, Plan, StatementKind
from proxy.session.hints import misplaced, token_setting
from proxy.session.ports import Planning, Watching
from proxy.session.standing import UNSET, Standing
from proxy.wire.sqlstate import CHARACTER_NOT_IN_REPERTOIRE, IO_ERROR, UNDEFINED_FUNCTION, UNDEFINED_TABLE

# Fails at parse analysis, before anything runs, at the same protocol step as the statement in whose place it stands.
FAILING_STATEMENT: Final = 'SELECT pg_catalog."pgveil: statement refused"()'
FAILING_SQLSTATE: Final = UNDEFINED_FUNCTION

_CACHED_SCRIPTS: Final = 256
_CACHED_BYTES: Final = 16_384

# What may read or write relations by name. After a change of the search path in the same message such a statement
# would be planned under a path that is no longer in force when it runs.
NAMES_RELATIONS: Final = frozenset(
    {
        StatementKind.SELECT,
        StatementKind.WRITE,
        StatementKind.DECLARE,
        StatementKind.PREPARE,
        StatementKind.EXECUTE,
        StatementKind.COPY_OUT,
        StatementKind.EXPLAIN,
        StatementKind.LOCK,
    }
)

# What anybody may say at any time, whoever asks.
NEED_NOBODY: Final = frozenset({StatementKind.TRANSACTION, StatementKind.SETTING, StatementKind.SESSION})
_NOT_FOUND: Final = frozenset({UNDEFINED_TABLE, UNDEFINED_FUNCTION})

# Comments that no lexer reads differently: no nesting, one line. Tools put job identifiers there.
_LEADING_COMMENTS: Final = re.compile(r"(?:\s*(?:/\*(?:(?!/\*|\*/).)*\*/|--[^\r\n]*[\r\n]))+", re.DOTALL)


class Script:
    """The decision on one text.

    ``text``: what goes upstream, None for the client's own bytes. ``plans``: in order, up to the refused statement.
    ``rewritten``: positions in the upstream text are not those of the client's. ``path_changes``: running it may change
    the effective search path. ``prepares``: each PREPARE with the client's text of it. ``executes``: whether one of
    them is EXECUTE.
    """

    __slots__ = ("executes", "path_changes", "plans", "prepares", "protected", "refusal", "rewritten", "text")

    def __init__(
        self,
        plans: tuple[Plan, ...],
        text: bytes | None,
        refusal: ProxyError | None,
        prepares: tuple[tuple[Plan, bytes], ...] = (),
    ) -> None:
        self.plans = plans
        self.text = text
        self.refusal = refusal
        self.rewritten = text is not None
        self.protected = self.executes = False
        self.path_changes: tuple[Plan, ...] = ()
        self.prepares = prepares
        for plan in plans:
            if plan.touches_protected:
                self.protected = True
            if plan.effects.search_path:
                self.path_changes += (plan,)
            if plan.prepared is not None:
                self.executes = True


class Scripts:
    """Plans texts. One for each conversation; ``forget`` must be called when earlier decisions no longer hold."""

    __slots__ = ("_cache", "_planning", "_standing", "_watching")

    def __init__(self, planning: Planning, watching: Watching, standing: Standing) -> None:
        self._planning = planning
        self._watching = watching
        self._standing = standing
        self._cache: dict[bytes, Script] = {}

    def forget(self) -> None:
        """Drop the cache: catalog, policy or search path are others now."""
        self._cache.clear()

    def query(self, text: bytes, search_path: tuple[str, ...], *, path_known: bool, path_touched: bool) -> Script:
        """The script for a Query message's text; refusals are in the script, and were noted.

        ``path_known``: ``search_path`` is the one in force. ``path_touched``: the end of a transaction may change it.
        """
        script = self._cache.get(text)
        if script is None:
            script = self._read(text, search_path, path_known=path_known, path_touched=path_touched)
            if path_known:
                self._remember(text, script)
            if script.refusal is not None:
                self.note(script.refusal)
        if script.protected:
            try:
                self._watching.require_journal()
            except JournalError as error:
                return self._without_journal(text, script, error)
        return script

    def independent(self, text: bytes, search_path: tuple[str, ...]) -> Script | None:
        """The script for a text that means the same under every search path (BEGIN, SET, DISCARD, …), else None."""
        script = self._read(text, search_path, path_known=False, path_touched=True)
        return script if script.refusal is None else None

    def single(self, text: bytes, search_path: tuple[str, ...], *, path_known: bool) -> Script:
        """The script for a Parse message's text: one plan, or none for an empty text.

        Raises what refuses it, unnoted. Where the path is not known the result is not remembered.
        """
        script = self._cache.get(text)
        if script is None:
            decoded = _decode(text)
            statements = self._planning.split(decoded)
            if len(statements) > 1:
                raise _several()
            offset = max(decoded.find(statements[0]), 0) if statements else 0
            plans = tuple(self._plan(statement, offset, search_path) for statement in statements)
            pairs = zip(plans, statements, strict=True)
            prepares = tuple((plan, one.encode()) for plan, one in pairs if plan.effects.prepares is not None)
            script = _script(decoded, plans, None, prepares)
            if path_known:
                self._remember(text, script)
        elif len(script.plans) > 1:
            raise _several()
        return script

    def note(self, refusal: ProxyError) -> None:
        """Tell journal and metrics of a refusal. It stands even where it cannot be recorded."""
        if isinstance(refusal, Refusal):
            with suppress(JournalError):
                self._watching.refused(refusal)

    def _remember(self, text: bytes, script: Script) -> None:
        # What depends on more than the text and the path, or must be noted each time, is planned each time.
        # A text that was made from a template is one of many, which would push out those that come again.
        if (
            script.refusal is None
            and not script.path_changes
            and len(text) <= _CACHED_BYTES
            and not (len(script.plans) == 1 and script.plans[0].template is not None)
        ):
            if len(self._cache) >= _CACHED_SCRIPTS:
                self._cache.clear()
            self._cache[text] = script

    def _read(self, text: bytes, search_path: tuple[str, ...], *, path_known: bool, path_touched: bool) -> Script:
        plans: list[Plan] = []
        prepares: list[tuple[Plan, bytes]] = []
        refusal: ProxyError | None = None
        decoded = ""
        try:
            decoded = _decode(text)
            offset = 0
            statements = self._planning.split(decoded)
            for statement in statements:
                offset = max(decoded.find(statement, offset), offset)
                plan = self._plan(statement, offset, search_path)
                names_asker = plan.effects.asker
                if names_asker and any(earlier.kind in NAMES_RELATIONS for earlier in plans):
                    raise misplaced()
                if not path_known and plan.kind in NAMES_RELATIONS and not plan.any_path:
                    raise _path_refusal()
                plans.append(plan)
                if plan.effects.prepares is not None:
                    prepares.append((plan, statement.encode()))
                offset += len(statement)
                if names_asker:
                    path_touched = True
                elif plan.effects.search_path:
                    path_known = path_known and plan.kind is StatementKind.TRANSACTION and not path_touched
                    path_touched = path_touched or plan.kind is not StatementKind.TRANSACTION
        except ProxyError as error:
            # What was not found was looked for on a path that may not be the one in force by then.
            refusal = _path_refusal() if not path_known and error.sqlstate in _NOT_FOUND else error
        return _script(decoded, tuple(plans), refusal, tuple(prepares))

    def _plan(self, statement: str, offset: int, search_path: tuple[str, ...]) -> Plan:
        """Plan one statement of a text; positions in errors count from the start of the whole text."""
        if self._standing.used and (setting := token_setting(statement.encode())) is not None:
            plan = self._standing.plan(setting, self._planning.plan(UNSET, search_path))
            if plan is not None:
                return plan
        try:
            return self._planning.plan(statement, search_path)
        except ProxyError as error:
            if error.position is not None:
                error.position += offset
            raise

    def with_plans(self, text: bytes, script: Script, plans: tuple[Plan, ...]) -> Script:
        """The script for ``text`` with other plans for the same statements."""
        return script if plans == script.plans else _script(_decode(text), plans, script.refusal, script.prepares)

    def _without_journal(self, text: bytes, script: Script, error: JournalError) -> Script:
        first = next(i for i, plan in enumerate(script.plans) if plan.touches_protected)
        return self.refused_at(text, script, first, journal_refusal(error))

    def refused_at(self, text: bytes, script: Script, first: int, refusal: Refusal) -> Script:
        """The script for ``text`` where its statement number ``first`` (from 0) is refused after all; it is noted."""
        self.note(refusal)
        plans = script.plans[:first]
        prepared = sum(plan.effects.prepares is not None for plan in plans)
        return _script(_decode(text), plans, refusal, script.prepares[:prepared])


def journal_refusal(error: JournalError) -> Refusal:
    """The refusal of a statement on protected relations while the journal cannot be written."""
    return Refusal(
        error.message,
        reason="journal",
        sqlstate=IO_ERROR,
        detail=error.detail or "Statements on protected relations run only while they can be recorded.",
        hint=error.hint,
    )


def _several() -> Refusal:
    return StatementSyntaxError("cannot insert multiple commands into a prepared statement", reason="multiple_commands")


def _path_refusal() -> Refusal:
    return UnsupportedRefusal(
        "a statement that names relations cannot follow a change of search_path in the same message",
        reason="search_path",
        detail="Which relation a name stands for would be known only after the change.",
        hint="Send the statements one at a time.",
    )


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise Refusal(
            "invalid byte sequence for encoding UTF8", reason="encoding", sqlstate=CHARACTER_NOT_IN_REPERTOIRE
        ) from None


def _script(
    text: str, plans: tuple[Plan, ...], refusal: ProxyError | None, prepares: tuple[tuple[Plan, bytes], ...] = ()
) -> Script:
    texts = [plan.text for plan in plans]
    if refusal is not None:
        texts.append(FAILING_STATEMENT)
    elif not any([plan.decision is Decision.REWRITTEN for plan in plans]):  # noqa: C419 - a list costs half of a generator
        return Script(plans, None, None, prepares)
    prefix = ""
    if plans and plans[0].decision is Decision.REWRITTEN and (comments := _LEADING_COMMENTS.match(text)):
        prefix = f"{comments.group()}\n"
    # The newline ends a comment that a passed text may end with.
    return Script(plans, (prefix + "\n;\n".join(texts)).encode(), refusal, prepares)
