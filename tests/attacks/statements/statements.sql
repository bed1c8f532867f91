-- Statements other than SELECT: what they read, what they write, and what they say of it.

-- title: COPY of a table
-- after: ward.patients
-- bare: prints
COPY ward.patients TO STDOUT

-- title: COPY of columns
-- after: ward.patients.ssn
-- bare: prints
COPY ward.patients (ssn, name) TO STDOUT (FORMAT csv, HEADER)

-- title: COPY of a denied column
-- after: ward.patients.secret
-- bare: prints
-- ends: refused
COPY ward.patients (secret) TO STDOUT

-- title: COPY of a query
-- after: ward.patients.name
-- bare: prints
COPY (SELECT name FROM ward.patients ORDER BY id) TO STDOUT (FORMAT binary)

-- title: COPY of a query that writes
-- after: ward.patients.name
-- bare: prints
BEGIN
-- then:
COPY (UPDATE ward.patients SET sex = sex RETURNING name) TO STDOUT
-- then:
ROLLBACK

-- title: COPY with a condition by sub-select
-- after: ward.patients.note over a clear table
-- bare: differs
COPY (SELECT id FROM shop.items WHERE EXISTS (SELECT FROM ward.patients WHERE note ~ 'Basilisk')) TO STDOUT

-- title: EXPLAIN
-- after: row estimates of ward.patients.score
-- bare: runs
EXPLAIN SELECT * FROM ward.patients WHERE score > 700

-- title: EXPLAIN ANALYZE
-- after: row counts of ward.patients.ssn
-- bare: differs
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM ward.patients WHERE ssn LIKE '901%'

-- title: EXPLAIN VERBOSE
-- after: the rewritten text
-- bare: runs
EXPLAIN (VERBOSE, COSTS OFF) SELECT ssn FROM ward.patients

-- title: EXPLAIN of a clear query with a hidden sub-select
-- after: row counts of ward.patients.note
-- bare: differs
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
SELECT * FROM shop.items WHERE id = (SELECT count(*) FROM ward.patients WHERE note ~ 'Basilisk')

-- title: EXPLAIN in the middle of a write
-- after: row counts
-- bare: differs
BEGIN
-- then:
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) UPDATE ward.patients SET sex = sex WHERE name = 'Adelheid'
-- then:
ROLLBACK

-- title: a cursor
-- after: ward.patients.name
-- bare: prints
BEGIN
-- then:
DECLARE c CURSOR FOR SELECT name FROM ward.patients ORDER BY id
-- then:
FETCH ALL FROM c
-- then:
ROLLBACK

-- title: a cursor WITH HOLD
-- after: ward.patients.ssn
-- bare: prints
DECLARE c CURSOR WITH HOLD FOR SELECT ssn FROM ward.patients
-- then:
FETCH 3 FROM c
-- then:
CLOSE c

-- title: a binary cursor that scrolls
-- after: ward.patients.dob
-- bare: differs
BEGIN
-- then:
DECLARE c BINARY SCROLL CURSOR FOR SELECT dob FROM ward.patients ORDER BY dob
-- then:
FETCH LAST FROM c
-- then:
MOVE ABSOLUTE 2 IN c
-- then:
ROLLBACK

-- title: PREPARE and EXECUTE
-- after: ward.patients.ssn
-- bare: prints
PREPARE q AS SELECT ssn FROM ward.patients ORDER BY id
-- then:
EXECUTE q

-- title: PREPARE before the search path changes
-- after: ward.patients by a name that meant another table
-- bare: prints
SET search_path = shop
-- then:
PREPARE q AS SELECT name FROM patients
-- then:
SET search_path = ward
-- then:
EXECUTE q

-- title: CREATE TABLE AS EXECUTE
-- after: ward.patients.ssn, kept aside
-- bare: runs
PREPARE q AS SELECT ssn FROM ward.patients
-- then:
BEGIN
-- then:
CREATE TEMP TABLE t AS EXECUTE q
-- then:
ROLLBACK

-- title: CREATE TABLE AS
-- after: ward.patients.name, kept aside
-- bare: prints
-- ends: refused
CREATE TEMP TABLE t AS SELECT name FROM ward.patients
-- then:
SELECT * FROM t

-- title: SELECT INTO
-- after: ward.patients.name, kept aside
-- bare: prints
-- ends: refused
SELECT name INTO TEMP t FROM ward.patients
-- then:
SELECT * FROM t

-- title: a temporary view
-- after: ward.patients.ssn
-- bare: prints
-- ends: refused
CREATE TEMP VIEW v AS SELECT ssn FROM ward.patients
-- then:
SELECT * FROM v

-- title: a temporary table that shadows
-- after: a name that the proxy takes for another table
-- bare: runs
-- ends: refused
CREATE TEMP TABLE patients (LIKE ward.patients)

-- title: DO
-- after: ward.patients.ssn in a notice
-- bare: prints
-- ends: refused
DO $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(ssn, ' ') FROM ward.patients); END $$

-- title: a function made to order
-- after: ward.patients.ssn
-- bare: prints
-- ends: refused
BEGIN
-- then:
CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT max(ssn) FROM ward.patients'
-- then:
SELECT pg_temp.f()
-- then:
ROLLBACK

