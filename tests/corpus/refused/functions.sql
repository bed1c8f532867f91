-- Functions outside the allow-list: they run SQL of their own, read files, or look at other sessions.

-- title: query_to_xml
-- sqlstate: 42501
-- reason: function
SELECT query_to_xml('SELECT ssn FROM clinic.patients', true, false, '');

-- title: table_to_xml
-- sqlstate: 42501
-- reason: function
SELECT table_to_xml('clinic.patients', true, false, '');

-- title: database_to_xml
-- sqlstate: 42501
-- reason: function
SELECT database_to_xml(true, false, '');

-- title: cursor_to_xml
-- sqlstate: 42501
-- reason: function
SELECT cursor_to_xml('c', 10, true, false, '');

-- title: ts_stat
-- sqlstate: 42501
-- reason: function
SELECT * FROM ts_stat('SELECT to_tsvector(body) FROM clinic.notes');

-- title: pg_read_file
-- sqlstate: 42501
-- reason: function
SELECT pg_read_file('/etc/passwd');

-- title: pg_read_binary_file in a FROM clause
-- sqlstate: 42501
-- reason: function
SELECT * FROM pg_catalog.pg_read_binary_file('postgresql.conf');

-- title: pg_ls_dir
-- sqlstate: 42501
-- reason: function
SELECT * FROM pg_ls_dir('.');

-- title: large object import
-- sqlstate: 42501
-- reason: function
SELECT lo_import('/etc/passwd');

-- title: large object contents
-- sqlstate: 42501
-- reason: function
SELECT lo_get(1);

-- title: function of the schema that reads a masked table
-- sqlstate: 42501
-- reason: function
SELECT clinic.patient_label(1);

-- title: the same by an unqualified name
-- sqlstate: 42501
-- reason: function
SELECT patient_label(patient_id) FROM clinic.patients;

-- title: the same in attribute notation on a key
-- sqlstate: 42501
-- reason: function
SELECT (p.patient_id).patient_label FROM clinic.patients p;

-- title: pg_cancel_backend
-- sqlstate: 42501
-- reason: function
SELECT pg_cancel_backend(pg_backend_pid());

-- title: pg_terminate_backend in a WHERE clause
-- sqlstate: 42501
-- reason: function
SELECT 1 WHERE pg_terminate_backend(1);

-- title: pg_notify
-- sqlstate: 42501
-- reason: function
SELECT pg_notify('c', ssn) FROM clinic.patients;

-- title: advisory locks
-- sqlstate: 42501
-- reason: function
SELECT pg_advisory_lock(patient_id) FROM clinic.patients;

-- title: sequence values
-- sqlstate: 42501
-- reason: function
SELECT nextval('clinic.encounter_id_seq');

-- title: pg_stat_get_activity
-- sqlstate: 42501
-- reason: function
SELECT * FROM pg_stat_get_activity(NULL);

-- title: pg_mcv_list_items
-- sqlstate: 42501
-- reason: function
SELECT * FROM pg_mcv_list_items(NULL);

-- title: current_query
-- sqlstate: 42501
-- reason: function
SELECT current_query();

-- title: pg_reload_conf in a deep subquery
-- sqlstate: 42501
-- reason: function
WITH a AS (SELECT (SELECT pg_reload_conf()) AS r) SELECT r FROM a;

-- title: refused function in ORDER BY
-- sqlstate: 42501
-- reason: function
SELECT 1 ORDER BY pg_switch_wal();

-- title: refused function as a window function
-- sqlstate: 42501
-- reason: function
SELECT pg_logical_emit_message(true, 'x', ssn) FROM clinic.patients;

-- title: function that does not exist
-- sqlstate: 42883
-- reason: function
SELECT no_such_function(ssn) FROM clinic.patients;

-- title: function that does not exist, in a schema
-- sqlstate: 42501
-- reason: function
SELECT clinic.no_such_function(1);
