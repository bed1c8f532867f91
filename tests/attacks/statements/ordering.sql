-- What an order, or the place of a row in it, tells of the values that it was made by.

-- title: ORDER BY a hidden name
-- after: the order of ward.patients.name
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients ORDER BY name, id

-- title: descending, NULLs first
-- after: the order of ward.patients.score
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients ORDER BY score DESC NULLS FIRST, id

-- title: by an output column's number
-- after: the order of ward.patients.phone
-- bare: differs
-- ends: answered
SELECT id, phone IS NULL, phone AS p FROM ward.patients ORDER BY 3, 1

-- title: by an alias that is a hidden column's name
-- after: the order of ward.patients.income
-- bare: differs
-- ends: answered
SELECT id AS name FROM ward.patients ORDER BY income, name

-- title: by an expression
-- after: the order of parts of ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients ORDER BY substr(ssn, 1, 3) COLLATE "C", id

-- title: USING an operator
-- after: the order of ward.patients.note
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients ORDER BY note USING >, id

-- title: USING an operator of the ward
-- after: ward.patients by a function behind an operator
-- bare: differs
SET search_path = ward, public
-- then:
SELECT id ## id FROM ward.patients ORDER BY 1

-- title: by CASE
-- after: ward.patients.ssn, a bit for each sort
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients ORDER BY CASE WHEN ssn > '903' THEN id ELSE -id END

-- title: by a sub-select
-- after: the order of ward.visits.reason
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients p ORDER BY (SELECT max(reason) FROM ward.visits v WHERE v.patient_id = p.id) NULLS LAST, id

-- title: the first one only
-- after: who has the highest ward.patients.income
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE id IN (1, 2, 4) ORDER BY score DESC NULLS LAST, income, right(name, 2) LIMIT 1

-- title: FETCH FIRST WITH TIES
-- after: equal values of ward.patients.zip
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE zip LIKE '037%' ORDER BY right(zip, 1) = '8' DESC FETCH FIRST 1 ROWS WITH TIES

-- title: DISTINCT ON
-- after: the least ward.patients.score of each sex
-- bare: differs
-- ends: answered
SELECT DISTINCT ON (sex) sex, id FROM ward.patients ORDER BY sex, score, id

-- title: ties keep the table's order
-- after: an order by the index on the stored names
-- bare: differs
-- ends: answered
SET enable_seqscan = off
-- then:
SET enable_sort = off
-- then:
SELECT id FROM ward.patients WHERE name > '' ORDER BY name LIMIT 6

-- title: an aggregate's ORDER BY
-- after: the order of ward.patients.name
-- bare: differs
-- ends: answered
SELECT array_agg(id ORDER BY name DESC, id) FROM ward.patients

-- title: string_agg ordered by what is hidden
-- after: the order of ward.patients.seen
-- bare: differs
-- ends: answered
SELECT string_agg(id::text, '<' ORDER BY to_char(seen, 'SS'), phone, id) FROM ward.patients

-- title: the order of GROUP BY without ORDER BY
-- after: the order of ward.patients.name
-- bare: differs
-- ends: answered
SET enable_hashagg = off
-- then:
SELECT count(*), min(id) FROM ward.patients GROUP BY name

-- title: the order that a merge join leaves
-- after: the order of ward.patients.score
-- bare: differs
-- ends: answered
SET enable_hashjoin = off
-- then:
SET enable_nestloop = off
-- then:
SELECT a.id FROM ward.patients a JOIN ward.patients b USING (score)

-- title: the order that DISTINCT leaves
-- after: the order of ward.patients.note
-- bare: differs
-- ends: answered
SET enable_hashagg = off
-- then:
SELECT DISTINCT note, id FROM ward.patients

-- title: a scan in the order of an index
-- after: the order of ward.patients.zip
-- bare: differs
-- ends: answered
SET enable_seqscan = off
-- then:
SET enable_bitmapscan = off
-- then:
SELECT id FROM ward.patients WHERE zip >= '0'

-- title: the order of a set operation
-- after: the order of ward.patients.name
-- bare: differs
-- ends: answered
SELECT name, id FROM ward.patients UNION SELECT name, id FROM ward.patients ORDER BY 1, 2

-- title: the stored row's place
-- after: ctid, which tells when a row was changed
-- bare: runs
SELECT ctid, xmin FROM ward.patients ORDER BY ctid
