-- As Tableau sends it: quoted aliases, custom SQL as a subquery, level-of-detail joins, SUM(1), calculated fields.

-- title: measure by dimension
-- order: none
SELECT "patients"."state" AS "state",
  SUM(1) AS "cnt:patients_7A3F:ok"
FROM "clinic"."patients" "patients"
GROUP BY 1;

-- title: date part of a masked date
-- order: none
SELECT CAST(EXTRACT(YEAR FROM "patients"."dob") AS INTEGER) AS "yr:dob:ok", COUNT(DISTINCT "patients"."patient_id") AS "ctd:patient_id:ok"
FROM "clinic"."patients" "patients"
WHERE ((CAST(EXTRACT(YEAR FROM "patients"."dob") AS INTEGER) >= 1980) AND (CAST(EXTRACT(YEAR FROM "patients"."dob") AS INTEGER) <= 1990))
GROUP BY 1;

-- title: custom SQL query
-- order: none
SELECT "Custom SQL Query"."zip" AS "zip", SUM("Custom SQL Query"."billed") AS "sum:billed:ok"
FROM (
  select p.zip, c.amount as billed
  from clinic.patients p inner join clinic.claims c on p.patient_id = c.patient_id
) "Custom SQL Query"
GROUP BY 1;

-- title: connect probe of a custom query
-- order: none
SELECT * FROM (SELECT * FROM "clinic"."patients") "TableauSQL" LIMIT 0;

-- title: level of detail
-- order: none
SELECT "t0"."state" AS "state", AVG(CAST("t1"."__measure__0" AS NUMERIC)) AS "avg:Calculation_1:ok"
FROM (SELECT "patients"."state" AS "state", "patients"."zip" AS "zip" FROM "clinic"."patients" "patients" GROUP BY 1, 2) "t0"
  INNER JOIN (SELECT "patients"."zip" AS "zip", COUNT("patients"."patient_id") AS "__measure__0" FROM "clinic"."patients" "patients" GROUP BY 1) "t1" ON ("t0"."zip" IS NOT DISTINCT FROM "t1"."zip")
GROUP BY 1;

-- title: top filter as an inner join on a subquery
-- order: none
SELECT "encounters"."reason" AS "reason", SUM(1) AS "sum:Number of Records:ok"
FROM "clinic"."encounters" "encounters"
  INNER JOIN (SELECT "encounters"."department_id" AS "department_id", SUM(1) AS "$__alias__0" FROM "clinic"."encounters" "encounters" GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 3) "t0" ON ("encounters"."department_id" = "t0"."department_id")
GROUP BY 1;

-- title: date truncation with casts
-- order: none
SELECT (DATE_TRUNC('MONTH', CAST("claims"."submitted" AS TIMESTAMP))) AS "tmn:submitted:ok", SUM("claims"."amount") AS "sum:amount:ok", MIN("claims"."member_id") AS "min:member_id:nk"
FROM "clinic"."claims" "claims" GROUP BY 1;

-- title: calculated field with nested CASE and string functions
-- order: none
SELECT (CASE WHEN (LEFT("patients"."last_name", 1) <= 'M') THEN 'A-M' WHEN NOT (LEFT("patients"."last_name", 1) <= 'M') THEN 'N-Z' ELSE NULL END) AS "Calculation_42", COUNT(1) AS "n", STRPOS("patients"."city", 'a') > 0 AS "has a"
FROM "clinic"."patients" "patients" GROUP BY 1, 3;

-- title: quick filter domain
-- order: total
SELECT "patients"."last_name" AS "last_name" FROM "clinic"."patients" "patients" GROUP BY 1 ORDER BY 1 ASC NULLS FIRST;

-- title: HAVING over a count
-- order: none
SELECT "patients"."zip" AS "zip" FROM "clinic"."patients" "patients" GROUP BY 1 HAVING (COUNT(1) > 0) AND (MIN("patients"."dob") IS NOT NULL);
