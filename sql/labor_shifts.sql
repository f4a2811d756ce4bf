-- labor_shifts: one row per time entry of fact_labor_shifts (a shift as worked), with the names of what it refers to
-- as they were at its clock-in.
--
-- Filter on business_date. Leave out is_deleted rows when summing; hours are regular_hours + overtime_hours.
--
-- The window is divided by business_date and restaurant_guid, so that a filter on these reaches the partitions and
-- clusters of the table below; without business_date in it, BigQuery would refuse the view.
CREATE OR REPLACE VIEW `{dataset}.labor_shifts` AS
SELECT
  worked.* EXCEPT (moment, timezone),
  DATETIME(DATE(worked.in_at, worked.timezone), TIME(worked.in_at, worked.timezone)) AS in_at_local,
  DATETIME(DATE(worked.out_at, worked.timezone), TIME(worked.out_at, worked.timezone)) AS out_at_local,
  employee.name AS employee_name,
  job.title AS job_title,
  job.code AS job_code,
  job.is_tipped AS is_tipped_job
FROM (
  SELECT
    newest.*,
    restaurant.name AS restaurant_name,
    restaurant.timezone,
    -- Where Toast does not say when it began: when the business date began.
    COALESCE(
      newest.in_at,
      TIMESTAMP(CONCAT(
        CAST(newest.business_date AS STRING), ' ',
        LPAD(CAST(restaurant.closeout_hour AS STRING), 2, '0'), ':00:00 ', restaurant.timezone)),
      TIMESTAMP(newest.business_date)) AS moment
  FROM (
    SELECT *
    FROM `{dataset}.fact_labor_shifts`
    -- While a load is at work a time entry can be there twice for seconds: the newest version counts, and of
    -- copies the one of the smallest run id.
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY business_date, restaurant_guid, time_entry_guid ORDER BY entry_modified_at DESC, _run_id) = 1
  ) AS newest
  LEFT JOIN `{dataset}.history_restaurants` AS restaurant
    ON restaurant.restaurant_guid = newest.restaurant_guid AND restaurant.guid = newest.restaurant_guid
    AND COALESCE(newest.in_at, TIMESTAMP(newest.business_date)) >= restaurant.valid_from
    AND COALESCE(newest.in_at, TIMESTAMP(newest.business_date)) < restaurant.valid_until
) AS worked
LEFT JOIN `{dataset}.employee_names` AS employee
  ON employee.restaurant_guid = worked.restaurant_guid AND employee.guid = worked.employee_guid
  AND worked.moment >= employee.valid_from AND worked.moment < employee.valid_until
LEFT JOIN `{dataset}.history_jobs` AS job
  ON job.restaurant_guid = worked.restaurant_guid AND job.guid = worked.job_guid
  AND worked.moment >= job.valid_from AND worked.moment < job.valid_until;
