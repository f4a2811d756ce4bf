"""Pages of ordersBulk: what is decoded, what one bad object costs, and what may be kept of it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import schema_checker
from any_json import mutate, places, strange_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toast_json import (
    RESTAURANT,
    Json,
    check,
    discount,
    order,
    page,
    payment,
    ref,
    refund,
    selection,
    service_charge,
    tax,
    to_json,
)

from shared.date_utils import TradingHours
from shared.errors import ObjectRejected
from shared.order_rows import flatten_order
from shared.order_tables import ORDER_CHILDREN, StagedOrder
from shared.spool import encode_rows
from shared.tables import columns_of
from shared.toast_client import UnreadableBody
from shared.toast_objects import Undecodable, rejected_object
from shared.toast_orders import OrdersPage, decode_orders_page

NEW_YORK = TradingHours("America/New_York", 4)


def decode(*orders: Any) -> OrdersPage:
    return decode_orders_page(page(*orders))


def reject_one(toast_order: Any) -> Undecodable:
    decoded = decode(toast_order)
    assert not decoded.objects
    return decoded.undecodable[0]


# --- whole pages -------------------------------------------------------------------------------------


def test_one_object_that_is_no_order_costs_only_itself() -> None:
    decoded = decode(order(guid="before"), order(guid="broken", businessDate="today"), order(guid="after"))
    assert [one.guid for one in decoded.objects] == ["before", "after"]
    (broken,) = decoded.undecodable
    assert broken.guid == "broken"
    assert broken.reason == "Expected `int`, got `str` - at `$.businessDate`"


@pytest.mark.parametrize("field", ["guid", "businessDate", "modifiedDate"])
@pytest.mark.parametrize("nothing", [None, ...], ids=["null", "left out"])
def test_an_order_must_have_guid_business_date_and_version(field: str, nothing: Any) -> None:
    assert field in reject_one(order(**{field: nothing})).reason


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (order(checks=[check(guid=None)]), "$.checks[0].guid"),
        (order(checks=[check(selections=[selection(guid="")])]), "$.checks[0].selections[0].guid"),
        (order(checks=[check(payments=[payment(guid="x" * 129)])]), "$.checks[0].payments[0].guid"),
        (
            order(checks=[check(selections=[selection(modifiers=[selection(price="ten")])])]),
            "$.checks[0].selections[0].modifiers[0].price",
        ),
        (order(checks={}), "$.checks"),
        (order(server="Ann"), "$.server"),
        (order(voided="false"), "$.voided"),
        (order(numberOfGuests=1.5), "$.numberOfGuests"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_reason_says_where_an_order_is_wrong(body: Json, path: str) -> None:
    assert f"`{path}`" in reject_one(body).reason


def test_a_body_that_is_no_json_is_not_repeated_in_the_message() -> None:
    with pytest.raises(UnreadableBody, match="not a JSON list of orders") as caught:
        decode_orders_page(page(order(checks=[check(tabName="Jane Doe")]))[:-20])
    assert "Jane" not in str(caught.value)


# --- times -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["2026-02-21T23:05:00", "2026-02-21T23:05:00.000"])
@pytest.mark.parametrize(
    "field", ["modifiedDate", "openedDate", "promisedDate", "paidDate", "closedDate", "createdDate"]
)
def test_a_time_without_a_zone_is_rejected(field: str, written: str) -> None:
    assert reject_one(order(**{field: written})).reason == (
        f"Expected `datetime` with a timezone component - at `$.{field}`"
    )


# --- nesting -----------------------------------------------------------------------------------------


def modifiers(depth: int) -> bytes:
    """A selection with ``depth`` modifiers inside each other, written by hand: too deep for an encoder."""
    opening = b"".join(b'{"guid":"m%d","modifiers":[' % level for level in range(depth))
    return opening + b'{"guid":"innermost"}' + b"]}" * depth


def test_modifiers_may_nest_deeper_than_any_menu() -> None:
    body = page(order(checks=[check(selections=["LITERAL"])])).replace(b'"LITERAL"', modifiers(50))
    (decoded,) = decode_orders_page(body).objects
    assert len(flatten_order(decoded, restaurant_guid=RESTAURANT, hours=NEW_YORK, unit="unit").items) == 51


@pytest.mark.parametrize("depth", [200, 400, 800, 1_500, 5_000, 20_000, 200_000])
def test_nesting_without_end_is_refused_and_not_a_crash(depth: int) -> None:
    body = page(order(checks=[check(selections=["LITERAL"])])).replace(b'"LITERAL"', modifiers(depth))
    assert_all_accounted_for(body)


@pytest.mark.parametrize("depth", [200, 400, 800, 1_500, 5_000, 200_000])
def test_nesting_in_a_field_that_is_not_read_is_not_a_crash(depth: int) -> None:
    body = page(order(customer="LITERAL", businessDate="broken")).replace(b'"LITERAL"', b"[" * depth + b"]" * depth)
    assert_all_accounted_for(body)


# --- what is kept of a rejected object ---------------------------------------------------------------

GUEST = "Jane Doe 617-555-0100"

GUEST_FIELDS: Json = {
    "customer": {"guid": GUEST, "firstName": GUEST, "lastName": GUEST, "email": GUEST, "phone": GUEST, "name": GUEST},
    "deliveryInfo": {"address1": GUEST, "notes": GUEST, "name": GUEST},
    "curbsidePickupInfo": {"transportDescription": GUEST, "notes": GUEST, "guid": GUEST},
    "appliedLoyaltyInfo": {"loyaltyIdentifier": GUEST, "maskedLoyaltyIdentifier": GUEST, "guid": GUEST},
    "tabName": GUEST,
    "last4Digits": GUEST,
    "first6Digits": GUEST,
    "cardPaymentId": GUEST,
    "comment": GUEST,
    "description": GUEST,
    "externalId": GUEST,
    # Fields that Toast may add tomorrow.
    "guestName": GUEST,
    "guests": [{"name": GUEST, "guid": GUEST, "displayName": GUEST}],
    GUEST: GUEST,
}


def everywhere(value: Any, extra: Json) -> Any:
    """The same JSON with more fields in every object."""
    if isinstance(value, dict):
        return {name: everywhere(item, extra) for name, item in value.items()} | extra
    if isinstance(value, list):
        return [everywhere(item, extra) for item in value]
    return value


def full_order(**overrides: Any) -> Json:
    """An order that has one of everything."""
    return order(
        checks=[
            check(
                selections=[
                    selection(
                        modifiers=[selection(displayName="No ice")],
                        refundDetails={"refundAmount": 1},
                        appliedDiscounts=[discount(appliedDiscountReason={"name": "Late", "comment": "why"})],
                    )
                ],
                payments=[payment(refund=refund(), voidInfo={"voidBusinessDate": 20260222})],
                appliedServiceCharges=[service_charge(appliedTaxes=[tax()])],
                appliedDiscounts=[discount()],
            )
        ],
        table=ref("Table"),
        **overrides,
    )


def test_guest_data_stays_out_of_what_is_kept() -> None:
    broken = reject_one(everywhere(full_order(businessDate="broken"), GUEST_FIELDS))
    assert GUEST not in broken.payload
    assert GUEST not in broken.reason


@pytest.mark.parametrize("parent", ["order", "check", "payment", "selection", "reference"])
@pytest.mark.parametrize("field", ["name", "displayName", "guestName", "type", "source", "displayNumber"])
def test_a_field_is_kept_only_where_it_is_loaded_from(parent: str, field: str) -> None:
    """``name`` is a tax's and a discount's; should a check get one some day, it may be a guest's."""
    loaded = {
        "order": {"displayNumber", "source"},
        "check": {"displayNumber"},
        "payment": {"type"},
        "selection": {"displayName"},
        "reference": set[str](),
    }
    extra = {field: GUEST}
    parts = {name: extra if name == parent else {} for name in loaded}
    broken = reject_one(
        order(
            businessDate="broken",
            server=ref(**parts["reference"]),
            checks=[
                check(
                    selections=[selection(**parts["selection"])],
                    payments=[payment(**parts["payment"])],
                    **parts["check"],
                )
            ],
            **parts["order"],
        )
    )
    assert (GUEST in broken.payload) == (field in loaded[parent])


