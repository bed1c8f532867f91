-- Whole-row references: a row of a masked table is a row of masked values, hidden columns left out.

-- title: the table's alias as a column
-- order: total
SELECT p FROM clinic.patients p WHERE p.patient_id <= 10 ORDER BY p.patient_id;

-- title: the table's name as a column
-- order: total
SELECT departments FROM clinic.departments ORDER BY department_id;

-- title: row_to_json
-- order: total
SELECT row_to_json(p) FROM clinic.patients p WHERE p.patient_id <= 10 ORDER BY p.patient_id;

-- title: to_jsonb of a row, and a key of it
-- order: total
SELECT to_jsonb(p) ->> 'ssn' AS ssn, to_jsonb(p) - 'address' - 'preferences' AS rest FROM clinic.patients p WHERE p.patient_id <= 10 ORDER BY p.patient_id;

-- title: row_to_json of a derived table
-- order: total
SELECT row_to_json(t) FROM (SELECT patient_id, last_name, dob FROM clinic.patients WHERE patient_id <= 10) t ORDER BY t.patient_id;

-- title: field of a row
-- order: total
SELECT (p).ssn, (p).last_name AS name FROM clinic.patients p WHERE (p).patient_id <= 20 ORDER BY (p).patient_id;

-- title: expansion of a row
-- order: total
SELECT (pr).* FROM clinic.providers pr WHERE pr.provider_id <= 10 ORDER BY pr.provider_id;

-- title: row cast to text
-- order: total
SELECT p::text FROM clinic.patients p WHERE patient_id <= 10 ORDER BY patient_id;

-- title: count of rows
-- order: none
SELECT count(p), count(DISTINCT p.sex) FROM clinic.patients p;

-- title: row IS NULL and IS NOT NULL
-- order: none
SELECT count(*) FILTER (WHERE p IS NULL) AS all_null, count(*) FILTER (WHERE p IS NOT NULL) AS none_null FROM clinic.patients p;

-- title: row IS NULL after an outer join
-- order: total
SELECT d.department_id, count(*) FILTER (WHERE pr IS NULL) AS empty
FROM clinic.departments d LEFT JOIN clinic.providers pr USING (department_id) GROUP BY d.department_id ORDER BY d.department_id;

-- title: alias and star side by side
-- order: total
SELECT d.*, d FROM clinic.departments d ORDER BY d.department_id;

-- title: json_agg of rows
-- order: none
SELECT json_agg(pr ORDER BY pr.provider_id) FROM clinic.providers pr WHERE pr.provider_id <= 8;

-- title: array of rows as text
-- order: none
SELECT array_agg(m ORDER BY m.medication_id)::text FROM clinic.medications m WHERE m.medication_id <= 500;

-- title: DISTINCT over rows of a table without jsonb
-- order: none
SELECT DISTINCT z FROM reference.zip_areas z;

-- title: rows compared
-- order: total
SELECT a.provider_id, b.provider_id AS other FROM clinic.providers a JOIN clinic.providers b ON (a.first_name, a.last_name) = (b.first_name, b.last_name)
WHERE a.provider_id < b.provider_id ORDER BY 1, 2;

-- title: row constructor over masked columns
-- order: total
SELECT ROW(p.patient_id, p.ssn, p.dob) FROM clinic.patients p WHERE p.patient_id <= 15 ORDER BY p.patient_id;

-- title: row constructor with a star inside
-- order: total
SELECT row_to_json(ROW(d.*)) FROM clinic.departments d ORDER BY d.department_id;

-- title: row of a view
-- order: total
SELECT a FROM clinic.active_patients a WHERE a.patient_id <= 10 ORDER BY a.patient_id;

-- title: row of a CTE
-- order: total
WITH c AS (SELECT patient_id, zip FROM clinic.patients WHERE patient_id <= 10) SELECT c, row_to_json(c) FROM c ORDER BY c.patient_id;

-- title: key and value pairs of a row
-- tokens: used in a whole row
-- order: total
SELECT p.patient_id, kv.key, kv.value FROM clinic.patients p CROSS JOIN LATERAL jsonb_each_text(to_jsonb(p)) kv WHERE p.patient_id <= 3 ORDER BY p.patient_id, kv.key;

-- title: row of a lateral subquery
-- order: total
SELECT p.patient_id, row_to_json(x) AS latest
FROM clinic.patients p LEFT JOIN LATERAL (SELECT c.claim_id, c.member_id, c.amount FROM clinic.claims c WHERE c.patient_id = p.patient_id ORDER BY c.claim_id LIMIT 1) x ON true
WHERE p.patient_id <= 30 ORDER BY p.patient_id;
