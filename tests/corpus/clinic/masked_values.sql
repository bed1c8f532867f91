-- Functions and operators over masked values: a mask is an ordinary value of the column's type.

-- title: equality with a masked value
-- order: total
SELECT patient_id FROM clinic.patients WHERE ssn = '***-**-5363' OR zip = '02100' ORDER BY patient_id;

-- title: equality with what looks like a stored value
-- order: none
SELECT count(*) FROM clinic.patients WHERE ssn = '903-49-5363' OR last_name = 'Mbeki' OR zip = '02117' OR dob = DATE '1963-06-06';

-- title: LIKE, ILIKE and their negations
-- tokens: used with LIKE
-- order: none
SELECT count(*) FILTER (WHERE ssn LIKE '%00%') AS a, count(*) FILTER (WHERE last_name ILIKE 'm%') AS b, count(*) FILTER (WHERE zip NOT LIKE '021%') AS c,
       count(*) FILTER (WHERE first_name NOT ILIKE '%a') AS d, count(*) FILTER (WHERE email LIKE '%@%' ESCAPE '!') AS e
FROM clinic.patients;

-- title: regular expressions and SIMILAR TO
-- tokens: used with the operator ~
-- order: none
SELECT count(*) FILTER (WHERE ssn ~ '^[*]{3}') AS a, count(*) FILTER (WHERE last_name !~* '^[a-m]') AS b, count(*) FILTER (WHERE zip SIMILAR TO '(01|02)%') AS c,
       count(*) FILTER (WHERE address ~* 'street|avenue') AS d
FROM clinic.patients;

-- title: regular expression functions
-- tokens: used by the function regexp_match
-- order: total
SELECT patient_id, regexp_replace(last_name, '[aeiou]', '_', 'g') AS r, regexp_match(ssn, '(\d{4})$') AS m, regexp_count(coalesce(address, ''), '\d') AS digits, regexp_substr(zip, '^\d') AS first
FROM clinic.patients WHERE patient_id <= 60 ORDER BY patient_id;

-- title: BETWEEN on a generalised date
-- order: total
SELECT patient_id, dob FROM clinic.patients WHERE dob BETWEEN DATE '1970-01-01' AND DATE '1979-12-31' AND patient_id <= 800 ORDER BY patient_id;

-- title: BETWEEN SYMMETRIC and NOT BETWEEN
-- order: none
SELECT count(*) FILTER (WHERE dob BETWEEN SYMMETRIC DATE '1990-01-01' AND DATE '1950-01-01') AS a, count(*) FILTER (WHERE zip NOT BETWEEN '02000' AND '03000') AS b FROM clinic.patients;

-- title: date_trunc and extract on a generalised date
-- order: total
SELECT extract(year FROM dob) AS y, extract(month FROM dob) AS m, extract(dow FROM dob) AS w, count(*) FROM clinic.patients GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- title: age and date arithmetic
-- order: total
SELECT patient_id, age(DATE '2025-01-01', dob) AS age, DATE '2025-01-01' - dob AS days, dob + 30 AS later, dob - INTERVAL '1 year' AS before, extract(year FROM age(TIMESTAMP '2025-06-30', dob)) AS years
FROM clinic.patients WHERE patient_id <= 60 ORDER BY patient_id;

-- title: to_char and date formatting
-- order: total
SELECT patient_id, to_char(dob, 'FMMonth DD, YYYY') AS long, to_char(dob, 'IYYY-IW') AS week, dob::text AS iso, date_part('quarter', dob) AS q, make_date(extract(year FROM dob)::int, 1, 1) AS y
FROM clinic.patients WHERE patient_id <= 60 ORDER BY patient_id;

-- title: string functions over masked names
-- order: total
SELECT patient_id, upper(last_name), lower(first_name), initcap(last_name), length(last_name), char_length(first_name), reverse(last_name), left(last_name, 2), right(last_name, 2),
       lpad(first_name, 8, '.'), rpad(first_name, 8, '.'), repeat(left(last_name, 1), 3), replace(last_name, 'a', 'b'), translate(last_name, 'aeiou', '12345'), strpos(last_name, 'e'), split_part(last_name, ' ', 1)
FROM clinic.patients WHERE patient_id <= 40 ORDER BY patient_id;

