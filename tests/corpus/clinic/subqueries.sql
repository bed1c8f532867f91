-- Subqueries wherever an expression or a table may stand: masks hold inside and outside alike.

-- title: scalar subquery in the select list, correlated
-- order: total
SELECT p.patient_id, p.last_name, (SELECT count(*) FROM clinic.encounters e WHERE e.patient_id = p.patient_id) AS visits
FROM clinic.patients p
WHERE p.patient_id <= 200
ORDER BY p.patient_id;

-- title: scalar subquery in the select list without a name
-- order: total
SELECT e.encounter_id, (SELECT p.ssn FROM clinic.patients p WHERE p.patient_id = e.patient_id)
FROM clinic.encounters e
WHERE e.encounter_id <= 10000
ORDER BY e.encounter_id;

-- title: scalar subquery comparing with an uncorrelated aggregate of a masked column
-- order: total
SELECT patient_id, dob FROM clinic.patients WHERE dob = (SELECT max(dob) FROM clinic.patients) ORDER BY patient_id;

-- title: EXISTS
-- order: total
SELECT p.patient_id, p.first_name
FROM clinic.patients p
WHERE EXISTS (SELECT 1 FROM clinic.labs l WHERE l.patient_id = p.patient_id AND l.abnormal) AND p.patient_id < 200
ORDER BY p.patient_id;

-- title: NOT EXISTS with a masked column inside
-- order: total
SELECT p.patient_id
FROM clinic.patients p
WHERE p.patient_id <= 250
  AND NOT EXISTS (SELECT FROM clinic.claims c WHERE c.subscriber_ssn = p.ssn AND c.patient_id = p.patient_id)
ORDER BY p.patient_id;

-- title: IN over a masked column
-- order: total
SELECT patient_id, last_name
FROM clinic.patients
WHERE last_name IN (SELECT last_name FROM clinic.providers) AND patient_id <= 500
ORDER BY patient_id;

-- title: NOT IN with a nullable masked column
-- order: none
SELECT count(*) FROM clinic.patients WHERE ssn NOT IN (SELECT c.subscriber_ssn FROM clinic.claims c WHERE c.subscriber_ssn IS NOT NULL);

-- title: row value IN a subquery
-- order: total
SELECT patient_id, zip, sex
FROM clinic.patients
WHERE (zip, sex) IN (SELECT q.zip, q.sex FROM clinic.patients q GROUP BY q.zip, q.sex HAVING count(*) > 1)
  AND patient_id <= 300
ORDER BY patient_id;

-- title: ANY and ALL over subqueries
-- order: total
SELECT claim_id, amount
FROM clinic.claims
WHERE amount >= ALL (SELECT x.amount FROM clinic.claims x WHERE x.status = 'denied' AND x.patient_id < 30)
  AND patient_id = ANY (SELECT p.patient_id FROM clinic.patients p WHERE p.sex = 'F')
ORDER BY amount DESC, claim_id
LIMIT 50;

-- title: array constructor over a subquery with order
-- order: total
SELECT p.patient_id, ARRAY(SELECT d.icd10 FROM clinic.diagnoses d WHERE d.patient_id = p.patient_id ORDER BY d.diagnosis_id) AS codes
FROM clinic.patients p
WHERE p.patient_id <= 120
ORDER BY p.patient_id;

-- title: array constructor over masked values
-- order: none
SELECT ARRAY(SELECT DISTINCT q.zip FROM clinic.patients q WHERE q.zip IS NOT NULL ORDER BY q.zip) AS zips;

-- title: derived table with renamed masked columns
-- order: total
SELECT who, count(*) AS people
FROM (SELECT last_name AS who, patient_id FROM clinic.patients) AS t
GROUP BY who
ORDER BY people DESC, who;

-- title: derived tables three deep, the star all the way
-- order: total
SELECT * FROM (SELECT * FROM (SELECT * FROM clinic.patients WHERE patient_id <= 20) a WHERE a.sex = 'F') b ORDER BY b.patient_id;

-- title: subquery in FROM with column aliases
-- order: total
SELECT t.a, t.b FROM (SELECT patient_id, ssn FROM clinic.patients WHERE patient_id < 50) AS t (a, b) ORDER BY t.a;

-- title: correlated subquery two levels up
-- order: total
SELECT p.patient_id, p.zip
FROM clinic.patients p
WHERE p.patient_id <= 200 AND EXISTS (
  SELECT 1 FROM clinic.encounters e
  WHERE e.patient_id = p.patient_id
    AND e.encounter_id IN (SELECT d.encounter_id FROM clinic.diagnoses d WHERE d.patient_id = p.patient_id AND p.zip IS NOT NULL))
ORDER BY p.patient_id;

-- title: subquery in CASE
-- order: total
SELECT p.patient_id,
       CASE WHEN (SELECT count(*) FROM clinic.claims c WHERE c.patient_id = p.patient_id) > 3 THEN 'frequent' ELSE p.last_name END AS label
FROM clinic.patients p
WHERE p.patient_id <= 150
ORDER BY p.patient_id;

-- title: subquery in ORDER BY
-- order: total
SELECT p.patient_id
FROM clinic.patients p
WHERE p.patient_id <= 80
ORDER BY (SELECT max(c.amount) FROM clinic.claims c WHERE c.patient_id = p.patient_id) DESC NULLS LAST, p.patient_id;

-- title: subquery in LIMIT
-- order: total
SELECT patient_id, mrn FROM clinic.patients ORDER BY patient_id LIMIT (SELECT count(*) FROM clinic.departments);

-- title: subquery in HAVING over a masked column
-- order: total
SELECT zip, count(*) AS n
FROM clinic.patients
GROUP BY zip
HAVING count(*) > (SELECT avg(m.n) FROM (SELECT count(*) AS n FROM clinic.patients GROUP BY zip) m)
ORDER BY n DESC, zip;

-- title: subquery in a function's argument
-- order: none
SELECT upper((SELECT min(last_name) FROM clinic.patients)) AS first_in_the_book;

-- title: subquery in VALUES
-- order: none
VALUES ('patients', (SELECT count(*) FROM clinic.patients)), ('with ssn', (SELECT count(ssn) FROM clinic.patients));

-- title: EXISTS as an output column without a name
-- order: total
SELECT d.department_id, EXISTS (SELECT 1 FROM clinic.encounters e WHERE e.department_id = d.department_id AND e.kind = 'inpatient')
FROM clinic.departments d
ORDER BY d.department_id;

-- title: inner name hides the outer one
-- order: total
SELECT p.patient_id FROM clinic.patients p
WHERE p.patient_id IN (SELECT p.patient_id FROM clinic.claims p WHERE p.amount > 500 AND p.member_id IS NOT NULL) AND p.patient_id < 300
ORDER BY p.patient_id;

-- title: unqualified column that only the outer query has
-- order: total
SELECT patient_id FROM clinic.patients
WHERE patient_id <= 200 AND EXISTS (SELECT 1 FROM clinic.departments WHERE city IS NOT NULL AND beds > 10)
ORDER BY patient_id;
