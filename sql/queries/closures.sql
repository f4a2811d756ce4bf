-- closures: on which days restaurants were closed, or hardly open, by month and weekday; the newest month first.
--
-- is_regular: closed on all such weekdays of the month that are known. What is not regular may be a holiday, or a gap
-- in what Toast was asked for: compare it with the restaurant's own calendar.
SELECT
  restaurant_name,
  restaurant_guid,
  month,
  weekday_name,
  status,
  reason,
  closed_days,
  weekday_count,
  closed_days = weekday_count AND weekday_count > 1 AS is_regular,
  first_closed_date,
  last_closed_date
FROM `{dataset}.closure_summary`
ORDER BY month DESC, restaurant_name, weekday, status;
