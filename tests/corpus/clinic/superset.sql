-- As Apache Superset sends it: SQL Lab with a limit, virtual tables, time grains, filters, previews and samples.

-- title: table preview of SQL Lab
-- order: sample
SELECT patient_id AS patient_id,
       mrn AS mrn,
       ssn AS ssn,
       first_name AS first_name,
       last_name AS last_name,
       dob AS dob
FROM clinic.patients
LIMIT 101;

-- title: virtual dataset over the user's query
-- order: total
SELECT zip AS zip,
       count(*) AS count
FROM
  (SELECT p.patient_id,
          p.zip,
          p.dob,
          e.kind
   FROM clinic.patients p
   JOIN clinic.encounters e ON e.patient_id = p.patient_id) AS virtual_table
WHERE kind IN ('emergency',
               'inpatient')
GROUP BY zip
ORDER BY count DESC, zip
LIMIT 1000;

-- title: virtual dataset with the star
-- order: total
SELECT * FROM (SELECT * FROM clinic.claims WHERE patient_id <= 50) AS virtual_table ORDER BY claim_id LIMIT 1000;

-- title: time grain on a masked date
-- order: total
SELECT DATE_TRUNC('month', dob) AS __timestamp,
       COUNT(*) AS "COUNT(*)"
FROM clinic.patients
WHERE dob >= TO_DATE('1990-01-01', 'YYYY-MM-DD')
  AND dob < TO_DATE('2010-01-01', 'YYYY-MM-DD')
GROUP BY DATE_TRUNC('month', dob)
ORDER BY __timestamp
LIMIT 10000;

-- title: time series with a join on the top groups
-- order: total
SELECT DATE_TRUNC('quarter', submitted) AS __timestamp, insurer AS insurer, sum(amount) AS "SUM(amount)"
FROM clinic.claims
JOIN
  (SELECT insurer AS insurer__, sum(amount) AS mme_inner__ FROM clinic.claims
   WHERE submitted >= TO_DATE('2022-01-01', 'YYYY-MM-DD') GROUP BY insurer ORDER BY mme_inner__ DESC LIMIT 3) AS series_limit ON insurer = insurer__
WHERE submitted >= TO_DATE('2022-01-01', 'YYYY-MM-DD')
GROUP BY DATE_TRUNC('quarter', submitted), insurer
ORDER BY 1, 2
LIMIT 50000;

-- title: filter box values of a masked column
-- order: total
SELECT last_name AS last_name, count(*) AS metric FROM clinic.patients GROUP BY last_name ORDER BY metric DESC, last_name LIMIT 1000;

-- title: custom SQL metric and column
-- order: total
SELECT CASE WHEN zip LIKE '03%' THEN 'north-east' ELSE 'elsewhere' END AS "Area", COUNT(DISTINCT mrn) AS "Unique patients", (SUM(CASE WHEN consent_research THEN 1 ELSE 0 END) * 1.0) / COUNT(*) AS "Consent rate"
FROM clinic.patients
GROUP BY CASE WHEN zip LIKE '03%' THEN 'north-east' ELSE 'elsewhere' END
ORDER BY "Unique patients" DESC, 1
LIMIT 100;

-- title: row count of a virtual dataset
-- order: none
SELECT COUNT(*) AS rowcount FROM (SELECT patient_id, last_name FROM clinic.patients WHERE last_name ILIKE '%son%' LIMIT 100000) AS rowcount_qry;

-- title: no-op filter of a time range and a text search
-- order: none
SELECT count(*) FROM clinic.active_patients WHERE ((dob >= '1900-01-01 00:00:00.000000') AND (dob < '2100-01-01 00:00:00.000000')) AND ((last_name ILIKE '%a%'));

-- title: user's query ending in a comment inside the virtual table
-- order: total
SELECT state, n FROM (SELECT state, count(*) AS n
FROM clinic.patients -- everyone
GROUP BY state -- by state
) AS virtual_table ORDER BY state LIMIT 100;

-- title: Jinja-made query with a trailing always-true condition
-- order: total
SELECT patient_id, phone, email FROM clinic.patients WHERE 1 = 1 AND (1=1) AND patient_id IN (1, 2, 3, 4, 5) ORDER BY patient_id LIMIT 1001;

-- title: box plot by percentiles over a subquery
-- order: total
SELECT kind, percentile_cont(0.25) WITHIN GROUP (ORDER BY hours) AS q1, percentile_cont(0.75) WITHIN GROUP (ORDER BY hours) AS q3
FROM (SELECT kind, extract(epoch FROM (discharged_at - admitted_at))::float8 / 3600.0 AS hours FROM clinic.encounters WHERE discharged_at IS NOT NULL) AS virtual_table GROUP BY kind ORDER BY kind;
