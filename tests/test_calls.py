"""A call's restaurants asked side by side, and which of several errors is told of one of them."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from shared.calls import Call, Plan, days_to_read
from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.errors import EtlError, ToastRefused, ToastUnavailable, WarehouseUnavailable
from shared.outcomes import outcomes
from shared.request_body import RequestBody
from shared.toast_client import RestaurantInfo, Usage
from shared.units import Unit

NOW = dt.datetime(2026, 2, 24, 18, tzinfo=dt.UTC)
NORTH = Restaurant(guid="north", name="North", tenant="t")


def call_to(toast: Any) -> Call:
    return Call(
        function="orders_daily",
        run_id="run",
        body=RequestBody(),
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
    plan = days_to_read(call_to(SimpleNamespace(restaurant=restaurant, now=lambda: NOW)))
    assert seen == [{"run_id": "run"}]
    assert [unit.business_date for unit in plan.units] == [dt.date(2026, 2, 23)]


def failed(day: int, error: EtlError) -> Unit:
    return Unit(
        restaurant=NORTH,
        hours=TradingHours("America/New_York", 4),
        first_business_date=None,
        business_date=dt.date(2026, 2, day),
        usage=Usage(),
        error=error,
    )


@pytest.mark.parametrize("passing", [ToastUnavailable("busy"), WarehouseUnavailable("busy")], ids=["toast", "bigquery"])
def test_of_several_errors_the_one_that_may_pass_is_told(passing: EtlError) -> None:
    """Then calling again helps, and the reply has to say so."""
    units = [failed(21, ToastRefused("no", status=403)), failed(22, passing)]
    plan = Plan(NOW, units, {}, {"north": Usage()})
    (outcome,) = outcomes(call_to(SimpleNamespace()), plan, (), {}, ())
    assert outcome.error is passing
    assert outcome.resume_from == {"start_date": dt.date(2026, 2, 21)}
