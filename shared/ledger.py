"""Writing down what a call did: rejected objects, business days, the run.

All of it after the facts it speaks of: losing the process in between costs a repeat, never a hole.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence

from shared.business_days import Judge, business_date_of, record_days
from shared.calls import Call
from shared.errors import InvalidRequest
from shared.outcomes import Outcome, outcomes
from shared.plans import Plan
from shared.run_tables import ETL_REJECTS, ETL_RUNS, RejectRow, RunRow
from shared.spool import encode_rows
from shared.statements import insert_values
from shared.tables import Table
from shared.units import DatedUnit, DayUnit, Unit, Written


def write_down(
    call: Call,
    plan: Plan,
    units: Sequence[DatedUnit],
    *,
    tables: Sequence[Table],
    written: Mapping[tuple[str, str], Written],
    judge: Judge,
) -> list[Outcome]:
    """Write down what became of a call's dated units, and say it for each restaurant."""
    plan.extend_coverage(units)
    record_rejects(call, plan, units)
    days = record_days(call, plan, units, judge)
    results = outcomes(call, plan, units, tables=tables, written=written, days=days)
    record_runs(call, plan, results)
    return results


def record_rejects(call: Call, plan: Plan, units: Iterable[Unit]) -> None:
    """Keep the objects of finished units that could not be read; without any, this costs nothing.

    By a load job: there can be many, and they can be long.
    """
    run_date = plan.started_at.date()
    rows = [
        RejectRow(
            call.run_id,
            reject.guid,
            call.source,
            unit.restaurant_guid,
            unit.business_date if isinstance(unit, DayUnit) else business_date_of(reject),
            run_date,
            reject.reason,
            reject.payload,
        )
        for unit in units
        if unit.finished
        for reject in unit.rejects
    ]
    if rows:
        lines = io.BytesIO(encode_rows(rows))
        call.warehouse.load(lines, ETL_REJECTS.name, ETL_REJECTS.columns, f"{call.run_id}-rejects")


def record_runs(call: Call, plan: Plan, results: Iterable[Outcome]) -> None:
    """Write the run ledger: one row per restaurant of the call; a request that was wrong is no run."""
    finished_at = call.toast.now()
    rows = [_run(call, plan, result, finished_at) for result in results if not isinstance(result.error, InvalidRequest)]
    if rows:
        call.warehouse.run(insert_values(call.warehouse.dataset, ETL_RUNS, rows), f"{call.run_id}-ledger")


def _run(call: Call, plan: Plan, result: Outcome, finished_at: dt.datetime) -> RunRow:
    coverage = plan.followed_to.get(result.restaurant_guid)
    return RunRow(
        run_id=call.run_id,
        restaurant_guid=result.restaurant_guid,
        run_date=plan.started_at.date(),
        function=call.function,
        status=result.status,
        mode=result.mode,
        start_date=result.start_date,
        end_date=result.end_date,
        started_at=plan.started_at,
        finished_at=finished_at,
        pages=result.pages,
        requests=result.requests,
        rejects=result.rejects,
        **result.rows(),
        error=str(result.error) if result.error else None,
        covered_from=coverage.since if coverage else None,
        watermark=coverage.until if coverage else None,
        menus_updated_at=plan.menus_updated_at.get(result.restaurant_guid),
        drift=len(result.drift),
    )
