-- rows_per_day_outliers: days with far fewer or far more orders, cash entries or time entries than is usual there.
--
-- Usual is the median of the same weekday over the whole history of the restaurant, of which at least four days have
-- to be known. Shown are days of less than half, or more than twice, and at least 10 rows away from it; days without
-- anything are in closures. A quiet day is a quiet day: look whether something happened, then load it again if in
-- doubt.
WITH newest AS (
  SELECT source, restaurant_guid, business_date, row_count, net_sales, complete
  FROM `{dataset}.business_days`
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, restaurant_guid, business_date ORDER BY read_at DESC, run_id) = 1
),
usual AS (
  SELECT
    *,
    PERCENTILE_CONT(row_count, 0.5) OVER (
      PARTITION BY source, restaurant_guid, EXTRACT(DAYOFWEEK FROM business_date)) AS usual_rows,
    COUNT(*) OVER (
      PARTITION BY source, restaurant_guid, EXTRACT(DAYOFWEEK FROM business_date)) AS known_days
  FROM newest
  WHERE complete AND row_count > 0
)
SELECT
  restaurant.name AS restaurant_name,
  day.restaurant_guid,
  day.source,
  day.business_date,
  FORMAT_DATE('%A', day.business_date) AS weekday_name,
  day.row_count,
  day.usual_rows,
  ROUND(day.row_count / day.usual_rows, 2) AS ratio,
  day.net_sales
FROM usual AS day
LEFT JOIN `{dataset}.current_restaurants` AS restaurant ON restaurant.restaurant_guid = day.restaurant_guid
WHERE day.known_days >= 4
  AND (day.row_count < day.usual_rows / 2 OR day.row_count > day.usual_rows * 2)
  AND ABS(day.row_count - day.usual_rows) >= 10
ORDER BY ratio, restaurant_name, business_date, source;
