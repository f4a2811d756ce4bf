"""Drift: what Toast sends and the code does not know is told and counted, and changes nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from functions import RESTAURANTS, SimulatorControl, group_environment, in_process, log_lines
from google.cloud import bigquery
from real_payloads import GUEST, PART_FIELDS, ROOT_FIELDS, SMALL_FIELDS, real_payloads

from local_stack.processes import simulator_process
from shared import drift
from shared.dimension_rows import LISTINGS
from shared.drift import MOST_KINDS, REPLIES, SAMPLED_BYTES, SAMPLED_OBJECTS, Drift, shape_of
from shared.toast_client import UnreadableBody
from shared.toast_documented import UNUSED_FIELDS, VALUES
from shared.toast_endpoints import (
    CASH_DEPOSITS,
    CASH_ENTRIES,
    MENUS,
    ORDERS_BULK,
    TIME_ENTRIES,
    config_endpoint,
)
from shared.toast_objects import fields_of
from shared.toast_orders import Order, Payment, decode_orders_page

Json = dict[str, Any]
ORDERS = ORDERS_BULK.name


def keep(body: bytes) -> bytes:
    return body


def met(content: object, endpoint: str = ORDERS) -> list[str]:
    """The drift in a reply."""
    found = Drift()
    found.watching(endpoint, "r", keep)(msgspec.json.encode(content))
    return found.of("r")


@pytest.fixture
def told() -> Iterator[list[Json]]:
    """The lines that are logged."""
    with structlog.testing.capture_logs() as lines:
        yield lines


def order(**fields: Any) -> Json:
    return {"guid": "o", "businessDate": 20260221, "modifiedDate": "2026-02-22T00:00:00.000+0000"} | fields


# --- what is drift -----------------------------------------------------------------------------------


def test_a_field_that_nobody_documents_is_drift(told: list[Json]) -> None:
    assert met([order(serviceModel={"kind": "HYBRID"})]) == ["Order.serviceModel"]
    (line,) = told
    assert line == {
        "event": "toast_drift",
        "log_level": "warning",
        "endpoint": "ordersBulk",
        "restaurant": "r",
        "kind": "field",
        "path": "Order.serviceModel",
        "value": None,
    }


def test_a_value_that_nobody_documents_is_drift(told: list[Json]) -> None:
    assert met([order(source="Drone")]) == ["Order.source = Drone"]
    assert (told[0]["kind"], told[0]["path"], told[0]["value"]) == ("value", "Order.source", "Drone")


@pytest.mark.parametrize("value", [None, "In Store", 7, [], {}])
def test_a_known_value_and_what_is_no_text_is_none(value: object) -> None:
    assert met([order(source=value)]) == []


def test_fields_that_are_documented_but_not_loaded_are_none() -> None:
    guest = {"customer": {"firstName": "A", "inventedField": 1}, "tabName": "A"}
    assert met([order(deliveryInfo={"inventedField": 1}, checks=[{"guid": "c", **guest}])]) == []


def test_it_is_found_at_any_depth_and_counts_once() -> None:
    modifier: Json = {"guid": "m", "quantity": 1, "newField": 1}
    for _ in range(50):
        modifier = {"guid": "m", "newField": 1, "modifiers": [modifier]}
    tax = {"name": "t", "type": "WEALTH"}
    check = {
        "guid": "c",
        "selections": [modifier, {"guid": "s", "appliedTaxes": [tax]}],
        "payments": [{"type": "GOLD"}],
    }
    found = met([order(checks=[check]), order(checks=[check])])
    assert found == ["AppliedTax.type = WEALTH", "Payment.type = GOLD", "Selection.newField"]


def test_listings_of_names_go_by_their_own_name() -> None:
    assert met([{"guid": "g", "name": "n", "colour": "red"}], config_endpoint("voidReasons").name) == [
        "voidReasons.colour"
    ]


def test_menus_are_looked_through_to_their_items_and_options() -> None:
    item = {"guid": "i", "pricingStrategy": "AUCTION", "itemField": 1}
    menu = {
        "guid": "m",
        "menuGroups": [{"guid": "g", "menuGroups": [{"guid": "h", "menuItems": [item]}]}],
        "menuField": 1,
    }
    reply = {
        "restaurantGuid": "r",
        "rootField": 1,
        "menus": [menu],
        "modifierGroupReferences": {"7": {"guid": "x", "groupField": 1}},
        "modifierOptionReferences": {"8": {"guid": "y", "optionField": 1}},
    }
    assert met(reply, MENUS.name) == [
        "Menu.menuField",
        "MenuItem.itemField",
        "MenuItem.optionField",
        "MenuItem.pricingStrategy = AUCTION",
        "Menus.rootField",
        "ModifierGroup.groupField",
    ]


# --- what Toast sends, and what is documented --------------------------------------------------------

ENDPOINTS = {
    "orders": ORDERS,
    "timeEntries": TIME_ENTRIES.name,
    "entries": CASH_ENTRIES.name,
    "deposits": CASH_DEPOSITS.name,
    "menus": MENUS.name,
}
UNDOCUMENTED_IN_THE_SIMULATED_WORLD = {"Order.serviceModel", "AppliedServiceCharge.percent"}


def test_what_toast_documents_is_no_drift_and_what_a_guest_may_write_is_in_no_message() -> None:
    """Guests are planted in undocumented fields, too: their names are told, never what they hold."""
    fields = set()
    for kind, bodies in real_payloads(7).items():
        endpoint = ENDPOINTS.get(kind) or LISTINGS[kind].endpoint.name
        plain = [without_guests(msgspec.json.decode(body)) for body in bodies]
        for content in plain if kind in ("menus", "restaurants", "tipWithholding") else [plain]:
            fields |= {unknown for unknown in met(content, endpoint) if " = " not in unknown}
        planted = b"[" + b",".join(bodies) + b"]" if len(plain) > 1 else bodies[0]
        found = Drift()
        found.watching(endpoint, "r", keep)(planted)
        assert GUEST not in " ".join(found.of("r"))
    assert fields == UNDOCUMENTED_IN_THE_SIMULATED_WORLD


def without_guests(value: Any) -> Any:
    """Without the fields that the payloads were given for a guest to stand in."""
    if isinstance(value, list):
        return [without_guests(item) for item in value]
    if isinstance(value, dict):
        planted = ROOT_FIELDS.keys() | PART_FIELDS.keys() | SMALL_FIELDS.keys()
        return {name: without_guests(item) for name, item in value.items() if name not in planted}
    return value


def test_every_listing_and_every_object_below_it_is_known() -> None:
    """A new listing, or a class that a class refers to, has to be entered in shared/toast_documented.py."""
    assert {kind.endpoint.name for kind in LISTINGS.values()} <= REPLIES.keys() | {MENUS.name}
    waiting, seen = [*REPLIES.values(), drift.Menu, drift.ModifierGroup], set()
    while waiting:
        kind = waiting.pop()
        if kind not in seen:
            seen.add(kind)
            waiting += [child for _, child in shape_of(kind).children]
    assert seen <= UNUSED_FIELDS.keys()


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_enumerations_are_of_fields_that_are_loaded(kind: type) -> None:
    assert VALUES[kind].keys() <= fields_of(kind).keys()


@pytest.mark.parametrize("kind", UNUSED_FIELDS, ids=lambda kind: kind.__name__)
def test_a_field_is_entered_as_unused_only_if_it_is_not_loaded(kind: type) -> None:
    names = UNUSED_FIELDS[kind].split()
    assert len(set(names)) == len(names)
    assert fields_of(kind).keys().isdisjoint(names)


# --- a sample, once, that never fails ----------------------------------------------------------------


def test_the_first_reply_that_holds_anything_is_the_sample_of_a_restaurant_and_an_endpoint(told: list[Json]) -> None:
    found = Drift()
    decode = found.watching(ORDERS, "a", keep)
    for content in ([], [order(first=1)], [order(second=1)]):
        decode(msgspec.json.encode(content))
    found.watching(ORDERS, "b", keep)(msgspec.json.encode([order(first=1, third=1)]))
    found.watching("jobs", "a", keep)(b'[{"guid": "j", "fourth": 1}]')
    assert (found.of("a"), found.of("b")) == (["Job.fourth", "Order.first"], ["Order.first", "Order.third"])
    assert [line["path"] for line in told] == ["Order.first", "Order.third", "Job.fourth"], "each once per call"


def test_of_a_long_list_the_first_objects_are_looked_at() -> None:
    orders = [order() for _ in range(SAMPLED_OBJECTS)]
    assert met([*orders, order(late=1)]) == []
    assert met([*orders[1:], order(late=1)]) == ["Order.late"]


def test_a_reply_that_is_one_very_large_object_is_left_alone() -> None:
    assert met({"restaurantGuid": "x" * SAMPLED_BYTES, "rootField": 1}, MENUS.name) == []


def test_a_flood_of_new_fields_is_cut_off(told: list[Json]) -> None:
    found = met([order(**{f"field{number}": 1 for number in range(MOST_KINDS + 50)})])
    assert len(found) == len(told) == MOST_KINDS


def test_long_names_and_values_are_cut_off() -> None:
    field, value = met([order(**{"x" * 5000: 1, "source": "y" * 5000})])
    assert len(field) < 100
    assert len(value) < 100


def test_what_cannot_be_decoded_is_not_looked_at_and_spends_no_sample() -> None:
    found = Drift()
    decode = found.watching(ORDERS, "r", decode_orders_page)
    with pytest.raises(UnreadableBody):
        decode(b'[{"guid": "o", "new')
    decode(msgspec.json.encode([order(new=1)]))
    assert found.of("r") == ["Order.new"]


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[" * 100_000, b'[{"guid": ' + b"9" * 5000 + b"}]", b"\xff", b"7", b"[7, null]"]
)
def test_no_reply_makes_the_look_fail(body: bytes) -> None:
    found = Drift()
    assert found.watching(ORDERS, "r", keep)(body) == body
    assert found.of("r") == []


def test_a_fault_of_the_look_is_told_and_goes_no_further(told: list[Json], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "unknown_parts", lambda *_: 1 / 0)
    assert met([order(new=1)]) == []
    assert [(line["event"], line["error"]) for line in told] == [("drift_not_looked_for", "ZeroDivisionError")]


def test_what_is_known_of_a_kind_is_what_is_loaded_and_what_is_documented() -> None:
    shape = shape_of(Payment)
    assert {"type", "tipAmount", "last4Digits", "houseAccount"} <= shape.fields
    assert dict(shape_of(Order).children)["checks"].__name__ == "Check"


# --- through the whole function ----------------------------------------------------------------------

BROOKLYN, AUSTIN = RESTAURANTS[0].guid, RESTAURANTS[7].guid
DAY = "2026-02-21"


@pytest.fixture(scope="module")
def toast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorControl]:
    folder = tmp_path_factory.mktemp("toast")
    with simulator_process(folder, seed=7, clock="2026-02-24T18:00:00Z", limits="off", volume=12) as server:
        yield SimulatorControl(server.url)


def test_drift_is_in_log_reply_and_ledger_and_the_data_are_as_ever(
    toast: SimulatorControl,
    emulator: str,
    warehouse_client: bigquery.Client,
    dataset: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    environment = group_environment(toast.url, emulator, tmp_path, [BROOKLYN, AUSTIN], dataset)
    with in_process(environment, "labor_daily") as labor:
        toast.fault("drift", path="timeEntries", restaurant_guid=AUSTIN, field="wageBonus", value=3)
        reply = labor(start_date=DAY, end_date=DAY).succeeded()
    assert {guid: entry["drift"] for guid, entry in reply.restaurants.items()} == {
        BROOKLYN: [],
        AUSTIN: ["TimeEntry.wageBonus"],
    }
    assert reply.count("inserted") > 0
    lines = log_lines(capfd.readouterr().err)
    (told,) = [line for line in lines if line["message"] == "toast_drift"]
    assert (told["severity"], told["restaurant"], told["path"]) == ("WARNING", AUSTIN, "TimeEntry.wageBonus")
    assert lines[-1]["message"] == "call_ended"
    sums = {
        name: sum(entry[name] for entry in reply.body["restaurants"]) for name in ("requests", "throttled", "rejects")
    }
    assert lines[-1].items() >= (sums | {"restaurants": 2, "failed": 0, "drift": 1, "throttled_share": 0.0}).items()
    assert lines[-1]["inserted"] == reply.count("inserted")
    held = warehouse_client.query(f"SELECT restaurant_guid, drift, rejects FROM {dataset}.etl_runs").result()
    assert {row["restaurant_guid"]: (row["drift"], row["rejects"]) for row in held} == {
        BROOKLYN: (0, 0),
        AUSTIN: (1, 0),
    }
