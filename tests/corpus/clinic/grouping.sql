-- GROUP BY in all its forms: by masked columns, by expressions over them, by keys that determine the rest.

-- title: group by a masked column
-- order: total
SELECT zip, count(*) FROM clinic.patients GROUP BY zip ORDER BY zip;

-- title: group by the primary key, other columns of the table for free
-- order: total
SELECT p.patient_id, p.last_name, p.zip, count(*) AS visits
FROM clinic.patients p JOIN clinic.encounters e ON e.patient_id = p.patient_id
WHERE p.patient_id <= 200
GROUP BY p.patient_id
ORDER BY p.patient_id;

-- title: functional dependency in HAVING and ORDER BY
-- order: total
SELECT p.patient_id, sum(c.amount) AS billed
FROM clinic.patients p JOIN clinic.claims c USING (patient_id)
WHERE p.patient_id <= 500
GROUP BY p.patient_id
HAVING p.sex = 'F'
ORDER BY p.last_name, p.patient_id;

-- title: functional dependency through the star
-- order: total
SELECT p.*, count(l.lab_id) AS tests FROM clinic.patients p LEFT JOIN clinic.labs l USING (patient_id)
WHERE p.patient_id <= 40 GROUP BY p.patient_id ORDER BY p.patient_id;

-- title: functional dependency of two tables, outputs renamed
-- order: total
SELECT pr.last_name AS provider, d.name AS department, count(e.encounter_id) AS n
FROM clinic.providers pr JOIN clinic.departments d USING (department_id) LEFT JOIN clinic.encounters e USING (provider_id)
GROUP BY pr.provider_id, d.department_id ORDER BY pr.provider_id;

-- title: group by an expression over a masked date
-- order: total
SELECT date_trunc('year', dob)::date AS birth_year, count(*) AS n FROM clinic.patients GROUP BY date_trunc('year', dob) ORDER BY 1;

-- title: group by output name
-- order: total
SELECT extract(decade FROM dob) AS decade, sex, count(*) FROM clinic.patients GROUP BY decade, sex ORDER BY decade, sex;

-- title: group by output number
-- order: total
SELECT left(last_name, 1), sex, count(*) FROM clinic.patients GROUP BY 1, 2 ORDER BY 1, 2;

-- title: output name equal to a column name, group by means the column
-- order: total
SELECT upper(state) AS state, count(*) FROM clinic.patients GROUP BY state ORDER BY 1;

-- title: group by a CASE over a masked date
-- order: total
SELECT CASE WHEN dob >= DATE '2005-01-01' THEN 'under 20' WHEN dob >= DATE '1960-01-01' THEN 'adult' ELSE 'senior' END AS age_group, count(*) AS n
FROM clinic.patients GROUP BY 1 ORDER BY 1;

-- title: HAVING without GROUP BY
-- order: none
SELECT count(*) FROM clinic.patients HAVING max(dob) > DATE '2000-01-01';

-- title: HAVING over a masked column
-- order: total
SELECT last_name, count(*) AS n FROM clinic.patients GROUP BY last_name HAVING count(DISTINCT zip) > 3 AND last_name <> '' ORDER BY n DESC, last_name;

-- title: GROUPING SETS with GROUPING()
-- order: total
SELECT sex, state, grouping(sex, state) AS level, count(*) FROM clinic.patients
GROUP BY GROUPING SETS ((sex, state), (sex), ()) ORDER BY level, sex, state;

-- title: ROLLUP over a masked column
-- order: total
SELECT state, zip, count(*) AS n, grouping(zip) AS total FROM clinic.patients GROUP BY ROLLUP (state, zip) ORDER BY state NULLS LAST, total, zip NULLS LAST;

-- title: CUBE
-- order: total
SELECT kind, extract(year FROM admitted_at) AS year, count(*) AS n FROM clinic.encounters GROUP BY CUBE (kind, extract(year FROM admitted_at))
ORDER BY kind NULLS FIRST, year NULLS FIRST;

-- title: several grouping elements
-- order: none
SELECT insurer, status, extract(year FROM submitted) AS y, sum(amount) FROM clinic.claims GROUP BY insurer, ROLLUP (status), CUBE (extract(year FROM submitted));

-- title: GROUP BY DISTINCT
-- order: none
SELECT sex, state, consent_research, count(*) FROM clinic.patients GROUP BY DISTINCT ROLLUP (sex, state), ROLLUP (sex, consent_research);

-- title: empty grouping set alone
-- order: none
SELECT count(*), min(zip), max(zip) FROM clinic.patients GROUP BY ();

-- title: DISTINCT over masked columns
-- order: total
SELECT DISTINCT sex, zip FROM clinic.patients ORDER BY sex, zip;

-- title: DISTINCT ON a masked column
-- order: total
SELECT DISTINCT ON (zip) zip, patient_id, last_name FROM clinic.patients ORDER BY zip, patient_id DESC;

-- title: DISTINCT ON an expression and on two columns
-- order: total
SELECT DISTINCT ON (left(last_name, 1), sex) left(last_name, 1) AS initial, sex, patient_id FROM clinic.patients
ORDER BY left(last_name, 1), sex, patient_id;

-- title: count of distinct masked values
-- order: none
SELECT count(DISTINCT ssn) AS ssns, count(DISTINCT mrn) AS mrns, count(DISTINCT dob) AS dobs, count(DISTINCT (zip, sex)) AS cells FROM clinic.patients;

-- title: group by a column of a joined table with the same name
-- order: total
SELECT pr.last_name, count(DISTINCT p.last_name) AS names
FROM clinic.encounters e JOIN clinic.providers pr USING (provider_id) JOIN clinic.patients p USING (patient_id)
GROUP BY pr.last_name ORDER BY pr.last_name;

-- title: group by a constant expression and a boolean over masked values
-- order: total
SELECT ssn IS NULL AS without_ssn, phone IS NOT NULL AS reachable, count(*) FROM clinic.patients GROUP BY ssn IS NULL, phone IS NOT NULL ORDER BY 1, 2;
