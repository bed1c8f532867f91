-- Statements with parameters, as drivers send them by the extended protocol; values are sent as text.

-- title: parameter compared with a masked column
-- order: total
-- params: ["M%", "300"]
SELECT patient_id, last_name FROM clinic.patients WHERE last_name LIKE $1 AND patient_id <= $2 ORDER BY patient_id;

-- title: parameters written without spaces
-- order: total
-- params: ["1", "2", "3"]
SELECT patient_id, zip FROM clinic.patients WHERE patient_id IN ($1,$2,$3) ORDER BY patient_id;

-- title: parameter of a masked date
-- order: total
-- params: ["1970-01-01", "1980-01-01"]
SELECT patient_id, dob FROM clinic.patients WHERE dob>=$1 AND dob<$2 AND patient_id <= 500 ORDER BY patient_id;

-- title: array parameter
-- order: total
-- params: ["{1,5,9,13}"]
SELECT patient_id, ssn FROM clinic.patients WHERE patient_id = ANY ($1) ORDER BY patient_id;

-- title: array parameter with a cast, against a masked column
-- order: none
-- params: ["{02100,00000,03000}"]
SELECT count(*) FROM clinic.patients WHERE zip = ANY ($1::text[]);

-- title: parameters in the select list
-- order: total
-- params: ["x", "7"]
SELECT $1::text AS label, $2::int + patient_id AS n, $1::text || last_name AS c FROM clinic.patients WHERE patient_id <= 10 ORDER BY patient_id;

-- title: parameter in LIMIT and OFFSET
-- order: total
-- params: ["15", "30"]
SELECT patient_id, first_name FROM clinic.patients ORDER BY patient_id LIMIT $1 OFFSET $2;

-- title: parameter that is NULL
-- order: total
-- params: [null]
SELECT patient_id, sex FROM clinic.patients WHERE ($1::text IS NULL OR sex = $1::text) AND patient_id <= 20 ORDER BY patient_id;

-- title: parameters out of order and used twice
-- order: total
-- params: ["5", "F", "40"]
SELECT patient_id, $3::int AS upper FROM clinic.patients WHERE sex = $2 AND patient_id BETWEEN $1 AND $3 OR patient_id = $1 ORDER BY patient_id;

-- title: parameter in a subquery and a CTE
-- order: total
-- params: ["inpatient", "2024-01-01"]
WITH e AS (SELECT patient_id FROM clinic.encounters WHERE kind = $1 AND admitted_at >= $2::timestamp)
SELECT p.patient_id, p.mrn FROM clinic.patients p WHERE p.patient_id IN (SELECT patient_id FROM e) AND p.patient_id < 400 ORDER BY p.patient_id;

-- title: parameter in INTERVAL arithmetic
-- order: none
-- params: ["30"]
SELECT count(*) FROM clinic.encounters WHERE discharged_at - admitted_at > $1 * INTERVAL '1 hour';

-- title: parameter compared with a uuid and a numeric
-- order: total
-- params: ["00000000-0000-0000-0000-000000000000", "1500.50"]
SELECT claim_id, amount FROM clinic.claims WHERE claim_id > $1 AND amount > $2 AND patient_id <= 100 ORDER BY claim_id;

-- title: parameter with a boolean and an enum
-- order: none
-- params: ["true", "done"]
SELECT count(*) FROM clinic.appointments a JOIN clinic.patients p USING (patient_id) WHERE p.consent_research = $1 AND a.status = $2;

-- title: PostgREST's whole page in one value
-- order: none
-- params: ["10", "0"]
WITH pgrst_source AS (SELECT "clinic"."patients"."patient_id", "clinic"."patients"."last_name", "clinic"."patients"."dob" FROM "clinic"."patients" ORDER BY "clinic"."patients"."patient_id" LIMIT $1 OFFSET $2)
SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t), '[]') AS body FROM (SELECT * FROM pgrst_source) _postgrest_t;

-- title: Hasura's nested objects
-- order: none
-- params: ["12"]
SELECT coalesce(json_agg("root"), '[]') AS "root" FROM (SELECT row_to_json((SELECT "_e" FROM (SELECT "_root.base"."patient_id" AS "id", "_root.base"."last_name" AS "lastName", "_root.ar"."claims" AS "claims") AS "_e")) AS "root"
FROM (SELECT * FROM "clinic"."patients" WHERE ("clinic"."patients"."patient_id") <= ($1) ORDER BY patient_id) AS "_root.base"
LEFT OUTER JOIN LATERAL (SELECT coalesce(json_agg("c" ORDER BY "c"."id"), '[]') AS "claims" FROM (SELECT claim_id AS id, member_id FROM "clinic"."claims" WHERE ("_root.base"."patient_id") = ("patient_id")) AS "c") AS "_root.ar" ON ('true')) AS "_root";

-- title: bad value for a parameter
-- order: none
-- params: ["not a number"]
SELECT patient_id FROM clinic.patients WHERE patient_id = $1;
