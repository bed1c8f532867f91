"""Numbers that tests measured, at the end of pytest's own report.

Owns: the fixture ``report`` and the section that its lines stand in. Must not know: what was measured.
Invariant: a line appears however the tests end, in the order in which the lines were given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

Report: TypeAlias = Callable[[str], None]

_LINES: list[str] = []


@pytest.fixture(scope="session")
def report() -> Report:
    """A function that adds one line to the summary."""
    return _LINES.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the lines (called by pytest)."""
    if _LINES:
        terminalreporter.section("measured")
        for line in _LINES:
            terminalreporter.line(line)
