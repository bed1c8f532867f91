"""The README's table of clients: it is of the clients and features that the tests have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.clients import CLIENTS
from tests.clients.scenario import Feature
from tests.clients.table import CLOSING, FAILS, NOT_OFFERED, OPENING, README, WORKS, make_table, put_in, read_report

GOOD = {(client.name, feature.value): [True, True] for client in CLIENTS for feature in client.features()}


def test_the_table_is_of_these_clients_and_features() -> None:
    """Each client and each feature is in the table, and everything that a client offers works."""
    text = README.read_text(encoding="utf-8")
    assert put_in(text, make_table(GOOD)) == text


def test_a_feature_works_only_with_tls_and_without() -> None:
    """One failure of the two is a failure."""
    client = CLIENTS[0]
    bad = {**GOOD, (client.name, Feature.MASKS.value): [True, False]}
    (line,) = (line for line in make_table(bad).splitlines() if line.startswith(f"| {client.name} |"))
    assert line.split(" | ")[1] == FAILS
    assert WORKS in line
    assert NOT_OFFERED in line


def test_a_report_of_some_clients_makes_no_table() -> None:
    """What was not run has no mark."""
    some = {key: found for key, found in GOOD.items() if key[0] != "psql"}
    with pytest.raises(SystemExit, match="lacks psql"):
        make_table(some)
    with pytest.raises(SystemExit, match="markers"):
        put_in("no markers", "")


def test_reports_are_read(tmp_path: Path) -> None:
    """A test that failed, broke or was skipped has not passed; tests without a client are passed over."""
    properties = '<properties><property name="client" value="a"/><property name="feature" value="b"/></properties>'
    ends = ("", "<failure/>", "<error/>", "<skipped/>")
    cases = "".join(f"<testcase>{properties}{end}</testcase>" for end in ends)
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuites><testsuite>{cases}<testcase/></testsuite></testsuites>")
    assert read_report(report) == {("a", "b"): [True, False, False, False]}
    assert put_in(f"x{OPENING}old{CLOSING}y", "new\n") == f"x{OPENING}new\n{CLOSING}y"
