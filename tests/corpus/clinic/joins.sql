-- Joins of every kind: each side of a join is a masked table reference, whatever the syntax around it.

-- title: inner join with ON over a clear key
-- order: total
SELECT e.encounter_id, p.last_name, p.zip, e.kind
FROM clinic.encounters e
JOIN clinic.patients p ON p.patient_id = e.patient_id
WHERE e.admitted_at >= '2024-06-01' AND e.admitted_at < '2024-06-15'
ORDER BY e.encounter_id;

-- title: join with USING, the merged column first in the star
-- order: total
SELECT *
FROM clinic.claims JOIN clinic.diagnoses USING (encounter_id, patient_id)
WHERE rank = 1 AND submitted BETWEEN '2023-01-01' AND '2023-01-31'
ORDER BY claim_id, diagnosis_id;

-- title: join with USING and an alias for the merged columns
-- order: total
SELECT k.patient_id, a.status, p.sex, p.last_name
FROM clinic.appointments AS a JOIN clinic.patients AS p USING (patient_id) AS k
WHERE a.appointment_id <= 20000
ORDER BY a.appointment_id;

-- title: natural join
-- order: total
SELECT encounter_id, patient_id, insurer, icd10
FROM clinic.claims NATURAL JOIN clinic.diagnoses
WHERE patient_id < 100
ORDER BY claim_id, diagnosis_id;

-- title: natural left join of a table and a derived table
-- order: total
SELECT patient_id, ssn, visits
FROM clinic.patients NATURAL LEFT JOIN (SELECT patient_id, count(*) AS visits FROM clinic.encounters GROUP BY patient_id) v
WHERE patient_id <= 300
ORDER BY patient_id;

-- title: left join with a condition on the right side in ON
-- order: total
SELECT p.patient_id, p.first_name, e.encounter_id
FROM clinic.patients p
LEFT JOIN clinic.encounters e ON e.patient_id = p.patient_id AND e.kind = 'emergency' AND e.admitted_at >= DATE '2025-01-01'
WHERE p.patient_id BETWEEN 10 AND 250
ORDER BY p.patient_id, e.encounter_id NULLS FIRST;

-- title: right join
-- order: total
SELECT d.name, pr.last_name, pr.npi
FROM clinic.providers pr RIGHT OUTER JOIN clinic.departments d ON d.department_id = pr.department_id AND pr.specialty LIKE '%ology'
ORDER BY d.name, pr.provider_id;

-- title: full join of two aggregates
-- order: total
SELECT COALESCE(c.patient_id, l.patient_id) AS patient_id, c.billed, l.tests
FROM (SELECT patient_id, sum(amount) AS billed FROM clinic.claims WHERE patient_id < 400 GROUP BY patient_id) c
FULL JOIN (SELECT patient_id, count(*) AS tests FROM clinic.labs WHERE patient_id BETWEEN 100 AND 500 GROUP BY patient_id) l
  ON l.patient_id = c.patient_id
ORDER BY 1;

-- title: cross join of a dimension with itself
-- order: total
SELECT a.name AS first_department, b.name AS second_department
FROM clinic.departments a CROSS JOIN clinic.departments b
WHERE a.department_id < b.department_id
ORDER BY 1, 2;

-- title: comma join with the condition in WHERE
-- order: total
SELECT p.patient_id, p.email, c.claim_id, c.member_id
FROM clinic.patients p, clinic.claims c
WHERE c.patient_id = p.patient_id AND c.status = 'denied' AND p.patient_id <= 500
ORDER BY p.patient_id, c.claim_id;

-- title: parenthesised join tree
-- order: total
SELECT e.encounter_id, p.last_name, pr.last_name, d.name
FROM clinic.encounters e
JOIN (clinic.providers pr JOIN clinic.departments d ON d.department_id = pr.department_id) ON pr.provider_id = e.provider_id
JOIN clinic.patients p ON p.patient_id = e.patient_id
WHERE e.encounter_id <= 12000
ORDER BY e.encounter_id;

-- title: parenthesised join with an alias over the whole
-- order: total
SELECT j.name, j.specialty, count(*) AS providers
FROM (clinic.providers JOIN clinic.departments AS d USING (department_id)) AS j (department_id, provider_id, npi, licence_number,
      first_name, last_name, specialty, phone, email, name)
GROUP BY j.name, j.specialty
ORDER BY j.name, j.specialty;

