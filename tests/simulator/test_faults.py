"""Faults strike when, where and as often as they were asked to, and do what they say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import requests
from simulated import BROOKLYN, NOW, WAIKIKI, Client, Json, Server

PATH = "/orders/v2/ordersBulk?businessDate=20260214"


@pytest.fixture(scope="module")
def faulty_server() -> Iterator[Server]:
    server = Server("--limits", "off", "--clock", NOW)
    yield server
    server.stop()


@pytest.fixture
def faulty(faulty_server: Server) -> Iterator[Client]:
    """A client of a simulator without faults so far."""
    client = Client(faulty_server.url)
    client.session.delete(f"{client.url}/_simulator/faults", timeout=5)
    yield client
    client.session.close()


def statuses(client: Client, count: int, path: str = PATH) -> list[int]:
    return [client.get(path).status_code for _ in range(count)]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "status_429"}, 429),
        ({"kind": "status_5xx"}, 503),
        ({"kind": "status_5xx", "status": 500}, 500),
        ({"kind": "status_5xx", "status": 504}, 504),
        ({"kind": "forbidden"}, 403),
    ],
)
def test_status_faults_strike_once_unless_told_otherwise(faulty: Client, fault: Json, status: int) -> None:
    faulty.control("faults", **fault)
    assert statuses(faulty, 2) == [status, 200]


def test_a_429_says_when_to_come_back(faulty: Client) -> None:
    faulty.control("faults", kind="status_429", seconds=3)
    assert faulty.get(PATH).headers["Retry-After"] == "3"


def test_times_after_path_and_restaurant_choose_the_requests(faulty: Client) -> None:
    faulty.control("faults", kind="status_5xx", times=2, after=1, path="ordersBulk", restaurant_guid=BROOKLYN)
    assert statuses(faulty, 2, f"/restaurants/v1/restaurants/{BROOKLYN}") == [200, 200]
    assert faulty.get(PATH, headers={"Toast-Restaurant-External-ID": WAIKIKI}).status_code == 200
    assert statuses(faulty, 4) == [200, 503, 503, 200]
    (fault,) = faulty.control("faults")["faults"]
    assert fault["struck"] == 2


def test_a_rate_strikes_some_requests(faulty: Client) -> None:
    faulty.control("faults", kind="status_5xx", rate=0.3)
    assert 5 < statuses(faulty, 60).count(503) < 35
    faulty.session.delete(f"{faulty.url}/_simulator/faults", timeout=5)
    assert set(statuses(faulty, 10)) == {200}


def test_a_delay_delays_one_and_not_the_others(faulty: Client) -> None:
    faulty.control("faults", kind="delay", seconds=0.5)
    begun = time.monotonic()
    assert statuses(faulty, 1) == [200]
    assert time.monotonic() - begun >= 0.5
    begun = time.monotonic()
    assert statuses(faulty, 1) == [200]
    assert time.monotonic() - begun < 0.4


def test_a_cut_connection_has_no_reply(faulty: Client) -> None:
    faulty.control("faults", kind="cut_connection")
    with pytest.raises(requests.ConnectionError):
        faulty.get(PATH)
    assert faulty.get(PATH).status_code == 200


def test_a_truncated_body_can_look_whole_to_http(faulty: Client) -> None:
    whole = faulty.get(PATH).content
    faulty.control("faults", kind="truncated_body", variant="json")
    reply = faulty.get(PATH)
    assert reply.status_code == 200
    assert int(reply.headers["Content-Length"]) == len(reply.content)
    assert whole.startswith(reply.content)
    with pytest.raises(requests.JSONDecodeError):
        reply.json()


def test_a_truncated_body_can_end_with_the_connection(faulty: Client) -> None:
    faulty.control("faults", kind="truncated_body", variant="connection")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        faulty.get(PATH)
    assert faulty.get(PATH).status_code == 200


def test_drift_puts_a_value_where_it_is_told(faulty: Client) -> None:
    """Nothing else changes, and of an empty list nothing can."""
    plain = faulty.get(PATH).json()
    faulty.control("faults", kind="drift", field="checks.futureField", value=1)
    drifted = faulty.get(PATH).json()
    assert drifted[0]["checks"][0].pop("futureField") == 1
    assert drifted == plain
    assert faulty.get(PATH).json() == plain
    faulty.control("faults", kind="drift")
    assert faulty.get("/orders/v2/ordersBulk?businessDate=20160101").json() == []


def test_an_expired_token_needs_a_new_login(faulty: Client) -> None:
    before = faulty.session.headers["Authorization"]
    faulty.control("faults", kind="expired_token")
    assert statuses(faulty, 2) == [401, 401]
    faulty.login()
    assert faulty.session.headers["Authorization"] != before
    assert statuses(faulty, 1) == [200]


def test_logins_fail_too_when_the_path_says_so(faulty: Client) -> None:
    faulty.control("faults", kind="status_5xx", path="/authentication/")
    assert statuses(faulty, 1) == [200]
    assert faulty.login().status_code == 503


@pytest.mark.parametrize("mode", ["businessDate", "window"])
def test_an_edit_while_paging_moves_an_order_that_was_served(start: Callable[..., Client], mode: str) -> None:
    client = start("--limits", "off")
    params: dict[str, object] = {"businessDate": "20260214"}
    if mode == "window":
        params = {"startDate": "2026-02-14T00:00:00.000Z", "endDate": "2026-02-16T00:00:00.000Z"}
    before = {order["guid"]: order for page in client.pages(size=20, **params) for order in page}
    client.control("faults", kind="edit_while_paging")
    walked = [order for page in client.pages(size=20, **params) for order in page]
    first = {order["guid"] for order in walked[:20]}
    after = {order["guid"]: order for page in client.pages(size=20, **params) for order in page}
    (edited,) = [guid for guid in before if after.get(guid) != before[guid]]
    assert edited in first
    assert client.get(f"/orders/v2/orders/{edited}").json()["modifiedDate"] >= "2026-03-20T12:00:00"
    assert len({order["guid"] for order in walked}) < len(before), "one order slid past the page boundary"
    assert (edited in after) == (mode == "businessDate"), "the edit left the closed window"


def test_edits_while_paging_are_truth(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    (before,) = client.truth("2026-02-14", "2026-02-14")
    client.control("faults", kind="edit_while_paging", times=3)
    list(client.pages(size=10, businessDate="20260214"))
    (after,) = client.truth("2026-02-14", "2026-02-14")
    key = ("tables", "fact_orders", "totals", "order_modified_at")
    was, now = before, after
    for part in key:
        was, now = was[part], now[part]
    assert int(str(now)) > int(str(was))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "earthquake"},
        {"kind": "status_5xx", "status": 418},
        {"kind": "status_429", "times": 2, "rate": 0.5},
        {"kind": "status_429", "times": 0},
        {"kind": "status_429", "rate": 2},
        {"kind": "delay", "seconds": -1},
        {"kind": "status_429", "unknown": True},
        {"kind": "drift", "field": "checks..source"},
        {},
    ],
)
def test_a_wrong_fault_is_refused(faulty: Client, fault: Json) -> None:
    reply = faulty.session.post(f"{faulty.url}/_simulator/faults", json=fault, timeout=5)
    assert reply.status_code == 400
    assert reply.json()["error"]
