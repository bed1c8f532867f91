"""What must not be seen of the clinic, wherever it might turn up.

Owns: the values, read from the database itself, and looking for them in texts. Must not know: who was shown the texts.
Invariant: a finding is told by the column that it came from, never by the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tests.support.postgres import Clinic

# Columns that the role of the browser tests never sees as they are stored, with values that stand for nothing else.
_COLUMNS: Final = {
    "clinic.patients": ("mrn", "ssn", "phone", "email", "address", "insurance_id"),
    "clinic.encounters": ("mrn",),
    "clinic.claims": ("subscriber_ssn", "member_id"),
    "clinic.providers": ("npi", "licence_number", "email"),
}
_SHORTEST: Final = 7


def protected_values(clinic: Clinic) -> Mapping[str, str]:
    """Every stored value of these columns, and the column that it stands in."""
    found: dict[str, str] = {}
    with clinic.connect() as connection:
        for table, columns in _COLUMNS.items():
            for column in columns:
                for (value,) in connection.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"):
                    found[str(value).strip()] = f"{table}.{column}"
    return {value: column for value, column in found.items() if len(value) >= _SHORTEST}


def columns_seen(values: Mapping[str, str], texts: Iterable[str]) -> frozenset[str]:
    """The columns of which any value is in any of the texts."""
    everything = "\n".join(texts)
    return frozenset(column for value, column in values.items() if value in everything)
