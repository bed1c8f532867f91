-- Where columns count by their position or merely by being there: none of a masked relation's may go missing or move.

-- title: alias list over a join of two masked tables
-- order: total
SELECT j.c1, j.c2, j.c3, j.c5 FROM (clinic.claims JOIN clinic.encounters USING (encounter_id, patient_id)) AS j (c1, c2, c3, c4, c5) WHERE j.c2 <= 20 ORDER BY j.c3;

-- title: short alias list over a join, the rest by its own name
-- order: total
SELECT j.a, j.b, j.member_id, j.kind FROM (clinic.claims c JOIN clinic.encounters e USING (encounter_id)) AS j (a, b) WHERE j.kind = 'inpatient' AND j.a < 10000 ORDER BY j.b;

-- title: natural join of masked tables without naming what joins them
-- order: none
SELECT count(*) FROM clinic.claims NATURAL JOIN clinic.diagnoses;

-- title: natural join of a masked table with itself
-- order: none
SELECT count(*) FROM clinic.providers a NATURAL JOIN clinic.providers b;

-- title: natural full join of two masked tables
-- order: none
SELECT count(*), count(insurer), count(icd10) FROM clinic.claims NATURAL FULL JOIN clinic.diagnoses;

-- title: natural join of a table with a derived table of the star
-- order: none
SELECT count(*) FROM clinic.providers NATURAL JOIN (SELECT * FROM clinic.departments) d;

-- title: natural join of views
-- order: none
SELECT count(*), min(first_admitted_at) FROM clinic.active_patients NATURAL JOIN clinic.encounter_summary;

-- title: derived table of the star with a column list
-- order: total
SELECT t.b, t.d FROM (SELECT * FROM clinic.patients) AS t (a, b, c, d) WHERE t.a <= 15 ORDER BY t.a;

-- title: CTE of the star with a column list
-- order: total
WITH t (a, b, c, d, e, f, g) AS (SELECT * FROM clinic.patients) SELECT f, g, c FROM t WHERE a <= 15 ORDER BY a;

-- title: CTE of TABLE with a column list
-- order: total
WITH t (id, n2, n3) AS (TABLE clinic.providers) SELECT t.n2, t.n3, t.specialty FROM t WHERE t.id <= 10 ORDER BY t.id;

-- title: set operation of stars
-- order: none
SELECT * FROM clinic.providers WHERE provider_id <= 5 UNION ALL SELECT * FROM clinic.providers WHERE provider_id BETWEEN 4 AND 8;

-- title: set operation of stars in a derived table, counted
-- order: none
SELECT count(*) FROM (SELECT * FROM clinic.providers UNION SELECT * FROM clinic.providers) u;

-- title: EXCEPT of stars, counted
-- order: none
SELECT count(*) FROM (SELECT * FROM clinic.providers EXCEPT SELECT * FROM clinic.providers WHERE specialty > 'M') u;

-- title: DISTINCT over the star, counted
-- order: none
SELECT count(*) FROM (SELECT DISTINCT * FROM clinic.providers) u;

-- title: DISTINCT over the star of a join, two columns used
-- order: total
SELECT t.name, count(*) FROM (SELECT DISTINCT p.*, d.name FROM clinic.providers p JOIN clinic.departments d USING (department_id)) t GROUP BY t.name ORDER BY 1;

-- title: grouping by every column of a masked row
-- order: none
SELECT count(*) FROM (SELECT p, count(*) FROM clinic.providers p GROUP BY p) g;

-- title: order by the whole row
-- tokens: sorted by
-- order: total
SELECT p.provider_id FROM clinic.providers p ORDER BY p DESC;

-- title: row compared with a row of stars
-- order: none
SELECT count(*) FROM clinic.providers a, clinic.providers b WHERE a = b;

-- title: row IN a subquery of rows
-- order: none
SELECT count(*) FROM clinic.providers a WHERE a IN (SELECT b FROM clinic.providers b WHERE b.specialty > 'K');

-- title: row constructor of the star compared with stars
-- order: none
SELECT count(*) FROM clinic.providers a WHERE ROW(a.*) IN (SELECT * FROM clinic.providers b WHERE b.provider_id < 9);

-- title: EXISTS over the star
-- order: none
SELECT count(*) FROM clinic.departments d WHERE EXISTS (SELECT * FROM clinic.providers p WHERE p.department_id = d.department_id);

-- title: scalar subquery over the star of a single column
-- order: none
SELECT (SELECT * FROM (SELECT max(last_name) FROM clinic.patients) m) AS last;

