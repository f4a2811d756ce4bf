"""How long a page of 100 orders takes from its bytes to the NDJSON of all seven tables.

The reference is `orjson.loads` of the same bytes, the fastest way to do much less: parse, and throw away.
Pages and contestants take turns, each page is different, and the collector stays on: as in a real run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import orjson

from benchmarks.simulated_toast import PAGE_SIZE, full_pages, serving
from shared.date_utils import TradingHours
from shared.order_rows import flatten_orders
from shared.order_tables import StagedOrder
from shared.spool import encode_rows
from shared.toast_orders import OrdersPage, decode_orders_page

PAGES, ROUNDS = 40, 15
TARGET = 1.3
HOURS = TradingHours("America/New_York", 4)


def from_bytes_to_lines(body: bytes) -> bytes:
    """What the function does with a page."""
    return encode_rows(_flatten(decode_orders_page(body)))


def _flatten(page: OrdersPage) -> list[StagedOrder]:
    return flatten_orders(page.orders, restaurant_guid="r", hours=HOURS, unit="u", rejected=_no_reject)


def _no_reject(*_: object) -> None:
    raise AssertionError("the simulator's orders can all be read")


def _seconds(action: Callable[[bytes], object], body: bytes) -> float:
    begin = time.perf_counter()
    action(body)
    return time.perf_counter() - begin


def main() -> None:
    """Measure, and print the figures with their target."""
    with serving(volume=600) as url:
        pages = full_pages(url, PAGES)
    contestants: dict[str, Callable[[bytes], object]] = {
        "orjson.loads": orjson.loads,
        "decode": decode_orders_page,
        "decode + flatten + encode": from_bytes_to_lines,
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for body in pages:
            for name, action in contestants.items():
                times[name].append(_seconds(action, body))
    reference = statistics.median(times["orjson.loads"])
    size = statistics.mean(map(len, pages)) / PAGE_SIZE
    print(f"{PAGES} pages of {PAGE_SIZE} orders, {size:,.0f} bytes an order, {ROUNDS} rounds; medians")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"  {name:<28} {median * 1e3:6.2f} ms a page  {median / reference:5.2f} x orjson.loads")
    ratio = statistics.median(times["decode + flatten + encode"]) / reference
    print(f"  target: at most {TARGET} x; {'reached' if ratio <= TARGET else 'MISSED'} with {ratio:.2f} x")


if __name__ == "__main__":
    main()
