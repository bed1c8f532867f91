-- What works on token columns as on any other. TOK1, PRO1, ACC1 … stand for tokens, STORED1 for a stored value.

-- title: a column
-- order: none
SELECT mrn FROM patients;

-- title: every format
-- order: none
SELECT mrn, number, account, device, card FROM patients;

-- title: a star
-- order: none
SELECT * FROM visits;

-- title: a table's star
-- order: none
SELECT v.*, p.age FROM visits v JOIN patients p USING (mrn);

-- title: TABLE
-- order: none
TABLE visits;

-- title: a literal
-- order: none
SELECT id FROM patients WHERE mrn = 'TOK1';

-- title: a literal on the left
-- order: none
SELECT id FROM patients WHERE 'TOK1' = mrn;

-- title: a stored value as a literal
-- order: none
SELECT id FROM patients WHERE mrn = 'STORED1';

-- title: a typed literal
-- order: none
SELECT id FROM patients WHERE mrn = text 'TOK1' OR mrn = 'TOK2'::varchar;

-- title: a literal of digits
-- order: none
SELECT id FROM patients WHERE account = ACC1 OR number = 'NUM2';

-- title: a literal of digits as text
-- order: none
SELECT id FROM patients WHERE account = 'ACC1';

-- title: a literal uuid
-- order: none
SELECT id FROM patients WHERE device = 'DEV1' OR device = 'DEV2'::uuid;

-- title: unequal
-- order: none
SELECT id FROM patients WHERE mrn <> 'TOK1';

-- title: IN
-- order: none
SELECT id FROM visits WHERE mrn IN ('TOK1', 'TOK2', 'nobody');

-- title: NOT IN
-- order: none
SELECT id FROM visits WHERE mrn NOT IN ('TOK1', 'TOK2');

-- title: IN a subquery
-- order: none
SELECT id FROM visits WHERE mrn IN (SELECT mrn FROM patients WHERE age > 40);

-- title: IN VALUES
-- order: none
SELECT id FROM visits WHERE mrn IN (VALUES ('TOK1'), ('TOK3'));

-- title: IN rows
-- order: none
SELECT id FROM visits WHERE (mrn, cost) IN (('TOK1', 10), ('TOK2', 20));

-- title: IN rows of a subquery
-- order: none
SELECT id FROM visits WHERE (mrn, id) IN (SELECT mrn, id FROM patients);

-- title: ANY of an array
-- order: none
SELECT id FROM visits WHERE mrn = ANY (ARRAY['TOK1', 'TOK2']);

-- title: ANY of an array literal
-- order: none
SELECT id FROM visits WHERE mrn = ANY ('{TOK1,TOK2,NULL}'::text[]);

-- title: ANY of a subquery
-- order: none
SELECT id FROM visits WHERE mrn = ANY (SELECT mrn FROM patients);

-- title: unequal to ALL
-- order: none
SELECT id FROM visits WHERE mrn <> ALL (ARRAY['TOK1']);

-- title: ANY of an array subquery
-- order: none
SELECT id FROM visits WHERE mrn = ANY (ARRAY(SELECT mrn FROM patients WHERE age < 40));

-- title: NULL tests
-- order: none
SELECT id, mrn IS NULL, mrn IS NOT NULL FROM visits;

-- title: DISTINCT FROM
-- order: none
SELECT id FROM visits WHERE mrn IS DISTINCT FROM 'TOK1' AND mrn IS NOT DISTINCT FROM mrn;

-- title: rows compared
-- order: none
SELECT id FROM visits WHERE (mrn, cost) = ('TOK1', 10) OR (id, mrn) IS DISTINCT FROM (1, 'TOK1');

-- title: join
-- order: none
SELECT p.mrn, v.id FROM patients p JOIN visits v ON p.mrn = v.mrn;

-- title: left join
-- order: none
SELECT p.mrn, v.id FROM patients p LEFT JOIN visits v ON p.mrn = v.mrn AND v.cost > 10;

-- title: full join
-- order: none
SELECT mrn, p.id, v.id FROM patients p FULL JOIN visits v USING (mrn);

-- title: join alias
-- order: none
SELECT j.mrn FROM patients JOIN visits USING (mrn) AS j;

-- title: nested join
-- order: none
SELECT p.mrn FROM patients p JOIN (visits v JOIN old_visits o ON v.mrn = o.mrn) ON p.mrn = o.mrn;

