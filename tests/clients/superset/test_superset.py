"""Apache Superset through the proxy, as its people use it: databases and charts by its API, and its pages in a browser.

Must not know: how the proxy works. Invariant: everything that Superset answers is kept until it was looked through.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.clients.browser import Browser, open_browser
from tests.clients.browser_proxy import ROLE, TOKEN_START, BrowserProxy, run_browser_proxy
from tests.clients.superset.api import Superset
from tests.clients.web_tools import free_port, program, run_server
from tests.support.postgres import Clinic

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

ADMIN: Final = "admin"
SSN: Final = "***-**-0042"  # of a patient who is always there
QUERY: Final = f"""\
SELECT p.mrn, p.ssn, p.last_name, p.dob, p.zip, count(*) AS encounters
FROM clinic.patients AS p JOIN clinic.encounters AS e USING (mrn)
WHERE p.ssn = '{SSN}'
GROUP BY 1, 2, 3, 4, 5"""
_LONGEST_URI: Final = 1024
_MONTHS: Final = 12
_CONFIG: Final = Path(__file__).with_name("superset_config.py")


@dataclass(frozen=True, slots=True)
class Site:
    """A running Superset that knows the proxy as one of its databases."""

    api: Superset
    password: str
    behind: BrowserProxy
    database: int
    patients: int
    encounters: int


@pytest.fixture(scope="module")
def behind(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserProxy]:
    """The proxy for this module."""
    with run_browser_proxy(tmp_path_factory.mktemp("superset-proxy"), clinic, "clinic_superset") as running:
        yield running


@pytest.fixture(scope="module")
def site(behind: BrowserProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A new Superset with the proxy as a database, and datasets of two of its tables."""
    home = tmp_path_factory.mktemp("superset")
    environment = {
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(_CONFIG),
        "SUPERSET_SECRET_KEY": secrets.token_urlsafe(42),
        "FLASK_APP": "superset.app:create_app()",
    }
    superset = program("superset", "superset")
    password = secrets.token_urlsafe(18)
    person = ("--username", ADMIN, "--firstname", "Dana", "--lastname", "Reyes", "--email", "dana@example.org")
    for command in (("db", "upgrade"), ("fab", "create-admin", *person, "--password", password), ("init",)):
        with (home / "set-up.log").open("ab") as log:
            subprocess.run([superset, *command], env=environment, check=True, cwd=home, stdout=log, stderr=log)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    serve = (superset, "run", "--host", "127.0.0.1", "--port", str(port), "--with-threads")
    with run_server(serve, environment, f"{url}/health", home / "superset.log"):
        api = Superset(url)
        api.log_in(ADMIN, password)
        database = api.add_database("Clinic", *_connection(behind, behind.password))
        patients = api.add_dataset(database, "clinic", "patients")
        encounters = api.add_dataset(database, "clinic", "encounters")
        yield Site(api, password, behind, database, patients, encounters)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    """A browser that has logged in to Superset."""
    with open_browser() as opened:
        opened.page.goto(f"{site.api.url}/login/")
        opened.page.fill("#username", ADMIN)
        opened.page.fill("#password", site.password)
        opened.page.keyboard.press("Enter")
        opened.page.wait_for_url("**/superset/welcome/**")
        yield opened


def _connection(behind: BrowserProxy, password: str) -> tuple[str, dict[str, str]]:
    """The URI, and what it has no room for."""
    proxy = behind.proxy
    uri = f"postgresql+psycopg2://{ROLE}@{proxy.host}:{proxy.port}/{proxy.database}"
    tls = {"sslmode": "verify-full", "sslrootcert": str(proxy.certificates.ca)}
    return uri, {"password": password, **tls}


def test_a_long_token_is_kept_encrypted(site: Site) -> None:
    """A token that no URI has room for is Superset's password all the same, and its API does not give it away."""
    assert len(site.behind.password) > _LONGEST_URI
    shown = str(site.api.ask("GET", f"database/{site.database}/connection"))
    assert site.behind.password[-40:] not in shown


def test_a_short_token_fits_into_the_uri(site: Site) -> None:
    """A token signed with an elliptic curve and with few claims fits into the URI, without TLS on loopback."""
    proxy = site.behind.proxy
    uri = f"postgresql+psycopg2://{ROLE}:{proxy.token(ROLE)}@{proxy.host}:{proxy.port}/{proxy.database}?sslmode=disable"
    assert len(uri) < _LONGEST_URI
    database = site.api.add_database("Clinic, by URI", uri, {})
    assert "patients" in site.api.tables(database, "clinic")


