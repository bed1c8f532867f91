-- What must not be done with a token: each would show a stored value, or part of one, to the client.

-- title: function of a token
-- sqlstate: 0A000
-- reason: token
SELECT lower(mrn) FROM patients;

-- title: function of a token in a condition
-- sqlstate: 0A000
-- reason: token
SELECT id FROM patients WHERE length(mrn) > 3;

-- title: a function in FROM
-- sqlstate: 0A000
-- reason: token
SELECT * FROM patients p, regexp_split_to_table(p.mrn, '-') AS part;

-- title: digest of a token
-- sqlstate: 0A000
-- reason: token
SELECT md5(mrn) FROM patients;

-- title: concatenation
-- sqlstate: 0A000
-- reason: token
SELECT mrn || 'x' FROM patients;

-- title: concatenation the other way
-- sqlstate: 0A000
-- reason: token
SELECT 'x' || mrn FROM patients;

-- title: LIKE
-- sqlstate: 0A000
-- reason: token
SELECT mrn LIKE 'a%' FROM patients;

-- title: NOT ILIKE in a condition
-- sqlstate: 0A000
-- reason: token
SELECT id FROM patients WHERE mrn NOT ILIKE '%1';

-- title: SIMILAR TO
-- sqlstate: 0A000
-- reason: token
SELECT id FROM patients WHERE mrn SIMILAR TO 'a%';

-- title: regular expression
-- sqlstate: 0A000
-- reason: token
SELECT id FROM patients WHERE mrn ~ '^1';

-- title: arithmetic
-- sqlstate: 0A000
-- reason: token
SELECT account + 1 FROM patients;

-- title: modulo as a predicate
-- sqlstate: 0A000
-- reason: token
SELECT id FROM patients WHERE account % 2 = 0;

-- title: negation
-- sqlstate: 0A000
-- reason: token
SELECT -account FROM patients;

-- title: cast to another type
-- sqlstate: 0A000
-- reason: token
SELECT mrn::int FROM patients;

-- title: cast to a shorter text
-- sqlstate: 0A000
-- reason: token
SELECT mrn::varchar(3) FROM patients;

-- title: cast to a character
-- sqlstate: 0A000
-- reason: token
SELECT mrn::char FROM patients;

-- title: cast to bytea
-- sqlstate: 0A000
-- reason: token
SELECT mrn::bytea FROM patients;

-- title: cast to json
-- sqlstate: 0A000
-- reason: token
SELECT mrn::json FROM patients;

-- title: cast of a number to text
-- sqlstate: 0A000
-- reason: token
SELECT account::text FROM patients;

-- title: cast of a number to another number
-- sqlstate: 0A000
-- reason: token
SELECT account::int FROM patients;

-- title: cast of a uuid to text
-- sqlstate: 0A000
-- reason: token
SELECT device::text FROM patients;

-- title: EXTRACT and its kin
-- sqlstate: 0A000
-- reason: token
SELECT substring(mrn FROM 1 FOR 3) FROM patients;

-- title: POSITION
-- sqlstate: 0A000
-- reason: token
SELECT position('1' IN mrn) FROM patients;

-- title: TRIM
-- sqlstate: 0A000
-- reason: token
SELECT trim(mrn) FROM patients;

-- title: OVERLAY
-- sqlstate: 0A000
-- reason: token
SELECT overlay(mrn PLACING 'x' FROM 1) FROM patients;

-- title: JSON constructor
-- sqlstate: 0A000
-- reason: token
SELECT JSON_OBJECT('a': mrn) FROM patients;

-- title: XML constructor
-- sqlstate: 0A000
-- reason: token
SELECT XMLELEMENT(NAME a, mrn) FROM patients;

-- title: string_agg
-- sqlstate: 0A000
-- reason: token
SELECT string_agg(mrn, ',') FROM patients;

-- title: array_agg of distinct tokens
-- sqlstate: 0A000
-- reason: token
SELECT array_agg(DISTINCT mrn) FROM patients;

-- title: mode
-- sqlstate: 0A000
-- reason: token
SELECT mode() WITHIN GROUP (ORDER BY mrn) FROM patients;

