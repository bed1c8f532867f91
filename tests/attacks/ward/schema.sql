-- A ward with a stored value in every shape that an attack may go for, and the mistakes of administrators that attacks
-- may lean on. The values in protected columns are canaries: each is told from all others at a glance.

CREATE SCHEMA ward;
CREATE SCHEMA shop;

CREATE TABLE ward.patients (
    id integer PRIMARY KEY,
    gone text,
    ssn char(11) UNIQUE,
    name text NOT NULL,
    dob date NOT NULL,
    zip char(5),
    phone varchar(30),
    email text,
    income numeric(12,2),
    score integer,
    note text,
    secret text,
    seen timestamp,
    chart jsonb,
    aliases text[],
    photo bytea,
    active boolean NOT NULL,
    sex char(1) NOT NULL CHECK (sex IN ('F', 'M'))
);
ALTER TABLE ward.patients DROP COLUMN gone;
CREATE INDEX patients_name_idx ON ward.patients (name);
CREATE INDEX patients_zip_idx ON ward.patients (zip);
CREATE INDEX patients_score_idx ON ward.patients (score);

INSERT INTO ward.patients VALUES
    (1, '901-42-0042', 'Adelheid', '1931-03-14', '03768', '+1-555-010-7777', 'ada@quartz.example', 48211.37, 713,
     'Owes Basilisk 901-42-0042 money', 'mandrake-root', '2024-02-13 10:11:12', '{"allergy": "wolfsbane", "level": 7}',
     '{Quillon,Peregrine}', '\xfeedfacecafe01', true, 'F'),
    (2, '902-17-3355', 'Balthasar', '1944-11-02', '03771', '+1-555-010-8888', 'balt@quartz.example', 12900.05, 402,
     'Allergic to Cinnabar', 'henbane-leaf', '2024-05-21 08:00:01', '{"allergy": "cinnabar", "level": 2}',
     '{Zephyrine}', '\xfeedfacecafe02', true, 'M'),
    (3, '903-88-1199', 'Anselmina', '1958-07-29', '10003', NULL, NULL, 99100.99, 999,
     'Met Domitilla 1958-07-29', 'belladonna-cup', '2024-05-03 23:59:59', '{"allergy": "domitilla", "level": 9}',
     '{}', '\xfeedfacecafe03', false, 'F'),
    (4, '904-05-6677', 'Bartholomew', '1958-02-11', '03799', '+1-555-010-6666', 'desi@quartz.example', 31007.77, 128,
     NULL, 'aconite-seed', '2024-09-30 12:00:00', NULL, NULL, '\xfeedfacecafe04', true, 'M'),
    (5, NULL, 'Alphonsus', '1999-12-31', NULL, '+1-555-010-5555', 'euph@quartz.example', NULL, NULL,
     'Bearer of Vermilion', 'foxglove-tea', NULL, '{"allergy": "vermilion", "level": 5}', '{Oswaldine}', NULL, true, 'F'),
    (6, '906-31-2468', 'Beatrixa', '1987-04-05', '82190', '+1-555-010-4444', 'ferd@quartz.example', 41000.00, 555,
     'Cousin of Adelheid', 'oleander-sap', '2024-12-24 18:30:00', '{"allergy": "oleander", "level": 1}',
     '{Balthasar}', '\xfeedfacecafe06', false, 'M');

