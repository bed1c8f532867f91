"""A headless Chromium that remembers all that it was sent.

Owns: starting the browser, what pages and servers' answers said, and the screenshots of the documentation. Must not
know: whose pages these are. Invariant: nothing that the browser receives as text is forgotten.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Error, Frame, Page, Response, ViewportSize, sync_playwright

PICTURES: Final = Path(__file__).parents[2] / "docs" / "images"
PATIENCE_MS: Final = 60_000
_WINDOW: Final = ViewportSize(width=1280, height=800)
_LARGEST_PICTURE: Final = 300_000  # bytes
_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
_TEXTS: Final = ("application/json", "text/html", "text/plain", "text/csv")


@dataclass(frozen=True, slots=True)
class Browser:
    """One page, and the texts of every answer that came for it."""

    page: Page
    answers: list[str] = field(default_factory=list, repr=False)

    def text(self) -> str:
        """What a person can read in the page and its frames."""
        return "\n".join(_visible(frame) for frame in self.page.frames)

    def received(self) -> list[str]:
        """Every answer so far, and the page as it is now with all that scripts made of it."""
        return [*self.answers, *(frame.content() for frame in self.page.frames), self.text()]

    def wait_for(self, text: str) -> None:
        """Wait until the text can be seen, in the page or in one of its frames. Raises AssertionError."""
        tries = PATIENCE_MS // 250
        for _ in range(tries):
            if text in self.text():
                return
            self.page.wait_for_timeout(250)
        raise AssertionError(f"{text!r} did not appear on {self.page.url}:\n{self.text()[:2000]}")

    def picture(self, name: str) -> None:
        """Put a screenshot into the documentation. Raises AssertionError where it is too large for that."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        self.page.wait_for_timeout(1000)  # charts and menus are drawn with an animation
        self.page.screenshot(path=path)
        assert path.stat().st_size < _LARGEST_PICTURE, f"{path} has {path.stat().st_size} bytes"

    def _remember(self, response: Response) -> None:
        if response.headers.get("content-type", "").startswith(_TEXTS):
            try:
                self.answers.append(response.text())
            except Error:  # a redirect, or an answer to a page that has been left: there is no body
                self.answers.append("")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A new Chromium with an empty profile. Raises AssertionError where none is installed."""
    program = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    assert program, f"there is none of {', '.join(_PROGRAMS)} on PATH (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        # Its sandbox needs rights that root in a container does not have, and it visits this machine only.
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = chromium.new_page(viewport=_WINDOW)
        page.set_default_timeout(PATIENCE_MS)
        browser = Browser(page)

        def remember(response: Response) -> None:  # playwright marks its handlers, which a bound method does not allow
            browser._remember(response)

        page.on("response", remember)
        yield browser
        chromium.close()


def _visible(frame: Frame) -> str:
    try:
        return str(frame.evaluate("document.body ? document.body.innerText : ''"))
    except Error:  # between two pages
        return ""
