"""psql through the proxy: scripts, its transactions, and what it prints on errors.

Must not know: how the proxy works. Invariant: what psql does against a server, it does against the proxy. (Without TLS:
the psql that comes with the tests' server is built without it; the drivers' tests have it.)
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.clients.seen import ROLES, SEEN, stored_patients
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess

Completed: TypeAlias = subprocess.CompletedProcess[str]
Psql: TypeAlias = Callable[..., Completed]


@pytest.fixture
def psql(proxy: ProxyProcess, clinic: Clinic) -> Psql:
    """A function that runs psql as a role on the commands given and returns what it printed."""

    def run(role: str, *commands: str, script: str | None = None, password: str = "") -> Completed:
        parameters = proxy.parameters(role)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment["PGPASSWORD"] = password or parameters.pop("password")
        parameters.pop("password", None)
        wanted = " ".join(f"{name}={value}" for name, value in parameters.items())
        arguments = [argument for command in commands for argument in ("-c", command)]
        return subprocess.run(
            [clinic.server.binaries.program("psql"), "-X", "-w", "-A", "-t", wanted, *arguments],
            env=environment,
            input=script,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_its_masks(psql: Psql, clinic: Clinic, role: str) -> None:
    """The same query shows each role what it may see."""
    text = "SELECT ssn, last_name, dob, zip, phone FROM clinic.patients WHERE patient_id <= 10 ORDER BY patient_id"
    printed = psql(role, text)
    assert printed.returncode == 0, printed.stderr
    seen = [SEEN[role](patient) for patient in stored_patients(clinic, 10)]
    lines = ["|".join(str(value or "") for value in (s.ssn, s.last_name, s.dob, s.zip, s.phone)) for s in seen]
    assert printed.stdout.splitlines() == lines


def test_a_refused_login(psql: Psql) -> None:
    """psql prints the message that people know, ends with 2, and shows nothing of the token."""
    printed = psql("analyst", "SELECT 1", password="no.such.token")
    assert printed.returncode == 2
    assert 'FATAL:  password authentication failed for user "analyst"' in printed.stderr
    assert "no.such.token" not in printed.stderr


def test_a_script_goes_on_after_errors(psql: Psql) -> None:
    """Refusals and the server's errors are printed at their place, with SQLSTATE, and the rest runs."""
    script = r"""
        \set VERBOSITY verbose
        SELECT 'one';
        SELECT pg_read_file('/etc/passwd');
        SELEC;
        CREATE TABLE x (y int);
        SELECT 1 / 0;
        SELECT 'two' \; SELECT 'three';
    """
    printed = psql("analyst", script=script)
    assert printed.stdout.split() == ["one", "two", "three"]
    states = [line.split("ERROR:")[1].split(":")[0].strip() for line in printed.stderr.splitlines() if "ERROR:" in line]
    assert states == ["42501", "42601", "0A000", "22012"]


def test_a_syntax_error_points_at_its_place(psql: Psql) -> None:
    """The position of a syntax error is the client's own."""
    printed = psql("analyst", "SELECT ssn FRO clinic.patients")
    assert printed.returncode == 1
    assert "LINE 1: SELECT ssn FRO clinic.patients" in printed.stderr
    assert "^" in printed.stderr


def test_transactions_and_savepoints(psql: Psql) -> None:
    """ON_ERROR_ROLLBACK puts a savepoint around each statement, which refusals respect."""
    script = r"""
        \set ON_ERROR_ROLLBACK on
        BEGIN;
        SELECT 'before';
        LOCK clinic.patients;
        SELECT 'after', count(*) > 0 FROM clinic.patients;
        COMMIT;
        SELECT 'end';
    """
    printed = psql("analyst", script=script)
    assert printed.stdout.split() == ["BEGIN", "before", "after|t", "COMMIT", "end"]
    assert "LOCK is supported in ACCESS SHARE MODE only" in printed.stderr


def test_gdesc_describes_without_running(psql: Psql) -> None:
    r"""``\gdesc`` is Parse and Describe: it shows the types of masked columns, and text for tokens of text."""
    text = "SELECT ssn, dob, insurance_id, count(*) FROM clinic.patients GROUP BY 1, 2, 3"
    printed = psql("analyst", script=f"{text} \\gdesc\n")
    assert printed.stderr == ""
    expected = ["ssn|character(11)", "dob|date", "insurance_id|text", "count|bigint"]
    assert printed.stdout.splitlines() == expected


def test_copy_into_a_table_is_refused_cleanly(psql: Psql) -> None:
    r"""``\copy`` gives masked data, and into any table it is refused; the session goes on."""
    script = "\\copy clinic.patients (zip) to stdout\n\\copy clinic.departments from /dev/null\nSELECT 'still here';\n"
    printed = psql("analyst", script=script)
    assert printed.stdout.split("\n")[-2] == "still here"
    assert "03700\n" in printed.stdout
    assert printed.stderr.count("COPY") >= 1


def test_fetch_count_on_clear_data(psql: Psql) -> None:
    """With FETCH_COUNT psql reads by a cursor of its own."""
    printed = psql("analyst", script="\\set FETCH_COUNT 3\nSELECT name FROM sales.regions ORDER BY 1;\n")
    assert printed.returncode == 0, printed.stderr
    assert len(printed.stdout.split("\n")) > 3


def test_prepared_by_bind(psql: Psql, clinic: Clinic) -> None:
    r"""``\bind`` sends the extended protocol from psql."""
    printed = psql("billing", script="SELECT ssn FROM clinic.patients WHERE patient_id = $1 \\bind 2 \\g\n")
    assert printed.stdout.strip() == (SEEN["billing"](stored_patients(clinic, 2)[1]).ssn or "")