def test_every_table_is_described(site: Site) -> None:
    """Superset finds the schemas that the role reads, and columns of each of their tables and views."""
    found = site.api.schemas(site.database)
    assert {"clinic", "sales", "reference"} <= set(found)
    for schema in ("clinic", "sales", "reference"):
        tables = site.api.tables(site.database, schema)
        assert tables
        for table in tables:
            assert site.api.describe(site.database, schema, table)["columns"], table


def test_the_columns_keep_their_types(site: Site) -> None:
    """A synchronised dataset has the columns and types that the database has."""
    columns = site.api.columns(site.patients)
    assert (columns["mrn"], columns["dob"], columns["ssn"]) == ("VARCHAR(12)", "DATE", "CHAR(11)")


def test_tokens_are_values_to_filter_by(site: Site) -> None:
    """A filter offers tokens, and a token taken from it finds its own rows."""
    token = site.api.values(site.encounters, "mrn")[0]
    assert token.startswith(TOKEN_START)
    chosen = {"col": "mrn", "op": "IN", "val": [token]}
    (row,) = site.api.data(site.encounters, {"columns": ["mrn"], "metrics": ["count"], "filters": [chosen]})
    assert row["mrn"] == token
    assert row["count"] > 0


def test_time_grains_and_masked_groups(site: Site) -> None:
    """Charts over time and over masked values get their rows."""
    month = {"columnType": "BASE_AXIS", "timeGrain": "P1M", "expressionType": "SQL"}
    month |= {"sqlExpression": "admitted_at", "label": "admitted_at"}
    assert len(site.api.data(site.encounters, {"columns": [month], "metrics": ["count"]})) > _MONTHS
    areas = site.api.data(site.patients, {"columns": ["zip"], "metrics": ["count"]})
    assert all(row["zip"] is None or row["zip"].endswith("00") for row in areas)


def test_a_dashboard_in_the_browser(site: Site, browser: Browser) -> None:
    """A dashboard and one of its charts show masks and tokens on the screen."""
    api = site.api
    dashboard = api.add_dashboard("Clinic")
    bars = {"x_axis": "zip", "metrics": ["count"], "groupby": ["sex"], "stack": "Stack", "row_limit": 100}
    areas = api.add_chart(site.patients, "Patients by area", "echarts_timeseries_bar", bars, dashboard)
    grouped = {"query_mode": "aggregate", "groupby": ["mrn"], "metrics": ["count"], "row_limit": 10}
    visits = api.add_chart(site.encounters, "Encounters by patient", "table", grouped, dashboard)
    columns = ["patient_id", "mrn", "ssn", "last_name", "dob", "zip", "phone"]
    raw = {"query_mode": "raw", "all_columns": columns, "order_by_cols": ['["patient_id", true]'], "row_limit": 100}
    people = api.add_chart(site.patients, "Patients", "table", {**raw, "page_length": 10}, dashboard)
    api.lay_out(dashboard, [[areas, visits], [people]])
    browser.page.goto(f"{api.url}/superset/dashboard/{dashboard}/")
    browser.wait_for("***-**-")
    browser.wait_for(TOKEN_START)
    browser.page.wait_for_selector("canvas")
    browser.picture("superset-dashboard")
    site.behind.check([*browser.received(), *api.answers])
    browser.page.goto(f"{api.url}/explore/?slice_id={visits}")
    browser.wait_for(TOKEN_START)
    site.behind.check([*browser.received(), *api.answers])


def test_sql_lab_in_the_browser(site: Site, browser: Browser) -> None:
    """A query typed into SQL Lab filters by a masked value, and shows masks and tokens."""
    browser.page.goto(f"{site.api.url}/sqllab/?new=true&dbid={site.database}&schema=clinic")
    browser.page.click(".ace_content")
    browser.page.keyboard.press("Control+a")
    browser.page.keyboard.insert_text(QUERY)
    browser.page.keyboard.press("Control+Enter")
    browser.wait_for(TOKEN_START)
    browser.picture("superset-sql-lab")
    assert SSN in browser.text()
    site.behind.check([*browser.received(), *site.api.answers])
