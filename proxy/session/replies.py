"""The queue of replies owed: for each request sent upstream, in order, what is done with its replies.

Owns: the entries and the queue. Must not know: bytes, sockets, SQL.
Invariant: an entry is put in exactly when its message is sent upstream, and leaves exactly when the server is done with
that message, whether it answered or skipped it. So the first entry is always the one that the next reply belongs to,
and the queue is empty whenever the connection is idle.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final

from proxy.errors import ProxyError
from proxy.planner.plan import Plan
from proxy.session.edge import Edge, Untreated
from proxy.session.scripts import Script
from proxy.session.statements import Statement


class Request(Enum):
    """The messages that are answered (manual, 54.2.2 and 54.2.3). Flush has no answer of its own."""

    QUERY = "Query"
    PARSE = "Parse"
    BIND = "Bind"
    DESCRIBE_STATEMENT = "Describe of a statement"
    DESCRIBE_PORTAL = "Describe of a portal"
    EXECUTE = "Execute"
    CLOSE_STATEMENT = "Close of a statement"
    CLOSE_PORTAL = "Close of a portal"
    SYNC = "Sync"
    FLIGHT = "Bind to Sync"
    ASK = "Execute of our own question"


class Owed:
    """What is owed for one message.

    ``own``: we caused it, so its replies are swallowed (an error still goes to the client, in whose message's place it
    stands, except in our own question). ``question``: it is part of that question. ``name``: the statement's or
    portal's. ``statement``: what the client side believes that the message makes (PARSE) or uses (BIND); ``opened``:
    what the portal refers to if that is so.
    ``refusal`` replaces the text of the error that the message was made to cause.
    An entry that carries nothing of one exchange may stand in the queue more than once.
    """

    __slots__ = ("name", "opened", "own", "question", "refusal", "request", "statement", "statement_name")

    def __init__(
        self,
        request: Request,
        name: bytes = b"",
        *,
        own: bool = False,
        question: bool = False,
        statement: Statement | None = None,
        statement_name: bytes = b"",
        opened: Statement | None = None,
        refusal: ProxyError | None = None,
    ) -> None:
        self.request = request
        self.name = name
        self.own = own
        self.question = question
        self.statement = statement
        self.statement_name = statement_name
        self.opened = opened
        self.refusal = refusal


SYNC_OWED: Final = Owed(Request.SYNC)
_DESCRIBE_OWED: Final = Owed(Request.DESCRIBE_PORTAL)


class OwedRows(Owed):
    """An Execute. ``started``: when it was sent, in seconds of the conversation's clock.

    ``copying``: how the CopyData messages that may come now are treated, None where none may. ``epoch``:
    the conversation's then. ``declares``: the cursor that it opens, where it is DECLARE; ``prepares``: the
    statement that it makes, where it is PREPARE.
    """

    __slots__ = ("copying", "declares", "epoch", "max_rows", "prepares", "started")

    def __init__(self, portal: bytes, started: float, max_rows: int, epoch: int = 0) -> None:
        self.request = Request.EXECUTE
        self.name = portal
        self.own = False
        self.question = False
        self.statement = None
        self.opened = None
        self.statement_name = b""
        self.refusal = None
        self.started = started
        self.max_rows = max_rows
        self.epoch = epoch
        self.declares: bytes | None = None
        self.prepares: bytes | None = None
        self.copying: Edge | Untreated | None = None


class OwedScript(Owed):
    """A Query: ``index`` of the statement that runs, ``described`` how its rows are treated, None before its columns
    were checked. ``copying`` as for an Execute.

    ``drops_unnamed``: it drops the unnamed statement. ``epoch``: the conversation's when it was sent.
    """

    __slots__ = ("copying", "described", "drops_unnamed", "epoch", "failed", "index", "script", "started")

    def __init__(self, script: Script, started: float, *, drops_unnamed: bool, epoch: int = 0) -> None:
        self.request = Request.QUERY
        self.name = b""
        self.own = False
        self.question = False
        self.statement = None
        self.opened = None
        self.statement_name = b""
        self.refusal = script.refusal
        self.script = script
        self.drops_unnamed = drops_unnamed
        self.epoch = epoch
        self.started = started
        self.index = 0
        self.described: Edge | Untreated | None = None
        self.failed = False
        self.copying: Edge | Untreated | None = None

    def plan(self) -> Plan | None:
        """The plan of the statement that runs, None for the one that was refused."""
        plans = self.script.plans
        return plans[self.index] if self.index < len(plans) else None


class OwedFlight(Owed):
    """A whole flight: Bind of the unnamed portal, Describe of it if ``described``, Execute and Sync.

    ``used``: the statement that it runs, and that the portal refers to. ``started`` as of the Execute.
    """

    __slots__ = ("described", "started", "used")

    def __init__(self, used: Statement, started: float, *, described: bool) -> None:
        self.request = Request.FLIGHT
        self.used = used
        self.started = started
        self.described = described

    def parts(self) -> list[Owed]:
        """The entries of its messages."""
        used = self.used
        bind = Owed(Request.BIND, statement=used, statement_name=used.name, opened=used)
        describe = [_DESCRIBE_OWED] if self.described else []
        return [bind, *describe, OwedRows(b"", self.started, 0), SYNC_OWED]


class RepliesOwed(deque[Owed]):
    """The queue. First in, first out; only the first can be a whole flight."""

    def unfold(self) -> None:
        """Put the entries of its messages in the place of a whole flight, if one is the first."""
        first = self[0]
        if isinstance(first, OwedFlight):
            self.popleft()
            self.extendleft(reversed(first.parts()))

    def portals(self) -> set[bytes]:
        """The names of all portals that what was sent may open."""
        names: set[bytes] = set()
        for entry in self:
            if entry.request is Request.BIND and not entry.own:
                names.add(entry.name)
            plans = entry.script.plans if isinstance(entry, OwedScript) else ()
            names.update(p.effects.declares.encode() for p in plans if p.effects.declares is not None)
            if isinstance(entry, OwedRows) and entry.declares is not None:
                names.add(entry.declares)
        return names

    def skip_to_sync(self) -> list[Owed]:
        """Take out what the server skips after an error in an extended message: all before the next Sync, Query too."""
        skipped: list[Owed] = []
        while self and self[0].request is not Request.SYNC:
            skipped.append(self.popleft())
        return skipped
