"""The Toast client over real sockets: what a mocked reply cannot show."""

from __future__ import annotations

import datetime as dt
import http.server
import json
import math
import socket
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.errors import ToastRefused, ToastUnavailable
from shared.secrets_utils import Credentials
from shared.toast_client import ToastClient, UnreadableBody, Usage

DAY = dt.date(2026, 3, 8)


class Server(http.server.ThreadingHTTPServer):
    """A tiny Toast: so many full pages per walk, a limit in one-second slices, and faults on demand."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.pages = 3
        self.latency = 0.0
        self.limit = 1000
        self.used: dict[int, int] = {}
        self.faults: list[str] = []
        self.connections = 0
        self.logins = 0
        self.login_status = 200
        self.served: list[int] = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def get_request(self):
        self.connections += 1
        return super().get_request()

    def handle_error(self, request, client_address):
        pass  # cut connections are meant


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format, *args):  # noqa: A002
        pass

    def reply(self, status, body, headers=None, cut=0):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) - cut])

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.logins += 1
        time.sleep(0.05)
        body = {"token": {"accessToken": "token", "expiresIn": 86_400}, "message": "unknown client"}
        self.reply(self.server.login_status, json.dumps(body).encode())

    def do_GET(self):
        server, page = self.server, int(parse_qs(urlsplit(self.path).query)["page"][0])
        with server.lock:
            now = time.time()
            used = server.used[int(now)] = server.used.get(int(now), 0) + 1
            fault = server.faults.pop(0) if server.faults else None
        headers = {
            "X-Toast-RateLimit-By": "ENDPOINT",
            "X-Toast-RateLimit-Remaining": str(max(0, server.limit - used)),
            "X-Toast-RateLimit-Reset": str(int(now) + 1),
        }
        time.sleep(server.latency)
        if used > server.limit:
            self.reply(429, b"{}", headers | {"Retry-After": str(max(1, math.ceil(int(now) + 1 - now)))})
        elif fault == "cut":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "truncated":
            self.close_connection = True
            self.reply(200, json.dumps([{}] * 100).encode(), headers, cut=50)
        else:
            server.served.append(page)
            count = 100 if page < server.pages else 7
            self.reply(200, json.dumps([{"guid": f"{page}-{n}"} for n in range(count)]).encode(), headers)


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def decode(body: bytes) -> list:
    try:
        return json.loads(body)
    except ValueError as error:
        raise UnreadableBody("not JSON") from error


def make_client(server, **settings) -> ToastClient:
    return ToastClient(server.url, Credentials("id", "secret", source="the test"), **settings)


def walk(client, restaurant="north", usage=None, **more):
    return client.orders_by_business_date(restaurant, DAY, decode=decode, usage=usage or Usage(), **more)


@pytest.mark.parametrize("fault", ["cut", "truncated"])
def test_a_page_that_breaks_off_is_asked_for_again_and_nothing_is_lost(server, fault):
    server.faults = ["", fault, "", fault]
    usage = Usage()
    pages = list(walk(make_client(server, uniform=lambda low, high: 0.05), usage=usage))
    assert [order["guid"].split("-")[0] for page in pages for order in page] == ["1"] * 100 + ["2"] * 100 + ["3"] * 7
    assert (usage.pages, usage.requests) == (3, 5)


def test_a_walk_keeps_its_connection(server):
    assert len(list(walk(make_client(server)))) == 3
    assert server.connections == 1


def test_a_page_is_asked_for_when_the_caller_comes_for_it_and_not_after_it_left(server):
    server.pages = 50
    pages = walk(make_client(server))
    next(pages)
    assert server.served == [1]
    next(pages)
    pages.close()
    time.sleep(0.2)
    assert server.served == [1, 2]


def test_no_page_but_the_callers_is_held_however_long_the_walk(server):
    class Page(list):
        held = 0

        def __init__(self, body):
            super().__init__(json.loads(body))
            Page.held += 1

        def __del__(self):
            Page.held -= 1

    server.pages = 12
    most = 0
    client = make_client(server)
    for _page in client.orders_by_business_date("north", DAY, decode=Page, usage=Usage()):
        time.sleep(0.01)
        most = max(most, Page.held)
    assert most == 1


def test_twenty_threads_share_one_login_and_one_pace(server):
    server.limit, server.pages = 5, 1
    client, usage, done = make_client(server), Usage(), []
    threads = [threading.Thread(target=lambda: done.extend(walk(client, usage=usage))) for _ in range(20)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    took = time.monotonic() - began
    assert len(done) == 20
    assert server.logins == usage.logins == 1
    # 20 requests at 5 a second are four slices; a 429 or two may come of a slow machine.
    assert took < 6.5
    assert usage.throttled <= 2
    assert max(server.used.values()) <= 5 + usage.throttled


def test_twenty_threads_share_one_refused_login(server):
    server.login_status = 401
    client, failures = make_client(server), []

    def work():
        try:
            list(walk(client))
        except ToastRefused as failure:
            failures.append(str(failure))

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(failures) == 20
    assert server.logins == 1
    assert "unknown client" in failures[0]


@pytest.mark.parametrize("host", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_an_unreachable_host_is_named_within_ten_seconds_also_to_many_threads(host):
    # The pauses are slept in a tenth of their time.
    client = ToastClient(
        host,
        Credentials("id", "secret", source="x"),
        monotonic=lambda: time.monotonic() * 10,
        sleep=lambda seconds: time.sleep(seconds / 10),
    )
    failures = []

    def work():
        try:
            list(walk(client))
        except ToastUnavailable as failure:
            failures.append(str(failure))

    threads = [threading.Thread(target=work) for _ in range(10)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert time.monotonic() - began < 10
    assert len(failures) == 10
    assert host in failures[0]
    assert "TOAST_API_HOST" in failures[0]
