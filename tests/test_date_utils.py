"""Business dates: where a day begins and ends, whatever the clocks do, and to which day an instant belongs."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.date_utils import NIGHTLY_CLOSE, TradingHours, dates_between, from_toast_date

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
TICK = dt.timedelta(microseconds=1)


def new_york(closeout_hour: int = 4) -> TradingHours:
    return TradingHours("America/New_York", closeout_hour)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text + "Z")


def date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


# --- ordinary days -----------------------------------------------------------------------------------


@pytest.mark.parametrize("closeout_hour", range(13))
def test_a_day_begins_at_the_closeout_hour_of_its_date_and_ends_at_that_of_the_next(closeout_hour: int) -> None:
    hours = new_york(closeout_hour)
    assert hours.start(date("2026-02-21")) == utc("2026-02-21T05:00:00") + closeout_hour * HOUR
    assert hours.end(date("2026-02-21")) == utc("2026-02-22T05:00:00") + closeout_hour * HOUR


def test_bounds_are_in_utc() -> None:
    assert new_york().start(date("2026-02-21")).tzinfo is dt.UTC
    assert new_york().end(date("2026-02-21")).tzinfo is dt.UTC


@pytest.mark.parametrize("closeout_hour", range(13))
def test_what_happens_before_the_closeout_hour_belongs_to_the_date_before(closeout_hour: int) -> None:
    hours = new_york(closeout_hour)
    closeout = utc("2026-02-21T05:00:00") + closeout_hour * HOUR
    assert hours.business_date(closeout - TICK) == date("2026-02-20")
    assert hours.business_date(closeout) == date("2026-02-21")
    assert not hours.contains(date("2026-02-21"), closeout - TICK)
    assert hours.contains(date("2026-02-21"), closeout)


def test_an_instant_may_be_told_in_any_time_zone() -> None:
    instant = utc("2026-02-22T08:59:59")
    for zone in ("UTC", "Asia/Kolkata", "Pacific/Honolulu"):
        told = instant.astimezone(ZoneInfo(zone))
        assert new_york().business_date(told) == date("2026-02-21")
        assert new_york().contains(date("2026-02-21"), told)


@pytest.mark.parametrize(
    ("timezone", "start"),
    [
        ("Pacific/Honolulu", "2026-07-01T14:00:00"),
        ("America/Phoenix", "2026-07-01T11:00:00"),
        ("America/New_York", "2026-07-01T08:00:00"),
        ("Europe/London", "2026-07-01T03:00:00"),
        ("Asia/Kolkata", "2026-06-30T22:30:00"),
        ("Pacific/Kiritimati", "2026-06-30T14:00:00"),
    ],
)
def test_the_restaurants_own_time_zone_decides(timezone: str, start: str) -> None:
    assert TradingHours(timezone, 4).start(date("2026-07-01")) == utc(start)


# --- clocks that change ------------------------------------------------------------------------------


def length(hours: TradingHours, business_date: str) -> dt.timedelta:
    day = date(business_date)
    return hours.end(day) - hours.start(day)


@pytest.mark.parametrize(
    ("closeout_hour", "short_day"),
    [*((hour, "2026-03-08") for hour in range(3)), *((hour, "2026-03-07") for hour in range(3, 13))],
)
def test_the_day_in_which_clocks_jump_forward_has_23_hours(closeout_hour: int, short_day: str) -> None:
    # Clocks jump from 02:00 to 03:00 on 8 March; a closeout hour of 3 or later still belongs to the 7th.
    hours = new_york(closeout_hour)
    lengths = {day: length(hours, day) for day in ("2026-03-06", "2026-03-07", "2026-03-08", "2026-03-09")}
    assert lengths.pop(short_day) == 23 * HOUR
    assert set(lengths.values()) == {24 * HOUR}


@pytest.mark.parametrize(
    ("closeout_hour", "long_day"),
    [*((hour, "2026-11-01") for hour in range(2)), *((hour, "2026-10-31") for hour in range(2, 13))],
)
def test_the_day_in_which_clocks_go_back_has_25_hours(closeout_hour: int, long_day: str) -> None:
    # Clocks go back from 02:00 to 01:00 on 1 November; the closeout hour of 1 is the first of the two.
    hours = new_york(closeout_hour)
    lengths = {day: length(hours, day) for day in ("2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02")}
    assert lengths.pop(long_day) == 25 * HOUR
    assert set(lengths.values()) == {24 * HOUR}


def test_a_closeout_hour_that_is_skipped_is_the_moment_at_which_the_clocks_jump() -> None:
    hours = new_york(2)
    jump = utc("2026-03-08T07:00:00")
    assert hours.start(date("2026-03-08")) == jump
    assert hours.business_date(jump - TICK) == date("2026-03-07")
    assert hours.business_date(jump) == date("2026-03-08")


def test_a_closeout_hour_that_comes_twice_is_the_first() -> None:
    hours = new_york(1)
    first, second = utc("2026-11-01T05:00:00"), utc("2026-11-01T06:00:00")
    assert hours.start(date("2026-11-01")) == first
    assert hours.business_date(first - TICK) == date("2026-10-31")
    assert hours.business_date(second - TICK) == date("2026-11-01")


def test_the_hour_that_comes_twice_before_the_closeout_hour_is_all_of_the_date_before() -> None:
    hours = new_york(4)
    for hour in ("05:30", "06:30", "08:59"):
        assert hours.business_date(utc(f"2026-11-01T{hour}:00")) == date("2026-10-31")
    assert hours.business_date(utc("2026-11-01T09:00:00")) == date("2026-11-01")


@pytest.mark.parametrize(
    ("timezone", "business_date", "start", "hours_long"),
    [
        # Midnight itself is skipped: the day begins at what the clocks call one o'clock.
        ("America/Havana", "2026-03-08", "2026-03-08T05:00:00", 23),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00", 23),
        # Midnight comes twice, in Havana; in Santiago the clocks go back just before it.
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00", 25),
        ("America/Santiago", "2026-04-04", "2026-04-04T03:00:00", 25),
        # By half an hour only.
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00", 23.5),
    ],
)
def test_closing_at_midnight_where_clocks_change_at_midnight(
    timezone: str, business_date: str, start: str, hours_long: float
) -> None:
    hours = TradingHours(timezone, 0)
    assert hours.start(date(business_date)) == utc(start)
    assert length(hours, business_date) == hours_long * HOUR


@pytest.mark.parametrize("timezone", ["Pacific/Honolulu", "America/Phoenix", "UTC"])
def test_where_clocks_never_change_every_day_has_24_hours(timezone: str) -> None:
    hours = TradingHours(timezone, 4)
    days = dates_between(date("2026-01-01"), date("2026-12-31"))
    assert {hours.end(day) - hours.start(day) for day in days} == {24 * HOUR}


# --- what is over ------------------------------------------------------------------------------------


def test_a_day_is_final_once_its_nightly_close_has_passed() -> None:
    hours, day = new_york(), date("2026-02-21")
    closed = hours.end(day) + NIGHTLY_CLOSE
    assert not hours.is_final(day, hours.end(day))
    assert not hours.is_final(day, closed - TICK)
    assert hours.is_final(day, closed)


def test_the_last_finished_day_is_the_one_before_the_current() -> None:
    hours = new_york()
    end = hours.end(date("2026-02-21"))
    assert hours.last_finished(end - TICK) == date("2026-02-20")
    assert hours.last_finished(end) == date("2026-02-21")


# --- any zone, any closeout hour, any instant --------------------------------------------------------

in_its_own_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

zones = st.sampled_from(["America/New_York", "Pacific/Honolulu"]) | st.sampled_from(
    sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone)
)
any_hours = st.builds(TradingHours, zones, st.integers(0, 12))
instants = st.datetimes(dt.datetime(2012, 1, 2), dt.datetime(2037, 12, 30), timezones=st.just(dt.UTC))
days = st.dates(date("2012-01-02"), date("2037-12-30"))


@in_its_own_time
@given(any_hours, instants)
def test_every_instant_belongs_to_exactly_one_business_date(hours: TradingHours, instant: dt.datetime) -> None:
    found = hours.business_date(instant)
    around = dates_between(instant.date() - 3 * DAY, instant.date() + 3 * DAY)
    assert [day for day in around if hours.contains(day, instant)] == [found]


@in_its_own_time
@given(any_hours, days)
def test_days_follow_each_other_without_gap_or_overlap(hours: TradingHours, day: dt.date) -> None:
    assert hours.end(day) == hours.start(day + DAY)
    assert 20 * HOUR <= hours.end(day) - hours.start(day) <= 28 * HOUR


@in_its_own_time
@given(any_hours, days)
def test_a_day_holds_its_first_and_its_last_moment(hours: TradingHours, day: dt.date) -> None:
    first, last = hours.start(day), hours.end(day) - TICK
    assert hours.business_date(first) == hours.business_date(last) == day
    assert hours.business_date(first - TICK) == day - DAY
    assert hours.contains(day, first)
    assert hours.contains(day, last)


@pytest.mark.parametrize("closeout_hour", range(13))
@pytest.mark.parametrize("timezone", ["America/New_York", "America/Santiago", "America/Havana", "Australia/Lord_Howe"])
def test_around_every_change_of_clocks_an_instant_has_one_business_date(timezone: str, closeout_hour: int) -> None:
    hours, zone = TradingHours(timezone, closeout_hour), ZoneInfo(timezone)
    changes = [
        day
        for day in dates_between(date("2025-01-01"), date("2026-12-31"))
        if dt.datetime.combine(day, dt.time(), zone).utcoffset()
        != dt.datetime.combine(day + DAY, dt.time(), zone).utcoffset()
    ]
    assert len(changes) == 4
    for change in changes:
        begin = dt.datetime.combine(change - DAY, dt.time(), dt.UTC)
        for half_hours in range(3 * 48):
            instant = begin + half_hours * HOUR / 2
            around = dates_between(change - 3 * DAY, change + 3 * DAY)
            assert [day for day in around if hours.contains(day, instant)] == [hours.business_date(instant)]


# --- dates -------------------------------------------------------------------------------------------


def test_a_range_of_dates_holds_both_ends() -> None:
    found = list(dates_between(date("2026-02-27"), date("2026-03-01")))
    assert found == [date("2026-02-27"), date("2026-02-28"), date("2026-03-01")]


def test_a_range_may_be_one_date_or_none() -> None:
    assert list(dates_between(date("2026-02-27"), date("2026-02-27"))) == [date("2026-02-27")]
    assert list(dates_between(date("2026-02-27"), date("2026-02-26"))) == []


@given(st.dates())
def test_toasts_number_is_read_as_the_date_that_it_shows(day: dt.date) -> None:
    assert from_toast_date(day.year * 10_000 + day.month * 100 + day.day) == day


@pytest.mark.parametrize("number", [0, -1, 20260229, 20261301, 20260100, 202602, -20260221])
def test_a_number_that_shows_no_date_is_a_value_error(number: int) -> None:
    with pytest.raises(ValueError, match=r"year|month|day"):
        from_toast_date(number)
