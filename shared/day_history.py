"""What earlier calls wrote down of business dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import msgspec

from shared.calls import Call
from shared.run_tables import BUSINESS_DAYS
from shared.statements import Parameter, Statement, date_list

Day = tuple[str, dt.date]
"""A restaurant's GUID and a business date."""


class DayHistory(msgspec.Struct, frozen=True):
    """What is known of one day from earlier calls; the moments are on Toast's clock (UTC)."""

    was_complete: bool = False
    read_whole_at: dt.datetime | None = None
    """When it was last read as a whole."""
    read_complete_at: dt.datetime | None = None
    """When it was last read as a whole after its nightly close."""


def history_of(call: Call, days: Collection[Day], step: str) -> dict[Day, DayHistory]:
    """What is known of some days; nothing for those that no call of this source spoke of."""
    if not days:
        return {}
    statement = day_history(call.warehouse.dataset, call.source, {guid for guid, _ in days}, {date for _, date in days})
    rows = call.warehouse.run(statement, f"{call.run_id}-{step}").rows
    return {
        (row["restaurant_guid"], row["business_date"]): DayHistory(
            row["was_complete"], row["read_whole_at"], row["read_complete_at"]
        )
        for row in rows
    }


def day_history(dataset: str, source: str, restaurants: Collection[str], dates: Collection[dt.date]) -> Statement:
    """Per restaurant and business date, whether it ever was complete, and when it was last read as a whole."""
    sql = f"""SELECT
  restaurant_guid,
  business_date,
  LOGICAL_OR(complete) AS was_complete,
  MAX(IF(mode = 'business_date', read_at, NULL)) AS read_whole_at,
  MAX(IF(mode = 'business_date' AND complete, read_at, NULL)) AS read_complete_at
FROM `{dataset}.{BUSINESS_DAYS.name}`
WHERE business_date IN UNNEST(@dates) AND restaurant_guid IN UNNEST(@restaurants) AND source = @source
GROUP BY restaurant_guid, business_date"""
    return Statement(
        sql,
        (
            date_list(dates),
            Parameter("restaurants", "STRING", tuple(sorted(restaurants))),
            Parameter("source", "STRING", source),
        ),
    )
