-- Kinds of statements that are refused for a restricted role, whatever they name.

-- title: row locking on a masked table
-- sqlstate: 0A000
-- reason: locking
SELECT patient_id FROM clinic.patients WHERE patient_id = 1 FOR UPDATE;

-- title: row locking of a joined table
-- sqlstate: 0A000
-- reason: locking
SELECT d.name FROM clinic.departments d JOIN clinic.patients p ON p.patient_id = d.department_id FOR SHARE OF p SKIP LOCKED;

-- title: row locking inside a subquery
-- sqlstate: 0A000
-- reason: locking
SELECT count(*) FROM (SELECT patient_id FROM clinic.patients FOR NO KEY UPDATE NOWAIT) t;

-- title: SELECT INTO
-- sqlstate: 0A000
-- reason: statement
SELECT patient_id, ssn INTO copied FROM clinic.patients;

-- title: SELECT INTO a temporary table
-- sqlstate: 0A000
-- reason: statement
SELECT ssn INTO TEMPORARY copied FROM clinic.patients;

-- title: CREATE TABLE AS
-- sqlstate: 0A000
-- reason: statement
CREATE TABLE copied AS SELECT * FROM clinic.patients;

-- title: CREATE TEMPORARY TABLE AS over a masked table
-- sqlstate: 0A000
-- reason: statement
CREATE TEMP TABLE copied AS SELECT ssn FROM clinic.patients;

-- title: CREATE VIEW
-- sqlstate: 0A000
-- reason: statement
CREATE VIEW peek AS SELECT ssn FROM clinic.patients;

-- title: CREATE TEMPORARY VIEW
-- sqlstate: 0A000
-- reason: statement
CREATE TEMPORARY VIEW peek AS SELECT ssn FROM clinic.patients;

-- title: CREATE MATERIALIZED VIEW
-- sqlstate: 0A000
-- reason: statement
CREATE MATERIALIZED VIEW peek AS SELECT ssn FROM clinic.patients;

-- title: CREATE FUNCTION
-- sqlstate: 0A000
-- reason: statement
CREATE FUNCTION peek() RETURNS SETOF text LANGUAGE sql AS 'SELECT ssn FROM clinic.patients';

-- title: CREATE INDEX
-- sqlstate: 0A000
-- reason: statement
CREATE INDEX ON clinic.patients (ssn);

-- title: CREATE RULE
-- sqlstate: 0A000
-- reason: statement
CREATE RULE r AS ON SELECT TO clinic.departments DO INSTEAD SELECT * FROM clinic.patients;

-- title: CREATE TRIGGER
-- sqlstate: 0A000
-- reason: statement
CREATE TRIGGER t BEFORE INSERT ON clinic.patients FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();

-- title: CREATE STATISTICS
-- sqlstate: 0A000
-- reason: statement
CREATE STATISTICS s ON ssn, dob FROM clinic.patients;

-- title: CREATE SUBSCRIPTION, EXTENSION and the like
-- sqlstate: 0A000
-- reason: statement
CREATE EXTENSION dblink;

-- title: ALTER TABLE
-- sqlstate: 0A000
-- reason: statement
ALTER TABLE clinic.patients RENAME COLUMN ssn TO x;

-- title: ALTER ROLE
-- sqlstate: 0A000
-- reason: statement
ALTER ROLE pgveil SUPERUSER;

-- title: ALTER SYSTEM
-- sqlstate: 0A000
-- reason: statement
ALTER SYSTEM SET log_statement = 'all';

-- title: DROP TABLE
-- sqlstate: 0A000
-- reason: statement
DROP TABLE clinic.patients;

-- title: TRUNCATE
-- sqlstate: 0A000
-- reason: statement
TRUNCATE clinic.claims;

-- title: GRANT
-- sqlstate: 0A000
-- reason: statement
GRANT SELECT ON clinic.patients TO PUBLIC;

-- title: COMMENT
-- sqlstate: 0A000
-- reason: statement
COMMENT ON TABLE clinic.patients IS 'seen';

-- title: LOCK
-- sqlstate: 0A000
-- reason: statement
LOCK TABLE clinic.patients IN ACCESS EXCLUSIVE MODE;

-- title: DO
-- sqlstate: 0A000
-- reason: statement
DO $$ BEGIN RAISE NOTICE '%', (SELECT ssn FROM clinic.patients LIMIT 1); END $$;

-- title: CALL
-- sqlstate: 0A000
-- reason: statement
CALL clinic.some_procedure(1);

-- title: LISTEN
-- sqlstate: 0A000
-- reason: statement
LISTEN channel;

-- title: NOTIFY
-- sqlstate: 0A000
-- reason: statement
NOTIFY channel, 'payload';

