"""pgAdmin 4 through the proxy, as its people use it: a server registered with a token as password, the tree, the query
tool and the grid of data, all in a browser.

Must not know: how the proxy works. Invariant: everything that pgAdmin answers is kept until it was looked through.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import ViewportSize

from tests.clients.browser import open_browser
from tests.clients.browser_proxy import ROLE, TOKEN_START, BrowserProxy, run_browser_proxy
from tests.clients.pgadmin.pages import PgAdmin
from tests.clients.web_tools import free_port, program, run_server
from tests.support.postgres import Clinic

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

PERSON: Final = "dana@example.org"
SERVER: Final = "pgveil"
QUERY: Final = """\
SELECT p.mrn, p.ssn, p.last_name, p.dob, p.zip, count(*) AS encounters
FROM clinic.patients AS p JOIN clinic.encounters AS e USING (mrn)
GROUP BY 1, 2, 3, 4, 5 ORDER BY encounters DESC"""
# What is not answered: the dashboard, the tab *Statistics*, and what the tests ask.
REFUSED: Final = frozenset(
    {
        "permission denied for pg_catalog.pg_stat_database",
        "permission denied for pg_catalog.pg_statio_all_tables",
        "permission denied for function pg_read_file",
        "EXPLAIN is not supported on relations with masked columns",
    }
)
# What the tabs about an object must say in the end.
TABS: Final = {
    "insurance_id": {"Properties": "Length/Precision", "SQL": "insurance_id"},
    "patients": {
        "Properties": "Partitioned table?",
        "SQL": "CREATE TABLE IF NOT EXISTS clinic.patients",
        "Dependencies": "Schema",
        "Dependents": "encounters_patient_id_fkey",
    },
}
_LONG: Final = 3800
_CONFIG: Final = Path(__file__).with_name("pgadmin_config.py")
_PICTURE: Final = ViewportSize(width=1280, height=800)
_TALL: Final = ViewportSize(width=1280, height=1600)  # the tree draws what is in sight only


@pytest.fixture(scope="module")
def behind(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserProxy]:
    """The proxy for this module."""
    with run_browser_proxy(tmp_path_factory.mktemp("pgadmin-proxy"), clinic, "clinic_pgadmin") as running:
        yield running


@pytest.fixture(scope="module")
def pgadmin(behind: BrowserProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PgAdmin]:
    """A new pgAdmin in a browser, which is logged in and has the proxy as its only server."""
    home = tmp_path_factory.mktemp("pgadmin")
    port, password = free_port(), secrets.token_urlsafe(18)
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PGADMIN_HOME": str(home),
        "PGADMIN_PORT": str(port),
        "PGADMIN_SETUP_EMAIL": PERSON,
        "PGADMIN_SETUP_PASSWORD": password,
        "CONFIG_DISTRO_FILE_PATH": str(_CONFIG),
    }
    server = run_server((program("pgadmin", "pgadmin4"),), environment, f"{url}/misc/ping", home / "pgadmin.log")
    with server, open_browser() as opened:
        opened.page.set_viewport_size(_TALL)
        used = PgAdmin(opened)
        used.log_in(url, PERSON, password)
        proxy = behind.proxy
        where = {"host": proxy.host, "port": str(proxy.port), "db": proxy.database}
        used.register(SERVER, {**where, "username": ROLE, "password": behind.password})
        yield used


def test_a_token_fits_into_the_password_field(pgadmin: PgAdmin, behind: BrowserProxy) -> None:
    """A token of 4 kB typed into the dialog logs in: pgAdmin shows the databases."""
    assert len(behind.password) > _LONG
    pgadmin.open(SERVER, "Databases", behind.proxy.database)
    assert {record["result"] for record in behind.proxy.journal() if record["type"] == "login"} == {"accepted"}


def test_the_tree_down_to_columns(pgadmin: PgAdmin) -> None:
    """Each level of the tree opens, and each tab about a table and about one of its columns is filled."""
    pgadmin.open("Schemas", "clinic", "Tables", "patients", "Columns")
    for name, tabs in TABS.items():
        pgadmin.select(name)
        for tab, content in tabs.items():
            pgadmin.look_at(tab, content)


def test_statistics_are_refused(pgadmin: PgAdmin) -> None:
    """Counters of what is stored are not shown; pgAdmin says so in a message, and goes on."""
    pgadmin.select("patients")
    pgadmin.look_at("Statistics", "permission denied for pg_catalog.pg_statio_all_tables")
    pgadmin.dismiss()
    pgadmin.look_at("Dependents", TABS["patients"]["Dependents"])


def test_the_data_of_a_table(pgadmin: PgAdmin, behind: BrowserProxy) -> None:
    """All rows of a table by the shortcut for it: masks and tokens, and the key that pgAdmin edits by."""
    pgadmin.select("patients")
    pgadmin.press("Alt+Shift+V")
    pgadmin.browser.wait_for(TOKEN_START)
    text = pgadmin.browser.text()
    assert "***-**-" in text
    assert "[PK] bigint" in text
    _check(behind, pgadmin.browser.received())


def test_the_query_tool(pgadmin: PgAdmin, behind: BrowserProxy) -> None:
    """A query shows masks and tokens; what is refused is a message, what takes too long is stopped."""
    pgadmin.select("patients")
    pgadmin.press("Alt+Shift+Q")
    pgadmin.query(QUERY, TOKEN_START)
    pgadmin.query("SELECT pg_read_file('/etc/passwd')", "permission denied for function pg_read_file")
    pgadmin.query("SELECT count(*) FROM clinic.patients", "Total rows: 1")
    pgadmin.query(QUERY, "EXPLAIN", key="F7")
    pgadmin.query("SELECT pg_sleep(600)", "Waiting for the query to complete")
    pgadmin.stop("canceling statement due to user request")
    pgadmin.query(QUERY, TOKEN_START)
    assert "***-**-" in pgadmin.browser.text()
    pgadmin.browser.page.set_viewport_size(_PICTURE)
    pgadmin.browser.page.locator(".notistack-Snackbar").first.wait_for(state="detached")
    pgadmin.browser.picture("pgadmin-query-tool")
    _check(behind, pgadmin.browser.received())


def _check(behind: BrowserProxy, received: list[str]) -> None:
    behind.check(received, refused=REFUSED)
