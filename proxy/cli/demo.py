"""``pgveil demo``: see it work, with nothing to set up.

Owns: the command's options, and starting and ending the throw-away database around it. Must not know: what is shown.
Invariant: whatever ends the command ends the database too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer

from proxy.demo.clinic import DATABASE
from proxy.demo.people import MOST_PATIENTS
from proxy.demo.postgres import EmbeddedPostgres
from proxy.demo.run import DemoOptions, run_demo, terminal

Once = Annotated[bool, typer.Option("--once", help="Print the comparison and end.")]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="Port of the proxy [default: 6432, or a free one]", show_default=False
    ),
]
Patients = Annotated[int, typer.Option("--patients", min=50, max=MOST_PATIENTS, help="How many patients to make up.")]
Folder = Annotated[
    Path | None,
    typer.Option("--dir", file_okay=False, help="Keep settings, tokens' issuer, journal and log in this folder."),
]
Policy = Annotated[
    Path | None, typer.Option("--policy", exists=True, help="Another policy for the clinic [default: policies/clinic]")
]
Version = Annotated[int, typer.Option("--postgres-version", help="16 or 18.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("demo")(demo)


def demo(
    once: Once = False,
    port: Port = None,
    patients: Patients = 5000,
    directory: Folder = None,
    policy: Policy = None,
    postgres_version: Version = 16,
) -> None:
    """Start a made-up clinic with the proxy in front of it, and show what three roles see."""
    if postgres_version not in (16, 18):
        raise typer.BadParameter("must be 16 or 18", param_hint="--postgres-version")
    console = terminal()
    postgres = EmbeddedPostgres(version=postgres_version)
    with console.status(f"Starting a PostgreSQL for the database {DATABASE}"):
        postgres.start()
    try:
        options = DemoOptions(once=once, port=port, patients=patients, folder=directory, policy=policy)
        complete = _run(run_demo(options, postgres, console))
    except asyncio.CancelledError:
        raise typer.Exit(130) from None
    finally:
        postgres.stop()
    raise typer.Exit(0 if complete else 1)


def _run(main: Coroutine[object, object, bool]) -> bool:
    """Run on uvloop where it is installed, as ``pgveil serve`` does."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
