"""How long a page of 100 orders takes from its bytes to the NDJSON of all seven tables.

The reference is `orjson.loads` of the same bytes, the fastest way to do much less: parse, and throw away.
The contestants take turns, each going through all pages, which are all different; the ratio is taken within
each turn, so that a busy machine slows both.
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
    return flatten_orders(page.objects, restaurant_guid="r", hours=HOURS, unit="u", rejected=_no_reject)


def _no_reject(*_: object) -> None:
    raise AssertionError("the simulator's orders can all be read")


def _seconds_a_page(action: Callable[[bytes], object], pages: list[bytes]) -> float:
    begin = time.perf_counter()
    for body in pages:
        action(body)
    return (time.perf_counter() - begin) / len(pages)


def main() -> None:
    """Measure, and print the figures with their target."""
    with serving(volume=600) as url:
        pages = full_pages(url, PAGES)
    contestants: dict[str, Callable[[bytes], object]] = {
        "orjson.loads": orjson.loads,
        "decode": decode_orders_page,
        "decode + flatten + encode": from_bytes_to_lines,
    }
    rounds = [{name: _seconds_a_page(run, pages) for name, run in contestants.items()} for _ in range(ROUNDS)]
    size = statistics.mean(map(len, pages)) / PAGE_SIZE
    print(f"{PAGES} pages of {PAGE_SIZE} orders, {size:,.0f} bytes an order, {ROUNDS} rounds; medians")
    for name in contestants:
        seconds = statistics.median(one[name] for one in rounds)
        ratio = statistics.median(one[name] / one["orjson.loads"] for one in rounds)
        print(f"  {name:<28} {seconds * 1e3:6.2f} ms a page  {ratio:5.2f} x orjson.loads")
    print(f"  target: at most {TARGET} x; {'reached' if ratio <= TARGET else 'MISSED'} with {ratio:.2f} x")


if __name__ == "__main__":
    main()
