"""Made-up patients and the people who treat them.

Owns: who they are. Must not know: what happened to them, tables, the database.
Invariant: the same seed and number give the same person, whatever else is made; no identifier can be anyone's (social
security numbers in areas never issued, telephone exchange 555-01xx, mail at example.com and example.org).
"""

from __future__ import annotations

import json
import random
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from proxy.demo import names
from proxy.demo.codes import DEPARTMENTS, INSURERS

# The day on which the clinic's data end. A fixed one, so that the same numbers come out every day.
AS_OF = date(2026, 10, 31)
MOST_PATIENTS = 100_000
PROVIDERS = 60

_AGE_BANDS = ((0, 0, 25), (1, 17, 170), (18, 44, 300), (45, 64, 260), (65, 79, 170), (80, 89, 55), (90, 104, 20))


@dataclass(frozen=True, slots=True)
class Patient:
    """One row of ``clinic.patients``, in the order of its columns."""

    patient_id: int
    mrn: str
    ssn: str | None
    first_name: str
    last_name: str
    dob: date
    sex: str
    zip: str | None
    phone: str | None
    email: str | None
    address: str
    city: str
    state: str
    insurance_id: str | None
    languages: list[str]
    preferences: str
    consent_research: bool
    deceased_at: datetime | None
    created_at: datetime

    def age_on(self, day: date) -> int:
        """Whole years."""
        return day.year - self.dob.year - ((day.month, day.day) < (self.dob.month, self.dob.day))


@dataclass(frozen=True, slots=True)
class Provider:
    """One row of ``clinic.providers``, in the order of its columns."""

    provider_id: int
    npi: str
    licence_number: str
    first_name: str
    last_name: str
    specialty: str
    department_id: int
    phone: str
    email: str


def source_of(seed: int, what: str, number: int) -> random.Random:
    """A stream of numbers of its own for each thing made, so that none shifts when another is made differently."""
    return random.Random(f"{seed}/{what}/{number}")


def medical_record_number(number: int) -> str:
    """Unique for each number below ten million, in no visible order."""
    return f"MRN-{(number * 6_364_113 + 1_442_695) % 10_000_000:07d}"


def social_security_number(number: int) -> str:
    """Unique below MOST_PATIENTS; areas 901 to 999 have never been issued. Number 42 has 901-42-0042."""
    block, place = divmod(number, 10_000)
    area = 901 + 9 * block + (number * 5 + 6) % 9
    return f"{area}-{40 + (number * 3 + 6) % 10}-{(place * 7919 + 7444) % 10_000:04d}"


def make_patient(number: int, seed: int) -> Patient:
    """The patient of that number, from 1 to MOST_PATIENTS."""
    if not 1 <= number <= MOST_PATIENTS:
        raise ValueError(f"patients are numbered from 1 to {MOST_PATIENTS}")
    r = source_of(seed, "patient", number)
    sex = r.choices("FMX", (510, 485, 5))[0]
    first, last = _name(r, sex)
    if number == 42:
        first, last, sex = "Ada", "Núñez", "F"  # the patient whom the documents show
    dob = _birth_date(r) if number != 42 else date(1931, 3, 14)
    area = r.choices(names.AREAS, [a.share for a in names.AREAS])[0]
    payer = r.choice(tuple(INSURERS)) if r.random() < 0.92 else None
    years = (AS_OF - dob).days / 365.25
    known_for = r.randrange(1, max(2, min((AS_OF - dob).days, 6 * 365)))
    created = datetime.combine(AS_OF, datetime.min.time(), UTC) - timedelta(days=known_for, seconds=r.randrange(86_400))
    has_ssn = number == 42 or r.random() < (0.96 if years > 1 else 0.5)
    return Patient(
        patient_id=number,
        mrn=medical_record_number(number),
        ssn=social_security_number(number) if has_ssn else None,
        first_name=first,
        last_name=last,
        dob=dob,
        sex=sex,
        zip=_zip(r, area),
        phone=_phone(r, area.phone_area) if r.random() < 0.93 else None,
        email=f"{_mailbox(first, last, number)}@example.com" if r.random() < 0.7 else None,
        address=f"{r.randrange(1, 999)} {r.choice(names.STREETS)} {r.choice(names.STREET_KINDS)}",
        city=area.city,
        state=area.state,
        insurance_id=payer and f"{payer}{r.randrange(10**8, 10**9)}",
        languages=["en"] if r.random() < 0.82 else [*r.choice((["en"], [])), r.choice(names.LANGUAGES)],
        preferences=json.dumps({"contact": r.choice(("phone", "email", "letter")), "portal": r.random() < 0.6}),
        consent_research=r.random() < 0.55,
        deceased_at=_death(r, years, created),
        created_at=created,
    )


def make_provider(number: int, seed: int) -> Provider:
    """The physician of that number, from 1 to PROVIDERS."""
    r = source_of(seed, "provider", number)
    first, last = _name(r, r.choice("FM"))
    department = (number - 1) % len(DEPARTMENTS)
    return Provider(
        provider_id=number,
        npi=f"{1_900_000_000 + number * 7_919}",
        licence_number=f"{r.choice(('NH', 'VT', 'MA'))}-MD-{10_000 + number * 37}",
        first_name=first,
        last_name=last,
        specialty=DEPARTMENTS[department][0],
        department_id=department + 1,
        phone=_phone(r, "603"),
        email=f"{_mailbox(first, last, number)}@example.org",
    )


def _name(r: random.Random, sex: str) -> tuple[str, str]:
    if r.random() < 0.004:
        return r.choice(names.OTHER_SCRIPTS)
    given = {"F": names.FEMALE, "M": names.MALE, "X": names.NEUTRAL}[sex]
    return r.choice(given), r.choice(names.LAST)


def _birth_date(r: random.Random) -> date:
    low, high, _ = r.choices(_AGE_BANDS, [share for _, _, share in _AGE_BANDS])[0]
    return AS_OF - timedelta(days=r.randrange(int(low * 365.25) + 1, int((high + 1) * 365.25)))


def _zip(r: random.Random, area: names.Area) -> str | None:
    dice = r.random()
    if dice < 0.01:
        return None
    if dice < 0.013:
        return "K1A0B"  # a visitor from abroad, whose code is no ZIP code
    return f"{area.zip3}{r.randrange(1, 100):02d}"


def _phone(r: random.Random, area: str) -> str:
    return f"{area}-555-01{r.randrange(100):02d}"


def _mailbox(first: str, last: str, number: int) -> str:
    plain = unicodedata.normalize("NFKD", f"{first}.{last}".replace("Ł", "L").replace("ł", "l"))
    letters = "".join(c for c in plain.lower() if c.isascii() and (c.isalnum() or c in ".-"))
    return f"{letters.strip('.-') or 'patient'}{number}"


def _death(r: random.Random, years: float, created: datetime) -> datetime | None:
    if r.random() > (0.35 if years >= 90 else 0.12 if years >= 75 else 0.01):
        return None
    end = datetime.combine(AS_OF, datetime.min.time(), UTC)
    return created + (end - created) * r.random()
