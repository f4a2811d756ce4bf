"""What the warehouse tells of the past: what is complete, how loading it went, and who is at work on it."""

from __future__ import annotations

import datetime as dt
import os
import socket
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import msgspec

from history.spans import Span
from history.units import UNKNOWN_HOURS, Complete, Location, Source, Unit
from shared.bigquery_utils import Warehouse
from shared.config import Restaurant
from shared.date_utils import FIRST_BUSINESS_DATE, LAST_BUSINESS_DATE, TradingHours
from shared.dimension_tables import DIMENSIONS
from shared.live_backfills import QUEUED_FOR, live_backfills
from shared.run_tables import BUSINESS_DAYS, ETL_BACKFILL_UNITS, ETL_BACKFILLS, ETL_RUNS
from shared.statements import Parameter, Statement

# How far back the pace of earlier calls is looked at.
RECENT = dt.timedelta(days=90)


class Pace(msgspec.Struct, frozen=True):
    """What one business date of a restaurant took in earlier calls."""

    pages: float
    requests: float
    seconds: float


class Running(msgspec.Struct, frozen=True):
    """A backfill that is under way: it gave a sign of life lately, or it is queued and should not have ended yet."""

    backfill_id: str
    beat_at: dt.datetime
    functions: frozenset[str]
    restaurants: frozenset[str]
    span: Span
    units: int
    units_done: int
    units_failed: int
    expected_end_at: dt.datetime | None = None
    """Of a queued one, whose calls come from Cloud Tasks."""

    def overlaps(self, units: Collection[Unit]) -> bool:
        """Whether it may do some of the same units."""
        return any(
            unit.function in self.functions
            and unit.restaurant_guid in self.restaurants
            and unit.span is not None
            and unit.span.start <= self.span.end
            and unit.span.end >= self.span.start
            for unit in units
        )


class FailedUnit(msgspec.Struct, frozen=True):
    """A unit that failed for good the last time that a backfill tried it."""

    unit: Unit
    attempts: int
    ended_at: dt.datetime
    error: str


class QueuedUnit(msgspec.Struct, frozen=True):
    """A unit that was put into a queue and of which nothing was written down since."""

    backfill_id: str
    unit: Unit
    queued_at: dt.datetime


class Tried(msgspec.Struct, frozen=True):
    """What the calls for a unit did, as the run ledger tells it; ``status`` and ``error`` are the last one's."""

    status: str
    attempts: int
    seconds: float
    pages: int
    rows: int
    error: str


class Ledger:
    """Reads what is needed to plan, each with one statement. Its methods raise WarehouseError."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def _rows(self, statement: Statement, step: str) -> list[dict[str, object]]:
        return self.warehouse.run(statement, f"backfill-{uuid.uuid4().hex}-{step}").rows

    def complete(self, sources: Collection[Source], start: dt.date | None, end: dt.date | None) -> Complete:
        """By source and restaurant the business dates that are complete, as spans in order."""
        found: dict[tuple[str, str], list[Span]] = defaultdict(list)
        first, last = start or FIRST_BUSINESS_DATE, end or LAST_BUSINESS_DATE
        for row in self._rows(complete_spans(self.warehouse.dataset, sources, first, last), "complete"):
            found[str(row["source"]), str(row["restaurant_guid"])].append(_span(row, "start_date", "end_date"))
        return found

    def locations(self, restaurants: Sequence[Restaurant]) -> list[Location]:
        """Each restaurant's hours and first business date: as restaurants.toml says, else as Toast last said."""
        rows = self._rows(restaurant_terms(self.warehouse.dataset), "restaurants")
        told = {str(row["guid"]): row for row in rows}
        return [location_of(restaurant, told.get(restaurant.guid, {})) for restaurant in restaurants]

    def paces(self, restaurants: Collection[str], now: dt.datetime) -> dict[tuple[str, str], Pace]:
        """By source and restaurant what a business date took lately, where days were read as a whole."""
        since = (now - RECENT).date()
        paces: dict[tuple[str, str], Pace] = {}
        for row in self._rows(recent_paces(self.warehouse.dataset, since), "paces"):
            source, guid = str(row["function"]).partition("_")[0], str(row["restaurant_guid"])
            if guid in restaurants:
                paces[source, guid] = Pace(*(float(str(row[name])) for name in ("pages", "requests", "seconds")))
        return paces

    def configured_at(self, restaurants: Collection[str]) -> dict[str, dt.datetime]:
        """When the configuration of each restaurant was last loaded; nothing for one that never was."""
        statement = last_configured(self.warehouse.dataset, restaurants)
        return {str(row["restaurant_guid"]): _moment(row, "finished_at") for row in self._rows(statement, "configured")}

    def running(self) -> list[Running]:
        """The backfills that are under way; not those of this machine whose process is gone: they were killed."""
        now = dt.datetime.now(dt.UTC)
        return [
            Running(
                str(row["backfill_id"]),
                _moment(row, "beat_at"),
                frozenset(str(row["functions"]).split(",")),
                frozenset(str(row["restaurants"]).split(",")),
                _span(row, "start_date", "end_date"),
                units=int(str(row["units"])),
                units_done=int(str(row["units_done"])),
                units_failed=int(str(row["units_failed"])),
                expected_end_at=_moment(row, "expected_end_at") if row["state"] == "queued" else None,
            )
            for row in self._rows(live_backfills(self.warehouse.dataset, now), "running")
            if row["state"] == "queued" or not _was_killed(row)
        ]

    def failed(self) -> list[FailedUnit]:
        """The units whose last try failed for good, oldest first."""
        return [
            FailedUnit(
                _unit(row),
                int(str(row["attempts"])),
                _moment(row, "ended_at"),
                str(row["error"]),
            )
            for row in self._rows(failed_units(self.warehouse.dataset), "failed")
        ]

    def queued(self) -> list[QueuedUnit]:
        """The units that were put into a queue and of which nothing was written down since, oldest first."""
        return [
            QueuedUnit(str(row["backfill_id"]), _unit(row), _moment(row, "queued_at"))
            for row in self._rows(queued_units(self.warehouse.dataset), "queued")
        ]

    def count_queued(self) -> None:
        """Write down how far the queued backfills are, as far as is known of their units; one without any left ends."""
        now = dt.datetime.now(dt.UTC)
        self._rows(count_queued(self.warehouse.dataset, now), "count-queued")

    def tried(self, since: dt.datetime) -> dict[Unit, Tried]:
        """What was called for since a moment on Toast's clock, by unit."""
        return {
            _unit(row): Tried(
                str(row["status"]),
                int(str(row["attempts"])),
                float(str(row["seconds"])),
                int(str(row["pages"])),
                int(str(row["extracted"])),
                str(row["error"] or ""),
            )
            for row in self._rows(calls_since(self.warehouse.dataset, since), "tried")
        }


