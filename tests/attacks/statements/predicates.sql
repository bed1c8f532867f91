-- Guesses at hidden values in WHERE, ON, HAVING, FILTER, CASE and sub-selects: rows or no rows, that is the answer.

-- title: equality
-- after: ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE ssn = '901-42-0042'

-- title: equality with a masked value
-- after: the number of values behind one mask
-- bare: differs
-- ends: answered
SELECT id, ssn FROM ward.patients WHERE right(ssn, 4) = '0042' AND ssn = '***-**-0042' OR ssn LIKE '901%'

-- title: LIKE
-- after: ward.patients.ssn, digit by digit
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE ssn LIKE '901-4%' ORDER BY id

-- title: ILIKE with an escape
-- after: ward.patients.name
-- bare: differs
-- ends: answered
SELECT count(*) FROM ward.patients WHERE name ILIKE 'ad!elh%' ESCAPE '!'

-- title: a regular expression
-- after: ward.patients.note
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE note ~* 'basil.sk' ORDER BY 1

-- title: SIMILAR TO
-- after: ward.patients.phone
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE phone SIMILAR TO '%(7777|8888)' ORDER BY id

-- title: a range
-- after: ward.patients.income
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE income BETWEEN 48000 AND 48500

-- title: a symmetric range
-- after: ward.patients.dob
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE dob BETWEEN SYMMETRIC '1931-03-31' AND '1931-03-01'

-- title: binary search of a number
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT array_agg(score > 700 ORDER BY id) FROM ward.patients

-- title: IN
-- after: ward.patients.zip
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE zip IN ('03768', '03799') ORDER BY id

-- title: NOT IN
-- after: ward.patients.zip
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE zip NOT IN ('03768', '03799') ORDER BY id

-- title: ANY of an array
-- after: ward.patients.email
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE email = ANY ('{ada@quartz.example,desi@quartz.example}') ORDER BY id

-- title: ALL of a list of values
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT count(*) FROM ward.patients WHERE score > ALL (VALUES (500), (600))

-- title: IS NULL
-- after: which patients have a note
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE note IS NULL ORDER BY id

-- title: IS DISTINCT FROM
-- after: ward.patients.photo
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE photo IS DISTINCT FROM '\xfeedfacecafe01' ORDER BY id

-- title: a boolean column as the condition
-- after: ward.patients.active
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE active ORDER BY id

-- title: IS NOT TRUE
-- after: ward.patients.active
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE active IS NOT TRUE ORDER BY id

-- title: CASE
-- after: ward.patients.name
-- bare: differs
-- ends: answered
SELECT id, CASE WHEN name < 'Ae' THEN 'first' WHEN name LIKE '%ide%' THEN 'with ide' ELSE 'none' END
FROM ward.patients ORDER BY id

-- title: CASE with a test value
-- after: ward.patients.dob
-- bare: differs
-- ends: answered
SELECT id, CASE dob WHEN '1931-03-14' THEN 'born then' END FROM ward.patients ORDER BY id

-- title: COALESCE and NULLIF
-- after: ward.patients.phone
-- bare: differs
-- ends: answered
SELECT id, coalesce(nullif(phone, '+1-555-010-7777'), 'that one or none') FROM ward.patients ORDER BY id

-- title: GREATEST
-- after: ward.patients.income
-- bare: differs
-- ends: answered
SELECT id, greatest(income, 48211) = 48211 FROM ward.patients ORDER BY id

-- title: EXISTS
-- after: ward.patients.note
-- bare: differs
-- ends: answered
SELECT EXISTS (SELECT FROM ward.patients WHERE note LIKE '%Cinnabar%')

-- title: a correlated sub-select
-- after: ward.visits.reason
-- bare: differs
-- ends: answered
SELECT p.id, (SELECT count(*) FROM ward.visits v WHERE v.patient_id = p.id AND v.reason LIKE '%fumes%')
FROM ward.patients p ORDER BY p.id

-- title: a row comparison
-- after: ward.patients.ssn and name together
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE (ssn, name) >= ('901-42-0042', 'Adelheid') AND (ssn, name) < ('902', '') ORDER BY id

-- title: a row in a sub-select
-- after: ward.patients.ssn and dob together
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE (ssn, dob) IN (SELECT '901-42-0042', date '1931-03-14')

-- title: HAVING
-- after: ward.patients.income
-- bare: differs
-- ends: answered
SELECT sex FROM ward.patients GROUP BY sex HAVING sum(income) > 147000 ORDER BY sex

-- title: FILTER
-- after: ward.patients.note
-- bare: differs
-- ends: answered
SELECT count(*) FILTER (WHERE note LIKE 'Owes%'), count(note) FROM ward.patients

