"""Replies of time entries: documented shapes, what may be missing, what one bad entry costs."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from toast_json import Json, page, ref, time_entry, time_entry_break

from shared.toast_client import UnreadableBody
from shared.toast_labor import TimeEntry, TimeEntryBreak, decode_time_entries
from shared.toast_objects import Undecodable, guid_of


def decode_one(**overrides: Any) -> TimeEntry:
    decoded = decode_time_entries(page(time_entry(**overrides)))
    assert not decoded.undecodable
    return decoded.objects[0]


def reject_one(whole: Any) -> Undecodable:
    decoded = decode_time_entries(page(whole))
    assert not decoded.objects
    return decoded.undecodable[0]


@pytest.mark.parametrize("written", ["20260221", 20260221, None])
def test_a_business_date_may_be_a_text_a_number_or_missing(written: Any) -> None:
    assert decode_one(businessDate=written).business_date == written


@pytest.mark.parametrize("written", [ref(guid="shift"), "shift", {"guid": "shift"}])
def test_a_shift_may_be_an_object_or_a_bare_guid(written: Any) -> None:
    assert guid_of(decode_one(shiftReference=written).shift_reference) == "shift"


@pytest.mark.parametrize("nothing", [None, ...], ids=["null", "left out"])
def test_an_entry_without_a_schedule_has_no_shift(nothing: Any) -> None:
    assert decode_one(shiftReference=nothing).shift_reference is None


@pytest.mark.parametrize("field", ["guid", "modifiedDate"])
@pytest.mark.parametrize("nothing", [None, ...], ids=["null", "left out"])
def test_an_entry_must_have_a_guid_and_a_version(field: str, nothing: Any) -> None:
    assert field in reject_one(time_entry(**{field: nothing})).reason


def test_an_entry_with_nothing_but_guid_and_version_is_decoded() -> None:
    (bare,) = decode_time_entries(page({"guid": "bare", "modifiedDate": "2026-02-22T00:10:00Z"})).objects
    assert bare == TimeEntry(guid="bare", modified_date=dt.datetime(2026, 2, 22, 0, 10, tzinfo=dt.UTC))


@pytest.mark.parametrize("entity_type", [None, "TimeEntry", ...])
def test_the_entity_type_does_not_matter(entity_type: Any) -> None:
    assert decode_one(guid="e", entityType=entity_type).guid == "e"


def test_an_open_entry_and_a_missed_break_have_no_end() -> None:
    entry = decode_one(outDate=None, breaks=[time_entry_break(outDate=None, missed=True)])
    assert entry.out_date is None
    assert entry.breaks
    assert (entry.breaks[0].out_date, entry.breaks[0].missed) == (None, True)


@pytest.mark.parametrize("nothing", [None, [], ...], ids=["null", "empty", "left out"])
def test_an_entry_may_have_no_breaks(nothing: Any) -> None:
    assert not decode_one(breaks=nothing).breaks


@pytest.mark.parametrize("answer", [True, False, None])
def test_the_answer_of_a_break_may_be_missing(answer: bool | None) -> None:
    entry = decode_one(breaks=[time_entry_break(auditResponse=answer, guid=None), {}])
    assert entry.breaks
    assert entry.breaks[0].audit_response == answer
    assert entry.breaks[1] == TimeEntryBreak()


def test_hours_keep_every_digit_that_toast_wrote() -> None:
    assert decode_one(regularHours=Decimal("5.046599722222222")).regular_hours == Decimal("5.046599722222222")


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"modifiedDate": "2026-02-22T00:10:00"}, "$.modifiedDate"),
        ({"inDate": "yesterday"}, "$.inDate"),
        ({"regularHours": "many"}, "$.regularHours"),
        ({"deleted": "no"}, "$.deleted"),
        ({"shiftReference": 5}, "$.shiftReference"),
        ({"employeeReference": "Ann"}, "$.employeeReference"),
        ({"businessDate": 20260221.5}, "$.businessDate"),
        ({"breaks": {}}, "$.breaks"),
        ({"breaks": [time_entry_break(paid="yes")]}, "$.breaks[0].paid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_wrong_entry_costs_only_itself_and_says_where_it_is_wrong(wrong: Json, path: str) -> None:
    decoded = decode_time_entries(page(time_entry(guid="a"), time_entry(guid="wrong", **wrong), time_entry(guid="b")))
    assert [one.guid for one in decoded.objects] == ["a", "b"]
    (rejected,) = decoded.undecodable
    assert rejected.guid == "wrong"
    assert f"`{path}`" in rejected.reason


def test_fields_that_toast_adds_tomorrow_change_nothing() -> None:
    known = time_entry()
    more = known | {"newField": 1, "breaks": [one | {"newField": {"a": 1}} for one in known["breaks"]]}
    assert decode_time_entries(page(more)) == decode_time_entries(page(known))


def test_of_a_rejected_entry_only_what_is_loaded_is_kept() -> None:
    rejected = reject_one(
        time_entry(
            guid="wrong",
            deleted="no",
            shiftReference="bare",
            employeeReference=ref(guid="employee", firstName="Jane"),
            note="Jane was late",
            breaks=[time_entry_break(paid=True, note="Jane")],
        )
    )
    kept = json.loads(rejected.payload)
    assert (kept["deleted"], kept["shiftReference"], kept["businessDate"]) == ("no", "bare", "20260221")
    assert kept["employeeReference"] == {"guid": "employee"}
    assert kept["breaks"][0]["paid"] is True
    assert "Jane" not in rejected.payload


def test_a_body_that_is_no_list_says_what_it_should_be() -> None:
    with pytest.raises(UnreadableBody, match="not a JSON list of time entries"):
        decode_time_entries(b'{"status": 500}')
