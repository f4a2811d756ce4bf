"""Units of work: read side by side, each to the end or not at all."""

from __future__ import annotations

import contextvars
import datetime as dt
import threading
import time
from collections.abc import Callable

import pytest
import structlog

from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.errors import EtlError, OutOfTime, ToastRefused, ToastUnavailable, WarehouseUnavailable
from shared.toast_client import Usage
from shared.units import CONCURRENT_UNITS, DayUnit, read_all

HOURS = TradingHours("America/New_York", 4)
FOR_EVER = float("inf")


def unit(restaurant: str, day: int) -> DayUnit:
    return DayUnit(
        restaurant=Restaurant(guid=restaurant, name=restaurant, tenant="tenant"),
        hours=HOURS,
        first_business_date=None,
        business_date=dt.date(2026, 2, day),
        usage=Usage(),
        endpoint="ordersBulk",
    )


def units(restaurants: str, days: int) -> list[DayUnit]:
    return [unit(restaurant, day) for restaurant in restaurants for day in range(1, days + 1)]


def reading(order: list[str]) -> Callable[[DayUnit], None]:
    """Reads one unit at a time and notes which."""
    lock = threading.Lock()

    def read(one: DayUnit) -> None:
        with lock:
            order.append(one.id)

    return read


def test_a_unit_is_known_by_its_restaurant_and_business_date() -> None:
    assert unit("guid", 7).id == "guid/2026-02-07/ordersBulk"
    assert unit("guid", 7).restaurant_guid == "guid"


def test_every_unit_is_read_once_and_finished() -> None:
    plan, order = units("abc", 7), list[str]()
    read_all(plan, reading(order), deadline=FOR_EVER)
    assert sorted(order) == [one.id for one in plan]
    assert all(one.finished and one.error is None for one in plan)


def test_without_units_nothing_is_read() -> None:
    order: list[str] = []
    read_all([], reading(order), deadline=FOR_EVER)
    assert order == []


def test_units_begin_by_date_so_that_restaurants_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.units.CONCURRENT_UNITS", 1)
    order: list[str] = []
    read_all(units("ba", 3), reading(order), deadline=FOR_EVER)
    assert order == [f"{restaurant}/2026-02-0{day}/ordersBulk" for day in (1, 2, 3) for restaurant in "ab"]


def test_as_many_units_are_read_at_once_as_are_allowed_and_no_more() -> None:
    lock, running, most = threading.Lock(), 0, 0
    together = threading.Barrier(CONCURRENT_UNITS)

    def read(_: DayUnit) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(timeout=30)
        with lock:
            running -= 1

    read_all(units("ab", CONCURRENT_UNITS), read, deadline=FOR_EVER)
    assert most == CONCURRENT_UNITS


def test_a_unit_that_fails_says_why_and_the_others_go_on() -> None:
    failure = ToastUnavailable("no answer")
    plan = units("ab", 4)

    def read(one: DayUnit) -> None:
        if one.id == "a/2026-02-02/ordersBulk":
            raise failure

    read_all(plan, read, deadline=FOR_EVER)
    (failed,) = (one for one in plan if not one.finished)
    assert failed.id == "a/2026-02-02/ordersBulk"
    assert failed.error is failure
    assert [one.error for one in plan if one.finished] == [None] * 7


