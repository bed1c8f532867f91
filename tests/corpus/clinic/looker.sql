-- As Looker sends it: context in a comment, quoted names with the view in them, derived tables as CTEs, numbered groups.

-- title: explore with pivots by CASE
-- order: total
-- Looker Query Context '{"user_id":7,"history_slug":"a1b2","instance_slug":"c3d4"}'
SELECT
    patients.state  AS "patients.state",
        (DATE(patients.dob )) AS "patients.dob_date",
    COUNT(*) AS "patients.count"
FROM clinic.patients  AS patients
WHERE ((( patients.dob ) >= ((DATE '1985-01-01')) AND ( patients.dob ) < ((DATE '1986-01-01'))))
GROUP BY
    1,
    2
ORDER BY
    3 DESC, 1, 2
FETCH NEXT 500 ROWS ONLY;

-- title: derived table as a CTE
-- order: total
WITH patient_facts AS (SELECT
        patient_id,
        MIN(admitted_at) AS first_visit,
        COUNT(*) AS lifetime_visits
      FROM clinic.encounters
      GROUP BY 1 )
SELECT
    CASE WHEN patient_facts.lifetime_visits >= 5 THEN '5+' ELSE patient_facts.lifetime_visits::text END  AS "patient_facts.tier",
    COUNT(DISTINCT patients.patient_id ) AS "patients.count",
    COUNT(DISTINCT patients.last_name ) AS "patients.names"
FROM clinic.patients  AS patients
LEFT JOIN patient_facts ON patients.patient_id = patient_facts.patient_id
GROUP BY
    1
ORDER BY
    1
FETCH NEXT 500 ROWS ONLY;

-- title: symmetric aggregate
-- order: total
SELECT
    patients.sex AS "patients.sex",
    COALESCE(CAST( ( SUM(DISTINCT (CAST(FLOOR(COALESCE( claims.amount ,0)*(1000000*1.0)) AS DECIMAL(65,0))) + ('x' || MD5( claims.claim_id ::varchar))::bit(64)::bigint::DECIMAL(65)  *18446744073709551616 + ('x' || SUBSTR(MD5( claims.claim_id ::varchar),17))::bit(64)::bigint::DECIMAL(65) )
      - SUM(DISTINCT ('x' || MD5( claims.claim_id ::varchar))::bit(64)::bigint::DECIMAL(65)  *18446744073709551616 + ('x' || SUBSTR(MD5( claims.claim_id ::varchar),17))::bit(64)::bigint::DECIMAL(65)) )  AS DOUBLE PRECISION) / CAST((1000000*1.0) AS DOUBLE PRECISION), 0) AS "claims.total"
FROM clinic.patients AS patients
LEFT JOIN clinic.claims AS claims ON claims.patient_id = patients.patient_id
LEFT JOIN clinic.diagnoses AS diagnoses ON diagnoses.patient_id = patients.patient_id
WHERE patients.patient_id <= 200
GROUP BY 1 ORDER BY 1;

-- title: totals row
-- order: none
SELECT COUNT(*) AS "patients.count", COUNT(DISTINCT CASE WHEN patients.consent_research THEN patients.zip ELSE NULL END) AS "patients.zips" FROM clinic.patients AS patients LIMIT 1;

-- title: filter suggestion
-- order: total
SELECT DISTINCT patients.first_name AS "patients.first_name" FROM clinic.patients AS patients WHERE (patients.first_name ILIKE 'a%') ORDER BY 1 FETCH NEXT 1000 ROWS ONLY;
