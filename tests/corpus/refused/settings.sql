-- Settings that would change who asks, or how text is read.

-- title: SET ROLE
-- sqlstate: 42501
-- reason: setting
SET ROLE postgres;

-- title: RESET ROLE
-- sqlstate: 42501
-- reason: setting
RESET ROLE;

-- title: SET SESSION AUTHORIZATION
-- sqlstate: 42501
-- reason: setting
SET SESSION AUTHORIZATION postgres;

-- title: set_config of the role
-- sqlstate: 42501
-- reason: setting
SELECT set_config('role', 'postgres', false);

-- title: set_config of a computed name
-- sqlstate: 0A000
-- reason: setting
SELECT set_config('ro' || 'le', 'postgres', false);

-- title: current_setting of a computed name
-- sqlstate: 0A000
-- reason: setting
SELECT current_setting(last_name) FROM clinic.patients;

-- title: logging of statements
-- sqlstate: 42501
-- reason: setting
SET log_statement = 'all';

-- title: preloaded libraries
-- sqlstate: 42501
-- reason: setting
SET session_preload_libraries = 'auto_explain';

-- title: debug output of plans
-- sqlstate: 42501
-- reason: setting
SET debug_print_plan = on;

-- title: session in which replication triggers rule
-- sqlstate: 42501
-- reason: setting
SET session_replication_role = replica;

-- title: unchecked function bodies
-- sqlstate: 42501
-- reason: setting
SET check_function_bodies = off;

-- title: backslashes in plain literals
-- sqlstate: 0A000
-- reason: setting
SET standard_conforming_strings = off;

-- title: a data directory
-- sqlstate: 42501
-- reason: setting
SHOW data_directory;
