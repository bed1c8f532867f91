-- The clinic of the demo and of the tests: what a small health system keeps, with the shapes that a proxy meets
-- (partitions, inheritance, views over views, domains, enums, dropped columns, arrays, JSON).
-- Runs once on an empty database, as its owner; the rows come from clinic.py. PostgreSQL 16 and later.

CREATE SCHEMA clinic;
CREATE SCHEMA sales;
CREATE SCHEMA reference;

COMMENT ON SCHEMA clinic IS 'Protected health information';
COMMENT ON SCHEMA sales IS 'The clinic''s shop: nothing in it says anything about a patient';
COMMENT ON SCHEMA reference IS 'Public code lists';

-- reference ----------------------------------------------------------------------------------------------------------

CREATE TABLE reference.icd10_codes (
    code varchar(8) PRIMARY KEY,
    description text NOT NULL,
    chapter smallint NOT NULL
);

CREATE TABLE reference.loinc_codes (
    code varchar(10) PRIMARY KEY,
    component text NOT NULL,
    unit text NOT NULL,
    reference_range numrange NOT NULL
);

CREATE TABLE reference.zip_areas (
    zip3 char(3) PRIMARY KEY,
    state char(2) NOT NULL,
    main_city text NOT NULL,
    population integer NOT NULL
);
COMMENT ON COLUMN reference.zip_areas.population IS 'Inhabitants of all ZIP codes with these first three digits';

-- clinic -------------------------------------------------------------------------------------------------------------

CREATE DOMAIN clinic.icd10_code AS varchar(8) CHECK (VALUE ~ '^[A-Z][0-9][0-9A-Z]');
CREATE DOMAIN clinic.icd10_text AS text;
CREATE TYPE clinic.appointment_status AS ENUM ('booked', 'arrived', 'done', 'cancelled', 'missed');

CREATE TABLE clinic.departments (
    department_id integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    building text NOT NULL,
    opens_at time NOT NULL,
    beds smallint
);

CREATE TABLE clinic.providers (
    provider_id integer PRIMARY KEY,
    npi char(10) NOT NULL UNIQUE,
    licence_number varchar(16) NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    specialty text NOT NULL,
    department_id integer NOT NULL REFERENCES clinic.departments,
    phone text,
    email text
);
COMMENT ON COLUMN clinic.providers.npi IS 'National Provider Identifier';

CREATE TABLE clinic.patients (
    patient_id bigint PRIMARY KEY,
    mrn varchar(12) NOT NULL UNIQUE,
    paper_chart text,
    ssn char(11),
    first_name text NOT NULL,
    last_name text NOT NULL,
    dob date NOT NULL,
    sex char(1) NOT NULL CHECK (sex IN ('F', 'M', 'X')),
    zip char(5),
    phone text,
    email text,
    address text,
    city text,
    state char(2),
    insurance_id varchar(20),
    languages text[] NOT NULL DEFAULT '{en}',
    preferences jsonb NOT NULL DEFAULT '{}',
    consent_research boolean NOT NULL,
    deceased_at timestamptz,
    created_at timestamptz NOT NULL
);
-- Leaves a gap in the attribute numbers, as years of migrations do.
ALTER TABLE clinic.patients DROP COLUMN paper_chart;
CREATE INDEX patients_zip_idx ON clinic.patients (zip);
CREATE INDEX patients_dob_idx ON clinic.patients (dob);
CREATE INDEX patients_name_idx ON clinic.patients (last_name, first_name);
CREATE INDEX patients_ssn_idx ON clinic.patients (ssn);
COMMENT ON TABLE clinic.patients IS 'One row for each patient ever seen';
COMMENT ON COLUMN clinic.patients.patient_id IS 'Key without meaning outside this database';
COMMENT ON COLUMN clinic.patients.mrn IS 'Medical record number';
COMMENT ON COLUMN clinic.patients.ssn IS 'Social security number, NULL where the patient has none';
COMMENT ON COLUMN clinic.patients.insurance_id IS 'Health plan member number';
COMMENT ON COLUMN clinic.patients.consent_research IS 'Whether the patient agreed to research use';

CREATE SEQUENCE clinic.encounter_id_seq;

