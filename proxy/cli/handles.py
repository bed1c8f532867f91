"""``pgveil handles``: the short passwords that stand for tokens.

Owns: what the commands take and say. Must not know: how handles are kept. Invariant: no handle is printed (only its
public id, of which none can be made), and each one that a command ends is in the journal.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from proxy.audit import records
from proxy.audit.journal import Journal
from proxy.audit.records import HandleEvent
from proxy.errors import SettingsFileError
from proxy.handle_places import handle_database, handle_store
from proxy.identity.handle_database import SCHEMA, make_schema, statements
from proxy.identity.handle_store import HandleStore, HandlesUnavailableError
from proxy.settings import HandleSettings, Settings, load_settings

_T = TypeVar("_T")

Config = Annotated[Path, typer.Option("--config", "-c", help="Settings file: whose handles.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the subcommand group."""
    group = typer.Typer(no_args_is_help=True, help="Handles: short passwords that stand for tokens.")
    group.command("init")(init)
    group.command("list")(list_handles)
    group.command("revoke")(revoke)
    app.add_typer(group, name="handles")


def init(
    config: Config,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL for an administrator to run, and make nothing.")
    ] = False,
) -> None:
    """Make the schema in handles.database, or bring it to this version. What is there already stays."""
    settings = _settings(load_settings(config))
    address = handle_database(settings)
    if sql:
        typer.echo(statements(address.user), nl=False)
    elif asyncio.run(make_schema(address)):
        typer.echo(f"made the schema {SCHEMA} in {address.database}")
    else:
        typer.echo(f"the schema {SCHEMA} in {address.database} is as it should be")


def list_handles(config: Config) -> None:
    """Print the live handles: their ids, whose they are, and until when."""
    table = Table(show_edge=False)
    for heading in ("id", "principal", "issuer", "roles", "made", "expires"):
        table.add_column(heading, no_wrap=heading == "id", overflow="fold")
    for handle in _with_store(load_settings(config), lambda store: store.live(time.time())):
        who = handle.identity
        times = (records.timestamp(handle.issued_at), records.timestamp(who.expires_at))
        table.add_row(handle.handle_id, who.name, who.issuer, ", ".join(who.roles), *times)
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
    journal = Journal(settings.audit.journal)
    try:
        complete = _with_store(settings, lambda store: _revoke(store, journal, ids or (), principal))
    finally:
        journal.close()
    if not complete:
        raise typer.Exit(1)


async def _revoke(store: HandleStore, journal: Journal, ids: Sequence[str], principal: str | None) -> bool:
    now = time.time()
    named = [h.handle_id for h in await store.live(now) if h.identity.name == principal]
    complete = bool(ids or named)
    for handle_id in ids or named:
        ended = await store.revoke(handle_id, now)
        if ended is None:
            typer.echo(f"there is no handle {handle_id}", err=True)
            complete = False
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
    return complete


def _settings(settings: Settings) -> HandleSettings:
    if settings.handles is None:
        raise SettingsFileError("handles: the settings name no store", hint="Add: handles: {store: handles.sqlite}")
    return settings.handles


def _with_store(settings: Settings, work: Callable[[HandleStore], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        store = handle_store(_settings(settings))
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except HandlesUnavailableError as problem:
        raise SettingsFileError(f"handles cannot be read or written now ({problem})") from None
