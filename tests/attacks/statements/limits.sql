-- Guesses hidden where a number is expected: LIMIT, OFFSET, TABLESAMPLE, sort directions, frame bounds, arguments.

-- title: LIMIT by a guess
-- after: ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT n FROM generate_series(1, 9) n LIMIT (SELECT count(*) FROM ward.patients WHERE ssn LIKE '90%')

-- title: OFFSET by a value
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT n FROM generate_series(1, 1000) n OFFSET (SELECT score FROM ward.patients WHERE id = 3)

-- title: LIMIT by a value over a clear table
-- after: a digit of ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT label FROM shop.items ORDER BY id LIMIT (SELECT substr(ssn, 3, 1)::int FROM ward.patients WHERE id = 1) % 4

-- title: FETCH FIRST by a guess
-- after: ward.patients.income
-- bare: differs
-- ends: answered
SELECT id FROM shop.items ORDER BY id FETCH FIRST (SELECT count(*) FROM ward.patients WHERE income > 40000) ROWS ONLY

-- title: OFFSET in a sub-select
-- after: ward.patients.name
-- bare: differs
-- ends: answered
SELECT (SELECT label FROM shop.items ORDER BY id OFFSET (SELECT ascii(right(p.name, 1)) % 4 FROM ward.patients p WHERE id = 1)
LIMIT 1)

-- title: a sample's size by a guess
-- after: ward.patients.ssn
-- bare: differs
SELECT count(*) FROM shop.items TABLESAMPLE bernoulli ((SELECT 100 * count(*) FROM ward.patients WHERE ssn LIKE '901%'))

-- title: a sample's seed by a value
-- after: ward.patients.score
-- bare: differs
SELECT array_agg(n.id) FROM generate_series(1, 50) g,
LATERAL (SELECT i.id FROM shop.items i TABLESAMPLE bernoulli (50) REPEATABLE ((SELECT sum(score) FROM ward.patients) + g)) n

-- title: a sample of the table itself
-- after: ward.patients.name among sampled rows
-- bare: differs
-- ends: answered
SELECT id, name FROM ward.patients TABLESAMPLE bernoulli (100) ORDER BY id

-- title: a sort direction by a guess
-- after: ward.patients.secret
-- bare: differs
SELECT id FROM shop.items ORDER BY CASE WHEN EXISTS (SELECT FROM ward.patients WHERE secret LIKE 'mandrake%') THEN id END,
id DESC

-- title: a sort direction by a masked guess
-- after: ward.patients.note
-- bare: differs
-- ends: answered
SELECT id FROM shop.items
ORDER BY CASE WHEN EXISTS (SELECT FROM ward.patients WHERE note LIKE '%Basilisk%') THEN id ELSE -id END

-- title: a frame's bound
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT n, count(*) OVER (ORDER BY n ROWS BETWEEN (SELECT score % 7 FROM ward.patients WHERE id = 1) PRECEDING AND CURRENT ROW)
FROM generate_series(1, 9) n

-- title: a RANGE frame over hidden values
-- after: distances between values of ward.patients.income
-- bare: differs
-- ends: answered
SELECT id, count(*) OVER (ORDER BY income RANGE BETWEEN 20000 PRECEDING AND 20000 FOLLOWING) FROM ward.patients ORDER BY id

-- title: ntile by a value
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT n, ntile((SELECT score FROM ward.patients WHERE id = 4)) OVER (ORDER BY n) FROM generate_series(1, 200) n ORDER BY n

-- title: nth_value by a value
-- after: a digit of ward.patients.phone
-- bare: differs
-- ends: answered
SELECT nth_value(n, (SELECT right(phone, 1)::int FROM ward.patients WHERE id = 1)) OVER () FROM generate_series(1, 9) n

-- title: generate_series to a value
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT count(*) FROM generate_series(1, (SELECT score FROM ward.patients WHERE id = 2))

-- title: repeat by a value
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT length(repeat('x', score)) FROM ward.patients ORDER BY id

-- title: LIMIT on the masked table
-- after: which rows the stored order puts first
-- bare: differs
-- ends: answered
SELECT id FROM ward.patients WHERE note > 'B' LIMIT 2

-- title: a division in LIMIT
-- after: ward.patients.name, by an error
-- bare: differs
-- ends: answered
SELECT 1 LIMIT (SELECT 1 / (count(*) - 1) FROM ward.patients WHERE name = 'Adelheid')
