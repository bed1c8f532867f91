-- What the catalogs tell: structure, which is no secret, and values, which are.

-- title: estimated rows
-- after: how many rows a table has
-- bare: runs
SELECT relname FROM pg_class WHERE relname = 'patients' AND reltuples >= 0

-- title: a catalog's row about a column
-- after: most common values through a join
-- bare: runs
-- ends: refused
SELECT s.* FROM pg_attribute a JOIN pg_statistic s ON s.starelid = a.attrelid AND s.staattnum = a.attnum LIMIT 1

-- title: passwords
-- after: verifiers of the database's roles
-- bare: runs
-- ends: refused
SELECT rolpassword FROM pg_authid

-- title: passwords by the old view
-- after: verifiers of the database's roles
-- bare: runs
-- ends: refused
SELECT passwd FROM pg_catalog.pg_shadow

-- title: options of user mappings
-- after: passwords of other servers
-- bare: runs
-- ends: refused
SELECT * FROM pg_user_mappings UNION ALL SELECT * FROM pg_user_mappings

-- title: options in the information schema
-- after: passwords of other servers
-- bare: runs
-- ends: refused
SELECT * FROM information_schema.user_mapping_options

-- title: subscriptions
-- after: connection strings
-- bare: runs
-- ends: refused
SELECT subconninfo FROM pg_subscription

-- title: a toast table
-- after: long values as they are stored
-- bare: runs
-- ends: refused
SELECT nspname FROM pg_namespace WHERE nspname = 'pg_toast'
-- then:
SELECT * FROM pg_toast.pg_toast_1255 LIMIT 0

-- title: settings of files
-- after: the server's files
-- bare: runs
-- ends: refused
SELECT * FROM pg_file_settings LIMIT 0

-- title: who may connect
-- after: the server's files
-- bare: runs
-- ends: refused
SELECT * FROM pg_hba_file_rules LIMIT 0

-- title: memory
-- after: the server itself
-- bare: runs
-- ends: refused
SELECT * FROM pg_backend_memory_contexts LIMIT 0

-- title: a hidden table's columns by a join
-- after: ward.hidden.word beside its description
-- bare: prints
-- ends: refused
SELECT a.attname, h.word FROM pg_attribute a, ward.hidden h WHERE a.attrelid = 'ward.hidden'::regclass AND a.attnum = 2

-- title: catalogs beside masked tables
-- after: ward.patients.name beside the catalog
-- bare: prints
SELECT a.attname, p.name FROM pg_attribute a, ward.patients p WHERE a.attrelid = 'ward.patients'::regclass AND a.attnum = 1
ORDER BY p.id

-- title: a row filter of the catalog by a masked value
-- after: ward.patients.ssn
-- bare: differs
SELECT count(*) FROM pg_class WHERE relname = 'patients' AND EXISTS (SELECT FROM ward.patients WHERE ssn LIKE '901%')
