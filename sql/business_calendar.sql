-- business_calendar: one row per restaurant and business date, from the restaurant's first one to the last that is
-- over, whether or not anything was loaded: what was never loaded shows as status 'missing'.
--
-- Who waits for complete data asks for is_complete, or for the source at hand. The days of a restaurant that
-- Toast's configuration does not tell of yet begin with the first that was loaded. Where days before a restaurant's
-- first business date were loaded, all of them from there on show, as 'not_open_yet', and nothing is missing of them.
CREATE OR REPLACE VIEW `{dataset}.business_calendar` AS
WITH newest AS (
  SELECT *
  FROM `{dataset}.business_days`
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, restaurant_guid, business_date ORDER BY read_at DESC, run_id) = 1
),
loaded AS (
  SELECT restaurant_guid, MIN(business_date) AS first_loaded_date
  FROM newest
  GROUP BY restaurant_guid
),
restaurants AS (
  SELECT
    COALESCE(restaurant.restaurant_guid, loaded.restaurant_guid) AS restaurant_guid,
    restaurant.name AS restaurant_name,
    restaurant.first_business_date,
    LEAST(
      IFNULL(restaurant.first_business_date, loaded.first_loaded_date),
      IFNULL(loaded.first_loaded_date, restaurant.first_business_date)) AS first_date,
    -- A business date is over at the closeout hour of the next day, local time.
    DATE_SUB(
      DATE(
        TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL IFNULL(restaurant.closeout_hour, 0) HOUR),
        IFNULL(restaurant.timezone, 'UTC')),
      INTERVAL 1 DAY) AS last_date
  FROM `{dataset}.current_restaurants` AS restaurant
  FULL JOIN loaded ON loaded.restaurant_guid = restaurant.restaurant_guid
)
SELECT
  calendar.restaurant_guid,
  calendar.restaurant_name,
  calendar.business_date,
  COALESCE(orders.status, IF(is_before_first, 'not_open_yet', 'missing')) AS status,
  IF(orders.status IS NULL AND is_before_first, 'before_first_business_date', orders.reason) AS reason,
  IFNULL(orders.complete, is_before_first) AND IFNULL(cash.complete, is_before_first)
    AND IFNULL(labor.complete, is_before_first) AS is_complete,
  IFNULL(orders.complete, is_before_first) AS is_orders_complete,
  IFNULL(cash.complete, is_before_first) AS is_cash_complete,
  IFNULL(labor.complete, is_before_first) AS is_labor_complete,
  orders.row_count AS order_count,
  orders.net_sales,
  cash.row_count AS cash_count,
  labor.row_count AS time_entry_count,
  IFNULL(orders.rejects, 0) + IFNULL(cash.rejects, 0) + IFNULL(labor.rejects, 0) AS rejects,
  orders.read_at AS orders_read_at,
  cash.read_at AS cash_read_at,
  labor.read_at AS labor_read_at
FROM (
  SELECT
    restaurants.restaurant_guid,
    restaurants.restaurant_name,
    business_date,
    IFNULL(business_date < restaurants.first_business_date, FALSE) AS is_before_first
  FROM restaurants
  CROSS JOIN UNNEST(GENERATE_DATE_ARRAY(restaurants.first_date, restaurants.last_date)) AS business_date
) AS calendar
LEFT JOIN (SELECT * FROM newest WHERE source = 'orders') AS orders
  ON orders.restaurant_guid = calendar.restaurant_guid AND orders.business_date = calendar.business_date
LEFT JOIN (SELECT * FROM newest WHERE source = 'cash') AS cash
  ON cash.restaurant_guid = calendar.restaurant_guid AND cash.business_date = calendar.business_date
LEFT JOIN (SELECT * FROM newest WHERE source = 'labor') AS labor
  ON labor.restaurant_guid = calendar.restaurant_guid AND labor.business_date = calendar.business_date;