-- title: VACUUM
-- sqlstate: 0A000
-- reason: statement
VACUUM clinic.patients;

-- title: ANALYZE
-- sqlstate: 0A000
-- reason: statement
ANALYZE clinic.patients;

-- title: CLUSTER
-- sqlstate: 0A000
-- reason: statement
CLUSTER clinic.patients USING patients_ssn_idx;

-- title: REFRESH MATERIALIZED VIEW
-- sqlstate: 0A000
-- reason: statement
REFRESH MATERIALIZED VIEW clinic.patients_per_zip;

-- title: REINDEX
-- sqlstate: 0A000
-- reason: statement
REINDEX TABLE clinic.patients;

-- title: SECURITY LABEL
-- sqlstate: 0A000
-- reason: statement
SECURITY LABEL ON TABLE clinic.patients IS 'x';

-- title: LOAD
-- sqlstate: 0A000
-- reason: statement
LOAD 'auto_explain';

-- title: CHECKPOINT
-- sqlstate: 0A000
-- reason: statement
CHECKPOINT;

-- title: IMPORT FOREIGN SCHEMA
-- sqlstate: 0A000
-- reason: statement
IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public;

-- title: two-phase commit
-- sqlstate: 0A000
-- reason: statement
PREPARE TRANSACTION 'x';

-- title: COPY FROM standard input
-- sqlstate: 0A000
-- reason: statement
COPY clinic.departments FROM STDIN;

-- title: COPY FROM a file
-- sqlstate: 42501
-- reason: statement
COPY clinic.departments FROM '/etc/passwd';

-- title: COPY TO a file
-- sqlstate: 42501
-- reason: statement
COPY clinic.departments TO '/tmp/departments';

-- title: COPY TO a program
-- sqlstate: 42501
-- reason: statement
COPY (SELECT 1) TO PROGRAM 'cat';

-- title: COPY of a partitioned table
-- sqlstate: 42809
-- reason: statement
COPY clinic.encounters TO STDOUT;

-- title: COPY of a view
-- sqlstate: 42809
-- reason: statement
COPY clinic.active_patients TO STDOUT;

-- title: COPY in another encoding
-- sqlstate: 0A000
-- reason: setting
COPY clinic.patients TO STDOUT (ENCODING 'LATIN1');

-- title: COPY of a query that writes
-- sqlstate: 0A000
-- reason: statement
COPY (DELETE FROM clinic.patients RETURNING ssn) TO STDOUT;

-- title: cursor over a denied column
-- sqlstate: 42501
-- reason: column
-- role: billing
DECLARE c CURSOR WITH HOLD FOR SELECT reason FROM clinic.encounters;

-- title: cursor that changes settings
-- sqlstate: 0A000
-- reason: setting
DECLARE c CURSOR WITH HOLD FOR SELECT set_config('search_path', 'sales', false);

-- title: cursor that locks rows
-- sqlstate: 0A000
-- reason: locking
DECLARE c CURSOR FOR SELECT patient_id FROM clinic.patients FOR UPDATE;

-- title: position of a cursor
-- sqlstate: 0A000
-- reason: construct
UPDATE sales.orders SET quantity = 1 WHERE CURRENT OF c;

-- title: PREPARE of an unreadable relation
-- sqlstate: 42501
-- reason: relation
-- role: partner_acme
PREPARE p AS SELECT * FROM clinic.claims;

-- title: PREPARE of a write
-- sqlstate: 42501
-- reason: write
PREPARE p AS DELETE FROM clinic.claims;

-- title: EXECUTE with a function that is not allowed
-- sqlstate: 42501
-- reason: function
EXECUTE p(pg_read_file('/etc/passwd'));

-- title: EXPLAIN EXECUTE
-- sqlstate: 0A000
-- reason: statement
EXPLAIN EXECUTE p;

-- title: CREATE TABLE AS EXECUTE
-- sqlstate: 0A000
-- reason: statement
CREATE TABLE copied AS EXECUTE p;

-- title: EXPLAIN DECLARE
-- sqlstate: 0A000
-- reason: statement
EXPLAIN DECLARE c CURSOR FOR SELECT ssn FROM clinic.patients;

-- title: EXPLAIN without running it
-- sqlstate: 0A000
-- reason: statement
EXPLAIN (COSTS OFF) SELECT ssn FROM clinic.patients WHERE ssn LIKE '9%';

-- title: EXPLAIN over a masked table
-- sqlstate: 0A000
-- reason: statement
EXPLAIN (ANALYZE, FORMAT json) SELECT ssn FROM clinic.patients WHERE ssn LIKE '9%';

-- title: EXPLAIN of CREATE TABLE AS
-- sqlstate: 0A000
-- reason: statement
EXPLAIN CREATE TABLE x AS SELECT ssn FROM clinic.patients;
