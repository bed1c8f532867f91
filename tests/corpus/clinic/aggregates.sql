-- Aggregate functions over masked values, ordered and filtered.

-- title: minimum and maximum of masked columns
-- order: none
SELECT min(dob), max(dob), min(last_name), max(last_name), min(zip), max(ssn) FROM clinic.patients;

-- title: FILTER as a pivot
-- order: total
SELECT state, count(*) FILTER (WHERE sex = 'F') AS women, count(*) FILTER (WHERE sex = 'M') AS men,
       count(*) FILTER (WHERE dob < DATE '1960-01-01') AS seniors
FROM clinic.patients GROUP BY state ORDER BY state;

-- title: string_agg with an order of its own
-- order: total
SELECT department_id, string_agg(last_name, '; ' ORDER BY last_name, provider_id) AS staff FROM clinic.providers GROUP BY department_id ORDER BY department_id;

-- title: string_agg DISTINCT over a masked column
-- order: none
SELECT string_agg(DISTINCT zip, ',' ORDER BY zip) FROM clinic.patients WHERE patient_id <= 100;

-- title: array_agg of masked dates, descending
-- order: total
SELECT sex, (array_agg(dob ORDER BY dob DESC, patient_id))[1:5] AS youngest FROM clinic.patients GROUP BY sex ORDER BY sex;

-- title: json_agg of objects over masked columns
-- order: total
SELECT e.kind, json_agg(json_build_object('id', p.patient_id, 'name', p.last_name, 'zip', p.zip) ORDER BY p.patient_id, e.encounter_id) AS people
FROM clinic.encounters e JOIN clinic.patients p USING (patient_id) WHERE e.encounter_id <= 6000 GROUP BY e.kind ORDER BY e.kind;

-- title: jsonb_object_agg
-- tokens: used by the function jsonb_object_agg
-- order: none
SELECT jsonb_object_agg(patient_id, ssn) FROM clinic.patients WHERE patient_id <= 25;

-- title: json_object_agg with order
-- tokens: used by the function json_object_agg
-- order: none
SELECT json_object_agg(patient_id, email ORDER BY patient_id) AS mails FROM clinic.patients WHERE patient_id <= 25;

-- title: percentiles
-- order: total
SELECT insurer, percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) AS median, percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY amount) AS quartiles
FROM clinic.claims GROUP BY insurer ORDER BY insurer;

-- title: ordered-set aggregate over a masked date
-- order: none
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY dob) AS median_dob, mode() WITHIN GROUP (ORDER BY zip) AS commonest_zip FROM clinic.patients;

-- title: hypothetical-set aggregate
-- order: none
SELECT rank(1000.00) WITHIN GROUP (ORDER BY amount DESC) AS place_of_a_thousand FROM clinic.claims;

-- title: statistical aggregates
-- order: none
SELECT count(*), sum(amount), avg(amount), stddev(amount), variance(amount), stddev_pop(paid), var_pop(paid) FROM clinic.claims;

-- title: regression aggregates, rounded
-- order: none
SELECT round(corr(amount, paid)::numeric, 6) AS r, round(regr_slope(paid, amount)::numeric, 6) AS slope, regr_count(paid, amount) AS n FROM clinic.claims;

-- title: boolean aggregates over masked values
-- order: total
SELECT sex, bool_and(ssn IS NULL) AS none_has, bool_or(phone IS NULL) AS some_lacks, every(last_name <> '') AS all_named FROM clinic.patients GROUP BY sex ORDER BY sex;

-- title: bit and any_value aggregates
-- order: none
SELECT bit_and(chapter), bit_or(chapter), bit_xor(chapter), any_value('x'::text) FROM reference.icd10_codes;

-- title: nested aggregates by subquery
-- order: none
SELECT avg(n), max(n), min(n) FROM (SELECT zip, count(*) AS n FROM clinic.patients GROUP BY zip) z;

-- title: range_agg over stays
-- order: total
SELECT patient_id, range_agg(tsrange(admitted_at, discharged_at)) AS stays FROM clinic.encounters
WHERE kind = 'inpatient' AND discharged_at > admitted_at AND patient_id <= 300 GROUP BY patient_id ORDER BY patient_id;

-- title: sum of intervals
-- order: total
SELECT kind, sum(discharged_at - admitted_at) AS total, avg(discharged_at - admitted_at) AS mean FROM clinic.encounters GROUP BY kind ORDER BY kind;

-- title: count of a masked column that is NULL for some
-- order: none
SELECT count(*), count(ssn), count(phone), count(email), count(address), count(deceased_at) FROM clinic.patients;

-- title: aggregate with DISTINCT and FILTER
-- order: total
SELECT department_id, count(DISTINCT mrn) FILTER (WHERE kind <> 'telehealth') AS people FROM clinic.encounters GROUP BY department_id ORDER BY department_id;

-- title: array_agg of arrays and of rows
-- order: none
SELECT array_agg(languages ORDER BY patient_id) FILTER (WHERE cardinality(languages) = 1) AS langs FROM clinic.patients WHERE patient_id <= 30;
