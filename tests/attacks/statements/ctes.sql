-- WITH in all its forms; names that hide tables, and tables that hide behind names.

-- title: a CTE named like the table
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
WITH patients AS (SELECT * FROM ward.patients) SELECT ssn FROM patients ORDER BY id

-- title: a CTE named like the table that it reads
-- after: ward.patients.name
-- bare: prints
SET search_path = ward, public
-- then:
WITH patients AS (SELECT name FROM patients) SELECT * FROM patients

-- title: a qualified name past the CTE
-- after: ward.patients.name
-- bare: prints
-- ends: answered
WITH patients AS (SELECT 1 AS name) SELECT p.name FROM ward.patients p, patients ORDER BY p.id

-- title: a CTE that is out of scope
-- after: ward.patients.name
-- bare: prints
SET search_path = ward, public
-- then:
SELECT (WITH patients AS (SELECT 'x' AS name) SELECT max(name) FROM patients), name FROM patients ORDER BY id

-- title: MATERIALIZED
-- after: ward.patients.note
-- bare: prints
-- ends: answered
WITH c AS MATERIALIZED (SELECT id, note FROM ward.patients) SELECT * FROM c ORDER BY id

-- title: NOT MATERIALIZED
-- after: ward.patients.note
-- bare: differs
-- ends: answered
WITH c AS NOT MATERIALIZED (SELECT id, note FROM ward.patients) SELECT id FROM c WHERE note LIKE '%Bas%'

-- title: renamed columns
-- after: ward.patients.ssn under another name
-- bare: prints
-- ends: answered
WITH c(x, id) AS (SELECT ssn, id FROM ward.patients) SELECT x FROM c ORDER BY id

-- title: recursion letter by letter
-- after: ward.patients.name
-- bare: prints
-- ends: answered
WITH RECURSIVE r(n, s) AS (SELECT 1, left(name, 1) FROM ward.patients WHERE id = 1
UNION ALL SELECT n + 1, (SELECT left(name, n + 1) FROM ward.patients WHERE id = 1) FROM r WHERE n < 8) SELECT s FROM r

-- title: recursion over guesses
-- after: ward.patients.score by halving
-- bare: differs
-- ends: answered
WITH RECURSIVE h(lo, hi) AS (VALUES (0, 1024) UNION ALL
SELECT CASE WHEN g THEN (lo + hi) / 2 ELSE lo END, CASE WHEN g THEN hi ELSE (lo + hi) / 2 END
FROM h, LATERAL (SELECT EXISTS (SELECT FROM ward.patients WHERE id = 1 AND score >= (lo + hi) / 2) AS g) t WHERE hi - lo > 1)
SELECT * FROM h

-- title: SEARCH DEPTH FIRST
-- after: ward.patients.name in the path
-- bare: prints
WITH RECURSIVE r AS (SELECT id, name FROM ward.patients WHERE id = 1 UNION ALL
SELECT p.id, p.name FROM ward.patients p, r WHERE p.id = r.id + 1) SEARCH DEPTH FIRST BY name SET path SELECT * FROM r

-- title: SEARCH BREADTH FIRST
-- after: the order of ward.patients.ssn
-- bare: prints
WITH RECURSIVE r AS (SELECT id, ssn FROM ward.patients WHERE id = 1 UNION ALL
SELECT p.id, p.ssn FROM ward.patients p, r WHERE p.id = r.id + 1) SEARCH BREADTH FIRST BY ssn SET place SELECT place FROM r
ORDER BY place

-- title: CYCLE
-- after: ward.patients.note in the path
-- bare: prints
WITH RECURSIVE r AS (SELECT id, note FROM ward.patients WHERE id = 1 UNION ALL
SELECT p.id, p.note FROM ward.patients p, r WHERE p.id = r.id + 1) CYCLE note SET again USING path SELECT path FROM r

-- title: CYCLE by a hidden value
-- after: ward.patients.zip, equal or not
-- bare: differs
WITH RECURSIVE r(id, zip) AS (SELECT id, note > 'B' FROM ward.patients WHERE id = 1 UNION ALL
SELECT p.id, p.note > 'B' FROM ward.patients p, r WHERE p.id = r.id + 1) CYCLE zip SET again USING path SELECT id, again FROM r

-- title: a CTE that writes
-- after: ward.patients.name through RETURNING
-- bare: prints
BEGIN
-- then:
WITH w AS (UPDATE ward.patients SET sex = sex RETURNING name, ssn) SELECT * FROM w
-- then:
ROLLBACK

-- title: a CTE that writes a clear table
-- after: ward.patients.name put where it can be read
-- bare: prints
BEGIN
-- then:
WITH w AS (INSERT INTO shop.items SELECT 100 + id, name, 1, dob FROM ward.patients RETURNING label) SELECT * FROM w
-- then:
ROLLBACK

-- title: nested CTEs
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
WITH a AS (WITH b AS (WITH c AS (SELECT ssn, id FROM ward.patients) SELECT * FROM c) SELECT * FROM b) SELECT ssn FROM a
ORDER BY id

-- title: a CTE in a sub-select in ORDER BY
-- after: ward.patients.name
-- bare: differs
-- ends: answered
SELECT id FROM shop.items ORDER BY (WITH c AS (SELECT min(name) AS n FROM ward.patients p WHERE p.id = items.id)
SELECT n FROM c), id
