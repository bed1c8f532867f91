"""``pgveil serve``: run the proxy until it is told to stop.

Owns: signals, logging, and the one line that says that the proxy is ready. Must not know: what is served.
Invariant: SIGTERM and SIGINT drain, SIGHUP reloads, and a reload that fails changes nothing.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer

from proxy.app import Application
from proxy.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("serve")(serve)


def serve(
    config: Annotated[Path, typer.Option("--config", "-c", help="The settings file (YAML).", show_default=False)],
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Serve clients as the settings say; SIGHUP reloads the policy, SIGTERM drains and ends."""
    if log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise typer.BadParameter("must be debug, info, warning or error", param_hint="--log-level")
    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    run(run_until_signal(load_settings(config)))


async def run_until_signal(settings: Settings) -> None:
    """Start, print ``listening on HOST:PORT``, and stop at SIGTERM or SIGINT."""
    application = Application(settings)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    host, port = await application.start()
    loop.add_signal_handler(signal.SIGHUP, application.reload)
    # What start made (modules, policy, catalogs) lives as long as the process: a full collection that walks it would
    # stop every session for tens of milliseconds.
    gc.collect()
    gc.freeze()
    print(f"listening on {host}:{port}", flush=True)
    try:
        await stopping.wait()
    finally:
        await application.stop()


def run(main: Coroutine[object, object, None]) -> None:
    """Run on uvloop where it is installed, on asyncio's own loop elsewhere."""
    factory = importlib.import_module("uvloop").new_event_loop if importlib.util.find_spec("uvloop") else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)
