"""The demo from end to end: a clinic, the proxy in front of it, and what three roles see.

Owns: the order of things, and what is told on the terminal. Must not know: how the proxy works inside.
Invariant: the proxy that is shown is the one that ``pgveil serve`` runs, with the settings file that is printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from proxy.app import Application, keyring_file
from proxy.demo.clinic import DATABASE, LOGIN, Server, load_clinic
from proxy.demo.comparison import ROLES, SCENES, WIDTH, compare, show
from proxy.demo.folder import (
    ADMIN_PORT,
    HOST,
    LISTEN_PORT,
    DemoFolder,
    Ports,
    Upstream,
    choose_port,
    find_policy,
)
from proxy.demo.postgres import EmbeddedPostgres
from proxy.policy.load import load_policy
from proxy.settings import Settings, load_settings

QUIET_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says. ``folder`` None is a temporary one; ``port`` None is 6432 or a free one."""

    once: bool = False
    port: int | None = None
    patients: int = 5000
    folder: Path | None = None
    policy: Path | None = None


def terminal() -> Console:
    """A console at most 120 columns wide, and just that wide where the output is no terminal."""
    console = Console(highlight=False)
    width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return Console(highlight=False, width=width)


@contextlib.contextmanager
def demo_folder(given: Path | None) -> Iterator[DemoFolder]:
    """The folder asked for, which stays, or a temporary one, which does not."""
    if given is not None:
        yield DemoFolder(given.absolute())
        return
    with tempfile.TemporaryDirectory(prefix="pgveil-demo-") as temporary:
        yield DemoFolder(Path(temporary))


async def run_demo(options: DemoOptions, postgres: EmbeddedPostgres, console: Console) -> bool:
    """Load, serve, compare, and stay until SIGINT or SIGTERM unless ``once``. True where every role got its answers.

    ``postgres`` has been started. Raises ProxyError where something cannot be set up, and CancelledError where a signal
    came before there was anything to see.
    """
    work = asyncio.current_task()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, work.cancel if work is not None else loop.stop)
    try:
        with demo_folder(options.folder) as folder:
            return await _serve(options, folder, postgres, console)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _serve(options: DemoOptions, folder: DemoFolder, postgres: EmbeddedPostgres, console: Console) -> bool:
    policy = find_policy(options.policy)
    issuer = folder.prepare()
    password = secrets.token_urlsafe(18)
    await _load(options.patients, postgres, password, console)
    ports = Ports(choose_port(options.port, LISTEN_PORT), choose_port(None, ADMIN_PORT))
    folder.write_settings(ports, Upstream(postgres.host, postgres.port, LOGIN, password, DATABASE), issuer, policy)
    with _log_to(folder.log):
        settings = load_settings(folder.settings)
        _make_keys(settings)
        application = Application(settings)
        host, port = await application.start()
        try:
            tokens = {role: issuer.mint(subject=f"demo-{role}", roles=(role,)) for role in ROLES}
            complete = await _compare(tokens, host, port, console)
            if not options.once:
                _tell(console, folder, tokens, Ports(port, application.admin_port))
                await _until_signal()
                console.print("stopping")
            return complete
        finally:
            await application.stop()


def _make_keys(settings: Settings) -> None:
    """What ``pgveil keys init`` does."""
    if settings.keyring is not None:
        keyring_file(settings.keyring).init(load_policy(settings.policy).domains, datetime.now(UTC).date())


async def _until_signal() -> None:
    """Wait; the signal that ends the wait is the wish to stop orderly, and nothing else is cancelled by it."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()


async def _load(patients: int, postgres: EmbeddedPostgres, password: str, console: Console) -> None:
    admin = Server(host=postgres.host, port=postgres.port, user=postgres.user, password=postgres.password)
    with _Bar(console, "Loading the clinic") as bar:
        await load_clinic(admin, login_password=password, patients=patients, progress=bar.advance)


class _Bar:
    """A progress bar that appears when something takes longer than two seconds, and leaves no trace."""

    def __init__(self, console: Console, what: str) -> None:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("patients"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task: TaskID | None = None
        self._begun = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._progress.stop()

    def advance(self, done: int, total: int) -> None:
        """Show how far it is."""
        if self._task is None:
            if time.monotonic() - self._begun < QUIET_SECONDS:
                return
            self._task = self._progress.add_task("", total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done)


async def _compare(tokens: Mapping[str, str], host: str, port: int, console: Console) -> bool:
    clients = {
        role: Server(host=host, port=port, user=role, password=token, ssl=False) for role, token in tokens.items()
    }
    complete = True
    token = ""
    for scene in SCENES:
        comparison = await compare({role: clients[role] for role in scene.roles}, scene.text(token))
        complete = complete and comparison.complete
        show(console, comparison)
        token = comparison.first_of(scene.roles[-1]) or token
    return complete


def _tell(console: Console, folder: DemoFolder, tokens: Mapping[str, str], ports: Ports) -> None:
    """What to paste where. Never wrapped: a line break inside a token would spoil it."""

    def line(text: str = "", style: str | None = None) -> None:
        console.print(text, style=style, markup=False, soft_wrap=True)

    where = f"{HOST}:{ports.listen}"
    line(f"pgveil listens on {where}; the password is a token that is good for eight hours.")
    for role, token in tokens.items():
        line()
        line(role, "bold")
        line(f"  psql        PGPASSWORD='{token}' psql -h {HOST} -p {ports.listen} -U {role} {DATABASE}")
        line(f"  JDBC        jdbc:postgresql://{where}/{DATABASE}?user={role}&password={token}")
        line(f"  SQLAlchemy  postgresql+psycopg://{role}:{token}@{where}/{DATABASE}")
    line()
    line(f"metrics   http://{HOST}:{ports.admin}/metrics")
    line(f"journal   {folder.journal}")
    line(f'settings  {folder.settings}  (pgveil policy explain --config {folder.settings} --role analyst "SELECT …")')
    line(f"log       {folder.log}")
    line()
    line("Ctrl-C ends it.")


@contextlib.contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Send the proxy's log to a file, so that the comparison stays readable."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()
