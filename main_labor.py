"""Cloud Function ``labor_daily``: who worked when, for what pay and tips, from Toast to the warehouse.

time entries, day by day or what changed ─► rows of two tables ─► staging table ─► fact tables
                                                                              └► business days, run ledger
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.business_calendar import entry_facts, judge_entries
from shared.business_days import Judge
from shared.calls import open_call
from shared.http_contract import serve
from shared.labor_extraction import read_time_entries
from shared.labor_tables import FACT_LABOR_SHIFTS, LABOR
from shared.ledger import write_down
from shared.outcomes import Outcome
from shared.plans import days_or_changes, open_plan
from shared.request_body import DAYS_AND_CHANGES, RequestBody
from shared.toast_endpoints import TIME_ENTRIES
from shared.units import read_all
from shared.version_loading import VersionLoad

if TYPE_CHECKING:
    from flask import Request, Response

LABOR_DAYS = Judge(partial(entry_facts, tables=(FACT_LABOR_SHIFTS,), condition="NOT is_deleted"), judge_entries)


def labor_daily(request: Request) -> Response:
    """Load the time entries of one restaurant, or of all: of business dates, or what changed."""
    return serve(request, "labor_daily", DAYS_AND_CHANGES, load_labor)


def load_labor(run_id: str, body: RequestBody) -> list[Outcome]:
    """Read what is asked for, bring it into the labor tables, and write down what was done."""
    call = open_call("labor_daily", run_id, body)
    plan = open_plan(call)
    units = days_or_changes(call, plan, TIME_ENTRIES)
    with VersionLoad(call.warehouse, LABOR, run_id, plan.started_at) as load:
        read_all(units, lambda unit: read_time_entries(call.toast, unit, load, call.deadline), call.deadline)
        written = load.apply([unit for unit in units if unit.finished])
    return write_down(call, plan, units, tables=LABOR.tables, written=written, judge=LABOR_DAYS)
