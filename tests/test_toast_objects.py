"""What holds for the objects of all Toast APIs: lists, times, numbers, pointers, and what is kept of a bad object."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toast_json import Json, page, ref

from shared.toast_client import UnreadableBody
from shared.toast_objects import (
    AnyReference,
    Guid,
    Instant,
    ListDecoder,
    Page,
    Reference,
    ToastObject,
    Undecodable,
    guid_of,
    rejected_object,
    undecodable,
)


class Thing(ToastObject):
    """An object with a field of each kind that Toast's objects have."""

    guid: Guid
    at: Instant | None = None
    amount: Decimal | None = None
    count: int | None = None
    label: str | int | None = None
    display_name: str | None = None
    owner: Reference | None = None
    pointer: AnyReference = None
    parts: list[Thing] | None = None


class Nameless(ToastObject):
    """An object of which Toast need not give a GUID."""

    display_name: str | None = None


THINGS = ListDecoder(Thing, "things")


def decode(*things: Any) -> Page[Thing]:
    return THINGS.decode(page(*things))


def decode_one(**fields: Any) -> Thing:
    decoded = decode({"guid": "one", **fields})
    assert not decoded.undecodable
    return decoded.objects[0]


def reject_one(thing: Any) -> Undecodable:
    decoded = decode(thing)
    assert not decoded.objects
    return decoded.undecodable[0]


def with_literal(literal: bytes, *things: Json) -> bytes:
    """The list of these things in whose JSON the value "LITERAL" is written as ``literal``."""
    return page(*things).replace(b'"LITERAL"', literal)


# --- whole lists -------------------------------------------------------------------------------------


def test_a_list_holds_its_objects_in_the_order_in_which_toast_lists_them() -> None:
    decoded = decode({"guid": "b"}, {"guid": "a"}, {"guid": "c"})
    assert [one.guid for one in decoded.objects] == ["b", "a", "c"]
    assert decoded.undecodable == []


def test_an_empty_list_holds_nothing() -> None:
    assert len(decode()) == 0


def test_a_list_is_as_long_as_what_toast_sent_decodable_or_not() -> None:
    assert len(decode({"guid": "a"}, {"guid": "broken", "count": "many"}, {"guid": "b"}, 5)) == 4


def test_one_object_of_the_wrong_shape_costs_only_itself() -> None:
    decoded = decode({"guid": "before"}, {"guid": "broken", "count": "many"}, {"guid": "after"})
    assert [one.guid for one in decoded.objects] == ["before", "after"]
    (broken,) = decoded.undecodable
    assert broken.guid == "broken"
    assert broken.reason == "Expected `int | null`, got `str` - at `$.count`"


@pytest.mark.parametrize("thing", [None, 5, "text", True, [], [{"guid": "inner"}], {}])
def test_whatever_stands_in_the_place_of_an_object_is_rejected(thing: Any) -> None:
    decoded = decode({"guid": "fine"}, thing)
    assert [one.guid for one in decoded.objects] == ["fine"]
    assert [one.guid for one in decoded.undecodable] == [""]
    assert decoded.undecodable[0].reason


@pytest.mark.parametrize("guid", ["", "x" * 129, None, 5])
def test_an_object_is_known_by_a_guid_of_reasonable_length(guid: Any) -> None:
    assert "`$.guid`" in reject_one({"guid": guid}).reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"{}",
        b'{"things": []}',
        b'"text"',
        b"<html>502 Bad Gateway</html>",
        page({"guid": "a"})[:-1],
        page({"guid": "a"})[:5],
        page({"guid": "a"}) + b"]",
        b'[{"guid": "a",}]',
        b'[{"guid": "\\ud800"}]',
        b"\xff\xfe[]",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=lambda body: body[:20].decode(errors="replace") + f"…{len(body)}",
)
def test_a_body_that_is_no_json_list_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableBody, match="not a JSON list of things"):
        THINGS.decode(body)


@given(st.lists(st.sampled_from([{"guid": "a"}, {"guid": "b", "count": 1}, {"guid": ""}, {}, None, 5, "text"])))
def test_of_any_list_every_object_is_decoded_or_described(things: list[Any]) -> None:
    decoded = decode(*things)
    fine = [one for one in things if isinstance(one, dict) and one.get("guid")]
    assert [one.guid for one in decoded.objects] == [one["guid"] for one in fine]
    assert len(decoded.undecodable) == len(things) - len(fine)
    assert all(one.reason for one in decoded.undecodable)


