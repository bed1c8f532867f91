-- Relations that a restricted role does not read: catalogs that hold data, and what does not exist.

-- title: pg_stats
-- sqlstate: 42501
-- reason: system_relation
SELECT most_common_vals FROM pg_stats WHERE tablename = 'patients' AND attname = 'ssn';

-- title: pg_statistic
-- sqlstate: 42501
-- reason: system_relation
SELECT stavalues1 FROM pg_catalog.pg_statistic;

-- title: pg_stats_ext
-- sqlstate: 42501
-- reason: system_relation
SELECT * FROM pg_stats_ext;

-- title: pg_stat_activity
-- sqlstate: 42501
-- reason: system_relation
SELECT query FROM pg_stat_activity;

-- title: pg_stat_user_tables
-- sqlstate: 42501
-- reason: system_relation
SELECT relname, n_live_tup FROM pg_stat_user_tables;

-- title: pg_prepared_statements
-- sqlstate: 42501
-- reason: system_relation
SELECT statement FROM pg_prepared_statements;

-- title: pg_cursors
-- sqlstate: 42501
-- reason: system_relation
TABLE pg_cursors;

-- title: pg_locks
-- sqlstate: 42501
-- reason: system_relation
SELECT count(*) FROM pg_locks;

-- title: pg_authid
-- sqlstate: 42501
-- reason: system_relation
SELECT rolpassword FROM pg_authid;

-- title: pg_shadow
-- sqlstate: 42501
-- reason: system_relation
SELECT passwd FROM pg_shadow;

-- title: pg_largeobject
-- sqlstate: 42501
-- reason: system_relation
SELECT data FROM pg_largeobject;

-- title: pg_sequences
-- sqlstate: 42501
-- reason: system_relation
SELECT last_value FROM pg_sequences;

-- title: pg_file_settings
-- sqlstate: 42501
-- reason: system_relation
SELECT * FROM pg_file_settings;

-- title: user mapping options
-- sqlstate: 42501
-- reason: system_relation
SELECT * FROM information_schema.user_mapping_options;

-- title: a toast table
-- sqlstate: 42501
-- reason: system_relation
SELECT chunk_data FROM pg_toast.pg_toast_1262;

-- title: pg_stats in a subquery of a masked query
-- sqlstate: 42501
-- reason: system_relation
SELECT p.patient_id FROM clinic.patients p WHERE p.ssn = ANY (SELECT unnest(most_common_vals::text::text[]) FROM pg_stats);

-- title: sequence as a relation
-- sqlstate: 42501
SELECT last_value FROM clinic.encounter_id_seq;

-- title: relation that does not exist
-- sqlstate: 42P01
-- reason: relation
SELECT * FROM clinic.no_such_table;

-- title: relation that does not exist in the search path
-- sqlstate: 42P01
-- reason: relation
SELECT 1 FROM no_such_table;

-- title: relation of another database
-- sqlstate: 0A000
-- reason: relation
SELECT * FROM elsewhere.clinic.patients;

-- title: relation of a schema that does not exist
-- sqlstate: 42P01
-- reason: relation
SELECT * FROM nowhere.patients;

-- title: table that the role does not read
-- role: billing
-- sqlstate: 42501
-- reason: relation
SELECT count(*) FROM clinic.notes;

-- title: schema that the role does not read
-- role: billing
-- sqlstate: 42501
-- reason: relation
SELECT * FROM sales.orders;

-- title: table that the role does not read, in a subquery
-- role: partner_acme
-- sqlstate: 42501
-- reason: relation
SELECT patient_id FROM clinic.patients p WHERE EXISTS (SELECT FROM clinic.claims c WHERE c.patient_id = p.patient_id);

-- title: view that the role does not read over tables that it does
-- role: partner_acme
-- sqlstate: 42501
-- reason: relation
SELECT * FROM clinic.active_patients;

-- title: inheritance child that the role does not read, under a parent that it does
-- role: researcher
-- sqlstate: 42501
-- reason: relation
SELECT body FROM clinic.psychotherapy_notes;

-- title: partition that the role does not read, of a table that it does
-- role: billing
-- sqlstate: 42501
-- reason: relation
SELECT count(*) FROM clinic.encounters_2024;
