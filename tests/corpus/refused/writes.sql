-- Writing as a role that may only read, also where the write hides in a query.

-- title: INSERT into a masked table
-- sqlstate: 42501
-- reason: write
INSERT INTO clinic.departments VALUES (99, 'New', 'North', '08:00', 1);

-- title: INSERT from a masked table
-- sqlstate: 42501
-- reason: write
INSERT INTO clinic.departments (department_id, name, building, opens_at) SELECT patient_id, ssn, 'x', '08:00' FROM clinic.patients;

-- title: UPDATE
-- sqlstate: 42501
-- reason: write
UPDATE clinic.patients SET ssn = NULL WHERE patient_id = 1;

-- title: UPDATE RETURNING
-- sqlstate: 42501
-- reason: write
UPDATE clinic.patients SET sex = sex WHERE patient_id = 1 RETURNING ssn, last_name AS x;

-- title: DELETE
-- sqlstate: 42501
-- reason: write
DELETE FROM clinic.claims WHERE claim_id IS NULL;

-- title: DELETE USING a masked table
-- sqlstate: 42501
-- reason: write
DELETE FROM sales.orders o USING clinic.patients p WHERE p.ssn LIKE '9%' AND o.order_id = p.patient_id RETURNING p.ssn;

-- title: MERGE
-- sqlstate: 42501
-- reason: write
MERGE INTO clinic.departments d USING clinic.patients p ON d.department_id = p.patient_id WHEN MATCHED THEN UPDATE SET name = p.ssn;

-- title: write inside WITH
-- sqlstate: 42501
-- reason: write
WITH gone AS (DELETE FROM clinic.claims WHERE claim_id IS NULL RETURNING *) SELECT * FROM gone;

-- title: write to a table that is not masked
-- sqlstate: 42501
-- reason: write
UPDATE sales.orders SET quantity = quantity WHERE false;

-- title: write to a catalog
-- sqlstate: 42501
UPDATE pg_catalog.pg_class SET relname = relname WHERE false;

-- title: write to a view
-- sqlstate: 42501
-- reason: write
UPDATE clinic.active_patients SET zip = NULL WHERE patient_id = 1;

-- title: write to a partition
-- sqlstate: 42501
-- reason: write
DELETE FROM clinic.encounters_2024 WHERE false;
