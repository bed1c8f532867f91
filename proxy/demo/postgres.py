"""A throw-away PostgreSQL of our own, for the demo and the tests.

Owns: one cluster from ``initdb`` to its removal. Must not know: what is loaded into it, the proxy.
Invariant: server and folder are gone when ``stop`` returns, and also when this process dies without calling it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from proxy.demo.binaries import (
    Account,
    EmbeddedPostgresError,
    ServerBinaries,
    account_for_server,
    find_binaries,
    reachable_for,
)

PREFIX = "pgveil-pg-"
SUPERUSER = "postgres"
SOCKET_PATH_LIMIT = 103  # bytes of sockaddr_un.sun_path on macOS; Linux has four more
START_SECONDS = 60.0
STOP_SECONDS = 30.0
STALE_AFTER = 600.0
LOCALES = ("C.UTF-8", "en_US.UTF-8")

# Nothing here outlives the process, so nothing is made durable.
THROW_AWAY: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "pgveil-embedded",
}


@dataclass(frozen=True, slots=True)
class ServerTls:
    """PEM files that the server shows to TCP clients."""

    certificate: Path
    key: Path


class EmbeddedPostgres:
    """A cluster in a temporary folder, on a Unix socket there and, if ``tcp_port`` is given, on 127.0.0.1.

    ``version`` is 16 or 18 (the wheel's) and does not matter where ``PGVEIL_TEST_POSTGRES`` names a server.
    ``tcp_port`` 0 takes a free port, None listens on the socket only. Every login is by SCRAM-SHA-256; the superuser
    is ``postgres`` with the random ``password``. Works as a context manager; ``start`` and ``stop`` block for about
    two seconds and a tenth of one.
    """

    def __init__(
        self,
        *,
        version: int = 16,
        tcp_port: int | None = None,
        tls: ServerTls | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._wanted = version
        self._tcp = tcp_port is not None
        self._tls = tls
        self._settings = dict(settings or {})
        self._folder: Path | None = None
        self._binaries: ServerBinaries | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = tcp_port or 0
        self.user = SUPERUSER
        self.password = secrets.token_urlsafe(24)

    def __repr__(self) -> str:
        return f"EmbeddedPostgres({self._folder or 'not started'})"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """The temporary folder; raises EmbeddedPostgresError before ``start``."""
        if self._folder is None:
            raise EmbeddedPostgresError("the embedded PostgreSQL has not been started")
        return self._folder

    @property
    def host(self) -> str:
        """The folder of the Unix socket, as libpq's ``host`` takes it."""
        return str(self.folder)

    @property
    def tcp_host(self) -> str:
        """The address for TCP clients; raises EmbeddedPostgresError when there is only the socket."""
        if not self._tcp:
            raise EmbeddedPostgresError("this PostgreSQL listens on its Unix socket only")
        return "127.0.0.1"

    @property
    def port(self) -> int:
        """The port, which is also part of the socket's name."""
        return self._port

    @property
    def binaries(self) -> ServerBinaries:
        """Where its programs are (``pgbench``, ``psql``, ``pg_dump`` …)."""
        if self._binaries is None:
            raise EmbeddedPostgresError("the embedded PostgreSQL has not been started")
        return self._binaries

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self.folder / "postgres.log"

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the server's log, empty where there is none."""
        try:
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def start(self) -> None:
        """Make the cluster and start it; raises EmbeddedPostgresError with the reason and the log's tail."""
        if self._process is not None:
            raise EmbeddedPostgresError("the embedded PostgreSQL is running already")
        account = account_for_server()
        found = find_binaries(self._wanted)
        remove_stale_folders()
        self._folder = _make_folder(account)
        try:
            self._binaries = reachable_for(found, account, self._folder)
            self._port = self._port or _free_port()
            self._make_cluster(account)
            self._launch(account)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server (fast shutdown) and remove its folder. Calling it again does nothing."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _make_cluster(self, account: Account | None) -> None:
        secret = self.folder / "password"
        secret.touch(0o600)
        secret.write_text(self.password + "\n")
        if account is not None:
            os.chown(secret, account.uid, account.gid)
        try:
            for locale in LOCALES:
                outcome = self._initdb(account, secret, locale)
                if outcome.returncode == 0:
                    break
                if "locale" not in outcome.stderr:
                    raise EmbeddedPostgresError("initdb failed", detail=outcome.stderr.strip())
            else:
                raise EmbeddedPostgresError(f"this machine has none of the locales {', '.join(LOCALES)}")
        finally:
            secret.unlink()
        with (self.folder / "data" / "postgresql.conf").open("a") as conf:
            for name, value in self._all_settings(account).items():
                quoted = value.replace("'", "''")
                conf.write(f"{name} = '{quoted}'\n")

    def _initdb(self, account: Account | None, secret: Path, locale: str) -> subprocess.CompletedProcess[str]:
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        arguments: tuple[str | Path, ...] = ("-D", data, "-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={secret}")
        command: list[str | Path] = [
            self.binaries.program("initdb"),
            *arguments,
            "-E",
            "UTF8",
            f"--locale={locale}",
            "--no-sync",
        ]
        try:
            return subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                cwd=self.folder,
                timeout=START_SECONDS,
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else [],
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedPostgresError(f"initdb could not be run: {error}") from error

    def _all_settings(self, account: Account | None) -> dict[str, str]:
        settings = {
            **THROW_AWAY,
            "port": str(self._port),
            "unix_socket_directories": str(self.folder),
            "listen_addresses": "127.0.0.1" if self._tcp else "",
        }
        if self._tls is not None:
            settings |= {"ssl": "on", **self._own_tls_files(self._tls, account)}
        return settings | self._settings

    def _own_tls_files(self, tls: ServerTls, account: Account | None) -> dict[str, str]:
        """The server wants a key that belongs to it and that nobody else reads (manual, 19.9)."""
        files = {"ssl_cert_file": (tls.certificate, 0o644), "ssl_key_file": (tls.key, 0o600)}
        for name, (source, mode) in files.items():
            target = self.folder / "data" / name
            target.touch(mode)
            target.write_bytes(source.read_bytes())
            if account is not None:
                os.chown(target, account.uid, account.gid)
        return {name: str(self.folder / "data" / name) for name in files}

    def _launch(self, account: Account | None) -> None:
        guardian = Path(__file__).with_name("guardian.py")
        uid, gid = (-1, -1) if account is None else (account.uid, account.gid)
        server = self.binaries.program("postgres")
        command = [sys.executable, "-I", guardian, self.folder, str(uid), str(gid), server, "-D", self.folder / "data"]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for us: we end the server when the proxy has drained
            )

    def _wait_until_ready(self) -> None:
        """The last line of postmaster.pid says ``ready``, which is what pg_ctl waits for."""
        state = self.folder / "data" / "postmaster.pid"
        deadline = time.monotonic() + START_SECONDS
        while self._process is not None:
            with contextlib.suppress(OSError):
                lines = state.read_text().splitlines()
                if len(lines) >= 8 and lines[7].strip() == "ready":
                    return
            if self._process.poll() is not None:
                raise EmbeddedPostgresError("the embedded PostgreSQL ended while starting", detail=self.log_tail())
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError("the embedded PostgreSQL did not become ready", detail=self.log_tail())
            time.sleep(0.02)


def remove_stale_folders() -> None:
    """Remove what earlier runs left behind: old folders of ours whose guardian lives no more."""
    for folder in _base_folder().glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid not in _our_uids() or time.time() - folder.stat().st_mtime < STALE_AFTER:
                continue
            with (folder / "guardian.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def _our_uids() -> set[int]:
    account = account_for_server()
    return {os.geteuid()} if account is None else {os.geteuid(), account.uid}


def _base_folder() -> Path:
    """The folder for temporary files; /tmp where the server cannot reach that or a socket's path would be too long."""
    account = account_for_server()
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp follows
        longest = base / f"{PREFIX}12345678" / ".s.PGSQL.65535.lock"
        fits = len(os.fsencode(longest)) <= SOCKET_PATH_LIMIT
        if fits and base.is_dir() and (account is None or account.may_traverse(base)):
            return base
    raise EmbeddedPostgresError(
        f"PostgreSQL can work neither in {tempfile.gettempdir()} nor in /tmp",
        detail="As root it runs as another user, who cannot reach it." if account else "The path is too long.",
        hint="Point TMPDIR at a short path that everyone can enter, or start this command as an ordinary user.",
    )


def _make_folder(account: Account | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_base_folder()))
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
