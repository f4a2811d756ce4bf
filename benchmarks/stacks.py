"""Servers for a benchmark: Toast without limits, an emulator that holds all tables, functions without a pace."""

from __future__ import annotations

import atexit
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import requests
import structlog

from benchmarks.simulated_toast import simulated_toast
from benchmarks.timed_emulator import TIMES, Busy, times_in
from local_stack.processes import (
    ROOT,
    ServerProcess,
    emulator_process,
    function_environment,
    function_process,
    warehouse_environment,
)
from shared.bigquery_utils import Warehouse, connect
from shared.config import DEFAULT_RESTAURANTS_FILE, Settings
from shared.schema import ALL_TABLES, VIEWS

# A call may take as long as it takes: what is measured is not cut off.
NO_BUDGET = {"TIME_BUDGET_SECONDS": "3600"}
UNPACED = Path(__file__).with_name("unpaced.py")


@dataclass(frozen=True)
class Servers:
    """The servers of one contestant."""

    folder: Path
    simulator: ServerProcess
    emulator: ServerProcess

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a function that reads from the simulator and writes to the emulator."""
        return {
            **function_environment(self.simulator.url, self.emulator.url),
            **NO_BUDGET,
            "RESTAURANTS_FILE": str(DEFAULT_RESTAURANTS_FILE),
            "LOG_LEVEL": "WARNING",
        }

    def emulator_times(self) -> list[Busy]:
        """How long each request to the emulator took so far."""
        return times_in(self.folder / "times.txt")

    @contextmanager
    def serving(self, function: str) -> Iterator[ServerProcess]:
        """A function in a process of its own, without a pace."""
        environment = {**self.environment, "PYTHONPATH": str(ROOT)}
        with function_process(function, self.folder / function, environment, source=UNPACED) as process:
            yield process


@contextmanager
def servers(**simulator_options: object) -> Iterator[Servers]:
    """A fresh simulator and an emulator with empty tables."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        emulator = stack.enter_context(emulator_with_tables(folder))
        simulator = stack.enter_context(simulated_toast(folder / "simulator", **simulator_options))
        yield Servers(folder, simulator, emulator)


def emulator_with_tables(folder: Path) -> ServerProcess:
    """An emulator whose dataset holds every table and view, all empty; not started yet."""
    copy_tables(folder)
    return ServerProcess(
        "emulator",
        lambda port: [
            *(sys.executable, "-m", "benchmarks.timed_emulator"),
            *("--port", str(port), "--data-dir", str(folder / "bigquery")),
        ],
        ready=r"bigquery emulator serving (http://\S+)",
        log_path=folder / "logs" / "emulator.log",
        environment={TIMES: str(folder / "times.txt")},
    )


def copy_tables(folder: Path) -> None:
    """Give an emulator that will keep its data in a folder every table and view, all empty."""
    shutil.copytree(_tables() / "bigquery", folder / "bigquery")


@cache
def _tables() -> Path:
    """A folder with an emulator's data, made once for all benchmarks of a run: it takes ten seconds."""
    folder = Path(tempfile.mkdtemp(prefix="bench-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with emulator_process(folder) as server:
        warehouse_of(server.url).ensure(ALL_TABLES, VIEWS)
    return folder


def warehouse_of(emulator_url: str) -> Warehouse:
    """The warehouse in an emulator, for those who look at it or prepare it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    return connect(Settings.from_environment(warehouse_environment(emulator_url)))


def call(url: str, **body: Any) -> Mapping[str, Any]:
    """Call a function, and return the reply's body. Raises AssertionError when it did not do all of it."""
    reply = requests.post(url, json=body, timeout=3600)
    if reply.status_code != 200 or reply.json()["status"] != "success":
        raise AssertionError(f"HTTP {reply.status_code}: {reply.text[:1000]}")
    answer: Mapping[str, Any] = reply.json()
    return answer


def orders_in(answer: Mapping[str, Any]) -> int:
    """How many orders a reply says were inserted."""
    return sum(int(one["tables"]["fact_orders"]["inserted"]) for one in answer["restaurants"])
