-- cash_entries: one row per cash entry of fact_cash_entries, with the names of what it refers to as they were when it
-- happened.
--
-- Filter on business_date. What guests paid in cash is in payments, as payment_type CASH.
--
-- The window is divided by business_date and restaurant_guid, so that a filter on these reaches the partitions and
-- clusters of the table below; without business_date in it, BigQuery would refuse the view.
CREATE OR REPLACE VIEW `{dataset}.cash_entries` AS
SELECT
  entry.* EXCEPT (moment, timezone),
  DATETIME(DATE(entry.entry_at, entry.timezone), TIME(entry.entry_at, entry.timezone)) AS entry_at_local,
  COALESCE(printer.name, CONCAT('Drawer ', SUBSTR(entry.cash_drawer_guid, 1, 8))) AS cash_drawer_name,
  payout_reason.name AS payout_reason_name,
  no_sale_reason.name AS no_sale_reason_name,
  employee.name AS employee_name,
  approver.name AS approver_name,
  creator.name AS creator_name,
  review_approver.name AS review_approver_name
FROM (
  SELECT
    newest.*,
    restaurant.name AS restaurant_name,
    restaurant.timezone,
    -- Where Toast does not say when it happened: when the business date began.
    COALESCE(
      newest.entry_at,
      TIMESTAMP(CONCAT(
        CAST(newest.business_date AS STRING), ' ',
        LPAD(CAST(restaurant.closeout_hour AS STRING), 2, '0'), ':00:00 ', restaurant.timezone)),
      TIMESTAMP(newest.business_date)) AS moment
  FROM (
    SELECT *
    FROM `{dataset}.fact_cash_entries`
    -- A day is replaced as a whole, and for seconds both readings can be there: the newest counts, and of two of
    -- the same moment the one of the smallest run id.
    QUALIFY DENSE_RANK() OVER (PARTITION BY business_date, restaurant_guid ORDER BY _loaded_at DESC, _run_id) = 1
  ) AS newest
  LEFT JOIN `{dataset}.history_restaurants` AS restaurant
    ON restaurant.restaurant_guid = newest.restaurant_guid AND restaurant.guid = newest.restaurant_guid
    AND COALESCE(newest.entry_at, TIMESTAMP(newest.business_date)) >= restaurant.valid_from
    AND COALESCE(newest.entry_at, TIMESTAMP(newest.business_date)) < restaurant.valid_until
) AS entry
LEFT JOIN `{dataset}.history_cash_drawers` AS drawer
  ON drawer.restaurant_guid = entry.restaurant_guid AND drawer.guid = entry.cash_drawer_guid
  AND entry.moment >= drawer.valid_from AND entry.moment < drawer.valid_until
LEFT JOIN `{dataset}.history_printers` AS printer
  ON printer.restaurant_guid = drawer.restaurant_guid AND printer.guid = drawer.printer_guid
  AND entry.moment >= printer.valid_from AND entry.moment < printer.valid_until
LEFT JOIN `{dataset}.history_payout_reasons` AS payout_reason
  ON payout_reason.restaurant_guid = entry.restaurant_guid AND payout_reason.guid = entry.payout_reason_guid
  AND entry.moment >= payout_reason.valid_from AND entry.moment < payout_reason.valid_until
LEFT JOIN `{dataset}.history_no_sale_reasons` AS no_sale_reason
  ON no_sale_reason.restaurant_guid = entry.restaurant_guid AND no_sale_reason.guid = entry.no_sale_reason_guid
  AND entry.moment >= no_sale_reason.valid_from AND entry.moment < no_sale_reason.valid_until
LEFT JOIN `{dataset}.employee_names` AS employee
  ON employee.restaurant_guid = entry.restaurant_guid AND employee.guid = entry.employee_guid
  AND entry.moment >= employee.valid_from AND entry.moment < employee.valid_until
LEFT JOIN `{dataset}.employee_names` AS approver
  ON approver.restaurant_guid = entry.restaurant_guid AND approver.guid = entry.approver_guid
  AND entry.moment >= approver.valid_from AND entry.moment < approver.valid_until
LEFT JOIN `{dataset}.employee_names` AS creator
  ON creator.restaurant_guid = entry.restaurant_guid AND creator.guid = entry.creator_guid
  AND entry.moment >= creator.valid_from AND entry.moment < creator.valid_until
LEFT JOIN `{dataset}.employee_names` AS review_approver
  ON review_approver.restaurant_guid = entry.restaurant_guid AND review_approver.guid = entry.review_approver_guid
  AND entry.moment >= review_approver.valid_from AND entry.moment < review_approver.valid_until;
