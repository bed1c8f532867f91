"""Scripts of exchanges for a conversation: what a peer sends, and what each peer then gets.

Owns: replaying a script whole, byte by byte and cut at every place. Must not know: how the conversation works inside.
Invariant: a script that was run ends with nothing owed, unless it says that the session ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self

from proxy.errors import ProxyError
from proxy.session.conversation import Conversation
from proxy.session.hints import NO_HINTS, Hinting
from proxy.session.settings import question
from proxy.wire.backend import (
    BIND_COMPLETE,
    CLOSE_COMPLETE,
    COPY_DONE,
    EMPTY_QUERY_RESPONSE,
    NO_DATA,
    PARAMETER_DESCRIPTION,
    PARSE_COMPLETE,
    PORTAL_SUSPENDED,
    CommandComplete,
    ErrorResponse,
    NoticeResponse,
    ReadyForQuery,
    RowDescription,
    RowField,
    build_data_row,
)
from proxy.wire.frames import frame
from proxy.wire.frontend import FLUSH_MESSAGE, SYNC_MESSAGE
from tests.support.fake_hints import FakeHints
from tests.support.fake_planning import FakePlanning, FakeWatching
from tests.support.measured import unmeasured

Direction = Literal["client", "upstream"]
Act = Callable[["Stage"], None]

PARSED = frame(PARSE_COMPLETE, b"")
BOUND = frame(BIND_COMPLETE, b"")
CLOSED = frame(CLOSE_COMPLETE, b"")
NO_ROWS = frame(NO_DATA, b"")
NO_PARAMETERS = frame(PARAMETER_DESCRIPTION, b"\0\0")
SUSPENDED = frame(PORTAL_SUSPENDED, b"")
EMPTY = frame(EMPTY_QUERY_RESPONSE, b"")
COPY_ENDED = frame(COPY_DONE, b"")
IDLE = ReadyForQuery(b"I").encode()
IN_TRANSACTION = ReadyForQuery(b"T").encode()
FAILED = ReadyForQuery(b"E").encode()


class Encodable(Protocol):
    """A message, or something that is made into one when the script runs."""

    def encode(self) -> bytes:
        """Its bytes."""


Message = Encodable | bytes


def done(tag: str) -> bytes:
    """CommandComplete."""
    return CommandComplete(tag).encode()


def row(*cells: bytes | None) -> bytes:
    """DataRow."""
    return build_data_row(cells)


def columns(*origins: tuple[int, int]) -> bytes:
    """RowDescription of columns c1, c2, … with these origins."""
    fields = tuple(RowField(f"c{n}", oid, number, 25, -1, -1) for n, (oid, number) in enumerate(origins, 1))
    return RowDescription(fields).encode()


def error(sqlstate: str, text: str = "oops", *, severity: str = "ERROR", **more: str) -> bytes:
    """ErrorResponse."""
    return ErrorResponse({"S": severity, "V": severity, "C": sqlstate, "M": text, **more}).encode()


def notice(sqlstate: str, text: str, **more: str) -> bytes:
    """NoticeResponse."""
    return NoticeResponse({"S": "NOTICE", "V": "NOTICE", "C": sqlstate, "M": text, **more}).encode()


REFUSED_TEXT = b'SELECT pg_catalog."pgveil: statement refused"()'
REFUSAL = ErrorResponse(
    {"S": "ERROR", "V": "ERROR", "C": "42501", "M": "no access", "D": "why", "H": "what to do"}
).encode()


OUTDATED = ErrorResponse(
    {
        "S": "ERROR",
        "V": "ERROR",
        "C": "34000",
        "M": 'cursor "c" is closed',
        "D": "The policy or the database's structure has changed since it was opened.",
        "H": "Open it again.",
    }
).encode()
UNKNOWN_PATH = ErrorResponse(
    {
        "S": "ERROR",
        "V": "ERROR",
        "C": "0A000",
        "M": "the search path in force could not be found out",
        "D": "The database did not answer pgveil's question about it, so names cannot be resolved safely.",
        "H": "Send the statement again.",
    }
).encode()


def refusal_at(position: int) -> bytes:
    """The fake planner's refusal of a text in which ``denied`` stands there."""
    return ErrorResponse(
        {"S": "ERROR", "V": "ERROR", "C": "42501", "M": "no access", "D": "why", "H": "what to do", "P": str(position)}
    ).encode()


