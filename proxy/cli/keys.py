"""``pgveil keys``: the keyring of tokens and shifts.

Owns: what the commands take and say. Must not know: how keys are kept. Invariant: no key is printed; a command that
ends with an error has changed nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from proxy.app import keyring_file
from proxy.errors import SettingsFileError
from proxy.policy.domains import used_domains
from proxy.policy.load import load_policy
from proxy.settings import Settings, load_settings
from proxy.tokens.keyring_file import KeyringFile

Config = Annotated[
    Path, typer.Option("--config", "-c", help="Settings file: whose keyring and policy.", show_default=False)
]
_RELOAD = "A running proxy takes this over at SIGHUP, without a restart."


def register(app: typer.Typer) -> None:
    """Add the subcommand group."""
    group = typer.Typer(no_args_is_help=True, help="Make, rotate, list and retire the keys of tokens and shifts.")
    group.command("init")(init)
    group.command("rotate")(rotate)
    group.command("list")(list_keys)
    group.command("retire")(retire)
    app.add_typer(group, name="keys")


def init(config: Config) -> None:
    """Make what is missing: keyring, master key, and a key for each domain of the policy. Changes nothing else."""
    settings = load_settings(config)
    keyring = _keyring(settings)
    policy = load_policy(settings.policy)
    done = keyring.init(policy.domains, _today())
    for line in done:
        typer.echo(line)
    if not done:
        typer.echo(f"{keyring.path}: nothing is missing")
    elif any("master key" in line for line in done):
        typer.echo("Keep a copy of the keyring and of its master key, apart: tokens cannot be read without both.")


def rotate(
    config: Config,
    domains: Annotated[
        list[str] | None, typer.Argument(help="Domains to rotate.", metavar="[DOMAIN]...", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Rotate all domains of the keyring.")] = False,
) -> None:
    """Give domains a new key: new tokens carry its epoch, and tokens of older live epochs are still understood.

    Tokens of format digits and uuid have no room for an epoch: they are all other ones after a rotation. Orders and
    date shifts stay.
    """
    keyring = _keyring(load_settings(config))
    if bool(domains) is every:
        raise typer.BadParameter("name domains, or give --all", param_hint="DOMAIN")
    chosen = list(dict.fromkeys(domains or sorted(keyring.read().domains)))
    for name, epoch in keyring.rotate(chosen, _today()).items():
        typer.echo(f"{name}: new tokens are of epoch {epoch}")
    typer.echo("Tokens of format digits and uuid of these domains change with the key; those made before mean nothing.")
    typer.echo(_RELOAD)


def list_keys(config: Config) -> None:
    """Print the epochs of every domain. Exit code 1: the keyring lacks a domain that the policy uses."""
    settings = load_settings(config)
    domains = _keyring(settings).read().domains
    table = Table(show_edge=False)
    for heading in ("domain", "epoch", "state", "made on"):
        table.add_column(heading)
    for name, keys in sorted(domains.items()):
        for key in keys.epochs:
            state = "newest" if key is keys.newest else "live" if key.live else "retired"
            table.add_row(name, str(key.epoch), state, key.created.isoformat())
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    missing = sorted(used_domains(load_policy(settings.policy)) - domains.keys())
    for name in missing:
        console.print(f"the keyring has no key for the domain {name} of the policy (pgveil keys init)", markup=False)
    if missing:
        raise typer.Exit(1)


def retire(
    config: Config,
    domain: Annotated[str, typer.Argument(help="The domain.", show_default=False)],
    epoch: Annotated[int, typer.Argument(help="One of its older epochs.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop understanding the tokens of an older epoch of a domain. Exit code 1: you said no."""
    keyring = _keyring(load_settings(config))
    question = f"Tokens of {domain} of epoch {epoch} will match nothing, and cannot be turned back. Go on?"
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)
    keyring.retire(domain, epoch)
    typer.echo(f"{domain}: epoch {epoch} is retired")
    typer.echo(_RELOAD)


def _keyring(settings: Settings) -> KeyringFile:
    if settings.keyring is None:
        raise SettingsFileError(
            "keyring: the settings name none",
            hint="Add, for instance: keyring: {file: keyring.yaml, master_key: 'file:master.key'}",
        )
    return keyring_file(settings.keyring)


def _today() -> date:
    return datetime.now(UTC).date()
