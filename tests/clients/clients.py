"""The clients: how each is run, and what it has no way to do.

Owns: their list, and running one. Must not know: what is expected of them.
Invariant: a client that is not installed is an error, never a skip.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.clients import tools
from tests.clients.scenario import ROLE, TEXTS, Feature
from tests.support.proxy_process import ProxyProcess

ROOT: Final = Path(__file__).parents[2]
TOKEN_BYTES: Final = 4096
_TIME_LIMIT_S: Final = 100.0
_PROGRAMS: Final = "tests/clients/programs"

Outcome = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Client:
    """``name`` as people know it; ``command`` starts its program in the repository's folder.

    ``without``: what the client itself does not offer. ``packaged``: whether it comes with the dependency group of the
    tests; the others need programs that pip does not install.
    """

    name: str
    command: tuple[str, ...]
    without: frozenset[Feature] = frozenset()
    packaged: bool = True

    def features(self) -> tuple[Feature, ...]:
        """What it can do."""
        return tuple(feature for feature in Feature if feature not in self.without)


def _python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.clients.programs.{program}")


def _without(*features: Feature) -> frozenset[Feature]:
    return frozenset(features)


def _only(*features: Feature) -> frozenset[Feature]:
    return frozenset(Feature) - frozenset(features)


def _pgjdbc(mode: str) -> Client:
    return Client(
        f"pgJDBC, {mode}", (*_python("with_pgjdbc"), mode), _without(Feature.CURSOR, Feature.PIPELINE), packaged=False
    )


CLIENTS: Final = (
    Client("psql", _python("with_psql"), _without(Feature.BINARY, Feature.CURSOR)),
    Client("psycopg 3", _python("with_psycopg")),
    Client(
        "psycopg 2",
        _python("with_psycopg2"),
        _without(Feature.BINARY, Feature.PIECES, Feature.PIPELINE),
    ),
    Client("asyncpg", _python("with_asyncpg"), _without(Feature.CURSOR, Feature.PIPELINE)),
    Client(
        "pg8000", _python("with_pg8000"), _without(Feature.BINARY, Feature.PIECES, Feature.CANCEL, Feature.PIPELINE)
    ),
    Client(
        "SQLAlchemy",
        _python("with_sqlalchemy"),
        _without(Feature.PREPARED, Feature.BINARY, Feature.PIECES, Feature.COPY, Feature.PIPELINE),
    ),
    Client("pandas", _python("with_pandas"), _only(Feature.MASKS, Feature.CATALOG, Feature.PARAMETERS, Feature.CURSOR)),
    Client("ADBC", _python("with_adbc"), _without(Feature.CURSOR, Feature.PIPELINE)),
    Client("pgcli", _python("with_pgcli"), _only(Feature.MASKS, Feature.CATALOG, Feature.ERRORS)),
    _pgjdbc("extended"),
    _pgjdbc("extendedForPrepared"),
    _pgjdbc("extendedCacheEverything"),
    Client(
        "pgJDBC, simple",
        (*_python("with_pgjdbc"), "simple"),
        # Simple queries have neither names on the server nor binary results, and are read whole.
        _without(Feature.PREPARED, Feature.BINARY, Feature.PIECES, Feature.CURSOR, Feature.PIPELINE),
        packaged=False,
    ),
    Client(
        "psqlODBC",
        _python("with_psqlodbc"),
        _without(Feature.BINARY, Feature.PIECES, Feature.COPY, Feature.PIPELINE),
        packaged=False,
    ),
    Client(
        "node-postgres",
        ("node", f"{_PROGRAMS}/with_node_pg.cjs"),
        _without(Feature.BINARY, Feature.CURSOR, Feature.PIPELINE),
        packaged=False,
    ),
    Client(
        "postgres.js",
        ("node", f"{_PROGRAMS}/with_postgres_js.cjs"),
        _without(Feature.BINARY, Feature.CURSOR),
        packaged=False,
    ),
    Client(
        "Perl DBD::Pg",
        ("perl", f"{_PROGRAMS}/with_dbd_pg.pl"),
        _without(Feature.BINARY, Feature.PIECES, Feature.PIPELINE),
        packaged=False,
    ),
    Client(
        "pgx (Go)",
        (str(tools.FOLDER / "pgx" / "with_pgx"),),
        _without(Feature.PIECES),
        packaged=False,
    ),
    Client("dbt-postgres", _python("with_dbt"), _only(Feature.MASKS, Feature.CATALOG), packaged=False),
)


def long_token(proxy: ProxyProcess) -> str:
    """A token of about ``TOKEN_BYTES``, as identity providers make them for people of many groups."""
    short = proxy.issuer.mint(subject="dana@example.org", roles=(ROLE,))
    padding = "g" * ((TOKEN_BYTES - len(short)) * 3 // 4)
    return proxy.issuer.mint(subject="dana@example.org", roles=(ROLE,), extra={"groups": padding})


def run_client(client: Client, proxy: ProxyProcess, *, tls: bool) -> Outcome:
    """Everything that the client was shown, by feature. Raises AssertionError where its program breaks."""
    task = {
        "host": proxy.host,
        "port": proxy.port,
        "user": ROLE,
        "password": long_token(proxy),
        "database": proxy.database,
        "ca": str(proxy.certificates.ca) if tls else None,
        "texts": dict(TEXTS),
    }
    done = subprocess.run(
        client.command,
        cwd=ROOT,
        env=os.environ if client.packaged else {**os.environ, **tools.environment()},
        input=json.dumps(task),
        capture_output=True,
        text=True,
        timeout=_TIME_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{client.name} ended with {done.returncode}:\n{done.stderr[-4000:]}"
    outcome: Outcome = json.loads(done.stdout)
    return outcome
