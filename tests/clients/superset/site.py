"""A running Superset, and how one logs in to it and connects it.

Owns: what the tests of this folder say about it. Must not know: how it was started. Invariant: each value is of the one
Superset that all of them share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tests.clients.browser import Browser
from tests.clients.browser_proxy import ROLE, BrowserProxy
from tests.clients.superset.api import Superset

ADMIN: Final = "admin"
ACCOUNT: Final = "bi"  # the role of a login that many people share
HINTED: Final = "Clinic, for each as they may"  # the database that Superset names its people to


@dataclass(frozen=True, slots=True)
class Site:
    """A running Superset that knows the proxy as one of its databases."""

    api: Superset
    password: str = field(repr=False)
    behind: BrowserProxy
    database: int
    patients: int
    encounters: int


def connection_to(behind: BrowserProxy, password: str, role: str = ROLE) -> tuple[str, dict[str, str]]:
    """The URI, and what it has no room for."""
    proxy = behind.proxy
    uri = f"postgresql+psycopg2://{role}@{proxy.host}:{proxy.port}/{proxy.database}"
    tls = {"sslmode": "verify-full", "sslrootcert": str(proxy.certificates.ca)}
    return uri, {"password": password, **tls}


def log_in(browser: Browser, url: str, name: str, password: str) -> None:
    """Log in to Superset on its own page."""
    page = browser.page
    page.goto(f"{url}/login/")
    page.fill("#username", name)
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/superset/welcome/**")


def ask_in_sql_lab(browser: Browser, url: str, database: int, text: str) -> None:
    """Type a text into SQL Lab and run it."""
    page = browser.page
    page.goto(f"{url}/sqllab/?new=true&dbid={database}&schema=clinic")
    page.click(".ace_content")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    page.keyboard.press("Control+Enter")
