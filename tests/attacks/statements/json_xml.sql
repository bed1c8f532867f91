-- Constructors of JSON, which take values and whole rows, and functions that take values out of them. (The embedded
-- server has no libxml; of XML there is what needs none.)

-- title: json_build_object
-- after: ward.patients.ssn, ward.patients.name
-- bare: prints
-- ends: answered
SELECT json_build_object('s', ssn, name, id), jsonb_build_array(phone, note) FROM ward.patients ORDER BY id

-- title: JSON_OBJECT of the standard
-- after: ward.patients.name
-- bare: prints
-- ends: answered
SELECT JSON_OBJECT('n': name, 's' VALUE ssn NULL ON NULL) FROM ward.patients ORDER BY id

-- title: JSON_ARRAY of a query
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT JSON_ARRAY(SELECT ssn FROM ward.patients ORDER BY id)

-- title: JSON_ARRAYAGG and JSON_OBJECTAGG
-- after: ward.patients.note
-- bare: prints
-- ends: answered
SELECT JSON_ARRAYAGG(note ORDER BY id), JSON_OBJECTAGG(id: name) FROM ward.patients

-- title: keys of objects
-- after: ward.patients.name as a key
-- bare: prints
-- ends: answered
SELECT k FROM ward.patients p, jsonb_object_keys(jsonb_build_object(p.name, 1)) k ORDER BY p.id

-- title: a stored document
-- after: ward.patients.chart
-- bare: prints
-- ends: answered
SELECT chart ->> 'allergy', chart -> 'level', jsonb_pretty(chart) FROM ward.patients ORDER BY id

-- title: a stored document's elements
-- after: ward.patients.chart
-- bare: prints
-- ends: answered
SELECT p.id, e.* FROM ward.patients p, jsonb_each(p.chart) e ORDER BY 1, 2

-- title: a path's matches
-- after: ward.patients.chart
-- bare: prints
-- ends: answered
SELECT id, jsonb_path_query_array(chart, '$.*') FROM ward.patients ORDER BY id

-- title: a record from a stored document
-- after: ward.patients.chart
-- bare: prints
-- ends: answered
SELECT r.allergy FROM ward.patients p, jsonb_to_record(p.chart) AS r(allergy text, level int) ORDER BY p.id

-- title: a subscript
-- after: ward.patients.chart
-- bare: prints
-- ends: answered
SELECT chart['allergy'], aliases[1], aliases[1:2] FROM ward.patients ORDER BY id

-- title: a document that is changed
-- after: ward.patients.chart
-- bare: prints
-- ends: answered
SELECT jsonb_set(chart, '{level}', '0') || '{"x": 1}', chart - 'level' FROM ward.patients ORDER BY id

-- title: an object made of arrays
-- after: ward.patients.name
-- bare: prints
-- ends: answered
SELECT jsonb_object(array_agg(id::text), array_agg(name)) FROM ward.patients

-- title: unnested aliases
-- after: ward.patients.aliases
-- bare: prints
-- ends: answered
SELECT p.id, a, o FROM ward.patients p, unnest(p.aliases) WITH ORDINALITY AS u(a, o) ORDER BY 1, 3

-- title: ROWS FROM
-- after: ward.patients.aliases, letter by letter
-- bare: prints
-- ends: answered
SELECT p.id, r.* FROM ward.patients p, ROWS FROM (unnest(p.aliases), string_to_table(p.name, NULL)) r(a, b) WHERE p.id < 3

-- title: a table as XML
-- after: ward.patients
-- bare: lacks
-- ends: refused
SELECT table_to_xml('ward.patients', true, false, '')

-- title: a query as XML
-- after: ward.patients.ssn
-- bare: lacks
-- ends: refused
SELECT query_to_xml('SELECT ssn FROM ward.patients', true, false, '')

-- title: a query as XML and schema
-- after: ward.patients.ssn
-- bare: lacks
-- ends: refused
SELECT pg_catalog.query_to_xml_and_xmlschema('SELECT ssn FROM ward.patients', true, false, '')

-- title: a schema as XML
-- after: the schema ward
-- bare: lacks
-- ends: refused
SELECT schema_to_xml('ward', true, false, '')

-- title: the database as XML
-- after: everything
-- bare: lacks
-- ends: refused
SELECT database_to_xml(true, false, '')

-- title: one long text
-- after: ward.patients.note, in pieces of other encodings
-- bare: prints
-- ends: answered
SELECT encode(convert_to(string_agg(note, '' ORDER BY id), 'UTF8'), 'base64'), encode(string_agg(name, '')::bytea, 'hex')
FROM ward.patients
