"""Cash drawers and deposits: what the API refuses and answers, what occurs in the world, and its truth."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from simulated import BROOKLYN, NOW, WAIKIKI, Client, Json, make_world, moment, orders_on, ordinal

from toast_simulator.world.calendar import is_open
from toast_simulator.world.cash import UNDONE_BY, CashEntry, Deposit
from toast_simulator.world.cash_wire import encode_deposits, encode_entries
from toast_simulator.world.places import DAY, HOUR, Place
from toast_simulator.world.wire import encode_order
from toast_simulator.world.world import World

ENTRIES, DEPOSITS = "/cashmgmt/v1/entries", "/cashmgmt/v1/deposits"
FIRST, DAYS, LATER = "2026-01-26", 35, "2026-03-20T12:00:00Z"
TYPES = {
    "CASH_IN", "CASH_COLLECTED", "CASH_OUT", "PAY_OUT", "UNDO_PAY_OUT", "TIP_OUT", "NO_SALE", "DRIVER_REIMBURSEMENT",
    "CLOSE_OUT_EXACT", "CLOSE_OUT_OVERAGE", "CLOSE_OUT_SHORTAGE",
}  # fmt: skip
INTO_THE_DRAWER = {"CASH_IN", "CASH_COLLECTED", "UNDO_PAY_OUT", "CLOSE_OUT_OVERAGE"}
NOTHING_MOVES = {"NO_SALE", "CLOSE_OUT_EXACT"}

Book = dict[tuple[Place, int], tuple[list[CashEntry], list[Deposit]]]


@pytest.fixture(scope="module")
def book(world: World) -> Book:
    """Five weeks of all restaurants' entries and deposits, as they are weeks later."""
    now, first = moment(LATER), ordinal(FIRST)
    return {
        (place, date): (world.cash.entries(place, date, now), world.cash.deposits(place, date, now))
        for place in world.places.values()
        for date in range(first, first + DAYS)
    }


@pytest.fixture(scope="module")
def entries(book: Book) -> list[Json]:
    """The entries of those weeks, as the API writes them."""
    return [entry for found, _ in book.values() for entry in json.loads(encode_entries(found), parse_float=Decimal)]


def deposits_of(book: Book) -> list[Json]:
    return [one for _, found in book.values() for one in json.loads(encode_deposits(found), parse_float=Decimal)]


# --- the API --------------------------------------------------------------------------------------


def test_a_business_date_is_answered_with_its_entries_and_deposits(client: Client, world: World) -> None:
    place, date, now = world.places[BROOKLYN], ordinal("2026-02-14"), moment(NOW)
    answered = client.get(ENTRIES, businessDate="20260214")
    assert answered.content == encode_entries(world.cash.entries(place, date, now))
    assert len(answered.json()) > 4
    assert client.get(ENTRIES, yyyymmdd="20260214").json() == answered.json()
    deposits = client.get(DEPOSITS, businessDate="20260214")
    assert deposits.content == encode_deposits(world.cash.deposits(place, date, now))
    assert deposits.json()


@pytest.mark.parametrize("path", [ENTRIES, DEPOSITS])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"businessDate": "2026-02-14"},
        {"businessDate": "20260230"},
        {"businessDate": "2026-02-14T00:00:00.000Z"},
        {"startDate": "2026-02-14T00:00:00.000Z", "endDate": "2026-02-15T00:00:00.000Z"},
        {"businessDate": "20260214", "startDate": "2026-02-14T00:00:00.000Z"},
        {"businessDate": "20260214", "endDate": "2026-02-14T00:00:00.000Z"},
    ],
)
def test_anything_but_one_business_date_is_refused(client: Client, path: str, params: Json) -> None:
    reply = client.get(path, **params)
    assert reply.status_code == 400
    assert "businessDate" in reply.json()["message"]


def test_deposits_do_not_know_the_older_name_of_the_parameter(client: Client) -> None:
    assert client.get(DEPOSITS, yyyymmdd="20260214").status_code == 400


