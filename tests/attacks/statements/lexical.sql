-- Texts that two parsers may read in two ways.

-- title: nested comments
-- after: ward.patients.ssn behind a comment in a comment
-- bare: prints
SELECT /* a /* b */ label FROM shop.items -- */ ssn FROM ward.patients

-- title: a comment that ends late
-- after: ward.patients.name
-- bare: prints
SELECT name /* '/*' */ */ 1 FROM ward.patients -- ' */
-- then:
SELECT name /* ' /* ' */ " */ FROM ward.patients /* ' */

-- title: a dollar quote
-- after: ward.patients.ssn
-- bare: prints
SELECT $a$ -- $a$ || ssn || $b$ FROM shop.items $b$ FROM ward.patients ORDER BY id

-- title: dollar quotes beside parameters
-- after: ward.patients.name
-- bare: prints
SELECT $$'$$ || name || $_$'$_$ FROM ward.patients ORDER BY id

-- title: an escape string
-- after: ward.patients.ssn
-- bare: prints
SELECT E'\' FROM shop.items --' || ssn FROM ward.patients ORDER BY id

-- title: a backslash in a standard string
-- after: ward.patients.ssn
-- bare: prints
SELECT '\' || ssn, '\' || name FROM ward.patients ORDER BY id

-- title: a backslash when strings are not standard
-- after: ward.patients.ssn
-- bare: prints
SET standard_conforming_strings = off
-- then:
SELECT '\' || label FROM shop.items --' || ssn FROM ward.patients

-- title: the same by set_config
-- after: ward.patients.ssn
-- bare: prints
SELECT set_config('standard_conforming_strings', 'off', false)
-- then:
SELECT '\' || label FROM shop.items --' || ssn FROM ward.patients

-- title: strings continued on a new line
-- after: ward.patients.name
-- bare: prints
SELECT 'a'
'b' || name FROM ward.patients ORDER BY id

-- title: Unicode escapes in a name
-- after: ward.patients.ssn
-- bare: prints
SELECT U&"\0073sn" FROM U&"\0077ard".U&"p!0061tients" UESCAPE '!' ORDER BY id

-- title: Unicode escapes in a string
-- after: ward.patients.name
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE name = U&'\0041delheid'

-- title: Unicode escapes with a chosen letter
-- after: ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE ssn = U&'901-42-004!0032' UESCAPE '!'

-- title: an operator that holds a comment
-- after: ward.patients.name
-- bare: prints
SELECT 1 +-- 2 FROM shop.items
- 1, name FROM ward.patients ORDER BY id

-- title: an operator that opens a comment
-- after: ward.patients.name
-- bare: prints
SELECT 2 */* 3 FROM shop.items */ 1, name FROM ward.patients ORDER BY id

-- title: stars and slashes
-- after: ward.patients.score
-- bare: differs
SELECT score*/*/**/*/score FROM ward.patients ORDER BY id

-- title: no blanks
-- after: ward.patients.ssn
-- bare: prints
SELECT(p)."ssn"FROM"ward"."patients"AS"p"ORDER BY"id"

-- title: odd blanks
-- after: ward.patients.ssn
-- bare: prints
SELECT	ssn
FROM
ward .  patients
ORDER/**/BY/**/id

-- title: upper case and quotes
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT SSN, "name" FROM WARD."patients" ORDER BY ID

-- title: a name that is too long
-- after: ward.patients.ssn through a name that the server cuts
-- bare: prints
SELECT aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggHIDDEN.ssn
FROM ward.patients AS aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg

-- title: keywords as names
-- after: ward.patients.name
-- bare: prints
SELECT "select"."from" FROM (SELECT name AS "from" FROM ward.patients ORDER BY id) "select"

-- title: two statements in one message
-- after: ward.patients.ssn in the second
-- bare: prints
SELECT 1; SELECT ssn FROM ward.patients ORDER BY id

-- title: a semicolon in a string
-- after: ward.patients.ssn
-- bare: prints
SELECT ';SELECT 1;' || ssn FROM ward.patients ORDER BY id;;

-- title: a search path set in the same message
-- after: ward.patients.ssn
-- bare: prints
SET search_path = shop; SET search_path = ward; SELECT ssn, name FROM patients ORDER BY id

-- title: a search path set and rolled back in the same message
-- after: ward.patients.name
-- bare: prints
SET search_path = ward
-- then:
BEGIN; SET LOCAL search_path = shop; ROLLBACK; SELECT name FROM patients ORDER BY id

-- title: bit strings and other literals
-- after: ward.patients.name
-- bare: prints
SELECT B'101' || b'0', X'1F', 0x1F, 1_000, 1e3, .5, name FROM ward.patients ORDER BY id

-- title: another encoding
-- after: bytes that are read in two ways
-- bare: prints
SET client_encoding = 'SJIS'
-- then:
SELECT name FROM ward.patients ORDER BY id

-- title: another encoding by NAMES
-- after: bytes that are read in two ways
-- bare: prints
SET NAMES 'BIG5'
-- then:
SELECT ssn FROM ward.patients ORDER BY id

-- title: a question mark
-- after: ward.patients.chart
-- bare: differs
SELECT id FROM ward.patients WHERE chart ?| ARRAY['nothing'] OR chart #>> '{allergy}' ~ 'wolf' ORDER BY id

-- title: a percent sign and a colon
-- after: ward.patients.aliases
-- bare: prints
SELECT aliases[1:1], score%7, 'a'::text::"char" FROM ward.patients ORDER BY id
