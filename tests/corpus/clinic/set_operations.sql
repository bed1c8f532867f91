-- UNION, INTERSECT and EXCEPT, nested and with branches of their own order; VALUES and TABLE as queries.

-- title: UNION of masked columns of two tables
-- order: total
SELECT last_name FROM clinic.patients UNION SELECT last_name FROM clinic.providers ORDER BY last_name;

-- title: UNION ALL with a literal branch
-- order: total
SELECT 'patient' AS who, first_name, patient_id AS id FROM clinic.patients WHERE patient_id <= 30
UNION ALL
SELECT 'provider', first_name, provider_id FROM clinic.providers WHERE provider_id <= 30
ORDER BY who, id;

-- title: INTERSECT over masked columns
-- order: total
SELECT first_name FROM clinic.patients INTERSECT SELECT first_name FROM clinic.providers ORDER BY 1;

-- title: EXCEPT over masked columns
-- order: none
SELECT zip FROM clinic.patients EXCEPT SELECT zip FROM clinic.active_patients;

-- title: EXCEPT ALL
-- order: none
SELECT state FROM clinic.patients WHERE patient_id <= 200 EXCEPT ALL SELECT state FROM clinic.active_patients WHERE patient_id <= 150;

-- title: INTERSECT ALL
-- order: none
SELECT sex, state FROM clinic.patients WHERE patient_id <= 150 INTERSECT ALL SELECT sex, state FROM clinic.patients WHERE patient_id > 100 AND patient_id < 400;

-- title: nested set operations with parentheses
-- order: total
(SELECT zip FROM clinic.patients WHERE sex = 'F' EXCEPT SELECT zip FROM clinic.patients WHERE sex = 'M')
UNION
(SELECT zip FROM clinic.patients WHERE sex = 'X' INTERSECT SELECT zip FROM clinic.patients WHERE deceased_at IS NOT NULL)
ORDER BY zip;

-- title: precedence without parentheses
-- order: none
SELECT 1 AS n UNION SELECT 2 EXCEPT SELECT 2 UNION ALL SELECT 3 INTERSECT SELECT 3;

-- title: branches with ORDER BY and LIMIT of their own
-- order: total
(SELECT patient_id, dob FROM clinic.patients ORDER BY dob, patient_id LIMIT 5)
UNION ALL
(SELECT patient_id, dob FROM clinic.patients ORDER BY dob DESC, patient_id DESC LIMIT 5)
ORDER BY 2, 1;

-- title: set operation inside a derived table
-- order: total
SELECT u.kind, count(*) AS n, count(DISTINCT u.phone) AS phones
FROM (SELECT 'patient' AS kind, phone FROM clinic.patients UNION ALL SELECT 'provider', phone FROM clinic.providers) u
GROUP BY u.kind
ORDER BY u.kind;

-- title: set operation in EXISTS
-- order: none
SELECT EXISTS (SELECT ssn FROM clinic.patients INTERSECT SELECT subscriber_ssn FROM clinic.claims) AS shared;

-- title: set operation with NULL and a typed branch
-- order: total
SELECT patient_id, dob FROM clinic.patients WHERE patient_id <= 3 UNION ALL SELECT 0, NULL UNION ALL SELECT -1, DATE '2000-02-29' ORDER BY patient_id;

-- title: TABLE in a set operation
-- order: total
(TABLE clinic.departments) UNION (TABLE clinic.departments) ORDER BY department_id;

-- title: VALUES as a statement
-- order: total
VALUES (1, 'one'), (2, 'two'), (3, NULL) ORDER BY column1 DESC;

-- title: VALUES joined with a masked table
-- order: total
SELECT v.label, count(p.patient_id) AS patients
FROM (VALUES ('young', DATE '1990-01-01', DATE '2100-01-01'), ('old', DATE '1900-01-01', DATE '1990-01-01')) AS v (label, starts, ends)
LEFT JOIN clinic.patients p ON p.dob >= v.starts AND p.dob < v.ends
GROUP BY v.label
ORDER BY v.label;

-- title: UNION of stars of a table and its view
-- order: total
SELECT patient_id, mrn, first_name, last_name, dob FROM clinic.patients WHERE patient_id <= 10
UNION
SELECT patient_id, mrn, first_name, last_name, dob FROM clinic.active_patients WHERE patient_id <= 10
ORDER BY patient_id;
