-- Cursors through their lives: each script is run in one session, statement by statement.

-- title: forward
-- order: total
BEGIN;
DECLARE c CURSOR FOR SELECT patient_id, ssn, dob, zip, upper(last_name) FROM clinic.patients ORDER BY patient_id;
FETCH c;
FETCH NEXT FROM c;
FETCH 5 FROM c;
FETCH FORWARD 3 IN c;
MOVE 10 IN c;
FETCH 2 FROM c;
CLOSE c;
FETCH c;
ROLLBACK;

-- title: in every direction
-- order: total
BEGIN;
DECLARE "Scrolling c" SCROLL CURSOR FOR SELECT * FROM patients p WHERE patient_id <= 40 ORDER BY patient_id;
FETCH LAST FROM "Scrolling c";
FETCH PRIOR FROM "Scrolling c";
FETCH ABSOLUTE 7 FROM "Scrolling c";
FETCH RELATIVE -2 FROM "Scrolling c";
FETCH BACKWARD 3 FROM "Scrolling c";
FETCH FIRST FROM "Scrolling c";
MOVE ALL IN "Scrolling c";
FETCH BACKWARD ALL FROM "Scrolling c";
FETCH ABSOLUTE 0 FROM "Scrolling c";
MOVE BACKWARD 100 IN "Scrolling c";
FETCH ALL FROM "Scrolling c";
COMMIT;

-- title: not in every direction
-- order: total
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT zip FROM patients ORDER BY patient_id LIMIT 10;
FETCH 3 FROM c;
FETCH BACKWARD 1 FROM c;
ROLLBACK;

-- title: beyond the transaction
-- order: total
DECLARE held CURSOR WITH HOLD FOR SELECT patient_id, zip, ssn FROM patients ORDER BY 1 LIMIT 30;
FETCH 2 FROM held;
BEGIN;
FETCH 3 FROM held;
DECLARE other CURSOR WITH HOLD FOR SELECT npi, last_name FROM providers ORDER BY provider_id;
COMMIT;
FETCH 2 FROM held;
FETCH 2 FROM other;
CLOSE held;
FETCH 1 FROM held;
FETCH 1 FROM other;
CLOSE ALL;
FETCH 1 FROM other;

-- title: not beyond the transaction
-- order: total
DECLARE c CURSOR FOR SELECT ssn FROM patients;
BEGIN;
DECLARE c CURSOR FOR SELECT ssn FROM patients;
COMMIT;
FETCH c;

-- title: held in a transaction that is rolled back
-- order: total
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT ssn FROM patients;
ROLLBACK;
FETCH held;

-- title: savepoints
-- order: total
BEGIN;
DECLARE a CURSOR FOR SELECT patient_id, zip FROM patients ORDER BY 1;
FETCH a;
SAVEPOINT s;
DECLARE b CURSOR FOR SELECT patient_id, ssn FROM patients ORDER BY 1;
FETCH b;
FETCH a;
ROLLBACK TO s;
FETCH a;
FETCH b;
ROLLBACK TO s;
DECLARE b CURSOR FOR SELECT provider_id, npi FROM providers ORDER BY 1;
FETCH b;
RELEASE s;
FETCH b;
COMMIT;

-- title: a name that is taken
-- order: total
BEGIN;
DECLARE c CURSOR FOR SELECT patient_id, zip FROM patients ORDER BY 1;
SAVEPOINT s;
DECLARE c CURSOR FOR SELECT npi FROM providers ORDER BY 1;
ROLLBACK TO s;
FETCH 2 FROM c;
CLOSE c;
DECLARE c CURSOR FOR SELECT provider_id, npi FROM providers ORDER BY 1;
FETCH 2 FROM c;
ROLLBACK;

-- title: in binary
-- order: total
BEGIN;
DECLARE c BINARY CURSOR FOR SELECT patient_id, dob, zip FROM patients ORDER BY 1 LIMIT 5;
FETCH ALL FROM c;
ROLLBACK;

-- title: over views, joins and groups
-- order: total
BEGIN;
DECLARE v CURSOR FOR SELECT * FROM active_patients ORDER BY patient_id LIMIT 20;
FETCH 20 FROM v;
DECLARE j INSENSITIVE CURSOR FOR SELECT p.zip, count(*) AS n FROM patients p JOIN encounters e USING (patient_id) GROUP BY p.zip ORDER BY 1;
FETCH ALL FROM j;
COMMIT;

-- title: of clear tables and catalogs
-- order: total
BEGIN;
DECLARE a CURSOR FOR SELECT * FROM reference.icd10_codes ORDER BY 1 LIMIT 10;
DECLARE b CURSOR FOR SELECT nspname FROM pg_namespace WHERE nspname IN ('clinic', 'pg_catalog') ORDER BY 1;
FETCH ALL FROM a;
FETCH ALL FROM b;
COMMIT;

-- title: an error while fetching
-- order: total
BEGIN;
DECLARE c CURSOR FOR SELECT 1 / (patient_id - 3) FROM patients ORDER BY patient_id;
FETCH 1 FROM c;
FETCH 5 FROM c;
FETCH 1 FROM c;
ROLLBACK;

-- title: DISCARD
-- order: total
DECLARE held CURSOR WITH HOLD FOR SELECT zip FROM patients ORDER BY patient_id LIMIT 3;
DISCARD PLANS;
FETCH 1 FROM held;
DISCARD ALL;
FETCH 1 FROM held;

-- title: FETCH of one that was never opened
-- order: total
FETCH 1 FROM nobody;
MOVE 1 IN nobody;
CLOSE nobody;
