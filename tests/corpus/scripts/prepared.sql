-- PREPARE, EXECUTE and DEALLOCATE: each script is run in one session, statement by statement.

-- title: with parameters
-- order: total
PREPARE q (int, text) AS SELECT patient_id, ssn, dob, zip FROM clinic.patients WHERE patient_id < $1 AND zip <> $2 ORDER BY 1;
EXECUTE q (20, '00000');
EXECUTE q (1 + 2 * 5, upper('x'));
EXECUTE q (5);
DEALLOCATE q;
EXECUTE q (20, '00000');

-- title: types that the server finds
-- order: total
PREPARE q AS SELECT patient_id, zip FROM patients WHERE patient_id = $1 OR dob = $2 ORDER BY 1;
EXECUTE q (3, '1931-03-01');
EXECUTE q ('4', NULL);
DEALLOCATE PREPARE q;

-- title: a name that is taken
-- order: total
PREPARE q AS SELECT npi FROM providers ORDER BY provider_id LIMIT 3;
PREPARE q AS SELECT 1;
EXECUTE q;
DEALLOCATE ALL;
EXECUTE q;
PREPARE q AS SELECT 1 AS one;
EXECUTE q;

-- title: in a transaction
-- order: total
BEGIN;
PREPARE "Q 1" AS SELECT count(*), min(dob) FROM patients WHERE zip = $1;
EXECUTE "Q 1" ('03700');
SAVEPOINT s;
EXECUTE "Q 1" (1, 2);
EXECUTE "Q 1" ('03700');
ROLLBACK TO s;
EXECUTE "Q 1" ('05600');
ROLLBACK;
EXECUTE "Q 1" ('05600');

-- title: a change of the search path that changes nothing
-- order: total
PREPARE q AS SELECT patient_id, zip FROM clinic.patients ORDER BY 1 LIMIT 2;
SET search_path = public;
EXECUTE q;
RESET search_path;
EXECUTE q;

-- title: of clear tables and catalogs
-- order: total
PREPARE a AS SELECT * FROM reference.icd10_codes ORDER BY 1 LIMIT $1;
PREPARE b AS SELECT nspname FROM pg_namespace WHERE nspname = $1;
EXECUTE a (2);
EXECUTE b ('clinic');

-- title: an error in the query
-- order: total
PREPARE q (int) AS SELECT 10 / (patient_id - $1) FROM patients ORDER BY patient_id LIMIT 3;
EXECUTE q (-1);
EXECUTE q (2);

-- title: of views, with VALUES and set operations
-- order: total
PREPARE v AS SELECT patient_id, last_name FROM active_patients ORDER BY 1 LIMIT 5;
PREPARE u AS VALUES ('00000') UNION SELECT zip FROM patients ORDER BY 1;
EXECUTE v;
EXECUTE u;

-- title: DISCARD
-- order: total
PREPARE q AS SELECT zip FROM patients ORDER BY patient_id LIMIT 3;
DISCARD PLANS;
EXECUTE q;
DISCARD ALL;
EXECUTE q;

-- title: one that was never prepared
-- order: total
EXECUTE nobody;
DEALLOCATE nobody;
