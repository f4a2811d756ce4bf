-- employee_names: one row per version of an employee, with the one name to show: the first name or the name that
-- the employee goes by, and the last name. Join it as history_employees.
CREATE OR REPLACE VIEW `{dataset}.employee_names` AS
SELECT
  restaurant_guid,
  guid,
  NULLIF(TRIM(CONCAT(COALESCE(NULLIF(chosen_name, ''), first_name, ''), ' ', IFNULL(last_name, ''))), '') AS name,
  valid_from,
  valid_until
FROM `{dataset}.history_employees`;