@pytest.mark.parametrize("failure", [ToastUnavailable("busy"), WarehouseUnavailable("busy"), EtlError("other")])
def test_what_may_pass_does_not_stop_the_restaurants_other_units(
    failure: EtlError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.units.CONCURRENT_UNITS", 1)
    asked: list[str] = []

    def read(one: DayUnit) -> None:
        asked.append(one.id)
        raise failure

    plan = units("a", 3)
    read_all(plan, read, deadline=FOR_EVER)
    assert len(asked) == 3
    assert [one.error for one in plan] == [failure] * 3


def test_a_restaurant_that_toast_refuses_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.units.CONCURRENT_UNITS", 1)
    refusal = ToastRefused("no access", status=403, request_id="r-1")
    asked: list[str] = []

    def read(one: DayUnit) -> None:
        asked.append(one.id)
        if one.id == "a/2026-02-02/ordersBulk":
            raise refusal

    plan = units("ab", 4)
    read_all(plan, read, deadline=FOR_EVER)
    assert [name for name in asked if name.startswith("a")] == ["a/2026-02-01/ordersBulk", "a/2026-02-02/ordersBulk"]
    assert [name for name in asked if name.startswith("b")] == [f"b/2026-02-0{day}/ordersBulk" for day in (1, 2, 3, 4)]
    assert [(one.finished, one.error) for one in plan if one.restaurant_guid == "a"] == [
        (True, None),
        (False, refusal),
        (False, refusal),
        (False, refusal),
    ]
    assert all(one.finished for one in plan if one.restaurant_guid == "b")


@pytest.mark.parametrize("fault", [ZeroDivisionError("ours"), KeyError("ours"), AssertionError("ours")])
def test_a_fault_of_ours_is_raised(fault: Exception) -> None:
    def read(one: DayUnit) -> None:
        if one.id == "a/2026-02-03/ordersBulk":
            raise fault

    with pytest.raises(type(fault)) as caught:
        read_all(units("a", 7), read, deadline=FOR_EVER)
    assert caught.value is fault


def test_a_fault_of_ours_stops_the_units_that_have_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.units.CONCURRENT_UNITS", 2)
    plan = units("a", 28)
    failed = threading.Event()

    def read(one: DayUnit) -> None:
        if one.id == "a/2026-02-01/ordersBulk":
            failed.set()
            raise ZeroDivisionError
        failed.wait(timeout=30)
        # Long enough for the one who waits to call the others off.
        threading.Event().wait(0.05)

    with pytest.raises(ZeroDivisionError):
        read_all(plan, read, deadline=FOR_EVER)
    assert sum(one.finished for one in plan) < 27


def test_a_reader_sees_the_context_of_the_call_and_cannot_change_it() -> None:
    structlog.contextvars.bind_contextvars(run_id="run-1")
    seen: list[object] = []

    def read(one: DayUnit) -> None:
        seen.append(structlog.contextvars.get_contextvars().get("run_id"))
        structlog.contextvars.bind_contextvars(run_id=one.id)

    def call() -> object:
        read_all(units("ab", 4), read, deadline=FOR_EVER)
        return structlog.contextvars.get_contextvars()["run_id"]

    try:
        assert contextvars.copy_context().run(call) == "run-1"
        assert seen == ["run-1"] * 8
    finally:
        structlog.contextvars.clear_contextvars()


# --- when time runs short ----------------------------------------------------------------------------


def test_past_the_deadline_nothing_is_begun_and_each_unit_says_so() -> None:
    plan, order = units("ab", 2), list[str]()
    read_all(plan, reading(order), deadline=0.0)
    assert order == []
    assert all(isinstance(one.error, OutOfTime) and not one.finished and not one.skipped for one in plan)


def test_what_is_under_way_at_the_deadline_is_finished() -> None:
    plan = units("a", 2 * CONCURRENT_UNITS)
    read_all(plan, lambda _: time.sleep(0.3), deadline=time.monotonic() + 0.1)
    assert sum(one.finished for one in plan) == CONCURRENT_UNITS
    assert sum(isinstance(one.error, OutOfTime) for one in plan) == CONCURRENT_UNITS


def test_what_was_read_a_short_while_ago_comes_last_and_is_skipped_when_time_runs_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.units.CONCURRENT_UNITS", 1)
    plan, order = units("a", 4), list[str]()
    plan[0].fresh = plan[1].fresh = True
    read_all(plan, reading(order), deadline=FOR_EVER)
    assert [name.split("/")[1] for name in order] == ["2026-02-03", "2026-02-04", "2026-02-01", "2026-02-02"]
    again = units("a", 4)
    again[0].fresh = again[1].fresh = True
    read_all(again, lambda _: None, deadline=0.0)
    assert [one.skipped for one in again] == [True, True, False, False]
    assert [one.error is None for one in again] == [True, True, False, False]
