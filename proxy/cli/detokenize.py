"""``pgveil detokenize``: asks a running proxy to turn tokens back.

Owns: the command, reading and writing CSV, and the progress bar. Must not know: keys, the policy; the proxy decides.
Invariant: a file of values is readable by its owner only, and appears whole or not at all.
"""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress

from proxy.detokenizing import MOST_TOKENS, TokenKind
from proxy.errors import ProxyError
from proxy.tokens.secret_files import create_secret_file

_TIMEOUT_SECONDS: Final = 60
_TOO_MANY: Final = 429
_FINE: Final = 200


def register(app: typer.Typer) -> None:
    """Add the command to the main application."""
    app.command("detokenize")(detokenize)


def detokenize(
    domain: Annotated[str, typer.Option(help="The domain of the tokens.", show_default=False)],
    role: Annotated[str, typer.Option("--role", "-r", help="The role to act as.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; it is written to the journal.", show_default=False)],
    tokens: Annotated[
        list[str] | None, typer.Argument(help="Tokens.", metavar="[TOKEN]...", show_default=False)
    ] = None,
    kind: Annotated[TokenKind, typer.Option("--format", help="What the tokens are.")] = TokenKind.TEXT,
    source: Annotated[
        Path | None, typer.Option("--csv", help="A CSV file with a heading, instead of tokens.", show_default=False)
    ] = None,
    column: Annotated[str | None, typer.Option(help="Its column of tokens.", show_default=False)] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The new file, with values in that column.", show_default=False),
    ] = None,
    server: Annotated[str, typer.Option(help="The proxy's admin address.")] = "http://127.0.0.1:9464",
) -> None:
    """Turn tokens back into values, where the policy lets the role (detokenize: [DOMAIN]). Each time is recorded.

    The environment variable PGVEIL_TOKEN holds your token (JWT). Exit code 1: something was no token of the domain.
    """
    jwt = os.environ.get("PGVEIL_TOKEN")
    if not jwt:
        raise typer.BadParameter("should hold your token (JWT)", param_hint="PGVEIL_TOKEN")
    if bool(tokens) is (source is not None):
        raise typer.BadParameter("give tokens, or --csv", param_hint="TOKEN")
    if (source is None) is not (column is None) or (source is None) is not (output is None):
        raise typer.BadParameter("goes with --column and --output", param_hint="--csv")
    proxy = _Proxy(server, jwt, {"role": role, "domain": domain, "format": kind.value, "reason": reason})
    if source is not None and column is not None and output is not None:
        missing = _convert(proxy, source, column, output)
    else:
        missing = 0
        for value in proxy.values(tokens or []):
            typer.echo("" if value is None else value)
            missing += value is None
    if missing:
        Console(stderr=True, highlight=False).print(f"no token of the domain: {missing}", markup=False)
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Proxy:
    """The admin port of a proxy."""

    server: str
    jwt: str
    question: dict[str, str]

    def __repr__(self) -> str:
        return f"_Proxy({self.server!r})"

    def values(self, tokens: list[str]) -> Iterator[str | None]:
        """The value of each token, asked for in parts; waits where the proxy says that it is too much at once."""
        for start in range(0, len(tokens), MOST_TOKENS):
            yield from self._part(tokens[start : start + MOST_TOKENS])

    def _part(self, tokens: list[str]) -> list[str | None]:
        while True:
            status, wait, content = self._ask(tokens)
            if status == _FINE and isinstance(content.get("values"), list) and len(content["values"]) == len(tokens):
                return [None if value is None else str(value) for value in content["values"]]
            if status != _TOO_MANY:
                raise ProxyError(
                    str(content.get("error", f"the proxy answered {status}")),
                    detail=content.get("detail"),
                    hint=content.get("hint"),
                )
            time.sleep(wait)

    def _ask(self, tokens: list[str]) -> tuple[int, int, dict[str, Any]]:
        where = urlsplit(self.server)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        connection = kind(where.hostname or "", where.port, timeout=_TIMEOUT_SECONDS)
        body = json.dumps(self.question | {"tokens": tokens})
        try:
            connection.request("POST", "/detokenize", body, {"Authorization": f"Bearer {self.jwt}"})
            answer = connection.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ProxyError(
                f"{self.server} does not answer as a proxy that turns tokens back ({type(error).__name__})",
                hint="See --server, and whether the proxy's settings have a keyring.",
            ) from None
        finally:
            connection.close()
        return answer.status, int(answer.headers.get("Retry-After") or 1), content if isinstance(content, dict) else {}


def _convert(proxy: _Proxy, source: Path, column: str, output: Path) -> int:
    """Write the file anew with values in place of tokens; returns how many were none, which stay as they are."""
    try:
        with source.open(encoding="utf-8", newline="") as file:
            heading, *rows = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ProxyError(f"{source}: cannot be read as CSV ({type(error).__name__})") from None
    if heading.count(column) != 1 or any(len(row) != len(heading) for row in rows):
        raise ProxyError(f"{source}: there is no column {column}, or not every row has one")
    place = heading.index(column)
    given = [row for row in rows if row[place]]
    missing = 0
    with Progress(console=Console(stderr=True)) as progress:
        shown = progress.add_task("turning back", total=len(given))
        for row, value in zip(given, proxy.values([row[place] for row in given]), strict=True):
            missing += value is None
            row[place] = row[place] if value is None else value
            progress.advance(shown)
    written = io.StringIO(newline="")
    csv.writer(written).writerows([heading, *rows])
    create_secret_file(output, written.getvalue().encode())
    return missing
