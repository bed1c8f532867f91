"""``pgveil handles``: the short passwords that stand for tokens.

Owns: what the commands take and say. Must not know: how handles are kept. Invariant: no handle is printed (only its
public id, of which none can be made), and each one that a command ends is in the journal.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from proxy.audit import records
from proxy.audit.journal import Journal
from proxy.audit.records import HandleEvent
from proxy.errors import SettingsFileError
from proxy.identity.handle_store import HandleStore, HandlesUnavailableError
from proxy.settings import Settings, load_settings

Config = Annotated[Path, typer.Option("--config", "-c", help="Settings file: whose handles.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the subcommand group."""
    group = typer.Typer(no_args_is_help=True, help="List and revoke handles: short passwords that stand for tokens.")
    group.command("list")(list_handles)
    group.command("revoke")(revoke)
    app.add_typer(group, name="handles")


def list_handles(config: Config) -> None:
    """Print the live handles: their ids, whose they are, and until when."""
    store = _store(load_settings(config))
    table = Table(show_edge=False)
    for heading in ("id", "principal", "issuer", "roles", "made", "expires"):
        table.add_column(heading, no_wrap=heading == "id", overflow="fold")
    try:
        for handle in store.live(time.time()):
            who = handle.identity
            times = (records.timestamp(handle.issued_at), records.timestamp(who.expires_at))
            table.add_row(handle.handle_id, who.name, who.issuer, ", ".join(who.roles), *times)
    except HandlesUnavailableError as problem:
        raise _busy(problem) from None
    finally:
        store.close()
    Console(highlight=False, soft_wrap=True, markup=False).print(table)


def revoke(
    config: Config,
    ids: Annotated[
        list[str] | None, typer.Argument(help="Handles to end.", metavar="[ID]...", show_default=False)
    ] = None,
    principal: Annotated[
        str | None, typer.Option(help="End all handles of this principal.", show_default=False)
    ] = None,
) -> None:
    """End handles at once: no login with them is accepted any more. Sessions that are open go on until they expire.

    Exit code 1: an id that there is none of, or a principal without handles.
    """
    settings = load_settings(config)
    if bool(ids) is (principal is not None):
        raise typer.BadParameter("give ids, or --principal", param_hint="ID")
    store, journal = _store(settings), Journal(settings.audit.journal)
    missing = 0
    try:
        now = time.time()
        named = [h.handle_id for h in store.live(now) if h.identity.name == principal]
        for handle_id in ids or named:
            ended = store.revoke(handle_id, now)
            if ended is None:
                typer.echo(f"there is no handle {handle_id}", err=True)
                missing += 1
                continue
            who = ended.identity
            journal.append(
                records.handle(
                    now, HandleEvent.REVOKED, handle=ended.handle_id, principal=who.name, issuer=who.issuer,
                    expires_at=who.expires_at,
                )
            )  # fmt: skip
            typer.echo(f"revoked {ended.handle_id} of {who.name}")
        if not ids and not named:
            typer.echo(f"{principal} has no handles", err=True)
            missing += 1
    except HandlesUnavailableError as problem:
        raise _busy(problem) from None
    finally:
        store.close()
        journal.close()
    if missing:
        raise typer.Exit(1)


def _store(settings: Settings) -> HandleStore:
    if settings.handles is None:
        raise SettingsFileError("handles: the settings name no store", hint="Add: handles: {store: handles.sqlite}")
    return HandleStore(settings.handles.store)


def _busy(problem: HandlesUnavailableError) -> SettingsFileError:
    return SettingsFileError(f"handles.store cannot be read or written now ({problem})")
