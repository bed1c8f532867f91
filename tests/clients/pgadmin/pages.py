"""pgAdmin's pages, used as a person uses them.

Owns: logging in, registering a server, the tree of objects, the query tool and the grid of data. Must not know: the
proxy, what is expected of an answer. Invariant: all is done by mouse and keys, and waits for what it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Frame, Locator

from tests.clients.browser import PATIENCE_MS, Browser

_SETTLE_MS: Final = 1500  # the tree moves while it is being filled

# Messages are in a text area, whose text is not the page's.
_SHOWS: Final = """shown => document.body.innerText.includes(shown)
    || [...document.querySelectorAll("textarea")].some(area => area.value.includes(shown))"""


@dataclass(frozen=True, slots=True)
class PgAdmin:
    """A browser on pgAdmin's only page."""

    browser: Browser

    def log_in(self, url: str, name: str, password: str) -> None:
        """Log in to pgAdmin itself."""
        page = self.browser.page
        page.goto(f"{url}/login")
        page.fill("input[name=email]", name)
        page.fill("input[name=password]", password)
        page.keyboard.press("Enter")
        self.browser.wait_for("Add New Server")
        self._settle()

    def register(self, name: str, connection: Mapping[str, str]) -> None:
        """Register a server in the dialog for it, and connect (``connection``: its fields by their names)."""
        page = self.browser.page
        page.get_by_text("Add New Server", exact=True).first.click()
        page.fill("input[name=name]", name)
        page.locator("[data-test=Connection]").click()
        for field, value in connection.items():
            page.fill(f"input[name={field}]", value)
        page.locator("[data-label=Save]").click()
        self._entry(name).wait_for()
        self._settle()

    def open(self, *names: str) -> None:
        """Open one object of the tree after the other, each inside the one before."""
        for name, inside in zip(names, (*names[1:], None), strict=True):
            self._entry(name).dblclick()
            if inside is not None:
                self._entry(inside).wait_for()
            self._settle()

    def select(self, name: str) -> None:
        """Select an object that can be seen in the tree."""
        self._entry(name).click()
        self._settle()

    def look_at(self, tab: str, until: str) -> None:
        """Wait until a tab says this of the object that is selected."""
        self.browser.page.locator(".dock-tab").get_by_text(tab, exact=True).first.click()
        self.browser.wait_for(until)

    def dismiss(self) -> None:
        """Close a message box."""
        self.browser.page.locator("[data-label=OK]").click()

    def press(self, keys: str) -> None:
        """Use a shortcut of the object that is selected."""
        self.browser.page.keyboard.press(keys)

    def query(self, text: str, until: str, *, key: str = "F5") -> None:
        """Have the query tool that was opened last run a text, and wait for what it shows."""
        page, tool = self.browser.page, self._tool()
        tool.locator(".cm-content").first.click()
        self.press("Control+a")
        page.keyboard.insert_text(text)
        self.press(key)
        tool.wait_for_function(_SHOWS, arg=until, timeout=PATIENCE_MS)

    def stop(self, until: str) -> None:
        """Use the query tool's stop button, and wait for what it shows then."""
        tool = self._tool()
        tool.locator("[data-label='Cancel query']").click()
        tool.wait_for_function(_SHOWS, arg=until, timeout=PATIENCE_MS)

    def _tool(self) -> Frame:
        self._settle()
        return self.browser.page.frames[-1]

    def _entry(self, name: str) -> Locator:
        page = self.browser.page
        return page.locator(".file-entry").filter(has=page.get_by_text(name, exact=True)).last

    def _settle(self) -> None:
        self.browser.page.wait_for_timeout(_SETTLE_MS)
