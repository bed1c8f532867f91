"""What happened to the made-up patients: encounters, diagnoses, claims, tests, medicines, notes, appointments.

Owns: the rows of each table. Must not know: the database. Invariant: the rows of one patient depend on the seed and the
patient's number alone, so that a smaller clinic is a part of a larger one.
"""

from __future__ import annotations

import ipaddress
import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from proxy.demo.codes import (
    DEPARTMENTS,
    DIAGNOSES,
    INSURERS,
    LAB_TESTS,
    MEDICINES,
    PRODUCTS,
    REGIONS,
    Diagnosis,
)
from proxy.demo.names import AREAS
from proxy.demo.people import AS_OF, PROVIDERS, Patient, Provider, make_patient, make_provider, source_of

Row = tuple[object, ...]

# Each table's columns, in the order of its rows; in an order that foreign keys allow.
COLUMNS: dict[str, tuple[str, ...]] = {
    "reference.icd10_codes": ("code", "description", "chapter"),
    "reference.loinc_codes": ("code", "component", "unit", "reference_range"),
    "reference.zip_areas": ("zip3", "state", "main_city", "population"),
    "clinic.departments": ("department_id", "name", "building", "opens_at", "beds"),
    "clinic.providers": tuple(Provider.__dataclass_fields__),
    "clinic.patients": tuple(Patient.__dataclass_fields__),
    "clinic.encounters": (
        *("encounter_id", "patient_id", "mrn", "provider_id", "department_id", "kind"),
        *("admitted_at", "discharged_at", "reason", "tags"),
    ),
    "clinic.diagnoses": (
        *("diagnosis_id", "encounter_id", "patient_id", "icd10", "description", "rank", "diagnosed_on"),
    ),
    "clinic.claims": (
        *("claim_id", "encounter_id", "patient_id", "subscriber_ssn", "insurer", "member_id"),
        *("amount", "paid", "status", "submitted", "adjudicated_at"),
    ),
    "clinic.labs": (
        *("lab_id", "patient_id", "encounter_id", "loinc", "value", "unit", "abnormal", "turnaround", "taken_at"),
    ),
    "clinic.medications": (
        *("medication_id", "patient_id", "provider_id", "name", "dose_mg", "every"),
        *("instructions", "started_on", "ended_on"),
    ),
    "clinic.notes": ("note_id", "patient_id", "encounter_id", "author_id", "written_at", "body"),
    "clinic.psychotherapy_notes": (
        *("note_id", "patient_id", "encounter_id", "author_id", "written_at", "body", "session_number", "released"),
    ),
    "clinic.appointments": (
        *("appointment_id", "patient_id", "provider_id", "starts_at", "duration", "status", "booked_from", "details"),
    ),
    "sales.regions": ("region_id", "name"),
    "sales.products": ("product_id", "sku", "name", "price", "attributes"),
    "sales.orders": (
        *("order_id", "region_id", "product_id", "quantity", "amount", "discount", "ordered_on", "shipped_at"),
    ),
}

_KINDS = {"office": 62, "telehealth": 16, "emergency": 14, "inpatient": 8}
_CHARGES = {"office": 180, "telehealth": 95, "emergency": 1_400, "inpatient": 11_000}
_PSYCHIATRY = 8
_PER_PATIENT = 100  # room for keys: the children of patient 7 are 700 to 799
ORDERS = 2_000


