"""What a backfill will take: calls, pages, time at Toast's limits, statements against BigQuery's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from backfill.work import by_lane
from history.ledger import Pace
from history.units import CONFIGURATION, SOURCE_OF, Source, Unit
from shared.toast_endpoints import (
    CASH_ENTRIES,
    GLOBAL_INTERVAL,
    GLOBAL_QUOTA,
    GLOBAL_QUOTA_SECONDS,
    ORDERS_BULK,
    SHARES,
    TIME_ENTRIES,
)

# What a business date takes where nothing is known of the restaurant: orders, two pages of a hundred; cash,
# entries and deposits; labor, one listing.
ASSUMED_PAGES: Mapping[Source, float] = {"orders": 2.0, "cash": 2.0, "labor": 1.0}
# Each call asks for the restaurant itself once.
REQUESTS_PER_CALL = 1
# Loading, in a call: about a dozen statements one after the other, whatever their size.
ASSUMED_SECONDS_PER_CALL = 8.0
CONFIGURATION_SECONDS = 60.0

_INTERVALS: Mapping[Source, float] = {
    "orders": ORDERS_BULK.interval,
    "cash": CASH_ENTRIES.interval,
    "labor": TIME_ENTRIES.interval,
}

# BigQuery's: INSERTs into one table that start at once in 24 hours (then ten at a time); load jobs per day.
INSERTS_AT_ONCE_PER_DAY = 1_500
LOAD_JOBS_PER_DAY = 100_000


# Calls of one function at once, unless told. Toast's limits count per restaurant, but each call also runs
# statements on the same tables.
MOST_CALLS_AT_ONCE = 16


class Conditions(msgspec.Struct, frozen=True):
    """What the time depends on besides the work. ``limit_scale`` and ``latency`` (seconds) are a simulator's."""

    workers: int
    limit_scale: float = 1.0
    latency: float = 0.0


class Share(msgspec.Struct):
    """The part of a plan that is one restaurant's and one function's."""

    restaurant_guid: str
    function: str
    days: int = 0
    calls: int = 0
    pages: float = 0.0
    requests: float = 0.0
    floor_seconds: float = 0.0
    expected_seconds: float = 0.0
    from_history: bool = False


class Plan(msgspec.Struct):
    """All that a backfill will do. Seconds are wall time, over restaurants side by side."""

    calls: int
    days: int
    pages: int
    requests: int
    floor_seconds: float
    """At best: what Toast's limits alone allow."""
    expected_seconds: float
    """With the loading, at the pace of earlier calls where there were any."""
    insert_statements: int
    """INSERTs into the busiest table, etl_runs."""
    load_jobs: int
    shares: list[Share]


def workers_for(units: Sequence[Unit]) -> int:
    """Calls at once where nobody told: one for each restaurant and function, up to 16 of a function."""
    lanes = Counter(function for _, function in by_lane(units))
    return max(1, sum(min(count, MOST_CALLS_AT_ONCE) for count in lanes.values()))


def planned(
    units: Sequence[Unit],
    paces: Mapping[tuple[str, str], Pace],
    conditions: Conditions,
) -> Plan:
    """Add up what some units will take."""
    lanes = by_lane([unit for unit in units if unit.span is not None])
    shares = [_share(lane, own, paces, conditions) for lane, own in lanes.items()]
    configuration = sum(unit.function == CONFIGURATION for unit in units)
    return Plan(
        calls=len(units) - configuration,
        days=sum(share.days for share in shares),
        pages=round(sum(share.pages for share in shares)),
        requests=round(sum(share.requests for share in shares)),
        floor_seconds=round(_floor(shares, conditions), 1),
        expected_seconds=round(_expected(shares, conditions) + configuration * CONFIGURATION_SECONDS, 1),
        insert_statements=len(units),
        load_jobs=len(units),
        shares=shares,
    )


def _share(
    lane: tuple[str, str], units: Sequence[Unit], paces: Mapping[tuple[str, str], Pace], conditions: Conditions
) -> Share:
    guid, function = lane
    source = SOURCE_OF[function]
    pace = paces.get((source, guid))
    share = Share(guid, function, calls=len(units), from_history=pace is not None)
    share.days = sum(unit.span.days for unit in units if unit.span)
    share.pages = share.days * (pace.pages if pace else ASSUMED_PAGES[source])
    share.requests = max(share.pages + REQUESTS_PER_CALL * share.calls, share.days * pace.requests if pace else 0.0)
    share.floor_seconds = share.pages * _INTERVALS[source] / conditions.limit_scale
    # A call asks for the restaurant, then for its days side by side: two latencies that nothing hides.
    waits = share.calls * 2 * conditions.latency
    reading = max(share.floor_seconds, share.requests / SHARES[function] / conditions.limit_scale)
    share.expected_seconds = max(reading, waits) + share.calls * ASSUMED_SECONDS_PER_CALL
    if pace:
        share.expected_seconds = max(reading, share.days * pace.seconds)
    return share


def _floor(shares: Sequence[Share], conditions: Conditions) -> float:
    """The least time: of the restaurant with the most to do, or of all of them over too few workers.

    Toast's limits count per restaurant: one per endpoint, one for all endpoints together, and a quota for each
    quarter of an hour. Restaurants do not slow each other down.
    """
    requests: dict[str, float] = defaultdict(float)
    slowest: dict[str, float] = defaultdict(float)
    for share in shares:
        requests[share.restaurant_guid] += share.requests
        slowest[share.restaurant_guid] = max(slowest[share.restaurant_guid], share.floor_seconds)
    alone = [max(slowest[guid], _global_floor(count, conditions.limit_scale)) for guid, count in requests.items()]
    return max([0.0, *alone, sum(share.floor_seconds for share in shares) / conditions.workers])


def _global_floor(requests: float, scale: float) -> float:
    quarters = requests // GLOBAL_QUOTA  # each full one has to pass before the rest may begin
    rest = requests - quarters * GLOBAL_QUOTA
    return (quarters * GLOBAL_QUOTA_SECONDS + rest * GLOBAL_INTERVAL) / scale


def _expected(shares: Sequence[Share], conditions: Conditions) -> float:
    """Restaurants and functions side by side, each a lane of its own, over the workers."""
    lanes = [share.expected_seconds for share in shares]
    return max([_floor(shares, conditions), *lanes, sum(lanes) / conditions.workers])
