"""Cloud Function ``orders_daily``: a restaurant's orders, from Toast to the warehouse.

ordersBulk, day by day or what changed ─► orders ─► rows of seven tables ─► staging table ─► fact tables
                                                                                     └► business days, run ledger
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from shared.business_calendar import DayFacts, judge_orders, order_facts
from shared.business_days import Judge
from shared.calls import open_call
from shared.http_contract import serve
from shared.ledger import write_down
from shared.order_extraction import read_orders
from shared.order_tables import ORDERS
from shared.outcomes import Outcome
from shared.plans import days_or_changes, open_plan
from shared.request_body import DAYS_AND_CHANGES, RequestBody
from shared.toast_endpoints import ORDERS_BULK
from shared.units import read_all
from shared.version_loading import VersionLoad

if TYPE_CHECKING:
    from flask import Request, Response

ORDER_DAYS = Judge(order_facts, judge_orders, nothing=DayFacts(net_sales=Decimal(0)))


def orders_daily(request: Request) -> Response:
    """Load the orders of one restaurant, or of all: of business dates, or what changed."""
    return serve(request, "orders_daily", DAYS_AND_CHANGES, load_orders)


def load_orders(run_id: str, body: RequestBody) -> list[Outcome]:
    """Read what is asked for, bring it into the order tables, and write down what was done."""
    call = open_call("orders_daily", run_id, body)
    plan = open_plan(call)
    units = days_or_changes(call, plan, ORDERS_BULK)
    with VersionLoad(call.warehouse, ORDERS, run_id, plan.started_at) as load:
        read_all(units, lambda unit: read_orders(call.toast, unit, load, call.deadline), call.deadline)
        written = load.apply([unit for unit in units if unit.finished])
    return write_down(call, plan, units, tables=ORDERS.tables, written=written, judge=ORDER_DAYS)
