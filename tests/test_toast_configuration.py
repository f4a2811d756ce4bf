"""Listings of configuration and people: what is decoded, what one bad object costs, and what may be kept of it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from configuration_json import EXAMPLES, example, restaurant
from toast_json import to_json

from shared.toast_client import UnreadableBody
from shared.toast_configuration import (
    BreakType,
    Discount,
    Employee,
    EmployeeWithContacts,
    Named,
    Restaurant,
    SingleDecoder,
    TipWithholding,
)
from shared.toast_objects import ListDecoder, Page, ToastObject

CONTACT = "zoe@example.com 555-0142"


def decode(kind: type[ToastObject], *objects: Any) -> Page[Any]:
    return ListDecoder(kind, "objects").decode(to_json(objects))


def decode_single(kind: type[ToastObject], body: Any) -> Page[Any]:
    return SingleDecoder(kind, "a thing").decode(to_json(body))


# --- lists -------------------------------------------------------------------------------------------


def test_one_object_of_a_wrong_shape_costs_only_itself() -> None:
    page = decode(Discount, example("discounts", guid="a"), example("discounts", guid="b", active="yes"), 5)
    assert [discount.guid for discount in page.objects] == ["a"]
    assert [one.guid for one in page.undecodable] == ["b", ""]
    assert page.undecodable[0].reason == "Expected `bool | null`, got `str` - at `$.active`"
    assert len(page) == 3


@pytest.mark.parametrize("missing", [..., None, "", 7, "x" * 129])
def test_an_entity_must_have_a_guid(missing: Any) -> None:
    page = decode(Named, example("voidReasons", guid=missing))
    assert page.objects == []
    assert "guid" in page.undecodable[0].reason


@pytest.mark.parametrize("kind", ["UNHEARD_OF", "", None, ...])
def test_enumerations_are_open(kind: Any) -> None:
    (discount,) = decode(Discount, example("discounts", type=kind, selectionType=kind)).objects
    expected = None if kind is ... else kind
    assert (discount.type, discount.selection_type) == (expected, expected)


def test_money_keeps_the_digits_that_toast_writes() -> None:
    body = to_json([example("discounts", amount="LITERAL")]).replace(b'"LITERAL"', b"0.10")
    (discount,) = ListDecoder(Discount, "discounts").decode(body).objects
    assert str(discount.amount) == "0.10"


@pytest.mark.parametrize("literal", ["30", "30.0", "3e1"])
def test_a_whole_number_may_be_written_as_any_number(literal: str) -> None:
    body = to_json([example("breakTypes", duration="LITERAL")]).replace(b'"LITERAL"', literal.encode())
    (kind,) = ListDecoder(BreakType, "break types").decode(body).objects
    assert kind.duration == 30


# --- employees' contacts -----------------------------------------------------------------------------


def test_ways_to_reach_an_employee_are_decoded_only_when_asked_for() -> None:
    employee = example("employees", email="zoe@example.com", phoneNumber="555-0142")
    (without,) = decode(Employee, employee).objects
    (with_them,) = decode(EmployeeWithContacts, employee).objects
    assert not hasattr(without, "email")
    assert not hasattr(without, "phone_number")
    assert (with_them.email, with_them.phone_number) == ("zoe@example.com", "555-0142")


def test_ways_to_reach_an_employee_are_not_kept_of_a_rejected_one() -> None:
    broken = example("employees", deleted="maybe", email=CONTACT, phoneNumber=CONTACT, homeAddress={"name": CONTACT})
    (rejected,) = decode(Employee, broken).undecodable
    assert "555" not in rejected.payload + rejected.reason
    assert json.loads(rejected.payload)["lastName"] == "O'Hara"


# --- single objects ----------------------------------------------------------------------------------


def test_a_reply_that_is_one_object_is_a_page_of_one() -> None:
    page = decode_single(TipWithholding, {"enabled": True, "percentage": 0.03, "unknown": [1]})
    assert page.objects == [TipWithholding(enabled=True, percentage=Decimal("0.03"))]
    assert (page.undecodable, len(page)) == ([], 1)


def test_a_restaurant_needs_no_more_than_its_general_settings() -> None:
    (found,) = decode_single(Restaurant, {"general": {"name": "Solo", "timeZone": "UTC", "closeoutHour": 4}}).objects
    assert (found.guid, found.general.name, found.general.currency_code) == (None, "Solo", None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (restaurant(closeoutHour="late"), "$.general.closeoutHour"),
        ({"guid": "r"}, "general"),
        ({"guid": "r", "general": None}, "$.general"),
        ([], "array"),
        (None, "null"),
    ],
)
def test_a_single_object_of_a_wrong_shape_is_rejected(body: Any, reason: str) -> None:
    page = decode_single(Restaurant, body)
    assert page.objects == []
    (rejected,) = page.undecodable
    assert reason in rejected.reason
    assert rejected.guid == (body.get("guid") if isinstance(body, dict) else "")
    assert "Example Street" not in rejected.payload


@pytest.mark.parametrize("body", [b"", b'{"enabled": tr', b'{"enabled": true} x', b"<html>", b"\xff\xfe"])
def test_a_body_that_is_not_whole_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableBody, match="not the JSON of a thing"):
        SingleDecoder(TipWithholding, "a thing").decode(body)


def test_the_examples_cover_every_kind_of_list() -> None:
    from shared.dimension_rows import LISTINGS

    assert set(EXAMPLES) == set(LISTINGS) - {"menus", "restaurants", "tipWithholding"}