# --- texts, numbers, times, pointers -----------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "2026-02-21T23:05:00.000+0000",
        "2026-02-21T23:05:00+00:00",
        "2026-02-21T23:05:00Z",
        "2026-02-21T23:05:00z",
        "2026-02-21T18:05:00.000-0500",
        "2026-02-22T04:35:00+05:30",
        "2026-02-21T23:05:00.000000000Z",
    ],
)
def test_a_time_may_be_told_with_any_offset(written: str) -> None:
    assert decode_one(at=written).at == dt.datetime(2026, 2, 21, 23, 5, tzinfo=dt.UTC)


def test_a_time_is_kept_to_the_microsecond() -> None:
    at = decode_one(at="2026-02-21T23:05:00.123456Z").at
    assert at
    assert at.microsecond == 123456


@pytest.mark.parametrize("written", ["2026-02-21T23:05:00", "2026-02-21T23:05:00.000"])
def test_a_time_without_a_zone_is_rejected(written: str) -> None:
    assert reject_one({"guid": "a", "at": written}).reason == (
        "Expected `datetime` with a timezone component - at `$.at`"
    )


@pytest.mark.parametrize("written", ["", "today", "2026-02-29T00:00:00Z", "2026-02-21", "1771715100000", 1771715100000])
def test_what_is_no_time_is_rejected(written: Any) -> None:
    assert "$.at" in reject_one({"guid": "a", "at": written}).reason


def test_money_keeps_every_digit_that_toast_wrote() -> None:
    (decoded,) = THINGS.decode(with_literal(b"1234567890123456.10", {"guid": "a", "amount": "LITERAL"})).objects
    assert str(decoded.amount) == "1234567890123456.10"


