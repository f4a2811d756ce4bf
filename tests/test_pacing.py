"""The pace: published intervals, what replies allow, forecasts, holds, and Toast's clock behind them."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
from email.utils import formatdate

import pytest

from shared.pacing import Limits, Line, Pacer, WaitTooLong
from shared.server_clock import ServerClock
from shared.toast_endpoints import CASH_ENTRIES, GLOBAL_PER_SECOND, MENUS, ORDERS_BULK, RESTAURANT, SHARES

START = 1_800_000_000.25  # the simulated server's clock at monotonic 0


class World:
    """Simulated time, and a server that counts requests in fixed slices of its own clock."""

    def __init__(self, profile="documented", limit=5, slice_seconds=1, by="ENDPOINT", headers=True, share=20):
        self.time = 0.0
        self.server_offset = START
        self.clock = ServerClock(lambda: self.time)
        self.pacer = Pacer(self.clock, profile, share=share, monotonic=lambda: self.time, sleep=self.sleep)
        self.limit, self.slice_seconds, self.by, self.headers = limit, slice_seconds, by, headers
        self.used: dict[int, int] = {}
        self.refused = 0

    def sleep(self, seconds):
        self.time += seconds + 1e-6

    @property
    def server_time(self):
        return self.time + self.server_offset

    def admit(self, location="north", endpoint=ORDERS_BULK, deadline=None):
        return self.pacer.admit(location, endpoint, deadline=deadline)

    def arrive(self):
        """The server counts a request; the limits that its reply will name."""
        slice_number = int(self.server_time // self.slice_seconds)
        used = self.used[slice_number] = self.used.get(slice_number, 0) + 1
        self.refused += used > self.limit
        reset = (slice_number + 1) * self.slice_seconds
        return Limits(self.by, max(0, self.limit - used), reset) if self.headers else None

    def answer(self, admission: Line, round_trip=0.0):
        sent, date, limits = self.time, math.floor(self.server_time), self.arrive()
        self.time += round_trip
        self.clock.observe(formatdate(date, usegmt=True), sent, self.time)
        self.pacer.answered(admission, limits, date)

    def request(self, location="north", endpoint=ORDERS_BULK, round_trip=0.0):
        admission = self.admit(location, endpoint)
        sent = self.time
        self.answer(admission, round_trip)
        return sent


def test_orders_go_five_a_second_and_other_calls_twenty():
    world = World(headers=False, limit=1000)
    sent = [world.request() for _ in range(11)]
    assert sent[10] == pytest.approx(2.0, abs=0.01)
    world = World(headers=False, limit=1000)
    sent = [world.request(endpoint=CASH_ENTRIES) for _ in range(11)]
    assert sent[10] == pytest.approx(0.5, abs=0.01)


def test_locations_do_not_wait_for_each_other():
    world = World(headers=False, limit=1000)
    assert world.request("north") == world.request("south") == 0.0


def test_endpoints_of_one_location_share_its_global_pace():
    world = World(headers=False, limit=1000)
    world.request(endpoint=ORDERS_BULK)
    assert world.request(endpoint=CASH_ENTRIES) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(("endpoint", "seconds"), [(ORDERS_BULK, 12), (CASH_ENTRIES, 3), (RESTAURANT, 3), (MENUS, 60)])
def test_the_conservative_profile_keeps_its_intervals_even_after_an_idle_time(endpoint, seconds):
    world = World("conservative", headers=False, limit=1000)
    first = world.request(endpoint=endpoint)
    world.time += 1000
    second, third = (world.request(endpoint=endpoint) for _ in range(2))
    assert second - first >= 1000
    assert third - second == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize(("limit", "slice_seconds"), [(5, 20), (5, 5), (1, 1), (3, 1), (20, 60)])
def test_a_server_that_allows_less_than_published_is_followed_by_its_headers_alone(limit, slice_seconds):
    world = World(limit=limit, slice_seconds=slice_seconds)
    sent = [world.request() for _ in range(limit * 8)]
    assert world.refused == 0
    # Exactly `limit` requests in each slice: all of them took seven slices and a part of the first.
    assert sent[-1] - sent[0] < 8 * slice_seconds + 1.5


class Neighbours:
    """Three functions that call for one restaurant side by side, each as fast as its own pace lets it."""

    LATENCY = 0.3

    def __init__(self, slice_seconds=20, used=0, shares=SHARES):
        self.server = World(limit=GLOBAL_PER_SECOND, slice_seconds=slice_seconds, by="GLOBAL")
        self.server.used[int(self.server.server_time // slice_seconds)] = used
        self.clients = {}
        for function, share in shares.items():
            clock = ServerClock(lambda: self.server.time)
            pacer = Pacer(clock, "documented", share=share, monotonic=lambda: self.server.time)
            self.clients[function] = (clock, pacer)
        self.sent = dict.fromkeys(shares, 0)
        self.landing = []

    def run(self, seconds, functions=tuple(SHARES)):
        ends = self.server.time + seconds
        while self.server.time < ends:
            self.server.time += 0.01
            for arrival in [one for one in self.landing if one[0] <= self.server.time]:
                self.landing.remove(arrival)
                self._land(*arrival)
            for function in functions:
                self._send(function)

    def _send(self, function):
        _, pacer = self.clients[function]
        with contextlib.suppress(WaitTooLong):
            line = pacer.admit("north", CASH_ENTRIES, deadline=self.server.time)
            date, limits = math.floor(self.server.server_time), self.server.arrive()
            self.sent[function] += 1
            sent = self.server.time
            self.landing.append((sent + self.LATENCY, function, line, limits, date, sent))

    def _land(self, landed, function, line, limits, date, sent):
        clock, pacer = self.clients[function]
        clock.observe(formatdate(date, usegmt=True), sent, landed)
        pacer.answered(line, limits, date)


def test_the_shares_of_the_functions_make_up_what_a_location_is_allowed():
    assert sum(SHARES.values()) == GLOBAL_PER_SECOND


@pytest.mark.parametrize("slice_seconds", [1, 20])
def test_functions_side_by_side_use_nearly_all_that_is_allowed_and_none_is_refused(slice_seconds):
    together = Neighbours(slice_seconds)
    together.run(slice_seconds * 30)
    assert together.server.refused == 0
    assert sum(together.sent.values()) > 0.95 * GLOBAL_PER_SECOND * 30


def test_without_shares_the_same_functions_are_refused():
    together = Neighbours(shares=dict.fromkeys(SHARES, GLOBAL_PER_SECOND))
    together.run(100)
    assert together.server.refused > 0


@pytest.mark.parametrize("used", [7, 12, 17])
def test_a_slice_that_somebody_has_used_before_is_not_overdrawn(used):
    together = Neighbours(used=used)
    together.run(19)
    assert together.server.refused == 0
    assert sum(together.server.used.values()) <= GLOBAL_PER_SECOND


def test_who_was_silent_for_some_slices_joins_with_care():
    together = Neighbours()
    together.run(100)
    together.run(75, functions=())
    number = int(together.server.server_time // 20)
    together.server.used[number] = 12  # somebody else's
    together.run(4)
    assert number == int(together.server.server_time // 20)
    assert together.server.refused == 0


def test_who_is_told_of_the_global_limit_now_and_then_only_is_no_newcomer_each_time():
    """As orders_daily: the reply about the restaurant tells of it, those with orders of their endpoint's own."""
    world = World(slice_seconds=20, share=SHARES["orders_daily"])

    def ask(endpoint, by, limit, used, pages=1):
        world.by, world.limit = by, limit
        world.used = {int(world.server_time // 20): used}
        for _ in range(pages):
            world.request(endpoint=endpoint, round_trip=0.1)

    ask(RESTAURANT, "GLOBAL", 20, used=0)
    for start in (20, 60, 100):
        world.time = max(world.time, start + 1)
        ask(RESTAURANT, "GLOBAL", 20, used=14)  # the other functions'
        ask(ORDERS_BULK, "ENDPOINT", 5, used=0, pages=1 if start == 20 else 4)
        assert start == 20 or world.time < start + 5
        world.time = max(world.time, start + 21)
        ask(ORDERS_BULK, "ENDPOINT", 5, used=0)


def test_a_share_of_a_slice_is_not_more_when_nobody_else_asks():
    alone = Neighbours()
    alone.run(200, functions=["labor_daily"])
    assert max(alone.server.used.values()) == SHARES["labor_daily"]


def test_requests_in_flight_are_counted_against_what_is_left():
    world = World(limit=3, slice_seconds=20)
    first = world.admit()
    world.answer(first)  # says: two left
    second, third = world.admit(), world.admit()  # both still in flight
    with pytest.raises(WaitTooLong):
        world.admit(deadline=world.time + 5)
    world.answer(second)
    world.answer(third)
    assert world.request() + START >= math.ceil(START / 20) * 20
    assert world.refused == 0


def test_replies_that_overtake_each_other_never_raise_what_is_left():
    world = World(limit=4, slice_seconds=20)
    world.request()
    second, third = world.admit(), world.admit()
    reset = (int(world.server_time // 20) + 1) * 20
    world.pacer.answered(third, Limits("ENDPOINT", 1, reset), None)
    world.pacer.answered(second, Limits("ENDPOINT", 2, reset), None)
    world.admit()
    with pytest.raises(WaitTooLong):
        world.admit(deadline=world.time + 5)


@pytest.mark.parametrize("arriving", tuple(itertools.permutations(range(3))))
@pytest.mark.parametrize("landing", tuple(itertools.permutations(range(3))))
def test_requests_that_overtake_each_other_there_and_back_use_all_that_is_left(arriving, landing):
    world = World(limit=5, slice_seconds=20)
    world.request()
    admissions = [world.admit() for _ in range(3)]
    replies = {number: world.arrive() for number in arriving}
    for number in landing:
        world.pacer.answered(admissions[number], replies[number], math.floor(world.server_time))
    world.answer(world.admit())
    with pytest.raises(WaitTooLong):
        world.admit(deadline=world.time + 5)
    assert world.refused == 0


def test_a_request_without_a_reply_is_taken_for_one_that_was_counted():
    world = World(limit=3, slice_seconds=20)
    world.request()
    world.pacer.answered(world.admit(), None, None)
    world.admit()
    with pytest.raises(WaitTooLong):
        world.admit(deadline=world.time + 5)


def test_the_first_request_goes_alone_until_its_reply_tells_what_the_server_allows():
    world = World()
    world.admit()
    with pytest.raises(WaitTooLong):
        world.admit(deadline=world.time + 3)


def test_a_first_request_without_a_reply_does_not_block_the_line():
    world = World()
    world.pacer.answered(world.admit(), None, None)
    world.admit(deadline=world.time + 1)


def test_the_seconds_before_the_first_reply_of_a_slice_go_by_what_earlier_slices_allowed():
    world = World(limit=2, slice_seconds=10)
    for _ in range(6):
        world.request()
    world.time += 30
    world.admit(), world.admit()  # no reply yet
    with pytest.raises(WaitTooLong):
        world.admit(deadline=world.time + 1)


@pytest.mark.parametrize(
    ("by", "same_endpoint", "same_api", "same_location", "other_location"),
    [
        ("ENDPOINT", True, False, False, False),
        ("API", True, True, False, False),
        ("GLOBAL", True, True, True, False),
        ("global, account", True, True, True, True),
        ("SOMETHING NEW", True, False, False, False),
    ],
)
def test_a_429_closes_the_limit_that_it_names_for_everybody(by, same_endpoint, same_api, same_location, other_location):
    world = World(headers=False, limit=1000)
    admission = world.admit()
    world.answer(admission)
    world.time += 1
    limits = Limits(by.upper(), 0, world.server_time + 30)
    world.pacer.close(admission, limits, 30)
    orders_api = type(ORDERS_BULK)(name="another", path="/orders/v2/x", api="orders", scope="orders:read")
    for location, endpoint, closed in [
        ("north", ORDERS_BULK, same_endpoint),
        ("north", orders_api, same_api),
        ("north", CASH_ENTRIES, same_location),
        ("south", ORDERS_BULK, other_location),
    ]:
        if closed:
            with pytest.raises(WaitTooLong) as error:
                world.pacer.admit(location, endpoint, deadline=world.time + 10)
            assert 25 < error.value.seconds <= 30
        else:
            assert world.pacer.admit(location, endpoint, deadline=world.time + 1)


def test_the_quarter_hour_quota_of_a_location_holds_until_its_slice_ends():
    world = World(headers=False, limit=10**6)
    for _ in range(2):
        world.request(endpoint=CASH_ENTRIES)
    world.pacer._quotas["north"]._sent = 10_000
    with pytest.raises(WaitTooLong):
        world.admit(deadline=world.time + 0.5)
    sent = world.request(endpoint=CASH_ENTRIES)
    assert int((sent + START) // 900) == int(START // 900) + 1


def test_a_hold_ends_when_the_clock_is_set():
    world = World(limit=1, slice_seconds=600)
    world.request()
    with pytest.raises(WaitTooLong):
        world.admit(deadline=world.time + 5)
    world.server_offset += 86_400
    world.clock.observe(formatdate(math.floor(world.server_time), usegmt=True), world.time, world.time)
    world.admit(deadline=world.time + 5)


def test_a_hold_is_never_longer_than_it_was_when_it_was_learnt():
    world = World(limit=1, slice_seconds=20)
    world.request()
    left = 20 - START % 20
    # The clock is set back, and nobody replies who could tell.
    world.server_offset -= 86_400
    assert world.request() <= left + 2.5


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Toast-RateLimit-Remaining": "4"},
        {"X-Toast-RateLimit-Remaining": "x", "X-Toast-RateLimit-Reset": "1"},
        {"X-Toast-RateLimit-Remaining": "1", "X-Toast-RateLimit-Reset": "inf"},
    ],
)
def test_rate_limit_headers_that_make_no_sense_are_none(headers):
    assert Limits.of(headers) is None


def test_toasts_clock_narrows_down_with_each_reply_and_is_never_ahead():
    time, offset = 100.0, 1_700_000_000.377
    clock = ServerClock(lambda: time)
    for step in range(40):
        sent = 100 + step * 0.23
        served, time = sent + 0.01, sent + 0.02
        clock.observe(formatdate(math.floor(served + offset), usegmt=True), sent, time)
        assert clock.at_least() <= time + offset
    assert clock.at_least() == pytest.approx(time + offset, abs=0.1)


def test_a_date_header_that_lags_by_a_second_is_not_taken_for_a_set_clock():
    time, offset = 0.0, 1_700_000_000.9
    clock = ServerClock(lambda: time)
    for step in range(60):
        time = step * 0.11
        lag = 0.0 if step % 3 else 0.8
        clock.observe(formatdate(math.floor(time + offset - lag), usegmt=True), time, time)
    assert clock.jumps == 0
    assert clock.at_least() == pytest.approx(time + offset, abs=0.3)


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0, 7.0, -7.0])
def test_a_clock_that_is_set_is_believed_at_once_and_late_replies_from_before_are_not(jump):
    clock = ServerClock(lambda: 10.0)
    clock.observe(formatdate(1_700_000_000, usegmt=True), 5.0, 5.1)
    clock.observe(formatdate(1_700_000_000 + int(jump), usegmt=True), 6.0, 6.1)
    clock.observe(formatdate(1_700_000_001, usegmt=True), 5.5, 6.2)
    assert clock.jumps == 1
    assert clock.at_least(6.1) == pytest.approx(1_700_000_000 + jump, abs=1)


def test_a_missing_or_broken_date_teaches_nothing():
    clock = ServerClock(lambda: 10.0)
    clock.observe(None, 1, 2)
    clock.observe("yesterday", 1, 2)
    assert not clock.known


def test_twenty_threads_share_one_pace_and_none_is_forgotten():
    world = World(limit=5, slice_seconds=1)
    lock = threading.Lock()
    done = []

    def sleep(seconds):  # simulated time passes for whoever sleeps, one at a time
        with lock:
            world.time += seconds

    world.pacer._sleep = sleep

    def work():
        for _ in range(5):
            admission = world.admit()
            with lock:
                world.answer(admission)
                done.append(world.time)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == 100
    assert world.refused == 0
    assert max(done) == pytest.approx(20, abs=2)
