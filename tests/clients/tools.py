"""The clients that pip does not install: where they are, and installing them without root.

Owns: their releases, the folder that holds them (``clients`` in the virtual environment, or the one that
``PGVEIL_TEST_CLIENTS`` names), and the environment that each is run with. Must not know: what the clients do.
Invariant: what is missing is an error that names the command which installs it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = Path(os.environ.get("PGVEIL_TEST_CLIENTS") or Path(sys.prefix) / "clients")

_PGX: Final = Path(__file__).parent / "programs" / "pgx"
_NODE: Final = ("pg@8.23.1", "pg-cursor@2.22.0", "pg-copy-streams@7.0.0", "postgres@3.4.9")
_PGJDBC: Final = "org.postgresql:postgresql:42.7.7"
_DBT: Final = ("dbt-core==1.10.23", "dbt-postgres==1.10.2")
_DEBIAN: Final = ("odbc-postgresql", "libodbc2", "libodbcinst2", "libltdl7", "libpq5", "libdbi-perl", "libdbd-pg-perl")
_NEEDED: Final = ("node", "npm", "java", "mvn", "perl", "go", "apt-get", "dpkg")


def environment() -> Mapping[str, str]:
    """What the programs of these clients look for. Raises AssertionError where they are not installed."""
    found = {
        "NODE_PATH": _one("node/node_modules"),
        "CLASSPATH": _one("jdbc/*.jar"),
        "DBT": _one("dbt/bin/dbt"),
        "PSQLODBC": _one("debian/usr/lib/*/odbc/psqlodbcw.so"),
        "LD_LIBRARY_PATH": _one("debian/usr/lib/*/libodbcinst.so.2").parent,
        "PERL5LIB": _one("debian/usr/lib/*/perl5/*/DBI.pm").parent,
    }
    return {name: str(path) for name, path in found.items()}


def _one(pattern: str) -> Path:
    found = sorted(FOLDER.glob(pattern))
    assert found, f"there is no {pattern} in {FOLDER}: run `make clients`, or `python -m tests.clients.tools`"
    return found[0]


def install() -> None:
    """Install all of them (Debian or Ubuntu, with Node.js, a JDK, Maven, Perl and Go). Raises SystemExit."""
    missing = [program for program in _NEEDED if shutil.which(program) is None]
    if missing:
        raise SystemExit(f"make clients needs these programs too: {', '.join(missing)}")
    for part in ("node", "jdbc", "packages", "debian"):
        (FOLDER / part).mkdir(parents=True, exist_ok=True)
    _run("npm", "install", "--no-audit", "--no-fund", "--prefix", FOLDER / "node", *_NODE)
    _run("mvn", "-q", "dependency:copy", f"-Dartifact={_PGJDBC}", f"-DoutputDirectory={FOLDER / 'jdbc'}")
    # dbt's libraries are not ours, and pgveil's tests must not depend on them.
    _run(sys.executable, "-m", "venv", FOLDER / "dbt")
    _run(FOLDER / "dbt/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_DBT)
    # pgx is a library of Go's: its program is built with it, at the release that go.mod names.
    _run("go", "build", "-o", FOLDER / "pgx" / "with_pgx", ".", folder=_PGX)
    # Downloaded and unpacked, not installed: that needs no root.
    _run("apt-get", "download", *_DEBIAN, folder=FOLDER / "packages")
    for package in sorted((FOLDER / "packages").glob("*.deb")):
        _run("dpkg", "-x", package, FOLDER / "debian")


def _run(*command: str | Path, folder: Path | None = None) -> None:
    try:
        subprocess.run([str(part) for part in command], cwd=folder, check=True, stdin=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{command[0]} ended with {error.returncode}") from None


if __name__ == "__main__":
    install()
