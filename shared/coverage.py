"""How far the changes of a restaurant are known: the watermark, and since when there is no gap before it.

Kept in the run ledger, a row per call and restaurant, written after the data that it speaks of. Calls
without dates continue from it; calls with dates leave it alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import msgspec

from shared.bigquery_utils import Warehouse
from shared.run_tables import BUSINESS_DAYS, ETL_RUNS
from shared.statements import Parameter, Statement

# A change can show up a little after the moment that it bears, so each window begins this much before the
# end of the last. What is read twice is found to be held, and costs nothing.
OVERLAP = dt.timedelta(hours=1)

# Toast's newest minute is left to the next call: what is being written right now may not be listed yet.
SETTLING = dt.timedelta(seconds=60)

# A scheduler calls at least daily, so the newest watermark is of these last days, and the ledger before them need not
# be read. Only for a restaurant that was not called so long, or never, all of it is.
RECENT = dt.timedelta(days=7)


class Coverage(msgspec.Struct, frozen=True):
    """Every change from ``since`` to before ``until`` (UTC) was loaded; ``until`` is the watermark."""

    since: dt.datetime
    until: dt.datetime


def coverage_of(
    warehouse: Warehouse, function: str, restaurants: Collection[str], now: dt.datetime, job: str
) -> dict[str, Coverage]:
    """What is known of each restaurant's changes; nothing for one whose changes were never followed.

    Where days were loaded but no changes followed yet, the coverage is empty, at the earliest moment at
    which any of these days was read: whatever changed since then is still to be loaded. ``now`` is on Toast's clock.
    """
    since = (now - RECENT).date()
    rows = warehouse.run(recent_watermarks(warehouse.dataset, function, restaurants, since), f"{job}-recent").rows
    lacking = set(restaurants) - {row["restaurant_guid"] for row in rows}
    if lacking:
        source = function.partition("_")[0]
        rows = [*rows, *warehouse.run(watermarks(warehouse.dataset, function, source, lacking), job).rows]
    return {row["restaurant_guid"]: Coverage(row["covered_from"], row["watermark"]) for row in rows}


def recent_watermarks(dataset: str, function: str, restaurants: Collection[str], since: dt.date) -> Statement:
    """Per restaurant the newest watermark of the runs since a date (UTC), with the beginning of its coverage."""
    sql = f"""SELECT restaurant_guid, covered_from, watermark
FROM `{dataset}.{ETL_RUNS.name}`
WHERE run_date >= @since
  AND `function` = @function AND restaurant_guid IN UNNEST(@restaurants) AND watermark IS NOT NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY restaurant_guid ORDER BY watermark DESC, covered_from, run_id) = 1"""
    return Statement(
        sql,
        (
            Parameter("since", "DATE", since),
            Parameter("function", "STRING", function),
            Parameter("restaurants", "STRING", tuple(sorted(restaurants))),
        ),
    )


def watermarks(dataset: str, function: str, source: str, restaurants: Collection[str]) -> Statement:
    """Per restaurant the newest watermark, with the beginning of its coverage; else its earliest reading."""
    sql = f"""WITH followed AS (
  SELECT restaurant_guid, covered_from, watermark
  FROM `{dataset}.{ETL_RUNS.name}`
  WHERE `function` = @function AND restaurant_guid IN UNNEST(@restaurants) AND watermark IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY restaurant_guid ORDER BY watermark DESC, covered_from, run_id) = 1
)
SELECT restaurant_guid, covered_from, watermark FROM followed
UNION ALL
SELECT restaurant_guid, MIN(read_at) AS covered_from, MIN(read_at) AS watermark
FROM `{dataset}.{BUSINESS_DAYS.name}`
WHERE source = @source AND restaurant_guid IN UNNEST(@restaurants)
  AND restaurant_guid NOT IN (SELECT restaurant_guid FROM followed)
GROUP BY restaurant_guid"""
    return Statement(
        sql,
        (
            Parameter("function", "STRING", function),
            Parameter("source", "STRING", source),
            Parameter("restaurants", "STRING", tuple(sorted(restaurants))),
        ),
    )
