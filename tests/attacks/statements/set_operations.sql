-- UNION, INTERSECT, EXCEPT: values beside clear ones, and equality of what is hidden.

-- title: UNION ALL with a clear table
-- after: ward.patients.name under a clear column's name
-- bare: prints
-- ends: answered
SELECT label FROM shop.items UNION ALL SELECT name FROM ward.patients

-- title: UNION takes equals away
-- after: which names are equal
-- bare: differs
-- ends: answered
SELECT note FROM ward.patients UNION SELECT 'Allergic to Cinnabar'

-- title: INTERSECT with guesses
-- after: ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT ssn::text FROM ward.patients INTERSECT VALUES ('901-42-0042'), ('999-99-9999')

-- title: EXCEPT guesses
-- after: ward.patients.name
-- bare: differs
-- ends: answered
SELECT count(*) FROM (SELECT name FROM ward.patients EXCEPT SELECT 'Adelheid') q

-- title: INTERSECT ALL of two protected columns
-- after: equal values in two columns
-- bare: differs
-- ends: answered
SELECT count(*) FROM (SELECT note FROM ward.patients INTERSECT ALL SELECT body FROM ward.notes
UNION ALL SELECT aliases[1] FROM ward.patients INTERSECT ALL SELECT name FROM ward.patients) q

-- title: nested brackets
-- after: ward.patients.phone
-- bare: prints
-- ends: answered
((SELECT phone FROM ward.patients ORDER BY id LIMIT 2) UNION ALL (SELECT 'x' UNION SELECT 'y')) ORDER BY 1

-- title: a set operation in IN
-- after: ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT id FROM shop.items WHERE 'Basilisk bite' IN (SELECT reason FROM ward.visits UNION SELECT note FROM ward.patients)

-- title: TABLE in a set operation
-- after: ward.notes
-- bare: prints
-- ends: answered
TABLE ward.notes UNION ALL SELECT 0, 0, 'x'

-- title: VALUES of sub-selects
-- after: ward.patients.name
-- bare: prints
-- ends: answered
VALUES ((SELECT name FROM ward.patients WHERE id = 1)), ((SELECT ssn FROM ward.patients WHERE id = 1))
