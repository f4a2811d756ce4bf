"""How long a page of 100 orders takes from its bytes to the NDJSON of all seven tables.

The reference is `orjson.loads` of the same bytes, the fastest way to do much less: parse, and throw away. Each
contestant goes through all pages, which are all different, since a function never sees a page twice.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import orjson

from benchmarks.harness import Figure, Sizes, in_turns, median, median_ratio
from benchmarks.simulated_toast import PAGE_SIZE, full_pages, serving
from shared.date_utils import TradingHours
from shared.order_rows import flatten_orders
from shared.order_tables import StagedOrder
from shared.spool import encode_rows
from shared.toast_orders import OrdersPage, decode_orders_page

TARGET = 1.3
HOURS = TradingHours("America/New_York", 4)
REFERENCE, OURS = "orjson.loads", "decode + flatten + encode"


def measure(sizes: Sizes) -> Iterator[Figure]:
    """One page, all seven tables."""
    with serving(volume=600) as url:
        pages = full_pages(url, sizes.pick(40, 4))
    contestants: dict[str, Callable[[bytes], object]] = {
        REFERENCE: orjson.loads,
        "decode": decode_orders_page,
        OURS: _from_bytes_to_lines,
    }

    def timed(action: Callable[[bytes], object]) -> Callable[[], float]:
        return lambda: _seconds_a_page(action, pages)

    rounds = in_turns({name: timed(action) for name, action in contestants.items()}, sizes.pick(25, 3))
    yield Figure(
        name="decode, flatten and encode a page / orjson.loads",
        value=median_ratio(rounds, OURS, REFERENCE),
        unit="×",
        target=TARGET,
        details={
            "milliseconds_a_page": {name: median(rounds, name) * 1e3 for name in contestants},
            "decode_alone": median_ratio(rounds, "decode", REFERENCE),
            "bytes_an_order": statistics.mean(map(len, pages)) / PAGE_SIZE,
            "pages": len(pages),
            "rounds": len(rounds),
        },
    )


def _from_bytes_to_lines(body: bytes) -> bytes:
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
