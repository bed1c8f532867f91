-- As dashboards and models compile to: LookML, dbt, Superset, Metabase, Tableau and Power BI, with what they put around.

-- title: Superset, day grain of a timestamp with a time range and labels
-- order: total
SELECT DATE_TRUNC('day', admitted_at) AS admitted_at, kind AS kind, COUNT(*) AS count, COUNT(DISTINCT patient_id) AS "COUNT_DISTINCT(patient_id)" FROM clinic.encounters WHERE admitted_at >= TO_TIMESTAMP('2023-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND admitted_at < TO_TIMESTAMP('2023-04-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND ((kind IN ('inpatient', 'emergency'))) GROUP BY DATE_TRUNC('day', admitted_at), kind ORDER BY 1, 2 LIMIT 10000;

-- title: Superset, week grain that begins on Sunday
-- order: total
SELECT DATE_TRUNC('week', dob + INTERVAL '1 day') + INTERVAL '-1 day' AS __timestamp, COUNT(*) AS "COUNT(*)" FROM clinic.patients GROUP BY DATE_TRUNC('week', dob + INTERVAL '1 day') + INTERVAL '-1 day' ORDER BY 1 DESC LIMIT 100;

-- title: Superset, quarter-hour grain
-- order: total
SELECT DATE_TRUNC('hour', admitted_at) + INTERVAL '15 minutes' * FLOOR(EXTRACT(MINUTE FROM admitted_at) / 15) AS __timestamp, COUNT(*) AS n FROM clinic.encounters WHERE patient_id < 40 GROUP BY 1 ORDER BY 1 LIMIT 1000;

-- title: Superset, pivot table with a rollup of two dimensions
-- order: total
SELECT sex AS sex, CASE WHEN GROUPING(state) = 1 THEN 'Total' ELSE state END AS state, COUNT(*) AS n, GROUPING(sex, state) AS g FROM (SELECT p.sex, p.state, p.zip FROM clinic.patients AS p WHERE p.dob IS NOT NULL) AS virtual_table GROUP BY GROUPING SETS ((sex, state), (sex), ()), CASE WHEN false THEN 1 END ORDER BY g, 1 NULLS LAST, 2 LIMIT 1000;

-- title: Superset, percentiles and the standard deviation beside a histogram's bounds
-- order: total
SELECT insurer AS insurer, PERCENTILE_CONT(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY amount) AS q, PERCENTILE_DISC(0.9) WITHIN GROUP (ORDER BY submitted) AS late, ROUND(STDDEV_SAMP(amount), 4) AS sd, MIN(amount) AS lo, MAX(amount) AS hi FROM clinic.claims GROUP BY insurer ORDER BY insurer LIMIT 1000;

-- title: Superset, histogram of a masked number
-- order: total
SELECT WIDTH_BUCKET(amount, 0, 2000, 8) AS bucket, COUNT(*) AS n, MIN(amount) || ' – ' || MAX(amount) AS bounds FROM clinic.claims WHERE amount IS NOT NULL GROUP BY bucket ORDER BY bucket;

-- title: Superset, rolling mean with a window over an aggregate
-- order: total
SELECT month, n, ROUND(AVG(n) OVER (ORDER BY month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), 3) AS rolling, SUM(n) OVER (ORDER BY month RANGE BETWEEN INTERVAL '3 months' PRECEDING AND CURRENT ROW) AS quarter FROM (SELECT DATE_TRUNC('month', admitted_at) AS month, COUNT(*) AS n FROM clinic.encounters GROUP BY 1) AS expr_qry ORDER BY month LIMIT 1000;

-- title: Superset, cross filter with escaped percent signs and quotes
-- order: total
SELECT city AS city, count(*) AS "Count of ""patients""" FROM clinic.patients WHERE city ILIKE '%a%' AND NOT (city LIKE 'X\_%' ESCAPE '\') AND (city IS NOT NULL) AND city NOT IN ('O''Neil', '') GROUP BY city HAVING COUNT(*) >= 1 ORDER BY "Count of ""patients""" DESC, city LIMIT 50 OFFSET 1;

-- title: Superset, calendar of weeks joined from the left
-- order: total
SELECT c.week::date AS week, COUNT(e.encounter_id) AS encounters, COALESCE(SUM(CASE WHEN e.kind = 'inpatient' THEN 1 ELSE 0 END), 0) AS stays FROM GENERATE_SERIES('2023-01-02'::timestamp, '2023-12-31'::timestamp, '1 week'::interval) AS c(week) LEFT JOIN clinic.encounters AS e ON e.admitted_at >= c.week AND e.admitted_at < c.week + '1 week'::interval GROUP BY c.week ORDER BY 1;

-- title: calendar by lateral join of two generated series
-- order: total
SELECT y.year, q.quarter, COUNT(p.patient_id) AS born FROM generate_series(1990, 1993) AS y(year) CROSS JOIN LATERAL (SELECT g AS quarter, make_date(y.year, 3 * g - 2, 1) AS first FROM generate_series(1, 4) AS g) AS q LEFT JOIN clinic.patients p ON p.dob >= q.first AND p.dob < (q.first + INTERVAL '3 months')::date GROUP BY y.year, q.quarter ORDER BY y.year, q.quarter;

-- title: Metabase, question with a custom column, a join and a post-aggregation filter
-- order: total
SELECT "source"."Age" AS "Age", "source"."count" AS "count" FROM (SELECT CAST(FLOOR(((CAST(extract(year from DATE '2024-06-01') AS integer) - CAST(extract(year from "clinic"."patients"."dob") AS integer)) / 10.0)) * 10.0 AS integer) AS "Age", COUNT(*) AS "count" FROM "clinic"."patients" LEFT JOIN "clinic"."encounters" AS "Encounters" ON "clinic"."patients"."patient_id" = "Encounters"."patient_id" WHERE ("Encounters"."kind" <> 'telehealth' OR "Encounters"."kind" IS NULL) GROUP BY CAST(FLOOR(((CAST(extract(year from DATE '2024-06-01') AS integer) - CAST(extract(year from "clinic"."patients"."dob") AS integer)) / 10.0)) * 10.0 AS integer) ORDER BY 1 ASC) AS "source" WHERE "source"."count" > 3 ORDER BY 1 LIMIT 1048575;

-- title: Metabase, day of the week and hour of the day
-- order: total
SELECT ((CAST(extract(dow from "clinic"."encounters"."admitted_at") AS integer) + 1)) AS "admitted_at", CAST(extract(hour from "clinic"."encounters"."admitted_at") AS integer) AS "hour", COUNT(*) AS "count" FROM "clinic"."encounters" GROUP BY ((CAST(extract(dow from "clinic"."encounters"."admitted_at") AS integer) + 1)), CAST(extract(hour from "clinic"."encounters"."admitted_at") AS integer) ORDER BY 1, 2;

-- title: Metabase, share of conditional counts
-- order: total
SELECT "p"."state" AS "state", CAST(SUM(CASE WHEN "p"."phone" IS NULL THEN 1 ELSE 0.0 END) AS DOUBLE PRECISION) / NULLIF(CAST(COUNT(*) AS DOUBLE PRECISION), 0.0) AS "share", SUM(CASE WHEN ("p"."zip" >= '03000' AND "p"."zip" <= '03999') THEN 1 ELSE 0 END) AS "near" FROM "clinic"."patients" AS "p" GROUP BY "p"."state" ORDER BY "p"."state" NULLS FIRST;

-- title: Metabase, unique rows of a multi-stage question
-- order: total
SELECT "source"."zip" AS "zip", "source"."state" AS "state", "source"."pivot-grouping" AS "pivot-grouping", COUNT(DISTINCT "source"."patient_id") AS "count" FROM (SELECT "clinic"."patients"."zip" AS "zip", "clinic"."patients"."state" AS "state", "clinic"."patients"."patient_id" AS "patient_id", ABS(0) AS "pivot-grouping" FROM "clinic"."patients") AS "source" GROUP BY "source"."zip", "source"."state", "source"."pivot-grouping" ORDER BY 1, 2, 3;

-- title: Metabase, last value of each patient by a window, and a regular expression
-- order: total
SELECT * FROM (SELECT "l"."patient_id", "l"."loinc", "l"."value", ROW_NUMBER() OVER (PARTITION BY "l"."patient_id", "l"."loinc" ORDER BY "l"."taken_at" DESC, "l"."lab_id" DESC) AS "rn", SUBSTRING("l"."unit" FROM '^[a-z]+') AS "u" FROM "clinic"."labs" AS "l") AS "ranked" WHERE "rn" = 1 AND "patient_id" <= 20 ORDER BY 1, 2;

-- title: Tableau, fixed level of detail joined on what may be null
-- order: total
SELECT "t0"."state" AS "state", AVG(CAST("t0"."x" AS DOUBLE PRECISION)) AS "avg:Calculation:ok" FROM (SELECT "patients"."state" AS "state", "t1"."__measure__0" AS "x" FROM "clinic"."patients" "patients" INNER JOIN (SELECT "patients"."zip" AS "zip", COUNT(1) AS "__measure__0" FROM "clinic"."patients" "patients" GROUP BY 1) "t1" ON ("patients"."zip" IS NOT DISTINCT FROM "t1"."zip")) "t0" GROUP BY 1 ORDER BY 1;

-- title: Tableau, dates cut and cast in its own way
-- order: total
SELECT CAST(DATE_TRUNC( 'MONTH', CAST("patients"."dob" AS TIMESTAMP WITHOUT TIME ZONE) ) AS DATE) AS "tmn:dob:ok", CAST(TRUNC(EXTRACT(YEAR FROM "patients"."dob")) AS INTEGER) AS "yr:dob:ok", CAST(FLOOR((CAST(TRUNC(EXTRACT(MONTH FROM "patients"."dob")) AS INTEGER) - 1) / 3) + 1 AS INTEGER) AS "qr:dob:ok", SUM(1) AS "sum:Number of Records:ok" FROM "clinic"."patients" "patients" WHERE (("patients"."dob" >= (DATE '1980-01-01')) AND ("patients"."dob" < (DATE '1990-01-01'))) GROUP BY 1, 2, 3 ORDER BY 1 ASC NULLS FIRST;

-- title: Tableau, groups of a dimension with the rest
-- order: total
SELECT (CASE WHEN ("patients"."city" IN ('Lakewood', 'Springfield')) THEN 'Some' WHEN ("patients"."city" IS NULL) THEN NULL ELSE 'Other' END) AS "City (group)", SUM((CASE WHEN ("patients"."sex" = 'F') THEN 1 WHEN NOT ("patients"."sex" = 'F') THEN 0 ELSE NULL END)) AS "sum:f", CAST(COUNT(DISTINCT "patients"."zip") AS BIGINT) AS "ctd:zip" FROM "clinic"."patients" "patients" GROUP BY 1 ORDER BY 1;

-- title: Tableau, relative date filter and a contains filter
-- order: total
SELECT "claims"."insurer" AS "insurer", SUM("claims"."amount") AS "sum:amount:ok" FROM "clinic"."claims" "claims" WHERE ((CAST("claims"."submitted" AS TIMESTAMP) + (-1 * INTERVAL '1 DAY')) >= (TIMESTAMP '2020-01-01 00:00:00.000')) AND (STRPOS(CAST(LOWER(CAST("claims"."insurer" AS TEXT)) AS TEXT), CAST('e' AS TEXT)) > 0) GROUP BY 1 HAVING (COUNT(1) > 0) ORDER BY 1;

-- title: Tableau, string functions of a calculated field
-- order: total
SELECT UPPER(SUBSTR("patients"."city", 1, 3)) AS "c", RIGHT(RTRIM("patients"."zip"), 2) AS "z", SPLIT_PART("patients"."city", ' ', 1) AS "w", LENGTH(COALESCE("patients"."city", '')) AS "n", REPLACE(LTRIM("patients"."city", 'L'), 'a', '') AS "r", ASCII(LEFT("patients"."city", 1)) AS "a", INITCAP(REVERSE("patients"."city")) AS "i", "patients"."city" SIMILAR TO '%(field|wood)%' AS "s" FROM "clinic"."patients" "patients" GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8 LIMIT 200;

-- title: Power BI, nested rows with column groups and a limit
-- order: total
select "basetable0"."c16" as "c16", sum(cast("basetable0"."c20" as decimal)) as "a0", count(*) as "a1" from (select "_"."insurer" as "c16", "_"."amount" as "c20", "_"."submitted" as "c3" from (select "rows"."insurer" as "insurer", "rows"."amount" as "amount", "rows"."submitted" as "submitted" from (select "_"."claim_id", "_"."insurer", "_"."amount", "_"."submitted", "_"."status" from "clinic"."claims" "_" where "_"."status" = 'paid' and "_"."status" is not null) "rows" group by "insurer", "amount", "submitted") "_") "basetable0" where ("basetable0"."c3" >= timestamp '2021-01-01 00:00:00' and "basetable0"."c3" < timestamp '2024-01-01 00:00:00') group by "basetable0"."c16" order by 1 limit 1000001;

-- title: Power BI, semi-join of a filter made of values
-- order: total
select "OTBL"."state" as "c1", count(distinct "OTBL"."patient_id") + cast(max(case when "OTBL"."patient_id" is null then 1 else 0 end) as bigint) as "a0" from "clinic"."patients" as "OTBL" inner join ((select 'F' as "c0", 'NH' as "c1") union all (select 'M', 'NY') union all (select 'M', 'MA')) as "ITBL" on "OTBL"."sex" = "ITBL"."c0" and ("OTBL"."state" = "ITBL"."c1" or "OTBL"."state" is null and "ITBL"."c1" is null) group by "OTBL"."state" order by "c1" limit 1000001;

-- title: Power BI, text between marks and a conditional column
-- order: total
select "_"."c" as "c", count(1) as "n" from (select case when "_"."zip" is null then '(Blank)' when left("_"."zip", 2) = '03' then concat('near ', substring("_"."zip" from 1 for 3)) else position('0' in "_"."zip")::text end as "c" from "clinic"."patients" "_") "_" group by "_"."c" order by "_"."c" limit 501;

-- title: LookML, symmetric aggregate over a join that multiplies
-- order: total
SELECT patients.state AS "patients.state", COUNT(DISTINCT patients.patient_id) AS "patients.count", COALESCE(COALESCE(CAST((SUM(DISTINCT (CAST(FLOOR(COALESCE(claims.amount, 0) * (1000000 * 1.0)) AS DECIMAL(65, 0))) + ('x' || MD5(claims.claim_id::varchar))::bit(64)::bigint::DECIMAL(65) * 18446744073709551616 + ('x' || SUBSTR(MD5(claims.claim_id::varchar), 17))::bit(64)::bigint::DECIMAL(65)) - SUM(DISTINCT ('x' || MD5(claims.claim_id::varchar))::bit(64)::bigint::DECIMAL(65) * 18446744073709551616 + ('x' || SUBSTR(MD5(claims.claim_id::varchar), 17))::bit(64)::bigint::DECIMAL(65))) AS DOUBLE PRECISION) / CAST((1000000 * 1.0) AS DOUBLE PRECISION), 0), 0) AS "claims.total" FROM clinic.patients AS patients LEFT JOIN clinic.claims AS claims ON patients.patient_id = claims.patient_id LEFT JOIN clinic.diagnoses AS diagnoses ON diagnoses.patient_id = patients.patient_id GROUP BY 1 ORDER BY 2 DESC, 1 FETCH NEXT 500 ROWS ONLY;

-- title: LookML, pivot with ranks of rows and columns
-- order: total
SELECT * FROM (SELECT *, DENSE_RANK() OVER (ORDER BY z___min_rank) AS z___pivot_row_rank, RANK() OVER (PARTITION BY z__pivot_col_rank ORDER BY z___min_rank) AS z__pivot_col_ordering, CASE WHEN z___min_rank = z___rank THEN 1 ELSE 0 END AS z__is_highest_ranked_cell FROM (SELECT *, MIN(z___rank) OVER (PARTITION BY "patients.zip") AS z___min_rank FROM (SELECT *, RANK() OVER (ORDER BY "patients.zip" ASC, z__pivot_col_rank) AS z___rank FROM (SELECT *, DENSE_RANK() OVER (ORDER BY "encounters.kind" NULLS LAST) AS z__pivot_col_rank FROM (SELECT encounters.kind AS "encounters.kind", patients.zip AS "patients.zip", COUNT(*) AS "encounters.count" FROM clinic.patients AS patients INNER JOIN clinic.encounters AS encounters ON encounters.patient_id = patients.patient_id GROUP BY 1, 2) ww) bb WHERE z__pivot_col_rank <= 16384) aa) xx) zz WHERE (z__pivot_col_rank <= 50 OR z__is_highest_ranked_cell = 1) AND (z___pivot_row_rank <= 500 OR z__pivot_col_ordering = 1) ORDER BY z___pivot_row_rank, z__pivot_col_rank;

-- title: LookML, tiers, yes and no, and time frames
-- order: total
SELECT CASE WHEN EXTRACT(YEAR FROM AGE(DATE '2024-06-01', patients.dob)) < 18 THEN 'T00 [-inf,18)' WHEN EXTRACT(YEAR FROM AGE(DATE '2024-06-01', patients.dob)) >= 18 AND EXTRACT(YEAR FROM AGE(DATE '2024-06-01', patients.dob)) < 65 THEN 'T01 [18,65)' WHEN patients.dob IS NULL THEN 'TXX Undefined' ELSE 'T02 [65,inf)' END AS "age_tier__sort_", CASE WHEN patients.phone IS NOT NULL THEN 'Yes' ELSE 'No' END AS "patients.has_phone", (TO_CHAR(DATE_TRUNC('month', patients.created_at AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York'), 'YYYY-MM')) AS "patients.created_month", (DATE(patients.created_at AT TIME ZONE 'America/New_York')) AS "patients.created_date", COUNT(*) AS "n" FROM clinic.patients AS patients WHERE ((patients.created_at) >= ((SELECT (DATE_TRUNC('day', TIMESTAMP '2019-01-01') + (-29 || ' day')::INTERVAL)))) GROUP BY 1, 2, 3, 4 ORDER BY 3, 1, 2, 4, 5 LIMIT 500;

-- title: LookML, persistent derived table and liquid conditions
-- order: total
WITH patient_facts AS (SELECT e.patient_id, MIN(e.admitted_at) AS first_at, MAX(e.admitted_at) AS last_at, COUNT(*) AS visits, COUNT(*) FILTER (WHERE e.kind = 'inpatient') AS stays FROM clinic.encounters e WHERE 1=1 AND 1=1 -- no filter on 'encounters.kind'
 GROUP BY 1)
SELECT patient_facts.visits AS "patient_facts.visits", COUNT(DISTINCT patients.patient_id) AS "patients.count", AVG(EXTRACT(EPOCH FROM (patient_facts.last_at - patient_facts.first_at)) / 86400)::numeric(12, 2) AS "days" FROM clinic.patients AS patients LEFT JOIN patient_facts ON patients.patient_id = patient_facts.patient_id WHERE (patients.zip LIKE '03%' OR patients.zip IS NULL) AND ((( patients.dob ) >= ((DATE(TO_TIMESTAMP('1930', 'YYYY')))) AND ( patients.dob ) < ((DATE(TO_TIMESTAMP('2010', 'YYYY')))))) GROUP BY 1 ORDER BY 1 NULLS LAST LIMIT 5000;

-- title: dbt, a chain of staging models with source, renamed and final
-- order: total
with source as (

    select * from "{database}"."clinic"."patients"

),

renamed as (

    select
        patient_id as id,
        trim(lower(city)) as city_name,
        nullif(trim(state), '') as state_code,
        dob::date as born_on,
        zip::varchar(5) as zip_code,
        'pgveil'::text as _source
    from source

),

final as (

    select *, row_number() over (partition by zip_code order by id) as zip_index from renamed

)

select id, city_name, state_code, born_on, zip_code, zip_index from final where zip_index <= 2 order by id;

-- title: dbt, surrogate key and deduplication
-- order: total
with base as (
    select md5(cast(coalesce(cast(p.zip as TEXT), '_dbt_utils_surrogate_key_null_') || '-' || coalesce(cast(p.sex as TEXT), '_dbt_utils_surrogate_key_null_') as TEXT)) as place_key, p.*
    from clinic.patients p
), deduped as (
    select distinct on (place_key) place_key, zip, sex, patient_id, dob from base order by place_key, dob desc nulls last, patient_id
)
select place_key, zip, sex, patient_id, dob from deduped order by zip nulls first, sex;

-- title: dbt, union of relations with a literal of where they come from
-- order: total
(select cast('clinic.patients' as TEXT) as _dbt_source_relation, cast("zip" as character(5)) as "zip", cast("state" as character(2)) as "state", cast(null as integer) as "population" from "{database}"."clinic"."patients" where patient_id < 10)
union all
(select cast('reference.zip_areas' as TEXT) as _dbt_source_relation, cast("zip3" || '00' as character(5)) as "zip", cast("state" as character(2)) as "state", cast("population" as integer) as "population" from "{database}"."reference"."zip_areas" where population < 20000)
order by 1, 2, 3, 4;

-- title: dbt, slowly changing row with its hash and validity
-- order: total
select *, md5(coalesce(cast(patient_id as varchar ), '') || '|' || coalesce(cast(created_at as varchar ), '')) as dbt_scd_id, created_at as dbt_updated_at, created_at as dbt_valid_from, coalesce(nullif(created_at, created_at), null) as dbt_valid_to from (select patient_id, zip, state, created_at from clinic.patients) sbq order by patient_id limit 20;

-- title: dbt, date spine
-- order: total
with rawdata as (
    with p as (select 0 as generated_number union all select 1), unioned as (
        select p0.generated_number * power(2, 0) + p1.generated_number * power(2, 1) + p2.generated_number * power(2, 2) + 1 as generated_number
        from p as p0 cross join p as p1 cross join p as p2)
    select * from unioned where generated_number <= 6 order by generated_number
), all_periods as (
    select (cast('2023-01-01' as date) + ((interval '1 month') * (row_number() over (order by generated_number) - 1))) as date_month from rawdata
)
select m.date_month, count(c.claim_id) as claims, coalesce(sum(c.paid), 0) as paid from all_periods m left join clinic.claims c on date_trunc('month', c.submitted) = m.date_month group by m.date_month order by m.date_month;

-- title: dbt test, expression is true and not null in proportion
-- order: total
select count(*) as failures, count(*) != 0 as should_warn, count(*) != 0 as should_error from (select 1 from clinic.patients where not(length(zip) = 5) union all (with validation as (select sum(case when dob is null then 0 else 1 end) / cast(count(*) as numeric) as not_null_proportion from clinic.patients) select 1 from validation where not_null_proportion < 0.5)) dbt_internal_test;

-- title: pivot by FILTER with totals by CUBE
-- order: total
SELECT coalesce(p.sex, '∑') AS sex, coalesce(e.kind, '∑') AS kind, count(*) FILTER (WHERE p.dob < DATE '1960-01-01') AS "born before 1960", count(*) FILTER (WHERE p.dob >= DATE '1960-01-01' AND p.zip LIKE '03%') AS "later, near", grouping(p.sex, e.kind) AS level FROM clinic.patients p JOIN clinic.encounters e USING (patient_id) GROUP BY CUBE (p.sex, e.kind) ORDER BY level, 1, 2;

-- title: running totals, ranks and neighbours in named windows
-- order: total
SELECT submitted, insurer, amount, sum(amount) OVER w AS running, rank() OVER (w ROWS UNBOUNDED PRECEDING) AS place, lag(amount, 1, 0) OVER w AS before, first_value(amount) OVER w AS first, ntile(4) OVER (PARTITION BY insurer ORDER BY amount, claim_id) AS tile, round((percent_rank() OVER (PARTITION BY insurer ORDER BY amount))::numeric, 3) AS pr FROM clinic.claims WHERE patient_id <= 60 WINDOW w AS (PARTITION BY insurer ORDER BY submitted, claim_id) ORDER BY insurer, submitted, claim_id, tile;

-- title: gaps and islands over masked dates
-- order: total
WITH days AS (SELECT DISTINCT patient_id, admitted_at::date AS d FROM clinic.encounters WHERE patient_id <= 80), islands AS (SELECT patient_id, d, d - (row_number() OVER (PARTITION BY patient_id ORDER BY d))::int AS island FROM days) SELECT patient_id, min(d) AS first, max(d) AS last, count(*) AS days, daterange(min(d), max(d), '[]') AS span FROM islands GROUP BY patient_id, island HAVING count(*) > 1 ORDER BY patient_id, first;

-- title: Grafana, buckets of epoch seconds with its macros filled in
-- order: total
SELECT floor(extract(epoch from "submitted")/2592000)*2592000 AS "time", insurer AS metric, avg(amount)::numeric(12,2) AS value FROM clinic.claims WHERE "submitted" BETWEEN '2022-01-01T00:00:00Z' AND '2023-12-31T23:59:59.999Z' GROUP BY 1, insurer ORDER BY 1, 2;

-- title: Redash, parameters in a query of several CTEs and an order by an alias
-- order: total
/* Username: dana@example.org, query_id: 42, Queue: queries, Job ID: 8f, Query Hash: 00, Scheduled: False */ WITH big AS (SELECT zip, count(*) n FROM clinic.patients GROUP BY zip HAVING count(*) > 2), ranked AS (SELECT zip, n, rank() OVER (ORDER BY n DESC, zip) AS r FROM big) SELECT r.zip "Postal area::filter", r.n AS patients, round(100.0 * r.n / sum(r.n) OVER (), 2) AS "share %" FROM ranked r WHERE r.r <= 10 ORDER BY patients DESC, 1;

-- title: spreadsheet add-in, everything as text with a star and an order by position
-- order: total
SELECT t.*, t.dob::text AS dob_text, to_char(t.created_at, 'IYYY-"W"IW') AS week, (t.languages)[1] AS first_language, array_to_string(t.languages, ', ') AS languages_text FROM (SELECT patient_id, dob, zip, city, languages, created_at FROM clinic.patients) t ORDER BY 1 LIMIT 100;

-- title: cohort matrix by intervals and a cross join of periods
-- order: total
WITH first AS (SELECT patient_id, date_trunc('year', min(admitted_at))::date AS cohort FROM clinic.encounters GROUP BY patient_id), periods AS (SELECT generate_series(0, 3) AS n) SELECT f.cohort, n.n AS years_later, count(DISTINCT f.patient_id) AS size, count(DISTINCT e.patient_id) AS active, round(100.0 * count(DISTINCT e.patient_id) / count(DISTINCT f.patient_id), 1) AS pct FROM first f CROSS JOIN periods n LEFT JOIN clinic.encounters e ON e.patient_id = f.patient_id AND e.admitted_at >= f.cohort + make_interval(years => n.n) AND e.admitted_at < f.cohort + make_interval(years => n.n + 1) GROUP BY f.cohort, n.n ORDER BY 1, 2;

-- title: statistics of two measures and a regression
-- order: total
SELECT insurer, round(corr(amount, paid)::numeric, 6) AS r, round(regr_slope(paid, amount)::numeric, 6) AS slope, round(covar_pop(paid, amount)::numeric, 3) AS cov, mode() WITHIN GROUP (ORDER BY status) AS usual, count(*) FILTER (WHERE adjudicated_at - submitted > interval '30 days') AS slow FROM clinic.claims GROUP BY insurer ORDER BY insurer;

-- title: JSON documents for a chart, built by the database
-- order: total
SELECT json_build_object('zip', zip, 'points', json_agg(json_build_object('x', dob, 'y', patient_id) ORDER BY patient_id))::text AS series FROM clinic.patients WHERE patient_id <= 30 GROUP BY zip ORDER BY zip;

-- title: parameters of a prepared dashboard tile
-- order: total
-- params: ["1950-01-01", "2000-01-01", "{F,M}", "03%", "25"]
SELECT p.zip, count(*) AS n, min(p.dob) AS oldest FROM clinic.patients p WHERE p.dob BETWEEN $1::date AND $2::date AND p.sex = ANY ($3::text[]) AND p.zip LIKE $4 GROUP BY p.zip ORDER BY n DESC, p.zip LIMIT $5::int;
