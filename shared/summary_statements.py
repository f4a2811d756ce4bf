"""What the daily summary asks the warehouse: four tables of runs and the restaurants' hours, each in one statement.

Each names the partitions that it reads, since it is asked every hour; so it does not go through business_calendar,
which lays out all of history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.dimension_tables import DIMENSIONS
from shared.run_tables import BUSINESS_DAYS, ETL_REJECTS, ETL_RUNS, RestaurantGuid
from shared.statements import Parameter, Rows, Statement
from shared.tables import Row, columns_of

# How far back days and runs are looked at. What is missing longer than that is the gates' to find.
LOOKBACK = dt.timedelta(days=35)


class ReportedDay(Row):
    """The business date that a restaurant is reported on."""

    restaurant_guid: RestaurantGuid
    reported: Annotated[dt.date, Meta(description="The business date to report.")]
    due: Annotated[dt.date, Meta(description="The last business date that should be complete by now.")]
    closed_at: Annotated[dt.datetime, Meta(description="When the reported date was over (UTC).")]
    closed_on: Annotated[dt.date, Meta(description="The date (UTC) of that moment.")]


def restaurant_terms(dataset: str, restaurants: Collection[str]) -> Statement:
    """Time zone, closeout hour and currency of restaurants, as far as config_weekly has loaded them."""
    sql = f"""SELECT restaurant_guid, timezone, closeout_hour, currency_code
FROM `{dataset}.{DIMENSIONS["restaurants"].name}`
WHERE is_current AND restaurant_guid IN UNNEST(@restaurants)"""
    return Statement(sql, (Parameter("restaurants", "STRING", tuple(sorted(restaurants))),))


def summary_days(dataset: str, days: Sequence[ReportedDay]) -> Statement:
    """What is known of the reported days, and of each day before it that is due and not complete.

    Days count from the first that was read as a whole: those before it are history, which is a backfill's.
    """
    sql = f"""WITH newest AS (
  SELECT source, restaurant_guid, business_date, status, reason, complete, row_count, net_sales
  FROM `{dataset}.{BUSINESS_DAYS.name}`
  WHERE business_date BETWEEN @first_date AND @last_date
    AND restaurant_guid IN (SELECT restaurant_guid FROM UNNEST(@days))
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, restaurant_guid, business_date ORDER BY read_at DESC, run_id) = 1
),
sources AS (
  SELECT
    source,
    restaurant_guid,
    MIN(business_date) AS first_date,
    MIN(IF(IFNULL(reason, '') = 'only_changes_read', NULL, business_date)) AS first_read
  FROM newest
  GROUP BY source, restaurant_guid
)
SELECT
  sources.source,
  sources.restaurant_guid,
  each_date AS business_date,
  newest.status,
  newest.reason,
  IFNULL(newest.complete, FALSE) AS complete,
  newest.row_count,
  newest.net_sales
FROM sources
JOIN UNNEST(@days) AS day ON day.restaurant_guid = sources.restaurant_guid
CROSS JOIN UNNEST(GENERATE_DATE_ARRAY(sources.first_date, day.reported)) AS each_date
LEFT JOIN newest
  ON newest.source = sources.source
  AND newest.restaurant_guid = sources.restaurant_guid
  AND newest.business_date = each_date
WHERE each_date = day.reported
  OR (each_date BETWEEN sources.first_read AND day.due AND NOT IFNULL(newest.complete, FALSE))
ORDER BY restaurant_guid, business_date, source"""
    return Statement(
        sql,
        (
            _rows(days),
            Parameter("first_date", "DATE", min(day.reported for day in days) - LOOKBACK),
            Parameter("last_date", "DATE", max(day.reported for day in days)),
        ),
    )


def summary_runs(dataset: str, days: Sequence[ReportedDay]) -> Statement:
    """Per function and restaurant: the last success, the last error, and the drift of the day's runs.

    Only what brought the newest days counts as a success: a backfill of last year does not make up for the nightly
    run. Drift is counted over the 24 hours after the reported date was over.
    """
    sql = f"""SELECT
  runs.function,
  runs.restaurant_guid,
  MAX(IF(
    runs.status = 'success' AND IFNULL(runs.end_date >= DATE_SUB(runs.run_date, INTERVAL 2 DAY), TRUE),
    runs.finished_at,
    NULL)) AS succeeded_at,
  MAX(IF(runs.error IS NULL, NULL, runs.finished_at)) AS failed_at,
  ANY_VALUE(runs.error HAVING MAX IF(runs.error IS NULL, NULL, runs.finished_at)) AS last_error,
  IFNULL(MAX(IF(runs.finished_at BETWEEN day.closed_at AND TIMESTAMP_ADD(day.closed_at, INTERVAL 24 HOUR),
    runs.drift, NULL)), 0) AS drift
FROM `{dataset}.{ETL_RUNS.name}` AS runs
JOIN UNNEST(@days) AS day ON day.restaurant_guid = runs.restaurant_guid
WHERE runs.run_date >= @first_date
GROUP BY runs.function, runs.restaurant_guid"""
    first_date = min(day.reported for day in days) - LOOKBACK
    return Statement(sql, (_rows(days), Parameter("first_date", "DATE", first_date)))


def summary_rejects(dataset: str, days: Sequence[ReportedDay]) -> Statement:
    """Per restaurant: objects of the reported date, or met by the runs of the night after, that could not be read."""
    sql = f"""SELECT
  rejected.restaurant_guid,
  COUNT(DISTINCT CONCAT(rejected.source, '/', IF(rejected.object_guid = '', rejected.run_id, rejected.object_guid)))
    AS rejects
FROM `{dataset}.{ETL_REJECTS.name}` AS rejected
JOIN UNNEST(@days) AS day ON day.restaurant_guid = rejected.restaurant_guid
WHERE rejected.run_date >= @first_date
  AND (rejected.business_date = day.reported OR rejected.run_date = day.closed_on)
GROUP BY rejected.restaurant_guid"""
    first_date = min(day.reported for day in days)
    return Statement(sql, (_rows(days), Parameter("first_date", "DATE", first_date)))


def _rows(days: Sequence[ReportedDay]) -> Rows:
    return Rows("days", columns_of(ReportedDay), tuple(msgspec.structs.astuple(day) for day in days))