def location_of(restaurant: Restaurant, told: dict[str, object]) -> Location:
    """A restaurant with what is known of its days; ``told`` is its current row of dim_restaurants, if any."""
    zone = restaurant.timezone or told.get("timezone")
    closeout = restaurant.closeout_hour if restaurant.closeout_hour is not None else told.get("closeout_hour")
    known = zone is not None and closeout is not None
    hours = TradingHours(str(zone), int(str(closeout))) if known else UNKNOWN_HOURS
    first = restaurant.first_business_date or told.get("first_business_date")
    return Location(restaurant, hours, first if isinstance(first, dt.date) else None, known)


def _unit(row: dict[str, object]) -> Unit:
    span = _span(row, "start_date", "end_date") if row["start_date"] else None
    return Unit(str(row["function"]), str(row["restaurant_guid"]), span)


def _span(row: dict[str, object], start: str, end: str) -> Span:
    first, last = row[start], row[end]
    if not isinstance(first, dt.date) or not isinstance(last, dt.date):
        raise TypeError(f"{start} and {end} are no dates")
    return Span(first, last)


def _was_killed(row: Mapping[str, object]) -> bool:
    """Whether a backfill that says to be running did so on this machine, where its process is no more."""
    if row["host"] != socket.gethostname() or row["process_id"] is None:
        return False
    try:
        os.kill(int(str(row["process_id"])), 0)  # signal 0 only asks whether the process exists
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's, so it exists
    return False


def _moment(row: dict[str, object], name: str) -> dt.datetime:
    value = row[name]
    if not isinstance(value, dt.datetime):
        raise TypeError(f"{name} is no moment")
    return value


# --- statements --------------------------------------------------------------------------------------


def complete_spans(dataset: str, sources: Collection[str], start: dt.date, end: dt.date) -> Statement:
    """The complete business dates, joined to spans: few rows, however long the history."""
    sql = f"""WITH days AS (
  SELECT DISTINCT source, restaurant_guid, business_date
  FROM `{dataset}.{BUSINESS_DAYS.name}`
  WHERE business_date BETWEEN @start AND @end AND source IN UNNEST(@sources) AND complete
),
numbered AS (
  SELECT
    source,
    restaurant_guid,
    business_date,
    DATE_SUB(business_date, INTERVAL ROW_NUMBER() OVER (
      PARTITION BY source, restaurant_guid ORDER BY business_date) DAY) AS island
  FROM days
)
SELECT source, restaurant_guid, MIN(business_date) AS start_date, MAX(business_date) AS end_date
FROM numbered
GROUP BY source, restaurant_guid, island
ORDER BY source, restaurant_guid, start_date"""
    return Statement(
        sql,
        (
            Parameter("start", "DATE", start),
            Parameter("end", "DATE", end),
            Parameter("sources", "STRING", tuple(sorted(sources))),
        ),
    )


def restaurant_terms(dataset: str) -> Statement:
    """Hours and first business date of each restaurant, as Toast last told them."""
    return Statement(
        f"SELECT guid, timezone, closeout_hour, first_business_date\n"
        f"FROM `{dataset}.{DIMENSIONS['restaurants'].name}`\nWHERE is_current"
    )


