-- As Power BI sends it (import and DirectQuery): nested subqueries with "_" and "$Table", quoted lower case.

-- title: folded projection
-- order: sample
select "$Table"."patient_id" as "patient_id",
    "$Table"."last_name" as "last_name",
    "$Table"."dob" as "dob",
    "$Table"."zip" as "zip"
from "clinic"."patients" "$Table"
limit 1000;

-- title: filtered and grouped, three levels deep
-- order: total
select "_"."zip",
    "_"."a0"
from
(
    select "rows"."zip" as "zip",
        count(*) as "a0"
    from
    (
        select "_"."zip",
            "_"."sex"
        from "clinic"."patients" "_"
        where "_"."sex" = 'F' and "_"."sex" is not null
    ) "rows"
    group by "zip"
) "_"
where not "_"."a0" is null
order by "_"."zip"
limit 1000001;

-- title: star of a custom query with a filter above
-- order: total
select "_"."patient_id", "_"."ssn", "_"."phone" from ( select * from clinic.patients ) "_" where "_"."patient_id" <= 30 order by "_"."patient_id";

-- title: left outer join of two sources
-- order: total
select "basetable0"."c1" as "c1", "basetable0"."a0" as "a0", "basetable1"."name" as "name"
from
( select "_"."department_id" as "c1", count("_"."mrn") as "a0" from "clinic"."encounters" "_" group by "_"."department_id" ) "basetable0"
left outer join "clinic"."departments" "basetable1" on ( "basetable0"."c1" = "basetable1"."department_id" )
order by "basetable0"."c1";

-- title: table values with a computed column
-- order: total
select "_"."patient_id" as "patient_id", "_"."t0_0" as "t0_0"
from ( select "_"."patient_id", case when "_"."phone" is null then 'no' else 'yes' end as "t0_0" from ( select "patient_id", "phone" from "clinic"."patients" "$Table" ) "_" ) "_"
where "_"."patient_id" between 1 and 50 order by "_"."patient_id" asc nulls first;

-- title: distinct values of a slicer
-- order: total
select "_"."last_name" from ( select distinct "last_name" from "clinic"."patients" ) "_" order by "_"."last_name" limit 101;

-- title: count of rows and distinct rows
-- order: none
select count(*) as "$Item", count(distinct "_"."zip") as "distinct", count(distinct "_"."zip") + max(case when "_"."zip" is null then 1 else 0 end) as "a2" from "clinic"."patients" "_";
