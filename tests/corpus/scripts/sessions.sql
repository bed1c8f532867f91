-- What drivers send around their queries: transactions, savepoints, settings, locks.

-- title: options of transactions
-- order: total
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SHOW transaction_isolation;
SELECT count(*) FROM patients WHERE ssn IS NULL;
COMMIT;
START TRANSACTION READ WRITE, ISOLATION LEVEL SERIALIZABLE, NOT DEFERRABLE;
SET TRANSACTION READ ONLY;
SHOW transaction_read_only;
SET CONSTRAINTS ALL DEFERRED;
ROLLBACK;
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
SHOW TRANSACTION ISOLATION LEVEL;
END;

-- title: savepoints around errors
-- order: total
BEGIN;
SAVEPOINT PGJDBC_AUTOSAVE;
SELECT nothing FROM patients;
SELECT 1;
ROLLBACK TO SAVEPOINT PGJDBC_AUTOSAVE;
SELECT count(*) FROM patients;
RELEASE SAVEPOINT PGJDBC_AUTOSAVE;
COMMIT AND CHAIN;
SELECT 1 / 0;
ROLLBACK AND CHAIN;
SELECT zip FROM patients ORDER BY patient_id LIMIT 1;
COMMIT;

-- title: settings
-- order: total
SET extra_float_digits = 3;
SET DateStyle TO 'German';
SELECT dob FROM patients ORDER BY patient_id LIMIT 3;
SET LOCAL DateStyle = 'ISO';
BEGIN;
SET LOCAL DateStyle = 'SQL, MDY';
SELECT dob FROM patients ORDER BY patient_id LIMIT 3;
COMMIT;
SHOW DateStyle;
RESET DateStyle;
SELECT dob FROM patients ORDER BY patient_id LIMIT 3;
SET TIME ZONE 'America/New_York';
SHOW TIME ZONE;
RESET ALL;

-- title: locks of readers
-- order: total
BEGIN;
LOCK TABLE clinic.patients, departments IN ACCESS SHARE MODE NOWAIT;
SELECT count(*) FROM patients;
COMMIT;
LOCK TABLE clinic.patients IN ACCESS SHARE MODE;

-- title: DISCARD and UNLISTEN
-- order: total
DISCARD SEQUENCES;
DISCARD TEMP;
DISCARD PLANS;
UNLISTEN *;
CLOSE ALL;
BEGIN;
DISCARD ALL;
ROLLBACK;
DISCARD ALL;