def recent_paces(dataset: str, since: dt.date) -> Statement:
    """Pages, requests and seconds per business date, by function and restaurant, over calls that read whole days."""
    sql = f"""SELECT
  `function`,
  restaurant_guid,
  SUM(pages) / SUM(DATE_DIFF(end_date, start_date, DAY) + 1) AS pages,
  SUM(requests) / SUM(DATE_DIFF(end_date, start_date, DAY) + 1) AS requests,
  SUM(TIMESTAMP_DIFF(finished_at, started_at, MILLISECOND)) / 1000
    / SUM(DATE_DIFF(end_date, start_date, DAY) + 1) AS seconds
FROM `{dataset}.{ETL_RUNS.name}`
WHERE run_date >= @since AND mode = 'business_date' AND status = 'success' AND start_date IS NOT NULL
GROUP BY `function`, restaurant_guid"""
    return Statement(sql, (Parameter("since", "DATE", since),))


def last_configured(dataset: str, restaurants: Collection[str]) -> Statement:
    """When the configuration of each restaurant was last loaded in full."""
    sql = f"""SELECT restaurant_guid, MAX(finished_at) AS finished_at
FROM `{dataset}.{ETL_RUNS.name}`
WHERE `function` = 'config_weekly' AND status = 'success' AND restaurant_guid IN UNNEST(@restaurants)
GROUP BY restaurant_guid"""
    return Statement(sql, (Parameter("restaurants", "STRING", tuple(sorted(restaurants))),))


def _last_words(dataset: str) -> str:
    """What a statement reads that goes by what was written down last of each unit, by whichever backfill."""
    return f"""FROM `{dataset}.{ETL_BACKFILL_UNITS.name}`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY `function`, restaurant_guid, start_date, end_date ORDER BY ended_at DESC, backfill_id) = 1"""


def failed_units(dataset: str) -> Statement:
    """The units whose last end was a failure; what was loaded since, in whatever pieces, is for the caller to see."""
    sql = f"""SELECT `function`, restaurant_guid, start_date, end_date, attempts, ended_at, error
{_last_words(dataset)}
  AND state = 'failed'
ORDER BY ended_at"""
    return Statement(sql)


def queued_units(dataset: str) -> Statement:
    """The units whose last word is that they were put into a queue."""
    sql = f"""SELECT backfill_id, `function`, restaurant_guid, start_date, end_date, ended_at AS queued_at
{_last_words(dataset)}
  AND state = 'queued'
ORDER BY queued_at"""
    return Statement(sql)


def calls_since(dataset: str, since: dt.datetime) -> Statement:
    """What calls did since a moment, by function, restaurant and dates."""
    sql = f"""WITH calls AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY `function`, restaurant_guid, start_date, end_date ORDER BY finished_at DESC) AS nth
  FROM `{dataset}.{ETL_RUNS.name}`
  WHERE run_date >= DATE(@since) AND started_at >= @since
)
SELECT
  `function`,
  restaurant_guid,
  start_date,
  end_date,
  MAX(IF(nth = 1, status, NULL)) AS status,
  MAX(IF(nth = 1, error, NULL)) AS error,
  COUNT(*) AS attempts,
  SUM(TIMESTAMP_DIFF(finished_at, started_at, MILLISECOND)) / 1000 AS seconds,
  SUM(pages) AS pages,
  SUM(extracted) AS extracted
FROM calls
GROUP BY `function`, restaurant_guid, start_date, end_date"""
    return Statement(sql, (Parameter("since", "TIMESTAMP", since),))


def count_queued(dataset: str, now: dt.datetime) -> Statement:
    """Give each queued backfill a new sign of life with what is known of its units now; the last, when none is left.

    A unit that a later backfill has queued again is that one's.
    """
    columns = ", ".join(column.name for column in ETL_BACKFILLS.columns)
    sql = f"""INSERT INTO `{dataset}.{ETL_BACKFILLS.name}` ({columns})
WITH last_words AS (
  SELECT backfill_id, state
  {_last_words(dataset)}
),
counted AS (
  SELECT
    backfill_id,
    COUNTIF(state = 'queued') AS units_left,
    COUNTIF(state = 'done') AS units_done,
    COUNTIF(state = 'failed') AS units_failed
  FROM last_words
  GROUP BY backfill_id
),
beats AS (
  SELECT *
  FROM `{dataset}.{ETL_BACKFILLS.name}`
  WHERE beat_date >= @since
  QUALIFY ROW_NUMBER() OVER (PARTITION BY backfill_id ORDER BY beat_at DESC) = 1
)
SELECT
  beats.backfill_id,
  @now,
  DATE(@now),
  IF(IFNULL(counted.units_left, 0) > 0, 'queued', IF(IFNULL(counted.units_failed, 0) > 0, 'failed', 'done')),
  beats.functions,
  beats.restaurants,
  beats.start_date,
  beats.end_date,
  beats.units,
  IFNULL(counted.units_done, 0),
  IFNULL(counted.units_failed, 0),
  IF(IFNULL(counted.units_left, 0) > 0, beats.expected_end_at, NULL),
  beats.host,
  beats.process_id
FROM beats
LEFT JOIN counted USING (backfill_id)
WHERE beats.state = 'queued'"""
    return Statement(sql, (Parameter("now", "TIMESTAMP", now), Parameter("since", "DATE", (now - QUEUED_FOR).date())))