-- title: alias of a table equal to one of its columns
-- order: total
SELECT name, name.beds FROM clinic.departments AS name ORDER BY department_id;

-- title: alias of a table equal to a masked column of another
-- order: total
SELECT ssn.name, p.ssn FROM clinic.departments AS ssn JOIN clinic.patients p ON p.patient_id = ssn.department_id ORDER BY p.patient_id;

-- title: alias of a table used as a function's only argument
-- tokens: used in a whole row
-- order: total
SELECT json_build_array(p) FROM clinic.providers p WHERE p.provider_id <= 3 ORDER BY p.provider_id;

-- title: whole row of a join's alias
-- order: none
SELECT count(j) FROM (clinic.providers JOIN clinic.departments USING (department_id)) AS j;

-- title: whole row of a join's alias as JSON
-- order: total
SELECT to_json(j) FROM (clinic.claims JOIN clinic.patients USING (patient_id)) AS j WHERE j.patient_id <= 4 ORDER BY j.claim_id;

-- title: star of an aliased join
-- order: total
SELECT j.* FROM (clinic.claims JOIN clinic.patients USING (patient_id)) AS j WHERE j.patient_id <= 4 ORDER BY j.claim_id;

-- title: USING with a column that is not otherwise named
-- order: none
SELECT count(*) FROM clinic.encounters JOIN clinic.providers USING (provider_id, department_id);

-- title: USING over a masked column that is not otherwise named
-- order: none
SELECT count(*) FROM clinic.patients a JOIN clinic.active_patients b USING (zip, dob);

-- title: constants only over a masked table
-- order: none
SELECT 1 FROM clinic.patients WHERE false UNION ALL SELECT count(*)::int FROM clinic.patients;

-- title: lateral star of the outer row
-- order: total
SELECT x.* FROM clinic.providers p CROSS JOIN LATERAL (SELECT p.*) x WHERE p.provider_id <= 4 ORDER BY x.provider_id;

-- title: lateral subquery that takes the outer row whole
-- order: total
SELECT x.j FROM clinic.providers p, LATERAL (SELECT to_jsonb(p) AS j) x WHERE p.provider_id <= 4 ORDER BY p.provider_id;

-- title: correlated subquery that takes the outer row whole
-- tokens: used in a whole row
-- order: total
SELECT (SELECT count(*) FROM jsonb_object_keys(to_jsonb(p))) AS columns FROM clinic.providers p WHERE p.provider_id <= 4 ORDER BY p.provider_id;

-- title: column named only in a window's definition
-- order: total
SELECT patient_id, row_number() OVER w FROM clinic.patients WHERE patient_id <= 50 WINDOW w AS (PARTITION BY zip ORDER BY last_name, dob, patient_id) ORDER BY patient_id;

-- title: column named only in DISTINCT ON
-- order: none
SELECT count(*) FROM (SELECT DISTINCT ON (last_name, zip) 1 FROM clinic.patients) t;

-- title: column named only in a FILTER, an aggregate's order and a GROUPING SET
-- order: none
SELECT array_agg(patient_id ORDER BY zip, patient_id) FILTER (WHERE dob > '1990-01-01') FROM clinic.patients GROUP BY GROUPING SETS ((state), (sex));

-- title: column named only in a TABLESAMPLE's arguments and LIMIT
-- order: none
SELECT count(*) FROM clinic.patients TABLESAMPLE SYSTEM ((SELECT 100)) REPEATABLE (1) LIMIT (SELECT count(*) FROM clinic.departments);

-- title: recursive CTE with stars in both terms
-- order: total
WITH RECURSIVE t AS (SELECT * FROM clinic.providers WHERE provider_id = 1 UNION ALL SELECT p.* FROM clinic.providers p JOIN t ON p.provider_id = t.provider_id + 1 WHERE p.provider_id <= 6)
SELECT * FROM t ORDER BY provider_id;

-- title: a view's star joined by position
-- order: total
SELECT v.c3, v.c7 FROM clinic.active_patients AS v (c1, c2, c3, c4, c5, c6, c7) WHERE v.c1 <= 10 ORDER BY v.c1;

-- title: columns in upper case and quoted, one of them unknown to the other table
-- order: total
SELECT P."zip", d."name" FROM clinic.patients P, clinic.departments D WHERE p.PATIENT_ID = d.Department_Id ORDER BY "patient_id";

-- title: an idle cast of an idle cast
-- order: total
SELECT p.dob::date::date AS dob, date(p.dob::date) AS again, p.dob::timestamp::date AS other FROM patients p
WHERE p.patient_id < 20 ORDER BY p.patient_id;
