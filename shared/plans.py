"""What a call reads: the units that it is cut into, by what was asked and what the warehouse knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import msgspec

from shared.calls import Call
from shared.concurrency import side_by_side
from shared.config import Restaurant
from shared.coverage import OVERLAP, SETTLING, Coverage, coverage_of
from shared.date_utils import TradingHours, dates_between
from shared.day_history import DayHistory, history_of
from shared.drift import Drift
from shared.errors import EtlError, InvalidRequest, ToastRefused
from shared.toast_client import RestaurantInfo, Usage, longest_window_after
from shared.toast_endpoints import Endpoint
from shared.units import CONCURRENT_UNITS, DatedUnit, DayUnit, UnitT, WindowUnit

# Cash entries are entered late and undone days later, and Toast lists them only by business date: each call
# without dates reads so many days again.
REPEATED_CASH_DAYS = 7

# A call that is too large for its time is repeated as it was. What it read so short a while ago comes last then,
# and is left as it is when time runs short again.
FRESH = dt.timedelta(hours=1)


class Terms(msgspec.Struct, frozen=True):
    """When a restaurant trades, and what else Toast says of it (None: it says nothing)."""

    hours: TradingHours
    first_business_date: dt.date | None
    """The first business date of its life; None: not known."""
    info: RestaurantInfo | None


class Plan(msgspec.Struct):
    """What a call knows of its restaurants before it reads, and what it learns of them besides rows."""

    started_at: dt.datetime
    """On Toast's clock (UTC)."""
    terms: dict[str, Terms]
    failures: dict[str, EtlError]
    usage: dict[str, Usage]
    drift: Drift = msgspec.field(default_factory=Drift)
    """What the replies hold and the code does not know."""
    followed: dict[str, Coverage | None] = {}
    """The restaurants whose changes this call follows, with what was known of each before (None: nothing)."""
    followed_to: dict[str, Coverage] = {}
    """What is known of them after the call."""
    menus_updated_at: dict[str, dt.datetime] = {}
    """lastUpdated of the menus that the warehouse holds after the call, where the call saw to them."""
    notes: dict[str, list[str]] = {}
    """What a reply tells besides, by restaurant: nothing that went wrong."""

    def extend_coverage(self, units: Sequence[DatedUnit]) -> None:
        """See, when all units have ended, how far the changes of the followed restaurants are known now."""
        by_restaurant: dict[str, list[DatedUnit]] = {guid: [] for guid in self.followed}
        for unit in units:
            if unit.restaurant_guid in by_restaurant:
                by_restaurant[unit.restaurant_guid].append(unit)
        for guid, own in by_restaurant.items():
            after = _extended(self.followed[guid], own)
            if after is not None:
                self.followed_to[guid] = after


def _extended(known: Coverage | None, units: Sequence[DatedUnit]) -> Coverage | None:
    """The coverage after some units, as far as they were read without a gap. They stand in time's order."""
    for unit in units:
        if not unit.finished or unit.read_at is None:
            break
        if isinstance(unit, WindowUnit) and known is not None:
            known = Coverage(known.since, max(unit.end, known.until))
        elif known is None:
            known = Coverage(unit.read_at, unit.read_at)
    return known


def open_plan(call: Call) -> Plan:
    """Ask Toast about each restaurant: its hours, and by the replies' dates what time it is.

    A restaurant that Toast tells nothing of fails alone.
    """
    usage = {restaurant.guid: Usage() for restaurant in call.restaurants}

    def ask(restaurant: Restaurant) -> Terms | EtlError:
        try:
            return _terms(call, restaurant, usage[restaurant.guid])
        except EtlError as error:
            return error

    answers = side_by_side(ask, call.restaurants, CONCURRENT_UNITS)
    # Only now: a process that was frozen between two calls has learnt the time again from these replies.
    plan = Plan(call.toast.now(), {}, {}, usage)
    for restaurant, answer in zip(call.restaurants, answers, strict=True):
        if isinstance(answer, Terms):
            plan.terms[restaurant.guid] = answer
        else:
            plan.failures[restaurant.guid] = answer
    return plan


def _terms(call: Call, restaurant: Restaurant, usage: Usage) -> Terms:
    """What restaurants.toml tells wins over what Toast says; Toast is asked in any case, see `open_plan`."""
    zone, closeout, first = restaurant.timezone, restaurant.closeout_hour, restaurant.first_business_date
    try:
        info = call.toast.restaurant(
            restaurant.guid, usage=usage, deadline=call.deadline, timezone=zone, closeout_hour=closeout
        )
    except ToastRefused:
        if zone is None or closeout is None:
            raise
        return Terms(TradingHours(zone, closeout), first, None)
    return Terms(TradingHours(info.timezone, info.closeout_hour), first or info.first_business_date, info)


# --- dated units -------------------------------------------------------------------------------------


