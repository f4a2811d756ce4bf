"""What the simulator's tests share: one world, one server, and a way to start more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from simulated import NOW, Client, Server, make_world

from toast_simulator.world.world import World


@pytest.fixture(scope="session")
def world() -> World:
    """The world of the example restaurants with seed 1; tests that edit make their own."""
    return make_world()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    """A simulator without limits, for tests that leave it as it is."""
    server = Server("--limits", "off", "--clock", NOW)
    yield server
    server.stop()


@pytest.fixture
def client(shared_server: Server) -> Iterator[Client]:
    """A logged-in client of the shared simulator."""
    made = Client(shared_server.url)
    yield made
    made.session.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Starts simulators of the test's own and gives clients of them."""
    running: list[tuple[Server, Client]] = []

    def make(*options: str) -> Client:
        server = Server("--clock", NOW, *options)
        made = Client(server.url)
        running.append((server, made))
        return made

    yield make
    for server, made in running:
        made.session.close()
        server.stop()
