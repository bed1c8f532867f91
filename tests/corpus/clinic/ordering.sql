-- ORDER BY and paging: over masked values the order is the masks' order.

-- title: order by a masked column that is shown
-- order: total
SELECT last_name, patient_id FROM clinic.patients WHERE patient_id <= 200 ORDER BY last_name, patient_id;

-- title: order by a masked column that is not shown
-- order: total
SELECT patient_id FROM clinic.patients WHERE patient_id <= 300 ORDER BY dob, ssn NULLS FIRST, patient_id;

-- title: order by output number
-- order: total
SELECT zip, patient_id FROM clinic.patients WHERE patient_id <= 200 ORDER BY 1 DESC NULLS LAST, 2;

-- title: order by output name that hides a column
-- order: total
SELECT patient_id AS ssn, last_name FROM clinic.patients WHERE patient_id <= 100 ORDER BY ssn DESC;

-- title: order by an expression over the column of the same name
-- order: total
SELECT patient_id AS dob, last_name FROM clinic.patients WHERE patient_id <= 100 ORDER BY dob + INTERVAL '1 day', patient_id;

-- title: order by an expression over masked columns
-- order: total
SELECT patient_id, last_name || ', ' || first_name AS name FROM clinic.patients WHERE patient_id <= 100 ORDER BY lower(last_name || first_name) DESC, patient_id;

-- title: order with COLLATE
-- order: total
SELECT last_name, patient_id FROM clinic.patients WHERE patient_id <= 150 ORDER BY last_name COLLATE "C" DESC, patient_id;

-- title: order USING an operator
-- order: total
SELECT patient_id, dob FROM clinic.patients WHERE patient_id <= 60 ORDER BY dob USING >, patient_id;

-- title: LIMIT and OFFSET
-- order: total
SELECT patient_id, first_name, zip FROM clinic.patients ORDER BY patient_id LIMIT 20 OFFSET 100;

-- title: LIMIT ALL and OFFSET ROWS
-- order: total
SELECT provider_id, npi FROM clinic.providers ORDER BY provider_id LIMIT ALL OFFSET 10 ROWS;

-- title: FETCH FIRST
-- order: total
SELECT patient_id, email FROM clinic.patients ORDER BY patient_id DESC FETCH FIRST 15 ROWS ONLY;

-- title: FETCH FIRST with an expression and OFFSET first
-- order: total
SELECT patient_id, state FROM clinic.patients ORDER BY state, patient_id OFFSET 5 ROWS FETCH NEXT (2 + 3) ROWS ONLY;

-- title: FETCH FIRST WITH TIES over a masked date
-- order: none
SELECT patient_id, dob FROM clinic.patients ORDER BY dob FETCH FIRST 10 ROWS WITH TIES;

-- title: oldest patients by the masked date
-- order: total
SELECT patient_id, dob FROM clinic.patients ORDER BY dob ASC, patient_id LIMIT 25;

-- title: keyset paging by a row comparison
-- order: total
SELECT patient_id, last_name FROM clinic.patients WHERE (last_name, patient_id) > ('M', 100) ORDER BY last_name, patient_id LIMIT 30;

-- title: keyset paging by a masked date
-- order: total
SELECT patient_id, dob FROM clinic.patients WHERE dob < DATE '1980-01-01' OR (dob = DATE '1980-01-01' AND patient_id > 50) ORDER BY dob DESC, patient_id LIMIT 30;

-- title: DISTINCT with order by the shown column
-- order: total
SELECT DISTINCT last_name FROM clinic.patients ORDER BY last_name DESC LIMIT 40;

-- title: order by NULLs of a masked column
-- order: total
SELECT patient_id, deceased_at IS NULL AS alive, phone FROM clinic.patients WHERE patient_id <= 120 ORDER BY phone NULLS FIRST, patient_id;

-- title: order in a derived table with a limit
-- order: total
SELECT count(*), min(zip) FROM (SELECT zip FROM clinic.patients ORDER BY patient_id LIMIT 500) t;