def test_what_is_loaded_anyway_is_kept_to_see_what_is_wrong() -> None:
    broken = reject_one(full_order(guid="broken", businessDate="someday"))
    kept = json.loads(broken.payload)
    assert broken.guid == kept["guid"] == "broken"
    assert kept["businessDate"] == "someday"
    assert kept["server"].keys() == {"guid"}
    (kept_check,) = kept["checks"]
    (kept_selection,) = kept_check["selections"]
    assert kept_selection["modifiers"][0]["displayName"] == "No ice"
    assert kept_selection["appliedTaxes"][0]["taxAmount"] == 0.8
    assert kept_selection["appliedDiscounts"][0]["appliedDiscountReason"] == {"name": "Late"}
    assert kept_check["payments"][0]["refund"]["refundAmount"] == 4
    assert kept_check["payments"][0]["voidInfo"] == {"voidBusinessDate": 20260222}
    assert kept_check["appliedServiceCharges"][0]["chargeAmount"] == 3
    assert kept_check["totalAmount"] == 10.8


# --- any JSON ----------------------------------------------------------------------------------------

LINE = columns_of(StagedOrder)


def assert_can_stand(staged: StagedOrder) -> None:
    assert schema_checker.problems(msgspec.json.decode(encode_rows([staged])), LINE) == []
    for record, table in ORDER_CHILDREN.items():
        keys = [tuple(getattr(row, name) for name in table.key[1:]) for row in getattr(staged, record)]
        assert len(set(keys)) == len(keys), (record, keys)