-- title: join on a masked column of both sides
-- order: total
SELECT c.claim_id, p.patient_id, p.ssn
FROM clinic.claims c JOIN clinic.patients p ON p.ssn = c.subscriber_ssn
WHERE c.patient_id <= 40 AND p.patient_id <= 200
ORDER BY c.claim_id, p.patient_id;

-- title: join on an expression over masked columns
-- order: none
SELECT a.zip, b.state, count(*) AS pairs
FROM clinic.patients a JOIN reference.zip_areas b ON left(a.zip, 3) = b.zip3
GROUP BY a.zip, b.state;

-- title: join of masked columns with an inequality
-- order: total
SELECT a.patient_id, b.patient_id AS other
FROM clinic.patients a JOIN clinic.patients b ON a.dob < b.dob AND a.last_name = b.last_name
WHERE a.patient_id <= 60 AND b.patient_id <= 60
ORDER BY 1, 2;

-- title: self-join looking for households
-- order: total
SELECT a.patient_id, b.patient_id AS other, a.last_name
FROM clinic.patients a
JOIN clinic.patients b ON a.last_name = b.last_name AND a.state = b.state AND a.patient_id < b.patient_id
WHERE a.patient_id <= 300 AND b.patient_id <= 300
ORDER BY a.patient_id, b.patient_id;

-- title: lateral subquery, the last encounter of each patient
-- order: total
SELECT p.patient_id, p.last_name, last_visit.kind, last_visit.admitted_at
FROM clinic.patients p
CROSS JOIN LATERAL (
  SELECT e.kind, e.admitted_at FROM clinic.encounters e WHERE e.patient_id = p.patient_id
  ORDER BY e.admitted_at DESC, e.encounter_id DESC LIMIT 1
) AS last_visit
WHERE p.patient_id <= 150
ORDER BY p.patient_id;

-- title: left join lateral with ON true over masked columns of the outer row
-- order: total
SELECT p.patient_id, x.label, x.has_phone
FROM clinic.patients p
LEFT JOIN LATERAL (SELECT p.first_name || ' ' || p.last_name AS label, p.phone IS NOT NULL AS has_phone WHERE p.sex <> 'X') x ON true
WHERE p.patient_id <= 100
ORDER BY p.patient_id;

-- title: lateral function over an array column
-- order: total
SELECT p.patient_id, lang.language, lang.position
FROM clinic.patients p, LATERAL unnest(p.languages) WITH ORDINALITY AS lang (language, position)
WHERE p.patient_id <= 200
ORDER BY p.patient_id, lang.position;

-- title: lateral function without the keyword
-- order: none
SELECT k.key, count(*) FROM clinic.patients p, jsonb_object_keys(p.preferences) AS k(key) GROUP BY k.key;

-- title: rows from several functions
-- order: total
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['a', 'b'])) WITH ORDINALITY AS t (n, letter, position) ORDER BY position;

-- title: anti-join by left join and IS NULL
-- order: total
SELECT p.patient_id, p.mrn
FROM clinic.patients p LEFT JOIN clinic.claims c ON c.patient_id = p.patient_id
WHERE c.claim_id IS NULL AND p.patient_id <= 1000
ORDER BY p.patient_id;

-- title: seven tables in a row
-- order: total
SELECT p.patient_id, p.last_name, e.encounter_id, pr.last_name AS provider, dep.name AS department, dx.icd10, code.chapter, c.amount
FROM clinic.patients p
JOIN clinic.encounters e ON e.patient_id = p.patient_id
JOIN clinic.providers pr ON pr.provider_id = e.provider_id
JOIN clinic.departments dep ON dep.department_id = e.department_id
JOIN clinic.diagnoses dx ON dx.encounter_id = e.encounter_id
JOIN reference.icd10_codes code ON code.code = dx.icd10
LEFT JOIN clinic.claims c ON c.encounter_id = e.encounter_id
WHERE p.patient_id <= 25
ORDER BY p.patient_id, e.encounter_id, dx.diagnosis_id, c.claim_id;

-- title: join of a masked table with a schema without protected columns
-- order: total
SELECT r.name, count(DISTINCT o.order_id) AS orders, count(DISTINCT d.department_id) AS departments
FROM sales.regions r LEFT JOIN sales.orders o USING (region_id) LEFT JOIN clinic.departments d ON d.department_id = r.region_id
GROUP BY r.name
ORDER BY r.name;
