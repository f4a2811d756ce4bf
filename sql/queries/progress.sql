-- progress: how far each backfill has come, the newest first.
--
-- A backfill that runs gives a sign of life every minute; one that has been silent for a quarter of an hour is over,
-- however it ended. units_an_hour goes by the units that ended within its last hour.
WITH beats AS (
  SELECT
    *,
    MIN(beat_at) OVER (PARTITION BY backfill_id) AS started_at
  FROM `{dataset}.etl_backfills`
  QUALIFY ROW_NUMBER() OVER (PARTITION BY backfill_id ORDER BY beat_at DESC) = 1
),
pace AS (
  SELECT unit.backfill_id, COUNT(*) AS ended, MIN(unit.ended_at) AS since
  FROM `{dataset}.etl_backfill_units` AS unit
  JOIN beats ON beats.backfill_id = unit.backfill_id
  WHERE unit.ended_at > TIMESTAMP_SUB(beats.beat_at, INTERVAL 1 HOUR)
  GROUP BY unit.backfill_id
)
SELECT
  beats.backfill_id,
  IF(beats.state = 'running' AND beats.beat_at < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 15 MINUTE),
    'silent', beats.state) AS state,
  REPLACE(REPLACE(beats.functions, '_daily', ''), ',', ', ') AS functions,
  beats.start_date,
  beats.end_date,
  beats.started_at,
  beats.beat_at AS last_sign_at,
  beats.units,
  beats.units_done,
  beats.units_failed,
  ROUND(100 * SAFE_DIVIDE(beats.units_done, beats.units), 1) AS percent_done,
  ROUND(SAFE_DIVIDE(3600 * pace.ended, GREATEST(60, TIMESTAMP_DIFF(beats.beat_at, pace.since, SECOND))), 0)
    AS units_an_hour
FROM beats
LEFT JOIN pace ON pace.backfill_id = beats.backfill_id
ORDER BY beats.started_at DESC;