@dataclass(frozen=True, slots=True)
class Question:
    """Our own question about the search path, the n-th of the conversation."""

    serial: int
    in_flight: bool = False


ANSWERED = (PARSED, BOUND)
ANSWER_END = (CLOSED, CLOSED)


def answer(*schemas: bytes, asker: bytes | None = None) -> tuple[bytes, ...]:
    """What the server answers to our question, without the end of the flight."""
    rows = (row(asker), *(row(schema) for schema in schemas))
    return (PARSED, BOUND, *rows, done(f"SELECT {len(rows)}"), CLOSED, CLOSED)


class Stage:
    """One conversation between two fake peers."""

    def __init__(
        self,
        *,
        restricted: bool,
        origins: tuple[object, ...],
        max_message_bytes: int,
        keeps_upstream: bool = False,
        hints: bool = False,
    ) -> None:
        self.planning = FakePlanning(origins=origins, restricted=restricted)  # type: ignore[arg-type]
        self.hints: Hinting = FakeHints(self.planning) if hints else NO_HINTS
        self.watching = FakeWatching()
        self.got: dict[Direction, bytearray] = {"client": bytearray(), "upstream": bytearray()}
        self.now = 0.0
        self.conversation = Conversation(
            planning=self.planning,
            watching=self.watching,
            to_client=self.got["client"].extend,
            to_upstream=self.got["upstream"].extend,
            clock=self._clock,
            search_path=("public",),
            keeps_upstream=keeps_upstream,
            hints=self.hints,
            max_client_message_bytes=max_message_bytes,
            max_upstream_message_bytes=max_message_bytes,
        )

    def _clock(self) -> float:
        self.now += 0.5
        return self.now

    def encode(self, messages: tuple[Message | Question, ...]) -> bytes:
        """The bytes of messages; the name in our own question is this conversation's."""
        return b"".join(self._encode(message) for message in messages)

    def _encode(self, message: Message | Question) -> bytes:
        if isinstance(message, bytes):
            return message
        if isinstance(message, Question):
            token = self.conversation._client._barrier._token
            end = FLUSH_MESSAGE if message.in_flight else SYNC_MESSAGE
            return question(f"pgveil {token} {message.serial}".encode()) + end
        return message.encode()


@dataclass(frozen=True, slots=True)
class Step:
    """One peer sends; what is expected of a peer that is not named is not looked at."""

    sender: Direction
    messages: tuple[Message | Question, ...]
    expected: dict[Direction, tuple[Message | Question, ...]] = field(default_factory=dict)
    ends: type[ProxyError] | None = None