-- title: percentile_disc
-- sqlstate: 0A000
-- reason: token
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY mrn) FROM patients;

-- title: sum of a number
-- sqlstate: 0A000
-- reason: token
SELECT sum(account) FROM patients;

-- title: greatest
-- sqlstate: 0A000
-- reason: token
SELECT greatest(mrn, 'a') FROM patients;

-- title: a field of a whole row in a function
-- sqlstate: 0A000
-- reason: token
SELECT upper((p).mrn) FROM patients p;

-- title: a function of a whole row as its field
-- sqlstate: 0A000
-- reason: token
SELECT (p).row_to_json FROM patients p;

-- title: a field of a row whose name may be a column's
-- sqlstate: 0A000
-- reason: token
SELECT (p).mrn FROM patients p, pg_class;

-- title: arrays of arrays
-- sqlstate: 0A000
-- reason: token
SELECT array_agg(ARRAY[mrn]) FROM patients;

-- title: array to string
-- sqlstate: 0A000
-- reason: token
SELECT array_to_string(array_agg(mrn), ',') FROM patients;

-- title: arrays concatenated
-- sqlstate: 0A000
-- reason: token
SELECT array_agg(mrn) || ARRAY['x'] FROM patients;

-- title: the least array
-- sqlstate: 0A000
-- reason: token
SELECT min(ARRAY[mrn]) FROM patients;

-- title: containment of arrays
-- sqlstate: 0A000
-- reason: token
SELECT array_agg(mrn) @> ARRAY['x'] FROM patients;

-- title: attribute notation
-- sqlstate: 42703
-- reason: token
SELECT p.row_to_json, p.mrn FROM patients p;

-- title: attribute notation of a type
-- sqlstate: 42703
-- reason: token
SELECT p.jsonb, p.mrn FROM patients p;

-- title: tokens of two domains compared
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE mrn = provider;

-- title: tokens of two domains joined
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients p JOIN visits v ON p.mrn = v.provider;

-- title: tokens of two domains united
-- sqlstate: 0A000
-- reason: token
SELECT mrn FROM visits UNION SELECT provider FROM visits;

-- title: tokens of two domains in a CASE
-- sqlstate: 0A000
-- reason: token
SELECT CASE WHEN cost > 1 THEN mrn ELSE provider END FROM visits;

-- title: tokens of two domains in COALESCE
-- sqlstate: 0A000
-- reason: token
SELECT coalesce(mrn, provider) FROM visits;

-- title: tokens of two types
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients WHERE account = number;

-- title: tokens of two formats
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients WHERE mrn = number;

-- title: an array of two domains
-- sqlstate: 0A000
-- reason: token
SELECT ARRAY[mrn, provider] FROM visits;

-- title: two domains through VALUES
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM (VALUES ('x')) v(x), visits WHERE mrn = x AND provider = x;

-- title: two domains through a CTE
-- sqlstate: 0A000
-- reason: token
WITH c(x) AS (SELECT 'x') SELECT count(*) FROM c, visits WHERE mrn = x AND provider = x;

-- title: a token and an ordinary column
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients p JOIN codes c ON p.mrn = c.code;

-- title: a token and an ordinary expression
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients WHERE mrn = lower('X');

-- title: a token and an ordinary column in IN
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients WHERE mrn IN (SELECT code FROM codes);

-- title: a token and an ordinary column in ANY
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients WHERE mrn = ANY (ARRAY(SELECT code FROM codes));

-- title: a token and an ordinary column united
-- sqlstate: 0A000
-- reason: token
SELECT mrn FROM patients UNION ALL SELECT code FROM codes;

-- title: a token and an ordinary column excepted
-- sqlstate: 0A000
-- reason: token
SELECT code FROM codes EXCEPT SELECT mrn FROM patients;

-- title: a token and an ordinary column by name
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients NATURAL JOIN codes;

-- title: a token and an ordinary column with USING
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients JOIN codes USING (mrn);

-- title: a token and an ordinary column in a row
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits WHERE (mrn, id) = (seen, 1);