-- title: named join
-- order: none
SELECT j.m, j.c FROM (visits v JOIN codes c ON c.code = v.seen) AS j(i, m, p, c);

-- title: natural join
-- order: none
SELECT mrn, v.cost FROM visits v NATURAL JOIN old_visits;

-- title: self-join
-- order: none
SELECT a.id, b.id FROM visits a, visits b WHERE a.mrn = b.mrn AND a.id < b.id;

-- title: anti-join
-- order: none
SELECT id, mrn FROM patients p WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.mrn = p.mrn);

-- title: join on digits
-- order: none
SELECT p.account, count(*) FROM patients p JOIN visits v ON p.account = v.account GROUP BY 1;

-- title: group by
-- order: none
SELECT mrn, count(*), sum(cost) FROM visits GROUP BY mrn;

-- title: group by a number
-- order: total
SELECT mrn AS m, count(*) FROM visits GROUP BY 1 ORDER BY 2 DESC, 1;

-- title: group by a name
-- order: total
SELECT v.mrn AS m, count(*) FROM visits v GROUP BY m ORDER BY m;

-- title: grouping sets
-- order: none
SELECT mrn, provider, count(*), GROUPING(mrn) FROM visits GROUP BY GROUPING SETS ((mrn), (provider), ());

-- title: rollup
-- order: none
SELECT mrn, cost, count(*) FROM visits GROUP BY ROLLUP (mrn, cost);

-- title: group by an expression
-- order: none
SELECT coalesce(mrn, 'none'), count(*) FROM visits GROUP BY coalesce(mrn, 'none');

-- title: having
-- order: none
SELECT mrn FROM visits GROUP BY mrn HAVING count(*) > 1 AND mrn <> 'TOK1';

-- title: group by a key
-- order: none
SELECT p.id, p.mrn, p.age FROM patients p GROUP BY p.id;

-- title: count
-- order: none
SELECT count(mrn), count(DISTINCT mrn), count(DISTINCT (mrn, provider)) FROM visits;

-- title: count with a filter
-- order: none
SELECT count(*) FILTER (WHERE mrn = 'TOK1') FROM visits;

-- title: distinct
-- order: none
SELECT DISTINCT mrn FROM visits;

-- title: distinct and sorted
-- order: total
SELECT DISTINCT mrn, provider FROM visits ORDER BY mrn DESC NULLS LAST, provider LIMIT 3;

-- title: distinct and sorted by a column again
-- order: total
SELECT DISTINCT v.mrn FROM visits v ORDER BY mrn OFFSET 1;

-- title: distinct on
-- order: total
SELECT DISTINCT ON (mrn) mrn, id, cost FROM visits ORDER BY mrn, cost DESC, id;

-- title: distinct on a name
-- order: total
SELECT DISTINCT ON (m) mrn AS m, id FROM visits ORDER BY m DESC NULLS LAST, id;

-- title: union
-- order: none
SELECT mrn FROM visits UNION SELECT mrn FROM patients;

-- title: union with constants
-- order: none
SELECT mrn FROM visits UNION ALL SELECT 'none' UNION ALL SELECT NULL;

-- title: union sorted
-- order: total
SELECT mrn, 1 AS n FROM visits UNION SELECT mrn, 2 FROM patients ORDER BY mrn DESC, n LIMIT 4;

-- title: except and intersect
-- order: none
SELECT mrn FROM patients EXCEPT SELECT mrn FROM visits INTERSECT SELECT mrn FROM old_visits;

-- title: sorted
-- order: total
SELECT mrn, id FROM visits ORDER BY mrn NULLS FIRST, id;

-- title: sorted by a number
-- order: total
SELECT id, mrn FROM visits ORDER BY 2, 1;

-- title: sorted by a star's column
-- order: total
SELECT * FROM visits ORDER BY 2, 1;

-- title: sorted by another table's column
-- order: total
SELECT p.id FROM patients p ORDER BY p.mrn;

-- title: sorted by an expression
-- order: total
SELECT id FROM visits ORDER BY coalesce(mrn, 'TOK1'), id;

-- title: top n
-- order: total
SELECT mrn, sum(cost) AS total FROM visits GROUP BY mrn ORDER BY total DESC, mrn LIMIT 3;

-- title: keyset paging
-- order: total
SELECT mrn, id FROM visits WHERE mrn > 'TOK2' ORDER BY mrn, id LIMIT 5;

