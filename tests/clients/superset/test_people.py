"""One account of Superset's, many people: its mutator says who asks, and each is shown what they may see.

Must not know: how the proxy works. Invariant: the people share a database and a dataset of it; nothing but
their roles in Superset tells them apart.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.clients.cleartext import columns_seen
from tests.clients.superset.api import Superset
from tests.clients.superset.site import ACCOUNT, HINTED, Site, connection_to

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

# People, their role in Superset, and the role of the proxy's that the page maps it to.
PEOPLE: Final = {"ana": ("Analysts", "analyst"), "bill": ("Billing", "billing")}
QUERY: Final = "SELECT patient_id, ssn, dob, zip FROM clinic.patients WHERE patient_id = 42"
# Patient 42 is always there, and the same: what each person sees of these columns.
SEES: Final[Mapping[str, Mapping[str, object]]] = {
    "ana": {"ssn": None, "dob": "1931-03-01", "zip": "03700"},
    "bill": {"ssn": "***-**-0042", "dob": "1931-03-14", "zip": "03768"},
}
COLUMNS: Final = ("patient_id", "dob", "zip")


@dataclass(frozen=True, slots=True)
class Shared:
    """A database whose login is of an account, a dataset of it, and those who use both."""

    database: int
    patients: int
    people: Mapping[str, Superset]
    passwords: Mapping[str, str] = field(repr=False)


@pytest.fixture(scope="module")
def shared(site: Site) -> Shared:
    """The account's database, and people with a role each."""
    api = site.api
    token = site.behind.proxy.issuer.mint(subject="superset", roles=(ACCOUNT,))
    database = api.add_database(HINTED, *connection_to(site.behind, token, ACCOUNT))
    rights = api.roles()
    passwords = {name: secrets.token_urlsafe(18) for name in PEOPLE}
    people = {}
    for name, (role, _) in PEOPLE.items():
        api.add_person(name, passwords[name], [api.add_role(role), rights["Alpha"], rights["sql_lab"]])
        people[name] = Superset(api.url)
        people[name].log_in(name, passwords[name])
    # Superset's metadata in SQLite has room for one dataset of each table's name.
    patients = api.add_dataset(database, "clinic", "active_patients")
    return Shared(database, patients, people, passwords)


@pytest.fixture(params=sorted(PEOPLE))
def person(request: pytest.FixtureRequest) -> str:
    """Each of them."""
    return str(request.param)


def test_a_chart_for_each(shared: Shared, person: str) -> None:
    """The same chart on the same dataset: each person gets the masks of their own role."""
    filters = [{"col": "patient_id", "op": "==", "val": 42}]
    (row,) = shared.people[person].data(shared.patients, {"columns": list(COLUMNS), "filters": filters})
    assert _comparable(row) == {name: {"patient_id": 42, **SEES[person]}[name] for name in COLUMNS}


def test_sql_lab_for_each(shared: Shared, person: str) -> None:
    """The same statement typed by each."""
    (row,) = shared.people[person].run(shared.database, QUERY)["data"]
    assert _comparable(row) == {"patient_id": 42, **SEES[person]}


def test_nothing_more_is_received(site: Site, shared: Shared) -> None:
    """Of all that Superset has answered them, nothing holds a number that they may not see."""
    seen = {name: columns_seen(site.behind.stored, api.answers) for name, api in shared.people.items()}
    assert seen["ana"] == frozenset()
    assert "clinic.patients.ssn" not in seen["bill"]


def test_nobody_in_particular(site: Site, shared: Shared) -> None:
    """A person without such a role is told so, and a second hint in the text is refused: the account reads nothing."""
    with pytest.raises(AssertionError, match="hint"):
        site.api.run(shared.database, QUERY)
    with pytest.raises(AssertionError, match="hint"):
        shared.people["ana"].run(shared.database, f"/* pgveil: eyJhbGciOiJFUzI1NiJ9.e30.c2ln */ {QUERY}")


def test_the_journal_names_them(site: Site, shared: Shared) -> None:
    """Each statement on patients is recorded under the person and the role, with the account beside them."""
    journal = site.behind.proxy.journal()
    asked = [r for r in journal if r["type"] == "statement" and r["login"] == "superset" and r["relations"]]
    assert {(r["principal"], r["role"]) for r in asked} == {(name, role) for name, (_, role) in PEOPLE.items()}
    assert shared.people


def _comparable(row: Mapping[str, object]) -> dict[str, object]:
    """The row, with dates as SQL writes them: charts have milliseconds since 1970 (UTC)."""
    shown = dict(row)
    dob = shown["dob"]
    if isinstance(dob, int | float):
        shown["dob"] = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=dob)).date().isoformat()
    elif isinstance(dob, str):
        shown["dob"] = dob[:10]
    return shown