-- title: a token and an ordinary column in lag
-- sqlstate: 0A000
-- reason: token
SELECT lag(mrn, 1, seen) OVER () FROM visits;

-- title: a token and an ordinary column in NULLIF
-- sqlstate: 0A000
-- reason: token
SELECT nullif(seen, mrn) FROM visits;

-- title: a token and an ordinary column in recursion
-- sqlstate: 0A000
-- reason: token
WITH RECURSIVE r AS (SELECT code AS c FROM codes UNION SELECT mrn FROM patients, r) SELECT c FROM r;

-- title: a recursive term that turns tokens into text
-- sqlstate: 0A000
-- reason: token
WITH RECURSIVE r(m) AS (SELECT mrn FROM patients UNION ALL SELECT m || 'x' FROM r) SELECT m FROM r;

-- title: a path of tokens
-- sqlstate: 0A000
-- reason: token
WITH RECURSIVE r(m, id) AS (SELECT mrn, id FROM patients UNION ALL SELECT m, id + 1 FROM r) CYCLE m SET looped USING path SELECT path FROM r;

-- title: a search by tokens
-- sqlstate: 0A000
-- reason: token
WITH RECURSIVE r(m, id) AS (SELECT mrn, id FROM patients UNION ALL SELECT m, id + 1 FROM r) SEARCH BREADTH FIRST BY m SET ord SELECT ord FROM r;

-- title: a parameter both ways
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits WHERE mrn = $1 AND seen = $1;

-- title: a parameter of two domains
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits WHERE mrn = $1 AND provider = $1;

-- title: a parameter cast to another type
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits WHERE mrn = $1::date;

-- title: a literal cast to another type
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits WHERE mrn = '2024-01-01'::date;

-- title: a literal cast shorter
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits WHERE mrn = 'abc'::varchar(2);

-- title: a number beside text tokens
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits WHERE mrn = 5;

-- title: a number with a fraction
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits WHERE account = 1.5;

-- title: a negative number
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits WHERE account = -5;

-- title: LIMIT
-- sqlstate: 0A000
-- reason: token
SELECT id FROM patients LIMIT account;

-- title: LIMIT by a subquery
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits LIMIT (SELECT account FROM patients LIMIT 1);

-- title: OFFSET
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits OFFSET (SELECT account FROM patients LIMIT 1);

-- title: a sample
-- sqlstate: 0A000
-- reason: token
SELECT id, mrn FROM visits TABLESAMPLE system ((SELECT account FROM patients LIMIT 1));

-- title: a condition
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE mrn::boolean;

-- title: a frame
-- sqlstate: 0A000
-- reason: token
SELECT sum(cost) OVER (ORDER BY cost RANGE BETWEEN account PRECEDING AND CURRENT ROW) FROM visits;

-- title: a truth test
-- sqlstate: 0A000
-- reason: token
SELECT mrn IS TRUE FROM visits;

-- title: a collation that joins letters
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE mrn = 'x' COLLATE "en-x-icu";

-- title: sorting with an operator
-- sqlstate: 0A000
-- reason: token
SELECT mrn FROM visits ORDER BY mrn USING <;

-- title: a window sorted with an operator
-- sqlstate: 0A000
-- reason: token
SELECT rank() OVER (ORDER BY mrn USING >) FROM visits;

-- title: sorting by what is not selected
-- sqlstate: 0A000
-- reason: token
SELECT DISTINCT id FROM visits ORDER BY mrn;

-- title: sorting by an expression in a set operation
-- sqlstate: 0A000
-- reason: token
SELECT mrn FROM visits UNION SELECT mrn FROM old_visits ORDER BY coalesce(mrn, 'x');

-- title: order against a subquery of arrays
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE mrn < ANY (ARRAY['x']);

-- title: order against a subquery
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE mrn > ALL (SELECT mrn FROM patients);

-- title: a subscript of a token
-- sqlstate: 0A000
-- reason: token
SELECT (mrn)[1] FROM visits;

-- title: a column of two meanings
-- sqlstate: 42702
-- reason: token
SELECT mrn FROM patients, visits;

-- title: a column that may be another's
-- sqlstate: 0A000
-- reason: token
SELECT (SELECT mrn FROM pg_class LIMIT 1) FROM patients;

