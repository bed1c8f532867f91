-- As Redash, dbt, Hex, pandas and Grafana send it: job comments, model CTEs, macros of time.

-- title: Redash with its job comment
-- order: total
/* Username: ana@example.org, query_id: 12, Queue: queries, Job ID: 4b1e */ SELECT state, count(*) FROM clinic.patients GROUP BY state ORDER BY 2 DESC, 1;

-- title: dbt model as a query
-- order: total
/* {"app": "dbt", "dbt_version": "1.10.0", "profile_name": "clinic", "target_name": "dev", "node_id": "model.clinic.fct_visits"} */
with source as (

    select * from "{database}"."clinic"."encounters"

),

renamed as (

    select
        encounter_id,
        patient_id,
        mrn as medical_record_number,
        kind as visit_kind,
        admitted_at::date as visit_date
    from source

)

select visit_kind, count(distinct medical_record_number) as people, min(visit_date) as first_day from renamed group by 1 order by 1;

-- title: dbt test for uniqueness
-- order: none
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    patient_id as unique_field,
    count(*) as n_records
from "{database}"."clinic"."patients"
where patient_id is not null
group by patient_id
having count(*) > 1
    ) dbt_internal_test;

-- title: dbt test for accepted values of a masked column
-- order: none
select count(*) as failures from (with all_values as (select zip as value_field, count(*) as n_records from clinic.patients group by zip) select * from all_values where value_field not in ('00000', '02100')) dbt_internal_test;

-- title: dbt relationships test
-- order: none
with child as (select patient_id as from_field from clinic.claims where patient_id is not null), parent as (select patient_id as to_field from clinic.patients)
select count(*) from child left join parent on child.from_field = parent.to_field where parent.to_field is null;

-- title: dbt show with a limit wrapped around
-- order: total
select * from (
  select p.patient_id, p.first_name, p.dob, row_number() over (order by p.patient_id) as surrogate_key from clinic.patients as p
) as model_limit_subq
order by surrogate_key
limit 5;

-- title: dbt_utils pivot
-- order: total
select department_id, sum(case when kind = 'office' then 1 else 0 end) as "office", sum(case when kind = 'emergency' then 1 else 0 end) as "emergency", sum(case when kind = 'inpatient' then 1 else 0 end) as "inpatient"
from clinic.encounters group by department_id order by 1;

-- title: dbt snapshot hash
-- order: total
select patient_id, md5(coalesce(cast(last_name as text), '_dbt_utils_surrogate_key_null_') || '-' || coalesce(cast(dob as text), '') || '|' || coalesce(cast(zip as varchar), '')) as dbt_scd_id from clinic.patients where patient_id <= 50 order by 1;

-- title: Grafana time series
-- order: total
SELECT floor(extract(epoch from admitted_at)/86400)*86400 AS "time", kind AS metric, count(*) AS value FROM clinic.encounters WHERE admitted_at BETWEEN '2024-02-01T00:00:00Z' AND '2024-02-14T23:59:59Z' GROUP BY 1, 2 ORDER BY 1, 2;

-- title: pandas read_sql with a LIKE
-- order: total
SELECT patient_id, last_name, city FROM clinic.patients WHERE city LIKE 'S%' AND patient_id < 500 ORDER BY patient_id;

-- title: Hex chained cells
-- order: total
with "dataframe_1" as (select * from clinic.claims), "dataframe_2" as (select "insurer", "subscriber_ssn" is null as "anonymous", sum("amount") as "total" from "dataframe_1" group by 1, 2)
select * from "dataframe_2" order by 1, 2;

-- title: Airbyte cursor read
-- order: total
SELECT "claim_id","patient_id","subscriber_ssn","member_id","submitted" FROM "clinic"."claims" WHERE "submitted" > '2025-01-01' OR "submitted" IS NULL ORDER BY "submitted" ASC, "claim_id" LIMIT 100;