@dataclass(slots=True)
class Batch:
    """Rows by table, ready to be copied."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in COLUMNS})

    def add(self, table: str, *row: object) -> None:
        """One row, in the order of ``COLUMNS``."""
        self.rows[table].append(row)

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.rows.values())


def make_patients(first: int, last: int, seed: int) -> Batch:
    """The patients with numbers ``first`` to ``last`` (both included) and all that belongs to them."""
    providers = tuple(make_provider(number, seed) for number in range(1, PROVIDERS + 1))
    batch = Batch()
    for number in range(first, last + 1):
        patient = make_patient(number, seed)
        batch.add("clinic.patients", *astuple(patient))
        history = _History(batch, patient, providers, source_of(seed, "history", number))
        history.write()
    return batch


@dataclass(slots=True)
class _History:
    """One patient's rows outside ``clinic.patients``."""

    batch: Batch
    patient: Patient
    providers: Sequence[Provider]
    r: random.Random
    notes: int = 0
    labs: int = 0
    sessions: int = 0

    def write(self) -> None:
        p, r = self.patient, self.r
        end = p.deceased_at or datetime.combine(AS_OF, datetime.min.time(), UTC)
        count = min(int(r.expovariate(1 / 4.2)), 14)
        moments = sorted(p.created_at + (end - p.created_at) * r.random() for _ in range(count))
        for place, moment in enumerate(moments):
            self._encounter(p.patient_id * _PER_PATIENT + place, moment.replace(tzinfo=None, second=0, microsecond=0))
        self._medications(end.date())
        self._appointments(end)

    def _encounter(self, key: int, admitted: datetime) -> None:
        p, r = self.patient, self.r
        kind = r.choices(tuple(_KINDS), tuple(_KINDS.values()))[0]
        doctor = r.choice(self.providers)
        age = p.age_on(admitted.date())
        possible = [d for d in DIAGNOSES if d.from_age <= age and (p.sex == "F" or d.code not in ("O80", "C50.911"))]
        found = r.choices(possible, [d.share for d in possible], k=r.choices((1, 2, 3), (60, 28, 12))[0])
        found = list(dict.fromkeys(found))
        hours = {"office": 0.5, "telehealth": 0.4, "emergency": 5.0, "inpatient": 80.0}[kind] * (0.4 + 1.6 * r.random())
        discharged = None if r.random() < 0.015 else admitted + timedelta(minutes=int(hours * 60))
        reason = None if r.random() < 0.05 else self._reason(found[0])
        tags = [tag for tag, share in (("new", 0.1), ("interpreter", 0.08), ("referred", 0.2)) if r.random() < share]
        row = (key, p.patient_id, p.mrn, doctor.provider_id, doctor.department_id, kind, admitted, discharged, reason)
        self.batch.add("clinic.encounters", *row, tags)
        for rank, d in enumerate(found, 1):
            day = admitted.date()
            self.batch.add("clinic.diagnoses", key * 10 + rank, key, p.patient_id, d.code, d.description, rank, day)
        self._claim(key, kind, admitted.date())
        self._labs(key, admitted)
        self._note(key, doctor, admitted, found[0])

    def _reason(self, diagnosis: Diagnosis) -> str:
        dice = self.r.random()
        if dice < 0.06:
            return f"{diagnosis.reason}; call {self.patient.first_name} back at {self.patient.phone or 'home'}"
        return diagnosis.reason

    def _claim(self, key: int, kind: str, day: date) -> None:
        p, r = self.patient, self.r
        if p.insurance_id is None or r.random() > 0.9:
            return
        amount = Decimal(round(_CHARGES[kind] * r.lognormvariate(0, 0.5) * 100)) / 100
        status = r.choices(("paid", "submitted", "denied", "appealed"), (74, 14, 9, 3))[0]
        paid = (amount * Decimal(r.randrange(40, 101)) / 100).quantize(Decimal("0.01")) if status == "paid" else None
        submitted = day + timedelta(days=r.randrange(1, 30))
        done = datetime.combine(submitted, datetime.min.time(), UTC) + timedelta(hours=r.randrange(24, 1200))
        number = uuid.UUID(int=r.getrandbits(128), version=4)
        self.batch.add(
            "clinic.claims",
            *(number, key, p.patient_id, p.ssn if r.random() < 0.8 else None, INSURERS[p.insurance_id[:3]]),
            *(p.insurance_id, amount, paid, status, submitted, None if status == "submitted" else done),
        )

    def _labs(self, key: int, admitted: datetime) -> None:
        p, r = self.patient, self.r
        if r.random() > 0.45:
            return
        for test in r.sample(LAB_TESTS, r.randrange(1, 5)):
            width = test.high - test.low
            value = max(0.1, r.gauss((test.low + test.high) / 2, width / 3.2))
            taken = admitted.replace(tzinfo=UTC) + timedelta(minutes=r.randrange(5, 90))
            shown = None if r.random() < 0.02 else Decimal(f"{value:.{test.digits}f}")
            wait = timedelta(minutes=r.randrange(30, 1500))
            row = (p.patient_id * _PER_PATIENT + self.labs, p.patient_id, key, test.code, shown, test.unit)
            self.batch.add("clinic.labs", *row, not test.low <= value <= test.high, wait, taken)
            self.labs += 1

    def _note(self, key: int, doctor: Provider, admitted: datetime, diagnosis: Diagnosis) -> None:
        p, r = self.patient, self.r
        if r.random() > 0.55:
            return
        written = admitted.replace(tzinfo=UTC) + timedelta(minutes=r.randrange(20, 600))
        body = r.choice(NOTE_BODIES).format(
            p=p,
            d=doctor,
            reason=diagnosis.reason,
            diagnosis=diagnosis.description,
            day=admitted,
            phone=p.phone or "no telephone",
            ssn=p.ssn or "none",
            email=p.email or "none",
        )
        note = (p.patient_id * _PER_PATIENT + self.notes, p.patient_id, key, doctor.provider_id, written, body)
        self.notes += 1
        if doctor.department_id == _PSYCHIATRY:
            self.sessions += 1
            self.batch.add("clinic.psychotherapy_notes", *note, self.sessions, r.random() < 0.1)
        else:
            self.batch.add("clinic.notes", *note)

    def _medications(self, end: date) -> None:
        p, r = self.patient, self.r
        for place in range(r.choices((0, 1, 2, 3), (40, 30, 20, 10))[0]):
            name, dose, hours, route = r.choice(MEDICINES)
            first = p.created_at.date()
            started = first + timedelta(days=r.randrange(max(1, (end - first).days)))
            ended = None if r.random() < 0.6 else min(end, started + timedelta(days=r.randrange(5, 400)))
            told = json.dumps({"route": route, "with_food": r.random() < 0.3}) if r.random() < 0.9 else None
            doctor = r.choice(self.providers).provider_id
            row = (p.patient_id * _PER_PATIENT + place, p.patient_id, doctor, name, dose, timedelta(hours=hours), told)
            self.batch.add("clinic.medications", *row, started, ended)

    def _appointments(self, end: datetime) -> None:
        p, r = self.patient, self.r
        for place in range(r.choices((0, 1, 2, 3), (35, 35, 20, 10))[0]):
            starts = end + timedelta(days=r.randrange(-120, 90), minutes=15 * r.randrange(32, 68))
            past = starts.date() <= AS_OF
            status = r.choices(("done", "cancelled", "missed"), (80, 12, 8))[0] if past else "booked"
            address = ipaddress.ip_address(f"203.0.113.{r.randrange(1, 255)}") if r.random() < 0.5 else None
            details = json.dumps({"room": r.randrange(1, 40), "call_ahead": p.phone} if r.random() < 0.2 else {})
            doctor = r.choice(self.providers).provider_id
            row = (p.patient_id * _PER_PATIENT + place, p.patient_id, doctor, starts)
            self.batch.add(
                "clinic.appointments", *row, timedelta(minutes=15 * r.randrange(1, 5)), status, address, details
            )