-- title: star beside unknown columns
-- sqlstate: 0A000
-- reason: token
SELECT * FROM patients, pg_class;

-- title: star of a function beside tokens
-- sqlstate: 0A000
-- reason: token
SELECT p.mrn, f.* FROM patients p, jsonb_each('{}') f;

-- title: natural join with unknown columns
-- sqlstate: 0A000
-- reason: token
SELECT p.mrn FROM patients p NATURAL JOIN pg_class;

-- title: a view that does any of this
-- sqlstate: 0A000
-- reason: token
SELECT x FROM leaky;

-- title: a column of a view
-- sqlstate: 0A000
-- reason: token
SELECT lower(who) FROM front;

-- title: an unnested array column
-- sqlstate: 0A000
-- reason: token
SELECT upper(x) FROM groups, unnest(mrns) AS x;

-- title: a scalar subquery
-- sqlstate: 0A000
-- reason: token
SELECT upper((SELECT mrn FROM patients LIMIT 1));

-- title: a correlated subquery
-- sqlstate: 0A000
-- reason: token
SELECT (SELECT upper(p.mrn)) FROM patients p;

-- title: LATERAL
-- sqlstate: 0A000
-- reason: token
SELECT x FROM patients p, LATERAL (SELECT upper(p.mrn) AS x) l;

-- title: a function argument in FROM
-- sqlstate: 0A000
-- reason: token
SELECT x FROM patients p, LATERAL upper(p.mrn) AS x;

-- title: VALUES
-- sqlstate: 0A000
-- reason: token
SELECT upper(x) FROM patients p, LATERAL (VALUES (p.mrn)) v(x);

-- title: HAVING
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients GROUP BY mrn HAVING max(mrn) || '' > 'a';

-- title: GROUP BY
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients GROUP BY left(mrn, 1);

-- title: ORDER BY
-- sqlstate: 0A000
-- reason: token
SELECT id FROM patients ORDER BY right(mrn, 1);

-- title: PARTITION BY
-- sqlstate: 0A000
-- reason: token
SELECT count(*) OVER (PARTITION BY left(mrn, 1)) FROM patients;

-- title: FILTER
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FILTER (WHERE left(mrn, 1) = '1') FROM patients;

-- title: WINDOW
-- sqlstate: 0A000
-- reason: token
SELECT count(*) OVER w FROM patients WINDOW w AS (ORDER BY left(mrn, 1));

-- title: a named argument
-- sqlstate: 0A000
-- reason: token
SELECT make_interval(days => account) FROM patients;

-- title: a variadic argument
-- sqlstate: 0A000
-- reason: token
SELECT concat(VARIADIC array_agg(mrn)) FROM patients;

-- title: a CASE condition
-- sqlstate: 0A000
-- reason: token
SELECT CASE WHEN left(mrn, 1) = '1' THEN 1 END FROM patients;

-- title: a CASE operand
-- sqlstate: 0A000
-- reason: token
SELECT CASE upper(mrn) WHEN 'A' THEN 1 END FROM patients;

-- title: cast to another type of a similar name
-- sqlstate: 0A000
-- reason: token
SELECT mrn::"TEXT" FROM patients;

-- title: attribute notation on a view
-- sqlstate: 42703
-- reason: token
SELECT f.row_to_json FROM front f;

-- title: attribute notation on a view of groups
-- sqlstate: 42703
-- reason: token
SELECT costs.to_jsonb, total FROM costs;

-- title: computing with a row's text
-- sqlstate: 0A000
-- reason: token
SELECT p::text || '' FROM patients p;

-- title: a function of a row's text
-- sqlstate: 0A000
-- reason: token
SELECT lower(p::text) FROM patients p;

-- title: the length of a row's JSON
-- sqlstate: 0A000
-- reason: token
SELECT length(row_to_json(p)::text) FROM patients p;

-- title: a pattern in a row's text
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients p WHERE p::text LIKE '%1%';

-- title: a row compared with a constant
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients p WHERE p::text = '(1)';

-- title: JSON compared with a constant
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients p WHERE to_jsonb(p) = '{"mrn": "x"}';

