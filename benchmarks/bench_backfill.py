"""A backfill of 13 restaurants and 8 weeks of orders, against the least time that Toast's limits and its latency allow.

Toast's documented limits are slowed to a twentieth, so that they and not this machine set the pace, and each reply of
the simulated Toast takes 300 ms. The functions keep their own pace, as they do when they are deployed.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from benchmarks.harness import Figure, Sizes
from benchmarks.simulated_toast import CLOCK
from benchmarks.stacks import copy_tables
from local_stack.backfill_demo import FIRST_DATE, floor_seconds
from local_stack.demo import backfill
from local_stack.processes import LocalStack
from shared.config import DEFAULT_RESTAURANTS_FILE

MOST_OF_FLOOR = 1.15
MOST_REFUSED = 0.001
LATENCY_MS, VOLUME, SCALE = 300, 60, 0.05


def measure(sizes: Sizes) -> Iterator[Figure]:
    """Wall time over the floor, and the share of requests that Toast refused."""
    weeks = sizes.pick(8, 1)
    floor = floor_seconds(weeks, SCALE, LATENCY_MS / 1000, VOLUME, ["orders"])
    seconds, counts = _run(weeks)
    yield Figure(
        name=f"backfill of 13 restaurants × {weeks} weeks / floor",
        value=seconds / floor,
        unit="×",
        target=MOST_OF_FLOOR,
        details={"seconds": seconds, "floor_seconds": floor, "requests": counts["total"]},
    )
    yield Figure(
        name="share of requests that were refused with 429",
        value=counts["rejected_429"] / counts["total"],
        unit="",
        target=MOST_REFUSED,
        details={"rejected_429": counts["rejected_429"]},
    )


def _run(weeks: int) -> tuple[float, dict[str, int]]:
    """Seconds of `backfill_all.py run`, and how many requests the simulated Toast counted."""
    last = FIRST_DATE + dt.timedelta(days=7 * weeks - 1)
    words = ["--start-date", str(FIRST_DATE), "--end-date", str(last), "--functions", "orders"]
    options = {
        "clock": CLOCK,
        "limits": "documented",
        "limit-scale": SCALE,
        "latency-ms": LATENCY_MS,
        "volume": VOLUME,
    }
    with tempfile.TemporaryDirectory() as folder:
        copy_tables(Path(folder))
        environment = {"RESTAURANTS_FILE": str(DEFAULT_RESTAURANTS_FILE)}
        with LocalStack(Path(folder), seed=1, simulator_options=options, environment=environment) as stack:
            began = time.monotonic()
            if backfill(stack, "run", [*words, "--skip-configuration", "--skip-gates"]) != 0:
                raise AssertionError("the backfill did not do all of its units; it says which above")
            seconds = time.monotonic() - began
            counts: dict[str, int] = requests.get(f"{stack.simulator_url}/_simulator/requests", timeout=60).json()
    return seconds, counts
