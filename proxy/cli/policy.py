"""``pgveil policy check`` and ``pgveil policy explain``.

Owns: how policies and decisions are shown on a terminal. Must not know: how they are made.
Invariant: what is printed are columns, rules and SQL of the caller or the policy; no stored value is read.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from proxy.app import read_catalog
from proxy.catalog.snapshot import Snapshot
from proxy.errors import PolicyFileError, Refusal
from proxy.planner.outputs import Columns
from proxy.planner.plan import Plan
from proxy.planner.planner import Planner
from proxy.policy.bound import BoundPolicy, bind
from proxy.policy.load import load_policy
from proxy.policy.schema import json_schema
from proxy.settings import load_settings

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
    console = Console(highlight=False, soft_wrap=True)
    try:
        policy = load_policy(chosen)
        bound = [bind(policy, snapshot) for snapshot in _snapshots(config, database)]
    except PolicyFileError as error:
        for problem in error.problems:
            console.print(problem, markup=False)
        raise typer.Exit(1) from None
    console.print(f"{chosen}: fine (version {policy.version})", markup=False)
    for each in bound:
        _print_summary(console, each)


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
    bound = bind(load_policy(settings.policy), snapshot)
    bound_role = bound.role(role)
    if bound_role is None:
        raise typer.BadParameter(f"the policy has no role {role}", param_hint="--role")
    console = Console(highlight=False, soft_wrap=True)
    path = tuple(s.strip() for s in search_path.split(",") if s.strip())
    try:
        plan, outputs = Planner(bound, bound_role).explain(sql, path)
    except Refusal as refusal:
        _print_refusal(console, refusal)
        raise typer.Exit(1) from None
    _print_plan(console, plan, outputs)


def schema() -> None:
    """Print the JSON Schema of policy files, for editors."""
    print(json.dumps(json_schema(), indent=2))


def _snapshots(config: Path | None, databases: list[str] | None) -> list[Snapshot]:
    if config is None:
        if databases:
            raise typer.BadParameter("needs --config, which says where the databases are", param_hint="--database")
        return []
    settings = load_settings(config)
    return [asyncio.run(read_catalog(settings, name)) for name in databases or settings.upstream.databases]


def _print_summary(console: Console, bound: BoundPolicy) -> None:
    table = Table(title=f"database {bound.snapshot.database}", title_justify="left")
    for heading in ("role", "relations read", "columns by mask"):
        table.add_column(heading)
    for name in bound.role_names:
        role = bound.role(name)
        if role is None:
            continue
        readable = [a for r in bound.snapshot.relations if (a := role.access(r)).readable and a.known]
        counts: dict[str, int] = {}
        for access in readable:
            for decision in access.columns:
                counts[decision.mask.name] = counts.get(decision.mask.name, 0) + 1
        masks = ", ".join(f"{mask} {count}" for mask, count in sorted(counts.items()))
        table.add_row(name, str(len(readable)), masks)
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
            table.add_column(heading)
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