-- title: JSON or a constant that is not empty
-- sqlstate: 0A000
-- reason: token
SELECT coalesce(to_jsonb(p), '{"mrn": "x"}') FROM patients p;

-- title: a constant row
-- sqlstate: 0A000
-- reason: token
SELECT coalesce(p, '(1)') FROM patients p;

-- title: a parameter beside JSON
-- sqlstate: 0A000
-- reason: token
SELECT coalesce(to_jsonb(p), $1) FROM patients p;

-- title: a parameter beside a row
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients p WHERE ROW(p.id, p.mrn)::text = $1;

-- title: an operator on JSON
-- sqlstate: 0A000
-- reason: token
SELECT to_jsonb(p) || '{}' FROM patients p;

-- title: containment of JSON
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM patients p WHERE to_jsonb(p) @> '{"mrn": "x"}';

-- title: a key of JSON that is computed
-- sqlstate: 0A000
-- reason: token
SELECT to_jsonb(p) ->> name FROM patients p;

-- title: a path in JSON
-- sqlstate: 0A000
-- reason: token
SELECT to_jsonb(p) #>> '{mrn}' FROM patients p;

-- title: the pairs of JSON
-- sqlstate: 0A000
-- reason: token
SELECT e.value FROM patients p, jsonb_each_text(to_jsonb(p)) e;

-- title: the elements of JSON
-- sqlstate: 0A000
-- reason: token
SELECT e FROM (SELECT json_agg(mrn) AS j FROM patients) s, json_array_elements_text(j) e;

-- title: the value of a key, computed with
-- sqlstate: 0A000
-- reason: token
SELECT upper(to_jsonb(p) ->> 'mrn') FROM patients p;

-- title: a number's value of a key, computed with
-- sqlstate: 0A000
-- reason: token
SELECT (to_jsonb(p) ->> 'account')::bigint + 1 FROM patients p;

-- title: rows compared by order
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM visits v JOIN old_visits o ON v < o;

-- title: the greatest of rows
-- sqlstate: 0A000
-- reason: token
SELECT greatest(v, v) FROM visits v;

-- title: a computed name in JSON
-- sqlstate: 0A000
-- reason: token
SELECT json_build_object(name, mrn) FROM patients;

-- title: an odd number of names and values
-- sqlstate: 0A000
-- reason: token
SELECT json_build_object('a', mrn, 'b') FROM patients;

-- title: one name for two fields
-- sqlstate: 0A000
-- reason: token
SELECT row_to_json(s) FROM (SELECT mrn AS x, id AS x FROM patients) s;

-- title: one name for two values
-- sqlstate: 0A000
-- reason: token
SELECT json_build_object('a', mrn, 'a', id) FROM patients;

-- title: distinct tokens in JSON
-- sqlstate: 0A000
-- reason: token
SELECT json_agg(DISTINCT mrn) FROM patients;

-- title: tokens as names in JSON
-- sqlstate: 0A000
-- reason: token
SELECT json_object_agg(mrn, id) FROM patients;

-- title: unnested rows in FROM
-- sqlstate: 0A000
-- reason: token
SELECT * FROM unnest(ARRAY(SELECT p FROM patients p)) AS u;

-- title: rows of other columns united
-- sqlstate: 0A000
-- reason: token
SELECT p FROM (SELECT id, mrn FROM patients) p UNION ALL SELECT q FROM (SELECT id AS mrn, mrn AS id FROM patients) q;

-- title: a row of two domains united
-- sqlstate: 0A000
-- reason: token
SELECT ROW(mrn) FROM visits UNION ALL SELECT ROW(provider) FROM visits;

-- title: a row's field that is another's
-- sqlstate: 0A000
-- reason: token
SELECT (s.r).f1 || '' FROM (SELECT ROW(mrn, id) AS r FROM patients) s;

-- title: a row's text in a row, computed with
-- sqlstate: 0A000
-- reason: token
SELECT length(ROW(p::text)::text) FROM patients p;

-- title: a row cast to another type
-- sqlstate: 0A000
-- reason: token
SELECT p::text::json FROM patients p;

