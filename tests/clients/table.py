"""The README's table of clients and features, made from what the tests found.

Owns: reading a JUnit report, and the table. Must not know: any client. Invariant: a feature has its mark only where the
report says that it worked with TLS and without; one that a client does not offer is told from one that failed.

    python -m tests.clients.table REPORT
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.clients.clients import CLIENTS, ROOT
from tests.clients.scenario import Feature

README: Final = ROOT / "README.md"
OPENING: Final = "<!-- clients: made by `make clients` -->\n"
CLOSING: Final = "<!-- /clients -->"
WORKS, FAILS, NOT_OFFERED = "✓", "**fails**", "–"
_RUNS: Final = 2  # with TLS and without

Results = Mapping[tuple[str, str], list[bool]]


def read_report(report: Path) -> Results:
    """For each (client, feature): whether each of its tests passed."""
    results: dict[tuple[str, str], list[bool]] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest has just written it
        told = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
        if "client" in told:
            passed = all(child.tag not in ("failure", "error", "skipped") for child in case)
            results.setdefault((told["client"], told["feature"]), []).append(passed)
    return results


def make_table(results: Results) -> str:
    """The table, a line for each client. Raises SystemExit where the report is not of all clients."""
    lines = [
        f"| client | {' | '.join(feature.value for feature in Feature)} |",
        f"|---|{'---|' * len(Feature)}",
    ]
    for client in CLIENTS:
        marks = []
        for feature in Feature:
            found = results.get((client.name, feature.value), [])
            if feature in client.without:
                marks.append(NOT_OFFERED)
            elif len(found) != _RUNS:
                raise SystemExit(f"the report lacks {client.name}, {feature.value}")
            else:
                marks.append(WORKS if all(found) else FAILS)
        lines.append(f"| {client.name} | {' | '.join(marks)} |")
    return "".join(f"{line}\n" for line in lines)


def put_in(text: str, table: str) -> str:
    """The README's text with this table between the two markers."""
    pattern = re.compile(f"(?<={re.escape(OPENING)}).*?(?={re.escape(CLOSING)})", re.DOTALL)
    changed, found = pattern.subn(lambda _: table, text)
    if found != 1:
        raise SystemExit("README.md lacks the markers of the table of clients")
    return changed


if __name__ == "__main__":
    made = make_table(read_report(Path(sys.argv[1])))
    README.write_text(put_in(README.read_text(encoding="utf-8"), made), encoding="utf-8")
