-- Window functions: values of neighbours, and ranks by what is hidden.

-- title: lag and lead
-- after: ward.patients.name of neighbours
-- bare: prints
-- ends: answered
SELECT id, lag(name) OVER (ORDER BY id), lead(ssn, 2, 'none') OVER (ORDER BY id) FROM ward.patients ORDER BY id

-- title: first_value and last_value
-- after: ward.patients.note
-- bare: prints
-- ends: answered
SELECT first_value(note) OVER w, last_value(phone) OVER w FROM ward.patients
WINDOW w AS (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)

-- title: row_number by a hidden order
-- after: the order of ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT id, row_number() OVER (ORDER BY ssn, id) FROM ward.patients ORDER BY id

-- title: rank and peers
-- after: equal values of ward.patients.note
-- bare: differs
-- ends: answered
SELECT id, rank() OVER (ORDER BY note), dense_rank() OVER (ORDER BY score) FROM ward.patients ORDER BY id

-- title: PARTITION BY
-- after: equal values of ward.patients.zip
-- bare: differs
-- ends: answered
SELECT id, count(*) OVER (PARTITION BY score > 500), count(*) OVER (PARTITION BY score) FROM ward.patients ORDER BY id

-- title: ntile
-- after: quartiles of ward.patients.income
-- bare: differs
-- ends: answered
SELECT id, ntile(4) OVER (ORDER BY score, id) FROM ward.patients ORDER BY id

-- title: a running sum
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT id, sum(score) OVER (ORDER BY id), avg(income) OVER (ORDER BY id ROWS 1 PRECEDING) FROM ward.patients ORDER BY id

-- title: EXCLUDE
-- after: ward.patients.name of all others
-- bare: prints
-- ends: answered
SELECT id, string_agg(name, ',') OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW)
FROM ward.patients ORDER BY id

-- title: FILTER over a window
-- after: ward.patients.note
-- bare: differs
-- ends: answered
SELECT id, count(*) FILTER (WHERE note ~ 'Ad') OVER (ORDER BY id) FROM ward.patients ORDER BY id

-- title: cume_dist
-- after: the order of ward.patients.dob
-- bare: differs
-- ends: answered
SELECT id, cume_dist() OVER (ORDER BY left(note, 1), right(phone, 2)) FROM ward.patients ORDER BY id

-- title: a window named and refined
-- after: ward.patients.name
-- bare: prints
-- ends: answered
SELECT id, max(name) OVER (w ORDER BY id) FROM ward.patients WINDOW w AS (PARTITION BY sex) ORDER BY id

-- title: a window over a join
-- after: ward.visits.reason
-- bare: prints
-- ends: answered
SELECT v.id, nth_value(v.reason, 2) OVER (PARTITION BY p.id ORDER BY v.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND
UNBOUNDED FOLLOWING) FROM ward.patients p JOIN ward.visits v ON v.patient_id = p.id ORDER BY v.id