CREATE TABLE clinic.encounters (
    encounter_id bigint NOT NULL DEFAULT nextval('clinic.encounter_id_seq'),
    patient_id bigint NOT NULL REFERENCES clinic.patients,
    mrn varchar(12) NOT NULL,
    provider_id integer NOT NULL REFERENCES clinic.providers,
    department_id integer NOT NULL REFERENCES clinic.departments,
    kind text NOT NULL CHECK (kind IN ('office', 'emergency', 'inpatient', 'telehealth')),
    admitted_at timestamp NOT NULL,
    discharged_at timestamp,
    reason text,
    tags text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (encounter_id, admitted_at)
) PARTITION BY RANGE (admitted_at);
ALTER SEQUENCE clinic.encounter_id_seq OWNED BY clinic.encounters.encounter_id;
CREATE TABLE clinic.encounters_2021 PARTITION OF clinic.encounters FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE clinic.encounters_2022 PARTITION OF clinic.encounters FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
CREATE TABLE clinic.encounters_2023 PARTITION OF clinic.encounters FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE clinic.encounters_2024 PARTITION OF clinic.encounters FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE clinic.encounters_2025 PARTITION OF clinic.encounters FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE clinic.encounters_2026 PARTITION OF clinic.encounters FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE clinic.encounters_other PARTITION OF clinic.encounters DEFAULT;
CREATE INDEX encounters_patient_idx ON clinic.encounters (patient_id);
CREATE INDEX encounters_mrn_idx ON clinic.encounters (mrn);
CREATE INDEX encounters_provider_idx ON clinic.encounters (provider_id);
CREATE INDEX encounters_admitted_idx ON clinic.encounters (admitted_at);
COMMENT ON TABLE clinic.encounters IS 'Visits and stays, a partition for each year of admission';
COMMENT ON COLUMN clinic.encounters.reason IS 'Free text, as the front desk typed it';

CREATE TABLE clinic.diagnoses (
    diagnosis_id bigint PRIMARY KEY,
    encounter_id bigint NOT NULL,
    patient_id bigint NOT NULL REFERENCES clinic.patients,
    icd10 clinic.icd10_code NOT NULL REFERENCES reference.icd10_codes,
    description clinic.icd10_text NOT NULL,
    rank smallint NOT NULL,
    diagnosed_on date NOT NULL
);
CREATE INDEX diagnoses_encounter_idx ON clinic.diagnoses (encounter_id);
CREATE INDEX diagnoses_patient_idx ON clinic.diagnoses (patient_id);
CREATE INDEX diagnoses_icd10_idx ON clinic.diagnoses (icd10);

CREATE TABLE clinic.claims (
    claim_id uuid PRIMARY KEY,
    encounter_id bigint NOT NULL,
    patient_id bigint NOT NULL REFERENCES clinic.patients,
    subscriber_ssn char(11),
    insurer text NOT NULL,
    member_id varchar(20) NOT NULL,
    amount numeric(12,2) NOT NULL,
    paid numeric(12,2),
    status text NOT NULL CHECK (status IN ('submitted', 'paid', 'denied', 'appealed')),
    submitted date NOT NULL,
    adjudicated_at timestamptz
);
CREATE INDEX claims_patient_idx ON clinic.claims (patient_id);
CREATE INDEX claims_encounter_idx ON clinic.claims (encounter_id);
CREATE INDEX claims_submitted_idx ON clinic.claims (submitted);
COMMENT ON COLUMN clinic.claims.amount IS 'Billed amount in US dollars';

CREATE TABLE clinic.labs (
    lab_id bigint PRIMARY KEY,
    patient_id bigint NOT NULL REFERENCES clinic.patients,
    encounter_id bigint,
    loinc varchar(10) NOT NULL REFERENCES reference.loinc_codes,
    value numeric,
    unit text NOT NULL,
    abnormal boolean NOT NULL,
    turnaround interval,
    taken_at timestamptz NOT NULL
);
CREATE INDEX labs_patient_idx ON clinic.labs (patient_id);
CREATE INDEX labs_loinc_idx ON clinic.labs (loinc, taken_at);

CREATE TABLE clinic.medications (
    medication_id bigint PRIMARY KEY,
    patient_id bigint NOT NULL REFERENCES clinic.patients,
    provider_id integer NOT NULL REFERENCES clinic.providers,
    name text NOT NULL,
    dose_mg double precision,
    every interval NOT NULL,
    instructions jsonb,
    started_on date NOT NULL,
    ended_on date
);
CREATE INDEX medications_patient_idx ON clinic.medications (patient_id);

