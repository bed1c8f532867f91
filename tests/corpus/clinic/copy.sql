-- COPY to the client, of tables and of queries, in each format. The lines are compared as rows.

-- title: a table in text format
-- order: none
COPY clinic.patients TO STDOUT;

-- title: a table as CSV with a header
-- order: none
COPY clinic.claims TO STDOUT WITH (FORMAT csv, HEADER);

-- title: a table in binary format
-- order: none
COPY clinic.providers TO STDOUT (FORMAT binary);

-- title: a table in the old syntax
-- order: none
COPY patients TO STDOUT BINARY;

-- title: some columns of a table
-- order: none
COPY clinic.patients (zip, patient_id, dob) TO STDOUT (FORMAT csv);

-- title: columns by unquoted and quoted names
-- order: none
COPY clinic.patients (Patient_ID, "zip") TO STDOUT;

-- title: a table without masked columns
-- order: none
COPY reference.icd10_codes TO STDOUT WITH CSV HEADER;

-- title: one partition
-- order: none
COPY clinic.encounters_2024 TO STDOUT;

-- title: a parent by inheritance without its children
-- order: none
COPY clinic.notes TO STDOUT (FORMAT csv);

-- title: a child by inheritance
-- order: none
COPY clinic.psychotherapy_notes TO STDOUT;

-- title: a query
-- order: total
COPY (SELECT patient_id, ssn, dob, zip FROM clinic.patients WHERE patient_id < 60 ORDER BY patient_id) TO STDOUT;

-- title: a query as CSV with everything quoted
-- order: total
COPY (SELECT patient_id, zip, last_name FROM patients WHERE patient_id < 60 ORDER BY 1) TO STDOUT (FORMAT csv, HEADER true, FORCE_QUOTE *);

-- title: a query as CSV with its own signs
-- order: total
COPY (SELECT patient_id, zip, ssn FROM patients ORDER BY 1 LIMIT 50) TO STDOUT (FORMAT csv, DELIMITER ';', NULL 'none', QUOTE '''', ESCAPE '\', FORCE_QUOTE (zip, ssn));

-- title: a query with the options of old
-- order: total
COPY (SELECT patient_id, zip, ssn FROM patients ORDER BY 1 LIMIT 50) TO STDOUT WITH DELIMITER '|' NULL AS '-' CSV HEADER FORCE QUOTE zip;

-- title: a query in binary format
-- order: total
COPY (SELECT patient_id, dob, zip, ssn IS NULL AS without FROM clinic.patients ORDER BY patient_id LIMIT 100) TO STDOUT WITH (FORMAT "binary");

-- title: a query with the encoding that is in force
-- order: total
COPY (SELECT patient_id, last_name FROM clinic.patients ORDER BY 1 LIMIT 20) TO STDOUT (ENCODING 'UTF-8');

-- title: a query with a common table expression
-- order: total
COPY (WITH old AS (SELECT * FROM patients WHERE dob < '1950-01-01') SELECT zip, count(*) FROM old GROUP BY zip ORDER BY zip) TO STDOUT;

-- title: whole rows of a query
-- order: none
COPY (SELECT p FROM clinic.providers p) TO STDOUT;

-- title: a view in a query
-- order: none
COPY (SELECT * FROM clinic.active_patients) TO STDOUT (FORMAT csv, HEADER);

-- title: set operations and VALUES in a query
-- order: total
COPY (SELECT zip FROM patients UNION SELECT '00000' UNION VALUES ('11111') ORDER BY 1) TO STDOUT;

-- title: nothing at all
-- order: none
COPY (SELECT * FROM clinic.patients WHERE false) TO STDOUT (FORMAT csv, HEADER);

-- title: a query of constants
-- order: none
COPY (SELECT 1, 'x') TO STDOUT;

-- title: a column that is not there
-- order: none
COPY clinic.patients (nothing) TO STDOUT;

-- title: a column twice
-- order: none
COPY clinic.patients (zip, zip) TO STDOUT;

-- title: a view by its name
-- order: none
COPY clinic.active_patients TO STDOUT;

-- title: a table that is not there
-- order: none
COPY clinic.nobody TO STDOUT;

-- title: an option that is not there
-- order: none
COPY clinic.patients TO STDOUT (FORMAT xml);

-- title: a quoted column that the query does not have
-- order: none
COPY (SELECT zip FROM clinic.patients) TO STDOUT (FORMAT csv, FORCE_QUOTE (ssn));
