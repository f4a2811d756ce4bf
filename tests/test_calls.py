"""A call's restaurants asked side by side, and which of several errors is told of one of them."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from shared.calls import Call
from shared.config import Restaurant, Tenant
from shared.date_utils import TradingHours
from shared.errors import EtlError, ToastRefused, ToastUnavailable, WarehouseUnavailable
from shared.outcomes import outcomes
from shared.plans import Plan, days_or_changes, open_plan
from shared.request_body import RequestBody
from shared.toast_client import RestaurantInfo, Usage
from shared.toast_endpoints import ORDERS_BULK
from shared.units import DayUnit

NOW = dt.datetime(2026, 2, 24, 18, tzinfo=dt.UTC)
NORTH = Restaurant(guid="north", name="North", tenant="t")


def call_to(toast: Any, **asked: Any) -> Call:
    return Call(
        function="orders_daily",
        run_id="run",
        body=RequestBody(**asked),
        tenant=Tenant(name="t", restaurants=(NORTH,)),
        restaurants=[NORTH],
        toast=toast,
        warehouse=SimpleNamespace(),
        deadline=0.0,
    )


def test_what_is_logged_while_a_restaurant_is_asked_for_carries_the_run() -> None:
    seen = []

    def restaurant(_guid: str, **_: Any) -> RestaurantInfo:
        seen.append(structlog.contextvars.get_contextvars())
        return RestaurantInfo(name="North", timezone="America/New_York", closeout_hour=4)

    structlog.contextvars.bind_contextvars(run_id="run")
    call = call_to(SimpleNamespace(restaurant=restaurant, now=lambda: NOW), mode="business_date")
    units = days_or_changes(call, open_plan(call), ORDERS_BULK)
    assert seen == [{"run_id": "run"}]
    assert [unit.business_date for unit in units] == [dt.date(2026, 2, 23)]


def failed(day: int, error: EtlError) -> DayUnit:
    return DayUnit(
        restaurant=NORTH,
        hours=TradingHours("America/New_York", 4),
        first_business_date=None,
        business_date=dt.date(2026, 2, day),
        usage=Usage(),
        endpoint=ORDERS_BULK.name,
        error=error,
    )


@pytest.mark.parametrize("passing", [ToastUnavailable("busy"), WarehouseUnavailable("busy")], ids=["toast", "bigquery"])
def test_of_several_errors_the_one_that_may_pass_is_told(passing: EtlError) -> None:
    """Then calling again helps, and the reply has to say so."""
    units = [failed(21, ToastRefused("no", status=403)), failed(22, passing)]
    plan = Plan(NOW, {}, {}, {"north": Usage()})
    (outcome,) = outcomes(call_to(SimpleNamespace()), plan, units, tables=(), written={})
    assert outcome.error is passing
    assert outcome.resume_from == {"start_date": dt.date(2026, 2, 21)}
