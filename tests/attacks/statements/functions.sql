-- Functions that run SQL from text, read files, look at other sessions, or tell what is stored without reading it.

-- title: ts_stat
-- after: ward.patients.name
-- bare: prints
-- ends: refused
SELECT word FROM ts_stat('SELECT array_to_tsvector(array_agg(name)) FROM ward.patients')

-- title: ts_rewrite from text
-- after: ward.patients.name
-- bare: prints
-- ends: refused
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, to_tsquery(''simple'', max(name)) FROM ward.patients')

-- title: a cursor as XML
-- after: ward.patients.ssn
-- bare: lacks
-- ends: refused
DECLARE c CURSOR WITH HOLD FOR SELECT ssn FROM ward.patients
-- then:
SELECT cursor_to_xml('c', 10, true, false, '')

-- title: a file
-- after: the server's files
-- bare: runs
-- ends: refused
SELECT pg_read_file('PG_VERSION'), pg_stat_file('PG_VERSION')

-- title: a binary file, qualified
-- after: the server's files
-- bare: runs
-- ends: refused
SELECT pg_catalog.pg_read_binary_file('PG_VERSION')

-- title: a directory
-- after: the server's files
-- bare: runs
-- ends: refused
SELECT * FROM pg_ls_dir('.')

-- title: the log's folder
-- after: the server's files
-- bare: runs
-- ends: refused
SELECT * FROM pg_ls_tmpdir(), pg_ls_waldir() LIMIT 1

-- title: a large object from a query
-- after: ward.patients.ssn, kept aside
-- bare: runs
SELECT lo_unlink(lo_from_bytea(0, 'x'))

-- title: a large object written
-- after: a place to keep values
-- bare: runs
-- ends: refused
BEGIN
-- then:
SELECT lo_put(lo_create(0), 0, 'x')
-- then:
ROLLBACK

-- title: large objects as a table
-- after: stored data that no policy describes
-- bare: runs
-- ends: refused
SELECT * FROM pg_largeobject

-- title: statistics
-- after: ward.patients.name as the most common values
-- bare: runs
-- ends: refused
SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'patients'

-- title: statistics as they are stored
-- after: the least and the greatest of each column
-- bare: prints
-- ends: refused
SELECT stavalues1 FROM pg_statistic s WHERE starelid = 'ward.patients'::regclass

-- title: extended statistics
-- after: values of several columns
-- bare: runs
-- ends: refused
SELECT * FROM pg_stats_ext, pg_statistic_ext_data

-- title: counters of a table
-- after: how often rows were changed
-- bare: runs
-- ends: refused
SELECT n_tup_ins, n_live_tup FROM pg_stat_user_tables

-- title: counters by function
-- after: how often rows were changed
-- bare: runs
-- ends: refused
SELECT pg_stat_get_live_tuples('ward.patients'::regclass), pg_stat_get_tuples_inserted('ward.patients'::regclass)

-- title: activity
-- after: statements of other sessions
-- bare: runs
-- ends: refused
SELECT query FROM pg_stat_activity

-- title: activity by function
-- after: statements of other sessions
-- bare: runs
-- ends: refused
SELECT pg_stat_get_backend_activity(1), pg_stat_get_activity(NULL)

-- title: the statement itself
-- after: the rewritten text
-- bare: runs
-- ends: refused
SELECT current_query() FROM ward.patients

-- title: cursors and statements
-- after: rewritten texts
-- bare: runs
-- ends: refused
SELECT statement FROM pg_cursors UNION ALL SELECT statement FROM pg_prepared_statements

-- title: locks
-- after: what other sessions do
-- bare: runs
-- ends: refused
SELECT count(*) FROM pg_locks

-- title: advisory locks
-- after: a channel between sessions
-- bare: runs
-- ends: refused
SELECT pg_try_advisory_lock(1), pg_advisory_unlock(1)

-- title: ending another session
-- after: other sessions of the same account
-- bare: runs
-- ends: refused
SELECT pg_terminate_backend(0), pg_cancel_backend(0)

-- title: notifying
-- after: a channel between sessions
-- bare: runs
-- ends: refused
SELECT pg_notify('x', max(name)) FROM ward.patients

-- title: a setting
-- after: where the server keeps its data
-- bare: runs
-- ends: refused
SELECT current_setting('data_directory')

-- title: a setting by a computed name
-- after: where the server keeps its data
-- bare: runs
-- ends: refused
SELECT current_setting('data_' || 'directory')

-- title: a setting that holds a value
-- after: ward.patients.name through a setting
-- bare: prints
SELECT set_config('application_name', max(name), false), current_setting('application_name') FROM ward.patients WHERE id = 2

-- title: a setting with a dot
-- after: a place to keep values
-- bare: prints
-- ends: refused
SELECT set_config('a.b', min(ssn), false) FROM ward.patients

-- title: sequences
-- after: how far a sequence has come
-- bare: runs
-- ends: refused
SELECT last_value FROM shop.order_numbers

-- title: sequences by function
-- after: how far a sequence has come
-- bare: runs
-- ends: refused
SELECT pg_sequence_last_value('shop.order_numbers'::regclass), setval('shop.order_numbers', 4711, false)