-- title: an array of rows as an array of texts
-- sqlstate: 0A000
-- reason: token
SELECT array_agg(p)::text[] FROM patients p;

-- title: a row's text cut
-- sqlstate: 0A000
-- reason: token
SELECT p::varchar(10) FROM patients p;

-- title: formatted JSON
-- sqlstate: 0A000
-- reason: token
SELECT jsonb_pretty(to_jsonb(p)) FROM patients p;

-- title: a row in XML
-- sqlstate: 0A000
-- reason: token
SELECT XMLFOREST(p AS a) FROM patients p;

-- title: a window sorted by rows
-- sqlstate: 0A000
-- reason: token
SELECT rank() OVER (ORDER BY v) FROM visits v;

-- title: rows that are distinct on rows
-- sqlstate: 0A000
-- reason: token
SELECT DISTINCT ON (v) id FROM visits v ORDER BY v;

-- title: two domains in a join of joins, as the client wrote them
-- sqlstate: 0A000
-- reason: token
SELECT p.id FROM patients p JOIN visits v JOIN old_visits o ON v.id = o.id ON p.mrn = o.provider WHERE (NOT v.cost > 10) IN (true);

-- title: rows between rows
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE (mrn, id) BETWEEN ('a', 1) AND ('b', 2);

-- title: a row by order against a row of a subquery
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE (mrn, id) < (SELECT mrn, id FROM visits LIMIT 1);

-- title: an array of a row of a subquery
-- sqlstate: 0A000
-- reason: token
SELECT ARRAY(SELECT mrn, id FROM visits);

-- title: rows of other lengths compared
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE (mrn, id) = (mrn, id, cost);

-- title: a row compared with a text
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE ROW(mrn, id) = '(a,1)';

-- title: a text compared with an array
-- sqlstate: 0A000
-- reason: token
SELECT id FROM visits WHERE seen = ARRAY[mrn];

-- title: a key of an array's JSON
-- sqlstate: 0A000
-- reason: token
SELECT to_jsonb(array_agg(mrn)) -> 'x' FROM visits;

-- title: a key that stands for two values
-- sqlstate: 0A000
-- reason: token
SELECT json_build_object('a', mrn, 'a', id) -> 'a' FROM visits;

-- title: all fields of a token
-- sqlstate: 0A000
-- reason: token
SELECT (mrn).* FROM visits;

-- title: the fields of an ordinary value beside a token
-- sqlstate: 0A000
-- reason: token
SELECT (seen).*, mrn FROM visits;

-- title: the star of a relation that is not there
-- sqlstate: 0A000
-- reason: token
SELECT v.mrn, z.* FROM visits v;

-- title: a name out of reach
-- sqlstate: 0A000
-- reason: token
SELECT v.mrn FROM visits v, (SELECT v.mrn) s;

-- title: two relations of one name
-- sqlstate: 42P09
-- reason: token
SELECT v.mrn FROM visits v, old_visits v;

-- title: a WITH query that is used before it is defined
-- sqlstate: 0A000
-- reason: token
WITH RECURSIVE a AS (SELECT mrn FROM b), b AS (SELECT mrn FROM visits) SELECT mrn FROM a;

-- title: a star of unknown columns united
-- sqlstate: 0A000
-- reason: token
SELECT * FROM pg_class UNION ALL SELECT mrn FROM visits;

-- title: other numbers of columns united
-- sqlstate: 0A000
-- reason: token
SELECT mrn, id FROM visits UNION SELECT mrn FROM visits;

-- title: a token and an unknown column with USING
-- sqlstate: 0A000
-- reason: token
SELECT count(*) FROM pg_class JOIN patients USING (mrn);

-- title: a row that may be a system catalog's column
-- sqlstate: 0A000
-- reason: token
SELECT (SELECT r FROM pg_class LIMIT 1) FROM (SELECT ROW(mrn) AS r FROM visits) s;

-- title: tokens in one of several functions in FROM
-- sqlstate: 0A000
-- reason: token
SELECT x.a FROM patients p, ROWS FROM (unnest(ARRAY[p.mrn]), generate_series(1, 2)) AS x(a, b);
