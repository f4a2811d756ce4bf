"""A simulated Toast for the benchmarks, asked by plain requests, without this project's client."""

from __future__ import annotations

import datetime as dt
import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from local_stack.processes import SIMULATOR_CREDENTIALS, simulator_process
from shared.config import DEFAULT_RESTAURANTS_FILE, load_tenants

CLOCK = "2026-02-24T18:00:00Z"
LAST_DAY = dt.date(2026, 2, 22)
PAGE_SIZE = 100


def restaurants() -> list[str]:
    """The GUIDs of the example restaurants."""
    return [one.guid for tenant in load_tenants(DEFAULT_RESTAURANTS_FILE).values() for one in tenant.restaurants]


@contextmanager
def serving(**options: object) -> Iterator[str]:
    """The URL of a simulated Toast without limits, ended with the block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        simulator_process(Path(folder), seed=1, clock=CLOCK, limits="off", **options) as server,
    ):
        yield server.url


def full_pages(url: str, count: int) -> list[bytes]:
    """The bodies of so many full pages of ordersBulk, of different days and restaurants."""
    session = _logged_in(url)
    days = (LAST_DAY - dt.timedelta(days=back) for back in itertools.count())
    found: list[bytes] = []
    for day in days:
        for guid in restaurants():
            for page in itertools.count(1):
                reply = session.get(
                    f"{url}/orders/v2/ordersBulk",
                    params={"businessDate": f"{day:%Y%m%d}", "page": str(page), "pageSize": str(PAGE_SIZE)},
                    headers={"Toast-Restaurant-External-ID": guid},
                    timeout=60,
                )
                reply.raise_for_status()
                if 'rel="next"' not in reply.headers.get("link", ""):
                    break  # the last page of a day may be shorter
                found.append(reply.content)
                if len(found) == count:
                    return found
    return found


def _logged_in(url: str) -> requests.Session:
    session = requests.Session()
    body = {
        "clientId": SIMULATOR_CREDENTIALS,
        "clientSecret": SIMULATOR_CREDENTIALS,
        "userAccessType": "TOAST_MACHINE_CLIENT",
    }
    reply = session.post(f"{url}/authentication/v1/authentication/login", json=body, timeout=60)
    reply.raise_for_status()
    session.headers["Authorization"] = f"Bearer {reply.json()['token']['accessToken']}"
    return session
