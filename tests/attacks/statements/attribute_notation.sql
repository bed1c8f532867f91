-- Functions written like columns, and columns written like functions (manual, 4.2.4).

-- title: a function of the row
-- after: ward.patients through ward.label
-- bare: prints
SET search_path = ward, public
-- then:
SELECT p.label FROM ward.patients p

-- title: a function of the row in brackets
-- after: ward.patients through ward.label
-- bare: prints
SET search_path = ward, public
-- then:
SELECT (p).label FROM ward.patients p

-- title: a function of the row, called
-- after: ward.patients through ward.label
-- bare: prints
-- ends: refused
SELECT ward.label(p) FROM ward.patients p

-- title: a column in function notation
-- after: ward.patients.ssn
-- bare: prints
SELECT ssn(p), name(p) FROM ward.patients p ORDER BY p.id

-- title: a denied column in function notation
-- after: ward.patients.secret
-- bare: prints
-- ends: refused
SELECT secret(p) FROM ward.patients p

-- title: a denied column in function notation over a view's row
-- after: ward.patients.secret
-- bare: prints
-- ends: refused
SELECT secret(q) FROM (SELECT * FROM ward.patients) q

-- title: a cast in function notation
-- after: ward.patients.name
-- bare: prints
SELECT text(ssn), bpchar(name::"char"), name(name) FROM ward.patients ORDER BY id

-- title: a cast behind a dot
-- after: ward.patients as text
-- bare: prints
SELECT (q.ssn).text FROM (SELECT p.ssn FROM ward.patients p) q

-- title: a cast behind a dot, on a column
-- after: ward.patients.name
-- bare: prints
SELECT (p.ssn).text FROM ward.patients p ORDER BY id

-- title: a file behind a dot
-- after: the server's files
-- bare: runs
-- ends: refused
SELECT ('PG_VERSION'::text).pg_read_file

-- title: words counted behind a dot
-- after: ward.patients.name
-- bare: prints
-- ends: refused
SELECT ('SELECT array_to_tsvector(array_agg(name)) FROM ward.patients'::text).ts_stat

-- title: a directory behind a dot in FROM
-- after: the server's files
-- bare: runs
-- ends: refused
SELECT (d.x).pg_ls_dir FROM (SELECT '.'::text AS x) d LIMIT 1

-- title: a column named like a function
-- after: a way past the list of functions
-- bare: differs
-- ends: answered
SELECT q.ts_stat, q.upper FROM (SELECT name AS ts_stat, ssn AS upper FROM ward.patients) q ORDER BY 1

-- title: a function on a composite
-- after: ward.patients by a function that takes its row type
-- bare: prints
-- ends: refused
SELECT ward.label(NULL::ward.patients), ward.label(p.*) FROM ward.patients p