-- title: keyset paging by rows
-- order: total
SELECT mrn, id FROM visits WHERE (mrn, id) > ('TOK2', 2) ORDER BY mrn, id LIMIT 5;

-- title: between
-- order: none
SELECT id FROM visits WHERE mrn BETWEEN 'TOK1' AND 'TOK2' OR mrn NOT BETWEEN SYMMETRIC 'TOK2' AND 'TOK1';

-- title: with ties
-- order: total
SELECT mrn FROM visits ORDER BY mrn FETCH FIRST 2 ROWS WITH TIES;

-- title: min and max
-- order: none
SELECT min(mrn), max(mrn), provider FROM visits GROUP BY provider;

-- title: min with a filter and a window
-- order: none
SELECT id, min(mrn) FILTER (WHERE cost > 10) OVER (PARTITION BY provider) FROM visits;

-- title: min sorted by
-- order: total
SELECT provider, min(mrn) AS least FROM visits GROUP BY provider ORDER BY least, provider;

-- title: min compared
-- order: none
SELECT provider FROM visits GROUP BY provider HAVING min(mrn) <= 'TOK2';

-- title: case
-- order: none
SELECT id, CASE WHEN cost > 10 THEN mrn END FROM visits;

-- title: case with a constant
-- order: none
SELECT id, CASE WHEN cost > 10 THEN mrn ELSE 'cheap' END FROM visits;

-- title: case operand
-- order: none
SELECT id, CASE mrn WHEN 'TOK1' THEN 1 WHEN 'TOK2' THEN 2 ELSE 0 END FROM visits;

-- title: coalesce and nullif
-- order: none
SELECT coalesce(mrn, 'none'), nullif(mrn, 'TOK1') FROM visits;

-- title: casts between text types
-- order: none
SELECT mrn::text, mrn::varchar, CAST(mrn AS character varying) FROM visits;

-- title: safe collation
-- order: none
SELECT mrn COLLATE "C" FROM visits;

-- title: scalar subquery
-- order: none
SELECT id, (SELECT p.mrn FROM patients p WHERE p.id = v.id) FROM visits v;

-- title: scalar subquery compared
-- order: none
SELECT id FROM visits WHERE mrn = (SELECT mrn FROM patients WHERE id = 1);

-- title: common table
-- order: none
WITH c AS (SELECT mrn, count(*) AS n FROM visits GROUP BY mrn) SELECT p.mrn, n FROM patients p JOIN c USING (mrn);

-- title: common table with columns
-- order: none
WITH c(who, n) AS MATERIALIZED (SELECT mrn, cost FROM visits) SELECT who, max(n) FROM c GROUP BY who;

-- title: cohort
-- order: none
WITH old AS (SELECT mrn FROM patients WHERE age > 40), seen AS (SELECT DISTINCT mrn FROM visits) SELECT count(*) FROM old JOIN seen USING (mrn);

-- title: recursion
-- order: none
WITH RECURSIVE r(m, n) AS (SELECT mrn, 1 FROM patients UNION ALL SELECT m, n + 1 FROM r WHERE n < 3) SELECT m, n FROM r;

-- title: recursion with a join
-- order: none
WITH RECURSIVE r AS (SELECT mrn FROM visits WHERE id = 1 UNION SELECT o.mrn FROM old_visits o JOIN r ON o.mrn = r.mrn) SELECT * FROM r;

-- title: shadowed name
-- order: none
WITH patients AS (SELECT id, mrn FROM visits) SELECT mrn FROM patients;

-- title: lateral
-- order: none
SELECT p.mrn, l.cost FROM patients p, LATERAL (SELECT v.cost FROM visits v WHERE v.mrn = p.mrn ORDER BY v.cost, v.id LIMIT 1) l;

-- title: lateral of a token
-- order: none
SELECT l.m FROM patients p CROSS JOIN LATERAL (SELECT p.mrn AS m) l;

-- title: values joined
-- order: none
SELECT v.id, x.n FROM (VALUES ('TOK1', 1), ('TOK2', 2)) AS x(m, n) JOIN visits v ON v.mrn = x.m;

-- title: values of a token
-- order: none
SELECT x FROM patients p, LATERAL (VALUES (p.mrn), ('none')) v(x);

-- title: window over tokens
-- order: none
SELECT id, count(*) OVER (PARTITION BY mrn), row_number() OVER (PARTITION BY mrn ORDER BY id) FROM visits;

