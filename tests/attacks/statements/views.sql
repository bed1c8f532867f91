-- Views, which have names, expressions and rights of their own.

-- title: a renamed column
-- after: ward.patients.name, ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT called, number FROM ward.front ORDER BY id

-- title: a renamed column, through the other role
-- after: ward.patients through a view alone
-- bare: prints
-- role: clerk
SELECT * FROM ward.front

-- title: a view over a view
-- after: ward.patients.name, ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT * FROM ward.behind ORDER BY id

-- title: a view over a view, out of reach
-- after: ward.patients through a view that the role does not read
-- bare: prints
-- role: clerk
-- ends: refused
SELECT * FROM ward.behind

-- title: aggregates of a view
-- after: ward.patients.phone
-- bare: prints
-- ends: answered
SELECT * FROM ward.totals ORDER BY sex

-- title: a view of a union
-- after: ward.patients.note, ward.notes.body
-- bare: prints
-- ends: answered
SELECT * FROM ward.both ORDER BY id, said

-- title: a view with a barrier
-- after: ward.patients.income
-- bare: differs
SELECT id FROM ward.rich ORDER BY id

-- title: a view of whole rows
-- after: ward.patients.secret as a key of a document
-- bare: prints
SELECT row ->> 'secret', row ->> 'ssn' FROM ward.rows ORDER BY id

-- title: a materialized view that the policy does not list
-- after: ward.patients.ssn, kept aside
-- bare: prints
-- ends: refused
SELECT * FROM ward.kept

-- title: a table that the policy does not list
-- after: ward.unlisted
-- bare: prints
-- ends: refused
SELECT word FROM ward.unlisted

-- title: a table that the role does not read
-- after: ward.hidden
-- bare: prints
-- ends: refused
SELECT * FROM ward.hidden

-- title: a partition by its own name
-- after: ward.visits.reason
-- bare: prints
SELECT * FROM ward.visits_2024 ORDER BY id

-- title: an inheritance child by its own name
-- after: ward.private_notes.body
-- bare: prints
-- ends: answered
SELECT * FROM ward.private_notes

-- title: ONLY the parent
-- after: ward.notes.body
-- bare: prints
-- ends: answered
SELECT * FROM ONLY ward.notes ORDER BY id

-- title: the parent and its children
-- after: ward.notes.body
-- bare: prints
-- ends: answered
SELECT * FROM ward.notes * ORDER BY id

-- title: a whole row of a view
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT f::text, to_json(f) FROM ward.front f ORDER BY id

-- title: a predicate on a view
-- after: ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT id FROM ward.behind WHERE digits LIKE '901%' AND loud > 'ADE'

-- title: a join of a view with its table
-- after: equal stored values
-- bare: differs
-- ends: answered
SELECT f.id, p.id FROM ward.front f JOIN ward.patients p ON p.name = f.called AND p.score > 100 ORDER BY 1, 2
