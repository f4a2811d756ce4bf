"""What tests of the backfill share: a restaurant to plan for, and a server that answers as a function would."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from history.units import Location
from shared.config import Restaurant, Tenant
from shared.date_utils import TradingHours

NOW = dt.datetime(2026, 2, 24, 15, tzinfo=dt.UTC)
BROOKLYN = "a47275cb-634e-427c-bbd3-3e5d17997d4e"
TENANT = Tenant(name="purpose", restaurants=())

Json = dict[str, Any]
Answer = tuple[int, Json, dict[str, str]]
"""Status, body, headers."""


def location(guid: str = BROOKLYN, first: dt.date | None = dt.date(2024, 4, 4)) -> Location:
    restaurant = Restaurant(guid=guid, name="Purpose Brooklyn", tenant="purpose")
    return Location(restaurant, TradingHours("America/New_York", 4), first)


def success(body: Json, rows: int = 10) -> Answer:
    entry = {
        "restaurant_guid": body["restaurant_guid"],
        "status": "success",
        "tables": {"fact_orders": {"extracted": rows, "inserted": rows, "updated": 0, "unchanged": 0}},
        "pages": 1,
        "resume_from": None,
        "error": None,
    }
    return 200, {"status": "success", "restaurants": [entry]}, {}


def stopped_at(body: Json, date: str, error: str = "the call's time ran short") -> Answer:
    _, reply, _ = success(body)
    reply["status"] = "partial"
    reply["restaurants"][0] |= {"status": "partial", "resume_from": {"start_date": date}, "error": error}
    return 503, reply, {"Retry-After": "0"}


def problem(status: int, title: str, detail: str) -> Answer:
    headers = {"Content-Type": "application/problem+json"}
    if status == 503:
        headers["Retry-After"] = "0"
    return status, {"type": "about:blank", "title": title, "status": status, "detail": detail}, headers


class Function:
    """A function's stand-in over real HTTP: ``answer`` decides by the request's body; what was asked is kept."""

    def __init__(self, answer: Callable[[Json], Answer], *, seconds: float = 0.0) -> None:
        self.answer = answer
        self.seconds = seconds
        self.bodies: list[Json] = []
        self.at_once: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.url = ""

    def asked(self, body: Json) -> Answer:
        guid = body["restaurant_guid"]
        with self.lock:
            self.bodies.append(body)
            for key in (guid, "all"):
                self.at_once[key] += 1
                self.most_at_once[key] = max(self.most_at_once[key], self.at_once[key])
        time.sleep(self.seconds)
        try:
            return self.answer(body)
        finally:
            with self.lock:
                for key in (guid, "all"):
                    self.at_once[key] -= 1


@contextmanager
def serving(function: Function) -> Iterator[Function]:
    """Serve it on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, reply, headers = function.asked(body)
            content = json.dumps(reply).encode()
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json"} | headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    function.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield function
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