def days_or_changes(call: Call, plan: Plan, endpoint: Endpoint) -> list[DatedUnit]:
    """Orders and labor: the dates asked for, as days or as what was modified on them.

    Without dates what was modified since the watermark; where nothing was ever loaded, the last finished
    business date, with which following the changes begins.
    """
    if call.body.start_date is None and call.body.mode != "business_date":
        known = coverage_of(call.warehouse, call.function, plan.terms, plan.started_at, f"{call.run_id}-watermarks")
        plan.followed = {guid: known.get(guid) for guid in plan.terms}
    modified = call.body.mode == "modified"

    def units(restaurant: Restaurant, terms: Terms) -> Iterator[DatedUnit]:
        if call.body.start_date is not None:
            start, end = _dates_asked(call, plan, restaurant, terms)
            if not modified:
                yield from _days(plan, restaurant, terms, endpoint, start, end)
                return
            until = min(terms.hours.end(end), plan.started_at - SETTLING)
            yield from _windows(plan, restaurant, terms, endpoint, terms.hours.start(start), until)
        elif (before := plan.followed.get(restaurant.guid)) is None:
            last = terms.hours.last_finished(plan.started_at)
            yield from _days(plan, restaurant, terms, endpoint, last, last)
        else:
            since, until = before.until - OVERLAP, plan.started_at - SETTLING
            yield from _windows(plan, restaurant, terms, endpoint, since, until)

    return _with_fresh_marked(call, plan, _for_each(call, plan, units))


def cash_days(call: Call, plan: Plan, *endpoints: Endpoint) -> list[DayUnit]:
    """Cash: the dates asked for, else the last finished ones; each day is a unit for each endpoint."""

    def units(restaurant: Restaurant, terms: Terms) -> Iterator[DayUnit]:
        if call.body.start_date is not None:
            start, end = _dates_asked(call, plan, restaurant, terms)
        else:
            end = terms.hours.last_finished(plan.started_at)
            start = end - dt.timedelta(days=REPEATED_CASH_DAYS - 1)
        for endpoint in endpoints:
            yield from _days(plan, restaurant, terms, endpoint, start, end)

    return _with_fresh_marked(call, plan, _for_each(call, plan, units))


def _for_each(call: Call, plan: Plan, units: Callable[[Restaurant, Terms], Iterator[UnitT]]) -> list[UnitT]:
    """The units of every restaurant; one for which none can be made fails alone."""
    made: list[UnitT] = []
    for restaurant in call.restaurants:
        if restaurant.guid in plan.terms:
            try:
                made += units(restaurant, plan.terms[restaurant.guid])
            except EtlError as error:
                plan.failures[restaurant.guid] = error
    return made


def _with_fresh_marked(call: Call, plan: Plan, units: list[UnitT]) -> list[UnitT]:
    """Mark the days that were read a short while ago, in a call that is made of several."""
    days = [unit for unit in units if isinstance(unit, DayUnit)]
    if len(days) > 1:
        known = history_of(call, {(unit.restaurant_guid, unit.business_date) for unit in days}, "fresh-days")
        for unit in days:
            read_at = known.get((unit.restaurant_guid, unit.business_date), DayHistory()).read_complete_at
            unit.fresh = read_at is not None and read_at > plan.started_at - FRESH
    return units


def _dates_asked(call: Call, plan: Plan, restaurant: Restaurant, terms: Terms) -> tuple[dt.date, dt.date]:
    start, end = call.body.start_date, call.body.end_date
    if start is None or end is None:
        raise TypeError("the call has no dates")
    if end > (today := terms.hours.business_date(plan.started_at)):
        raise InvalidRequest(
            {"end_date": f"{end} is in the future: the current business date of {restaurant.name} is {today}"}
        )
    return start, end


def _days(
    plan: Plan, restaurant: Restaurant, terms: Terms, endpoint: Endpoint, start: dt.date, end: dt.date
) -> Iterator[DayUnit]:
    for date in dates_between(start, end):
        yield DayUnit(
            restaurant=restaurant,
            usage=plan.usage[restaurant.guid],
            drift=plan.drift,
            endpoint=endpoint.name,
            hours=terms.hours,
            first_business_date=terms.first_business_date,
            business_date=date,
        )


def _windows(
    plan: Plan, restaurant: Restaurant, terms: Terms, endpoint: Endpoint, start: dt.datetime, end: dt.datetime
) -> Iterator[WindowUnit]:
    while start < end:
        stop = min(end, longest_window_after(start))
        yield WindowUnit(
            restaurant=restaurant,
            usage=plan.usage[restaurant.guid],
            drift=plan.drift,
            endpoint=endpoint.name,
            hours=terms.hours,
            first_business_date=terms.first_business_date,
            start=start,
            end=stop,
        )
        start = stop