-- title: window sorted by tokens
-- order: none
SELECT id, rank() OVER (ORDER BY mrn), dense_rank() OVER w FROM visits WINDOW w AS (PARTITION BY provider ORDER BY mrn DESC);

-- title: neighbours
-- order: none
SELECT id, lag(mrn) OVER (ORDER BY id), lead(mrn, 1, 'none') OVER (ORDER BY id) FROM visits;

-- title: first and last
-- order: none
SELECT id, first_value(mrn) OVER w, last_value(mrn) OVER w, nth_value(mrn, 2) OVER w FROM visits WINDOW w AS (ORDER BY id);

-- title: array_agg
-- order: none
SELECT cost, array_agg(mrn ORDER BY id) FROM visits GROUP BY cost;

-- title: array_agg sorted
-- order: none
SELECT array_agg(mrn ORDER BY mrn DESC, id) FROM visits;

-- title: array and subscript
-- order: none
SELECT (ARRAY[mrn, 'none'])[1], ARRAY[mrn], cardinality(ARRAY[mrn]) FROM visits;

-- title: unnest
-- order: none
SELECT unnest(ARRAY[mrn, mrn]) FROM visits;

-- title: unnest in FROM
-- order: none
SELECT u.m, u.n FROM (SELECT array_agg(mrn ORDER BY id) AS a FROM visits) s, unnest(s.a) WITH ORDINALITY AS u(m, n);

-- title: unnest of constants
-- order: none
SELECT v.id FROM unnest(ARRAY['TOK1', 'TOK2']) AS t(m) JOIN visits v ON v.mrn = t.m;

-- title: sorting others by tokens
-- order: none
SELECT string_agg(provider_name, ',' ORDER BY mrn, id) FROM (SELECT id, mrn, seen AS provider_name FROM visits) s;

-- title: exists
-- order: none
SELECT EXISTS (SELECT mrn FROM visits WHERE mrn = 'TOK1');

-- title: a view
-- order: none
SELECT who, age FROM front WHERE who = 'TOK1';

-- title: a view of groups
-- order: total
SELECT * FROM costs ORDER BY mrn;

-- title: a view of arrays
-- order: none
SELECT age, mrns FROM groups WHERE cardinality(mrns) > 0;

-- title: a generated series beside tokens
-- order: none
SELECT * FROM visits v, generate_series(1, 2) AS g;

-- title: two domains side by side
-- order: none
SELECT mrn, provider FROM visits WHERE mrn = 'TOK1' AND provider = 'PRO1';

-- title: ordinary column of the same name
-- order: none
SELECT (SELECT c.mrn FROM codes c LIMIT 1), p.mrn FROM patients p;

-- title: nothing of tokens
-- order: none
SELECT age, count(*) FROM patients GROUP BY age;

-- title: fields of a whole row
-- order: none
SELECT (p).mrn, (p).age, (f).who FROM patients p, front f WHERE (p).mrn = (f).who;

-- title: whole rows counted and tested for NULL
-- order: none
SELECT count(p), count(*) FILTER (WHERE v IS NULL) FROM patients p LEFT JOIN visits v ON v.mrn = p.mrn;

-- title: a field of a subquery's row
-- order: none
SELECT (s).m, (s).n FROM (SELECT mrn AS m, count(*) AS n FROM visits GROUP BY mrn) s;

-- title: cast of an array to text
-- order: none
SELECT array_agg(mrn)::text FROM patients;

-- title: json_agg
-- order: none
SELECT json_agg(mrn) FROM patients;

-- title: json_agg of a row
-- order: none
SELECT json_agg(p) FROM patients p;

-- title: a whole row
-- order: none
SELECT v FROM visits v;

-- title: all fields of a whole row
-- order: none
SELECT (p).* FROM patients p;

-- title: a whole row as text
-- order: none
SELECT p::text FROM patients p;

-- title: a whole row of a subquery
-- order: none
SELECT s FROM (SELECT mrn FROM patients) s;

-- title: a whole row as json
-- order: none
SELECT row_to_json(p) FROM patients p;

-- title: a whole row of a star
-- order: none
SELECT to_jsonb(p.*) FROM patients p;

-- title: a whole row of a join
-- order: none
SELECT j FROM (patients JOIN visits USING (mrn)) AS j;

-- title: a whole row of a CTE
-- order: none
WITH c AS (SELECT mrn FROM patients) SELECT c FROM c;

