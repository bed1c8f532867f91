r"""psql's backslash commands that ask the server: each prints through the proxy what it prints without.

Must not know: how the proxy works. Invariant: a command whose answer is another one is in ``REFUSED``, with the reason.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from proxy.demo.binaries import find_binaries
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess

ROLE: Final = "analyst"
VERSIONS: Final = (16, pytest.param(18, marks=pytest.mark.tools))
_MARK: Final = "@@@"

# All that describe, with their variants: S (system objects), + (more), x (expanded, psql 18).
DESCRIBE: Final = r"""
    \d \dS \d+ \dS+ \dt \dt+ \dtS \dtS+ \dv \dv+ \dvS \dm \dm+ \di \di+ \diS \ds \ds+ \dE \dE+ \dtvmsE \dtvmsE+
    \df \df+ \dfS \dfa \dfaS \dfn \dfp \dft \dfw \dfwS+ \da \daS+ \dn \dn+ \dnS \dnS+ \dp \dpS \z \zS
    \du \du+ \duS \dg \dg+ \drg \drgS \l \l+ \dT \dT+ \dTS \dTS+ \do \doS \doS+ \dx \dx+ \dy \dy+ \db
    \dc \dc+ \dcS+ \dC \dC+ \dd \ddS \dD \dD+ \dDS+ \ddp \des \des+ \det \det+ \dew \dew+ \dF \dF+ \dFd \dFd+ \dFp \dFp+
    \dFt \dFt+ \dL \dL+ \dLS+ \dO \dO+ \dOS+ \dP \dP+ \dPn \dPi \dPt \drds \dRp \dRp+ \dX \dX+
    \dA \dA+ \dAc \dAc+ \dAf \dAf+ \dAo \dAo+ \dAp \dAp+ \encoding \h
""".split()
NAMED: Final = (
    *(rf"\{name} clinic.*" for name in "d+ dt+ dv+ dm+ di+ ds+ df+ da dp z dT+ dD+ dd ddp dP+ dPtn dX+ do dO".split()),
    *(rf"\{name} *.*" for name in "dt df dT do dx dRp".split()),
    *(rf"\{name} patients" for name in ("d", "d+", "dt", "dp", "z")),
    r"\d clinic.encounter_id_seq",
    r"\d pg_catalog.pg_class",
    r"\d+ pg_catalog.pg_stat_activity",
    r"\d nothing.here",
    r"\df clinic.age_at date *",
    r"\do + integer integer",
    r"\sf clinic.age_at",
    r"\sf+ clinic.age_at(date, date)",
    r"\sf nothing",
    r"\sv clinic.active_patients",
    r"\sv+ clinic.active_patients",
    r"\sv nothing",
    r"\l clinic*",
    r"\dx+ plpgsql",
    r"\du pgveil",
    r"\drds * *",
    r"\h SELECT",
)
STATEMENTS: Final = (
    "SELECT region_id, name FROM sales.regions ORDER BY 1 \\g",
    "SELECT region_id, name FROM sales.regions ORDER BY 1 \\gx",
    "SELECT region_id, name FROM sales.regions ORDER BY 1 \\gdesc",
    "SELECT region_id % 2 AS odd, left(name, 1) AS letter, 1 FROM sales.regions ORDER BY 1, 2 \\crosstabview",
    "SELECT count(*) AS regions FROM sales.regions \\gset\n\\echo :regions",
    "SELECT name FROM sales.regions WHERE region_id = $1 \\bind 1 \\g",
    "SELECT format('SELECT %s', region_id) FROM sales.regions ORDER BY 1 LIMIT 2 \\gexec",
    "SELECT 1 \\; SELECT 2;",
    "\\copy (SELECT * FROM sales.regions ORDER BY 1) to stdout",
    "\\copy sales.regions (name) to stdout with (format csv, header)",
    "\\set FETCH_COUNT 2\nSELECT name FROM sales.regions ORDER BY 1;\n\\unset FETCH_COUNT",
    "BEGIN;\nSELECT nothing;\nSELECT 1;\nROLLBACK;",
)
STATEMENTS_18: Final = (
    "SELECT 1 \\parse one\n\\bind_named one \\g\n\\close_prepared one",
    "\\startpipeline\nSELECT $1 \\bind 1 \\sendpipeline\nSELECT $1 \\bind 2 \\sendpipeline\n\\endpipeline",
    "\\dtx clinic.*",
    "\\dfx clinic.*",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Commands that are refused, what psql prints then, and why."""

    commands: tuple[str, ...]
    printed: str
    reason: str


