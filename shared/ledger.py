"""Writing down what was loaded: business days, runs, rejected objects.

All of it after the facts it speaks of: losing the process in between costs a repeat, never a hole.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal

from shared.bigquery_utils import Warehouse
from shared.business_calendar import DayFacts, day_facts, judge
from shared.run_tables import BUSINESS_DAYS, ETL_REJECTS, ETL_RUNS, BusinessDayRow, RejectRow, RunRow
from shared.spool import encode_rows
from shared.statements import insert_values
from shared.units import Unit


def record_rejects(warehouse: Warehouse, units: Sequence[Unit], *, source: str, run_id: str, run_date: dt.date) -> None:
    """Keep the objects that could not be read; without any, this costs nothing.

    By a load job: there can be many, and they can be long.
    """
    rows = [
        RejectRow(
            run_id,
            reject.guid,
            source,
            unit.restaurant_guid,
            unit.business_date,
            run_date,
            reject.reason,
            reject.payload,
        )
        for unit in units
        for reject in unit.rejects
    ]
    if rows:
        lines = io.BytesIO(encode_rows(rows))
        warehouse.load(lines, ETL_REJECTS.name, ETL_REJECTS.columns, f"{run_id}-rejects")


def record_order_days(warehouse: Warehouse, units: Sequence[Unit], *, run_id: str) -> list[BusinessDayRow]:
    """Judge the business date of each finished unit by what the warehouse now holds, and write it down."""
    if not units:
        return []
    restaurants = {unit.restaurant_guid for unit in units}
    dates = {unit.business_date for unit in units}
    found = warehouse.run(day_facts(warehouse.dataset, restaurants, dates), f"{run_id}-day-facts").rows
    facts = {
        (row["restaurant_guid"], row["business_date"]): DayFacts(int(row["orders"]), Decimal(row["net_sales"]))
        for row in found
    }
    rows = [
        _order_day(unit, facts.get((unit.restaurant_guid, unit.business_date), DayFacts()), run_id) for unit in units
    ]
    warehouse.run(insert_values(warehouse.dataset, BUSINESS_DAYS, rows), f"{run_id}-business-days")
    return rows


def _order_day(unit: Unit, facts: DayFacts, run_id: str) -> BusinessDayRow:
    assert unit.read_at is not None, "a finished unit was read at some time"  # noqa: S101
    verdict = judge(
        unit.business_date,
        facts,
        restaurant=unit.restaurant,
        hours=unit.hours,
        first_business_date=unit.first_business_date,
        read_at=unit.read_at,
        rejects=len(unit.rejects),
    )
    return BusinessDayRow(
        source="orders",
        restaurant_guid=unit.restaurant_guid,
        business_date=unit.business_date,
        run_id=run_id,
        status=verdict.status,
        reason=verdict.reason,
        complete=verdict.status != "provisional",
        row_count=facts.orders,
        net_sales=facts.net_sales,
        rejects=len(unit.rejects),
        read_at=unit.read_at,
    )


def record_runs(warehouse: Warehouse, rows: Sequence[RunRow], *, run_id: str) -> None:
    """Write the run ledger: one row per restaurant of the call."""
    if rows:
        warehouse.run(insert_values(warehouse.dataset, ETL_RUNS, rows), f"{run_id}-ledger")