-- title: a whole row of a view
-- order: none
SELECT f FROM front f;

-- title: whole rows compared
-- order: none
SELECT count(*) FROM visits v JOIN old_visits o ON v = o;

-- title: a row as a value
-- order: none
SELECT ROW(mrn, 1) FROM patients;

-- title: a row of a star
-- order: none
SELECT ROW(p.*) FROM patients p;

-- title: a tuple as a value
-- order: none
SELECT (mrn, id) FROM patients;

-- title: a row in an array
-- order: none
SELECT ARRAY[ROW(mrn)] FROM patients;

-- title: a row aggregated
-- order: none
SELECT array_agg((mrn, id)) FROM patients;

-- title: an array column of a view
-- order: none
SELECT mrns::text FROM groups;

-- title: rows in JSON, nested
-- order: none
SELECT json_build_object('who', p, 'visits', (SELECT json_agg(v ORDER BY v.id) FROM visits v WHERE v.mrn = p.mrn)) FROM patients p;

-- title: JSON of rows, or nothing
-- order: none
SELECT p.id, coalesce(json_agg(v ORDER BY v.id) FILTER (WHERE v.id IS NOT NULL), '[]') FROM patients p LEFT JOIN visits v USING (mrn) GROUP BY p.id;

-- title: numbers and identifiers in JSON
-- order: none
SELECT to_jsonb(p) FROM (SELECT id, account, device, number, card FROM patients) p;

-- title: arrays in JSON
-- order: none
SELECT to_json(array_agg(mrn)), array_to_json(array_agg(account)) FROM patients GROUP BY age;

-- title: values of keys
-- order: none
SELECT id, to_jsonb(p) ->> 'mrn' AS m, to_jsonb(p) -> 'mrn' AS j, to_jsonb(p) ->> 'account' AS a, to_jsonb(p) ->> 'device' AS d, to_jsonb(p) ->> 'name' AS n FROM patients p;

-- title: a key left out
-- order: none
SELECT to_jsonb(p) - 'card' - 'age' FROM patients p;

-- title: what a key finds
-- order: none
SELECT id FROM patients p WHERE to_jsonb(p) ->> 'mrn' = 'TOK2';

-- title: a constant in JSON
-- order: none
SELECT json_build_object('m', coalesce(mrn, 'none "x"')) FROM visits;

-- title: rows in rows
-- order: none
SELECT ROW(p, ROW(p.mrn, NULL), 'x,y"z') FROM (SELECT id, mrn, age, device, account, number, card FROM patients) p;

-- title: fields of rows
-- order: none
SELECT (s.r).f1, (s.r).f2 FROM (SELECT ROW(mrn, id) AS r FROM patients) s;

-- title: all fields of a row of a subquery
-- order: none
SELECT (s.p).* FROM (SELECT p FROM patients p) s;

-- title: rows grouped
-- order: none
SELECT p, count(*) FROM (SELECT mrn, provider FROM visits) p GROUP BY p;

-- title: rows that are distinct
-- order: none
SELECT DISTINCT p FROM (SELECT mrn, provider FROM visits) p;

-- title: rows counted
-- order: none
SELECT count(DISTINCT p) FROM (SELECT mrn, provider FROM visits) p;

-- title: rows united
-- order: none
SELECT v FROM (SELECT mrn, provider FROM visits) v UNION SELECT v FROM (SELECT mrn, provider FROM old_visits) v;

-- title: rows that are the same
-- order: none
SELECT v.id FROM visits v JOIN old_visits o ON v = o;

-- title: rows of other names compared
-- order: none
SELECT count(*) FROM (SELECT mrn AS a, id AS b FROM visits) v, old_visits o WHERE v = ROW(o.mrn, o.id);

-- title: rows that are not distinct
-- order: none
SELECT v.id FROM visits v, old_visits o WHERE v IS NOT DISTINCT FROM o;

-- title: rows in a subquery
-- order: none
SELECT p.id FROM patients p WHERE (SELECT q FROM patients q WHERE q.id = p.id) IS NOT DISTINCT FROM p;

-- title: rows in windows
-- order: none
SELECT id, lag(v) OVER (ORDER BY id), count(*) OVER (PARTITION BY v) FROM (SELECT id, mrn FROM visits) v;