@pytest.mark.parametrize("path", [ENTRIES, DEPOSITS])
@pytest.mark.parametrize("date", ["20251225", "20180101", "20260321", "20991231"])
def test_closed_days_days_before_the_opening_and_days_to_come_are_empty(client: Client, path: str, date: str) -> None:
    reply = client.get(path, businessDate=date)
    assert (reply.status_code, reply.json()) == (200, [])


def test_faults_and_limits_hold_for_cash_as_for_orders(start: Callable[..., Client]) -> None:
    client = start()
    client.control("faults", kind="status_5xx", path="cashmgmt/v1/deposits")
    client.control("faults", kind="truncated_body", path="cashmgmt/v1/entries")
    assert client.get(ENTRIES, businessDate="20260214").headers["X-Toast-RateLimit-By"] == "GLOBAL"
    statuses = [client.get(DEPOSITS, businessDate="20260214").status_code for _ in range(2)]
    assert statuses == [503, 200]
    (_, truncated) = client.control("faults")["faults"]
    assert truncated["struck"] == 1


# --- the world ------------------------------------------------------------------------------------


def test_every_type_occurs_with_its_sign(entries: list[Json]) -> None:
    assert {entry["type"] for entry in entries} == TYPES
    for entry in entries:
        if entry["type"] in NOTHING_MOVES:
            assert entry["amount"] == 0, entry
        else:
            assert (entry["amount"] > 0) == (entry["type"] in INTO_THE_DRAWER), entry
            assert entry["amount"] != 0, entry


def test_reasons_belong_to_their_types(entries: list[Json]) -> None:
    for entry in entries:
        assert (entry["payoutReason"] is not None) == (entry["type"] == "PAY_OUT"), entry
        assert (entry["noSaleReason"] is not None) == (entry["type"] == "NO_SALE"), entry
    assert {entry["employee2"] is None for entry in entries} == {True, False}
    assert all(entry["creatorOrShiftReviewSubject"] for entry in entries)
    assert {entry["reason"] is None for entry in entries} == {True, False}


def test_each_kind_of_mistake_is_undone_by_the_opposite_entry(entries: list[Json]) -> None:
    by_guid = {entry["guid"]: entry for entry in entries}
    assert len(by_guid) == len(entries)
    pairs: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        undone = by_guid.get(entry["undoes"])
        if undone is not None:
            pairs[undone["type"], entry["type"]] += 1
            assert undone["amount"] == -entry["amount"]
            assert entry["reason"] == f"Undo {undone['type'].replace('_', ' ').title()}"
            assert entry["date"] > undone["date"]
    assert set(pairs) == set(UNDONE_BY.items())
    assert min(pairs.values()) >= 5
    assert all(entry["undoes"] for entry in entries if entry["type"] == "UNDO_PAY_OUT")


def test_some_mistakes_are_undone_on_the_next_business_date(book: Book) -> None:
    next_day = 0
    for (place, date), (found, _) in book.items():
        own = {entry.guid for entry in found}
        before = {entry.guid for entry in book.get((place, date - 1), ((), ()))[0]}
        for entry in found:
            if entry.undoes is not None and entry.undoes not in own and date > ordinal(FIRST):
                assert entry.undoes in before
                assert place.business_ordinal(entry.moment) == date
                next_day += 1
    assert next_day >= 10


def test_entries_and_deposits_come_up_to_three_days_late(book: Book) -> None:
    delays = [
        (one.moment - place.day_start(date + 1)) / DAY
        for (place, date), (found, deposits) in book.items()
        for one in (*found, *deposits)
    ]
    late = [delay for delay in delays if delay > 0.3]
    assert 0.01 < len(late) / len(delays) < 0.1
    assert 2 < max(late) <= 3
    assert all(one.moment >= place.day_start(date) for (place, date), both in book.items() for one in both[0])


