-- Values turned and cut, so that a filter on what comes back would not know them.

-- title: reversed
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT reverse(ssn), reverse(name) FROM ward.patients ORDER BY id

-- title: hexadecimal
-- after: ward.patients.name
-- bare: prints
-- ends: answered
SELECT encode(name::bytea, 'hex'), encode(phone::bytea, 'escape') FROM ward.patients ORDER BY id

-- title: base64
-- after: ward.patients.note
-- bare: prints
-- ends: answered
SELECT encode(('x' || note)::bytea, 'base64') FROM ward.patients ORDER BY id

-- title: upper case
-- after: ward.patients.name
-- bare: prints
-- ends: answered
SELECT upper(name), initcap(email) FROM ward.patients ORDER BY id

-- title: a character for each row
-- after: ward.patients.name of one patient
-- bare: prints
-- ends: answered
SELECT c FROM ward.patients, regexp_split_to_table(name, '') c WHERE id = 1

-- title: a character for each column
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT substr(ssn, 1, 3), substr(ssn, 4, 4), substr(ssn, 8) FROM ward.patients WHERE id = 1

-- title: character codes
-- after: ward.patients.name
-- bare: prints
-- ends: answered
SELECT (SELECT string_agg(ascii(substr(name, n, 1))::text, ',' ORDER BY n) FROM generate_series(1, length(name)) n)
FROM ward.patients ORDER BY id

-- title: translated
-- after: ward.patients.ssn in letters
-- bare: differs
-- ends: answered
SELECT translate(ssn, '0123456789', 'abcdefghij') FROM ward.patients ORDER BY id

-- title: UTF-16 through an escape
-- after: ward.patients.note
-- bare: differs
-- ends: answered
SELECT encode(convert_to(note, 'LATIN1'), 'base64'), to_json(note) FROM ward.patients ORDER BY id

-- title: padded and repeated
-- after: ward.patients.ssn
-- bare: prints
-- ends: answered
SELECT lpad(ssn, 30, '*'), rpad(name, 3), repeat(ssn, 2), overlay(ssn PLACING 'x' FROM 20) FROM ward.patients ORDER BY id

-- title: format
-- after: ward.patients.name and ssn
-- bare: prints
-- ends: answered
SELECT format('%1$s|%2$L|%1$I', name, ssn) FROM ward.patients ORDER BY id

-- title: dates as numbers
-- after: ward.patients.dob
-- bare: differs
-- ends: answered
SELECT extract(epoch FROM dob), to_char(dob, 'J'), dob - date '2000-01-01', age(timestamp '2024-01-01', dob)
FROM ward.patients ORDER BY id

-- title: dates in other words
-- after: ward.patients.seen
-- bare: differs
-- ends: answered
SELECT to_char(seen, 'FMDay DDth HH24:MI'), date_part('minute', seen), seen AT TIME ZONE 'UTC' FROM ward.patients ORDER BY id

-- title: numbers in other forms
-- after: ward.patients.income
-- bare: differs
-- ends: answered
SELECT to_char(income, '999999D99'), to_hex(score), income::float8, sqrt(income), width_bucket(income, 0, 100000, 1000)
FROM ward.patients ORDER BY id

-- title: bits of a stored picture
-- after: ward.patients.photo
-- bare: differs
-- ends: answered
SELECT get_byte(photo, 0), get_bit(photo, 3), substr(photo, 2, 3), encode(photo, 'hex') FROM ward.patients ORDER BY id

-- title: the hash that has it all
-- after: ward.patients.dob, to be found by trying all days
-- bare: differs
-- ends: answered
SELECT hashtext(dob::text), md5(dob::text), hash_record(ROW(ssn)) FROM ward.patients ORDER BY id

-- title: an array's text
-- after: ward.patients.aliases
-- bare: prints
-- ends: answered
SELECT array_to_string(aliases, '-'), aliases::text, cardinality(aliases) FROM ward.patients ORDER BY id

-- title: text search vectors
-- after: ward.patients.note
-- bare: prints
-- ends: answered
SELECT to_tsvector('simple', name), ts_headline('simple', note, 'basilisk') FROM ward.patients ORDER BY id

-- title: ranges and money
-- after: ward.patients.income
-- bare: differs
-- ends: answered
SELECT numrange(0, income), income::money, int4range(0, score) FROM ward.patients ORDER BY id
