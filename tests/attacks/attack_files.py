"""The attacks: files of statements, each with a small header of comments, one file for each channel.

Owns: the format of ``tests/attacks/statements/*.sql`` and the ``Attack`` value. Must not know: how an attack is run.
Invariant: a file that does not follow the format is an error, never an attack left out.

An attack begins with ``-- title:``. Below stand ``-- after:`` (what it wants), ``-- bare:`` (how it shows its leak on
bare Postgres: ``prints`` a stored value, ``differs`` between two databases that the role cannot tell apart, ``runs``
where it reaches what is none of the ward's, or ``lacks`` where it needs what the embedded server was built without),
and where they are not the usual ones ``-- role:`` and ``-- ends:`` (``answered``: the masked copy's answer must come;
``refused``; the usual is that either will do), and ``-- servers:`` (``17-`` or ``-16``, the releases that have what it
uses; others are not attacked with it). A line ``-- then:`` parts the messages of an attack that takes several.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

STATEMENTS: Final = Path(__file__).parent / "statements"

_TITLE: Final = re.compile(r"^-- title: (.+)$", re.MULTILINE)
_HEADER: Final = re.compile(r"-- (after|bare|role|ends|servers): (.+)")
_SERVERS: Final = re.compile(r"(\d*)-(\d*)")
_THEN: Final = re.compile(r"^-- then:$", re.MULTILINE)


class Bare(Enum):
    """How an attack shows on bare Postgres that there is something to be had."""

    PRINTS = "prints"
    DIFFERS = "differs"
    RUNS = "runs"
    LACKS = "lacks"


class Ends(Enum):
    """How an attack must end through the proxy."""

    ANSWERED = "answered"
    REFUSED = "refused"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack of a channel; ``steps`` are sent one after the other, in one session."""

    channel: str
    title: str
    after: str
    bare: Bare
    steps: tuple[str, ...]
    role: str = "reader"
    ends: Ends = Ends.EITHER
    servers: tuple[int, int] = (0, 99)

    @property
    def name(self) -> str:
        """What the test report calls it."""
        return f"{self.channel}: {self.title}"


def load_attacks(server: int) -> list[Attack]:
    """Every attack of every file for that release of Postgres; raises ValueError where a file has not the format."""
    attacks = [attack for path in sorted(STATEMENTS.glob("*.sql")) for attack in _load(path)]
    names = [attack.name for attack in attacks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"titles used twice: {twice}")
    return [attack for attack in attacks if attack.servers[0] <= server <= attack.servers[1]]


def _load(path: Path) -> list[Attack]:
    preamble, *parts = _TITLE.split(path.read_text(encoding="utf-8"))
    if any(line and not line.startswith("--") for line in preamble.splitlines()):
        raise ValueError(f"{path}: a statement stands before the first title")
    return [_parse(path, title.strip(), body) for title, body in zip(parts[::2], parts[1::2], strict=True)]


def _parse(path: Path, title: str, body: str) -> Attack:
    lines = body.strip().splitlines()
    header: dict[str, str] = {}
    while lines and (match := _HEADER.fullmatch(lines[0])):
        header[match[1]] = match[2]
        lines.pop(0)
    steps = tuple(step.strip() for step in _THEN.split("\n".join(lines)))
    if not all(steps) or not {"after", "bare"} <= header.keys():
        raise ValueError(f"{path}: {title!r} lacks a statement, or says not what it is after and how it shows")
    servers = _SERVERS.fullmatch(header.get("servers", "-"))
    if servers is None:
        raise ValueError(f"{path}: {title!r} does not say which servers it is for")
    return Attack(
        channel=path.stem,
        title=title,
        after=header["after"],
        bare=Bare(header["bare"]),
        steps=steps,
        role=header.get("role", "reader"),
        ends=Ends(header.get("ends", "either")),
        servers=(int(servers[1] or 0), int(servers[2] or 99)),
    )