-- title: UPDATE … RETURNING
-- after: ward.patients.name
-- bare: prints
BEGIN
-- then:
UPDATE ward.patients SET sex = sex RETURNING *
-- then:
ROLLBACK

-- title: UPDATE by a guess
-- after: ward.patients.ssn by the number of rows
-- bare: differs
BEGIN
-- then:
UPDATE ward.patients SET sex = sex WHERE ssn LIKE '901%'
-- then:
ROLLBACK

-- title: UPDATE that moves a value
-- after: ward.patients.secret into a clear column
-- bare: runs
BEGIN
-- then:
UPDATE shop.items SET label = secret FROM ward.patients p WHERE p.id = items.id
-- then:
SELECT label FROM shop.items
-- then:
ROLLBACK

-- title: UPDATE of a clear table by a guess
-- after: ward.patients.note by the number of rows
-- bare: differs
BEGIN
-- then:
UPDATE shop.items SET price = price WHERE EXISTS (SELECT FROM ward.patients WHERE note ~ 'Basilisk')
-- then:
ROLLBACK

-- title: DELETE … USING
-- after: ward.patients.name
-- bare: prints
BEGIN
-- then:
DELETE FROM shop.items i USING ward.patients p WHERE p.id = i.id AND i.id > 1 RETURNING p.name
-- then:
ROLLBACK

-- title: DELETE by a guess
-- after: ward.patients.ssn by the number of rows
-- bare: differs
BEGIN
-- then:
DELETE FROM ward.patients WHERE ssn = '901-42-0042'
-- then:
ROLLBACK

-- title: INSERT … SELECT … RETURNING
-- after: ward.patients.ssn
-- bare: prints
BEGIN
-- then:
INSERT INTO shop.items SELECT 50 + id, coalesce(ssn, name), 1, dob FROM ward.patients RETURNING *
-- then:
ROLLBACK

-- title: ON CONFLICT
-- after: ward.patients.ssn by what is there already
-- bare: differs
BEGIN
-- then:
INSERT INTO ward.patients (id, ssn, name, dob, active, sex) VALUES (77, '901-42-0042', 'x', now(), true, 'F')
ON CONFLICT (ssn) DO NOTHING
-- then:
ROLLBACK

-- title: MERGE
-- after: ward.patients.name by the number of rows
-- bare: differs
BEGIN
-- then:
MERGE INTO shop.items i USING ward.patients p ON p.id = i.id AND p.name = 'Adelheid'
WHEN MATCHED THEN UPDATE SET label = p.ssn
-- then:
ROLLBACK

-- title: a rule on a table
-- after: ward.patients by what a rule does instead
-- bare: prints
UPDATE shop.patients SET name = name

-- title: TRUNCATE
-- after: a table that others need
-- bare: runs
BEGIN
-- then:
TRUNCATE shop.orders
-- then:
ROLLBACK

-- title: row locks
-- after: whether another holds a row
-- bare: differs
SELECT id FROM ward.patients WHERE ssn LIKE '901%' FOR UPDATE NOWAIT

-- title: row locks that skip
-- after: ward.patients.name
-- bare: prints
SELECT name FROM ward.patients ORDER BY id FOR NO KEY UPDATE OF patients SKIP LOCKED

-- title: row locks in a sub-select
-- after: ward.patients.name
-- bare: prints
SELECT * FROM (SELECT name FROM ward.patients FOR KEY SHARE) q

-- title: LOCK
-- after: a table's lock
-- bare: runs
BEGIN
-- then:
LOCK TABLE ward.patients IN ACCESS EXCLUSIVE MODE
-- then:
ROLLBACK

-- title: LISTEN and NOTIFY
-- after: what other sessions say
-- bare: runs
LISTEN x
-- then:
NOTIFY x, 'hello'
-- then:
UNLISTEN *

-- title: another role
-- after: rights of the database's own
-- bare: runs
-- ends: refused
SET ROLE pg_read_all_data

-- title: another session user
-- after: rights of the database's own
-- bare: runs
-- ends: refused
SET SESSION AUTHORIZATION pgveil

-- title: rights given away
-- after: rights of the database's own
-- bare: runs
-- ends: refused
BEGIN
-- then:
GRANT SELECT ON ward.hidden TO PUBLIC
-- then:
ROLLBACK

-- title: a comment
-- after: a place to keep values
-- bare: runs
-- ends: refused
BEGIN
-- then:
COMMENT ON TABLE shop.items IS 'x'
-- then:
ROLLBACK

-- title: ANALYZE
-- after: statistics of stored values
-- bare: runs
-- ends: refused
ANALYZE ward.patients

-- title: SHOW ALL
-- after: settings of the server
-- bare: runs
-- ends: refused
SHOW ALL

-- title: SHOW of a file's place
-- after: settings of the server
-- bare: runs
-- ends: refused
SHOW hba_file

-- title: an imported snapshot
-- after: another session's snapshot
-- bare: runs
BEGIN ISOLATION LEVEL REPEATABLE READ
-- then:
SELECT 1
-- then:
COMMIT

-- title: two-phase commit
-- after: transactions that outlive the session
-- bare: differs
-- ends: refused
SELECT 1 / (score - 713) FROM ward.patients WHERE id = 1 AND score <> 713
-- then:
BEGIN
-- then:
PREPARE TRANSACTION 'x'
-- then:
ROLLBACK
