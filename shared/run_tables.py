"""The tables that tell what was loaded: business days, the run ledger, rejected objects, backfills."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from shared.tables import Row, Table

RunId = Annotated[str, Meta(description="The run: one HTTP call; the _run_id of the rows that it wrote.")]
RestaurantGuid = Annotated[str, Meta(description="Toast's GUID of the restaurant (location).")]


class BusinessDayRow(Row):
    """What one load found on one business date of one restaurant."""

    source: Annotated[str, Meta(description="What was loaded: orders, cash or labor.")]
    restaurant_guid: RestaurantGuid
    business_date: Annotated[dt.date, Meta(description="The business date; partition.")]
    run_id: RunId
    mode: Annotated[str, Meta(description="business_date: the whole day was read; modified: what changed of it.")]
    status: Annotated[
        str, Meta(description="open, low_activity, closed, not_open_yet or provisional (not final when it was read).")
    ]
    reason: Annotated[str | None, Meta(description="Why it is not open: no_orders, few_orders, low_sales …")]
    complete: Annotated[
        bool, Meta(description="All of the day was loaded as it was after its nightly close, or later.")
    ]
    row_count: Annotated[
        int,
        Meta(description="Orders (cash entries and deposits, time entries) of the day; not voided or deleted ones."),
    ]
    net_sales: Annotated[Decimal | None, Meta(description="Net sales as Toast defines them; NULL unless orders.")]
    rejects: Annotated[int, Meta(description="Objects of the day that could not be read; see etl_rejects.")]
    read_at: Annotated[
        dt.datetime, Meta(description="The day is known as it was at this moment on Toast's clock (UTC).")
    ]


class RunRow(Row):
    """What one call did for one restaurant."""

    run_id: RunId
    restaurant_guid: RestaurantGuid
    run_date: Annotated[dt.date, Meta(description="Date (UTC) on which the run began; partition.")]
    function: Annotated[str, Meta(description="The Cloud Function: orders_daily …")]
    status: Annotated[str, Meta(description="success, partial or failed.")]
    mode: Annotated[str | None, Meta(description="business_date or modified; NULL for configuration.")]
    start_date: Annotated[dt.date | None, Meta(description="First business date that was to be read.")]
    end_date: Annotated[dt.date | None, Meta(description="Last business date that was to be read.")]
    started_at: Annotated[dt.datetime, Meta(description="When the run began, on Toast's clock (UTC).")]
    finished_at: Annotated[dt.datetime, Meta(description="When its rows were written, on Toast's clock (UTC).")]
    pages: Annotated[int, Meta(description="Pages read from Toast.")]
    requests: Annotated[int, Meta(description="Requests sent to Toast, repeated ones included.")]
    rejects: Annotated[int, Meta(description="Objects that could not be read; see etl_rejects.")]
    extracted: Annotated[int, Meta(description="Rows read, over all tables.")]
    inserted: Annotated[int, Meta(description="Rows written for objects that the warehouse did not hold.")]
    updated: Annotated[int, Meta(description="Rows written for objects that it held in an older version.")]
    error: Annotated[str | None, Meta(description="Why the run did not succeed.")]
    covered_from: Annotated[
        dt.datetime | None, Meta(description="Since when every change was loaded, up to the watermark (UTC).")
    ]
    watermark: Annotated[
        dt.datetime | None,
        Meta(description="Every change before this moment was loaded (UTC); NULL if the run did not follow changes."),
    ]
    menus_updated_at: Annotated[
        dt.datetime | None, Meta(description="Toast's lastUpdated of the menus that the warehouse holds (UTC).")
    ]
    drift: Annotated[
        int | None, Meta(description="Kinds of fields and values in Toast's replies that the code does not know.")
    ]


class RejectRow(Row):
    """An object of a Toast reply that could not be turned into rows."""

    run_id: RunId
    object_guid: Annotated[str, Meta(description="Toast's GUID of the object; empty when it has none.")]
    source: Annotated[str, Meta(description="What was loaded: orders, cash, labor or config.")]
    restaurant_guid: RestaurantGuid
    business_date: Annotated[
        dt.date | None, Meta(description="The business date that was asked for, or that the object says it belongs to.")
    ]
    run_date: Annotated[dt.date, Meta(description="Date (UTC) on which the run began; partition.")]
    reason: Annotated[str, Meta(description="What is wrong with it.")]
    payload: Annotated[str, Meta(description="Its JSON, only the fields that are loaded: no guest data.")]


class BackfillRow(Row):
    """A sign of life of a backfill: one at its start, one every few minutes, one at its end."""

    backfill_id: Annotated[str, Meta(description="The backfill: one start of the orchestrator.")]
    beat_at: Annotated[dt.datetime, Meta(description="When this was written, on the clock of the orchestrator (UTC).")]
    beat_date: Annotated[dt.date, Meta(description="Date (UTC) of beat_at; partition.")]
    state: Annotated[
        str,
        Meta(description="running, queued (in Cloud Tasks), done (nothing is left), failed (something is) or stopped."),
    ]
    functions: Annotated[str, Meta(description="The functions that it calls, separated by commas.")]
    restaurants: Annotated[str, Meta(description="GUIDs of its restaurants, separated by commas.")]
    start_date: Annotated[dt.date, Meta(description="First business date that it fills.")]
    end_date: Annotated[dt.date, Meta(description="Last business date that it fills.")]
    units: Annotated[int, Meta(description="Units of work that it began with.")]
    units_done: Annotated[int, Meta(description="Units that are loaded.")]
    units_failed: Annotated[int, Meta(description="Units that failed for good.")]
    expected_end_at: Annotated[
        dt.datetime | None,
        Meta(description="Until when a queued backfill, which gives no beats, is under way (UTC); else NULL."),
    ]
    host: Annotated[str | None, Meta(description="The machine on which the orchestrator runs.")] = None
    process_id: Annotated[
        int | None, Meta(description="Its process there: once that is gone, the backfill is over, whatever it says.")
    ] = None


class BackfillUnitRow(Row):
    """How one unit of a backfill ended: one function, one restaurant, some business dates."""

    backfill_id: Annotated[str, Meta(description="The backfill; see etl_backfills.")]
    function: Annotated[str, Meta(description="The Cloud Function: orders_daily …")]
    restaurant_guid: RestaurantGuid
    start_date: Annotated[dt.date | None, Meta(description="First business date of the unit; NULL for configuration.")]
    end_date: Annotated[dt.date | None, Meta(description="Last business date of the unit; NULL for configuration.")]
    ended_at: Annotated[dt.datetime, Meta(description="When it ended, on the clock of the orchestrator (UTC).")]
    ended_date: Annotated[dt.date, Meta(description="Date (UTC) of ended_at; partition.")]
    state: Annotated[str, Meta(description="queued (in Cloud Tasks, and then a second row), done or failed.")]
    attempts: Annotated[int, Meta(description="Calls that it took.")]
    seconds: Annotated[Decimal, Meta(description="Seconds that its calls took, without the waits between them.")]
    pages: Annotated[int, Meta(description="Pages read from Toast.")]
    rows: Annotated[int, Meta(description="Rows read, over all tables.")]
    error: Annotated[str | None, Meta(description="Why it failed.")]


BUSINESS_DAYS = Table(
    name="business_days",
    description="One row per load of one business date of one source; coverage counts the complete ones.",
    row=BusinessDayRow,
    key=("source", "restaurant_guid", "business_date", "run_id"),
    partition_by="business_date",
    cluster_by=("restaurant_guid", "source"),
    requires_filter=False,
    stamped=False,
)

ETL_RUNS = Table(
    name="etl_runs",
    description="The run ledger: one row per call and restaurant, written after the data that it speaks of.",
    row=RunRow,
    key=("run_id", "restaurant_guid"),
    partition_by="run_date",
    cluster_by=("restaurant_guid", "function"),
    requires_filter=False,
    stamped=False,
    expires=True,
)

ETL_REJECTS = Table(
    name="etl_rejects",
    description="Objects that could not be read; the rest of their page was loaded.",
    row=RejectRow,
    key=("run_id", "object_guid"),
    partition_by="run_date",
    cluster_by=("restaurant_guid", "source"),
    requires_filter=False,
    stamped=False,
    expires=True,
)

ETL_BACKFILLS = Table(
    name="etl_backfills",
    description="Signs of life of backfills: who fills what at the moment, and how far it has come.",
    row=BackfillRow,
    key=("backfill_id", "beat_at"),
    partition_by="beat_date",
    cluster_by=("backfill_id",),
    requires_filter=False,
    stamped=False,
    expires=True,
)

ETL_BACKFILL_UNITS = Table(
    name="etl_backfill_units",
    description="The units of work of backfills that ended, loaded or failed; what failed and why is read from here.",
    row=BackfillUnitRow,
    key=("backfill_id", "function", "restaurant_guid", "ended_at"),
    partition_by="ended_date",
    cluster_by=("restaurant_guid", "function"),
    requires_filter=False,
    stamped=False,
    expires=True,
)

RUN_TABLES: tuple[Table, ...] = (BUSINESS_DAYS, ETL_RUNS, ETL_REJECTS, ETL_BACKFILLS, ETL_BACKFILL_UNITS)
