-- failures: what failed last and was not made good since, newest first.
--
-- A call is open while no later run of the same restaurant and function succeeded; a unit of a backfill while any of its
-- days is not complete. runs_failed counts the failed runs since the last success.
WITH runs AS (
  SELECT
    *,
    MAX(IF(status = 'success', finished_at, NULL)) OVER (PARTITION BY restaurant_guid, `function`) AS last_success_at
  FROM `{dataset}.etl_runs`
),
open_runs AS (
  SELECT
    'call' AS kind,
    *,
    COUNT(*) OVER (PARTITION BY restaurant_guid, `function`) AS runs_failed,
    ROW_NUMBER() OVER (PARTITION BY restaurant_guid, `function` ORDER BY finished_at DESC, run_id) AS age
  FROM runs
  WHERE status != 'success' AND (last_success_at IS NULL OR finished_at > last_success_at)
),
units AS (
  SELECT *
  FROM `{dataset}.etl_backfill_units`
  WHERE start_date IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY `function`, restaurant_guid, start_date, end_date ORDER BY ended_at DESC, backfill_id) = 1
),
complete_days AS (
  SELECT DISTINCT CONCAT(source, '_daily') AS loader, restaurant_guid, business_date
  FROM `{dataset}.business_days`
  WHERE complete
),
open_units AS (
  SELECT unit.backfill_id, unit.restaurant_guid, unit.`function`, unit.start_date, unit.end_date, unit.ended_at,
    unit.attempts, unit.error
  FROM units AS unit
  LEFT JOIN complete_days AS day
    ON day.loader = unit.`function` AND day.restaurant_guid = unit.restaurant_guid
    AND day.business_date BETWEEN unit.start_date AND unit.end_date
  WHERE unit.state = 'failed'
  GROUP BY unit.backfill_id, unit.restaurant_guid, unit.`function`, unit.start_date, unit.end_date, unit.ended_at,
    unit.attempts, unit.error
  HAVING COUNT(day.business_date) < DATE_DIFF(unit.end_date, unit.start_date, DAY) + 1
)
SELECT
  failed.kind,
  restaurant.name AS restaurant_name,
  failed.restaurant_guid,
  failed.function_name,
  failed.start_date,
  failed.end_date,
  failed.failed_at,
  failed.times,
  failed.last_success_at,
  failed.error
FROM (
  SELECT
    kind, restaurant_guid, `function` AS function_name, start_date, end_date, finished_at AS failed_at,
    runs_failed AS times, last_success_at, error
  FROM open_runs
  WHERE age = 1
  UNION ALL
  SELECT 'backfill', restaurant_guid, `function`, start_date, end_date, ended_at, attempts, NULL, error
  FROM open_units
) AS failed
LEFT JOIN `{dataset}.current_restaurants` AS restaurant ON restaurant.restaurant_guid = failed.restaurant_guid
ORDER BY failed.failed_at DESC, restaurant_name, function_name;
