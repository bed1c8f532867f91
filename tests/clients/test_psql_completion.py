"""What psql offers when somebody presses the tabulator key: each list through the proxy is the one without it.

Must not know: how the proxy works. Invariant: a text that gets another list is in ``NOT_OFFERED``, with the reason.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.clients.test_psql_commands import ROLE, VERSIONS, direct_login, environment, psql
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess

COMPLETED: Final = (
    *(f"SELECT * FROM {start}" for start in ("", "cl", "clinic.", "clinic.pat", "pg_catalog.pg_st")),
    *(f"{verb} clinic." for verb in ("TABLE", "UPDATE", "DELETE FROM", "INSERT INTO", "COPY", "VACUUM", "ANALYZE")),
    *(f"{verb} clinic." for verb in ("DROP INDEX", "DROP FUNCTION", "DROP VIEW", "ALTER SEQUENCE", "CALL", "CLUSTER")),
    *(f"REINDEX {kind} clinic." for kind in ("TABLE", "INDEX")),
    *(f"REINDEX {kind} " for kind in ("SCHEMA", "DATABASE")),
    *(
        f"ALTER TABLE clinic.patients {part} "
        for part in ("DROP COLUMN", "DROP CONSTRAINT", "CLUSTER ON", "DISABLE RULE")
    ),
    *(
        f"ALTER {kind} "
        for kind in ("ROLE", "DATABASE", "TABLESPACE", "LANGUAGE", "EXTENSION", "SCHEMA", "SERVER", "TYPE")
    ),
    *(
        f"ALTER {kind} "
        for kind in ("PUBLICATION", "EVENT TRIGGER", "STATISTICS", "TEXT SEARCH CONFIGURATION", "DOMAIN")
    ),
    *(f"DROP {kind} " for kind in ("ACCESS METHOD", "AGGREGATE", "COLLATION", "CAST", "TRIGGER", "POLICY", "RULE")),
    *(f"\\{name} " for name in "c d dt dv di ds df da dn du dT dF dFd dFp dFt des dew dx dy dL dX dA dD dP".split()),
    *(f"\\{name} clinic." for name in "d dt df sf sv dT".split()),
    "\\encoding ",
    "\\dconfig work",
    "\\l ",
    "ALTER EXTENSION plpgsql UPDATE TO ",
    "ALTER SYSTEM SET work",
    "COMMENT ON COLUMN clinic.patients.",
    "CREATE EXTENSION ",
    "CREATE INDEX ON clinic.patients (",
    "CREATE TABLE t (c ",
    "CREATE TABLE t PARTITION OF clinic.",
    "GRANT SELECT ON clinic.",
    "GRANT SELECT ON clinic.patients TO ",
    "INSERT INTO clinic.patients (",
    "LISTEN ",
    "REFRESH MATERIALIZED VIEW clinic.",
    "SELECT ssn FROM clinic.patients WHERE ",
    "SET ",
    "SET ROLE ",
    "SET TimeZone TO ",
    "SET DateStyle TO ",
    "SET search_path TO ",
    "SHOW work",
)
# What is kept from being read (see the lists of refused commands), and so gets no list.
NOT_OFFERED: Final = {
    "DEALLOCATE ": "permission denied for pg_catalog.pg_prepared_statements",
    "FETCH FROM ": "permission denied for pg_catalog.pg_cursors",
    "ALTER SUBSCRIPTION ": "permission denied for pg_catalog.pg_subscription",
    "DROP USER MAPPING FOR ": "permission denied for pg_catalog.pg_user_mappings",
}
_INPUTRC: Final = """\
set show-all-if-ambiguous on
set completion-query-items 0
set page-completions off
set bell-style none
set enable-bracketed-paste off
set horizontal-scroll-mode off
"""
_PATIENCE_S: Final = 30.0
_CLEAR: Final = "\x15"  # Control-U


def offered(version: int, parameters: Mapping[str, str], folder: Path, texts: Sequence[str]) -> Mapping[str, str]:
    """What the terminal shows after each of these texts and the tabulator key, all in one session of psql."""
    (folder / "inputrc").write_text(_INPUTRC)
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [*psql(version, parameters), "-q", "-v", "PROMPT1=> "],
        env={**environment(parameters), "INPUTRC": str(folder / "inputrc"), "HOME": str(folder), "COLUMNS": "200"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    try:
        shown = {}
        _until(terminal, "> ")
        for number, text in enumerate(texts):
            # The end is known by what a command prints that stands there in other letters when it is typed.
            os.write(terminal, f"{text}\t{_CLEAR}\\echo 'done' {number}\r".encode())
            shown[text] = _until(terminal, f"done {number}\r\n> ")
        os.write(terminal, b"\\q\r")
        assert process.wait(_PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    return shown


def _until(terminal: int, end: str) -> str:
    """What comes until the end of it is this. Raises AssertionError."""
    found = ""
    deadline = time.monotonic() + _PATIENCE_S
    while not found.endswith(end):
        ready, _, _ = select.select([terminal], [], [], deadline - time.monotonic())
        assert ready, f"{end!r} did not appear: {found[-2000:]!r}"
        found += os.read(terminal, 65536).decode()
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_the_same_is_offered(proxy: ProxyProcess, clinic: Clinic, tmp_path: Path, version: int) -> None:
    """Through the proxy and without it."""
    through = offered(version, proxy.parameters(ROLE), tmp_path, COMPLETED)
    direct = offered(version, direct_login(clinic, proxy.database), tmp_path, COMPLETED)
    assert "patients_per_zip" in through["SELECT * FROM clinic.pat"]
    assert {text: (through[text], direct[text]) for text in COMPLETED if through[text] != direct[text]} == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_offered(proxy: ProxyProcess, tmp_path: Path, version: int) -> None:
    """What is refused is not offered, for the reason that the journal has, and psql goes on."""
    before = len(proxy.journal())
    offered(version, proxy.parameters(ROLE), tmp_path, tuple(NOT_OFFERED))
    refused = [record["message"] for record in proxy.journal()[before:] if record["type"] == "refusal"]
    assert set(refused) == set(NOT_OFFERED.values())
