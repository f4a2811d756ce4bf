"""What a call needs in memory: the function's processes and its spool, at 14,000 and at 50,000 orders.

A Cloud Function's disk is its memory, so the spool counts. Processes share pages with the one they were
forked from; PSS counts each shared page once, as the container does. Linux only: it reads /proc.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

import requests

from benchmarks.simulated_toast import CLOCK, restaurants
from local_stack.processes import LocalStack

# Orders a day for which the first restaurant's week has over 14,000 orders, ten times the usual, and over 50,000.
VOLUMES = (2_150, 7_600)
WEEK = {"start_date": "2026-02-16", "end_date": "2026-02-22"}
TARGET_MB, TARGET_GROWTH = 300, 1.2
MB = 1_000_000


class Watch:
    """Looks at a process and its children ten times a second, from its start to its end as a context."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = self.peak_spool = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            family = _family(self._pid)
            spool = sum(map(_deleted_files, family))
            self.peak_spool = max(self.peak_spool, spool)
            self.peak = max(self.peak, sum(map(_proportional_set_size, family)) + spool)


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _proportional_set_size(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _deleted_files(pid: int) -> int:
    """Bytes in open files that have no name, which is what a spool is."""
    total = 0
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            status = link.stat()
        except OSError:
            continue
        total += status.st_size if status.st_nlink == 0 else 0
    return total


def measure(volume: int) -> dict[str, Any]:
    """Load one restaurant-week with a fresh stack; orders, peak and spool in bytes."""
    options = {"clock": CLOCK, "limits": "off", "volume": volume}
    with tempfile.TemporaryDirectory() as folder, LocalStack(Path(folder), seed=1, simulator_options=options) as stack:
        pid = stack.functions["orders_daily"].pid
        assert pid is not None
        with Watch(pid) as watch:
            body = {"restaurant_guid": restaurants()[0], **WEEK}
            reply = requests.post(stack.function_url("orders_daily"), json=body, timeout=900)
        reply.raise_for_status()
        orders = reply.json()["restaurants"][0]["tables"]["fact_orders"]["inserted"]
    return {"orders": orders, "peak": watch.peak, "spool": watch.peak_spool}


def main() -> None:
    """Measure, and print the figures with their targets."""
    results = [measure(volume) for volume in VOLUMES]
    for result in results:
        print(
            f"  {result['orders']:>7,} orders: peak {result['peak'] / MB:5.0f} MB, "
            f"of which spool {result['spool'] / MB:3.0f} MB"
        )
    small, large = results
    growth = large["peak"] / small["peak"]
    verdict = "reached" if small["peak"] < TARGET_MB * MB and growth <= TARGET_GROWTH else "MISSED"
    print(f"  target: below {TARGET_MB} MB, growing at most {TARGET_GROWTH} x; {verdict} with {growth:.2f} x")


if __name__ == "__main__":
    main()