def assert_all_accounted_for(body: bytes) -> None:
    """Each object of a page is a line that BigQuery takes or a rejection with a reason; or none can be read."""
    try:
        decoded = decode_orders_page(body)
    except UnreadableBody as unreadable:
        assert str(unreadable)  # noqa: PT017 - either is fine
        return
    rejected = list(decoded.undecodable)
    for one in decoded.objects:
        try:
            staged = flatten_order(one, restaurant_guid=RESTAURANT, hours=NEW_YORK, unit="unit")
        except ObjectRejected as rejection:
            rejected.append(rejected_object(one, rejection.reason))
            continue
        assert_can_stand(staged)
    assert all(one.reason for one in rejected)
    msgspec.json.encode(rejected)  # they go to etl_rejects as JSON


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"])
@pytest.mark.parametrize(
    ("place", "field"),
    [
        *(("order", f"{event}Date") for event in ("modified", "created", "opened", "promised", "paid", "closed")),
        *(("check", f"{event}Date") for event in ("opened", "paid", "closed")),
        ("payment", "paidDate"),
    ],
)
def test_a_time_outside_the_years_that_a_column_holds_does_not_reach_bigquery(
    place: str, field: str, written: str
) -> None:
    of_order, of_check, of_payment = ({field: written} if place == one else {} for one in ("order", "check", "payment"))
    assert_all_accounted_for(page(order(checks=[check(payments=[payment(**of_payment)], **of_check)], **of_order)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_order_changed_anywhere_is_rows_that_bigquery_takes_or_a_rejection(data: st.DataObject) -> None:
    whole = json.loads(to_json(full_order()))
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        mutate(data.draw, whole)
    assert_all_accounted_for(page(whole))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_page_with_changed_bytes_is_orders_rejections_or_unreadable(data: st.DataObject) -> None:
    body = bytearray(page(order(), order()))
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        at = data.draw(st.integers(0, len(body) - 1), label="at")
        width = data.draw(st.integers(0, 3), label="width")
        body[at : at + width] = data.draw(st.binary(max_size=3), label="bytes")
    assert_all_accounted_for(bytes(body))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_wrong_with_an_order_no_guest_data_is_kept_of_it(data: st.DataObject) -> None:
    whole = json.loads(to_json(everywhere(full_order(), GUEST_FIELDS)))
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        container, key = data.draw(st.sampled_from(list(places(whole))), label="place")
        if data.draw(st.booleans(), label="delete"):
            del container[key]
        else:
            container[key] = data.draw(strange_values)
    decoded = decode_orders_page(page(whole))
    kept = decoded.undecodable + [rejected_object(one, "for the test") for one in decoded.objects]
    assert all(GUEST not in one.payload + one.reason + one.guid for one in kept)
