-- What analysts write: cohorts, retention, funnels, pivots, calendars, top-N.

-- title: admissions for each month of a calendar, zeros included
-- order: total
SELECT m.month::date, count(e.encounter_id) AS admissions, count(DISTINCT e.patient_id) AS patients
FROM generate_series(TIMESTAMP '2023-01-01', TIMESTAMP '2023-12-01', INTERVAL '1 month') AS m(month)
LEFT JOIN clinic.encounters e ON date_trunc('month', e.admitted_at) = m.month
GROUP BY m.month ORDER BY m.month;

-- title: cohorts by first encounter and retention by quarter
-- order: total
WITH first_visit AS (
  SELECT patient_id, date_trunc('year', min(admitted_at)) AS cohort FROM clinic.encounters GROUP BY patient_id
), activity AS (
  SELECT DISTINCT e.patient_id, f.cohort, extract(year FROM e.admitted_at) - extract(year FROM f.cohort) AS years_after
  FROM clinic.encounters e JOIN first_visit f USING (patient_id)
)
SELECT cohort::date, years_after, count(*) AS patients,
       round(100.0 * count(*) / first_value(count(*)) OVER (PARTITION BY cohort ORDER BY years_after), 1) AS percent
FROM activity GROUP BY cohort, years_after ORDER BY cohort, years_after;

-- title: funnel from appointment to claim
-- order: none
WITH booked AS (SELECT DISTINCT patient_id FROM clinic.appointments),
     seen AS (SELECT DISTINCT patient_id FROM clinic.encounters WHERE patient_id IN (SELECT patient_id FROM booked)),
     billed AS (SELECT DISTINCT patient_id FROM clinic.claims WHERE patient_id IN (SELECT patient_id FROM seen)),
     paid AS (SELECT DISTINCT c.patient_id FROM clinic.claims c JOIN billed USING (patient_id) WHERE c.status = 'paid')
SELECT (SELECT count(*) FROM booked) AS booked, (SELECT count(*) FROM seen) AS seen, (SELECT count(*) FROM billed) AS billed, (SELECT count(*) FROM paid) AS paid;

-- title: three dearest claims of each insurer
-- order: total
SELECT insurer, claim_id, member_id, amount
FROM (SELECT c.*, row_number() OVER (PARTITION BY insurer ORDER BY amount DESC, claim_id) AS rn FROM clinic.claims c) ranked
WHERE rn <= 3 ORDER BY insurer, amount DESC, claim_id;

-- title: top specialty of each department by lateral
-- order: total
SELECT d.name, top.specialty, top.n
FROM clinic.departments d
CROSS JOIN LATERAL (
  SELECT pr.specialty, count(*) AS n FROM clinic.encounters e JOIN clinic.providers pr USING (provider_id)
  WHERE e.department_id = d.department_id GROUP BY pr.specialty ORDER BY count(*) DESC, pr.specialty LIMIT 2
) top
ORDER BY d.name, top.n DESC, top.specialty;

-- title: age pyramid over generalised dates
-- order: total
SELECT width_bucket(extract(year FROM age(DATE '2025-01-01', dob))::numeric, 0, 100, 10) AS bucket, count(*) FILTER (WHERE sex = 'F') AS women, count(*) FILTER (WHERE sex = 'M') AS men
FROM clinic.patients GROUP BY 1 ORDER BY 1;

-- title: readmission within thirty days
-- order: total
SELECT d.name, count(*) AS stays, count(*) FILTER (WHERE x.next_in - x.discharged_at <= INTERVAL '30 days') AS readmissions
FROM (SELECT e.department_id, e.discharged_at, lead(e.admitted_at) OVER (PARTITION BY e.patient_id ORDER BY e.admitted_at, e.encounter_id) AS next_in FROM clinic.encounters e WHERE e.kind = 'inpatient') x
JOIN clinic.departments d USING (department_id)
GROUP BY d.name ORDER BY d.name;

-- title: weekday by hour heat map
-- order: total
SELECT extract(isodow FROM starts_at) AS day, extract(hour FROM starts_at) AS hour, count(*) AS appointments, round(avg(extract(epoch FROM duration)) / 60, 1) AS minutes
FROM clinic.appointments GROUP BY 1, 2 ORDER BY 1, 2;

-- title: comorbidity pairs
-- order: total
SELECT a.icd10 AS first_code, b.icd10 AS second_code, count(DISTINCT a.patient_id) AS patients
FROM clinic.diagnoses a JOIN clinic.diagnoses b ON b.patient_id = a.patient_id AND a.icd10 < b.icd10
GROUP BY a.icd10, b.icd10 HAVING count(DISTINCT a.patient_id) >= 5 ORDER BY patients DESC, first_code, second_code LIMIT 25;

