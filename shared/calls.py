"""One call of a function: what was asked, of whom, with which services, cut into units of work."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from shared import connections
from shared.bigquery_utils import Warehouse
from shared.config import Restaurant, Settings, load_tenants, restaurants_for
from shared.date_utils import TradingHours, dates_between
from shared.errors import EtlError, InvalidRequest
from shared.request_body import RequestBody
from shared.tables import Table
from shared.toast_client import ToastClient, Usage
from shared.units import CONCURRENT_UNITS, Unit

# No retry begins later than this into a call: the functions' timeout is 540 s, and what was read until
# then still has to be loaded.
READING_SECONDS = 400.0


def new_run_id(function: str) -> str:
    """A name for one call: letters, digits, '-' and '_', since job ids are made from it."""
    return f"{function}-{uuid.uuid4().hex}"


class Call(msgspec.Struct, kw_only=True):
    """A call that passed its checks: its restaurants, and the services it works with."""

    function: str
    run_id: str
    body: RequestBody
    restaurants: list[Restaurant]
    toast: ToastClient
    warehouse: Warehouse
    deadline: float
    """When the last retry may begin, on the monotonic clock."""
    started_at: dt.datetime
    """On Toast's clock (UTC)."""


def open_call(function: str, run_id: str, body: RequestBody, tables: Iterable[Table]) -> Call:
    """Find the restaurants, reach Toast and the warehouse, and see that the tables are there.

    Raises the EtlError that says what is missing; nothing has been done then.
    """
    deadline = time.monotonic() + READING_SECONDS
    settings = Settings.from_environment()
    tenants = load_tenants(settings.restaurants_file)
    restaurants = restaurants_for(tenants, body.restaurant_guid, body.tenant)
    tenant = tenants[restaurants[0].tenant]
    toast = connections.toast_client(settings, tenant, len(tenants))
    warehouse = connections.warehouse(settings, tenant.dataset)
    warehouse.ensure_tables(tables)
    return Call(
        function=function,
        run_id=run_id,
        body=body,
        restaurants=restaurants,
        toast=toast,
        warehouse=warehouse,
        deadline=deadline,
        started_at=toast.now(),
    )


class Plan(msgspec.Struct):
    """The units that a call is made of, and the restaurants for which none could be made."""

    units: list[Unit]
    failures: dict[str, EtlError]
    usage: dict[str, Usage]


def days_to_read(call: Call) -> Plan:
    """One unit per restaurant and business date: the dates asked for, else the last finished one.

    Raises InvalidRequest for a date in the future: after the restaurant's current business date by
    Toast's clock.
    """
    plan = Plan([], {}, {restaurant.guid: Usage() for restaurant in call.restaurants})

    def ask(restaurant: Restaurant) -> tuple[TradingHours, dt.date | None] | EtlError:
        try:
            return _trading_hours(call, restaurant, plan.usage[restaurant.guid])
        except EtlError as error:
            return error

    with ThreadPoolExecutor(CONCURRENT_UNITS) as pool:
        answers = list(pool.map(ask, call.restaurants))
    for restaurant, answer in zip(call.restaurants, answers, strict=True):
        if isinstance(answer, EtlError):
            plan.failures[restaurant.guid] = answer
        else:
            plan.units += _units(call, restaurant, *answer, plan.usage[restaurant.guid])
    return plan


def _units(
    call: Call, restaurant: Restaurant, hours: TradingHours, first_business_date: dt.date | None, usage: Usage
) -> list[Unit]:
    now = call.toast.now()
    start = call.body.start_date or hours.last_finished(now)
    end = call.body.end_date or start
    if end > (today := hours.business_date(now)):
        raise InvalidRequest(
            {"end_date": f"{end} is in the future: the current business date of {restaurant.name} is {today}"}
        )
    return [
        Unit(
            restaurant=restaurant,
            hours=hours,
            first_business_date=first_business_date,
            business_date=date,
            usage=usage,
        )
        for date in dates_between(start, end)
    ]


def _trading_hours(call: Call, restaurant: Restaurant, usage: Usage) -> tuple[TradingHours, dt.date | None]:
    """From restaurants.toml where it tells them, else from Toast."""
    if restaurant.timezone is not None and restaurant.closeout_hour is not None and restaurant.first_business_date:
        return TradingHours(restaurant.timezone, restaurant.closeout_hour), restaurant.first_business_date
    info = call.toast.restaurant(restaurant.guid, usage=usage, deadline=call.deadline)
    hours = TradingHours(
        restaurant.timezone or info.timezone,
        info.closeout_hour if restaurant.closeout_hour is None else restaurant.closeout_hour,
    )
    return hours, restaurant.first_business_date or info.first_business_date
