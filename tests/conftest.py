"""Servers that tests share: started once for the session, on free loopback ports, and ended with it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from local_stack.processes import PRODUCT_VARIABLES, PROJECT, ServerProcess, emulator_process, simulator_process

if TYPE_CHECKING:
    from google.cloud import bigquery

# Files that take half a minute or more come first, the longest before all: else one worker would end with such a file
# while the other has nothing left to do.
LONGEST_FIRST = (
    *("test_orders_failures", "test_sql", "test_following_changes", "test_views", "test_demo", "test_config_weekly"),
    *("test_orders_daily", "test_dimension_loading", "test_order_loading", "test_backfill_tasks", "test_backfill_all"),
    *("test_deploy_all", "test_backfill_work", "test_backfill_runner", "test_gates", "test_queries", "test_summary"),
    *("test_cash_daily", "test_labor_daily", "test_token_cache", "test_token_cache_processes", "test_http_contract"),
    *("test_fault_schedules", "test_time_budget", "test_day_loading", "test_labor_loading", "test_drift"),
)

SIMULATOR_SEED = 7
SIMULATOR_CLOCK = "2026-02-24T18:00:00Z"

_dataset_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist give out the files in our order, not those of the most tests first."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.fixture(autouse=True, scope="session")
def _own_environment() -> Iterator[None]:
    """No setting of the developer's shell reaches a test, and loopback is never asked of a proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in PRODUCT_VARIABLES:
            patch.delenv(name, raising=False)
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"])))
        yield


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """A call in process sends the logs to the stream that pytest captures for its test, and closes after it."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an emulated BigQuery with an empty data folder, shared by the session."""
    with emulator_process(tmp_path_factory.mktemp("emulator")) as server:
        yield server.url


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a simulated Toast API shared by the session: fixed seed and clock, no rate limits.

    A test that moves the clock or injects faults starts its own with `start_simulator`.
    """
    data_dir = tmp_path_factory.mktemp("simulator")
    with simulator_process(data_dir, seed=SIMULATOR_SEED, clock=SIMULATOR_CLOCK, limits="off") as server:
        yield server.url


@pytest.fixture
def start_simulator(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts simulators that belong to the test: `start_simulator(limits="documented").url`."""
    started: list[ServerProcess] = []

    def start(**options: object) -> ServerProcess:
        defaults = {"seed": SIMULATOR_SEED, "clock": SIMULATOR_CLOCK, "limits": "off"}
        server = simulator_process(tmp_path / f"simulator{len(started)}", **defaults | options)
        started.append(server)
        return server.start().wait_until_ready()

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def warehouse_client(emulator: str) -> Iterator[bigquery.Client]:
    """Google's own BigQuery client, talking to the emulator."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    client = bigquery.Client(
        project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": emulator}
    )
    yield client
    client.close()


@pytest.fixture
def dataset(warehouse_client: bigquery.Client) -> str:
    """The name of a dataset that exists, is empty and is this test's own."""
    name = f"test_{os.getpid()}_{next(_dataset_numbers)}"
    warehouse_client.create_dataset(name)
    return name
