"""The orders and restaurants APIs over HTTP: selections, pages, links, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import requests
from simulated import BROOKLYN, NOW, WAIKIKI, Client, Json, make_world, moment, ordinal

DATE = {"businessDate": "20260214"}
WINDOW = {"startDate": "2026-02-14T00:00:00.000+0000", "endDate": "2026-02-15T00:00:00.000+0000"}


def test_pages_of_a_business_date_are_all_its_orders_once(client: Client) -> None:
    world = make_world()
    place = world.places[BROOKLYN]
    expected = {
        world.guids(place).encode(home, number)
        for _, home, number in world.on_business_date(place, ordinal("2026-02-14"), moment(NOW)).orders
    }
    for size in (7, 50, 100):
        pages = list(client.pages(size=size, **DATE))
        guids = [order["guid"] for page in pages for order in page]
        assert len(guids) == len(expected)
        assert set(guids) == expected
        assert all(len(page) == size for page in pages[:-1])


def test_window_start_is_inclusive_and_end_exclusive(client: Client) -> None:
    orders = [order for page in client.pages(**WINDOW) for order in page]
    assert len(orders) > 20
    stamps = [order["modifiedDate"] for order in orders]
    assert all("2026-02-14T00:00:00.000" <= stamp < "2026-02-15T00:00:00.000" for stamp in stamps)
    first, last = min(stamps), max(stamps)
    again = [o["modifiedDate"] for page in client.pages(startDate=first, endDate=last) for o in page]
    assert first in again
    assert last not in again


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-02-14T00:00:00.000Z", "2026-02-15T00:00:00.000Z"),
        ("2026-02-13T19:00:00.000-0500", "2026-02-14T19:00:00.000-0500"),
        ("2026-02-14T05:30:00.000+05:30", "2026-02-15T00:00:00Z"),
    ],
)
def test_moments_come_with_any_offset(client: Client, start: str, end: str) -> None:
    assert client.bulk(startDate=start, endDate=end).json() == client.bulk(**WINDOW).json()


def test_a_plus_that_was_not_encoded_is_refused(client: Client) -> None:
    query = "startDate=2026-02-14T00:00:00.000+0000&endDate=2026-02-15T00:00:00.000%2B0000"
    assert client.get(f"/orders/v2/ordersBulk?{query}").status_code == 400


ONE_SELECTOR = "EITHER (startDate and endDate) OR businessDate is required"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, ONE_SELECTOR),
        ({"startDate": WINDOW["startDate"]}, ONE_SELECTOR),
        ({**WINDOW, **DATE}, ONE_SELECTOR),
        ({"startDate": WINDOW["endDate"], "endDate": WINDOW["startDate"]}, "Input startDate must be before endDate"),
        ({"startDate": WINDOW["endDate"], "endDate": WINDOW["endDate"]}, "Input startDate must be before endDate"),
        ({"businessDate": "2026-02-14"}, "businessDate"),
        ({"businessDate": "20260230"}, "businessDate"),
        ({"businessDate": "٢٠٢٦٠٢١٤"}, "businessDate"),
        ({"startDate": "2026-02-14", "endDate": "2026-02-15"}, "startDate"),
        ({"startDate": "2015-11-30T00:00:00.000Z", "endDate": "2015-12-10T00:00:00.000Z"}, "2015-12-01"),
        ({"startDate": "2026-01-01T00:00:00.000Z", "endDate": "2026-02-10T00:00:00.000Z"}, "one month"),
        ({**DATE, "page": "0"}, "page"),
        ({**DATE, "page": "one"}, "page"),
        ({**DATE, "pageSize": "0"}, "pageSize"),
        ({**DATE, "pageSize": "101"}, "pageSize"),
    ],
)
def test_wrong_parameters_are_refused_with_toasts_error_body(client: Client, params: Json, message: str) -> None:
    reply = client.bulk(**params)
    body = reply.json()
    assert reply.status_code == 400
    assert message in body["message"]
    assert body["status"] == 400
    assert body["requestId"]
    assert set(body) == {
        "status", "code", "message", "messageKey", "fieldName", "link", "requestId", "developerMessage", "errors",
        "canRetry",
    }  # fmt: skip


def test_links_are_separate_headers_and_have_no_last(client: Client) -> None:
    with requests.Session() as session:
        session.headers.update(client.session.headers)
        session.trust_env = False
        reply = session.get(
            f"{client.url}/orders/v2/ordersBulk", params={**WINDOW, "page": 2, "pageSize": 10}, timeout=9
        )
        raw = reply.raw.headers.getlist("link")
    assert [line.split("; ")[1] for line in raw] == ['rel="first"', 'rel="self"', 'rel="prev"', 'rel="next"']
    third = client.session.get(reply.links["next"]["url"], timeout=10)
    assert third.json() == client.bulk(**WINDOW, page=3, pageSize=10).json()
    assert "prev" not in client.bulk(**WINDOW).links


def test_an_exactly_full_last_page_has_no_next_and_past_the_end_is_empty(client: Client) -> None:
    total = sum(len(page) for page in client.pages(**DATE))
    size = next(size for size in range(100, 0, -1) if total % size == 0)
    last = client.bulk(**DATE, pageSize=size, page=total // size)
    assert len(last.json()) == size
    assert "next" not in last.links
    past = client.bulk(**DATE, pageSize=size, page=total // size + 1)
    assert (past.status_code, past.json()) == (200, [])
    assert client.bulk(**DATE, page=999_999).json() == []


def test_days_without_orders_are_empty_pages(client: Client) -> None:
    assert client.bulk(businessDate="20251225").json() == []
    assert client.bulk(businessDate="20180101").json() == []
    assert client.bulk(businessDate="20991231").json() == []


def test_one_order_by_guid_is_the_order_of_the_page(client: Client) -> None:
    order = client.bulk(**DATE).json()[3]
    assert client.get(f"/orders/v2/orders/{order['guid']}").json() == order
    elsewhere = client.get(f"/orders/v2/orders/{order['guid']}", headers={"Toast-Restaurant-External-ID": WAIKIKI})
    assert elsewhere.status_code == 404
    assert client.get("/orders/v2/orders/nonsense").status_code == 404


def test_an_order_of_the_future_does_not_exist_yet(start: Callable[..., Client]) -> None:
    client = start()
    guid = client.bulk(**DATE).json()[0]["guid"]
    client.control("clock", now="2026-02-01T00:00:00Z")
    client.login()
    assert client.get(f"/orders/v2/orders/{guid}").status_code == 404
    assert all(order["approvalStatus"] == "FUTURE" for order in client.bulk(**DATE).json())


def test_restaurants_tell_their_zone_closeout_and_first_date(client: Client) -> None:
    world = make_world()
    for guid, place in world.places.items():
        body = client.get(f"/restaurants/v1/restaurants/{guid}").json()
        general = body["general"]
        assert (body["guid"], general["name"], general["timeZone"]) == (guid, place.name, place.timezone)
        assert general["closeoutHour"] == place.closeout_hour
        assert general["firstBusinessDate"] == int(place.first_business_date.strftime("%Y%m%d"))
    unknown = client.get("/restaurants/v1/restaurants/00000000-0000-0000-0000-000000000000")
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("options", "params", "status", "rows"),
    [
        (("--guess-page-size", "10"), DATE, 200, 10),
        (("--guess-large-page", "clamp"), {**DATE, "pageSize": 500}, 200, None),
        (("--guess-long-window", "accept"), {**WINDOW, "startDate": "2025-10-01T00:00:00.000Z"}, 200, 100),
    ],
)
def test_guesses_about_requests_switch(
    start: Callable[..., Client], options: tuple[str, ...], params: Json, status: int, rows: int | None
) -> None:
    reply = start(*options).bulk(**params)
    assert reply.status_code == status
    assert rows is None or len(reply.json()) == rows


def test_guesses_about_links_switch(start: Callable[..., Client]) -> None:
    eager = start("--guess-next-on-full-page", "yes", "--limits", "off")
    total = sum(len(page) for page in eager.pages(size=100, **DATE))
    size = next(size for size in range(100, 0, -1) if total % size == 0)
    pages = list(eager.pages(size=size, **DATE))
    assert pages[-1] == []
    assert sum(map(len, pages)) == total
    assert not start("--guess-links", "no").bulk(**DATE, pageSize=5).links


def test_guesses_about_ordering_switch(start: Callable[..., Client]) -> None:
    keys = {"modified": "modifiedDate", "opened": "openedDate", "guid": "guid"}
    contents = set()
    for ordering, key in keys.items():
        orders = start("--guess-ordering", ordering).bulk(**WINDOW).json()
        assert [o[key] for o in orders] == sorted(o[key] for o in orders)
        contents.add(json.dumps(sorted(orders, key=lambda o: o["guid"])))
    assert len(contents) == 1


def test_guess_about_discounts_changes_prices_not_totals(start: Callable[..., Client]) -> None:
    week = {"startDate": "2026-02-10T00:00:00.000Z", "endDate": "2026-02-17T00:00:00.000Z"}
    shared = [o for page in start("--limits", "off").pages(**week) for o in page]
    apart = [o for page in start("--limits", "off", "--guess-check-discounts", "apart").pages(**week) for o in page]
    assert [[c["totalAmount"] for c in o["checks"]] for o in shared] == [
        [c["totalAmount"] for c in o["checks"]] for o in apart
    ]
    assert shared != apart
