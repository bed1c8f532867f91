-- Errors and notices that quote values, and errors as answers of one bit.

-- title: a number from a text
-- after: ward.patients.name in the message
-- bare: prints
-- ends: answered
SELECT name::int FROM ward.patients WHERE id = 1

-- title: a date from a text
-- after: ward.patients.ssn in the message
-- bare: prints
-- ends: answered
SELECT ssn::date FROM ward.patients WHERE id = 1

-- title: a JSON from a text
-- after: ward.patients.note, whether it is one
-- bare: differs
-- ends: answered
SELECT ('{"' || note || '": ' || (note LIKE 'All%') || (CASE WHEN note ~ 'Cinn' THEN '}' ELSE '' END))::json
FROM ward.patients WHERE id = 2

-- title: an enumeration from a text
-- after: ward.patients.name in the message
-- bare: prints
-- ends: answered
SELECT ('{' || name)::text[] FROM ward.patients WHERE id = 1

-- title: a division by zero
-- after: ward.patients.ssn, a bit at a time
-- bare: differs
-- ends: answered
SELECT 1 / (CASE WHEN ssn LIKE '901%' THEN 0 ELSE 1 END) FROM ward.patients WHERE id = 1

-- title: a division by zero in WHERE
-- after: ward.patients.name
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE id = 1 AND 1 / (ascii(right(name, 1)) - ascii('d')) > 1

-- title: a division by zero in an aggregate
-- after: ward.patients.note
-- bare: differs
-- ends: answered
SELECT sum(1 / (CASE WHEN note ~ 'Basilisk' THEN 0 ELSE 1 END)) FROM ward.patients

-- title: a division by zero over a clear table
-- after: ward.patients.secret
-- bare: differs
SELECT 1 / (SELECT count(*) FROM ward.patients WHERE secret <> 'mandrake-root') - 1 / (5 - count(*)) FROM shop.items
-- then:
SELECT 1 / (SELECT (secret <> 'mandrake-root')::int FROM ward.patients WHERE id = 1)

-- title: more than one row
-- after: ward.patients.zip
-- bare: differs
-- ends: answered
SELECT (SELECT id FROM ward.patients WHERE zip IN ('03768', '03771'))

-- title: an overflow
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT (score * 45)::smallint FROM ward.patients WHERE id = 1

-- title: a regular expression that is none
-- after: ward.patients.note
-- bare: differs
SELECT 'x' ~ (CASE WHEN note ~ 'Basilisk' THEN '(' ELSE '' END || 'x') FROM ward.patients WHERE id = 1

-- title: a time zone that is none
-- after: ward.patients.name in the message
-- bare: prints
-- ends: answered
SELECT now() AT TIME ZONE name FROM ward.patients WHERE id = 1

-- title: a format that is none
-- after: ward.patients.name in the message
-- bare: prints
-- ends: answered
SELECT format('%' || chr(1) || name, 1), encode('x', name) FROM ward.patients WHERE id = 2
-- then:
SELECT encode('x', name) FROM ward.patients WHERE id = 2

-- title: a field that is none
-- after: ward.patients.name in the message
-- bare: prints
-- ends: answered
SELECT date_part(name, now()) FROM ward.patients WHERE id = 1

-- title: a setting's value that is none
-- after: ward.patients.name in the message
-- bare: prints
SELECT set_config('work_mem', name, false) FROM ward.patients WHERE id = 1

-- title: a constraint
-- after: ward.patients.ssn in the detail
-- bare: differs
BEGIN
-- then:
INSERT INTO ward.patients (id, ssn, name, dob, active, sex) SELECT 7, ssn, name, dob, active, sex FROM ward.patients WHERE id = 1
-- then:
ROLLBACK

-- title: a constraint on a clear table
-- after: ward.patients.score in the detail
-- bare: differs
BEGIN
-- then:
INSERT INTO shop.patients SELECT score, name FROM ward.patients WHERE id = 1
-- then:
INSERT INTO shop.patients VALUES (713, 'there already?')
-- then:
ROLLBACK

-- title: a check on a clear table
-- after: ward.patients.score in the detail
-- bare: differs
BEGIN
-- then:
INSERT INTO shop.orders SELECT 9, 1, score - 712 FROM ward.patients WHERE id = 1
-- then:
ROLLBACK

-- title: a deferred constraint
-- after: the detail of an error when constraints become immediate
-- bare: differs
BEGIN
-- then:
INSERT INTO shop.orders SELECT 8, 1 + abs(score - 713), 1 FROM ward.patients WHERE id = 1
-- then:
SET CONSTRAINTS ALL IMMEDIATE
-- then:
ROLLBACK

-- title: a notice from a function
-- after: ward.patients.name
-- bare: prints
-- ends: refused
SELECT ward.tell(name) FROM ward.patients

-- title: lower messages
-- after: what the server logs about the rewritten text
-- bare: runs
-- ends: refused
SET client_min_messages = debug5

-- title: plans printed
-- after: the rewritten text
-- bare: runs
-- ends: refused
SET debug_print_plan = on

-- title: statements logged to the client
-- after: the rewritten text
-- bare: runs
-- ends: refused
SET log_min_messages = info

-- title: out of range
-- after: ward.patients.dob
-- bare: differs
-- ends: answered
SELECT make_date(score * 10000, 1, 1) FROM ward.patients WHERE id = 3

-- title: too long a text
-- after: how long a value is
-- bare: differs
-- ends: answered
SELECT repeat('x', score * 2000000) IS NULL FROM ward.patients WHERE id = 3

-- title: a cast that succeeds or not
-- after: a digit of ward.patients.phone
-- bare: differs
-- ends: answered
SELECT ('{"a":' || right(phone, 1) || (CASE WHEN phone LIKE '%7777' THEN '}' ELSE '' END))::json FROM ward.patients WHERE id = 1
