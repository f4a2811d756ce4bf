-- order_items: one row per selection of fact_order_items (items at depth 0, their modifiers below), with the names
-- of what it refers to as they were when the order was opened.
--
-- Filter on business_date. Sum money over depth = 0, WHERE NOT is_voided AND NOT is_deleted.
--
-- All windows are divided by business_date and restaurant_guid, so that a filter on these reaches the partitions
-- and clusters of the table below; without business_date in each, BigQuery would refuse the view.
CREATE OR REPLACE VIEW `{dataset}.order_items` AS
SELECT
  sold.* EXCEPT (moment, timezone, selections),
  DATETIME(DATE(sold.opened_at, sold.timezone), TIME(sold.opened_at, sold.timezone)) AS opened_at_local,
  COALESCE(item.name, sold.menu_item_name) AS item_name,
  (
    SELECT MAX(parent.menu_item_name)
    FROM UNNEST(sold.selections) AS parent
    WHERE parent.selection_guid = sold.parent_selection_guid
  ) AS parent_item_name,
  COALESCE(menu_group.menu_name, item.menu_name) AS menu_name,
  COALESCE(menu_group.name, item.menu_group_name) AS menu_group_name,
  COALESCE(category.name, item.sales_category_name) AS sales_category_name,
  modifier_group.name AS modifier_group_name,
  pre_modifier.name AS pre_modifier_name,
  dining_option.name AS dining_option_name,
  dining_option.behavior AS dining_option_behavior,
  revenue_center.name AS revenue_center_name,
  server.name AS server_name,
  void_reason.name AS void_reason_name
FROM (
  SELECT
    newest.*,
    restaurant.name AS restaurant_name,
    restaurant.timezone,
    -- Where the order does not say when it was opened: when its business date began.
    COALESCE(
      newest.opened_at,
      TIMESTAMP(CONCAT(
        CAST(newest.business_date AS STRING), ' ',
        LPAD(CAST(restaurant.closeout_hour AS STRING), 2, '0'), ':00:00 ', restaurant.timezone)),
      TIMESTAMP(newest.business_date)) AS moment,
    ARRAY_AGG(STRUCT(newest.selection_guid AS selection_guid, newest.menu_item_name AS menu_item_name))
      OVER (PARTITION BY newest.business_date, newest.restaurant_guid, newest.order_guid) AS selections
  FROM (
    SELECT *
    FROM `{dataset}.fact_order_items`
    -- While a load is at work a selection can be there twice for seconds, and selections that its newest version
    -- no longer has: the newest version counts, and of copies the one of the smallest run id.
    QUALIFY order_modified_at = MAX(order_modified_at) OVER (PARTITION BY business_date, restaurant_guid, order_guid)
      AND ROW_NUMBER() OVER (
        PARTITION BY business_date, restaurant_guid, order_guid, selection_guid
        ORDER BY order_modified_at DESC, _run_id) = 1
  ) AS newest
  LEFT JOIN `{dataset}.history_restaurants` AS restaurant
    ON restaurant.restaurant_guid = newest.restaurant_guid AND restaurant.guid = newest.restaurant_guid
    AND COALESCE(newest.opened_at, TIMESTAMP(newest.business_date)) >= restaurant.valid_from
    AND COALESCE(newest.opened_at, TIMESTAMP(newest.business_date)) < restaurant.valid_until
) AS sold
LEFT JOIN `{dataset}.history_menu_items` AS item
  ON item.restaurant_guid = sold.restaurant_guid AND item.guid = sold.menu_item_guid
  AND sold.moment >= item.valid_from AND sold.moment < item.valid_until
LEFT JOIN `{dataset}.history_menu_groups` AS menu_group
  ON menu_group.restaurant_guid = sold.restaurant_guid AND menu_group.guid = sold.menu_group_guid
  AND sold.moment >= menu_group.valid_from AND sold.moment < menu_group.valid_until
LEFT JOIN `{dataset}.history_sales_categories` AS category
  ON category.restaurant_guid = sold.restaurant_guid AND category.guid = sold.sales_category_guid
  AND sold.moment >= category.valid_from AND sold.moment < category.valid_until
LEFT JOIN `{dataset}.history_modifier_groups` AS modifier_group
  ON modifier_group.restaurant_guid = sold.restaurant_guid AND modifier_group.guid = sold.option_group_guid
  AND sold.moment >= modifier_group.valid_from AND sold.moment < modifier_group.valid_until
LEFT JOIN `{dataset}.history_pre_modifiers` AS pre_modifier
  ON pre_modifier.restaurant_guid = sold.restaurant_guid AND pre_modifier.guid = sold.pre_modifier_guid
  AND sold.moment >= pre_modifier.valid_from AND sold.moment < pre_modifier.valid_until
LEFT JOIN `{dataset}.history_dining_options` AS dining_option
  ON dining_option.restaurant_guid = sold.restaurant_guid AND dining_option.guid = sold.dining_option_guid
  AND sold.moment >= dining_option.valid_from AND sold.moment < dining_option.valid_until
LEFT JOIN `{dataset}.history_revenue_centers` AS revenue_center
  ON revenue_center.restaurant_guid = sold.restaurant_guid AND revenue_center.guid = sold.revenue_center_guid
  AND sold.moment >= revenue_center.valid_from AND sold.moment < revenue_center.valid_until
LEFT JOIN `{dataset}.employee_names` AS server
  ON server.restaurant_guid = sold.restaurant_guid AND server.guid = sold.server_guid
  AND sold.moment >= server.valid_from AND sold.moment < server.valid_until
LEFT JOIN `{dataset}.history_void_reasons` AS void_reason
  ON void_reason.restaurant_guid = sold.restaurant_guid AND void_reason.guid = sold.void_reason_guid
  AND sold.moment >= void_reason.valid_from AND sold.moment < void_reason.valid_until;
