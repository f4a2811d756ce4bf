"""One call of a function: what was asked, of whom, with which services, cut into units of work."""

from __future__ import annotations

import contextvars
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
from shared.errors import EtlError, InvalidRequest, ToastRefused
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
    toast.now()  # a Toast that cannot be reached is found out once, not by each restaurant
    warehouse.ensure_tables(tables)
    return Call(
        function=function,
        run_id=run_id,
        body=body,
        restaurants=restaurants,
        toast=toast,
        warehouse=warehouse,
        deadline=deadline,
    )


class Plan(msgspec.Struct):
    """The units that a call is made of, and the restaurants for which none could be made."""

    started_at: dt.datetime
    """On Toast's clock (UTC)."""
    units: list[Unit]
    failures: dict[str, EtlError]
    usage: dict[str, Usage]


def days_to_read(call: Call) -> Plan:
    """One unit per restaurant and business date: the dates asked for, else the last finished one.

    A restaurant that Toast tells nothing of fails alone, and so does one for which a date is in the future:
    after its current business date by Toast's clock.
    """
    usage = {restaurant.guid: Usage() for restaurant in call.restaurants}

    def ask(restaurant: Restaurant) -> TradingTerms | EtlError:
        try:
            return _trading_terms(call, restaurant, usage[restaurant.guid])
        except EtlError as error:
            return error

    with ThreadPoolExecutor(CONCURRENT_UNITS) as pool:
        # Each thread gets a copy of the context, which holds the run id that log lines carry.
        asked = [pool.submit(contextvars.copy_context().run, ask, restaurant) for restaurant in call.restaurants]
        answers = [future.result() for future in asked]
    # Only now: a process that was frozen between two calls has learnt the time again from these replies.
    plan = Plan(call.toast.now(), [], {}, usage)
    for restaurant, answer in zip(call.restaurants, answers, strict=True):
        try:
            if isinstance(answer, EtlError):
                raise answer
            plan.units += _units(call, plan, restaurant, answer)
        except EtlError as error:
            plan.failures[restaurant.guid] = error
    return plan


def _units(call: Call, plan: Plan, restaurant: Restaurant, terms: TradingTerms) -> list[Unit]:
    start = call.body.start_date or terms.hours.last_finished(plan.started_at)
    end = call.body.end_date or start
    if end > (today := terms.hours.business_date(plan.started_at)):
        raise InvalidRequest(
            {"end_date": f"{end} is in the future: the current business date of {restaurant.name} is {today}"}
        )
    return [
        Unit(
            restaurant=restaurant,
            hours=terms.hours,
            first_business_date=terms.first_business_date,
            business_date=date,
            usage=plan.usage[restaurant.guid],
        )
        for date in dates_between(start, end)
    ]


class TradingTerms(msgspec.Struct, frozen=True):
    """When a restaurant trades: its hours, and the first business date of its life (None: not known)."""

    hours: TradingHours
    first_business_date: dt.date | None


def _trading_terms(call: Call, restaurant: Restaurant, usage: Usage) -> TradingTerms:
    """What restaurants.toml tells wins over what Toast says; Toast is asked in any case, see `days_to_read`."""
    zone, closeout, first = restaurant.timezone, restaurant.closeout_hour, restaurant.first_business_date
    try:
        info = call.toast.restaurant(restaurant.guid, usage=usage, deadline=call.deadline)
    except ToastRefused:
        if zone is None or closeout is None:
            raise
        return TradingTerms(TradingHours(zone, closeout), first)
    closeout = info.closeout_hour if closeout is None else closeout
    return TradingTerms(TradingHours(zone or info.timezone, closeout), first or info.first_business_date)
