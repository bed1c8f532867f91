-- Stars, aliases, quoting and qualification: the same columns under the same names in the same order.

-- title: star of a table with a dropped column
-- order: total
SELECT * FROM clinic.patients WHERE patient_id <= 25 ORDER BY patient_id;

-- title: star of a join
-- order: total
SELECT * FROM clinic.providers p JOIN clinic.departments d ON d.department_id = p.department_id ORDER BY p.provider_id;

-- title: star of one side and some of the other
-- order: total
SELECT c.*, p.last_name, p.zip AS patient_zip FROM clinic.claims c JOIN clinic.patients p USING (patient_id) WHERE c.patient_id <= 20 ORDER BY c.claim_id;

-- title: star twice
-- order: total
SELECT d.*, d.* FROM clinic.departments d ORDER BY d.department_id;

-- title: star after a column
-- order: total
SELECT d.name AS department, * FROM clinic.departments d ORDER BY department_id;

-- title: TABLE as a statement
-- order: none
TABLE clinic.departments;

-- title: TABLE of a masked relation with order and limit
-- order: total
TABLE clinic.providers ORDER BY provider_id LIMIT 7;

-- title: schema-qualified column reference
-- order: total
SELECT clinic.patients.ssn, clinic.patients.patient_id FROM clinic.patients WHERE clinic.patients.patient_id <= 30 ORDER BY clinic.patients.patient_id;

-- title: schema-qualified star
-- order: total
SELECT clinic.departments.* FROM clinic.departments, clinic.providers WHERE clinic.providers.department_id = clinic.departments.department_id AND provider_id <= 12 ORDER BY provider_id;

-- title: unqualified table of the search path
-- order: total
SELECT patient_id, ssn FROM patients WHERE patient_id <= 30 ORDER BY patient_id;

-- title: database-qualified table
-- order: none
SELECT count(*) FROM {database}.clinic.patients;

-- title: quoted and mixed-case aliases
-- order: total
SELECT P."last_name" AS "Last Name", P.zip AS "ZIP", p."dob" "Date of ""Birth""" FROM "clinic"."patients" AS P WHERE patient_id <= 20 ORDER BY P.patient_id;

-- title: mixed-case table alias in quotes
-- order: total
SELECT "T0"."ssn" AS "Ssn", "T0".patient_id AS "Id" FROM clinic.patients "T0" WHERE "T0"."patient_id" < 20 ORDER BY "T0"."patient_id";

-- title: keywords in upper and lower case, identifiers folded
-- order: total
sElEcT Patient_ID, LAST_NAME FrOm CLINIC.PATIENTS wHeRe PATIENT_ID < 10 OrDeR bY 1;

-- title: alias equal to another table's name
-- order: total
SELECT providers.last_name FROM clinic.patients AS providers WHERE providers.patient_id <= 10 ORDER BY providers.patient_id;

-- title: two tables that swap their names
-- order: total
SELECT patients.npi, providers.ssn FROM clinic.providers patients, clinic.patients providers
WHERE patients.provider_id = providers.patient_id AND providers.patient_id <= 10 ORDER BY providers.patient_id;

-- title: column alias equal to another column's name
-- order: total
SELECT first_name AS last_name, last_name AS first_name, ssn AS mrn FROM clinic.patients WHERE patient_id <= 15 ORDER BY patient_id;

-- title: column alias list on a table
-- order: total
SELECT t.a, t.b, t.first_name FROM clinic.patients AS t (a, b) WHERE t.a <= 10 ORDER BY t.a;

-- title: column alias list that moves masked names
-- order: total
SELECT t.ssn, t.mrn FROM clinic.patients AS t (ssn, mrn, patient_id) WHERE t.ssn <= 10 ORDER BY t.ssn;

-- title: column alias list and the star
-- order: total
SELECT * FROM clinic.providers AS t (id, identifier) WHERE t.id <= 10 ORDER BY t.id;

-- title: reserved words as aliases
-- order: total
SELECT patient_id AS "select", dob AS "from", zip AS "where", sex AS "user", state AS value, city AS name FROM clinic.patients WHERE patient_id <= 10 ORDER BY "select";

-- title: duplicate output names
-- order: total
SELECT last_name AS x, first_name AS x, patient_id AS x FROM clinic.patients p WHERE p.patient_id <= 10 ORDER BY p.patient_id;

-- title: names of unnamed outputs
-- tokens: used by SUBSTRING
-- order: total
SELECT patient_id + 0, lower(last_name), zip::text, CASE WHEN true THEN dob END, 1, 'x', NULL, count(*) OVER (), ARRAY[sex], ROW(1), (SELECT 2), EXISTS (SELECT 1),
       COALESCE(phone, ''), GREATEST(1, 2), NULLIF(state, ''), now() IS NULL, current_date IS NULL, extract(year FROM dob), CAST(dob AS timestamp), (ARRAY[zip])[1],
       substring(ssn FROM 1 FOR 3), position('a' IN last_name), trim(last_name), overlay(zip PLACING 'x' FROM 1 FOR 1), char_length(last_name), length(city), substr(city, 1, 2), strpos(city, 'a'),
       mod(patient_id, 7), date_part('year', dob), NOT consent_research, - patient_id, sex || state
FROM clinic.patients WHERE patient_id <= 5 ORDER BY patient_id;

-- title: names of unnamed outputs in a derived table
-- order: total
SELECT t.lower, t.count, t."?column?" FROM (SELECT lower(last_name), count(*), 7 FROM clinic.patients GROUP BY 1) t ORDER BY 1;

-- title: names of SQL value functions
-- order: none
SELECT current_user IS NULL, session_user IS NOT NULL AS s, current_catalog IS NOT NULL AS c, current_schema IS NOT NULL AS sch, localtimestamp IS NULL AS t FROM clinic.departments LIMIT 1;

-- title: implicit alias without AS
-- order: total
SELECT patient_id id, last_name surname, dob birth_day FROM clinic.patients pat WHERE pat.patient_id <= 10 ORDER BY id;

-- title: comments, dollar quotes, escapes and Unicode in literals
-- order: total
SELECT /* not -- a comment /* nested */ still */ patient_id, $tag$it's "quoted"$tag$ AS a, E'tab\there\u00e9' AS b, U&'d\0061t\+000061' AS c, 'Zoë; DROP' AS d -- the end
FROM clinic.patients -- another
WHERE patient_id <= 5 AND last_name <> $$it's$$ ORDER BY patient_id;

-- title: Unicode identifiers and aliases
-- order: total
SELECT p.last_name AS "Straße", p.zip AS größe, p.city AS "名前" FROM clinic.patients p WHERE p.patient_id <= 5 ORDER BY p.patient_id;

-- title: no select list at all
-- order: none
SELECT FROM clinic.patients WHERE patient_id <= 3;

-- title: output name of a subscripted and a nested field
-- order: total
SELECT languages[1], (p).languages[1] AS first, preferences -> 'contact', preferences #>> '{contact,language}' FROM clinic.patients p WHERE patient_id <= 20 ORDER BY patient_id;

-- title: very long alias is cut by the server
-- order: total
SELECT patient_id AS id, zip AS a_name_that_is_far_longer_than_the_sixty_three_bytes_that_postgres_keeps_of_it FROM clinic.patients WHERE patient_id <= 3 ORDER BY id;
