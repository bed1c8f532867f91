-- Operators, casts and types of the database's own: each may run a function that nobody named.

-- title: an operator of the ward
-- after: ward.patients by ward.##
-- bare: prints
-- ends: refused
SELECT 1 OPERATOR(ward.##) 1

-- title: an operator of the ward by the search path
-- after: ward.patients by ward.##
-- bare: prints
SET search_path = ward, public
-- then:
SELECT id ## 1 FROM shop.items

-- title: an operator behind ANY
-- after: ward.patients by ward.=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT '"901-42-0042"'::json = ANY (ARRAY['1'::json])

-- title: an operator behind IN
-- after: ward.patients by ward.=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT '"901-42-0042"'::json IN ('1'::json, '2'::json)

-- title: an operator behind IN and a sub-select
-- after: ward.patients by ward.=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT '"901-42-0042"'::json IN (SELECT '1'::json)

-- title: an operator behind CASE
-- after: ward.patients by ward.=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT CASE '"901-42-0042"'::json WHEN '1'::json THEN 'there' ELSE 'not there' END

-- title: an operator behind USING
-- after: ward.patients by ward.=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT count(*) FROM (SELECT '"901-42-0042"'::json AS j) a JOIN (SELECT '1'::json AS j) b USING (j)

-- title: an operator behind NATURAL
-- after: ward.patients by ward.=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT count(*) FROM (SELECT '"901-42-0042"'::json AS j) a NATURAL JOIN (SELECT '1'::json AS j) b

-- title: an operator behind BETWEEN
-- after: ward.patients by ward.>=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT '"901-42-0042"'::json BETWEEN '1'::json AND '2'::json

-- title: an operator behind BETWEEN SYMMETRIC
-- after: ward.patients by ward.>=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT '"901-42-0042"'::json BETWEEN SYMMETRIC '1'::json AND '2'::json

-- title: an operator behind NULLIF
-- after: ward.patients by ward.=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT nullif('"901-42-0042"'::json, '1'::json) IS NULL

-- title: an operator behind IS DISTINCT FROM
-- after: ward.patients by ward.=
-- bare: differs
SET search_path = ward, public
-- then:
SELECT '"901-42-0042"'::json IS DISTINCT FROM '1'::json

-- title: a cast between built-in types
-- after: ward.patients by a cast of boolean to name
-- bare: prints
SELECT true::name

-- title: a cast between built-in types, spelt out
-- after: ward.patients by a cast of boolean to name
-- bare: prints
SELECT CAST(count(*) > 0 AS name) FROM (VALUES (1)) v(x)
-- then:
SELECT CAST(count(*) > 0 AS pg_catalog.name) FROM (VALUES (1)) v(x)

-- title: a cast of an array's elements
-- after: ward.patients by a cast of boolean to name
-- bare: prints
SELECT ARRAY[true, false]::name[]

-- title: a cast of an array's elements by the type's own name
-- after: ward.patients by a cast of boolean to name
-- bare: prints
SELECT ARRAY[true, false]::_name

-- title: a cast of a masked table's column
-- after: ward.patients by a cast of boolean to name
-- bare: prints
SELECT (p.id > 0)::name FROM ward.patients p ORDER BY 1

-- title: a domain's constraint
-- after: ward.patients.note, told by a domain
-- bare: prints
-- ends: refused
SELECT note::ward.told FROM ward.patients

-- title: a domain's constraint by a short name
-- after: ward.patients.note, told by a domain
-- bare: prints
SET search_path = ward
-- then:
SELECT (note)::told FROM patients

-- title: a domain in a column definition
-- after: ward.patients.name, told by a domain
-- bare: prints
-- ends: refused
SELECT r.a FROM ward.patients p, json_to_record(json_build_object('a', p.name)) AS r(a ward.told)

-- title: a domain in an array
-- after: ward.patients.name, told by a domain
-- bare: prints
-- ends: refused
SELECT ARRAY[name]::ward.told[] FROM ward.patients

-- title: a relation's name by a cast
-- after: ward.patients.name in an error
-- bare: prints
-- ends: answered
SELECT name::regclass FROM ward.patients WHERE id = 1

-- title: a role's name by a cast
-- after: ward.patients.name in an error
-- bare: prints
-- ends: answered
SELECT name::regrole FROM ward.patients WHERE id = 1

-- title: a collation of one's choice
-- after: the order of ward.patients.name
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients ORDER BY right(name, 2) COLLATE "POSIX" DESC, id

-- title: many casts in a row
-- after: ward.patients.dob
-- bare: prints
-- ends: answered
SELECT dob::timestamp::timestamptz::date::text, seen::date::timestamp FROM ward.patients ORDER BY id

-- title: a literal of a row type
-- after: the names of hidden columns
-- bare: runs
SELECT (NULL::ward.patients).ssn

-- title: a cast that nobody asked for
-- after: ward.patients.income by the cast of a column's type
-- bare: differs
SELECT tint + 1 FROM shop.tints

-- title: a cast to a built-in type
-- after: ward.patients.score by the cast of a column's type
-- bare: differs
SELECT tint::int FROM shop.tints

-- title: a cast to a built-in type by a join
-- after: ward.patients.score by the cast of a column's type
-- bare: differs
SELECT CAST(t.tint AS integer) FROM shop.items i JOIN shop.tints t USING (id)

-- title: a cast of an array of them
-- after: ward.patients.score by the cast of a column's type
-- bare: differs
SELECT array_agg(tint)::int[] FROM shop.tints

-- title: a cast in a view
-- after: ward.patients.score by the cast of a column's type
-- bare: differs
SELECT depth FROM shop.tinted

-- title: a cast of what is written
-- after: ward.patients.income by the cast of a column's type
-- bare: differs
BEGIN
-- then:
INSERT INTO shop.items SELECT 60, 'x', tint, '2024-01-01' FROM shop.tints RETURNING price
-- then:
ROLLBACK

-- title: a domain's constraint by a row
-- after: ward.patients.name, guessed
-- bare: differs
SELECT jsonb_populate_record(k, '{"word": "Adelheid"}') FROM shop.known k

-- title: a domain's constraint by rows
-- after: ward.patients.name, guessed
-- bare: differs
SELECT r.word FROM shop.known k, json_populate_recordset(k, '[{"word": "Adelheid"}]') r
