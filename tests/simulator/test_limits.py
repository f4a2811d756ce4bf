"""Rate limits count in fixed slices of wall-clock time, per location, and can be slowed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from simulated import BROOKLYN, WAIKIKI, Client

from toast_simulator.clock import Clock
from toast_simulator.limits import RateLimits, Verdict

BULK = ("orders", "/orders/v2/ordersBulk", 5)
ONE = ("orders", "/orders/v2/orders/{guid}", None)
RESTAURANT = ("restaurants", "/restaurants/v1/restaurants/{guid}", None)


class Time:
    """A clock that stands still until it is moved; in seconds."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def clock(self) -> Clock:
        return Clock(tick=lambda: int(self.seconds * 1e9))


@pytest.fixture
def now() -> Time:
    return Time()


def test_the_sixth_ordersbulk_of_a_second_is_refused(now: Time) -> None:
    limits = RateLimits(now.clock())
    verdicts = [limits.take(BROOKLYN, *BULK) for _ in range(6)]
    assert [verdict.remaining for verdict in verdicts] == [4, 3, 2, 1, 0, 0]
    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False]
    assert {verdict.by for verdict in verdicts} == {"ENDPOINT"}
    assert verdicts[-1] == Verdict(False, "ENDPOINT", 0, 1_800_000_001, 1)
    assert verdicts[-1].headers()["Retry-After"] == "1"


def test_slices_are_fixed_not_sliding(now: Time) -> None:
    limits = RateLimits(now.clock())
    now.seconds += 0.9
    assert all(limits.take(BROOKLYN, *BULK).allowed for _ in range(5))
    now.seconds += 0.2
    assert all(limits.take(BROOKLYN, *BULK).allowed for _ in range(5))


def test_locations_and_endpoints_are_apart_but_the_global_limit_is_not(now: Time) -> None:
    limits = RateLimits(now.clock())
    for _ in range(5):
        assert limits.take(BROOKLYN, *BULK).allowed
    assert not limits.take(BROOKLYN, *BULK).allowed
    assert limits.take(WAIKIKI, *BULK).allowed
    assert all(limits.take(BROOKLYN, *ONE).allowed for _ in range(8))
    assert all(limits.take(BROOKLYN, *RESTAURANT).allowed for _ in range(7))
    refused = limits.take(BROOKLYN, *RESTAURANT)
    assert (refused.allowed, refused.by) == (False, "GLOBAL")


def test_a_quarter_of_an_hour_has_ten_thousand_requests(now: Time) -> None:
    limits = RateLimits(now.clock())
    for _ in range(500):
        assert all(limits.take(BROOKLYN, *ONE).allowed for _ in range(20))
        now.seconds += 1
    refused = limits.take(BROOKLYN, *ONE)
    assert (refused.allowed, refused.reset) == (False, 1_800_000_900)
    assert refused.retry_after == 400
    now.seconds = 1_800_000_900
    assert limits.take(BROOKLYN, *ONE).allowed


def test_a_scale_stretches_the_slices(now: Time) -> None:
    limits = RateLimits(now.clock(), 0.2)
    verdicts = [limits.take(BROOKLYN, *BULK) for _ in range(6)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False]
    assert (verdicts[-1].reset, verdicts[-1].retry_after) == (1_800_000_005, 5)
    now.seconds += 4.9
    assert not limits.take(BROOKLYN, *BULK).allowed
    now.seconds += 0.2
    assert limits.take(BROOKLYN, *BULK).allowed


def test_limits_over_http_refuse_and_recover(start: Callable[..., Client]) -> None:
    client = start("--limit-scale", "0.5")
    # Begin right after the start of a slice of two seconds, as the server's clock has it.
    client.control("clock", now="2026-03-20T12:00:00.050Z")
    replies = [client.bulk(businessDate="20260214", pageSize=1) for _ in range(6)]
    assert [reply.status_code for reply in replies] == [200] * 5 + [429]
    refused = replies[-1]
    assert refused.json()["status"] == 429
    assert refused.headers["X-Toast-RateLimit-By"] == "ENDPOINT"
    assert refused.headers["X-Toast-RateLimit-Remaining"] == "0"
    assert refused.headers["Retry-After"] in ("1", "2")
    assert replies[0].headers["X-Toast-RateLimit-Remaining"] == "4"
    assert replies[0].headers["X-Toast-RateLimit-Reset"] == "1774008002"
    time.sleep(int(refused.headers["Retry-After"]))
    assert client.bulk(businessDate="20260214", pageSize=1).status_code == 200
    assert client.control("requests")["rejected_429"] == 1


def test_limits_off_refuses_nothing(client: Client) -> None:
    assert {client.bulk(businessDate="20260214", pageSize=1).status_code for _ in range(40)} == {200}