CREATE TABLE ward.visits (
    id integer NOT NULL,
    patient_id integer NOT NULL,
    at date NOT NULL,
    reason text,
    cost numeric(10,2) NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE ward.visits_2023 PARTITION OF ward.visits FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE ward.visits_2024 PARTITION OF ward.visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE ward.visits_rest PARTITION OF ward.visits DEFAULT;
INSERT INTO ward.visits VALUES
    (10, 1, '2023-03-04', 'Basilisk bite', 1045.10), (11, 1, '2024-06-17', 'Cinnabar fumes', 230.40),
    (12, 2, '2024-06-02', 'Wolfsbane rash', 99.99), (13, 3, '2023-11-30', 'Domitilla fever', 5400.00),
    (14, 4, '2024-01-15', NULL, 310.00), (15, 6, '2022-08-09', 'Oleander tea', 777.77);

CREATE TABLE ward.notes (id integer PRIMARY KEY, patient_id integer NOT NULL, body text NOT NULL);
CREATE TABLE ward.private_notes (locked boolean NOT NULL) INHERITS (ward.notes);
INSERT INTO ward.notes VALUES (1, 1, 'Adelheid fears the Basilisk'), (2, 2, 'Balthasar sold Cinnabar');
INSERT INTO ward.private_notes VALUES (3, 3, 'Anselmina is Domitilla', true);

CREATE TABLE ward.hidden (id integer PRIMARY KEY, word text NOT NULL);
INSERT INTO ward.hidden VALUES (1, 'Antimony-Vault'), (2, 'Saltpetre-Vault');

CREATE TABLE ward.unlisted (id integer PRIMARY KEY, word text NOT NULL);
INSERT INTO ward.unlisted VALUES (1, 'Quicksilver-Jar'), (2, 'Arsenic-Jar');

CREATE VIEW ward.front AS SELECT p.id, p.name AS called, p.ssn AS number, p.sex FROM ward.patients p;
CREATE VIEW ward.behind AS SELECT f.id, upper(f.called) AS loud, f.number || '' AS digits FROM ward.front f;
CREATE VIEW ward.totals AS
    SELECT p.sex, count(*) AS n, min(p.name) AS first, max(p.income) AS most, string_agg(p.phone, ',') AS phones
    FROM ward.patients p GROUP BY p.sex;
CREATE VIEW ward.both AS
    WITH known AS (SELECT p.id, p.note AS said FROM ward.patients p)
    SELECT k.id, k.said FROM known k UNION ALL SELECT n.patient_id, n.body FROM ward.notes n;
CREATE VIEW ward.rich WITH (security_barrier) AS SELECT p.id, p.name FROM ward.patients p WHERE p.income > 40000;
CREATE VIEW ward.rows AS SELECT p.id, to_jsonb(p.*) AS row FROM ward.patients p;
CREATE MATERIALIZED VIEW ward.kept AS SELECT p.id, p.ssn FROM ward.patients p;

CREATE TABLE shop.items (id integer PRIMARY KEY, label text NOT NULL, price numeric(10,2) NOT NULL, made date NOT NULL);
INSERT INTO shop.items VALUES (1, 'Chalk', 1.50, '2024-01-01'), (2, 'Lantern', 12.00, '2024-02-01'),
    (3, 'Rope', 7.25, '2024-03-01'), (4, 'Ladder', 60.00, '2024-04-01');
CREATE TABLE shop.patients (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO shop.patients VALUES (1, 'Toy patient'), (2, 'Toy doctor');
CREATE TABLE shop.orders (
    id integer PRIMARY KEY, item_id integer NOT NULL REFERENCES shop.items DEFERRABLE INITIALLY DEFERRED,
    amount integer NOT NULL CHECK (amount > 0)
);
INSERT INTO shop.orders VALUES (1, 1, 3), (2, 4, 1);
CREATE SEQUENCE shop.order_numbers START 4711;

-- What administrators leave about: functions that read by themselves, under all the names by which they can be called.
CREATE FUNCTION ward.peek(which integer) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT ssn || name FROM ward.patients WHERE id = which';
CREATE FUNCTION ward.peek_all(OUT id integer, OUT name text) RETURNS SETOF record LANGUAGE sql STABLE
    AS 'SELECT p.id, p.name FROM ward.patients p';
CREATE FUNCTION ward.tell(word text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
    AS $$ BEGIN RAISE NOTICE 'heard %', word; RETURN true; END $$;
CREATE FUNCTION ward.grab(which integer, other integer) RETURNS text LANGUAGE sql STABLE AS 'SELECT ward.peek(which)';
CREATE FUNCTION ward.same(a json, b json) RETURNS boolean LANGUAGE sql STABLE
    AS 'SELECT EXISTS (SELECT FROM ward.patients WHERE ssn = a #>> ''{}'')';
CREATE FUNCTION ward.label(p ward.patients) RETURNS text LANGUAGE sql STABLE AS 'SELECT p.name || p.ssn';
CREATE FUNCTION ward.json_value(a text, b text) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT string_agg(name || ssn, a) FROM ward.patients';
CREATE FUNCTION ward.step(state text, which integer) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT coalesce(state, '''') || ward.peek(which)';
CREATE FUNCTION ward.cast_out(which boolean) RETURNS name LANGUAGE sql STABLE AS 'SELECT ward.peek(1)::name';
CREATE FUNCTION shop.price_of(which integer) RETURNS numeric LANGUAGE sql STABLE
    AS 'SELECT price FROM shop.items WHERE id = which';
CREATE AGGREGATE ward.gather(integer) (sfunc = ward.step, stype = text);
CREATE OPERATOR ward.## (leftarg = integer, rightarg = integer, function = ward.grab);
CREATE OPERATOR ward.= (leftarg = json, rightarg = json, function = ward.same);
CREATE OPERATOR ward.>= (leftarg = json, rightarg = json, function = ward.same);
CREATE OPERATOR ward.<= (leftarg = json, rightarg = json, function = ward.same);
CREATE DOMAIN ward.told AS text CHECK (ward.tell(VALUE));
CREATE CAST (boolean AS name) WITH FUNCTION ward.cast_out(boolean);
CREATE RULE leak AS ON UPDATE TO shop.patients DO INSTEAD SELECT p.name, p.ssn FROM ward.patients p;

-- What types, and functions that the policy lists, do beside what they are for.
CREATE FUNCTION ward.knows(word text) RETURNS boolean LANGUAGE sql STABLE
    AS $$ SELECT EXISTS (SELECT FROM ward.patients WHERE name = word) OR word = 'x' $$;
CREATE DOMAIN ward.known AS text CHECK (ward.knows(VALUE));
CREATE TABLE shop.known (id integer PRIMARY KEY, word ward.known);
INSERT INTO shop.known VALUES (1, 'x');
CREATE TYPE ward.colour AS ENUM ('red', 'blue');
CREATE FUNCTION ward.shade(which ward.colour) RETURNS numeric LANGUAGE sql STABLE
    AS 'SELECT income FROM ward.patients WHERE id = 1';
CREATE CAST (ward.colour AS numeric) WITH FUNCTION ward.shade AS IMPLICIT;
CREATE FUNCTION ward.depth(which ward.colour) RETURNS integer LANGUAGE sql STABLE
    AS 'SELECT score FROM ward.patients WHERE id = 1';
CREATE CAST (ward.colour AS integer) WITH FUNCTION ward.depth;
CREATE TABLE shop.tints (id integer PRIMARY KEY, tint ward.colour);
INSERT INTO shop.tints VALUES (1, 'red');
CREATE VIEW shop.tinted AS SELECT t.tint::integer AS depth FROM shop.tints t;
CREATE FUNCTION shop.scored(lowest integer) RETURNS TABLE (id integer) LANGUAGE sql STABLE
    AS 'SELECT p.id FROM ward.patients p WHERE p.score > lowest';
CREATE VIEW shop.high AS SELECT s.id FROM shop.scored(700) s;
CREATE FUNCTION shop.go_to_ward() RETURNS void LANGUAGE plpgsql
    AS $$ BEGIN PERFORM set_config('search_path', 'ward', false); END $$;
CREATE FUNCTION shop.set_aside() RETURNS void LANGUAGE plpgsql
    AS $$ BEGIN CREATE TEMP TABLE items AS SELECT p.id, p.ssn AS label FROM ward.patients p; END $$;
CREATE FUNCTION shop.read_otherwise() RETURNS void LANGUAGE plpgsql
    AS $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$;
