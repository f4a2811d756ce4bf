"""Replies of cash entries and deposits: documented shapes, what may be missing, what one bad object costs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from toast_json import Json, cash_entry, deposit, page, ref

from shared.toast_cash import CashEntry, Deposit, decode_cash_entries, decode_deposits
from shared.toast_client import UnreadableBody
from shared.toast_objects import Page, Reference, Undecodable, guid_of

both = pytest.mark.parametrize(
    ("decode", "make"), [(decode_cash_entries, cash_entry), (decode_deposits, deposit)], ids=["entries", "deposits"]
)
Decode = Callable[[bytes], Page[Any]]
Make = Callable[..., Json]


def decode_entry(**overrides: Any) -> CashEntry:
    decoded = decode_cash_entries(page(cash_entry(**overrides)))
    assert not decoded.undecodable
    return decoded.objects[0]


def reject(decode: Decode, whole: Any) -> Undecodable:
    decoded = decode(page(whole))
    assert not decoded.objects
    return decoded.undecodable[0]


def test_an_entry_has_toasts_fields_under_their_names() -> None:
    entry = decode_entry(guid="e", employee1=ref(guid="1"), employee2=ref(guid="2"), cashDrawer=ref(guid="drawer"))
    assert entry.guid == "e"
    assert entry.type == "PAY_OUT"
    assert entry.amount == Decimal(-25)
    assert entry.date == dt.datetime(2026, 2, 21, 23, 30, 0, 250_000, tzinfo=dt.UTC)
    assert (entry.employee1, entry.employee2) == (Reference("1"), Reference("2"))
    assert entry.cash_drawer == Reference("drawer")


@both
def test_a_day_without_any_is_an_empty_list(decode: Decode, make: Make) -> None:
    assert len(decode(page())) == 0


@both
def test_what_is_undone_may_be_a_guid_an_object_or_nothing(decode: Decode, make: Make) -> None:
    undone = ["undone", ref(guid="undone"), None, ...]
    decoded = decode(page(*(make(undoes=one) for one in undone))).objects
    assert [guid_of(one.undoes) for one in decoded] == ["undone", "undone", None, None]


@both
def test_an_object_with_nothing_but_a_guid_is_decoded(decode: Decode, make: Make) -> None:
    (bare,) = decode(page({"guid": "bare"})).objects
    assert {getattr(bare, name) for name in bare.__struct_fields__} == {"bare", None}


@both
@pytest.mark.parametrize("nothing", [None, ..., ""], ids=["null", "left out", "empty"])
def test_an_object_without_a_guid_costs_only_itself(decode: Decode, make: Make, nothing: Any) -> None:
    decoded = decode(page(make(guid="before"), make(guid=nothing), make(guid="after")))
    assert [one.guid for one in decoded.objects] == ["before", "after"]
    assert "guid" in decoded.undecodable[0].reason


@both
@pytest.mark.parametrize(
    "wrong",
    [{"amount": "much"}, {"amount": True}, {"date": "2026-02-21T23:30:00"}, {"date": 20260221}, {"undoes": 5}],
    ids=str,
)
def test_the_reason_says_which_field_is_wrong(decode: Decode, make: Make, wrong: Json) -> None:
    rejected = reject(decode, make(guid="wrong", **wrong))
    assert rejected.guid == "wrong"
    assert f"`$.{next(iter(wrong))}`" in rejected.reason


@pytest.mark.parametrize("kind", ["TIP_JAR", "", None])
def test_a_type_that_toast_adds_tomorrow_is_no_mistake(kind: str | None) -> None:
    assert decode_entry(type=kind).type == kind


@both
def test_fields_that_toast_adds_tomorrow_change_nothing(decode: Decode, make: Make) -> None:
    known = make()
    more = known | {"newField": {"guid": "x"}, "guest": "Jane Doe"}
    assert decode(page(more)) == decode(page(known))


@both
def test_of_a_rejected_object_only_what_is_loaded_is_kept(decode: Decode, make: Make) -> None:
    rejected = reject(decode, make(guid="wrong", amount="much", undoes="bare", guest="Jane Doe"))
    kept = json.loads(rejected.payload)
    assert kept["amount"] == "much"
    assert kept["undoes"] == "bare"
    assert "Jane" not in rejected.payload
    assert "entityType" not in kept


@pytest.mark.parametrize(("decode", "plural"), [(decode_cash_entries, "cash entries"), (decode_deposits, "deposits")])
def test_a_body_that_is_no_list_says_what_it_should_be(decode: Decode, plural: str) -> None:
    with pytest.raises(UnreadableBody, match=f"not a JSON list of {plural}"):
        decode(b'{"status": 400}')


def test_a_deposit_has_toasts_fields_under_their_names() -> None:
    written = deposit(guid="d", employee=ref(guid="e"), creator=ref(guid="c"))
    assert decode_deposits(page(written)).objects == [
        Deposit(
            guid="d",
            amount=Decimal("812.4"),
            date=dt.datetime(2026, 2, 22, 4, 10, 0, 500_000, tzinfo=dt.UTC),
            employee=Reference("e"),
            creator=Reference("c"),
        )
    ]
