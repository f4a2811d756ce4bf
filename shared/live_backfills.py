"""Which backfills are at work: for the daily summary, which holds back what they are filling, and for the next one."""

from __future__ import annotations

import datetime as dt

from shared.run_tables import ETL_BACKFILLS
from shared.statements import Parameter, Statement

# A backfill that gave no sign of life for so long is over, however it ended.
SILENCE = dt.timedelta(minutes=15)
# How long ago a backfill can have been queued that is still under way: Cloud Tasks keeps a task for 31 days.
QUEUED_FOR = dt.timedelta(days=31)


def live_backfills(dataset: str, now: dt.datetime) -> Statement:
    """The last sign of life of each backfill that has not ended: heard of lately, or queued and not yet due to end."""
    sql = f"""SELECT
  backfill_id, beat_at, state, functions, restaurants, start_date, end_date, units, units_done, units_failed,
  expected_end_at, host, process_id
FROM `{dataset}.{ETL_BACKFILLS.name}`
WHERE beat_date >= @since
QUALIFY ROW_NUMBER() OVER (PARTITION BY backfill_id ORDER BY beat_at DESC) = 1
  AND (state = 'running' AND beat_at > @heard OR state = 'queued' AND expected_end_at > @now)
ORDER BY backfill_id"""
    return Statement(
        sql,
        (
            Parameter("since", "DATE", (now - QUEUED_FOR).date()),
            Parameter("heard", "TIMESTAMP", now - SILENCE),
            Parameter("now", "TIMESTAMP", now),
        ),
    )
