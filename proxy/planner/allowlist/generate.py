"""Makes functions.txt from functions.toml and the catalogs of the servers that pgveil is tested against.

Owns: the rule by which a function's name gets on the list, and reading pg_proc's first contents from ``postgres.bki``,
the file from which ``initdb`` fills the catalogs (manual, 67.2), so that no server need run. Must not know: how a
server is reached. Invariant: a name that nobody reviewed, or that two groups claim, ends it with a message.

    python -m proxy.planner.allowlist.generate 16/share/postgres.bki 18/share/postgres.bki > functions.txt
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.planner.allowlist import Group, function_groups

_HEADING: Final = """\
# Made by proxy.planner.allowlist.generate from functions.toml and the servers' catalogs: do not edit by hand.
# Functions of pg_catalog that any role may call, one a line.
"""
# Columns of pg_proc in its order (manual, 53.39), and the types that only the server itself has a use for: fdw, index,
# language, table and tsm handlers, internal, cstring, trigger, event_trigger.
_NAME, _VOLATILITY, _RESULT, _ARGUMENTS = 1, 14, 18, 19
_PLUMBING_TYPES: Final = frozenset({"3115", "325", "2280", "269", "3310", "2281", "2275", "2279", "3838"})


@dataclass(frozen=True, slots=True)
class Overload:
    """One function of pg_catalog. ``volatility`` is ``pg_proc.provolatile``: i, s or v."""

    name: str
    volatility: str
    plumbing: bool


def read_catalog(lines: Iterable[str]) -> Iterator[Overload]:
    """The functions that a ``postgres.bki`` file creates; raises ValueError where it is not laid out as expected."""
    inside = False
    for line in lines:
        if line.startswith("create "):
            inside = line.startswith("create pg_proc ")
        elif inside and line.startswith("insert ( "):
            values = shlex.split(line[len("insert ( ") :])
            if values[_VOLATILITY] not in ("i", "s", "v"):
                raise ValueError(f"not a row of pg_proc as this program knows it: {line!r}")
            types = {values[_RESULT], *values[_ARGUMENTS].split()}
            yield Overload(values[_NAME], values[_VOLATILITY], not types.isdisjoint(_PLUMBING_TYPES))


def allowed_names(overloads: Iterable[Overload], groups: tuple[Group, ...]) -> tuple[set[str], list[str]]:
    """The names to allow, and one line for each name that the groups leave undecided or decide twice.

    A name is allowed where a group allows it, or where none speaks of it and all its overloads are immutable and no
    plumbing.
    """
    by_name: dict[str, list[Overload]] = {}
    for overload in overloads:
        by_name.setdefault(overload.name, []).append(overload)
    allowed, problems = set(), []
    for name, variants in sorted(by_name.items()):
        covering = [group for group in groups if group.verdict != "information_schema" and group.covers(name)]
        if len(covering) > 1:
            problems.append(f"{name}: in more than one group ({', '.join(group.topic for group in covering)})")
        elif covering:
            if covering[0].verdict == "allow":
                allowed.add(name)
        elif any(variant.plumbing for variant in variants):
            continue
        elif all(variant.volatility == "i" for variant in variants):
            allowed.add(name)
        else:
            problems.append(f"{name}: not immutable, and in no group")
    claimed = {n for group in groups if group.verdict in ("allow", "judged") for n in group.names}
    problems += [f"{name}: no server has it" for name in sorted(claimed - by_name.keys())]
    return allowed, problems


def render(names: Iterable[str]) -> str:
    """The contents of functions.txt."""
    return _HEADING + "".join(f"{name}\n" for name in sorted(names))


def main(arguments: list[str]) -> int:
    """Print the list made from the files named on the command line; 1 and messages where a name is undecided."""
    overloads: list[Overload] = []
    for argument in arguments:
        overloads += read_catalog(Path(argument).read_text(encoding="utf-8").splitlines())
    allowed, problems = allowed_names(overloads, function_groups())
    if problems:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return 1
    sys.stdout.write(render(allowed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