-- title: lab values outside their reference range
-- order: total
SELECT lc.component, count(*) AS results, count(*) FILTER (WHERE NOT lc.reference_range @> l.value) AS outside, percentile_cont(0.9) WITHIN GROUP (ORDER BY l.turnaround) AS slow
FROM clinic.labs l JOIN reference.loinc_codes lc ON lc.code = l.loinc GROUP BY lc.component ORDER BY lc.component;

-- title: last lab value of each patient and test
-- order: total
SELECT DISTINCT ON (l.patient_id, l.loinc) l.patient_id, l.loinc, l.value, l.unit, p.last_name
FROM clinic.labs l JOIN clinic.patients p USING (patient_id) WHERE l.patient_id <= 60 ORDER BY l.patient_id, l.loinc, l.taken_at DESC, l.lab_id DESC;

-- title: polypharmacy
-- order: total
SELECT p.patient_id, p.last_name, count(*) AS medications, string_agg(m.name, ', ' ORDER BY m.name, m.medication_id) AS names
FROM clinic.patients p JOIN clinic.medications m USING (patient_id)
WHERE m.ended_on IS NULL GROUP BY p.patient_id HAVING count(*) >= 3 ORDER BY medications DESC, p.patient_id LIMIT 40;

-- title: year over year by lag
-- order: total
SELECT year, billed, billed - lag(billed) OVER (ORDER BY year) AS change, round(100 * (billed / lag(billed) OVER (ORDER BY year) - 1), 2) AS percent
FROM (SELECT extract(year FROM submitted)::int AS year, sum(amount) AS billed FROM clinic.claims GROUP BY 1) y ORDER BY year;

-- title: geography of patients without a claim
-- order: total
SELECT p.state, p.zip, count(*) AS patients FROM clinic.patients p
WHERE NOT EXISTS (SELECT 1 FROM clinic.claims c WHERE c.patient_id = p.patient_id)
GROUP BY p.state, p.zip HAVING count(*) > 1 ORDER BY patients DESC, p.state, p.zip;

-- title: duplicate search over masked identity
-- order: total
SELECT last_name, first_name, dob, count(*) AS n, min(patient_id) AS first_id, array_agg(patient_id ORDER BY patient_id) AS ids
FROM clinic.patients WHERE patient_id <= 1000 GROUP BY last_name, first_name, dob HAVING count(*) > 1 ORDER BY n DESC, first_id;

-- title: small cells
-- order: none
WITH cells AS (SELECT zip, sex, extract(year FROM dob) AS y, count(*) AS n FROM clinic.patients GROUP BY 1, 2, 3)
SELECT count(*) FILTER (WHERE n = 1) AS unique_cells, count(*) FILTER (WHERE n < 5) AS small_cells, max(n) AS largest FROM cells;

-- title: survival-like running share of the deceased
-- order: total
SELECT year, died, sum(died) OVER (ORDER BY year) AS so_far FROM (SELECT extract(year FROM deceased_at)::int AS year, count(*) AS died FROM clinic.patients WHERE deceased_at IS NOT NULL GROUP BY 1) d ORDER BY year;

-- title: provider workload percentile
-- order: total
SELECT pr.provider_id, pr.last_name, w.n, round(percent_rank() OVER (ORDER BY w.n)::numeric, 4) AS percentile
FROM clinic.providers pr JOIN (SELECT provider_id, count(*) AS n FROM clinic.encounters GROUP BY provider_id) w USING (provider_id)
ORDER BY w.n DESC, pr.provider_id;

-- title: shop revenue by region and quarter
-- order: total
SELECT r.name, date_trunc('quarter', o.ordered_on)::date AS quarter, sum(o.amount) AS revenue, sum(o.quantity) AS pieces, count(*) FILTER (WHERE o.shipped_at IS NULL) AS waiting
FROM sales.orders o JOIN sales.regions r USING (region_id) JOIN sales.products p USING (product_id) GROUP BY r.name, 2 ORDER BY r.name, 2;

-- title: unpivot by lateral VALUES over masked columns
-- tokens: meets a value that is no token
-- order: total
SELECT p.patient_id, f.field, f.value FROM clinic.patients p CROSS JOIN LATERAL (VALUES ('phone', p.phone), ('email', p.email), ('zip', p.zip::text), ('ssn', p.ssn::text)) AS f (field, value)
WHERE p.patient_id <= 20 ORDER BY p.patient_id, f.field;

-- title: sessions of appointments by a running sum
-- order: total
SELECT patient_id, series, count(*) AS appointments, min(starts_at) AS begins
FROM (SELECT a.*, sum(CASE WHEN gap IS NULL OR gap > INTERVAL '90 days' THEN 1 ELSE 0 END) OVER (PARTITION BY patient_id ORDER BY starts_at, appointment_id) AS series
      FROM (SELECT appointment_id, patient_id, starts_at, starts_at - lag(starts_at) OVER (PARTITION BY patient_id ORDER BY starts_at, appointment_id) AS gap FROM clinic.appointments WHERE patient_id <= 150) a) b
GROUP BY patient_id, series ORDER BY patient_id, series;
