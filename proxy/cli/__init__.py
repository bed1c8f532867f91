"""The ``pgveil`` command: its subcommands and its exit codes.

Owns: the assembly of subcommands, and how errors end a command. Must not know: what a subcommand does.
Invariant: exit code 0 is fine, 1 means that something was found, 2 means usage or a file that does not load.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console

from proxy.cli import demo, detokenize, handles, keys, policy, serve, token
from proxy.errors import ProxyError

app = typer.Typer(
    name="pgveil",
    help="A PostgreSQL proxy that shows each column as the caller's role may see it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pgveil {version('pgveil')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """A PostgreSQL proxy that shows each column as the caller's role may see it."""


for module in (serve, demo, policy, keys, handles, detokenize, token):
    module.register(app)


def main() -> None:
    """Run the command line; errors of ours are one line each, without a traceback."""
    try:
        app()
    except ProxyError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(error.message, style="red", markup=False)
        for label, text in (("detail", error.detail), ("hint", error.hint)):
            if text:
                console.print(f"{label}: {text}", markup=False)
        sys.exit(2)