-- title: rows or NULL
-- order: none
SELECT CASE WHEN id > 5 THEN p END, coalesce(p, NULL), nullif(p, NULL) FROM (SELECT id, mrn, age, device, account, number, card FROM patients) p;

-- title: rows after an outer join
-- order: none
SELECT c.code, v FROM codes c LEFT JOIN visits v ON v.seen = c.code AND v.id < 9;

-- title: arrays of rows
-- order: none
SELECT age, array_agg(p ORDER BY id) FROM (SELECT id, mrn, age, device, account, number, card FROM patients) p GROUP BY age;

-- title: text of an array of rows
-- order: none
SELECT array_agg(p ORDER BY id)::text FROM patients p;

-- title: text of JSON
-- order: none
SELECT row_to_json(p)::text, json_agg(p)::text FROM patients p GROUP BY p;

-- title: text in JSON
-- order: none
SELECT json_build_object('row', p::text, 'rows', ARRAY[p::text]) FROM patients p;

-- title: JSON as the other kind of JSON
-- order: none
SELECT row_to_json(p)::jsonb, to_jsonb(p)::json FROM patients p;

-- title: JSON that is indented
-- order: none
SELECT row_to_json(p, true) FROM patients p;

-- title: JSON by UNION
-- order: none
SELECT row_to_json(v) FROM visits v UNION ALL SELECT row_to_json(o) FROM old_visits o;

-- title: a row of a recursive query
-- order: none
WITH RECURSIVE r(n, v) AS (SELECT 1, v FROM (SELECT mrn, provider FROM visits) v UNION ALL SELECT n + 1, v FROM r WHERE n < 3) SELECT n, v FROM r;

-- title: rows by LATERAL
-- order: none
SELECT p.id, row_to_json(l) FROM patients p, LATERAL (SELECT v.mrn, v.cost FROM visits v WHERE v.mrn = p.mrn ORDER BY v.id LIMIT 1) l;

-- title: a row of renamed columns
-- order: none
SELECT q, (q).b, row_to_json(q) FROM (SELECT id, mrn, account FROM patients) AS q(a, b);

-- title: a row under a join's alias
-- order: none
SELECT j, row_to_json(j) FROM ((SELECT mrn, age FROM patients) p JOIN (SELECT mrn, cost FROM visits) v USING (mrn)) AS j (who);

-- title: arrays sorted
-- order: none
SELECT array_agg(mrn ORDER BY mrn) AS a FROM patients GROUP BY age ORDER BY a;

-- title: JSON sorted
-- order: none
SELECT to_jsonb(v) AS j FROM visits v ORDER BY j;

-- title: rows sorted
-- order: none
SELECT DISTINCT v FROM (SELECT mrn, provider FROM visits) v ORDER BY v;

-- title: rows united and sorted
-- order: none
SELECT v FROM (SELECT mrn FROM visits) v UNION SELECT v FROM (SELECT mrn FROM old_visits) v ORDER BY 1;

-- title: text of rows compared by order
-- order: none
SELECT count(*) FROM visits v, visits w WHERE (v::text < w::text) = (v::text > w::text);

-- title: text of rows ranked
-- order: none
SELECT id, row_number() OVER (PARTITION BY v::text ORDER BY id) FROM visits v;

-- title: the least text of rows
-- order: none
SELECT count(*) FROM visits v WHERE v::text = (SELECT min(w::text) FROM visits w);

-- title: distinct on what is no token
-- order: total
SELECT DISTINCT ON (cost) cost, mrn, id FROM visits ORDER BY cost, mrn, id;

-- title: distinct and sorted, in FROM
-- order: none
SELECT s.m FROM (SELECT DISTINCT mrn AS m FROM visits ORDER BY m LIMIT 3) s;

-- title: united and sorted, in a condition
-- order: none
SELECT id FROM visits WHERE mrn IN (SELECT mrn FROM patients UNION SELECT mrn FROM old_visits ORDER BY mrn LIMIT 4);

-- title: distinct and sorted by the column of an output of another name
-- order: total
SELECT DISTINCT v.mrn AS who, v.id FROM visits v ORDER BY v.mrn, v.id;

-- title: distinct and sorted by an expression again
-- order: total
SELECT DISTINCT coalesce(v.mrn, 'TOK1'), v.cost FROM visits v ORDER BY coalesce(v.mrn, 'TOK1'), v.cost;

-- title: sorting others with an operator
-- order: total
SELECT id, mrn FROM visits ORDER BY id USING >, mrn;

