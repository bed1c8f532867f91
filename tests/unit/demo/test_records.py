"""The rows around the made-up patients."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files

from proxy.demo.people import make_patient
from proxy.demo.records import COLUMNS, make_code_lists, make_orders, make_patients

SEED = 20261031


def test_a_smaller_clinic_is_part_of_a_larger_one() -> None:
    """The first patients' rows are the same, however many patients follow."""
    small, large = make_patients(1, 20, SEED), make_patients(1, 60, SEED)
    split = make_patients(21, 60, SEED)
    for table, rows in large.rows.items():
        assert rows == small.rows[table] + split.rows[table]


def test_rows_fit_their_columns() -> None:
    """Each row has a value for each column of its table, and each table of the schema gets rows."""
    batches = (make_code_lists(SEED), make_patients(1, 100, SEED), make_orders(SEED))
    for table, columns in COLUMNS.items():
        rows = [row for batch in batches for row in batch.rows[table]]
        assert rows, table
        assert {len(row) for row in rows} == {len(columns)}, table
    schema = files("proxy.demo").joinpath("schema.sql").read_text()
    assert all(f"CREATE TABLE {table} " in schema for table in COLUMNS)


def test_keys_are_unique() -> None:
    """No table repeats its key (the first column)."""
    batch = make_patients(1, 300, SEED)
    for table in ("encounters", "diagnoses", "claims", "labs", "medications", "appointments"):
        keys = [row[0] for row in batch.rows[f"clinic.{table}"]]
        assert len(keys) == len(set(keys)), table
    notes = [row[0] for table in ("notes", "psychotherapy_notes") for row in batch.rows[f"clinic.{table}"]]
    assert len(notes) == len(set(notes))


def test_encounters_repeat_the_record_number_and_follow_the_registration() -> None:
    """An encounter has its patient's record number and is not before the patient was known."""
    for row in make_patients(1, 100, SEED).rows["clinic.encounters"]:
        encounter = dict(zip(COLUMNS["clinic.encounters"], row, strict=True))
        assert isinstance(encounter["patient_id"], int)
        patient = make_patient(encounter["patient_id"], SEED)
        assert encounter["mrn"] == patient.mrn
        assert isinstance(encounter["admitted_at"], datetime)
        assert encounter["admitted_at"] >= patient.created_at.replace(tzinfo=None, second=0, microsecond=0)


def test_notes_hold_identifiers() -> None:
    """The free text has names, record numbers, social security numbers, telephones, mail and dates inside."""
    bodies = {row[1]: str(row[5]) for row in make_patients(1, 300, SEED).rows["clinic.notes"]}
    texts = "\n".join(bodies.values())
    for sign in ("MRN-", "901-4", "-555-01", "@example.com", "DOB ", "https://"):
        assert sign in texts


def test_there_are_about_four_encounters_a_patient() -> None:
    """The clinic has the size that it claims."""
    batch = make_patients(1, 1000, SEED)
    assert 3000 <= len(batch.rows["clinic.encounters"]) <= 5000
