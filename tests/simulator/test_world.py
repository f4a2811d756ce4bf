"""The world is a pure function: any order, date and moment can be asked for in any order, again and again."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from simulated import BROOKLYN, all_orders, make_world, moment, orders_on, ordinal

from toast_simulator.world.calendar import is_open, walk_ins
from toast_simulator.world.places import DAY, HOUR, MINUTE
from toast_simulator.world.plans import SCHEDULED
from toast_simulator.world.wire import encode_order
from toast_simulator.world.world import World


def test_same_seed_gives_same_bytes_whatever_was_asked_before(world: World) -> None:
    now = moment("2026-03-20T12:00:00Z")
    fresh = make_world()
    for guid in reversed(list(world.places)):
        once = [encode_order(o) for o in orders_on(world, world.places[guid], ordinal("2026-02-14"), now)]
        again = [encode_order(o) for o in orders_on(fresh, fresh.places[guid], ordinal("2026-02-14"), now)]
        assert once
        assert once == again


def test_another_seed_is_another_world(world: World) -> None:
    now, date = moment("2026-03-20T12:00:00Z"), ordinal("2026-02-14")
    guids = {o.guid for o in orders_on(world, world.places[BROOKLYN], date, now)}
    other = make_world(seed=2)
    assert guids.isdisjoint(o.guid for o in orders_on(other, other.places[BROOKLYN], date, now))


def test_an_order_is_found_by_its_guid_alone(world: World) -> None:
    now = moment("2026-03-20T12:00:00Z")
    for place, order in all_orders(world, "2026-02-10", 2, "2026-03-20T12:00:00Z"):
        found = world.find(place, order.guid)
        assert found is not None
        assert world.order(place, *found, now) == order
    assert world.find(place, "00000000-0000-4000-a000-000000000000") is None
    assert world.find(place, "not a guid") is None


def test_guids_are_unique_within_an_order_and_across_orders(world: World) -> None:
    seen: set[str] = set()
    for _, order in all_orders(world, "2026-02-10", 3, "2026-03-20T12:00:00Z"):
        for guid in [order.guid, *(check.guid for check in order.checks)]:
            assert guid not in seen
            seen.add(guid)


def test_every_version_comes_from_the_one_before_by_time_alone(world: World) -> None:
    """modifiedDate only moves forward, and between two events nothing changes."""
    place = world.places[BROOKLYN]
    for plan in world.planner.walk_ins(place, ordinal("2026-01-10")):
        moments = [event[0] for event in plan.events]
        assert moments == sorted(set(moments))
        assert world.order(place, ordinal("2026-01-10"), plan.number, moments[0] - 1) is None
        for before, after in pairwise(moments):
            first = world.order(place, ordinal("2026-01-10"), plan.number, before)
            last = world.order(place, ordinal("2026-01-10"), plan.number, after - 1)
            assert first is not None
            assert first == last
            assert first.modified == before


def test_a_running_day_is_partial_and_fills_up(world: World) -> None:
    place, date = world.places[BROOKLYN], ordinal("2026-02-14")
    start, end = place.day_start(date), place.day_start(date + 1)
    counts = [len(world.on_business_date(place, date, now).orders) for now in range(start, end + 1, HOUR)]
    assert counts == sorted(counts)
    assert counts[0] < counts[12] < counts[-1]


def test_orders_open_within_their_business_date(world: World) -> None:
    """Also on the days of 23 and 25 hours (8 March and 1 November 2026 in most zones)."""
    for first in ("2026-03-06", "2026-10-30"):
        for place, order in all_orders(world, first, 4, "2027-01-01T00:00:00Z"):
            due = order.promised if order.promised and order.promised > order.opened + DAY // 2 else order.opened
            assert place.business_ordinal(due) == order.ordinal, (place.name, order.guid)


@pytest.mark.parametrize(("date", "hours"), [("2026-03-07", 23), ("2026-03-08", 24), ("2026-10-31", 25)])
def test_business_days_follow_daylight_saving(world: World, date: str, hours: int) -> None:
    place = world.places[BROOKLYN]  # closes out at 4, after the clocks change
    length = place.day_start(ordinal(date) + 1) - place.day_start(ordinal(date))
    assert length == hours * HOUR


def test_zones_without_daylight_saving_keep_24_hours(world: World) -> None:
    fixed = [p for p in world.places.values() if p.timezone in ("America/Phoenix", "Pacific/Honolulu")]
    assert len(fixed) == 2
    for place in fixed:
        starts = [place.day_start(day) for day in range(ordinal("2026-01-01"), ordinal("2027-01-01"))]
        assert {after - before for before, after in pairwise(starts)} == {DAY}


def test_the_business_date_of_a_moment_is_the_day_that_holds_it(world: World) -> None:
    for place in world.places.values():
        for date in range(ordinal("2026-03-01"), ordinal("2026-03-15")):
            assert place.business_ordinal(place.day_start(date)) == date
            assert place.business_ordinal(place.day_start(date) - 1) == date - 1


def test_example_restaurants_differ_as_restaurants_do(world: World) -> None:
    places = world.places.values()
    assert {place.closeout_hour for place in places} == {0, 1, 2, 3, 4, 5}
    assert len({place.timezone for place in places}) >= 7
    assert all(dt.date(2019, 1, 1) <= place.first_business_date < dt.date(2025, 1, 1) for place in places)


def test_days_vary_holidays_close_and_nothing_precedes_the_opening(world: World) -> None:
    for place in world.places.values():
        thanksgiving = "2025-10-13" if place.canadian else "2025-11-27"
        assert walk_ins(1, 60, place, ordinal("2025-12-25")) == 0
        assert walk_ins(1, 60, place, ordinal(thanksgiving)) == 0
        assert not is_open(1, place, place.first_business_date.toordinal() - 1)
        year = [walk_ins(1, 60, place, day) for day in range(ordinal("2025-01-01"), ordinal("2026-01-01"))]
        assert sum(0 < number < 10 for number in year) >= 1, "slow days"
        assert 40 < sum(year) / 365 < 80
    closures = [
        place.name
        for place in world.places.values()
        for day in range(ordinal("2025-01-02"), ordinal("2025-06-30"))
        if not walk_ins(1, 60, place, day)
    ]
    assert closures, "unplanned closures"


def test_lunch_and_dinner_are_peaks(world: World) -> None:
    hours = [0] * 24
    for place, order in all_orders(world, "2026-02-02", 7, "2026-03-20T12:00:00Z"):
        hours[dt.datetime.fromtimestamp(order.opened / 1000, place.zone).hour] += 1
    assert hours[12] > 2 * hours[15]
    assert hours[19] > 2 * hours[15]


def test_volume_is_the_orders_of_an_ordinary_day() -> None:
    many = make_world(volume=600)
    now = moment("2026-03-20T12:00:00Z")
    sizes = [len(many.on_business_date(p, ordinal("2026-02-12"), now).orders) for p in many.places.values()]
    assert 450 < sorted(sizes)[6] < 750


def test_lists_by_date_agree_with_all_orders_one_by_one(world: World) -> None:
    """Each order is on exactly one business date, its own, also when it was promised anew."""
    place, now = world.places[BROOKLYN], moment("2026-02-20T18:00:00Z")
    first, last = ordinal("2026-02-01"), ordinal("2026-03-01")
    listed = {
        (home, number): date
        for date in range(first, last)
        for _, home, number in world.on_business_date(place, date, now).orders
    }
    moved = 0
    for home in range(first + 8, last - 8):
        plans = [*world.planner.walk_ins(place, home), *world.planner.scheduled(place, home)]
        for plan in plans:
            order = world.order(place, home, plan.number, now)
            assert listed.get((home, plan.number)) == (order.ordinal if order else None)
            moved += order is not None and order.ordinal != home
    assert moved


@pytest.mark.parametrize("hours", [1, 24, 24 * 31])
def test_windows_by_modified_date_agree_with_all_orders_one_by_one(world: World, hours: int) -> None:
    start = moment("2026-02-14T07:13:00Z")
    end = start + hours * HOUR
    for place in list(world.places.values())[:5]:
        plans = [
            (home, plan)
            for home in range(ordinal("2025-12-15"), ordinal("2026-04-05"))
            for plan in (*world.planner.walk_ins(place, home), *world.planner.scheduled(place, home))
        ]
        for now in (start + HOUR // 2, end, end + 30 * DAY):
            expected = set()
            for home, plan in plans:
                version = plan.version(now)
                if version and start <= plan.events[version - 1][0] < end:
                    expected.add((plan.events[version - 1][0], home, plan.number))
            listing = world.modified_between(place, start, end, now)
            assert set(listing.orders) == expected
            assert len(listing.orders) == len(expected)


def test_a_list_is_true_exactly_as_long_as_it_says(world: World) -> None:
    place, date = world.places[BROOKLYN], ordinal("2026-02-14")
    now = place.local(date, 19)
    listing = world.on_business_date(place, date, now)
    assert listing.since <= now < listing.until
    assert sorted(world.on_business_date(place, date, listing.until - 1).orders) == sorted(listing.orders)
    assert sorted(world.on_business_date(place, date, listing.until).orders) != sorted(listing.orders)


def test_polling_modified_windows_ends_with_what_there_is() -> None:
    """A client that asks every few hours for what was modified holds every order's last version."""
    world = make_world()
    place = world.places[BROOKLYN]
    held: dict[tuple[int, int], bytes] = {}
    start, step = place.day_start(ordinal("2026-01-20")), 7 * HOUR
    moments = range(start, start + 12 * DAY, step)
    for begin in moments:
        now = begin + step + 1
        for _, home, number in world.modified_between(place, begin, begin + step, now).orders:
            order = world.order(place, home, number, now)
            assert order is not None
            held[home, number] = encode_order(order)
    end = moments[-1] + step
    for date in range(ordinal("2026-01-20"), ordinal("2026-02-10")):
        for _, home, number in world.on_business_date(place, date, end).orders:
            order = world.order(place, home, number, end)
            assert order is not None
            if order.modified >= start:
                assert held[home, number] == encode_order(order)