-- title: a star beside the least
-- order: none
SELECT *, min(mrn) OVER () FROM visits;

-- title: joins in a join
-- order: none
SELECT p.mrn, o.id FROM patients p JOIN visits v JOIN old_visits o ON v.id = o.id ON p.mrn = v.mrn;

-- title: joins in a join, as the client wrote them
-- order: none
SELECT p.mrn, o.id FROM patients p JOIN visits v JOIN old_visits o ON v.id = o.id ON p.mrn = v.mrn WHERE (NOT v.cost > 10) IN (true);

-- title: an ordinary row beside NULL
-- order: none
SELECT mrn, (id, cost) IS DISTINCT FROM NULL FROM visits;

-- title: rows against a row of a subquery
-- order: none
SELECT id FROM visits WHERE (mrn, id) = (SELECT mrn, id FROM visits WHERE id = 3) OR (mrn, id) = ANY (SELECT mrn, id FROM old_visits);

-- title: ordinary rows against rows by order
-- order: none
SELECT mrn FROM visits WHERE (id, cost) < (SELECT 9, 9) AND (id, cost) > ALL (SELECT 2, 5) AND (id, cost) BETWEEN (1, 1) AND (9, 9);

-- title: ANY of an empty array
-- order: none
SELECT id, mrn = ANY (ARRAY[]::text[]) FROM visits;

-- title: JSON in JSON by its key
-- order: none
SELECT json_build_object('a', to_json(mrn)) ->> 'a', json_build_object('a', v) -> 'a' ->> 'mrn' FROM visits v;

-- title: keys of JSON without tokens
-- order: none
SELECT v.mrn, '{"a": 1}'::jsonb -> 'a', to_jsonb(c) ->> 'code', json_build_object('a', v.id, 'a', v.cost) -> 'a' FROM visits v, codes c;

-- title: functions of an ordinary row as its field
-- order: none
SELECT p.mrn, (c).row_to_json, c.to_jsonb FROM codes c, patients p;

-- title: text or an ordinary row's text
-- order: none
SELECT v.mrn, coalesce(v.seen, c::text) FROM visits v, codes c;

-- title: ordinary rows of other names united
-- order: none
SELECT v.mrn, x.r FROM visits v, LATERAL (SELECT c FROM (SELECT v.id AS a) c UNION ALL SELECT d FROM (SELECT v.cost::bigint AS b) d) x(r);

-- title: a column of a system catalog
-- order: none
SELECT k.relname, p.mrn FROM pg_class k, patients p WHERE k.relname = 'pg_class';

-- title: EXISTS over a system catalog
-- order: none
SELECT mrn, EXISTS (SELECT * FROM pg_class), EXISTS (SELECT v.cost, k.* FROM visits v, pg_class k UNION ALL SELECT v.cost, k.* FROM visits v, pg_class k) FROM patients;

-- title: an ordinary row of an outer query beside a system catalog
-- order: none
SELECT s.m, (SELECT s.r FROM pg_class LIMIT 1), (SELECT r FROM pg_class LIMIT 1) FROM (SELECT mrn AS m, ROW(id, cost) AS r FROM visits) s;

-- title: a system catalog joined with ordinary columns
-- order: none
SELECT DISTINCT p.mrn, relname FROM patients p, pg_class k JOIN (SELECT 'pg_class'::name AS relname) c USING (relname);

-- title: a natural join of a system catalog with ordinary columns
-- order: none
SELECT DISTINCT p.mrn, c.code FROM patients p, codes c NATURAL JOIN pg_class k;

-- title: several functions in FROM
-- order: none
SELECT p.mrn, x.a, x.b FROM patients p, ROWS FROM (generate_series(1, 2), generate_series(3, 4)) AS x(a, b);

-- title: recursion with CYCLE over ordinary columns
-- order: none
WITH RECURSIVE r(m, n) AS (SELECT mrn, 1 FROM patients UNION ALL SELECT m, 3 - n FROM r) CYCLE n SET again TO 'y' DEFAULT 'n' USING path SELECT m, n, again, path FROM r;

-- title: recursion with SEARCH by ordinary columns
-- order: none
WITH RECURSIVE r(m, n) AS (SELECT mrn, 1 FROM patients UNION ALL SELECT m, n + 1 FROM r WHERE n < 3) SEARCH DEPTH FIRST BY n SET ord SELECT m, n, ord FROM r;
