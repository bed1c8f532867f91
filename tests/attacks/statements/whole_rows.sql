-- Rows taken as one value, and values taken out of rows.

-- title: the table's name as a value
-- after: a whole row of ward.patients
-- bare: prints
SELECT p FROM ward.patients p ORDER BY p.id

-- title: the unaliased name
-- after: a whole row of ward.patients
-- bare: prints
SELECT patients FROM ward.patients ORDER BY id

-- title: all columns of a row value
-- after: ward.patients.secret among them
-- bare: prints
SELECT (p).* FROM ward.patients p ORDER BY id

-- title: a field of a row value
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT (p).ssn, (p).name FROM ward.patients p ORDER BY p.id

-- title: the denied field of a row value
-- after: ward.patients.secret
-- bare: prints
-- ends: refused
SELECT (p).secret FROM ward.patients p

-- title: the denied field two levels deep
-- after: ward.patients.secret
-- bare: prints
-- ends: refused
SELECT (s.r).secret FROM (SELECT p AS r FROM ward.patients p) s

-- title: a row as text
-- after: a whole row of ward.patients
-- bare: prints
-- ends: answered
SELECT p::text FROM ward.patients p ORDER BY p.id

-- title: a row through its output function
-- after: a whole row of ward.patients
-- bare: prints
-- ends: refused
SELECT record_out(p) FROM ward.patients p

-- title: a row's binary form
-- after: a whole row of ward.patients
-- bare: prints
SELECT record_send(p) FROM ward.patients p WHERE id = 1

-- title: row_to_json
-- after: a whole row of ward.patients
-- bare: prints
-- ends: answered
SELECT row_to_json(p) FROM ward.patients p ORDER BY p.id

-- title: to_jsonb of a row, keys and values
-- after: a whole row of ward.patients
-- bare: prints
-- ends: answered
SELECT p.id, k.key, k.value FROM ward.patients p, jsonb_each_text(to_jsonb(p)) k ORDER BY 1, 2

-- title: hstore in all but name
-- after: the denied key of a row
-- bare: prints
-- ends: answered
SELECT to_jsonb(p) -> 'secret', to_jsonb(p) #>> '{secret}' FROM ward.patients p

-- title: a row is NULL
-- after: which rows have all columns
-- bare: differs
-- ends: answered
SELECT id, p IS NULL, p IS NOT NULL FROM ward.patients p ORDER BY id

-- title: rows compared
-- after: the order of whole rows
-- bare: differs
SELECT a.id, b.id FROM (SELECT name, score FROM ward.patients) a(id, s), (SELECT note, score FROM ward.patients) b(id, s)
WHERE a < b ORDER BY 1, 2

-- title: rows counted apart
-- after: how many rows differ
-- bare: differs
-- ends: answered
SELECT count(DISTINCT q) FROM (SELECT sex, note LIKE '%an%', score % 5 FROM ward.patients) q

-- title: a row constructor
-- after: ward.patients.name, ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT ROW(p.name, p.ssn), (p.phone, p.note) FROM ward.patients p ORDER BY p.id

-- title: a row in an array
-- after: a whole row of ward.patients
-- bare: prints
SELECT ARRAY(SELECT p FROM ward.patients p)::text

-- title: array_agg of rows
-- after: a whole row of ward.patients
-- bare: prints
-- ends: answered
SELECT array_agg(p)::text FROM ward.patients p

-- title: a row cast to its own type
-- after: a whole row of ward.patients
-- bare: prints
SELECT (p::ward.patients).ssn FROM ward.patients p

-- title: json_populate_record of a row
-- after: a whole row of ward.patients
-- bare: prints
-- ends: answered
SELECT (json_populate_record(NULL::shop.patients, row_to_json(p))).name FROM ward.patients p ORDER BY p.id

-- title: TABLE
-- after: a whole row of ward.patients
-- bare: prints
TABLE ward.patients

-- title: a star among others
-- after: a whole row of ward.patients
-- bare: prints
SELECT v.*, p.* FROM ward.visits v JOIN ward.patients p ON p.id = v.patient_id ORDER BY v.id

-- title: a row from a sub-select's alias
-- after: a whole row of ward.patients
-- bare: prints
SELECT s FROM (SELECT * FROM ward.patients) s

-- title: a row from a CTE
-- after: a whole row of ward.patients
-- bare: prints
WITH c AS (SELECT * FROM ward.patients) SELECT c::text, to_json(c) FROM c

-- title: concat of a row
-- after: a whole row of ward.patients
-- bare: prints
-- ends: answered
SELECT concat(p), format('%s', p), concat_ws('/', p, 1) FROM ward.patients p ORDER BY p.id

-- title: a row as a parameter's type
-- after: the row type of ward.patients
-- bare: prints
SELECT (jsonb_populate_record(p, '{"id": 7}')).ssn FROM ward.patients p

-- title: quote_literal of a row
-- after: a whole row of ward.patients
-- bare: prints
-- ends: answered
SELECT quote_literal(p::text), md5(p::text) FROM ward.patients p ORDER BY p.id
