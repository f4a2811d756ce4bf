-- coverage: how much of each restaurant's history is there for good, by what is loaded, and where the holes are.
--
-- days counts every business date since the restaurant's first, up to the last that is over; complete those that were
-- loaded after their nightly close. A restaurant whose configuration was never loaded begins with its first loaded day.
SELECT
  calendar.restaurant_name,
  calendar.restaurant_guid,
  loaded.source,
  COUNT(*) AS days,
  COUNTIF(loaded.is_complete) AS complete,
  COUNTIF(NOT loaded.is_complete AND loaded.read_at IS NOT NULL) AS provisional,
  COUNTIF(NOT loaded.is_complete AND loaded.read_at IS NULL) AS missing,
  ROUND(100 * COUNTIF(loaded.is_complete) / COUNT(*), 1) AS percent_complete,
  MIN(IF(loaded.is_complete, NULL, calendar.business_date)) AS first_gap,
  MAX(IF(loaded.is_complete, NULL, calendar.business_date)) AS last_gap
FROM `{dataset}.business_calendar` AS calendar
CROSS JOIN UNNEST([
  STRUCT('orders' AS source, calendar.is_orders_complete AS is_complete, calendar.orders_read_at AS read_at),
  STRUCT('cash' AS source, calendar.is_cash_complete AS is_complete, calendar.cash_read_at AS read_at),
  STRUCT('labor' AS source, calendar.is_labor_complete AS is_complete, calendar.labor_read_at AS read_at)
]) AS loaded
GROUP BY calendar.restaurant_name, calendar.restaurant_guid, loaded.source
ORDER BY percent_complete, restaurant_name, source;
