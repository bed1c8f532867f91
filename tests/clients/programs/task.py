"""What a client program is told on standard input, and how it says what it was shown.

Owns: the form of both. Must not know: any client, what is expected.
Invariant: one JSON object comes in, one goes out, and a feature that fails says so without ending the others.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """``ca``: the file of the authority that signed the proxy's certificate, None for a connection without TLS.

    ``texts``: the statements, as ``scenario.TEXTS``.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    ca: str | None
    texts: Mapping[str, str]

    def text(self, name: str, *marks: str) -> str:
        """A statement, with the client's own marks of parameters."""
        return self.texts[name].format(*marks)

    def libpq(self) -> dict[str, str]:
        """The login in libpq's words."""
        tls = {"sslmode": "disable"} if self.ca is None else {"sslmode": "verify-full", "sslrootcert": self.ca}
        return {
            "host": self.host,
            "port": str(self.port),
            "user": self.user,
            "password": self.password,
            "dbname": self.database,
            **tls,
        }


def texts(rows: Iterable[Iterable[Any]]) -> list[list[str | None]]:
    """Rows with each value as text."""
    return [[None if value is None else str(value) for value in row] for row in rows]


def copied(text: str) -> list[list[str | None]]:
    """The rows of COPY's text format, where no value needs an escape."""
    return [[None if cell == "\\N" else cell for cell in line.split("\t")] for line in text.splitlines()]


def perform(features: Mapping[str, Callable[[Task], object]]) -> None:
    """Do each feature (named as in ``scenario.Feature``) and print ``{name: {"shown": …} or {"error": …}}``."""
    task = Task(**json.load(sys.stdin))
    outcome: dict[str, dict[str, object]] = {}
    for name, feature in features.items():
        try:
            outcome[name] = {"shown": feature(task)}
        except Exception:  # noqa: BLE001 - it fails this feature's test
            outcome[name] = {"error": traceback.format_exc()}
    json.dump(outcome, sys.stdout)
