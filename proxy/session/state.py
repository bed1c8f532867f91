"""What the two directions of one conversation share.

Owns: the state, and when earlier decisions stop holding. Must not know: framing, sockets, SQL.
Invariant: ``epoch`` grows whenever catalog, policy, search path or asker are others than before; a decision made in an
older epoch is never acted on again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxy.planner.plan import Plan
from proxy.session.cancelling import Cancel, cancels_nothing
from proxy.session.hints import NO_HINTS, Hinting
from proxy.session.ports import Planning, Watching
from proxy.session.replies import Owed, RepliesOwed, Request
from proxy.session.rows import RowChecks
from proxy.session.scripts import Scripts
from proxy.session.settings import SearchPath
from proxy.session.standing import Standing
from proxy.session.statements import Statement, Statements
from proxy.wire.frontend import Close

IDLE: Final = ord("I")
IN_TRANSACTION: Final = ord("T")
FAILED: Final = ord("E")


class State:
    """``status``: the last ReadyForQuery's. ``skipping``: the server discards messages until the next Sync.

    ``flight`` counts Syncs sent; ``flight_open``: extended messages were sent after the last of them; ``flight_acts``:
    one of them was a Bind or an Execute, so that the implicit transaction holds more than a snapshot.
    ``unsettled``: what was sent since may end the transaction, so that ``status`` may no longer hold.
    ``opening``: the portals as they will be once all that was sent has succeeded.
    ``since``: the generation when the connection was last at rest. The server may look at any catalog since then.
    ``reported``: the settings that the server has reported to have changed.
    ``to_close``: portals that an older policy or catalog version has opened, and that are still to be closed.
    """

    __slots__ = (
        "cancel",
        "checks",
        "clock",
        "epoch",
        "flight",
        "flight_acts",
        "flight_open",
        "generation",
        "hints",
        "opening",
        "owed",
        "path",
        "planning",
        "reported",
        "scripts",
        "since",
        "skipping",
        "standing",
        "statements",
        "status",
        "to_close",
        "unsettled",
        "watching",
    )

    def __init__(
        self,
        *,
        planning: Planning,
        watching: Watching,
        clock: Callable[[], float],
        search_path: tuple[str, ...],
        hints: Hinting = NO_HINTS,
        cancel: Cancel = cancels_nothing,
    ) -> None:
        self.hints = hints
        self.reported: dict[str, str] = {}
        self.cancel = cancel
        self.standing = Standing()
        self.planning = planning
        self.watching = watching
        self.clock = clock
        self.owed = RepliesOwed()
        self.statements = Statements()
        self.opening: dict[bytes, Statement] = {}
        self.to_close: set[bytes] = set()
        self.path = SearchPath(search_path)
        self.checks = RowChecks(planning)
        self.scripts = Scripts(planning, watching, self.standing)
        self.status = IDLE
        self.skipping = False
        self.flight = 0
        self.flight_open = False
        self.flight_acts = False
        self.unsettled = False
        self.generation = self.since = planning.generation
        self.epoch = 0

    @property
    def at_rest(self) -> bool:
        """Whether no transaction is open, implicit ones included, and no reply is owed."""
        return not self.owed and self.status == IDLE and not self.flight_open

    def refresh(self) -> None:
        """Notice a new policy or catalog version. A new catalog may hold new schemas, so the path is asked for too."""
        generation = self.planning.generation
        if generation != self.generation:
            self.generation = generation
            if self.at_rest:
                self.since = generation
            self.path.known = False
            self._distrust()

    def ask_as(self, asker: object) -> None:
        """Somebody else asks from now on. Nothing may be owed: each reply is treated for who had asked."""
        self.hints.act_as(asker)
        self.generation = self.planning.generation
        if self.at_rest:
            self.since = self.generation
        self._distrust()

    def _distrust(self) -> None:
        """What was decided and opened before was so for another policy, catalog or asker."""
        self.checks.forget()
        self.to_close |= self.statements.portals.keys() | self.opening.keys() | self.owed.portals()
        self.new_epoch()

    def closing(self) -> bytes:
        """The messages that close the portals of older versions, to be sent before what could read from them."""
        names = sorted(self.to_close)
        self.to_close.clear()
        for name in names:
            self.opening.pop(name, None)
            self.owed.append(Owed(Request.CLOSE_PORTAL, name, own=True))
        return b"".join(Close(b"P", name).encode() for name in names)

    def new_epoch(self) -> None:
        """Earlier decisions hold no longer."""
        self.epoch += 1
        self.scripts.forget()

    def path_answered(self) -> None:
        """The answer to our question about the search path, and about who asks, is complete."""
        in_transaction = self.status == IN_TRANSACTION
        path, asker = self.path.answered(in_flight=self.flight_acts, in_transaction=in_transaction)
        if asker:
            self._distrust()
        elif path:
            self.new_epoch()

    def path_may_change(self, plans: tuple[Plan, ...]) -> None:
        """Statements that may change the search path are on their way."""
        for plan in plans:
            self.path.sent(plan)
