"""Statements of sqlsmith, which makes them up from the catalog that it is shown.

Owns: finding and running sqlsmith (https://github.com/anse1/sqlsmith, Debian's package), the sample of its statements,
and what of an answer is determined. Must not know: pgveil.
Invariant: one seed and one catalog give the same statements.

The sample was made by sqlsmith 1.4 from the clinic of the tests on PostgreSQL 16, with the seeds 1 to 24 and 300
statements each. Of those of at most 1,000 characters it has all that find rows (settled, as below), and of each seed
two that find none, one that calls a function which no role may call, and one that writes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.clients.tools import FOLDER
from tests.support.corpus import CorpusStatement, Order

SAMPLE: Final = Path(__file__).with_name("sqlsmith.sql")
SECONDS: Final = 100
_SEPARATOR: Final = ";\n"
# Which rows a sample holds, or a cut without an order, is not determined, nor what follows from them.
_BY_CHANCE: Final = re.compile(r"\btablesample\b|(?<!order by 1) limit ")
_WRITES: Final = re.compile(r"^(insert|update|delete|merge)\b|\bfor ((no key )?update|(key )?share)\b", re.IGNORECASE)


def sample() -> list[str]:
    """The statements that are kept with the tests."""
    return _split(SAMPLE.read_text(encoding="utf-8"))


def make(target: str, *, seed: int, count: int) -> list[str]:
    """Fresh statements for the catalog behind a connection string, with nothing but the catalog read.

    Raises AssertionError where sqlsmith is not installed, or ends with an error.
    """
    unpacked = FOLDER / "sqlsmith/usr/bin/sqlsmith"
    program = shutil.which("sqlsmith") or (unpacked if unpacked.exists() else None)
    assert program is not None, "there is no sqlsmith: run `make sqlsmith`, or install Debian's package of that name"
    libraries = sorted({str(path.parent) for path in FOLDER.glob("sqlsmith/usr/lib/*/libpq*")})
    command = [program, f"--target={target}", f"--seed={seed}", f"--max-queries={count}", "--exclude-catalog"]
    made = subprocess.run(
        [*command, "--dry-run"],
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)},
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
    )
    statements = _split(made.stdout)
    assert len(statements) == count, made.stderr
    return statements


def as_statement(text: str, number: int) -> CorpusStatement:
    """For the oracle; every other one as sqlsmith made it, of whose answer only the description is determined."""
    settled = _settled(text) if number % 2 else text
    order = Order.SAMPLE if _BY_CHANCE.search(settled) else Order.NONE
    return CorpusStatement("sqlsmith", str(number), settled, order)


def _settled(text: str) -> str:
    """Without samples and cuts, and with an order where one row is chosen: the same rows wherever it is asked."""
    text = re.sub(r" tablesample (system|bernoulli) \([\d.]+\)", "", text)
    text = re.sub(r" limit (?!1 offset)\d+", "", text)
    return re.sub(r" limit 1 offset (\d+)", r" order by 1 limit 1 offset \1", text)


def writes(text: str) -> bool:
    """Whether it would change something, and so cannot be asked of the copy."""
    return _WRITES.search(text) is not None


def install() -> None:
    """Get sqlsmith from Debian, without root, where it is not installed."""
    if shutil.which("sqlsmith") is not None:
        return
    asked = subprocess.run(["apt-cache", "depends", "sqlsmith"], capture_output=True, check=True, text=True)
    packages = ["sqlsmith", *re.findall(r"Depends: (libpqxx-\S+|libpq5)", asked.stdout)]
    folder = FOLDER / "sqlsmith"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", *packages], cwd=folder, check=True)
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, folder], check=True)


def _split(text: str) -> list[str]:
    parts = (re.sub(r"\s+", " ", part).strip() for part in f"\n{text}".split(_SEPARATOR))
    return [part for part in parts if part]


if __name__ == "__main__":
    install()
