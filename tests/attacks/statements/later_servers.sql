-- What PostgreSQL 17 and 18 have brought: other ways to name rows, to take JSON apart, to copy and to look inside.

-- title: old and new rows beside a masked one
-- after: ward.patients by RETURNING
-- bare: prints
-- servers: 18-
BEGIN
-- then:
UPDATE shop.items SET price = price + 1 WHERE id < 3 RETURNING old.price, new.price, (SELECT max(p.name) FROM ward.patients p)
-- then:
ROLLBACK

-- title: an old row named like a masked table
-- after: ward.patients by RETURNING WITH
-- bare: prints
-- servers: 18-
BEGIN
-- then:
UPDATE shop.items SET price = 1 WHERE id = 1 RETURNING WITH (OLD AS patients, NEW AS p) patients.*, p, (SELECT string_agg(patients.ssn, ',') FROM ward.patients)
-- then:
ROLLBACK

-- title: a masked table named like an old row
-- after: ward.patients by UPDATE … FROM
-- bare: prints
-- servers: 18-
BEGIN
-- then:
UPDATE shop.items i SET price = 1 FROM ward.patients old WHERE old.id = i.id RETURNING old.name, old.*
-- then:
ROLLBACK

-- title: what an upsert has replaced
-- after: ward.patients by ON CONFLICT
-- bare: prints
-- servers: 18-
BEGIN
-- then:
INSERT INTO shop.items (id, label, price, made) SELECT p.id, p.name, 1, DATE '2024-01-01' FROM ward.patients p ON CONFLICT (id) DO UPDATE SET label = excluded.label RETURNING old.label, new.label
-- then:
ROLLBACK

-- title: the source row of a merge
-- after: ward.patients by MERGE … RETURNING
-- bare: prints
-- servers: 17-
BEGIN
-- then:
MERGE INTO shop.items i USING ward.patients p ON p.id = i.id WHEN MATCHED THEN UPDATE SET price = 1 RETURNING merge_action(), p.name, i.label
-- then:
ROLLBACK

-- title: a table made of a document
-- after: ward.patients by JSON_TABLE
-- bare: prints
-- servers: 17-
SELECT p.id, j.allergy FROM ward.patients p, JSON_TABLE(p.chart, '$' COLUMNS (allergy text PATH '$.allergy')) AS j

-- title: a table made of whole rows
-- after: ward.patients by JSON_TABLE
-- bare: prints
-- servers: 17-
SELECT j.* FROM ward.patients p CROSS JOIN LATERAL JSON_TABLE(to_jsonb(p), '$' COLUMNS (ssn text PATH '$.ssn', NESTED PATH '$.aliases[*]' COLUMNS (alias text PATH '$'))) AS j

-- title: a path with a value passed to it
-- after: ward.patients by PASSING
-- bare: prints
-- servers: 17-
SELECT j.v FROM ward.patients p, JSON_TABLE(jsonb_build_array(p.ssn), '$[*] ? (@ != $s)' PASSING p.name AS s COLUMNS (v text PATH '$')) AS j

-- title: one value of a document
-- after: ward.patients by JSON_VALUE and JSON_QUERY
-- bare: prints
-- servers: 17-
SELECT p.id, JSON_VALUE(p.chart, '$.allergy'), JSON_QUERY(p.chart, '$.allergy' WITH WRAPPER) FROM ward.patients p ORDER BY 1

-- title: whether a document has it
-- after: ward.patients by JSON_EXISTS
-- bare: differs
-- servers: 17-
SELECT count(*) FROM ward.patients p WHERE JSON_EXISTS(p.chart, '$ ? (@.allergy starts with "w")') AND p.id = 1

-- title: documents made of names
-- after: ward.patients by JSON_SCALAR and JSON_SERIALIZE
-- bare: prints
-- servers: 17-
SELECT JSON_SERIALIZE(JSON_OBJECT('n': p.name, 's': p.ssn)), JSON_SCALAR(p.name), JSON('"' || p.name || '"') FROM ward.patients p ORDER BY p.id

-- title: names folded and numbered
-- after: ward.patients by the functions of PostgreSQL 18
-- bare: differs
-- servers: 18-
SELECT casefold(p.name), crc32(p.name::bytea), crc32c(p.photo), reverse(p.photo) FROM ward.patients p ORDER BY p.id

-- title: names in an array, sorted
-- after: ward.patients by array_sort
-- bare: prints
-- servers: 18-
SELECT array_sort(array_agg(p.name)), array_reverse(array_agg(p.ssn ORDER BY p.ssn)) FROM ward.patients p

-- title: a materialized view copied by name
-- after: ward.kept by COPY
-- bare: prints
-- servers: 18-
-- ends: refused
COPY ward.kept TO STDOUT

-- title: a plan with all that newer servers tell
-- after: ward.patients by EXPLAIN
-- bare: differs
-- servers: 17-
EXPLAIN (ANALYZE, SERIALIZE TEXT, MEMORY, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT p.id FROM ward.patients p WHERE p.name < 'Balu'

-- title: the server's own reads and writes
-- after: other sessions by pg_aios and its kin
-- bare: runs
-- servers: 18-
-- ends: refused
SELECT count(*) FROM pg_aios, pg_stat_get_backend_io(pg_backend_pid()), pg_get_loaded_modules()

-- title: the log of what was written
-- after: the server by pg_available_wal_summaries
-- bare: runs
-- servers: 17-
-- ends: refused
SELECT count(*) FROM pg_available_wal_summaries()
