"""What a backfill finds missing, how it cuts that into calls, and what it says they will take."""

from __future__ import annotations

import datetime as dt

import pytest
from backfill_parts import NOW, TENANT, location
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backfill.plan import Conditions, planned, workers_for
from backfill.work import NoFirstDate, Wanted, missing_units, spans_wanted
from history.ledger import Pace
from history.spans import Span, clipped, cut, days_in, spans_of, united, without
from history.units import Unit
from shared.toast_endpoints import SHARES

DAYS = st.dates(dt.date(2025, 1, 1), dt.date(2025, 3, 31))
SPANS = st.lists(st.tuples(DAYS, DAYS).map(lambda pair: Span(min(pair), max(pair))), max_size=6)


def dates(spans: list[Span]) -> set[dt.date]:
    return {span.start + dt.timedelta(days=n) for span in spans for n in range(span.days)}


@given(SPANS, SPANS)
def test_what_is_left_is_what_is_wanted_less_what_is_there(wanted: list[Span], present: list[Span]) -> None:
    left = without(wanted, present)
    assert dates(left) == dates(wanted) - dates(present)
    assert left == united(left), "as few spans as can be, in order"


@given(SPANS, st.integers(1, 31))
def test_pieces_hold_every_date_once_and_none_is_too_long(spans: list[Span], days: int) -> None:
    whole = united(spans)
    pieces = list(cut(whole, days))
    assert dates(pieces) == dates(spans)
    assert days_in(pieces) == len(dates(spans)), "no date twice"
    assert all(piece.days <= days for piece in pieces)


@given(st.sets(DAYS))
def test_single_dates_become_spans_and_back(chosen: set[dt.date]) -> None:
    assert dates(spans_of(chosen)) == chosen


@given(SPANS, DAYS, DAYS)
def test_clipping_keeps_just_the_dates_between(spans: list[Span], one: dt.date, other: dt.date) -> None:
    start, end = min(one, other), max(one, other)
    assert dates(clipped(spans, start, end)) == {date for date in dates(spans) if start <= date <= end}


# --- what is wanted ----------------------------------------------------------------------------------


def test_thirteen_restaurants_of_sixty_weeks_are_780_calls() -> None:
    wanted = Wanted(("orders",), (Span(dt.date(2025, 1, 1), dt.date(2026, 2, 24)),))
    locations = [location(f"{n:08}-0000-4000-8000-000000000000") for n in range(13)]
    units = missing_units(TENANT, locations, wanted, {}, dt.datetime(2026, 3, 1, tzinfo=dt.UTC), {})
    assert len(units) == 780
    assert {unit.span.days for unit in units if unit.span} == {7}


def test_a_complete_date_is_left_out_for_its_source_only() -> None:
    here = location()
    span = Span(dt.date(2026, 2, 1), dt.date(2026, 2, 10))
    complete = {("orders", here.restaurant.guid): [Span(dt.date(2026, 2, 3), dt.date(2026, 2, 9))]}
    units = missing_units(TENANT, [here], Wanted(("orders", "cash"), (span,)), complete, NOW, {"": 31})
    guid = here.restaurant.guid
    assert units == [
        Unit("orders_daily", guid, Span(dt.date(2026, 2, 1), dt.date(2026, 2, 2))),
        Unit("orders_daily", guid, Span(dt.date(2026, 2, 10), dt.date(2026, 2, 10))),
        Unit("cash_daily", guid, span),
    ]
    everything = missing_units(TENANT, [here], Wanted(("orders",), (span,), again=True), complete, NOW, {"": 31})
    assert [unit.span for unit in everything] == [span]


def test_nothing_before_the_first_date_and_nothing_that_is_not_final() -> None:
    """2026-02-24 10:30 UTC is 5:30 in New York: the 23rd is over, but its nightly close is not."""
    here = location(first=dt.date(2026, 2, 20))
    wanted = Wanted(("orders",), (Span(dt.date(2026, 1, 1), dt.date(2026, 12, 31)),))
    early, late = (dt.datetime(2026, 2, 24, hour, 30, tzinfo=dt.UTC) for hour in (10, 12))
    assert spans_wanted(here, wanted, early) == [Span(dt.date(2026, 2, 20), dt.date(2026, 2, 22))]
    assert spans_wanted(here, wanted, late) == [Span(dt.date(2026, 2, 20), dt.date(2026, 2, 23))]
    assert spans_wanted(here, Wanted(("orders",), None), late) == spans_wanted(here, wanted, late)


def test_a_whole_history_needs_a_beginning() -> None:
    with pytest.raises(NoFirstDate, match=r"Purpose Brooklyn.*--start-date"):
        spans_wanted(location(first=None), Wanted(("orders",), None), NOW)