-- title: sequences as a view
-- after: how far a sequence has come
-- bare: runs
-- ends: refused
SELECT last_value FROM pg_sequences

-- title: a stored value's size
-- after: how long ward.patients.note is
-- bare: differs
-- ends: refused
SELECT id, pg_column_size(note), pg_column_size(email), pg_column_size(p.*) FROM ward.patients p ORDER BY id

-- title: how a value is stored
-- after: how long ward.patients.note is
-- bare: runs
-- ends: refused
SELECT pg_column_compression(note) FROM ward.patients

-- title: a transaction's time
-- after: when a row was written
-- bare: runs
-- ends: refused
SELECT pg_xact_status('3'::xid8), txid_status(3)

-- title: a partition by hash
-- after: a digest of a value
-- bare: runs
-- ends: refused
SELECT oid FROM pg_proc WHERE proname = 'satisfies_hash_partition'
-- then:
SELECT satisfies_hash_partition(NULL::oid, 4, 0, 'x'::text)

-- title: a function of the ward
-- after: ward.patients by ward.peek
-- bare: prints
-- ends: refused
SELECT ward.peek(1)

-- title: a function of the ward by a short name
-- after: ward.patients by ward.peek
-- bare: prints
SET search_path = ward
-- then:
SELECT peek(1)

-- title: a function of the ward in quotes
-- after: ward.patients by ward.peek
-- bare: prints
-- ends: refused
SELECT "ward"."peek"(which => 1)

-- title: a function of the ward in FROM
-- after: ward.patients by ward.peek_all
-- bare: prints
-- ends: refused
SELECT * FROM ward.peek_all()

-- title: a function of the ward among ROWS FROM
-- after: ward.patients by ward.peek_all
-- bare: prints
-- ends: refused
SELECT * FROM ROWS FROM (generate_series(1, 2), ward.peek_all()) AS t

-- title: a function that JSON has since taken the name of
-- after: ward.patients by ward.json_value
-- bare: prints
-- servers: -16
SET search_path = ward, public
-- then:
SELECT json_value(' ', '$.x')

-- title: arguments of another mind
-- after: ward.patients by variadic and named arguments
-- bare: prints
-- ends: refused
SELECT concat(VARIADIC ARRAY[ward.peek(1), ward.peek(2)])

-- title: a role's rights and a text
-- after: whether a table is there
-- bare: runs
SELECT has_table_privilege('shop.items', 'select'), to_regclass('shop.nothing') IS NULL

-- title: validity as an oracle
-- after: types' input functions by their name
-- bare: runs
-- ends: refused
SELECT pg_input_is_valid('x', 'ward.told')

-- title: randomness of one's own choice
-- after: a seed taken from a value
-- bare: differs
SELECT setseed(coalesce(score, 0) / 1000.0) FROM ward.patients WHERE id = 1
-- then:
SELECT random()

-- title: replication
-- after: decoded changes
-- bare: runs
-- ends: refused
SELECT pg_current_wal_lsn(), count(*) FROM pg_replication_slots

-- title: definitions in memory
-- after: the server's own
-- bare: runs
-- ends: refused
SELECT * FROM pg_config LIMIT 1

-- title: a listed function that changes the path
-- after: ward.patients by a name that meant another table
-- bare: prints
SET search_path = shop
-- then:
SELECT shop.go_to_ward()
-- then:
SELECT upper(name) FROM patients

-- title: a listed function that changes the path, before a prepared statement
-- after: ward.patients by a name that meant another table
-- bare: prints
SET search_path = shop
-- then:
PREPARE q AS SELECT upper(name) FROM patients
-- then:
SELECT shop.go_to_ward()
-- then:
EXECUTE q

-- title: a listed function that changes the path in the same message
-- after: ward.patients by a name that meant another table
-- bare: prints
SET search_path = shop
-- then:
BEGIN; SELECT shop.go_to_ward(); COMMIT
-- then:
SELECT lower(name) FROM patients

-- title: a listed function that changes the path as it is fetched
-- after: ward.patients by a name that meant another table
-- bare: prints
SET search_path = shop
-- then:
BEGIN
-- then:
DECLARE c CURSOR FOR SELECT shop.go_to_ward()
-- then:
FETCH ALL FROM c
-- then:
SELECT upper(name) FROM patients
-- then:
ROLLBACK

-- title: a listed function that makes a temporary table
-- after: ward.patients.ssn by a name that meant another table
-- bare: prints
SET search_path = shop
-- then:
SELECT shop.set_aside()
-- then:
SELECT upper(label) FROM items

-- title: a listed function that makes a temporary table, and COPY
-- after: ward.patients.ssn by a name that meant another table
-- bare: prints
SET search_path = shop
-- then:
SELECT shop.set_aside()
-- then:
COPY items TO STDOUT

-- title: the plan of a listed function
-- after: row estimates of ward.patients.score
-- bare: runs
-- ends: refused
EXPLAIN SELECT * FROM shop.scored(700)

-- title: the plan of a view on a listed function
-- after: row counts of ward.patients.score
-- bare: differs
-- ends: refused
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM shop.high
