-- Columns that a role must not name.

-- title: denied column
-- role: billing
-- sqlstate: 42501
-- reason: column
SELECT encounter_id, reason FROM clinic.encounters;

-- title: denied column in a condition
-- role: billing
-- sqlstate: 42501
-- reason: column
SELECT count(*) FROM clinic.encounters e WHERE e.reason LIKE '%fever%';

-- title: denied column in ORDER BY
-- role: billing
-- sqlstate: 42501
-- reason: column
SELECT encounter_id FROM clinic.encounters ORDER BY reason LIMIT 1;

-- title: denied column in a deep subquery
-- role: billing
-- sqlstate: 42501
-- reason: column
SELECT p.patient_id FROM clinic.patients p WHERE EXISTS (SELECT 1 FROM clinic.encounters e WHERE e.patient_id = p.patient_id AND e.reason IS NOT NULL);

-- title: denied column as the field of a row
-- role: billing
-- sqlstate: 42501
-- reason: column
SELECT (e).reason FROM clinic.encounters e;

-- title: denied column with schema and table
-- role: billing
-- sqlstate: 42501
-- reason: column
SELECT clinic.encounters.reason FROM clinic.encounters;
