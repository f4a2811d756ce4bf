-- payments: one row per payment of fact_payments, with the names of what it refers to as they were when it was paid.
--
-- Filter on business_date, which is the order's; a payment can be made on another one (paid_business_date). Leave
-- out is_voided rows, and look at payment_status, when summing what was taken.
--
-- All windows are divided by business_date and restaurant_guid, so that a filter on these reaches the partitions
-- and clusters of the table below; without business_date in each, BigQuery would refuse the view.
CREATE OR REPLACE VIEW `{dataset}.payments` AS
SELECT
  paid.* EXCEPT (moment, timezone),
  DATETIME(DATE(paid.paid_at, paid.timezone), TIME(paid.paid_at, paid.timezone)) AS paid_at_local,
  other_payment.name AS other_payment_name,
  COALESCE(printer.name, CONCAT('Drawer ', SUBSTR(paid.cash_drawer_guid, 1, 8))) AS cash_drawer_name,
  server.name AS server_name
FROM (
  SELECT
    newest.*,
    restaurant.name AS restaurant_name,
    restaurant.timezone,
    -- Where Toast does not say when it was paid: when the business date began.
    COALESCE(
      newest.paid_at,
      TIMESTAMP(CONCAT(
        CAST(newest.business_date AS STRING), ' ',
        LPAD(CAST(restaurant.closeout_hour AS STRING), 2, '0'), ':00:00 ', restaurant.timezone)),
      TIMESTAMP(newest.business_date)) AS moment
  FROM (
    SELECT *
    FROM `{dataset}.fact_payments`
    -- While a load is at work a payment can be there twice for seconds, and payments that the order's newest
    -- version no longer has: the newest version counts, and of copies the one of the smallest run id.
    QUALIFY order_modified_at = MAX(order_modified_at) OVER (PARTITION BY business_date, restaurant_guid, order_guid)
      AND ROW_NUMBER() OVER (
        PARTITION BY business_date, restaurant_guid, order_guid, payment_guid
        ORDER BY order_modified_at DESC, _run_id) = 1
  ) AS newest
  LEFT JOIN `{dataset}.history_restaurants` AS restaurant
    ON restaurant.restaurant_guid = newest.restaurant_guid AND restaurant.guid = newest.restaurant_guid
    AND COALESCE(newest.paid_at, TIMESTAMP(newest.business_date)) >= restaurant.valid_from
    AND COALESCE(newest.paid_at, TIMESTAMP(newest.business_date)) < restaurant.valid_until
) AS paid
LEFT JOIN `{dataset}.history_alternate_payment_types` AS other_payment
  ON other_payment.restaurant_guid = paid.restaurant_guid AND other_payment.guid = paid.other_payment_guid
  AND paid.moment >= other_payment.valid_from AND paid.moment < other_payment.valid_until
LEFT JOIN `{dataset}.history_cash_drawers` AS drawer
  ON drawer.restaurant_guid = paid.restaurant_guid AND drawer.guid = paid.cash_drawer_guid
  AND paid.moment >= drawer.valid_from AND paid.moment < drawer.valid_until
LEFT JOIN `{dataset}.history_printers` AS printer
  ON printer.restaurant_guid = drawer.restaurant_guid AND printer.guid = drawer.printer_guid
  AND paid.moment >= printer.valid_from AND paid.moment < printer.valid_until
LEFT JOIN `{dataset}.employee_names` AS server
  ON server.restaurant_guid = paid.restaurant_guid AND server.guid = paid.server_guid
  AND paid.moment >= server.valid_from AND paid.moment < server.valid_until;