@dataclass
class Playbook:
    """Write steps with ``client``/``upstream`` followed by ``to_upstream``/``to_client``; then ``run``."""

    restricted: bool = True
    origins: tuple[object, ...] = ()
    max_message_bytes: int = 1_000_000
    hints: bool = False
    steps: list[Step | Act] = field(default_factory=list)
    log: list[tuple[str, int | None, str | None]] | None = None
    refusals: list[str] | None = None
    left_owed: bool = False

    def client(self, *messages: Message) -> Self:
        """The client sends."""
        self.steps.append(Step("client", messages))
        return self

    def upstream(self, *messages: Message) -> Self:
        """Upstream sends."""
        self.steps.append(Step("upstream", messages))
        return self

    def to_upstream(self, *messages: Message | Question) -> Self:
        """In this step upstream gets these and nothing else."""
        return self._expect("upstream", messages)

    def to_client(self, *messages: Message) -> Self:
        """In this step the client gets these and nothing else."""
        return self._expect("client", messages)

    def through(self, *messages: Message) -> Self:
        """The client sends what goes upstream as it is."""
        return self.client(*messages).to_upstream(*messages)

    def back(self, *messages: Message) -> Self:
        """Upstream sends what goes to the client as it is."""
        return self.upstream(*messages).to_client(*messages)

    def ends(self, error: type[ProxyError]) -> Self:
        """The last step ends the session with this error."""
        step = self._last()
        self.steps[-1] = Step(step.sender, step.messages, step.expected, error)
        return self

    def act(self, act: Act) -> Self:
        """Something else happens."""
        self.steps.append(act)
        return self

    def records(self, *log: tuple[str, int | None, str | None]) -> Self:
        """In the end these statements were recorded."""
        self.log = list(log)
        return self

    def refuses(self, *reasons: str) -> Self:
        """In the end these refusals were noted."""
        self.refusals = list(reasons)
        return self

    def unfinished(self) -> Self:
        """The script stops while replies are owed."""
        self.left_owed = True
        return self

    def run(self) -> Stage:
        """Replay whole, byte by byte, and with each step cut in two at each place."""
        stage = self._replay(lambda index, data: [data])
        self._replay(lambda index, data: [data[i : i + 1] for i in range(len(data))])
        with unmeasured():
            for number, step in enumerate(self.steps):
                for cut in range(1, len(stage.encode(step.messages)) if isinstance(step, Step) else 0):
                    self._replay(lambda index, data, n=number, c=cut: [data[:c], data[c:]] if index == n else [data])  # type: ignore[misc]
        return stage

    def _replay(self, cut: Callable[[int, bytes], list[bytes]]) -> Stage:
        stage = Stage(
            restricted=self.restricted,
            origins=self.origins,
            max_message_bytes=self.max_message_bytes,
            hints=self.hints,
        )
        ended = False
        for index, step in enumerate(self.steps):
            assert not ended, "a step follows the end of the session"
            if not isinstance(step, Step):
                step(stage)
                continue
            ended = self._play(stage, step, cut(index, stage.encode(step.messages)))
        if self.log is not None:
            assert stage.watching.log == self.log, stage.watching.log
        if self.refusals is not None:
            assert stage.watching.refusals == self.refusals, stage.watching.refusals
        if not ended and not self.left_owed:
            assert stage.conversation.idle
        return stage

    def _play(self, stage: Stage, step: Step, pieces: list[bytes]) -> bool:
        feed = stage.conversation.client_bytes if step.sender == "client" else stage.conversation.upstream_bytes
        reason: ProxyError | None = None
        for received in stage.got.values():
            received.clear()
        try:
            for piece in pieces:
                feed(piece)
        except ProxyError as caught:
            reason = caught
        expected_reason = step.ends.__name__ if step.ends else None
        assert (type(reason).__name__ if reason else None) == expected_reason, f"{reason!r} after {step}"
        assert stage.conversation.close_reason is reason
        for direction, messages in step.expected.items():
            got, expected = _readable(bytes(stage.got[direction])), _readable(stage.encode(messages))
            assert got == expected, f"to {direction}:\n{got}\nin place of\n{expected}"
        return reason is not None

    def _expect(self, direction: Direction, messages: tuple[Message | Question, ...]) -> Self:
        step = self._last()
        self.steps[-1] = Step(step.sender, step.messages, {**step.expected, direction: messages}, step.ends)
        return self

    def _last(self) -> Step:
        step = self.steps[-1]
        assert isinstance(step, Step), "this must follow a step"
        return step


def _readable(stream: bytes) -> list[tuple[str, bytes]]:
    """A stream as (tag, body), so that a failing comparison can be read; what is cut off comes last."""
    frames: list[tuple[str, bytes]] = []
    at = 0
    while len(stream) - at >= 5:
        length = int.from_bytes(stream[at + 1 : at + 5], "big")
        frames.append((chr(stream[at]), stream[at + 5 : at + 1 + length]))
        at += 1 + length
    if at < len(stream):
        frames.append(("rest", stream[at:]))
    return frames
