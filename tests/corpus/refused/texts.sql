-- Texts that are not a statement, or not one statement.

-- title: syntax error
-- sqlstate: 42601
-- reason: syntax
SELECT FROM WHERE;

-- title: unterminated literal
-- sqlstate: 42601
-- reason: syntax
SELECT 'abc FROM clinic.patients;

-- title: unknown statement
-- sqlstate: 42601
-- reason: syntax
SHOW ME ALL PATIENTS;
