-- closure_summary: on how many days a restaurant was closed, or hardly open, by reason, month and weekday.
--
-- A pattern shows as closed_days beside weekday_count: closed on 4 of 4 Mondays. Days that are missing or provisional
-- count nowhere; weekday_count counts the others.
CREATE OR REPLACE VIEW `{dataset}.closure_summary` AS
SELECT
  restaurant_guid,
  restaurant_name,
  status,
  reason,
  month,
  weekday,
  weekday_name,
  COUNT(*) AS closed_days,
  MAX(weekday_count) AS weekday_count,
  MIN(business_date) AS first_closed_date,
  MAX(business_date) AS last_closed_date,
  SUM(order_count) AS order_count,
  SUM(net_sales) AS net_sales
FROM (
  SELECT
    restaurant_guid,
    restaurant_name,
    business_date,
    status,
    reason,
    order_count,
    net_sales,
    CAST(DATE_TRUNC(business_date, MONTH) AS DATE) AS month,
    -- ISO: Monday is 1.
    MOD(EXTRACT(DAYOFWEEK FROM business_date) + 5, 7) + 1 AS weekday,
    FORMAT_DATE('%A', business_date) AS weekday_name,
    COUNT(*) OVER (
      PARTITION BY restaurant_guid, DATE_TRUNC(business_date, MONTH), EXTRACT(DAYOFWEEK FROM business_date)
    ) AS weekday_count
  FROM `{dataset}.business_calendar`
  WHERE status IN ('open', 'low_activity', 'closed')
)
WHERE status IN ('closed', 'low_activity')
GROUP BY restaurant_guid, restaurant_name, status, reason, month, weekday, weekday_name;
