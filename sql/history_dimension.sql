-- history_{entity}: one row per version of an entity of dim_{entity}; no two hold at the same moment.
--
-- To name what a fact refers to, as it was then:
--
--     LEFT JOIN history_{entity} AS h
--       ON h.restaurant_guid = fact.restaurant_guid AND h.guid = fact.…_guid
--       AND fact.…_at >= h.valid_from AND fact.…_at < h.valid_until
--
-- A version holds until the next one of the same entity begins, also when Toast stopped listing the entity in
-- between: what was sold after it was archived still has a name.
CREATE OR REPLACE VIEW `{dataset}.history_{entity}` AS
SELECT
  *,
  IFNULL(
    LEAD(valid_from) OVER (PARTITION BY restaurant_guid, guid ORDER BY valid_from),
    TIMESTAMP '9999-12-31 00:00:00+00') AS valid_until
FROM (
  SELECT *
  FROM `{dataset}.dim_{entity}`
  -- While a load is at work there can be two versions of the same moment for seconds: the newest counts.
  QUALIFY ROW_NUMBER() OVER (PARTITION BY restaurant_guid, guid, valid_from ORDER BY _loaded_at DESC, _run_id) = 1
) AS version;