def test_closed_days_have_no_cash_and_open_ones_do(book: Book) -> None:
    closed = 0
    for (place, date), (found, deposits) in book.items():
        assert bool(found) == is_open(1, place, date)
        closed += not found
        assert found or not deposits
    assert closed


def test_deposits_are_what_the_day_should_have_brought(world: World, book: Book) -> None:
    """Counted apart: from the orders' JSON at the moment of the first deposit, and the entries until then."""
    right = wrong = 0
    for (place, date), (found, deposits) in book.items():
        if place.index % 3 or not deposits:
            continue
        first = min(deposit.moment for deposit in deposits)
        orders = [
            json.loads(encode_order(order), parse_float=Decimal) for order in orders_on(world, place, date, first)
        ]
        expected = sum((cash_paid(order) for order in orders), Decimal(0))
        for entry in json.loads(encode_entries(e for e in found if e.moment <= first), parse_float=Decimal):
            expected += entry["amount"] if entry["type"] != "CASH_COLLECTED" else 0
        banked = [json.loads(encode_deposits([one]), parse_float=Decimal)[0] for one in deposits]
        total = sum((one["amount"] * (-1 if one["undoes"] else 1) for one in banked), Decimal(0))
        right += total == expected
        wrong += total != expected
        assert abs(total - expected) <= 9
    assert right > 100
    assert 0.03 < wrong / (right + wrong) < 0.25


def cash_paid(order: Json) -> Decimal:
    """What an order brought in cash: payments of type CASH that are not voided, on checks that stand."""
    checks = [] if order["deleted"] else [check for check in order["checks"] if not check["deleted"]]
    payments = [payment for check in checks for payment in check["payments"]]
    return sum((p["amount"] for p in payments if p["type"] == "CASH" and not p["voidInfo"]), Decimal(0))


def test_deposits_are_positive_and_some_are_undone(book: Book) -> None:
    deposits = deposits_of(book)
    amounts = {deposit["guid"]: deposit["amount"] for deposit in deposits}
    assert len(amounts) == len(deposits) > 400
    assert min(amounts.values()) > 0
    undone = [deposit for deposit in deposits if deposit["undoes"]]
    assert len(undone) >= 10
    assert all(amounts[deposit["undoes"]] == deposit["amount"] for deposit in undone)
    assert {deposit["creator"] is None for deposit in deposits} == {True, False}
    assert max(Counter(len(found) for _, found in book.values())) == 3


def test_the_day_fills_up_with_time(world: World) -> None:
    place, date = world.places[BROOKLYN], ordinal("2026-02-14")
    moments = range(place.day_start(date), place.day_start(date + 5), HOUR)
    counts = [len(world.cash.entries(place, date, now)) for now in moments]
    assert counts == sorted(counts)
    assert counts[0] == 0 < counts[14] < counts[-1]
    for entry in world.cash.entries(place, date, moments[-1]):
        before = {other.guid for other in world.cash.entries(place, date, entry.moment - 1)}
        assert entry.guid not in before
        assert entry in world.cash.entries(place, date, entry.moment)
    for deposit in world.cash.deposits(place, date, moments[-1]):
        assert deposit not in world.cash.deposits(place, date, deposit.moment - 1)


def test_same_seed_gives_same_bytes_whatever_was_asked_before(book: Book) -> None:
    fresh, other, now = make_world(), make_world(seed=2), moment(LATER)
    for (place, date), (found, deposits) in reversed(list(book.items())[::9]):
        again = fresh.places[place.guid]
        assert encode_deposits(fresh.cash.deposits(again, date, now)) == encode_deposits(deposits)
        assert encode_entries(fresh.cash.entries(again, date, now)) == encode_entries(found)
        elsewhere = {entry.guid for entry in other.cash.entries(other.places[place.guid], date, now)}
        assert elsewhere.isdisjoint(entry.guid for entry in found)