def test_days_per_call_as_told_then_as_the_tenant_says_then_seven() -> None:
    here, span = location(), Span(dt.date(2026, 1, 1), dt.date(2026, 1, 31))

    def calls(tenant: object, told: dict[str, int]) -> dict[str, int]:
        units = missing_units(tenant, [here], Wanted(("orders", "cash"), (span,)), {}, NOW, told)
        return {name: sum(unit.function == name for unit in units) for name in ("orders_daily", "cash_daily")}

    own = replace(TENANT, chunk_days=(("cash", 31),))
    assert calls(TENANT, {}) == {"orders_daily": 5, "cash_daily": 5}
    assert calls(own, {}) == {"orders_daily": 5, "cash_daily": 1}
    assert calls(own, {"": 10}) == {"orders_daily": 4, "cash_daily": 4}
    assert calls(own, {"orders": 16}) == {"orders_daily": 2, "cash_daily": 1}


# --- what it takes -----------------------------------------------------------------------------------


def unit(guid: str, function: str, day: int, days: int) -> Unit:
    start = dt.date(2026, 1, day)
    return Unit(function, guid, Span(start, start + dt.timedelta(days=days - 1)))


def test_restaurants_side_by_side_take_as_long_as_the_longest() -> None:
    units = [unit("a", "orders_daily", 1, 7), unit("a", "orders_daily", 8, 7), unit("b", "orders_daily", 1, 7)]
    paces = {("orders", guid): Pace(pages=10.0, requests=11.0, seconds=1.0) for guid in "ab"}
    plan = planned(units, paces, Conditions(workers=2))
    assert (plan.calls, plan.days, plan.pages) == (3, 21, 210)
    assert plan.floor_seconds == pytest.approx(140 / 5), "five pages a second"
    slow = planned(units, paces, Conditions(workers=2, limit_scale=0.05))
    assert slow.floor_seconds == pytest.approx(140 / 5 / 0.05)
    one_worker = planned(units, paces, Conditions(workers=1))
    assert one_worker.floor_seconds == pytest.approx(210 / 5)


def test_all_functions_of_a_restaurant_share_its_twenty_requests_a_second() -> None:
    units = [unit("a", name, 1, 7) for name in ("orders_daily", "cash_daily", "labor_daily")]
    paces = {(source, "a"): Pace(pages=100.0, requests=100.0, seconds=1.0) for source in ("orders", "cash", "labor")}
    plan = planned(units, paces, Conditions(workers=3))
    assert plan.floor_seconds == pytest.approx(max(700 / 5, 2100 / 20))
    heavy = {**paces, ("cash", "a"): Pace(pages=2000.0, requests=2000.0, seconds=1.0)}
    # 15,400 pages and two requests more: a quarter of an hour for 10,000 of them, the rest at 20 a second.
    assert planned(units, heavy, Conditions(workers=3)).floor_seconds == pytest.approx(900 + 5404 / 20)


def test_what_is_expected_is_never_less_than_the_floor_and_follows_history() -> None:
    units = [unit("a", "orders_daily", 1, 7)]
    for seconds in (0.1, 30.0):
        plan = planned(units, {("orders", "a"): Pace(10.0, 10.0, seconds)}, Conditions(workers=1))
        assert plan.expected_seconds == pytest.approx(max(70 / 5, 7 * seconds))
    assert planned(units, {}, Conditions(workers=1)).expected_seconds > 14 / 5


def test_a_function_is_expected_to_ask_no_faster_than_its_share() -> None:
    paces = {("cash", "a"): Pace(pages=100.0, requests=100.0, seconds=1.0)}
    plan = planned([unit("a", "cash_daily", 1, 7)], paces, Conditions(workers=1))
    assert plan.floor_seconds == pytest.approx(701 / 20, abs=0.1)
    assert plan.expected_seconds == pytest.approx(701 / SHARES["cash_daily"], abs=0.1)


def test_a_worker_for_each_lane_but_not_too_many() -> None:
    assert workers_for([]) == 1
    assert workers_for([unit("a", "orders_daily", 1, 7), unit("a", "orders_daily", 8, 7)]) == 1
    assert workers_for([unit(str(n), "orders_daily", 1, 7) for n in range(100)]) == 16
    functions = ("orders_daily", "cash_daily", "labor_daily")
    assert workers_for([unit(str(n), name, 1, 7) for n in range(13) for name in functions]) == 39
    assert workers_for([unit(str(n), name, 1, 7) for n in range(100) for name in functions]) == 48