-- title: substring, position, trim and overlay in SQL syntax
-- tokens: used by SUBSTRING
-- order: total
SELECT patient_id, substring(ssn FROM 8 FOR 4) AS last4, substring(ssn, 1, 3) AS area, substring(last_name FROM '^.') AS initial, position('-' IN ssn) AS dash, trim(BOTH '*' FROM ssn) AS t,
       trim(LEADING FROM ' x ') AS l, overlay(zip PLACING '..' FROM 2 FOR 2) AS o
FROM clinic.patients WHERE patient_id <= 60 ORDER BY patient_id;

-- title: concatenation and format
-- tokens: used by the function format
-- order: total
SELECT patient_id, concat(last_name, ', ', first_name, ' (', NULL, zip, ')') AS a, concat_ws(' / ', state, zip, phone) AS b, format('%s <%s> %L', first_name, email, ssn) AS c, first_name || coalesce(' ' || phone, '') AS d
FROM clinic.patients WHERE patient_id <= 60 ORDER BY patient_id;

-- title: hashes of masked values
-- tokens: used by the function md5
-- order: total
SELECT patient_id, md5(ssn) AS a, encode(sha256(last_name::bytea), 'hex') AS b, hashtext(zip) AS c FROM clinic.patients WHERE patient_id <= 40 ORDER BY patient_id;

-- title: CASE over masked values, simple and searched
-- tokens: used by the function right
-- order: total
SELECT patient_id, CASE state WHEN 'MA' THEN zip WHEN 'NH' THEN left(zip, 3) ELSE 'other' END AS a, CASE WHEN ssn IS NULL THEN 'none' WHEN right(ssn, 1) < '5' THEN 'low' ELSE ssn END AS b
FROM clinic.patients WHERE patient_id <= 80 ORDER BY patient_id;

-- title: COALESCE, NULLIF, GREATEST and LEAST over masked values
-- tokens: meets a value that is no token
-- order: total
SELECT patient_id, COALESCE(phone, email, 'unreachable') AS contact, NULLIF(zip, '00000') AS zip, GREATEST(dob, DATE '1980-01-01') AS g, LEAST(first_name, last_name) AS l
FROM clinic.patients WHERE patient_id <= 80 ORDER BY patient_id;

-- title: casts of masked values
-- tokens: used as text
-- order: total
SELECT patient_id, dob::timestamp, dob::timestamptz AT TIME ZONE 'UTC' AS utc, dob::text, CAST(zip AS varchar(3)), zip::char(2), ssn::text, last_name::varchar(4), last_name::bpchar, city::name
FROM clinic.patients WHERE patient_id <= 40 ORDER BY patient_id;

-- title: numbers out of a masked ZIP
-- order: total
SELECT left(zip, 1)::int AS region, count(*), sum(zip::int) AS total FROM clinic.patients WHERE zip ~ '^\d{5}$' GROUP BY 1 ORDER BY 1;

-- title: IS DISTINCT FROM and IS NOT DISTINCT FROM
-- tokens: meets a value that is no token
-- order: none
SELECT count(*) FILTER (WHERE phone IS DISTINCT FROM email) AS a, count(*) FILTER (WHERE phone IS NOT DISTINCT FROM NULL) AS b, count(*) FILTER (WHERE zip IS DISTINCT FROM '00000') AS c FROM clinic.patients;

-- title: IS TRUE, IS UNKNOWN over comparisons of masked values
-- tokens: compared by order with what is none
-- order: none
SELECT count(*) FILTER (WHERE (ssn > '5') IS TRUE) AS a, count(*) FILTER (WHERE (phone = '1') IS UNKNOWN) AS b, count(*) FILTER (WHERE (zip < '5') IS NOT FALSE) AS c FROM clinic.patients;

-- title: JSON built of masked values
-- tokens: used by the function to_json
-- order: total
SELECT patient_id, jsonb_build_object('name', jsonb_build_object('first', first_name, 'last', last_name), 'born', dob, 'zip', zip) AS doc, to_json(ssn) AS s, json_build_array(phone, email, NULL) AS contact
FROM clinic.patients WHERE patient_id <= 40 ORDER BY patient_id;

-- title: JSON operators over jsonb columns
-- order: total
SELECT patient_id, preferences, preferences ? 'contact' AS has, preferences @> '{}' AS contains, preferences #> '{contact}' AS c, jsonb_path_query_first(preferences, '$.*') AS any, jsonb_typeof(preferences) AS t
FROM clinic.patients WHERE patient_id <= 40 ORDER BY patient_id;

