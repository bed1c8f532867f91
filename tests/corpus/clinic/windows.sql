-- Window functions: partitions and orders are over masked values like everything else.

-- title: row number within a masked partition
-- order: total
SELECT patient_id, zip, row_number() OVER (PARTITION BY zip ORDER BY patient_id) AS nth
FROM clinic.patients WHERE patient_id <= 300 ORDER BY patient_id;

-- title: rank by a masked date
-- order: total
SELECT patient_id, dob, rank() OVER (ORDER BY dob) AS r, dense_rank() OVER (ORDER BY dob) AS dr, percent_rank() OVER (ORDER BY dob) AS pr,
       cume_dist() OVER (ORDER BY dob) AS cd
FROM clinic.patients WHERE patient_id <= 200 ORDER BY patient_id;

-- title: lag and lead over encounters
-- order: total
SELECT encounter_id, patient_id, admitted_at,
       lag(admitted_at) OVER w AS previous, lead(admitted_at, 1) OVER w AS next, admitted_at - lag(discharged_at) OVER w AS gap
FROM clinic.encounters
WHERE patient_id <= 60
WINDOW w AS (PARTITION BY patient_id ORDER BY admitted_at, encounter_id)
ORDER BY encounter_id;

-- title: lag over a masked text with a default
-- order: total
SELECT patient_id, lag(last_name, 2, '(none)') OVER (ORDER BY patient_id) AS two_before FROM clinic.patients WHERE patient_id <= 100 ORDER BY patient_id;

-- title: running total with a ROWS frame
-- order: total
SELECT claim_id, submitted, sum(amount) OVER (PARTITION BY insurer ORDER BY submitted, claim_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
FROM clinic.claims WHERE patient_id <= 150 ORDER BY claim_id;

-- title: moving average with a RANGE frame in days
-- order: total
SELECT submitted, n, avg(n) OVER (ORDER BY submitted RANGE BETWEEN INTERVAL '6 days' PRECEDING AND CURRENT ROW) AS week_average
FROM (SELECT submitted, count(*) AS n FROM clinic.claims WHERE submitted >= '2024-01-01' AND submitted < '2024-04-01' GROUP BY submitted) t
ORDER BY submitted;

-- title: GROUPS frame with EXCLUDE
-- order: total
SELECT patient_id, dob, count(*) OVER (ORDER BY dob GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS near
FROM clinic.patients WHERE patient_id <= 150 ORDER BY patient_id;

-- title: named windows, one derived from another
-- order: total
SELECT provider_id, specialty, count(*) OVER s AS colleagues, first_value(last_name) OVER (s ORDER BY provider_id) AS first_colleague
FROM clinic.providers WINDOW s AS (PARTITION BY specialty) ORDER BY provider_id;

-- title: first, last and nth value of masked columns
-- order: total
SELECT patient_id,
       first_value(first_name) OVER w AS a,
       last_value(zip) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS b,
       nth_value(last_name, 2) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS c
FROM clinic.patients WHERE patient_id <= 120
WINDOW w AS (PARTITION BY sex ORDER BY patient_id)
ORDER BY patient_id;

-- title: ntile over the amounts
-- order: total
SELECT quartile, count(*) AS claims, min(amount) AS least, max(amount) AS most
FROM (SELECT amount, ntile(4) OVER (ORDER BY amount, claim_id) AS quartile FROM clinic.claims) q
GROUP BY quartile ORDER BY quartile;

-- title: share of the whole by a window over an aggregate
-- order: total
SELECT zip, count(*) AS n, round(100.0 * count(*) / sum(count(*)) OVER (), 3) AS share, rank() OVER (ORDER BY count(*) DESC) AS place
FROM clinic.patients GROUP BY zip ORDER BY n DESC, zip;

-- title: window with FILTER
-- order: total
SELECT encounter_id, count(*) FILTER (WHERE kind = 'emergency') OVER (PARTITION BY patient_id) AS emergencies
FROM clinic.encounters WHERE patient_id <= 80 ORDER BY encounter_id;

-- title: window over an unnamed function in ORDER BY only
-- order: total
SELECT patient_id, state FROM clinic.patients WHERE patient_id <= 100 ORDER BY count(*) OVER (PARTITION BY state) DESC, patient_id;

-- title: deduplicating by row number over masked columns
-- order: total
SELECT patient_id, last_name, dob
FROM (SELECT p.*, row_number() OVER (PARTITION BY last_name, dob ORDER BY patient_id) AS rn FROM clinic.patients p) d
WHERE rn = 1
ORDER BY patient_id;

-- title: gaps and islands over stays
-- order: total
SELECT patient_id, min(day) AS starts, max(day) AS ends, count(*) AS days
FROM (
  SELECT patient_id, day, day - (row_number() OVER (PARTITION BY patient_id ORDER BY day))::int AS island
  FROM (SELECT DISTINCT patient_id, admitted_at::date AS day FROM clinic.encounters WHERE patient_id <= 200) x
) y
GROUP BY patient_id, island ORDER BY patient_id, starts;

-- title: aggregate of a masked text as a window
-- order: total
SELECT patient_id, string_agg(first_name, ',') OVER (ORDER BY patient_id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS trail
FROM clinic.patients WHERE patient_id <= 50 ORDER BY patient_id;
