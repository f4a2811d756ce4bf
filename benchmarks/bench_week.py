"""A restaurant-week of 14,000 orders from Toast to the tables: against a bare loop of requests, and against dlt.

All three read the same pages over HTTP, each from a simulated Toast of its own that has not served them before. The
loop throws the bodies away. The function loads seven tables of the emulated BigQuery; the seconds in which the
emulator is at work are measured there and taken off, since they say nothing of ours. dlt loads DuckDB, in its own
process.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.harness import Figure, Sizes, in_turns, median, median_ratio
from benchmarks.processes import Watch, cpu_seconds
from benchmarks.simulated_toast import WEEK, logged_in, pages_of, restaurants, serving
from benchmarks.stacks import Servers, call, orders_in, servers
from benchmarks.timed_emulator import seconds_busy
from local_stack.processes import ROOT, ServerProcess, child_environment

MOST_OF_LOOP = 3.0
LEAST_OF_DLT, LEAST_OF_DLT_WITH_EMULATOR = 10.0, 5.0
MOST_OF_DLT_MEMORY = 1 / 6
DLT = ROOT / ".venv" / "dlt" / "bin" / "python"
MB = 1_000_000


def measure(sizes: Sizes) -> Iterator[Figure]:
    """Wall seconds of the three in turns, then the memory of a call."""
    week = _Week(sizes.pick(2_150, 40))
    contestants = {"loop": week.loop, "ours": week.ours}
    with_dlt = in_turns(contestants | {"dlt": week.dlt}, sizes.pick(2, 1))  # it takes a minute and more each time
    rounds = with_dlt + in_turns(contestants, sizes.pick(1, 0))
    for one, alone in zip(rounds, week.ours_without_emulator, strict=True):
        one["ours_without_emulator"] = alone
    details = {"orders": week.orders, "pages": week.pages, "rounds": rounds, "processor_seconds": week.processor}
    yield Figure(
        name="restaurant-week without the emulator's share / bare loop of requests",
        value=median_ratio(rounds, "ours_without_emulator", "loop"),
        unit="×",
        target=MOST_OF_LOOP,
        details=details | {"seconds": {name: median(rounds, name) for name in rounds[-1]}},
    )
    yield Figure(
        name="dlt / restaurant-week without the emulator's share",
        value=median_ratio(with_dlt, "dlt", "ours_without_emulator"),
        unit="×",
        target=LEAST_OF_DLT,
        at_least=True,
        details={"seconds": median(with_dlt, "dlt"), "dlt": week.dlt_details},
    )
    yield Figure(
        name="dlt / restaurant-week with it",
        value=median_ratio(with_dlt, "dlt", "ours"),
        unit="×",
        target=LEAST_OF_DLT_WITH_EMULATOR,
        at_least=True,
    )
    peak, dlt_peak = week.our_peak(), max(week.dlt_peaks)
    yield Figure(
        name="peak memory / dlt's",
        value=peak / dlt_peak,
        unit="×",
        target=MOST_OF_DLT_MEMORY,
        details={"ours_mb": peak / MB, "dlt_mb": dlt_peak / MB},
    )


class _Week:
    """The contestants; each returns its wall seconds."""

    def __init__(self, volume: int) -> None:
        self._volume = volume
        self.orders = self.pages = 0
        self.ours_without_emulator: list[float] = []
        self.processor: list[dict[str, float]] = []
        """Processor seconds of function, simulator and emulator, round by round."""
        self.dlt_peaks: list[int] = []
        self.dlt_details: dict[str, Any] = {}

    def loop(self) -> float:
        with serving(volume=self._volume) as url:
            session, guid = logged_in(url), restaurants()[0]
            began = time.monotonic()
            self.pages = sum(1 for day in WEEK for _ in pages_of(session, url, guid, day))
            return time.monotonic() - began

    def ours(self) -> float:
        with servers(volume=self._volume) as here, here.serving("orders_daily") as function:
            before = _processor_seconds(here, function)
            began = time.monotonic()
            self._call(function)
            ended = time.monotonic()
            after = _processor_seconds(here, function)
            self.processor.append({name: after[name] - before[name] for name in after})
            self.ours_without_emulator.append(ended - began - seconds_busy(here.emulator_times(), began, ended))
            return ended - began

    def our_peak(self) -> int:
        """Peak memory of a call, in a round of its own: to look at a process slows it."""
        with servers(volume=self._volume) as here, here.serving("orders_daily") as function:
            assert function.pid is not None
            with Watch(function.pid) as watch:
                self._call(function)
            return watch.peak

    def dlt(self) -> float:
        with tempfile.TemporaryDirectory() as folder, serving(volume=self._volume) as url:
            command = [DLT, "-W", "ignore", ROOT / "benchmarks" / "dlt_week.py", url, restaurants()[0], folder]
            done = subprocess.run(
                [*map(str, command), str(WEEK[0]), str(WEEK[-1])],
                env=child_environment({"HOME": folder}),
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise AssertionError(f"the job in dlt failed:\n{done.stderr[-2000:]}")
        told = json.loads(done.stdout.splitlines()[-1])
        if told["orders"] != self.orders:
            raise AssertionError(f"dlt loaded {told['orders']} orders, ours {self.orders}")
        self.dlt_peaks.append(told["peak_bytes"])
        self.dlt_details = told
        return float(told["seconds"])

    def _call(self, function: ServerProcess) -> None:
        body = {"restaurant_guid": restaurants()[0], "start_date": str(WEEK[0]), "end_date": str(WEEK[-1])}
        self.orders = orders_in(call(function.url, **body))


def _processor_seconds(here: Servers, function: ServerProcess) -> dict[str, float]:
    processes = {"function": function, "simulator": here.simulator, "emulator": here.emulator}
    return {name: cpu_seconds(process.pid or 0) for name, process in processes.items()}
