"""What a call needs in memory with 1,000, 10,000 and 100,000 orders of one restaurant.

The function's processes as a container counts them, with the spool, since a Cloud Function's disk is its memory.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from benchmarks.harness import Figure, Sizes
from benchmarks.processes import Watch, memory
from benchmarks.simulated_toast import LAST_DAY, restaurants
from benchmarks.stacks import call, orders_in, servers

# Orders a day of an ordinary restaurant for which the first one's month has about so many orders.
VOLUMES = {1_000: 35, 10_000: 350, 100_000: 3_500}
QUICK = {1_000: 2, 10_000: 4, 100_000: 8}
DAYS = 31  # the longest call that there is
MOST_GROWTH = 1.2
MB = 1_000_000


def measure(sizes: Sizes) -> Iterator[Figure]:
    """The peak at each size, each in fresh processes; growth against the smallest."""
    peaks = {about: _peak(volume) for about, volume in (QUICK if sizes.quick else VOLUMES).items()}
    smallest, *larger = peaks
    yield Figure(
        name=f"peak memory of a call of {smallest:,} orders",
        value=peaks[smallest]["peak_mb"],
        unit="MB",
        details=peaks[smallest],
    )
    for about in larger:
        yield Figure(
            name=f"memory of a call of {about:,} orders / {smallest:,}",
            value=peaks[about]["peak_mb"] / peaks[smallest]["peak_mb"],
            unit="×",
            target=MOST_GROWTH,
            details=peaks[about],
        )


def _peak(volume: int) -> dict[str, float]:
    first = LAST_DAY - dt.timedelta(days=DAYS - 1)
    with servers(volume=volume) as here, here.serving("orders_daily") as function:
        assert function.pid is not None
        idle = memory(function.pid)
        with Watch(function.pid) as watch:
            answer = call(function.url, restaurant_guid=restaurants()[0], start_date=str(first), end_date=str(LAST_DAY))
    return {
        "orders": orders_in(answer),
        "idle_mb": idle / MB,
        "peak_mb": watch.peak / MB,
        "spool_mb": watch.peak_spool / MB,
    }
