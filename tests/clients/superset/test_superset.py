"""Apache Superset through the proxy, as its people use it: databases and charts by its API, and its pages in a browser.

Must not know: how the proxy works. Invariant: everything that Superset answers is kept until it was looked through.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.clients.browser import Browser
from tests.clients.browser_proxy import ROLE, TOKEN_START
from tests.clients.superset.site import Site, ask_in_sql_lab
from tests.clients.test_handles import ask

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SSN: Final = "***-**-0042"  # of a patient who is always there
QUERY: Final = f"""\
SELECT p.mrn, p.ssn, p.last_name, p.dob, p.zip, count(*) AS encounters
FROM clinic.patients AS p JOIN clinic.encounters AS e USING (mrn)
WHERE p.ssn = '{SSN}'
GROUP BY 1, 2, 3, 4, 5"""
_LONGEST_URI: Final = 1024
_MONTHS: Final = 12


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


def test_a_handle_fits_into_the_uri(site: Site) -> None:
    """A handle for the token of 4 kB is a password that any tool has room for."""
    proxy = site.behind.proxy
    handle = ask(proxy, "POST", site.behind.password)["handle"]
    uri = f"postgresql+psycopg2://{ROLE}:{handle}@{proxy.host}:{proxy.port}/{proxy.database}?sslmode=require"
    assert len(uri) < _LONGEST_URI
    database = site.api.add_database("Clinic, by handle", uri, {})
    (row,) = site.api.run(database, QUERY)["data"]
    assert row["ssn"] == SSN
    assert handle not in str(site.api.ask("GET", f"database/{database}/connection"))


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
    ask_in_sql_lab(browser, site.api.url, site.database, QUERY)
    browser.wait_for(TOKEN_START)
    browser.picture("superset-sql-lab")
    assert SSN in browser.text()
    site.behind.check([*browser.received(), *site.api.answers])
