"""Helpers of the simulator's tests: a server in a process of its own, a client for it, and JSON read exactly."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from shared.config import DEFAULT_RESTAURANTS_FILE, load_tenants
from toast_simulator.world.model import Check, Order, Selection
from toast_simulator.world.places import Place, places_of
from toast_simulator.world.world import World

ROOT = Path(__file__).resolve().parents[2]
BROOKLYN = "a47275cb-634e-427c-bbd3-3e5d17997d4e"
WAIKIKI = "f5fd4b6c-738a-4f70-a4e6-72d8a2585acc"
NOW = "2026-03-20T12:00:00Z"

Json = dict[str, Any]


def moment(text: str) -> int:
    """An ISO time as Unix milliseconds."""
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def ordinal(text: str) -> int:
    """A date as the world counts it."""
    return dt.date.fromisoformat(text).toordinal()


def make_world(seed: int = 1, volume: int = 60, **options: bool) -> World:
    """The world of the example restaurants."""
    (tenant,) = load_tenants(DEFAULT_RESTAURANTS_FILE).values()
    return World(places_of(tenant.restaurants, seed), seed, volume, **options)


def orders_on(world: World, place: Place, date: int, now: int) -> Iterator[Order]:
    """The orders of a business date at ``now``."""
    for _, home, number in world.on_business_date(place, date, now).orders:
        order = world.order(place, home, number, now)
        assert order is not None
        yield order


def all_orders(world: World, first: str, days: int, now: str) -> Iterator[tuple[Place, Order]]:
    """The orders of every place on consecutive business dates."""
    for place in world.places.values():
        for date in range(ordinal(first), ordinal(first) + days):
            for order in orders_on(world, place, date, moment(now)):
                yield place, order


def selections_of(check: Check) -> Iterator[tuple[int, Selection]]:
    """Every selection of a check at any depth, with its depth."""

    def below(selections: list[Selection], depth: int) -> Iterator[tuple[int, Selection]]:
        for selection in selections:
            yield depth, selection
            yield from below(selection.modifiers, depth + 1)

    return below(check.selections, 0)


class Server:
    """A simulator in a process of its own."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "toast_simulator", "--port", "0", *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if "serving http" not in line:
            raise AssertionError(self.process.communicate()[1])
        self.url = line.split()[-1]

    def stop(self) -> tuple[str, str]:
        """End the process; what else it had written to stdout and stderr."""
        self.process.terminate()
        return self.process.communicate(timeout=10)


class Client:
    """A plain client of one simulator; it logs in when it is made."""

    def __init__(self, url: str, location: str = BROOKLYN) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Toast-Restaurant-External-ID"] = location
        self.login()

    def login(self, secret: str = "simulator") -> requests.Response:
        body = {"clientId": "simulator", "clientSecret": secret, "userAccessType": "TOAST_MACHINE_CLIENT"}
        reply = self.session.post(f"{self.url}/authentication/v1/authentication/login", json=body, timeout=10)
        if reply.ok:
            self.session.headers["Authorization"] = f"Bearer {reply.json()['token']['accessToken']}"
        return reply

    def get(self, path: str, headers: dict[str, str | None] | None = None, **params: object) -> requests.Response:
        return self.session.get(self.url + path, params=params, headers=headers, timeout=30)

    def bulk(self, **params: object) -> requests.Response:
        return self.get("/orders/v2/ordersBulk", **params)

    def pages(self, size: int = 100, **params: object) -> Iterator[list[Json]]:
        """Pages until there is no next link, money read as Decimal."""
        page = 1
        while True:
            reply = self.bulk(page=page, pageSize=size, **params)
            assert reply.status_code == 200, reply.text
            yield json.loads(reply.text, parse_float=Decimal)
            if "next" not in reply.links:
                return
            page += 1

    def control(self, what: str, **body: object) -> Any:
        """Ask /_simulator/ with a JSON body, or without one when there is none."""
        url = f"{self.url}/_simulator/{what}"
        reply = self.session.post(url, json=body, timeout=10) if body else self.session.get(url, timeout=60)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def truth(self, start: str, end: str, location: str = BROOKLYN, *, keys: bool = False) -> list[Json]:
        query = f"restaurant_guid={location}&start_date={start}&end_date={end}&keys={str(keys).lower()}"
        days: list[Json] = self.control(f"truth?{query}")["days"]
        return days