# --- truth and edits ------------------------------------------------------------------------------


def counted(client: Client, path: str, date: str) -> tuple[int, Decimal, list[Any]]:
    rows = json.loads(client.get(path, businessDate=date.replace("-", "")).text, parse_float=Decimal)
    keys = sorted([row["guid"], None, ""] for row in rows)
    return len(rows), sum((row["amount"] for row in rows), Decimal(0)), keys


def assert_truth_is_what_the_api_says(client: Client, location: str, first: str, last: str) -> int:
    client.session.headers["Toast-Restaurant-External-ID"] = location
    total = 0
    for day in client.truth(first, last, location, keys=True):
        for table, path in (("fact_cash_entries", ENTRIES), ("fact_cash_deposits", DEPOSITS)):
            shown = day["tables"][table]
            found = (shown["rows"], Decimal(shown["totals"]["amount"]), shown["keys"])
            assert found == counted(client, path, day["business_date"]), day["business_date"]
            total += shown["rows"]
    return total


@pytest.mark.parametrize("location", [BROOKLYN, WAIKIKI, "af8ee0da-c28a-480c-9407-ce3f52312f63"])
@pytest.mark.parametrize("first", ["2026-03-05", "2025-10-30", "2025-12-20"])
def test_truth_is_what_the_api_says_also_when_clocks_change(client: Client, location: str, first: str) -> None:
    last = (dt.date.fromisoformat(first) + dt.timedelta(days=14)).isoformat()
    assert assert_truth_is_what_the_api_says(client, location, first, last) > 90


def test_truth_changes_when_something_is_entered_late(start: Callable[..., Client]) -> None:
    world = make_world()
    place = world.places[BROOKLYN]
    date, moment_of = next(
        (date, entry.moment)
        for date in range(ordinal("2026-02-01"), ordinal("2026-03-01"))
        for entry in world.cash.entries(place, date, moment(NOW))
        if entry.moment > place.day_start(date + 1) + 6 * HOUR
    )
    text = dt.date.fromordinal(date).isoformat()
    client = start("--limits", "off")
    rows = []
    for now in (moment_of - 2_000, moment_of + 1_000):
        client.control("clock", now=dt.datetime.fromtimestamp(now / 1000, dt.UTC).isoformat())
        client.login()
        assert assert_truth_is_what_the_api_says(client, BROOKLYN, text, text)
        rows.append(client.truth(text, text)[0]["tables"]["fact_cash_entries"]["rows"])
    assert rows[1] > rows[0]


def test_an_added_entry_or_deposit_is_there_at_once_and_true(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    for path, change, key in (
        (ENTRIES, "add_cash_entry", "cash_entry_guid"),
        (DEPOSITS, "add_deposit", "deposit_guid"),
    ):
        before = client.get(path, businessDate="20260214").json()
        made = {
            client.control("edits", restaurant_guid=BROOKLYN, business_date="2026-02-14", change=change)[key]
            for _ in range(2)
        }
        after = client.get(path, businessDate="20260214").json()
        assert len(made) == 2
        assert [row for row in after if row["guid"] not in made] == before
        assert {row["guid"] for row in after} == made | {row["guid"] for row in before}
    assert_truth_is_what_the_api_says(client, BROOKLYN, "2026-02-13", "2026-02-15")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"restaurant_guid": "nobody"}, 404),
        ({"business_date": "2026-03-22"}, 400),
        ({"business_date": "soon"}, 400),
        ({"change": "steal"}, 400),
        ({"amount": 5}, 400),
    ],
)
def test_a_wrong_edit_of_cash_is_refused(client: Client, wrong: Json, status: int) -> None:
    good = {"restaurant_guid": BROOKLYN, "business_date": "2026-02-14", "change": "add_deposit"}
    reply = client.session.post(f"{client.url}/_simulator/edits", json={**good, **wrong}, timeout=5)
    assert reply.status_code == status
    assert reply.json()["error"]
