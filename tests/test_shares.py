"""Functions that ask for one restaurant at the same time, each with a client of its own: nothing is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from local_stack.processes import ServerProcess
from shared import connections
from shared.config import DEFAULT_RESTAURANTS_FILE, Settings, load_tenants
from shared.toast_client import ToastClient
from shared.toast_endpoints import CASH_DEPOSITS, CASH_ENTRIES
from shared.toast_transport import Usage

(TENANT,) = load_tenants(DEFAULT_RESTAURANTS_FILE).values()
GUID = TENANT.restaurants[0].guid
DAYS = [dt.date(2026, 1, 5) + dt.timedelta(days=n) for n in range(7)]
WALKS_AT_ONCE = 8


def orders(toast: ToastClient, day: dt.date) -> None:
    list(toast.orders_by_business_date(GUID, day, decode=lambda body: [body], usage=Usage()))


def cash(toast: ToastClient, day: dt.date) -> None:
    for endpoint in (CASH_ENTRIES, CASH_DEPOSITS):
        toast.cash_of_day(endpoint, GUID, day, decode=bytes, usage=Usage())


def labor(toast: ToastClient, day: dt.date) -> None:
    start = dt.datetime.combine(day, dt.time(4), dt.UTC)
    toast.time_entries_clocked_in(GUID, start, start + dt.timedelta(days=1), decode=bytes, usage=Usage())


READERS = {"orders_daily": orders, "cash_daily": cash, "labor_daily": labor}


def read_weeks(settings: Settings, function: str, client_of: str, weeks: int) -> None:
    """As a backfill does: the restaurant itself, then its days side by side; and so on."""
    toast = connections.toast_client(settings, TENANT, 1, client_of)
    for _ in range(weeks):
        toast.restaurant(GUID, usage=Usage())
        with ThreadPoolExecutor(WALKS_AT_ONCE) as pool:
            list(pool.map(lambda day: READERS[function](toast, day), DAYS))


@pytest.fixture
def refused(start_simulator: Callable[..., ServerProcess]) -> Callable[[dict[str, str]], int]:
    """Reads all three side by side, each with the client of the function that is told; how many 429s came of it."""

    def read(clients: dict[str, str]) -> int:
        url = start_simulator(**{"limits": "documented", "limit-scale": 1, "latency-ms": 100, "volume": 10}).url
        settings = Settings(toast_api_host=url, toast_client_id="simulator", toast_client_secret="simulator")
        with ThreadPoolExecutor() as pool:
            runs = [pool.submit(read_weeks, settings, name, client, 2) for name, client in clients.items()]
        for run in runs:
            run.result()
        return requests.get(f"{url}/_simulator/requests", timeout=10).json()["rejected_429"]

    return read


def test_functions_at_work_for_one_restaurant_keep_within_its_limit_together(refused) -> None:
    assert refused({name: name for name in READERS}) <= 1, "a slow machine may be late for a slice once"


def test_clients_that_take_themselves_for_the_only_one_do_not(refused) -> None:
    assert refused({name: f"another {name}" for name in READERS}) > 1
