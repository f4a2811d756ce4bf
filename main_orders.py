"""Cloud Function ``orders_daily``: a restaurant's orders, from Toast to the warehouse.

ordersBulk, day by day ─► orders ─► rows of seven tables ─► staging table ─► fact tables
                                                                         └► business days, run ledger
"""

from __future__ import annotations

import flask

from shared.calls import days_to_read, open_call
from shared.http_contract import serve
from shared.ledger import record_order_days, record_rejects, record_runs
from shared.order_extraction import read_orders_of_day
from shared.order_loading import OrderLoad
from shared.order_tables import ORDER_TABLES
from shared.outcomes import Outcome, ledger_rows, outcomes
from shared.request_body import RequestBody
from shared.run_tables import RUN_TABLES
from shared.units import read_all


def orders_daily(request: flask.Request) -> flask.Response:
    """Load the orders of one restaurant, or of all, for a range of business dates."""
    return serve(request, "orders_daily", load_orders)


def load_orders(run_id: str, body: RequestBody) -> list[Outcome]:
    """Read the days asked for, bring them into the order tables, and write down what was done."""
    call = open_call("orders_daily", run_id, body, (*ORDER_TABLES, *RUN_TABLES))
    plan = days_to_read(call)
    with OrderLoad(call.warehouse, run_id, plan.started_at) as load:
        read_all(plan.units, lambda unit: read_orders_of_day(call.toast, unit, load, call.deadline))
        finished = [unit for unit in plan.units if unit.finished]
        written = load.apply(finished)
    record_rejects(call.warehouse, finished, source="orders", run_id=run_id, run_date=plan.started_at.date())
    days = record_order_days(call.warehouse, finished, run_id=run_id)
    results = outcomes(call, plan, ORDER_TABLES, written, days)
    record_runs(call.warehouse, ledger_rows(call, plan, results), run_id=run_id)
    return results