@pytest.mark.parametrize(
    "name", ["Crème brûlée", "寿司 🍣", '"quoted" \\ back', "line\nbreak", "\u202eright to left", "\u0000", "e\u0301"]
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_text_may_hold_any_character(name: str, ascii_only: bool) -> None:
    body = json.dumps([{"guid": "a", "displayName": name}], ensure_ascii=ascii_only).encode()
    (decoded,) = THINGS.decode(body).objects
    assert decoded.display_name == name


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xe2\x82"])
@pytest.mark.parametrize("field", ["displayName", "guid", "pointer"])
def test_a_text_that_is_not_utf_8_rejects_its_object_only(field: str, bad: bytes) -> None:
    body = with_literal(b'"caf' + bad + b'"', {"guid": "fine"}, {"guid": "broken", field: "LITERAL"})
    decoded = THINGS.decode(body)
    assert [one.guid for one in decoded.objects] == ["fine"]
    (broken,) = decoded.undecodable
    assert broken.reason


@pytest.mark.parametrize("literal", ["9" * 5000, "1e400", "1" + "0" * 400 + ".5", "-1e999999999999999999999"])
@pytest.mark.parametrize("field", ["count", "label"])
def test_a_number_that_no_computer_holds_rejects_its_object_only(field: str, literal: str) -> None:
    decoded = THINGS.decode(with_literal(literal.encode(), {"guid": "fine"}, {"guid": "broken", field: "LITERAL"}))
    assert [one.guid for one in decoded.objects] == ["fine"]
    (broken,) = decoded.undecodable
    assert broken.reason


@pytest.mark.parametrize(
    ("written", "guid"),
    [
        ("bare", "bare"),
        (ref(guid="in an object"), "in an object"),
        ({"guid": None}, None),
        ({"guid": ""}, None),
        ({}, None),
        ("", None),
        (None, None),
    ],
    ids=str,
)
def test_a_pointer_may_be_an_object_a_bare_guid_or_nothing(written: Any, guid: str | None) -> None:
    assert guid_of(decode_one(pointer=written).pointer) == guid


@pytest.mark.parametrize("written", [5, True, ["guid"], {"guid": 5}])
def test_a_pointer_of_another_form_is_rejected(written: Any) -> None:
    assert "$.pointer" in reject_one({"guid": "a", "pointer": written}).reason


# --- what is kept of a rejected object ---------------------------------------------------------------

SECRET = "Jane Doe"


def test_an_object_that_cannot_be_read_at_all_leaves_its_length_and_hash() -> None:
    raw = b'{"guid": "broken", "displayName": "\xff", "tabName": "Jane Doe"}'
    (broken,) = THINGS.decode(b"[" + raw + b"]").undecodable
    assert SECRET not in broken.payload
    assert f"{len(raw)} bytes" in broken.payload
    assert hashlib.sha256(raw).hexdigest() in broken.payload


def test_an_object_too_deep_to_be_repeated_is_described_by_its_length() -> None:
    raw = b"[" * 5_000 + b"]" * 5_000
    described = undecodable(raw, "too deep", Thing)
    assert (described.guid, described.reason) == ("", "too deep")
    assert described.payload == "nested too deeply to be read; 10000 bytes"


@pytest.mark.parametrize("guid", [None, 5, ["a"], {"a": 1}, ..., ""])
def test_an_object_whose_guid_is_no_text_has_an_empty_one(guid: Any) -> None:
    assert reject_one({} if guid is ... else {"guid": guid}).guid == ""


def test_of_an_object_that_cannot_be_decoded_only_what_its_kind_names_is_kept() -> None:
    broken = reject_one(
        {
            "guid": "broken",
            "count": "many",
            "displayName": "kept",
            "tabName": SECRET,
            "owner": {"guid": "owner", "name": SECRET},
            "pointer": {"guid": "pointer", "name": SECRET},
            "parts": [{"guid": "part", "amount": 1.5, "customer": {"guid": SECRET}}],
            SECRET: SECRET,
        }
    )
    assert json.loads(broken.payload) == {
        "guid": "broken",
        "count": "many",
        "displayName": "kept",
        "owner": {"guid": "owner"},
        "pointer": {"guid": "pointer"},
        "parts": [{"guid": "part", "amount": 1.5}],
    }


def test_what_stands_where_another_form_should_is_named_and_not_kept() -> None:
    broken = reject_one(
        {"guid": "a", "owner": SECRET, "parts": SECRET, "displayName": {"first": SECRET}, "amount": [{"a": SECRET}]}
    )
    assert json.loads(broken.payload) == {
        "guid": "a",
        "owner": "(a str)",
        "parts": "(a str)",
        "displayName": "(an object)",
        "amount": ["(an object)"],
    }


@pytest.mark.parametrize(
    "kept", [{"pointer": "bare"}, {"pointer": None}, {"owner": None}, {"label": 5}, {"parts": []}], ids=str
)
def test_whatever_form_a_field_may_have_is_kept(kept: Json) -> None:
    broken = reject_one({"guid": "a", "count": "many", **kept})
    assert json.loads(broken.payload) == {"guid": "a", "count": "many", **kept}


def test_an_object_that_is_rejected_after_decoding_is_kept_as_it_came() -> None:
    whole = {"guid": "late", "count": 2**70, "pointer": ref(guid="p"), "parts": [{"guid": "part", "label": 5}]}
    (decoded,) = decode(whole | {"amount": Decimal("10.10"), "tabName": SECRET}).objects
    kept = rejected_object(decoded, "more than a column holds")
    assert (kept.guid, kept.reason) == ("late", "more than a column holds")
    assert THINGS.decode(f"[{kept.payload}]".encode()).objects == [decoded]
    assert SECRET not in kept.payload
    again = json.loads(kept.payload)
    assert (again["count"], again["amount"]) == (2**70, "10.10")


def test_an_object_without_a_guid_can_be_rejected_after_decoding() -> None:
    (decoded,) = ListDecoder(Nameless, "names").decode(b'[{"displayName": "a name"}]').objects
    assert rejected_object(decoded, "for the test") == Undecodable("", "for the test", '{"displayName":"a name"}')


def test_an_object_too_deep_to_be_written_is_still_known_by_its_guid() -> None:
    deep = Thing(guid="innermost")
    for number in range(5000):
        deep = Thing(guid=f"level {number}", parts=[deep])
    kept = rejected_object(deep, "too deep")
    assert kept == Undecodable("level 4999", "too deep", "nested too deeply to be written")