REFUSED: Final = (
    Refusal(
        (r"\deu", r"\deu+"),
        "permission denied for pg_catalog.pg_user_mappings",
        "options of user mappings are passwords of other servers",
    ),
    Refusal(
        (r"\dRs", r"\dRs+"),
        "permission denied for pg_catalog.pg_subscription",
        "subscriptions hold the connection strings of other servers",
    ),
    Refusal(
        (r"\dl", r"\dl+", r"\lo_list"),
        "permission denied for pg_catalog.pg_largeobject_metadata",
        "no policy describes large objects, so there are none",
    ),
    Refusal(
        (r"\dconfig", r"\dconfig+", r"\dconfig work_mem"),
        "current_setting() needs a literal setting name",
        "a setting is judged by its name, which is in no row of a table; SHOW and pg_settings tell the same",
    ),
    Refusal((r"\lo_export 1 /dev/null",), "the function call message is not supported", "it calls without SQL"),
    Refusal((r"\copy sales.regions from /dev/null",), "COPY", "the role does not write there"),
)


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed as output and as errors."""

    output: str
    errors: str


def commands(version: int) -> tuple[str, ...]:
    """All that must print the same, as far as psql of this version has them."""
    return (*DESCRIBE, *NAMED, *STATEMENTS, *(STATEMENTS_18 if version >= 18 else ()))


def run(version: int, parameters: Mapping[str, str], listed: Sequence[str]) -> Mapping[str, Printed]:
    """What each of these commands printed, all in one session of a psql of this version."""
    script = "".join(f"\\echo {_MARK}\n\\warn {_MARK}\n{command}\n" for command in listed)
    done = subprocess.run(
        psql(version, parameters),
        env=environment(parameters),
        input=f"SET search_path = clinic, public;\n{script}",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,  # so that no command asks the terminal of whoever runs the tests
    )
    assert done.returncode == 0, done.stderr
    outputs, errors = (text.split(f"{_MARK}\n")[1:] for text in (done.stdout, done.stderr))
    return {c: Printed(o, e) for c, o, e in zip(listed, outputs, errors, strict=True)}


def psql(version: int, parameters: Mapping[str, str]) -> list[str | Path]:
    wanted = " ".join(f"{name}={value}" for name, value in parameters.items() if name != "password")
    return [find_binaries(version).program("psql"), "-X", "-w", wanted]


def environment(parameters: Mapping[str, str]) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PSQL"))}
    return {**kept, "PGPASSWORD": parameters["password"], "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def direct_login(clinic: Clinic, database: str) -> Mapping[str, str]:
    """The login that the proxy itself has."""
    login = clinic.proxy_login()
    where = {"host": login["host"], "port": str(login["port"]), "dbname": database}
    return {**where, "user": login["user"], "password": login["password"] or ""}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_prints_the_same(proxy: ProxyProcess, clinic: Clinic, version: int) -> None:
    """Through the proxy and without it; sizes may change in between, so what differs is asked a second time."""
    differing: Sequence[str] = commands(version)
    for _ in range(2):
        through = run(version, proxy.parameters(ROLE), differing)
        direct = run(version, direct_login(clinic, proxy.database), differing)
        differing = [command for command in differing if through[command] != direct[command]]
    assert {command: (through[command], direct[command]) for command in differing} == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_refused(proxy: ProxyProcess, version: int) -> None:
    """Each prints its one error, and the session goes on."""
    listed = {command: refusal for refusal in REFUSED for command in refusal.commands}
    for command, printed in run(version, proxy.parameters(ROLE), tuple(listed)).items():
        assert printed.output == "", command
        assert listed[command].printed in printed.errors, command
        assert printed.errors.count("ERROR:") == 1, command


@pytest.mark.parametrize("version", VERSIONS)
def test_who_and_where(proxy: ProxyProcess, version: int) -> None:
    r"""``\conninfo`` names the role and the proxy's own address; a password cannot be changed."""
    script = ("\\conninfo", "\\password\nsecret-word\nsecret-word", "\\password somebody\nsecret-word\nsecret-word")
    told, *passwords = run(version, proxy.parameters(ROLE), script).values()
    assert ROLE in told.output
    assert str(proxy.port) in told.output
    for printed in passwords:
        assert "ALTER" in printed.errors


@pytest.mark.parametrize("version", VERSIONS)
def test_errors_once_more(proxy: ProxyProcess, version: int) -> None:
    r"""``\errverbose`` prints the last error with its code (and without the line of the server's source)."""
    (printed,) = run(version, proxy.parameters(ROLE), ["SELECT nothing;\n\\errverbose"]).values()
    assert 'ERROR:  42703: column "nothing" does not exist' in printed.errors


@pytest.mark.parametrize("version", VERSIONS)
def test_watching(proxy: ProxyProcess, version: int) -> None:
    r"""``\watch`` runs a statement again and again."""
    (printed,) = run(version, proxy.parameters(ROLE), ["SELECT 'watched' \\watch i=0.01 c=3"]).values()
    assert (printed.output.count("watched"), printed.errors) == (3, "")
