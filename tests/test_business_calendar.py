"""What a business day is called: each status with its reason, and where one turns into the next."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.business_calendar import DayFacts, KnownDay, Verdict, judge_orders
from shared.config import Restaurant
from shared.date_utils import NIGHTLY_CLOSE, TradingHours

DAY = dt.date(2026, 2, 21)
HOURS = TradingHours("America/New_York", 4)
OVER = dt.datetime(2026, 2, 22, 9, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)

OPEN = Verdict("open")
FEW_ORDERS = Verdict("low_activity", "few_orders")
LOW_SALES = Verdict("low_activity", "low_sales")
CLOSED = Verdict("closed", "no_orders")
NOT_OPEN_YET = Verdict("not_open_yet", "before_first_business_date")
NOT_OVER = Verdict("provisional", "day_not_over")
CLOSE_PENDING = Verdict("provisional", "nightly_close_pending")


def verdict(
    orders: int = 50,
    net_sales: str = "1000",
    *,
    first_business_date: dt.date | None = None,
    read_at: dt.datetime = OVER + NIGHTLY_CLOSE,
    restaurant: Restaurant | None = None,
    hours: TradingHours = HOURS,
) -> Verdict:
    day = KnownDay(
        restaurant=restaurant or Restaurant(guid="guid", name="name", tenant="tenant"),
        hours=hours,
        first_business_date=first_business_date,
        business_date=DAY,
        read_at=read_at,
    )
    return judge_orders(day, DayFacts(orders, Decimal(net_sales)))


@pytest.mark.parametrize(
    ("orders", "net_sales", "expected"),
    [
        (10, "100", OPEN),
        (10, "99.99", LOW_SALES),
        (9, "100", FEW_ORDERS),
        (9, "5000", FEW_ORDERS),
        (9, "0", FEW_ORDERS),
        (1, "100", FEW_ORDERS),
        (500, "0", LOW_SALES),
        (500, "-20", LOW_SALES),
        (0, "0", CLOSED),
    ],
)
def test_a_day_is_judged_by_its_orders_and_then_by_its_sales(orders: int, net_sales: str, expected: Verdict) -> None:
    assert verdict(orders, net_sales) == expected


@pytest.mark.parametrize(
    ("min_orders", "min_net_sales", "orders", "net_sales", "expected"),
    [
        (5, "60", 5, "60", OPEN),
        (5, "60", 4, "60", FEW_ORDERS),
        (5, "60", 5, "59.99", LOW_SALES),
        (0, "0", 1, "0", OPEN),
        (0, "0", 0, "0", CLOSED),
        (1, "0.01", 1, "0", LOW_SALES),
    ],
)
def test_a_restaurant_can_have_limits_of_its_own(
    min_orders: int, min_net_sales: str, orders: int, net_sales: str, expected: Verdict
) -> None:
    restaurant = Restaurant(
        guid="guid", name="name", tenant="tenant", min_orders=min_orders, min_net_sales=Decimal(min_net_sales)
    )
    assert verdict(orders, net_sales, restaurant=restaurant) == expected


@pytest.mark.parametrize(
    ("first_business_date", "expected"),
    [
        (DAY + dt.timedelta(days=1), NOT_OPEN_YET),
        (DAY, CLOSED),
        (DAY - dt.timedelta(days=1), CLOSED),
        (None, CLOSED),
    ],
)
def test_a_day_without_orders_before_the_first_business_date_is_not_open_yet(
    first_business_date: dt.date | None, expected: Verdict
) -> None:
    assert verdict(0, "0", first_business_date=first_business_date) == expected


@pytest.mark.parametrize(("orders", "expected"), [(50, OPEN), (1, FEW_ORDERS)])
def test_a_day_with_orders_is_open_whatever_the_first_business_date_says(orders: int, expected: Verdict) -> None:
    assert verdict(orders, first_business_date=DAY + dt.timedelta(days=30)) == expected


@pytest.mark.parametrize(
    ("read_at", "expected"),
    [
        (OVER - dt.timedelta(hours=20), NOT_OVER),
        (OVER - TICK, NOT_OVER),
        (OVER, CLOSE_PENDING),
        (OVER + NIGHTLY_CLOSE - TICK, CLOSE_PENDING),
        (OVER + NIGHTLY_CLOSE, OPEN),
        (OVER + dt.timedelta(days=700), OPEN),
    ],
)
def test_a_day_is_provisional_until_its_nightly_close_has_passed(read_at: dt.datetime, expected: Verdict) -> None:
    assert verdict(read_at=read_at) == expected


@pytest.mark.parametrize(("orders", "net_sales"), [(0, "0"), (1, "0"), (50, "0"), (50, "1000")])
@pytest.mark.parametrize(("read_at", "expected"), [(OVER - TICK, NOT_OVER), (OVER, CLOSE_PENDING)])
def test_what_is_not_final_is_provisional_however_it_looks(
    read_at: dt.datetime, expected: Verdict, orders: int, net_sales: str
) -> None:
    for first_business_date in (None, DAY + dt.timedelta(days=1)):
        assert verdict(orders, net_sales, read_at=read_at, first_business_date=first_business_date) == expected


@pytest.mark.parametrize(
    ("hours", "over"),
    [
        (TradingHours("America/New_York", 0), dt.datetime(2026, 2, 22, 5, tzinfo=dt.UTC)),
        (TradingHours("America/New_York", 12), dt.datetime(2026, 2, 22, 17, tzinfo=dt.UTC)),
        (TradingHours("Pacific/Honolulu", 4), dt.datetime(2026, 2, 22, 14, tzinfo=dt.UTC)),
    ],
)
def test_the_restaurants_own_hours_say_when_a_day_is_over(hours: TradingHours, over: dt.datetime) -> None:
    assert verdict(hours=hours, read_at=over - TICK) == NOT_OVER
    assert verdict(hours=hours, read_at=over) == CLOSE_PENDING
    assert verdict(hours=hours, read_at=over + NIGHTLY_CLOSE) == OPEN


@given(
    st.integers(0, 30),
    st.integers(-200, 300),
    st.sampled_from([None, DAY - dt.timedelta(days=1), DAY, DAY + dt.timedelta(days=1)]),
    st.datetimes(dt.datetime(2026, 2, 20), dt.datetime(2026, 2, 24), timezones=st.just(dt.UTC)),
)
def test_only_an_open_day_needs_no_reason(
    orders: int, net_sales: int, first_business_date: dt.date | None, read_at: dt.datetime
) -> None:
    found = verdict(orders, str(net_sales), first_business_date=first_business_date, read_at=read_at)
    assert (found.reason is None) == (found.status == "open")
    assert (found.status == "provisional") == (read_at < OVER + NIGHTLY_CLOSE)
