-- As Metabase sends it: the user's name in a comment, everything quoted, sources as subqueries, fingerprints.

-- title: question with a breakout
-- order: total
-- Metabase:: userID: 1 queryType: MBQL queryHash: 6e5a9b0a5b1a6d1c
SELECT "clinic"."patients"."state" AS "state", COUNT(*) AS "count" FROM "clinic"."patients" GROUP BY "clinic"."patients"."state" ORDER BY "clinic"."patients"."state" ASC;

-- title: table view with all columns
-- order: sample
-- Metabase:: userID: 2 queryType: MBQL queryHash: 0b1c
SELECT "clinic"."patients"."patient_id" AS "patient_id", "clinic"."patients"."mrn" AS "mrn", "clinic"."patients"."ssn" AS "ssn", "clinic"."patients"."first_name" AS "first_name", "clinic"."patients"."last_name" AS "last_name", "clinic"."patients"."dob" AS "dob", "clinic"."patients"."zip" AS "zip", "clinic"."patients"."languages" AS "languages", "clinic"."patients"."preferences" AS "preferences" FROM "clinic"."patients" LIMIT 2000;

-- title: implicit join with an aliased table
-- order: total
-- Metabase:: userID: 1 queryType: MBQL queryHash: 77
SELECT "Providers"."specialty" AS "Providers__specialty", DATE_TRUNC('year', "clinic"."encounters"."admitted_at") AS "admitted_at", COUNT(distinct "clinic"."encounters"."patient_id") AS "count" FROM "clinic"."encounters" LEFT JOIN "clinic"."providers" AS "Providers" ON "clinic"."encounters"."provider_id" = "Providers"."provider_id" GROUP BY "Providers"."specialty", DATE_TRUNC('year', "clinic"."encounters"."admitted_at") ORDER BY "Providers"."specialty" ASC, DATE_TRUNC('year', "clinic"."encounters"."admitted_at") ASC;

-- title: question over a question
-- order: total
SELECT "source"."zip" AS "zip", AVG("source"."count") AS "avg" FROM (SELECT "clinic"."patients"."zip" AS "zip", "clinic"."patients"."sex" AS "sex", COUNT(*) AS "count" FROM "clinic"."patients" GROUP BY "clinic"."patients"."zip", "clinic"."patients"."sex" ORDER BY "clinic"."patients"."zip" ASC, "clinic"."patients"."sex" ASC) AS "source" GROUP BY "source"."zip" ORDER BY "source"."zip" ASC;

-- title: fingerprint of a table
-- tokens: used by the function substring
-- order: sample
SELECT SUBSTRING("clinic"."patients"."last_name", 1, 1234) AS "substring1", SUBSTRING("clinic"."patients"."ssn", 1, 1234) AS "substring2", "clinic"."patients"."dob" AS "dob" FROM "clinic"."patients" LIMIT 10000;

-- title: scan of the distinct values of a masked column
-- order: total
SELECT "clinic"."patients"."first_name" AS "first_name" FROM "clinic"."patients" GROUP BY "clinic"."patients"."first_name" ORDER BY "clinic"."patients"."first_name" ASC LIMIT 1001;

-- title: binning of a number
-- order: total
SELECT FLOOR((("source"."amount" - 0.0) / 250.0)) * 250.0 + 0.0 AS "amount", COUNT(*) AS "count" FROM (SELECT "clinic"."claims"."amount" AS "amount" FROM "clinic"."claims") AS "source" GROUP BY FLOOR((("source"."amount" - 0.0) / 250.0)) * 250.0 + 0.0 ORDER BY 1 ASC;

-- title: relative date filter
-- order: none
SELECT COUNT(*) AS "count" FROM "clinic"."encounters" WHERE "clinic"."encounters"."admitted_at" >= DATE_TRUNC('year', TIMESTAMP '2024-05-05') AND "clinic"."encounters"."admitted_at" < DATE_TRUNC('year', TIMESTAMP '2024-05-05' + INTERVAL '1 year');

-- title: expression with CASE and CAST as a custom column
-- order: total
SELECT "source"."Bracket" AS "Bracket", SUM("source"."paid") AS "sum" FROM (SELECT CASE WHEN "clinic"."claims"."amount" < 500 THEN 'low' WHEN "clinic"."claims"."amount" < 2000 THEN 'middle' ELSE 'high' END AS "Bracket", CAST("clinic"."claims"."paid" AS DOUBLE PRECISION)::numeric(14,2) AS "paid" FROM "clinic"."claims") AS "source" GROUP BY "source"."Bracket" ORDER BY "source"."Bracket" ASC;

-- title: text filter, case folded
-- order: total
SELECT "clinic"."patients"."patient_id" AS "patient_id" FROM "clinic"."patients" WHERE (LOWER("clinic"."patients"."last_name") LIKE '%son%') OR ("clinic"."patients"."email" IS NULL AND "clinic"."patients"."patient_id" < 20) ORDER BY "clinic"."patients"."patient_id" ASC LIMIT 100;