-- title: array functions and operators
-- order: total
SELECT patient_id, languages, languages[1:1] AS slice, cardinality(languages) AS n, array_length(languages, 1) AS len, 'es' = ANY (languages) AS es, languages @> ARRAY['en'] AS en, languages && '{fr,de}' AS eu,
       array_append(languages, left(last_name, 1)) AS more, array_to_string(languages, '+') AS joined, array_position(languages, 'en') AS pos, ARRAY[first_name, last_name] || languages AS names
FROM clinic.patients WHERE patient_id <= 60 ORDER BY patient_id;

-- title: masked value compared with any of an array
-- order: none
SELECT count(*) FROM clinic.patients WHERE zip = ANY (ARRAY['02100', '03000', '01700']) OR last_name = ANY ('{A,B}'::text[]) OR state <> ALL (ARRAY['MA', 'NH']);

-- title: IN list over masked values
-- order: none
SELECT count(*) FROM clinic.patients WHERE zip IN ('02100', '02117', '00000') AND sex IN ('F') AND last_name NOT IN ('Smith', 'S.', 'S****');

-- title: redacted free text
-- order: total
SELECT note_id, body, length(body) AS n, body ~ '\[(SSN|PHONE|EMAIL|DATE)\]' AS redacted FROM clinic.notes WHERE note_id IN (SELECT note_id FROM clinic.notes ORDER BY note_id LIMIT 40) ORDER BY note_id;

-- title: text search over free text
-- order: none
SELECT count(*) FROM clinic.notes WHERE to_tsvector('english', coalesce(body, '')) @@ plainto_tsquery('english', 'blood pressure');

-- title: patients whose note names a masked name
-- order: none
SELECT count(*) FROM clinic.notes n JOIN clinic.patients p USING (patient_id) WHERE n.body LIKE '%' || p.last_name || '%';

-- title: searching every column of a row as text
-- tokens: used in a whole row
-- order: none
SELECT count(*) FROM clinic.patients p WHERE p::text ILIKE '%555%';

-- title: intervals and numbers of masked times
-- order: total
SELECT encounter_id, admitted_at, admitted_at::date AS day, discharged_at - admitted_at AS stay, extract(epoch FROM discharged_at - admitted_at) / 3600 AS hours, date_trunc('month', admitted_at) AS month,
       date_bin('6 hours', admitted_at, TIMESTAMP '2021-01-01') AS shift
FROM clinic.encounters WHERE encounter_id <= 6000 ORDER BY encounter_id;

-- title: OVERLAPS and ranges over masked dates
-- order: none
SELECT count(*) FILTER (WHERE (dob, INTERVAL '10 years') OVERLAPS (DATE '1975-01-01', DATE '1976-01-01')) AS a, count(*) FILTER (WHERE daterange('1960-01-01', '1970-01-01') @> dob) AS b FROM clinic.patients;

-- title: numeric masks in arithmetic
-- order: total
SELECT claim_id, amount, paid, amount - coalesce(paid, 0) AS open, round(amount * 1.05, 1) AS dearer, trunc(amount, -2) AS hundreds, amount::int AS whole, width_bucket(amount, 0, 5000, 10) AS bucket, sign(amount) AS s
FROM clinic.claims WHERE patient_id <= 30 ORDER BY claim_id;

-- title: network addresses and uuids
-- order: total
SELECT a.appointment_id, a.booked_from, host(a.booked_from) AS h, family(a.booked_from) AS f, a.booked_from << '10.0.0.0/8' AS inside, c.claim_id::text AS claim
FROM clinic.appointments a LEFT JOIN clinic.claims c ON c.patient_id = a.patient_id WHERE a.appointment_id <= 4000 ORDER BY a.appointment_id, c.claim_id;

-- title: time zones
-- order: total
SELECT lab_id, taken_at AT TIME ZONE 'America/New_York' AS local, taken_at::time AS t, timezone('UTC', taken_at) AS utc, extract(hour FROM taken_at AT TIME ZONE 'UTC') AS h FROM clinic.labs WHERE lab_id <= 4000 ORDER BY lab_id;

-- title: failing cast of a masked value
-- order: none
SELECT sum(last_name::int) FROM clinic.patients;

-- title: division by zero that a masked value decides
-- order: none
SELECT 1 / (CASE WHEN min(last_name) IS NULL THEN 1 ELSE 0 END) FROM clinic.patients;
