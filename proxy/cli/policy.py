"""``pgveil policy check`` and ``pgveil policy explain``.

Owns: how policies and decisions are shown on a terminal. Must not know: how they are made.
Invariant: what is printed are columns, rules and SQL of the caller or the policy; no stored value is read.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from proxy.app import keyring_file, load_tokenizer, read_catalog
from proxy.catalog.snapshot import Snapshot
from proxy.errors import Refusal, SettingsFileError
from proxy.planner.outputs import Columns
from proxy.planner.plan import Plan
from proxy.planner.planner import Planner
from proxy.policy.bound import bind
from proxy.policy.check import Summary
from proxy.policy.check import check as check_policy
from proxy.policy.load import load_policy
from proxy.policy.schema import json_schema
from proxy.settings import Settings, load_settings

_WIDTH: Final = 160

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file: whose upstream and policy are used.")
]
Database = Annotated[
    list[str] | None, typer.Option("--database", "-d", help="Database whose catalog is read (repeatable).")
]


def register(app: typer.Typer) -> None:
    """Add the subcommand group."""
    group = typer.Typer(no_args_is_help=True, help="Check policies and explain their decisions.")
    group.command("check")(check)
    group.command("explain")(explain)
    group.command("schema")(schema)
    app.add_typer(group, name="policy")


def check(
    path: Annotated[Path | None, typer.Argument(help="Policy file or folder; the settings' own if left out.")] = None,
    config: Config = None,
    database: Database = None,
) -> None:
    """Load a policy; with --config, check it against the catalogs of the databases too.

    Exit code 0: fine. 1: problems, one a line as FILE:LINE: MESSAGE. 2: usage, or settings that do not load.
    """
    if path is None and config is None:
        raise typer.BadParameter("give a policy file or folder, or --config", param_hint="PATH")
    settings = load_settings(config) if config is not None else None
    chosen = path or (settings.policy if settings is not None else Path())
    console = _console()
    results = [check_policy(chosen, snapshot) for snapshot in _snapshots(settings, database) or [None]]
    problems = sorted({problem for result in results for problem in result.problems})
    if not problems and settings is not None:
        problems = _key_problems(settings, chosen)
    for problem in problems:
        console.print(problem, markup=False)
    for result in results:
        if result.summary is not None:
            _print_summary(console, result.summary)
    uncovered = [
        r.summary.database
        for r in results
        if r.summary is not None and r.summary.database is not None and not r.summary.covered
    ]
    for name in uncovered:
        console.print(f"database {name} has none of the policy's tables", markup=False)
    for warning in sorted({warning for result in results for warning in result.warnings}):
        console.print(f"warning: {warning}", markup=False)
    if problems or uncovered:
        raise typer.Exit(1)
    console.print(f"{chosen}: fine", markup=False)


def _key_problems(settings: Settings, policy: Path) -> list[str]:
    """What the keyring of the settings lacks for a policy that loads."""
    try:
        load_tokenizer(keyring_file(settings.keyring) if settings.keyring is not None else None, load_policy(policy))
    except SettingsFileError as error:
        return [error.message]
    return []


def explain(
    sql: Annotated[str, typer.Argument(help="One statement.")],
    role: Annotated[str, typer.Option("--role", "-r", help="The role to act as.", show_default=False)],
    config: Annotated[Path, typer.Option("--config", "-c", help="Settings file.", show_default=False)],
    database: Annotated[str | None, typer.Option("--database", "-d", help="Database to explain for.")] = None,
    search_path: Annotated[str, typer.Option(help="Comma-separated schemas for unqualified names.")] = "public",
) -> None:
    """Print what happens to each output column of a statement, why, and the SQL that would go upstream.

    Nothing is run: only the catalog is read. Exit code 1: the statement would be refused.
    """
    settings = load_settings(config)
    chosen = database or (settings.upstream.databases[0] if settings.upstream.databases else None)
    if chosen is None:
        raise typer.BadParameter("name one (the settings list none)", param_hint="--database")
    snapshot = asyncio.run(read_catalog(settings, chosen))
    # The SQL is printed, so it names the secrets that it would hold.
    bound = bind(load_policy(settings.policy), snapshot, shift_secret=lambda domain: f"<shift secret of {domain}>")
    bound_role = bound.role(role)
    if bound_role is None:
        raise typer.BadParameter(f"the policy has no role {role}", param_hint="--role")
    console = _console()
    path = tuple(s.strip() for s in search_path.split(",") if s.strip())
    planner = Planner(bound, bound_role)
    try:
        if (count := len(planner.split(sql))) != 1:
            what = "give one statement, not several" if count else "there is no statement"
            raise typer.BadParameter(what, param_hint="SQL")
        plan, outputs = planner.explain(sql, path)
    except Refusal as refusal:
        _print_refusal(console, refusal)
        raise typer.Exit(1) from None
    _print_plan(console, plan, outputs)


def schema() -> None:
    """Print the JSON Schema of policy files, for editors."""
    print(json.dumps(json_schema(), indent=2))


def _console() -> Console:
    """A terminal as wide as it is, and enough room for whole rules elsewhere."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDTH)


def _snapshots(settings: Settings | None, databases: list[str] | None) -> list[Snapshot | None]:
    if settings is None:
        if databases:
            raise typer.BadParameter("needs --config, which says where the databases are", param_hint="--database")
        return []
    return [asyncio.run(read_catalog(settings, name)) for name in databases or settings.upstream.databases]


def _print_summary(console: Console, summary: Summary) -> None:
    console.print(
        f"version {summary.version}: {summary.kinds} kinds, {summary.tables} tables, "
        f"{summary.columns} columns of a kind, roles {', '.join(summary.role_names)}",
        markup=False,
    )
    if summary.database is None or not summary.covered:
        return
    table = Table(title=f"database {summary.database}", title_justify="left")
    for heading in ("role", "reads", "writes", "columns by mask"):
        table.add_column(heading)
    for role in summary.roles:
        masks = ", ".join(f"{mask} {count}" for mask, count in sorted(role.masks.items()))
        table.add_row(role.name, str(role.reads), str(role.writes), masks)
    console.print(table)


def _print_refusal(console: Console, refusal: Refusal) -> None:
    console.print(f"decision: refused ({refusal.sqlstate}, {refusal.reason})", markup=False)
    for label, text in (("message", refusal.message), ("detail", refusal.detail), ("hint", refusal.hint)):
        if text:
            console.print(f"{label}: {text}", markup=False)


def _print_plan(console: Console, plan: Plan, outputs: Columns | None) -> None:
    console.print(f"decision: {plan.decision.value}", markup=False)
    if plan.relations:
        console.print(f"relations: {', '.join(plan.relations)}", markup=False)
    if outputs:
        table = Table(show_edge=False)
        for heading in ("#", "output", "column", "kind", "mask", "rule"):
            table.add_column(heading, overflow="fold")
        for number, output in enumerate(outputs, 1):
            sources = [output.shows] if output.shows else sorted(output.uses, key=lambda p: p.decision.column.name)
            if not sources:
                table.add_row(str(number), output.name, "", "", "clear", "")
            for protected in sources:
                decision = protected.decision
                shown = "" if output.shows else "computed from "
                table.add_row(
                    str(number),
                    output.name,
                    f"{shown}{protected.relation}.{decision.column.name}",
                    decision.kind,
                    str(decision.mask),
                    decision.rule,
                )
        console.print(table)
    elif plan.columns:
        for column in plan.columns:
            console.print(f"{column.relation}.{column.column}: {column.mask} ({column.rule})", markup=False)
    console.print("SQL sent upstream:", markup=False)
    console.print(plan.text, markup=False)
