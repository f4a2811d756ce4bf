"""A simulated Toast for the benchmarks, asked by plain requests, without this project's client."""

from __future__ import annotations

import datetime as dt
import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from local_stack.processes import SIMULATOR_CREDENTIALS, ServerProcess, simulator_process
from shared.config import DEFAULT_RESTAURANTS_FILE, load_tenants

CLOCK = "2026-02-24T18:00:00Z"
LAST_DAY = dt.date(2026, 2, 22)
WEEK = [LAST_DAY - dt.timedelta(days=back) for back in range(6, -1, -1)]
PAGE_SIZE = 100


def restaurants() -> list[str]:
    """The GUIDs of the example restaurants."""
    return [one.guid for tenant in load_tenants(DEFAULT_RESTAURANTS_FILE).values() for one in tenant.restaurants]


def simulated_toast(folder: Path, **options: object) -> ServerProcess:
    """A simulated Toast without limits; not started yet. It computes a page when it is first asked for it."""
    return simulator_process(folder, **({"seed": 1, "clock": CLOCK, "limits": "off"} | options))


@contextmanager
def serving(**options: object) -> Iterator[str]:
    """The URL of a simulated Toast without limits, ended with the block."""
    with tempfile.TemporaryDirectory() as folder, simulated_toast(Path(folder), **options) as server:
        yield server.url


def full_pages(url: str, count: int) -> list[bytes]:
    """The bodies of so many full pages of ordersBulk, of different days and restaurants."""
    session = logged_in(url)
    days = (LAST_DAY - dt.timedelta(days=back) for back in itertools.count())
    found: list[bytes] = []
    for day in days:
        for guid in restaurants():
            # The last page of a day may be shorter.
            found += [body for body, is_last in pages_of(session, url, guid, day) if not is_last]
            if len(found) >= count:
                return found[:count]
    return found


def pages_of(session: requests.Session, url: str, guid: str, day: dt.date) -> Iterator[tuple[bytes, bool]]:
    """The pages of a business date's orders, each with whether it is the last one."""
    for page in itertools.count(1):
        reply = session.get(
            f"{url}/orders/v2/ordersBulk",
            params={"businessDate": f"{day:%Y%m%d}", "page": str(page), "pageSize": str(PAGE_SIZE)},
            headers={"Toast-Restaurant-External-ID": guid},
            timeout=60,
        )
        reply.raise_for_status()
        is_last = 'rel="next"' not in reply.headers.get("link", "")
        yield reply.content, is_last
        if is_last:
            return


def logged_in(url: str) -> requests.Session:
    """A session that Toast takes requests from."""
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
