-- Common table expressions: their names shadow tables, they nest, they recurse, and what they hold is masked.

-- title: simple CTE
-- order: total
WITH seniors AS (SELECT patient_id, last_name, dob FROM clinic.patients WHERE dob < DATE '1950-01-01')
SELECT patient_id, last_name, dob FROM seniors WHERE patient_id <= 1000 ORDER BY patient_id;

-- title: CTE with a column list
-- order: total
WITH t (id, social) AS (SELECT patient_id, ssn FROM clinic.patients WHERE patient_id <= 60) SELECT social, id FROM t ORDER BY id;

-- title: CTE that shadows a table of the search path
-- order: total
WITH patients AS (SELECT department_id AS patient_id, name AS ssn FROM clinic.departments)
SELECT patient_id, ssn FROM patients ORDER BY patient_id;

-- title: CTE that shadows the table it reads
-- order: total
WITH patients AS (SELECT patient_id, ssn, zip FROM patients WHERE sex = 'M') SELECT * FROM patients WHERE patient_id <= 100 ORDER BY patient_id;

-- title: schema-qualified table beside a CTE of the same name
-- order: none
WITH patients AS (SELECT 1 AS one) SELECT count(*) AS everyone, (SELECT one FROM patients) AS one FROM clinic.patients;

-- title: chain of CTEs
-- order: total
WITH visits AS (
  SELECT patient_id, count(*) AS n FROM clinic.encounters GROUP BY patient_id
), frequent AS (
  SELECT patient_id, n FROM visits WHERE n >= 3
), named AS (
  SELECT f.patient_id, p.last_name, p.zip, f.n FROM frequent f JOIN clinic.patients p USING (patient_id)
)
SELECT zip, count(*) AS patients, sum(n) AS visits FROM named GROUP BY zip ORDER BY visits DESC, zip;

-- title: nested WITH
-- order: total
WITH a AS (
  WITH b AS (SELECT patient_id, first_name FROM clinic.patients WHERE patient_id < 40)
  SELECT b.patient_id, b.first_name FROM b
)
SELECT a.first_name, a.patient_id FROM a ORDER BY a.patient_id;

-- title: inner WITH hides an outer one of the same name
-- order: none
WITH t AS (SELECT 'outer' AS w, 1 AS k)
SELECT t.w, s.w AS inner_w FROM t JOIN LATERAL (WITH t AS (SELECT min(zip) AS w FROM clinic.patients) SELECT w FROM t) s ON true;

-- title: MATERIALIZED and NOT MATERIALIZED
-- order: total
WITH m AS MATERIALIZED (SELECT patient_id, ssn FROM clinic.patients), n AS NOT MATERIALIZED (SELECT * FROM clinic.claims)
SELECT n.claim_id, m.ssn FROM m JOIN n ON n.patient_id = m.patient_id WHERE n.amount > 1000 AND m.patient_id <= 200 ORDER BY n.claim_id;

-- title: CTE used twice
-- order: total
WITH p AS (SELECT patient_id, zip FROM clinic.patients WHERE zip IS NOT NULL AND patient_id <= 150)
SELECT a.patient_id, count(b.patient_id) AS neighbours
FROM p a LEFT JOIN p b ON b.zip = a.zip AND b.patient_id <> a.patient_id
GROUP BY a.patient_id
ORDER BY a.patient_id;

-- title: recursive calendar of months
-- order: total
WITH RECURSIVE months (month) AS (
  SELECT DATE '2024-01-01'
  UNION ALL
  SELECT (month + INTERVAL '1 month')::date FROM months WHERE month < DATE '2024-12-01'
)
SELECT m.month, count(e.encounter_id) AS admissions
FROM months m
LEFT JOIN clinic.encounters e ON e.admitted_at >= m.month AND e.admitted_at < m.month + INTERVAL '1 month'
GROUP BY m.month
ORDER BY m.month;

-- title: recursive walk over masked values
-- order: total
WITH RECURSIVE walk (id, zip, depth) AS (
  SELECT patient_id, zip, 1 FROM clinic.patients WHERE patient_id = (SELECT min(patient_id) FROM clinic.patients)
  UNION
  SELECT p.patient_id, p.zip, w.depth + 1
  FROM walk w JOIN clinic.patients p ON p.patient_id = w.id + 1
  WHERE w.depth < 25
)
SELECT id, zip, depth FROM walk ORDER BY depth;

-- title: recursive CTE with SEARCH
-- order: total
WITH RECURSIVE r (n, parent) AS (
  SELECT 1, 0 UNION ALL SELECT n * 2 + i, n FROM r, (VALUES (0), (1)) v (i) WHERE n < 8
) SEARCH DEPTH FIRST BY n SET path
SELECT n, parent FROM r ORDER BY path;

-- title: recursive CTE with CYCLE
-- order: total
WITH RECURSIVE hop (a) AS (
  SELECT 1 UNION ALL SELECT a % 5 + 1 FROM hop
) CYCLE a SET looped USING trail
SELECT a, looped FROM hop ORDER BY looped, a;

-- title: WITH inside a subquery of FROM
-- order: total
SELECT s.state, s.n
FROM (WITH q AS (SELECT state, patient_id FROM clinic.patients) SELECT state, count(*) AS n FROM q GROUP BY state) s
ORDER BY s.n DESC, s.state;

-- title: WITH inside an IN subquery
-- order: total
SELECT patient_id, email FROM clinic.patients
WHERE patient_id IN (WITH c AS (SELECT patient_id FROM clinic.claims WHERE amount > 2000) SELECT patient_id FROM c) AND patient_id <= 600
ORDER BY patient_id;

-- title: CTE over a CTE with the whole row
-- order: total
WITH base AS (SELECT * FROM clinic.providers), wrapped AS (SELECT base.* FROM base WHERE base.specialty IS NOT NULL)
SELECT * FROM wrapped ORDER BY provider_id;

-- title: CTE before a set operation, read in both branches
-- order: total
WITH w AS (SELECT patient_id, sex, zip FROM clinic.patients WHERE patient_id <= 400)
SELECT 'F' AS sex, count(*) FROM w WHERE sex = 'F' UNION ALL SELECT 'M', count(*) FROM w WHERE sex = 'M' ORDER BY 1;

-- title: recursive CTE with two mutually named members
-- order: total
WITH RECURSIVE top AS (SELECT provider_id FROM clinic.providers WHERE provider_id <= 5),
rest (id, n) AS (SELECT provider_id, 0 FROM top UNION ALL SELECT id, n + 1 FROM rest WHERE n < 2)
SELECT r.id, r.n, p.last_name FROM rest r JOIN clinic.providers p ON p.provider_id = r.id ORDER BY r.id, r.n;

-- title: CTE that is never used
-- order: none
WITH unused AS (SELECT ssn FROM clinic.patients) SELECT count(*) FROM clinic.departments;
