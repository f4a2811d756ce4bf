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

SIMULATOR_SEED = 7
SIMULATOR_CLOCK = "2026-02-24T18:00:00Z"

_dataset_numbers = itertools.count(1)


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
