"""Cloud Function ``cash_daily``: what went into and out of a restaurant's cash drawers, from Toast to the warehouse.

cash entries, deposits, day by day ─► rows of two tables ─► staging table ─► fact tables
                                                                        └► business days, run ledger
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.business_calendar import entry_facts, judge_entries
from shared.business_days import Judge
from shared.calls import open_call
from shared.cash_extraction import read_cash
from shared.cash_tables import CASH_RECORDS, CASH_TABLES, StagedCashDay
from shared.day_loading import DayLoad
from shared.http_contract import serve
from shared.ledger import write_down
from shared.outcomes import Outcome
from shared.plans import cash_days, open_plan
from shared.request_body import DAYS, RequestBody
from shared.toast_endpoints import CASH_DEPOSITS, CASH_ENTRIES
from shared.units import read_all

if TYPE_CHECKING:
    from flask import Request, Response

CASH_DAYS = Judge(partial(entry_facts, tables=CASH_TABLES), judge_entries)


def cash_daily(request: Request) -> Response:
    """Load the cash entries and deposits of one restaurant, or of all, for business dates."""
    return serve(request, "cash_daily", DAYS, load_cash)


def load_cash(run_id: str, body: RequestBody) -> list[Outcome]:
    """Read the days asked for, replace those that differ from what is held, and write down what was done."""
    call = open_call("cash_daily", run_id, body)
    plan = open_plan(call)
    units = cash_days(call, plan, CASH_ENTRIES, CASH_DEPOSITS)
    with DayLoad(call.warehouse, StagedCashDay, CASH_RECORDS, run_id) as load:
        read_all(units, lambda unit: read_cash(call.toast, unit, load, call.deadline), call.deadline)
        written = load.apply([unit for unit in units if unit.finished])
    return write_down(call, plan, units, tables=CASH_TABLES, written=written, judge=CASH_DAYS)
