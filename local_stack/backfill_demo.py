"""The large proof: years of history through backfill_all.py, timed against the floor that Toast's limits set.

Everything runs on this machine, as real processes that talk HTTP. Run by `make backfill-demo` (orders) and
`make backfill-demo-all` (cash and labor too); it takes as long as the limits say, half an hour and more.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click
import requests
from rich.console import Console

from backfill.display import duration
from local_stack.demo import (
    CLOCK,
    SEED,
    backfill,
    example_restaurants,
    leave,
    make_fresh,
    undisturbed,
    warehouse_client,
    write_restaurants,
)
from local_stack.processes import DATASET, ROOT, LocalStack
from local_stack.truth import differences
from shared.cash_tables import CASH_TABLES
from shared.labor_tables import LABOR_TABLES
from shared.order_tables import ORDER_TABLES
from shared.toast_endpoints import GLOBAL_INTERVAL, ORDERS_BULK

CONFIGURATION = "config_weekly"
TABLES_OF = {"orders": ORDER_TABLES, "cash": CASH_TABLES, "labor": LABOR_TABLES}
FIRST_DATE = dt.date(2025, 1, 1)
MOST_OF_FLOOR = 1.25
MOST_429 = 0.001


@click.command()
@click.option(
    "--restaurants", default=13, show_default=True, type=click.IntRange(1, 13), help="Only the first so many."
)
@click.option("--weeks", default=60, show_default=True, type=click.IntRange(1, 60), help="From 2025-01-01.")
@click.option("--functions", default="orders", show_default=True, help="Some of orders,cash,labor.")
@click.option("--limit-scale", default=0.05, show_default=True, help="Slow Toast's limits to this share.")
@click.option("--latency-ms", default=300, show_default=True, help="Delay of every reply of Toast.")
@click.option("--volume", default=60, show_default=True, help="Orders a day.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=ROOT / ".data" / "backfill-demo", help="Emptied first."
)
def main(
    restaurants: int, weeks: int, functions: str, limit_scale: float, latency_ms: int, volume: int, data_dir: Path
) -> None:
    """Load years of simulated history, check every gate, compare with the truth, and time it against the floor."""
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, leave)
    sources = functions.split(",")
    end = FIRST_DATE + dt.timedelta(days=7 * weeks - 1)
    chosen = example_restaurants()[:restaurants]
    make_fresh(data_dir)
    stack = LocalStack(
        data_dir,
        functions=[CONFIGURATION, *(f"{source}_daily" for source in sources)],
        seed=SEED,
        simulator_options={
            "clock": max(CLOCK, dt.datetime.combine(end + dt.timedelta(days=2), CLOCK.timetz())).isoformat(),
            "limits": "documented",
            "limit-scale": limit_scale,
            "latency-ms": latency_ms,
            "volume": volume,
        },
        environment={"RESTAURANTS_FILE": str(write_restaurants(data_dir, chosen))},
    )
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(stack)
        cleanup.push(undisturbed)
        _configure(stack, console)
        requests.delete(f"{stack.simulator_url}/_simulator/requests", timeout=60).raise_for_status()
        words = ["--start-date", str(FIRST_DATE), "--end-date", str(end), "--functions", functions]
        backfill(stack, "plan", words)
        began = time.monotonic()
        done = backfill(stack, "run", [*words, "--skip-configuration", "--skip-gates"]) == 0
        seconds = time.monotonic() - began
        counts = requests.get(f"{stack.simulator_url}/_simulator/requests", timeout=60).json()
        verified = backfill(stack, "verify", words) == 0
        equal = _compare(stack, [one.guid for one in chosen], sources, end, console)
    fast = _print_pace(counts, seconds, weeks, limit_scale, latency_ms / 1000, volume, sources, console)
    sys.exit(0 if done and verified and equal and fast else 1)


def _configure(stack: LocalStack, console: Console) -> None:
    began = time.monotonic()
    reply = requests.post(stack.function_url(CONFIGURATION), json={"restaurant_guid": "ALL"}, timeout=600)
    console.print(f"Configuration: HTTP {reply.status_code} in {duration(time.monotonic() - began)}")
    reply.raise_for_status()


def _compare(stack: LocalStack, guids: list[str], sources: list[str], end: dt.date, console: Console) -> bool:
    """Compare every table with the truth, a quarter at a time."""
    tables = [table.name for source in sources for table in TABLES_OF[source]]
    cells, found = 0, []
    with contextlib.closing(warehouse_client(stack.emulator_url)) as client:
        start = FIRST_DATE
        while start <= end:
            stop = min(end, start + dt.timedelta(days=90))
            part = differences(client, DATASET, stack.simulator_url, guids, start, stop, tables=tables)
            cells += part.cells
            found += part.differences
            start = stop + dt.timedelta(days=1)
    for difference in found[:20]:
        console.print(str(difference), style="red", markup=False)
    verdict = f"[red]{len(found):,} differ[/red]" if found else "[green]all equal[/green]"
    console.print(f"Compared with the truth: {cells:,} values, {verdict}.")
    return bool(cells) and not found


def _print_pace(
    counts: dict[str, Any],
    seconds: float,
    weeks: int,
    scale: float,
    latency: float,
    volume: int,
    sources: list[str],
    console: Console,
) -> bool:
    """Say how near to the floor it was, and how many requests were refused."""
    floor = floor_seconds(weeks, scale, latency, volume, sources)
    ratio, share = seconds / floor, counts["rejected_429"] / counts["total"]
    console.print(
        f"Wall time {duration(seconds)}, floor {duration(floor)}: {ratio:.2f} × (at most {MOST_OF_FLOOR}). "
        f"{counts['total']:,} requests, {counts['rejected_429']} of them 429: {share:.3%} (at most {MOST_429:.1%})."
    )
    return ratio <= MOST_OF_FLOOR and share <= MOST_429


def floor_seconds(weeks: int, scale: float, latency: float, volume: int, sources: list[str]) -> float:
    """The least time for one restaurant; the others go beside it.

    Orders: 5 pages a second, a page of 100 for each date at least. All together: 20 requests a second, with one
    more request a call. Toast counts by slices, so what the first slice allows takes no time. A call's requests
    cannot begin before the restaurant itself has answered.
    """
    days = 7 * weeks
    pages = {"orders": days * math.ceil(volume / 100), "cash": 2 * days, "labor": days}
    orders = pages["orders"] * ORDERS_BULK.interval - 1 if "orders" in sources else 0.0
    together = sum(pages[source] + weeks for source in sources) * GLOBAL_INTERVAL - 1
    return max(orders / scale, together / scale, weeks * 2 * latency)


if __name__ == "__main__":
    main()