def test_the_nightly_close_comes_5_to_120_minutes_after_closeout(world: World) -> None:
    for place in world.places.values():
        date = ordinal("2026-02-14")
        closeout = place.day_start(date + 1)
        closes = [
            event[0] for plan in world.planner.walk_ins(place, date) for event in plan.events if event[1] == "close"
        ]
        nightly = [at for at in closes if at < closeout + 8 * HOUR]
        assert nightly
        assert all(closeout + 5 * MINUTE <= at <= closeout + 120 * MINUTE + 60_000 for at in nightly)


def test_edits_come_up_to_45_days_late_and_not_later(world: World) -> None:
    delays = [
        (event[0] - place.day_start(date + 1)) / DAY
        for place in world.places.values()
        for date in range(ordinal("2025-06-01"), ordinal("2025-08-01"))
        for _, event in world.planner.late(place, date)
    ]
    assert 30 < max(delays) < 45
    assert min(delays) > 0.3


def test_scheduled_orders_wait_in_the_future_and_some_move(world: World) -> None:
    now = moment("2026-02-10T18:00:00Z")
    future = moved = 0
    for place in world.places.values():
        for date in range(ordinal("2026-02-11"), ordinal("2026-02-20")):
            for order in orders_on(world, place, date, now):
                assert order.approval == "FUTURE"
                assert order.promised is not None
                assert order.opened < now
                future += 1
        for date in range(ordinal("2026-01-05"), ordinal("2026-02-05")):
            for _, home, number in world.on_business_date(place, date, now).orders:
                if home != date:
                    assert number >= SCHEDULED
                    moved += 1
    assert future > 10
    assert moved > 10


