-- current_{entity}: one row per entity of dim_{entity} that Toast lists now, as it looks now.
--
-- For an entity as it was at another moment, use history_{entity}.
CREATE OR REPLACE VIEW `{dataset}.current_{entity}` AS
SELECT * EXCEPT (valid_to, is_current)
FROM `{dataset}.dim_{entity}`
WHERE is_current
-- While a load is at work there can be two current versions for seconds: the newest counts.
QUALIFY ROW_NUMBER() OVER (PARTITION BY restaurant_guid, guid ORDER BY _loaded_at DESC, _run_id) = 1;