CREATE TABLE clinic.notes (
    note_id bigint PRIMARY KEY,
    patient_id bigint NOT NULL REFERENCES clinic.patients,
    encounter_id bigint,
    author_id integer NOT NULL REFERENCES clinic.providers,
    written_at timestamptz NOT NULL,
    body text NOT NULL
);
CREATE INDEX notes_patient_idx ON clinic.notes (patient_id);
COMMENT ON COLUMN clinic.notes.body IS 'Free text with names, numbers and dates inside';

CREATE TABLE clinic.psychotherapy_notes (
    session_number smallint NOT NULL,
    released boolean NOT NULL DEFAULT false,
    PRIMARY KEY (note_id)
) INHERITS (clinic.notes);
COMMENT ON TABLE clinic.psychotherapy_notes IS 'Kept apart (45 CFR 164.508(a)(2)), but read through clinic.notes too';

CREATE TABLE clinic.appointments (
    appointment_id bigint PRIMARY KEY,
    patient_id bigint NOT NULL REFERENCES clinic.patients,
    provider_id integer NOT NULL REFERENCES clinic.providers,
    starts_at timestamptz NOT NULL,
    duration interval NOT NULL,
    status clinic.appointment_status NOT NULL,
    booked_from inet,
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX appointments_patient_idx ON clinic.appointments (patient_id);
CREATE INDEX appointments_starts_idx ON clinic.appointments (starts_at);

CREATE FUNCTION clinic.age_at(dob date, at date) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN EXTRACT(year FROM age(at, dob))::integer;
COMMENT ON FUNCTION clinic.age_at IS 'Whole years between a birth date and a day';

CREATE FUNCTION clinic.patient_label(id bigint) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT p.last_name || ', ' || p.first_name || ' (' || p.mrn || ')' FROM clinic.patients p WHERE p.patient_id = id;
    END;
COMMENT ON FUNCTION clinic.patient_label IS 'For screens of the ward: reads clinic.patients by itself';

CREATE VIEW clinic.active_patients AS
    SELECT p.patient_id, p.mrn, p.first_name, p.last_name, p.dob, p.sex, p.zip, p.state, p.phone, p.consent_research
    FROM clinic.patients p
    WHERE p.deceased_at IS NULL;
COMMENT ON VIEW clinic.active_patients IS 'Patients who are alive';

CREATE VIEW clinic.encounter_summary AS
    SELECT e.patient_id,
           count(*) AS encounters,
           count(*) FILTER (WHERE e.kind = 'inpatient') AS stays,
           min(e.admitted_at) AS first_admitted_at,
           max(e.admitted_at) AS last_admitted_at,
           sum(e.discharged_at - e.admitted_at) AS total_time,
           array_agg(DISTINCT d.name ORDER BY d.name) AS departments
    FROM clinic.encounters e
    JOIN clinic.departments d USING (department_id)
    GROUP BY e.patient_id;

CREATE VIEW clinic.active_patient_summary AS
    SELECT a.*, s.encounters, s.stays, s.last_admitted_at
    FROM clinic.active_patients a
    LEFT JOIN clinic.encounter_summary s ON s.patient_id = a.patient_id;
COMMENT ON VIEW clinic.active_patient_summary IS 'A view over two views';

CREATE VIEW clinic.claims_by_month WITH (security_invoker = true) AS
    SELECT date_trunc('month', c.submitted::timestamp)::date AS month, c.insurer, count(*) AS claims,
           sum(c.amount) AS billed, sum(c.paid) AS paid
    FROM clinic.claims c
    GROUP BY 1, 2;

CREATE MATERIALIZED VIEW clinic.patients_per_zip AS
    SELECT p.zip, count(*) AS patients, min(p.dob) AS oldest_dob FROM clinic.patients p GROUP BY p.zip
    WITH NO DATA;

-- sales --------------------------------------------------------------------------------------------------------------

CREATE TABLE sales.regions (
    region_id integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE sales.products (
    product_id integer PRIMARY KEY,
    sku varchar(12) NOT NULL UNIQUE,
    name text NOT NULL,
    price numeric(10,2) NOT NULL,
    attributes jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE sales.orders (
    order_id bigint PRIMARY KEY,
    region_id integer NOT NULL REFERENCES sales.regions,
    product_id integer NOT NULL REFERENCES sales.products,
    quantity integer NOT NULL,
    amount numeric(12,2) NOT NULL,
    discount real NOT NULL DEFAULT 0,
    ordered_on date NOT NULL,
    shipped_at timestamptz
);
CREATE INDEX orders_ordered_idx ON sales.orders (ordered_on);
