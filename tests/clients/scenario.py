"""What every client is asked to do, and what it must have been shown: one list, whatever the client.

Owns: the features, the statements behind them, and the values expected. Must not know: any client, the proxy.
Invariant: what is expected is computed from what is stored and the masks written out in ``seen``, never asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from tests.clients.seen import SEEN, Seen, stored_patients
from tests.support.postgres import PATIENTS, Clinic

ROLE: Final = "analyst"
ROWS: Final = 10_000
_EACH: Final = ROWS // PATIENTS
_FEW: Final = 40

Shown = list[Any]


class Feature(Enum):
    """What a client can do; the values are the headings of the table in the README."""

    MASKS = "masked values"
    CATALOG = "introspection"
    PARAMETERS = "parameters"
    PREPARED = "prepared, 20 times"
    BINARY = "binary results"
    PIECES = "10,000 rows in pieces"
    CURSOR = "10,000 rows by DECLARE"
    ERRORS = "error and rollback"
    CANCEL = "cancel"
    COPY = "copy out"
    PIPELINE = "pipelining"


TEXTS: Final[Mapping[str, str]] = {
    "rows": "SELECT ssn, last_name, dob, zip, phone FROM clinic.patients "
    f"WHERE patient_id <= {_FEW} ORDER BY patient_id",
    # {} is where the client writes its own parameter's mark.
    "by_id": "SELECT ssn, zip, dob FROM clinic.patients WHERE patient_id = {}",
    "many": "SELECT p.patient_id, p.zip, p.dob, g.n FROM clinic.patients p "
    f"CROSS JOIN generate_series(1, {_EACH}) AS g(n) ORDER BY p.patient_id, g.n",
    "refused": "SELECT pg_read_file('/etc/passwd')",
    "failing": "SELECT 1 / 0",
    "good": "SELECT 1",
    "endless": "SELECT pg_sleep(60)",
    "copied": f"SELECT patient_id, zip, dob, phone FROM clinic.patients WHERE patient_id <= {_FEW} ORDER BY patient_id",
    "table": "patients",
    "schema": "clinic",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One feature: ``expected`` gives what a client must have been shown, as texts and None."""

    feature: Feature
    expected: Callable[[Clinic], Shown]


def _seen(clinic: Clinic, last: int) -> list[Seen]:
    return [SEEN[ROLE](patient) for patient in stored_patients(clinic, last)]


def _rows(clinic: Clinic) -> Shown:
    return [[s.ssn, s.last_name, str(s.dob), s.zip, s.phone] for s in _seen(clinic, _FEW)]


def _by_id(numbers: int) -> Callable[[Clinic], Shown]:
    return lambda clinic: [[s.ssn, s.zip, str(s.dob)] for s in _seen(clinic, numbers)]


def _many(clinic: Clinic) -> Shown:
    return [
        [str(number), s.zip, str(s.dob), str(n)]
        for number, s in enumerate(_seen(clinic, PATIENTS), 1)
        for n in range(1, _EACH + 1)
    ]


def _copied(clinic: Clinic) -> Shown:
    return [[str(number), s.zip, str(s.dob), s.phone] for number, s in enumerate(_seen(clinic, _FEW), 1)]


def _columns(clinic: Clinic) -> Shown:
    text = """
        SELECT attname FROM pg_attribute
        WHERE attrelid = 'clinic.patients'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
    """
    with clinic.connect() as connection:
        return [row[0] for row in connection.execute(text)]


SCENARIOS: Final = (
    Scenario(Feature.MASKS, _rows),
    Scenario(Feature.CATALOG, _columns),
    Scenario(Feature.PARAMETERS, _by_id(10)),
    Scenario(Feature.PREPARED, _by_id(20)),
    Scenario(Feature.BINARY, _rows),
    Scenario(Feature.PIECES, _many),
    Scenario(Feature.CURSOR, _many),
    # Our refusal and the server's error: each fails the transaction, which only ROLLBACK ends.
    Scenario(Feature.ERRORS, lambda _: ["42501", "25P02", "1", "22012", "25P02", "1"]),
    Scenario(Feature.CANCEL, lambda _: ["57014", "1"]),
    Scenario(Feature.COPY, _copied),
    Scenario(Feature.PIPELINE, _by_id(10)),
)
