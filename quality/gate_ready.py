"""Gate 3, ready: names for everything, every function running as it should, and no failure left open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from history.ledger import FailedUnit, Ledger
from history.spans import without
from history.units import CONFIGURATION, FUNCTION_OF, SOURCE_OF, Location, Source
from quality import mending
from quality.context import Context
from quality.findings import Finding, Found, Skipped
from quality.ready_statements import newest_runs, unresolved_references
from quality.toast_again import names, order_again
from shared.errors import ToastError
from shared.toast_client import ToastClient

CONFIGURED_WITHIN = dt.timedelta(days=8)
"""A weekly run, and a day for it to be late."""
LOADED_WITHIN = dt.timedelta(hours=26)
"""A daily run, and two hours for it to be late."""

Row = Mapping[str, Any]


def dimensions_current(context: Context) -> Found:
    """See that the configuration of each restaurant was read within 8 days."""
    found = Found()
    for guid, name in context.names.items():
        last = _last_success(context, guid, CONFIGURATION)
        if last is None or last < context.now - CONFIGURED_WITHIN:
            when = f"last read in full at {_minute(last)}, {_ago(context.now - last)}" if last else "never read in full"
            found.findings.append(
                Finding(
                    what=f"Its configuration was {when}: at most {CONFIGURED_WITHIN.days} days are allowed.",
                    mend=mending.configure([guid]),
                    restaurant_guid=guid,
                    restaurant_name=name,
                    functions=("config",),
                    figures={"last_success_at": last},
                )
            )
    return found


def references_resolved(context: Context) -> Found:
    """Find GUIDs on orders, opened after the first configuration run, that no dimension knows.

    What Toast's own order names and its configuration, read after that order, does not list, nobody can resolve: it
    was archived before it was ever listed. That is only noted.
    """
    if "orders" not in context.sources:
        raise Skipped("only orders are looked at")
    rows = context.ask(unresolved_references(context.warehouse.dataset, context.guids, context.range), "references")
    locations = {location.restaurant.guid: location for location in context.restaurants}
    found, unlisted = Found(), []
    for number, row in enumerate(rows):
        configured = _last_success(context, row["restaurant_guid"], CONFIGURATION)
        if configured is None or configured <= row["last_opened_at"]:
            found.findings.append(_unresolved(context, row, "The configuration was not read since."))
        elif number >= context.sample_orders or context.toast is None:
            found.findings.append(_unresolved(context, row, "The configuration does not list it; Toast was not asked."))
        elif _toast_names(context.toast(), locations[row["restaurant_guid"]], row):
            unlisted.append(f"{row['guid']} ({row['record']})")
        else:
            found.findings.append(_unresolved(context, row, "The order does not name it at Toast.", replace=True))
    found.total = len(found.findings) + (int(rows[0]["total"]) - len(rows) if rows else 0)
    if unlisted:
        listed = ", ".join(unlisted[:3]) + (" …" if len(unlisted) > 3 else "")
        found.notes.append(f"{len(unlisted):,} that orders name, Toast's configuration no longer lists: {listed}.")
    return found


def _toast_names(toast: ToastClient, location: Location, row: Row) -> bool:
    try:
        order = order_again(toast, location, row["order_guid"])
    except ToastError:
        return False
    return order is not None and names(order, row["guid"])


def _unresolved(context: Context, row: Row, why: str, *, replace: bool = False) -> Finding:
    guid = row["restaurant_guid"]
    dates = {row["first_date"], row["last_date"]}
    return Finding(
        what=f"dim_{row['record']} has no {row['guid']}, which {row['row_count']:,} rows name, such as of order "
        f"{row['order_guid']}. {why}",
        mend=mending.replace(dates, [guid], ["orders"]) if replace else mending.configure([guid]),
        restaurant_guid=guid,
        restaurant_name=context.names.get(guid),
        start_date=row["first_date"],
        end_date=row["last_date"],
        functions=("orders",) if replace else ("config",),
        table=row["table_name"],
        figures={
            "dimension": f"dim_{row['record']}",
            "guid": row["guid"],
            "rows": row["row_count"],
            "order_guid": row["order_guid"],
        },
    )


def loaded_lately(context: Context) -> Found:
    """See that each function succeeded for each restaurant within 26 hours."""
    found = Found()
    for guid, name in context.names.items():
        for source in context.sources:
            last = _last_success(context, guid, FUNCTION_OF[source])
            if last is None or last < context.now - LOADED_WITHIN:
                found.findings.append(_stale(context, guid, name, source, last))
    return found


def _stale(context: Context, guid: str, name: str, source: Source, last: dt.datetime | None) -> Finding:
    when = f"last succeeded at {_minute(last)}, {_ago(context.now - last)}" if last else "has never succeeded"
    return Finding(
        what=f"{FUNCTION_OF[source]} {when}: at most 26 hours are allowed. Is its schedule running?",
        mend=mending.follow(source, guid),
        restaurant_guid=guid,
        restaurant_name=name,
        functions=(source,),
        figures={"last_success_at": last},
    )


def no_open_failure(context: Context) -> Found:
    """Find runs, and units of backfills, that failed and that nothing has made good since."""
    functions = {FUNCTION_OF[source] for source in context.sources} | {CONFIGURATION}
    found = Found()
    for row in _runs(context):
        # One that follows the changes is not made good by a backfill that came after it.
        counts = row["is_newest"] or row["mode"] == "modified"
        if row["function"] in functions and row["status"] != "success" and counts:
            found.findings.append(_failed_run(context, row))
    for one in Ledger(context.warehouse).failed():
        found.findings += _failed_unit(context, one)
    return found


def _failed_run(context: Context, row: Row) -> Finding:
    guid, source = row["restaurant_guid"], SOURCE_OF.get(row["function"])
    start, end = row["start_date"], row["end_date"]
    if source is None:
        mend = mending.configure([guid])
    elif row["mode"] == "business_date" and start and end:
        mend = mending.load_span_again(start, end, [guid], [source])
    else:
        mend = mending.follow(source, guid)
    return Finding(
        what=f"The newest run of {row['function']}, {row['run_id']} at {_minute(row['finished_at'])}, ended "
        f"{row['status']}: {row['error']}",
        mend=mend,
        restaurant_guid=guid,
        restaurant_name=context.names.get(guid),
        start_date=start,
        end_date=end,
        functions=(source,) if source else ("config",),
        table="etl_runs",
        figures={"run_id": row["run_id"], "status": row["status"]},
    )


def _failed_unit(context: Context, failed: FailedUnit) -> list[Finding]:
    """The unit, for each part of it that is still missing."""
    unit = failed.unit
    source = SOURCE_OF.get(unit.function)
    if (
        unit.restaurant_guid not in context.names
        or source not in context.sources
        or unit.span is None
        or source is None
    ):
        return []
    left = without([unit.span], context.complete.get((source, unit.restaurant_guid), ()))
    return [
        Finding(
            what=f"A backfill failed here after {failed.attempts} attempts: {failed.error}",
            mend=mending.load_failed([unit.restaurant_guid], [source]),
            restaurant_guid=unit.restaurant_guid,
            restaurant_name=context.names[unit.restaurant_guid],
            start_date=span.start,
            end_date=span.end,
            functions=(source,),
            table="etl_backfill_units",
            figures={"attempts": failed.attempts, "days": span.days},
        )
        for span in left
        if span.end >= context.first and span.start <= context.last
    ]


def _runs(context: Context) -> list[Row]:
    kept: list[Row] | None = vars(context).get("_runs")
    if kept is None:
        rows = context.ask(newest_runs(context.warehouse.dataset, context.guids), "runs")
        kept = vars(context)["_runs"] = sorted(rows, key=lambda row: (row["restaurant_guid"], row["function"]))
    return kept


def _last_success(context: Context, guid: str, function: str) -> dt.datetime | None:
    rows = (row for row in _runs(context) if row["restaurant_guid"] == guid and row["function"] == function)
    return next((row["last_success_at"] for row in rows), None)


def _minute(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _ago(age: dt.timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:,.0f} hours ago" if hours < 72 else f"{hours / 24:,.0f} days ago"
