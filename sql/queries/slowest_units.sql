-- slowest_units: the 20 units of backfills whose calls took longest, and what the others of that function took.
WITH units AS (
  SELECT
    *,
    IFNULL(DATE_DIFF(end_date, start_date, DAY) + 1, 1) AS days,
    AVG(seconds) OVER (PARTITION BY `function`) AS usual_seconds
  FROM `{dataset}.etl_backfill_units`
)
SELECT
  unit.`function` AS function_name,
  restaurant.name AS restaurant_name,
  unit.restaurant_guid,
  unit.start_date,
  unit.end_date,
  unit.state,
  unit.attempts,
  ROUND(unit.seconds, 1) AS seconds,
  ROUND(unit.usual_seconds, 1) AS usual_seconds,
  ROUND(unit.seconds / unit.days, 2) AS seconds_a_day,
  unit.pages,
  unit.rows AS row_count,
  unit.backfill_id
FROM units AS unit
LEFT JOIN `{dataset}.current_restaurants` AS restaurant ON restaurant.restaurant_guid = unit.restaurant_guid
ORDER BY unit.seconds DESC, unit.backfill_id, unit.restaurant_guid, unit.start_date
LIMIT 20;
