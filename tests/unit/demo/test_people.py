"""The made-up patients: the same everywhere, like real ones, and nobody's."""

from __future__ import annotations

import re
from datetime import date

import pytest

from proxy.demo.people import AS_OF, MOST_PATIENTS, make_patient, make_provider, medical_record_number
from proxy.demo.people import social_security_number as ssn_of

SEED = 20261031
SPARSE = {"036", "059", "821", "893"}


def test_a_patient_depends_on_seed_and_number_alone() -> None:
    """Making a patient twice gives the same one, and another seed gives another."""
    assert make_patient(7, SEED) == make_patient(7, SEED)
    assert make_patient(7, SEED) != make_patient(7, SEED + 1)
    assert make_provider(7, SEED) == make_provider(7, SEED)


def test_the_patient_of_the_documents() -> None:
    """Number 42 is the one whom the documents show, and is over 89."""
    patient = make_patient(42, SEED)
    assert (patient.first_name, patient.last_name, patient.ssn) == ("Ada", "Núñez", "901-42-0042")
    assert patient.dob == date(1931, 3, 14)
    assert patient.age_on(AS_OF) == 95


def test_numbers_are_unique() -> None:
    """No two of the 100,000 possible patients share a social security or medical record number."""
    everyone = range(1, MOST_PATIENTS + 1)
    assert len({ssn_of(number) for number in everyone}) == MOST_PATIENTS
    assert len({medical_record_number(number) for number in everyone}) == MOST_PATIENTS


def test_no_identifier_is_anyones() -> None:
    """Areas that were never issued, telephone numbers and mail domains that are reserved for examples."""
    assert all(re.fullmatch(r"9\d\d-4\d-\d{4}", ssn_of(number)) for number in range(1, MOST_PATIENTS, 97))
    for number in range(1, 401):
        patient = make_patient(number, SEED)
        assert patient.phone is None or re.fullmatch(r"\d{3}-555-01\d\d", patient.phone)
        assert patient.email is None or re.fullmatch(r"[a-z0-9.-]+@example\.com", patient.email)
        assert re.fullmatch(r"MRN-\d{7}", patient.mrn)
        assert len(patient.mrn) <= 12


def test_four_hundred_have_all_that_tests_need() -> None:
    """The first 400 hold infants, people over 89, the dead, sparse ZIP areas, NULLs and names in other scripts."""
    patients = [make_patient(number, SEED) for number in range(1, 401)]
    ages = [patient.age_on(AS_OF) for patient in patients]
    assert min(ages) == 0
    assert sum(age > 89 for age in ages) >= 5
    assert max(ages) <= 104
    assert {(patient.zip or "")[:3] for patient in patients} >= SPARSE
    assert any(patient.zip is None for patient in patients)
    assert any(patient.ssn is None for patient in patients)
    assert any(patient.deceased_at is not None for patient in patients)
    letters = "".join(patient.first_name + patient.last_name for patient in patients)
    assert any(letter.isalpha() and ord(letter) > 0x250 for letter in letters)
    assert set("éñŁ") & set(letters)
    assert {patient.consent_research for patient in patients} == {True, False}
    assert all(patient.dob <= patient.created_at.date() for patient in patients)


def test_patients_are_numbered_from_one() -> None:
    """Numbers that would repeat an identifier are refused."""
    for number in (0, -1, MOST_PATIENTS + 1):
        with pytest.raises(ValueError, match="numbered from 1"):
            make_patient(number, SEED)
