"""What any role may call and read in the system schemas: allow-lists, kept as data files beside this module.

Owns: loading functions.txt, functions.toml and relations.toml. Must not know: statements, policy, sockets; no database
is asked at run time. Invariant: what no list names is not allowed.

``functions.toml`` and ``relations.toml`` are written by hand and say why. ``functions.txt`` is made from them and from
the catalogs of PostgreSQL 16 and 18 by ``python -m proxy.planner.allowlist.generate``. The lists hold names, so a name
is on them only if each of its overloads in pg_catalog may be called; a function of the same name in another schema is
another function, and it is the caller's duty to tell them apart.

Casts from text need no list: the input functions of pg_catalog's types look names up in the catalog at most (regclass
and its kin), and none of them runs SQL or opens a file. Types of other schemas are not covered by this.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any, Final

SYSTEM_SCHEMAS: Final = frozenset({"pg_catalog", "information_schema"})


@dataclass(frozen=True, slots=True)
class Group:
    """Names that were reviewed together. ``verdict`` is allow, judged, deny or information_schema (functions only);
    ``names`` may be patterns (fnmatch) where the verdict is deny.
    """

    verdict: str
    schema: str
    topic: str
    reason: str
    names: tuple[str, ...]

    def covers(self, name: str) -> bool:
        """Whether the group names this function or relation."""
        return any(fnmatchcase(name, pattern) for pattern in self.names)


@cache
def functions() -> frozenset[str]:
    """Names of the functions, aggregates and window functions of the system schemas that any role may call.

    Those of ``judged_functions()`` are among them: the caller must look at their first argument besides.
    """
    lines = _read("functions.txt").splitlines()
    plain = frozenset(line for line in lines if line and not line.startswith("#"))
    return plain | judged_functions() | information_schema_functions()


@cache
def judged_functions() -> frozenset[str]:
    """Names of pg_catalog's functions that are allowed or not by the value of their first argument, the name of a
    setting (``proxy.planner.allowed_settings``).
    """
    return frozenset(name for group in function_groups() if group.verdict == "judged" for name in group.names)


@cache
def information_schema_functions() -> frozenset[str]:
    """Names of information_schema's functions, all of which any role may call; pg_catalog has none of these names."""
    return frozenset(n for group in function_groups() if group.verdict == "information_schema" for n in group.names)


def is_system_relation_allowed(schema: str, name: str) -> bool:
    """Whether any role may read this relation of pg_catalog or information_schema (names as the catalog has them).

    False for every other schema, pg_toast included.
    """
    return (schema, name) in _relations()


def is_information_schema_relation(name: str) -> bool:
    """Whether information_schema has a relation of that name, readable or not."""
    return any(group.schema == "information_schema" and group.covers(name) for group in relation_groups())


@cache
def function_groups() -> tuple[Group, ...]:
    """The reviewed groups of functions.toml, in the order of the file."""
    return tuple(_groups("functions.toml"))


@cache
def relation_groups() -> tuple[Group, ...]:
    """The reviewed groups of relations.toml, in the order of the file."""
    return tuple(_groups("relations.toml"))


@cache
def _relations() -> frozenset[tuple[str, str]]:
    return frozenset((group.schema, n) for group in relation_groups() if group.verdict == "allow" for n in group.names)


def _groups(file: str) -> Iterator[Group]:
    tables: dict[str, list[dict[str, Any]]] = tomllib.loads(_read(file))
    for verdict, entries in tables.items():
        for entry in entries:
            schema = entry.get("schema", "pg_catalog")
            yield Group(verdict, schema, entry["topic"], entry["reason"], tuple(entry["names"].split()))


def _read(file: str) -> str:
    return resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
