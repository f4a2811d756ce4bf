"""Which business date a rejected object speaks of, as far as anything can be made of what it says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from toast_json import order, page, time_entry

from shared.business_days import business_date_of
from shared.date_utils import TradingHours
from shared.toast_labor import decode_time_entries
from shared.toast_objects import Undecodable
from shared.toast_orders import decode_orders_page

HOURS = [TradingHours("Pacific/Honolulu", 5), TradingHours("Asia/Tokyo", 0)]
NOW = dt.datetime(2026, 2, 24, 12, tzinfo=dt.UTC)


def rejected_order(business_date: Any) -> Undecodable:
    (reject,) = decode_orders_page(page(order(businessDate=business_date, modifiedDate="someday"))).undecodable
    return reject


def rejected_time_entry(business_date: Any) -> Undecodable:
    (reject,) = decode_time_entries(page(time_entry(businessDate=business_date, modifiedDate="someday"))).undecodable
    return reject


@pytest.mark.parametrize("written", [10101, 19700101, 20111231, 21600101, 99991231])
def test_a_date_that_is_no_business_date_is_none_of_the_calls_days(written: int) -> None:
    assert business_date_of(rejected_order(written)) is None
    assert business_date_of(rejected_time_entry(str(written).zfill(8))) is None


@pytest.mark.parametrize("hours", HOURS, ids=lambda hours: hours.timezone)
@pytest.mark.parametrize("written", ["20120101", "21591231"])
def test_of_every_day_that_counts_it_can_be_told_whether_it_is_over(written: str, hours: TradingHours) -> None:
    date = business_date_of(rejected_time_entry(written))
    assert date is not None
    assert hours.is_final(date, NOW) == (date < NOW.date())


def test_a_rejected_object_counts_for_the_day_that_it_names() -> None:
    assert business_date_of(rejected_order(20260221)) == dt.date(2026, 2, 21)
    assert business_date_of(rejected_time_entry("20260221")) == dt.date(2026, 2, 21)


@pytest.mark.parametrize("written", [None, "today", 20261301, -20260221, "", 10**40, [20260221], {"year": 2026}])
def test_what_is_no_date_is_no_day(written: Any) -> None:
    assert business_date_of(rejected_order(written)) is None


def test_what_is_nested_without_end_is_no_day() -> None:
    deep = '{"checks":' + "[" * 100_000 + "]" * 100_000 + ',"businessDate":20260221}'
    assert business_date_of(Undecodable("guid", "for the test", deep)) is None