def test_an_edit_is_the_newest_version_and_moves_the_order_only_when_asked_to() -> None:
    world = make_world()
    place, date, now = world.places[BROOKLYN], ordinal("2026-02-14"), moment("2026-03-01T12:00:00Z")
    before = world.order(place, date, 3, now)
    at = world.edit(place, date, 3, (now, "drop_all_checks", None))
    after = world.order(place, date, 3, at)
    assert before is not None
    assert after is not None
    assert (after.checks, after.modified, after.ordinal) == ([], at, date)
    world.edit(place, date, 3, (now + HOUR, "move", date + 30))
    listed = [(home, number) for _, home, number in world.on_business_date(place, date + 30, now + DAY).orders]
    assert (date, 3) in listed
    assert (date, 3) not in [o[1:] for o in world.on_business_date(place, date, now + DAY).orders]


def test_two_edits_in_one_millisecond_are_two_versions() -> None:
    world = make_world()
    place, date, now = world.places[BROOKLYN], ordinal("2026-02-14"), moment("2026-03-01T12:00:00Z")
    moments = {world.edit(place, date, 5, (now, "tip", None)) for _ in range(3)}
    assert moments == {now, now + 1, now + 2}


def test_one_order_alone_is_the_same_as_among_all_of_its_date(world: World) -> None:
    place = world.places[BROOKLYN]
    for date in range(ordinal("2026-01-05"), ordinal("2026-01-12")):
        alone = make_world()
        for plan in (*world.planner.walk_ins(place, date), *world.planner.scheduled(place, date)):
            assert alone.plan(alone.places[BROOKLYN], date, plan.number) == plan
        assert alone.plan(alone.places[BROOKLYN], date, 10_000) is None
        assert alone.plan(alone.places[BROOKLYN], date, SCHEDULED + 10_000) is None
