-- Partitions, inheritance children and views named directly are protected like the table they belong to.

-- title: one partition
-- order: total
SELECT encounter_id, mrn, reason FROM clinic.encounters_2024 WHERE encounter_id % 5 = 0 ORDER BY encounter_id;

-- title: star of one partition
-- order: total
SELECT * FROM clinic.encounters_2023 WHERE patient_id <= 60 ORDER BY encounter_id;

-- title: the default partition
-- order: none
SELECT count(*), min(admitted_at), max(admitted_at) FROM clinic.encounters_other;

-- title: partition joined with its parent
-- order: total
SELECT a.encounter_id, b.mrn FROM clinic.encounters_2025 a JOIN clinic.encounters b ON b.encounter_id = a.encounter_id WHERE a.patient_id <= 80 ORDER BY a.encounter_id;

-- title: union of partitions
-- order: total
SELECT '2022' AS year, count(*) AS n, count(DISTINCT mrn) AS people FROM clinic.encounters_2022
UNION ALL SELECT '2023', count(*), count(DISTINCT mrn) FROM clinic.encounters_2023 ORDER BY 1;

-- title: ONLY a parent by inheritance
-- order: none
SELECT count(*), count(DISTINCT author_id) FROM ONLY clinic.notes;

-- title: ONLY with parentheses
-- order: none
SELECT count(*) FROM ONLY (clinic.notes) n WHERE n.encounter_id IS NOT NULL;

-- title: ONLY a partitioned table has no rows
-- order: none
SELECT count(*) FROM ONLY clinic.encounters;

-- title: parent with its children, star in parent's words
-- order: none
SELECT count(*) AS notes, count(body) AS bodies FROM clinic.notes *;

-- title: parent by inheritance
-- order: total
SELECT note_id, patient_id, author_id, body FROM clinic.notes WHERE patient_id <= 20 ORDER BY note_id;

-- title: inheritance child
-- order: total
SELECT * FROM clinic.psychotherapy_notes WHERE note_id IN (SELECT note_id FROM clinic.psychotherapy_notes ORDER BY note_id LIMIT 10) ORDER BY note_id;

-- title: partitioned table with pruning
-- order: total
SELECT department_id, count(*) AS n FROM clinic.encounters WHERE admitted_at >= TIMESTAMP '2024-03-01' AND admitted_at < TIMESTAMP '2024-04-01' GROUP BY department_id ORDER BY department_id;

-- title: view
-- order: total
SELECT patient_id, mrn, first_name, last_name, dob, zip, phone FROM clinic.active_patients WHERE patient_id <= 30 ORDER BY patient_id;

-- title: star of a view
-- order: total
SELECT * FROM clinic.active_patients WHERE patient_id <= 30 ORDER BY patient_id;

-- title: view filtered by a masked column
-- order: none
SELECT count(*), count(DISTINCT zip) FROM clinic.active_patients WHERE dob >= DATE '1980-01-01' AND last_name >= 'M';

-- title: aggregating view
-- order: total
SELECT * FROM clinic.encounter_summary WHERE patient_id <= 50 ORDER BY patient_id;

-- title: view over views
-- order: total
SELECT * FROM clinic.active_patient_summary WHERE patient_id <= 40 ORDER BY patient_id;

-- title: view over views with an alias list and grouping
-- order: total
SELECT v.z, sum(v.encounters) AS encounters FROM clinic.active_patient_summary AS v (patient_id, mrn, f, l, dob, sex, z) GROUP BY v.z ORDER BY v.z;

-- title: security invoker view
-- order: total
SELECT month, insurer, claims, billed, paid FROM clinic.claims_by_month WHERE month >= '2024-01-01' AND month < '2024-07-01' ORDER BY month, insurer;

-- title: view joined with the table under it
-- order: total
SELECT a.patient_id, a.last_name, p.last_name AS same, p.insurance_id FROM clinic.active_patients a JOIN clinic.patients p USING (patient_id) WHERE patient_id <= 20 ORDER BY patient_id;

-- title: view in a subquery and a CTE of the view's name
-- order: total
WITH active_patients AS (SELECT a.patient_id, a.zip FROM clinic.active_patients a WHERE a.sex = 'F') SELECT zip, count(*) FROM active_patients GROUP BY zip ORDER BY zip;

-- title: whole table sampled at one hundred percent
-- order: none
SELECT count(*), count(DISTINCT zip) FROM sales.products TABLESAMPLE BERNOULLI (100) REPEATABLE (7), clinic.patients WHERE product_id = 1;

-- title: reference tables beside masked ones
-- order: total
SELECT z.state, z.main_city, count(p.patient_id) AS patients, round(1000000.0 * count(p.patient_id) / z.population, 2) AS per_million
FROM reference.zip_areas z LEFT JOIN clinic.patients p ON p.zip LIKE z.zip3 || '%'
GROUP BY z.zip3 ORDER BY z.zip3;

-- title: domains and enums come back as themselves
-- order: total
SELECT d.diagnosis_id, d.icd10, d.description, a.status FROM clinic.diagnoses d JOIN clinic.appointments a ON a.patient_id = d.patient_id WHERE d.patient_id <= 15 ORDER BY d.diagnosis_id, a.appointment_id;

-- title: enum compared, cast and ordered
-- order: total
SELECT status, status::text AS label, count(*) FROM clinic.appointments WHERE status IN ('missed', 'cancelled') OR status < 'done' GROUP BY status ORDER BY status DESC;

-- title: materialized view
-- order: total
SELECT * FROM clinic.patients_per_zip ORDER BY patients DESC, zip, oldest_dob;

-- title: materialized view grouped by a masked column
-- order: total
SELECT zip, sum(patients) AS patients, min(oldest_dob) AS oldest FROM clinic.patients_per_zip GROUP BY zip ORDER BY zip;