-- title: a join on a guess
-- after: ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT g.guess FROM (VALUES ('901-42-0042'), ('902-17-3355'), ('000-00-0000')) g(guess)
JOIN ward.patients p ON p.ssn = g.guess ORDER BY 1

-- title: an outer join on a guess
-- after: ward.patients.name
-- bare: differs
-- ends: answered
SELECT i.label, p.id FROM shop.items i LEFT JOIN ward.patients p ON left(p.name, i.id) = left('Adelheid', i.id)
ORDER BY i.id, p.id

-- title: a self-join
-- after: whose note names whom
-- bare: differs
-- ends: answered
SELECT a.id, b.id FROM ward.patients a JOIN ward.patients b ON b.note LIKE '%' || a.name || '%' ORDER BY 1, 2

-- title: a join of two protected tables
-- after: which note speaks of which patient
-- bare: differs
-- ends: answered
SELECT n.id, p.id FROM ward.notes n JOIN ward.patients p ON position(p.name IN n.body) > 0 ORDER BY 1, 2

-- title: LATERAL
-- after: ward.patients.name, letter by letter
-- bare: differs
-- ends: answered
SELECT p.id, l.c FROM ward.patients p, LATERAL (SELECT substr(p.name, n, 1) AS c FROM generate_series(1, 9) n) l
WHERE p.id = 1

-- title: the length
-- after: how long ward.patients.note is
-- bare: differs
-- ends: answered
SELECT id, length(note), octet_length(name), bit_length(email) FROM ward.patients ORDER BY id

-- title: an index on the stored values
-- after: ward.patients.name through patients_name_idx
-- bare: differs
-- ends: answered
SET enable_seqscan = off
-- then:
SELECT id FROM ward.patients WHERE name = 'Adelheid'

-- title: an index-only scan
-- after: ward.patients.score through patients_score_idx
-- bare: differs
-- ends: answered
SET enable_seqscan = off
-- then:
SELECT count(*) FROM ward.patients WHERE score > 500

-- title: partition pruning
-- after: ward.visits.at, finer than the month
-- bare: differs
-- ends: answered
SELECT id FROM ward.visits WHERE at BETWEEN '2024-06-15' AND '2024-06-20' ORDER BY id

-- title: a guess at a child's rows
-- after: ward.private_notes.body through its parent
-- bare: differs
-- ends: answered
SELECT id FROM ward.notes WHERE body LIKE '%Domitilla%'

-- title: a container
-- after: ward.patients.chart
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE chart @> '{"allergy": "wolfsbane"}' OR chart ? 'level' AND chart ->> 'level' = '7'

-- title: a JSON path
-- after: ward.patients.chart
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE chart @? '$.level ? (@ > 6)' ORDER BY id

-- title: an array's overlap
-- after: ward.patients.aliases
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE aliases && '{Quillon}' OR 'Zephyrine' = ANY (aliases) ORDER BY id

-- title: text search
-- after: ward.patients.note
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE to_tsvector('simple', note) @@ to_tsquery('simple', 'cinnabar | basilisk') ORDER BY id

-- title: OVERLAPS
-- after: ward.patients.seen
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients
WHERE (seen, seen) OVERLAPS (timestamp '2024-02-13 10:00', timestamp '2024-02-13 11:00')

-- title: tautologies around a guess
-- after: ward.patients.secret
-- bare: differs
SELECT id FROM ward.patients WHERE secret = 'mandrake-root' OR 1 = 0

-- title: a denied column beside its row
-- after: ward.patients.secret
-- bare: differs
SELECT id FROM ward.patients p WHERE p::text LIKE '%mandrake-root%'

-- title: a table that is not to be read
-- after: ward.hidden
-- bare: differs
-- role: clerk
SELECT 1 FROM ward.hidden WHERE word = 'Antimony-Vault'

-- title: a masked value of the other role's view
-- after: ward.patients through a view that the clerk reads
-- bare: prints
-- role: clerk
SELECT id, number FROM ward.front WHERE number LIKE '901-42-%'

-- title: cheap and loud
-- after: ward.patients.note, told by a function that runs first
-- bare: prints
-- ends: refused
SELECT id FROM ward.patients WHERE sex = 'F' AND ward.tell(note)

-- title: cheap and loud below a barrier
-- after: rows that a view hides
-- bare: prints
-- ends: refused
SELECT id FROM ward.rich WHERE ward.tell(name)

-- title: a parameter that is never given
-- after: ward.patients.ssn
-- bare: differs
PREPARE guess AS SELECT id FROM ward.patients WHERE ssn LIKE $1
-- then:
EXECUTE guess('901%')
