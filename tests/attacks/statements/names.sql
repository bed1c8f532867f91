-- Aliases, column lists and search paths that make one thing look like another.

-- title: an alias list that swaps names
-- after: ward.patients.ssn under the name of a clear column
-- bare: prints
-- ends: answered
SELECT name FROM ward.patients AS p(id, name, ssn) ORDER BY id

-- title: an alias list that covers a hidden column's name
-- after: ward.patients.ssn
-- bare: prints
SELECT a, b, c FROM ward.patients AS p(a, b, c) ORDER BY a

-- title: an alias list over a denied column
-- after: ward.patients.secret by its place
-- bare: prints
SELECT c12 FROM ward.patients AS p(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12) ORDER BY c1

-- title: an alias like another table
-- after: ward.patients.name as a clear table's
-- bare: prints
-- ends: answered
SELECT items.name FROM ward.patients AS items ORDER BY id

-- title: a clear table with a protected one's name
-- after: the wrong one of two tables
-- bare: prints
SET search_path = shop, ward
-- then:
SELECT name FROM patients
-- then:
SET search_path = ward, shop
-- then:
SELECT name FROM patients ORDER BY id

-- title: a search path that is lost at the end
-- after: ward.patients by a path set for a transaction
-- bare: prints
SET search_path = ward
-- then:
BEGIN
-- then:
SET LOCAL search_path = shop
-- then:
SELECT name FROM patients
-- then:
COMMIT
-- then:
SELECT name FROM patients ORDER BY id

-- title: a search path that a savepoint brings back
-- after: ward.patients by a path set below a savepoint
-- bare: prints
SET search_path = ward
-- then:
BEGIN; SAVEPOINT s; SET search_path = shop; ROLLBACK TO s
-- then:
SELECT name FROM patients ORDER BY id
-- then:
ROLLBACK

-- title: a search path by a function
-- after: ward.patients by set_config
-- bare: prints
SELECT set_config('search_path', 'ward', false)
-- then:
SELECT ssn FROM patients ORDER BY id

-- title: a search path by SET SCHEMA
-- after: ward.patients
-- bare: prints
SET SCHEMA 'ward'
-- then:
SELECT ssn FROM patients ORDER BY id

-- title: a search path that names the catalog last
-- after: a table named like a catalog's
-- bare: runs
SET search_path = shop, pg_catalog
-- then:
SELECT relname FROM pg_class WHERE relname = 'patients' LIMIT 1

-- title: a search path reset
-- after: ward.patients after RESET ALL
-- bare: runs
SET search_path = ward
-- then:
RESET ALL
-- then:
SELECT count(*) FROM shop.patients

-- title: three names
-- after: ward.patients.ssn by a column's full name
-- bare: prints
-- ends: answered
SELECT ward.patients.ssn FROM ward.patients ORDER BY ward.patients.id

-- title: two tables of the same name
-- after: the other one's columns
-- bare: prints
SELECT ward.patients.name, shop.patients.name FROM ward.patients, shop.patients ORDER BY ward.patients.id, shop.patients.id

-- title: columns merged by USING
-- after: ward.patients.name through a merged column
-- bare: differs
SELECT name, p.ssn FROM ward.patients p FULL JOIN (SELECT 'Adelheid' AS name) q USING (name) ORDER BY 1, 2

-- title: columns merged by NATURAL
-- after: equal names in two tables
-- bare: differs
-- ends: answered
SELECT count(*) FROM ward.patients p NATURAL JOIN (SELECT 'Balthasar' AS name) q

-- title: an alias for a join
-- after: ward.patients.ssn behind a join's alias
-- bare: prints
SELECT j.* FROM (ward.patients p JOIN ward.visits v ON p.id = v.patient_id) AS j(a, b) ORDER BY a

-- title: an alias for merged columns
-- after: ward.patients.name behind USING … AS
-- bare: runs
SELECT m.id FROM ward.patients p JOIN shop.patients s USING (id) AS m ORDER BY 1

-- title: an output named like a hidden column
-- after: which of two names ORDER BY takes
-- bare: differs
-- ends: answered
SELECT id AS ssn FROM ward.patients ORDER BY ssn || ''::text DESC, right(note, 1)

-- title: GROUP BY an alias
-- after: which of two names GROUP BY takes
-- bare: differs
-- ends: answered
SELECT right(phone, 4) || score AS label, count(*) FROM ward.patients GROUP BY label ORDER BY 1, 2

-- title: a sub-select's column that shadows
-- after: ward.patients.name from the outer query
-- bare: prints
-- ends: answered
SELECT (SELECT name FROM (SELECT 1) q) FROM ward.patients ORDER BY id

-- title: a denied column that shadows
-- after: ward.patients.secret by a name that an outer query has too
-- bare: prints
SELECT (SELECT secret FROM ward.patients p WHERE p.id = o.id) FROM (SELECT 1 AS id, 'outer' AS secret) o

-- title: the database's name
-- after: ward.patients.ssn by a name of three parts
-- bare: lacks
SELECT nspname, (SELECT count(*) FROM template1.shop.items) FROM pg_namespace

-- title: a temporary schema
-- after: a table that shadows
-- bare: runs
SELECT pg_my_temp_schema() > 0, pg_is_other_temp_schema(0)
-- then:
SELECT to_regclass('pg_temp.patients')
