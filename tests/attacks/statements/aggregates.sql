-- Aggregates that carry values, or facts about them, out of the rows.

-- title: min and max
-- after: ward.patients.name, ssn, dob
-- bare: prints
-- ends: answered
SELECT min(name), max(name), min(ssn), max(ssn), min(dob), max(seen) FROM ward.patients

-- title: string_agg
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT string_agg(ssn, ' ' ORDER BY id) FROM ward.patients

-- title: array_agg
-- after: ward.patients.name
-- bare: prints
-- ends: answered
SELECT array_agg(name ORDER BY id), array_agg(phone ORDER BY id) FROM ward.patients

-- title: array_agg of arrays
-- after: ward.patients.aliases
-- bare: prints
-- ends: answered
SELECT array_agg(aliases) FROM ward.patients WHERE id = 2

-- title: json_agg and json_object_agg
-- after: ward.patients.note
-- bare: prints
-- ends: answered
SELECT json_agg(note ORDER BY id), jsonb_object_agg(id, name) FROM ward.patients

-- title: count distinct
-- after: how many values are behind the masks
-- bare: differs
-- ends: answered
SELECT count(DISTINCT score), count(DISTINCT note), count(note), count(DISTINCT zip), count(DISTINCT right(name, 1)), min(score) FROM ward.patients

-- title: sums of digits
-- after: ward.patients.ssn
-- bare: differs
-- ends: answered
SELECT sum(substr(ssn, 1, 3)::int) FROM ward.patients WHERE ssn ~ '^[0-9]'

-- title: sum and average
-- after: ward.patients.income
-- bare: differs
-- ends: answered
SELECT sum(income), avg(income), stddev(income), var_pop(score) FROM ward.patients

-- title: one group, one row
-- after: ward.patients.income of each row
-- bare: differs
-- ends: answered
SELECT id, sum(income) FROM ward.patients GROUP BY id ORDER BY id

-- title: bit and boolean aggregates
-- after: ward.patients.score and active
-- bare: differs
-- ends: answered
SELECT bit_or(score), bit_and(score), bit_xor(score), bool_or(active), every(active) FROM ward.patients

-- title: percentile_disc
-- after: ward.patients.name
-- bare: prints
-- ends: answered
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY name) FROM ward.patients

-- title: percentile_cont
-- after: ward.patients.income
-- bare: differs
-- ends: answered
SELECT percentile_cont(ARRAY[0, 0.5, 1]) WITHIN GROUP (ORDER BY income) FROM ward.patients

-- title: mode
-- after: ward.patients.email
-- bare: prints
-- ends: answered
SELECT mode() WITHIN GROUP (ORDER BY email) FROM ward.patients

-- title: a hypothetical rank
-- after: where a guess at ward.patients.name would stand
-- bare: differs
-- ends: answered
SELECT rank('Basil') WITHIN GROUP (ORDER BY name), dense_rank('902') WITHIN GROUP (ORDER BY ssn) FROM ward.patients

-- title: a hypothetical distribution
-- after: where a guess at ward.patients.income would stand
-- bare: differs
-- ends: answered
SELECT cume_dist(48211.37) WITHIN GROUP (ORDER BY income), percent_rank(400) WITHIN GROUP (ORDER BY score) FROM ward.patients

-- title: a hypothetical rank of two columns
-- after: ward.patients.zip, ward.patients.dob
-- bare: differs
-- ends: answered
SELECT rank('03768', date '1931-03-15') WITHIN GROUP (ORDER BY zip, dob) FROM ward.patients

-- title: regression and correlation
-- after: ward.patients.score
-- bare: differs
-- ends: answered
SELECT corr(score, id), regr_slope(score, id), covar_pop(income, id) FROM ward.patients

-- title: GROUPING SETS
-- after: ward.patients.name, ward.patients.zip
-- bare: prints
-- ends: answered
SELECT name, zip, count(*) FROM ward.patients GROUP BY GROUPING SETS ((name), (zip), ()) ORDER BY 1, 2, 3

-- title: ROLLUP and CUBE
-- after: ward.patients.note
-- bare: prints
-- ends: answered
SELECT note, grouping(note), count(*) FROM ward.patients GROUP BY ROLLUP (note), CUBE (sex) ORDER BY 1, 2, 3

-- title: GROUP BY the key, select the rest
-- after: columns that depend on a grouped key
-- bare: prints
-- ends: answered
SELECT p.id, p.name, p.ssn, count(v.id) FROM ward.patients p LEFT JOIN ward.visits v ON v.patient_id = p.id
GROUP BY p.id ORDER BY p.id

-- title: an aggregate of the ward
-- after: ward.patients through ward.gather
-- bare: prints
-- ends: refused
SELECT ward.gather(id) FROM ward.patients

-- title: an aggregate of the ward over a clear table
-- after: ward.patients through ward.gather
-- bare: prints
-- ends: refused
SELECT ward.gather(id) FROM shop.patients

-- title: an aggregate in a sub-select of a clear query
-- after: ward.patients.name
-- bare: prints
-- ends: answered
SELECT label, (SELECT max(name) FROM ward.patients p WHERE p.id = i.id) FROM shop.items i ORDER BY id

-- title: any_value
-- after: ward.patients.note
-- bare: prints
-- ends: answered
SELECT any_value(note ORDER BY id), any_value(ssn ORDER BY id) FROM ward.patients WHERE id = 1

-- title: xor of hashes
-- after: a digest of ward.patients.ssn, to be found by trying all numbers
-- bare: differs
-- ends: answered
SELECT id, md5(ssn), sha256(ssn::bytea), hashtext(ssn), hashtextextended(name, 1) FROM ward.patients ORDER BY id
