"""Casts that run functions of the database's own without naming them: CREATE CAST, and constraints of domains.

Must not know: how they are found. Invariant: who may not call the function may not have it called by a cast.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.canaries import Listener, stored_canaries
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, copied_database, run_proxy

MISTAKES = """
CREATE FUNCTION clinic.is_patient(text) RETURNS boolean LANGUAGE sql
    AS 'SELECT EXISTS (SELECT FROM clinic.patients WHERE ssn = $1)';
CREATE DOMAIN clinic.patient_ssn AS text CHECK (clinic.is_patient(VALUE));
CREATE DOMAIN clinic.some_ssn AS clinic.patient_ssn;
CREATE TYPE clinic.pair AS (a clinic.patient_ssn, b text);
CREATE TYPE clinic.found AS (ssn text);
CREATE FUNCTION clinic.find(text) RETURNS clinic.found LANGUAGE sql
    AS 'SELECT ROW(ssn)::clinic.found FROM clinic.patients WHERE patient_id = $1::int';
CREATE CAST (text AS clinic.found) WITH FUNCTION clinic.find(text);
CREATE DOMAIN clinic.short AS text CHECK (length(VALUE) < 5);
"""


@pytest.fixture(scope="module")
def mistaken(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy in front of a clinic with such types."""
    with copied_database(clinic, "mistaken_types") as database:
        with clinic.connect(database=database) as connection:
            connection.execute(MISTAKES)
        with run_proxy(tmp_path_factory.mktemp("mistaken"), clinic, database=database) as running:
            yield running


@pytest.mark.parametrize(
    "text",
    [
        "SELECT CAST('1'::text AS clinic.found)",
        "SELECT ('1'::text)::clinic.found",
        "SET search_path = clinic; SELECT '{1}'::_some_ssn",
        "SELECT '901-42-0042'::clinic.patient_ssn",
        "SELECT '901-42-0042'::clinic.some_ssn",
        "SELECT '(901-42-0042,x)'::clinic.pair",
        "SELECT '{901-42-0042}'::clinic.patient_ssn[]",
        'SELECT * FROM json_to_record(\'{"a": "901-42-0042"}\') AS r(a clinic.patient_ssn)',
        "SELECT pg_input_is_valid('901-42-0042', 'clinic.patient_ssn')",
    ],
)
def test_a_cast_calls_no_forbidden_function(clinic: Clinic, mistaken: ProxyProcess, text: str) -> None:
    """Whatever stands for the cast, it is refused before it runs, and nothing stored is told."""
    with Listener.connect(mistaken) as listener:
        sqlstate = listener.ask(text)
        assert listener.leaked(stored_canaries(clinic), mistaken) == []
        assert sqlstate in ("42501", "0A000"), listener.heard


def test_other_types_can_be_used(mistaken: ProxyProcess) -> None:
    """A constraint of built-in functions and the clinic's own types are no reason to refuse."""
    with Listener.connect(mistaken) as listener:
        tag = listener.ask("SELECT 'abc'::clinic.short, 'a'::text::varchar(3), '{1}'::int[]")
        assert tag == "SELECT 1", listener.heard