NOTE_BODIES = (
    "{p.first_name} {p.last_name} ({p.mrn}) seen for {reason}. {diagnosis}. Call {phone} with the results.",
    "Pt {p.last_name}, DOB {p.dob:%m/%d/%Y}, SSN {ssn}. {diagnosis}. Plan discussed with family; {d.last_name} MD.",
    "Telephone call from {phone}: {p.first_name} reports {reason} since {day:%Y-%m-%d}. Mail sent to {email}.",
    "Seen today, {day:%B} visit. {diagnosis}. No acute distress. Return in 3 months.",
    "Referred by Dr. {d.last_name} ({d.email}). {p.first_name} lives at {p.address}, {p.city} {p.state} {p.zip}.",
    "Identity checked: {p.mrn}, {p.dob:%Y-%m-%d}, {ssn}. Portal: https://portal.example.org/p/{p.patient_id}.",
)


def make_code_lists(seed: int) -> Batch:
    """The rows that belong to no patient: code lists, departments, providers, and the shop's regions and products."""
    batch = Batch()
    for d in DIAGNOSES:
        batch.add("reference.icd10_codes", d.code, d.description, d.chapter)
    for test in LAB_TESTS:
        bounds = (Decimal(str(test.low)), Decimal(str(test.high)))
        batch.add("reference.loinc_codes", test.code, test.component, test.unit, bounds)
    for area in AREAS:
        batch.add("reference.zip_areas", area.zip3, area.state, area.city, area.population)
    for number, (name, building, opens, beds) in enumerate(DEPARTMENTS, 1):
        at = datetime(2026, 1, 1, opens, tzinfo=UTC).time()
        batch.add("clinic.departments", number, name, building, at, beds)
    for number in range(1, PROVIDERS + 1):
        batch.add("clinic.providers", *astuple(make_provider(number, seed)))
    for number, region in enumerate(REGIONS, 1):
        batch.add("sales.regions", number, region)
    for number, (name, price, group) in enumerate(PRODUCTS, 1):
        details = json.dumps({"group": group, "prescription": False})
        batch.add("sales.products", number, f"SKU-{number:04d}", name, Decimal(price), details)
    return batch


def make_orders(seed: int) -> Batch:
    """The shop's orders."""
    batch = Batch()
    r = source_of(seed, "orders", 0)
    for number in range(1, ORDERS + 1):
        product = r.randrange(len(PRODUCTS))
        quantity = r.randrange(1, 6)
        day = AS_OF - timedelta(days=r.randrange(3 * 365))
        shipped = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=r.randrange(4, 96))
        discount = r.choice((0.0, 0.0, 0.0, 0.05, 0.1))
        amount = (Decimal(PRODUCTS[product][1]) * quantity * Decimal(str(1 - discount))).quantize(Decimal("0.01"))
        row = (number, r.randrange(1, len(REGIONS) + 1), product + 1, quantity, amount, discount, day)
        batch.add("sales.orders", *row, None if r.random() < 0.03 else shipped)
    return batch
