"""From time entries to their rows: every column, keys of breaks, and what cannot stand in the warehouse."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import schema_checker
from any_json import mutate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toast_json import RESTAURANT, Json, page, ref, time_entry, time_entry_break, to_json

from shared.errors import ObjectRejected
from shared.labor_rows import flatten_time_entries, flatten_time_entry
from shared.labor_tables import LABOR_CHILDREN, StagedTimeEntry
from shared.spool import encode_rows
from shared.tables import Row, columns_of
from shared.toast_labor import TimeEntry, decode_time_entries


def flatten(written: Json) -> StagedTimeEntry:
    decoded = decode_time_entries(page(written))
    assert not decoded.undecodable
    return flatten_time_entry(decoded.objects[0], restaurant_guid=RESTAURANT, unit="unit")


def of_breaks(*breaks: Json) -> StagedTimeEntry:
    return flatten(time_entry(breaks=list(breaks)))


def keys_of(*breaks: Json) -> list[str]:
    return [row.break_key for row in of_breaks(*breaks).breaks]


def rejection(written: Json) -> str:
    with pytest.raises(ObjectRejected) as caught:
        flatten(written)
    return caught.value.reason


def values(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__ if name not in LABOR_CHILDREN}


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text + "Z")


# --- every column ------------------------------------------------------------------------------------

# No two fields of one object hold the same value, so that two columns that changed places are seen.
FULL_ENTRY = time_entry(
    guid="entry",
    businessDate="20260221",
    modifiedDate="2026-02-22T01:00:00.001+0000",
    createdDate="2026-02-22T01:00:00.002+0000",
    deletedDate="2026-02-22T01:00:00.003+0000",
    inDate="2026-02-22T01:00:00.004+0000",
    outDate="2026-02-22T01:00:00.005+0000",
    deleted=True,
    employeeReference=ref(guid="employee"),
    jobReference=ref(guid="job"),
    shiftReference=ref(guid="shift"),
    autoClockedOut=True,
    regularHours=1.01,
    overtimeHours=2.02,
    hourlyWage=3.03,
    declaredCashTips=4.04,
    nonCashTips=5.05,
    nonCashTipsRoundingLoss=6.06,
    tipsWithheld=7.07,
    cashGratuityServiceCharges=8.08,
    nonCashGratuityServiceCharges=9.09,
    cashSales=10.1,
    nonCashSales=11.11,
    breaks=[
        time_entry_break(
            guid="break",
            breakType=ref(guid="break type"),
            inDate="2026-02-22T02:00:00.001+0000",
            outDate="2026-02-22T02:00:00.002+0000",
            paid=True,
            missed=False,
            waived=False,
            auditResponse=False,
        )
    ],
)

FULL_ROW = {
    "time_entry_guid": "entry",
    "restaurant_guid": RESTAURANT,
    "business_date": dt.date(2026, 2, 21),
    "entry_modified_at": utc("2026-02-22T01:00:00.001"),
    "is_deleted": True,
    "employee_guid": "employee",
    "job_guid": "job",
    "shift_guid": "shift",
    "in_at": utc("2026-02-22T01:00:00.004"),
    "out_at": utc("2026-02-22T01:00:00.005"),
    "auto_clocked_out": True,
    "regular_hours": Decimal("1.01"),
    "overtime_hours": Decimal("2.02"),
    "hourly_wage": Decimal("3.03"),
    "declared_cash_tips": Decimal("4.04"),
    "non_cash_tips": Decimal("5.05"),
    "non_cash_tips_rounding_loss": Decimal("6.06"),
    "tips_withheld": Decimal("7.07"),
    "cash_gratuity": Decimal("8.08"),
    "non_cash_gratuity": Decimal("9.09"),
    "cash_sales": Decimal("10.1"),
    "non_cash_sales": Decimal("11.11"),
    "created_at": utc("2026-02-22T01:00:00.002"),
    "deleted_at": utc("2026-02-22T01:00:00.003"),
    "unit": "unit",
    "may_have_moved": True,
}

FULL_BREAK = {
    "break_key": "break",
    "break_type_guid": "break type",
    "in_at": utc("2026-02-22T02:00:00.001"),
    "out_at": utc("2026-02-22T02:00:00.002"),
    "is_paid": True,
    "is_missed": False,
    "is_waived": False,
    "audit_response": False,
}


def test_every_column_of_an_entry_holds_its_own_field() -> None:
    assert values(flatten(FULL_ENTRY)) == FULL_ROW


def test_every_column_of_a_break_holds_its_own_field() -> None:
    assert [values(row) for row in flatten(FULL_ENTRY).breaks] == [FULL_BREAK]


@pytest.mark.parametrize("flag", ["paid", "missed", "waived", "auditResponse"])
@pytest.mark.parametrize("value", [True, False, None])
def test_a_flag_of_a_break_stands_in_its_own_column(flag: str, value: bool | None) -> None:
    column = {"paid": "is_paid", "missed": "is_missed", "waived": "is_waived", "auditResponse": "audit_response"}
    flags = dict.fromkeys(column, not value) | {flag: value}
    (row,) = of_breaks(time_entry_break(**flags)).breaks
    assert {name: getattr(row, name) for name in column.values()} == {column[name]: flags[name] for name in column}


def test_an_entry_with_nothing_but_what_toast_always_sends_has_a_row() -> None:
    staged = flatten({"guid": "bare", "businessDate": "20260221", "modifiedDate": "2026-02-22T00:10:00Z"})
    assert {name: value for name, value in values(staged).items() if value is not None} == {
        "time_entry_guid": "bare",
        "restaurant_guid": RESTAURANT,
        "business_date": dt.date(2026, 2, 21),
        "entry_modified_at": utc("2026-02-22T00:10:00"),
        "is_deleted": False,
        "unit": "unit",
        "may_have_moved": True,
    }
    assert staged.breaks == []


def test_an_open_entry_has_no_clock_out() -> None:
    staged = flatten(time_entry(outDate=None, cashSales=0, nonCashSales=0, autoClockedOut=None))
    assert (staged.out_at, staged.auto_clocked_out) == (None, None)
    assert (staged.cash_sales, staged.non_cash_sales) == (0, 0)


def test_the_wage_of_a_salaried_job_is_null_and_not_zero() -> None:
    assert flatten(time_entry(hourlyWage=None)).hourly_wage is None
    assert flatten(time_entry(hourlyWage=0)).hourly_wage == 0


@pytest.mark.parametrize("written", [ref(guid="shift"), "shift"], ids=["object", "bare guid"])
def test_a_shift_is_known_by_its_guid_however_toast_points_to_it(written: Any) -> None:
    assert flatten(time_entry(shiftReference=written)).shift_guid == "shift"


@pytest.mark.parametrize("deleted", [False, None, ...], ids=["false", "null", "left out"])
@pytest.mark.parametrize("date", ["1970-01-01T00:00:00.000+0000", None, "2026-02-23T00:00:00Z"])
def test_an_entry_that_is_not_deleted_has_no_time_of_deletion(deleted: Any, date: str | None) -> None:
    staged = flatten(time_entry(deleted=deleted, deletedDate=date))
    assert (staged.is_deleted, staged.deleted_at) == (False, None)


def test_a_deleted_entry_keeps_its_rows() -> None:
    staged = flatten(time_entry(deleted=True, deletedDate="2026-02-23T00:00:00Z"))
    assert (staged.is_deleted, staged.deleted_at) == (True, utc("2026-02-23T00:00:00"))
    assert staged.regular_hours == Decimal("6.5")
    assert len(staged.breaks) == 1


def test_hours_of_many_digits_are_rounded_to_nine_decimals() -> None:
    staged = flatten(time_entry(regularHours=Decimal("5.046599722222222"), overtimeHours=Decimal("0.3333333335")))
    assert (staged.regular_hours, staged.overtime_hours) == (Decimal("5.046599722"), Decimal("0.333333334"))


# --- business dates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["20260221", 20260221])
def test_a_business_date_is_taken_as_toast_gives_it_whenever_the_clock_in_was(written: Any) -> None:
    staged = flatten(time_entry(businessDate=written, inDate="2026-03-05T12:00:00Z"))
    assert staged.business_date == dt.date(2026, 2, 21)


@pytest.mark.parametrize("nothing", [None, ...], ids=["null", "left out"])
def test_an_entry_without_a_business_date_is_rejected(nothing: Any) -> None:
    assert rejection(time_entry(businessDate=nothing)) == "businessDate is missing"


@pytest.mark.parametrize(
    "written",
    [
        *("", "2026-02-21", "20260229", "20261301", " 20260221", "20260221\n", "２０２６０２２１", "2026022", "today"),
        *("9" * 5000, 0, -20260221, 10**30),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_business_date_that_is_no_date_rejects_the_entry(written: Any) -> None:
    reason = rejection(time_entry(businessDate=written))
    assert reason.startswith("businessDate ")
    assert reason.endswith(" is not a date")
    assert len(reason) < 100


@pytest.mark.parametrize("written", ["20111231", "21600101", 99991231])
def test_a_business_date_out_of_all_reason_rejects_the_entry(written: Any) -> None:
    assert rejection(time_entry(businessDate=written)).startswith(f"businessDate {written} is outside 2012-01-01 to ")


# --- keys of breaks ----------------------------------------------------------------------------------


def test_a_break_is_known_by_its_guid_where_it_has_one() -> None:
    assert keys_of(time_entry_break(guid="a"), time_entry_break(guid="b")) == ["a", "b"]


@pytest.mark.parametrize("absent", [None, ..., ""], ids=["null", "left out", "empty"])
def test_a_break_without_guid_is_known_by_its_kind_and_times(absent: Any) -> None:
    rest = time_entry_break(guid=absent, breakType=ref(guid="rest"))
    assert keys_of(rest) == ["rest/2026-02-21T23:00:00+00:00/2026-02-21T23:10:00+00:00"]


def test_a_missed_break_of_no_kind_has_a_key_too() -> None:
    assert keys_of(time_entry_break(breakType=None, outDate=None)) == ["break/2026-02-21T23:00:00+00:00/"]
    assert keys_of({}, {"breakType": {"guid": None}}) == ["break//", "break//#2"]


def test_the_same_time_written_with_another_offset_gives_the_same_key() -> None:
    here, there = "2026-02-21T23:00:00.000+0000", "2026-02-21T18:00:00-05:00"
    kind = ref(guid="rest")
    assert keys_of(time_entry_break(breakType=kind, inDate=here)) == keys_of(
        time_entry_break(breakType=kind, inDate=there)
    )


def test_breaks_that_differ_have_the_same_keys_in_whatever_order_toast_lists_them() -> None:
    first = time_entry_break(inDate="2026-02-21T22:00:00Z")
    second = time_entry_break(inDate="2026-02-22T02:00:00Z", outDate=None)
    named = time_entry_break(guid="named")
    assert keys_of(first, second, named) == keys_of(named, second, first)[::-1]


def test_breaks_that_do_not_differ_are_numbered() -> None:
    twin = time_entry_break(breakType=ref(guid="rest"))
    (key,) = keys_of(twin)
    assert keys_of(twin, twin, twin) == [key, f"{key}#2", f"{key}#3"]


def test_a_key_made_from_parts_leaves_the_guid_of_another_break_alone() -> None:
    made = time_entry_break(breakType=ref(guid="rest"))
    (key,) = keys_of(made)
    assert keys_of(made, time_entry_break(guid=key)) == [f"{key}#2", key]


def test_a_break_guid_that_stands_twice_rejects_the_entry() -> None:
    twins = [time_entry_break(guid="twin"), time_entry_break(guid="other"), time_entry_break(guid="twin")]
    assert rejection(time_entry(breaks=twins)) == "break twin stands more than once in the time entry"


def test_breaks_without_guid_are_no_twins() -> None:
    assert len(of_breaks(time_entry_break(guid=""), time_entry_break(guid=""), time_entry_break()).breaks) == 3


# --- numbers and times that cannot be ----------------------------------------------------------------

NUMBERS = {
    "regularHours": "regular_hours",
    "overtimeHours": "overtime_hours",
    "hourlyWage": "hourly_wage",
    "declaredCashTips": "declared_cash_tips",
    "nonCashTips": "non_cash_tips",
    "nonCashTipsRoundingLoss": "non_cash_tips_rounding_loss",
    "tipsWithheld": "tips_withheld",
    "cashGratuityServiceCharges": "cash_gratuity",
    "nonCashGratuityServiceCharges": "non_cash_gratuity",
    "cashSales": "cash_sales",
    "nonCashSales": "non_cash_sales",
}


def test_every_number_of_an_entry_is_tried_below() -> None:
    assert set(NUMBERS.values()) == {column.name for column in columns_of(StagedTimeEntry) if column.type == "NUMERIC"}


@pytest.mark.parametrize("number", [Decimal("1E+29"), "NaN", "sNaN", "-Infinity"], ids=str)
@pytest.mark.parametrize(("field", "column"), NUMBERS.items())
def test_a_number_that_no_column_holds_rejects_the_entry(field: str, column: str, number: Any) -> None:
    assert rejection(time_entry(**{field: number})).startswith(f"{column} ")


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"])
@pytest.mark.parametrize(
    ("field", "column"),
    [("inDate", "in_at"), ("outDate", "out_at"), ("createdDate", "created_at"), ("modifiedDate", "entry_modified_at")],
)
def test_a_time_that_is_not_of_our_time_rejects_the_entry(field: str, column: str, written: str) -> None:
    assert rejection(time_entry(**{field: written})).startswith(f"{column} ")
    if field in ("inDate", "outDate"):
        assert rejection(time_entry(breaks=[time_entry_break(**{field: written})])).startswith(f"{column} ")


# --- a reply of entries ------------------------------------------------------------------------------


def flatten_reply(*written: Json) -> tuple[list[StagedTimeEntry], list[tuple[str, str]]]:
    """The lines of a reply's entries, and those that were refused, with the reason."""
    refused: list[tuple[str, str]] = []
    staged = flatten_time_entries(
        decode_time_entries(page(*written)).objects,
        restaurant_guid=RESTAURANT,
        unit="unit",
        rejected=lambda entry, reason: refused.append((entry.guid, reason)),
    )
    return staged, refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"businessDate": None},
        {"regularHours": Decimal("1E+40")},
        {"breaks": [time_entry_break(guid="twin"), time_entry_break(guid="twin")]},
    ],
    ids=["date", "hours", "guid"],
)
def test_an_entry_that_cannot_stand_costs_only_itself(wrong: Json) -> None:
    staged, refused = flatten_reply(time_entry(guid="a"), time_entry(guid="wrong", **wrong), time_entry(guid="b"))
    assert [one.time_entry_guid for one in staged] == ["a", "b"]
    assert [guid for guid, _ in refused] == ["wrong"]


def test_an_empty_reply_is_empty() -> None:
    assert flatten_reply() == ([], [])


@pytest.mark.parametrize("newer_first", [True, False])
def test_of_an_entry_that_is_listed_twice_the_newer_version_stays(newer_first: bool) -> None:
    older = time_entry(guid="e", modifiedDate="2026-02-22T01:00:00Z", regularHours=1)
    newer = time_entry(guid="e", modifiedDate="2026-02-22T02:00:00Z", regularHours=2)
    reply = [newer, older] if newer_first else [older, newer]
    staged, refused = flatten_reply(*reply, time_entry(guid="other"))
    assert [(one.time_entry_guid, one.regular_hours) for one in staged] == [("e", 2), ("other", Decimal("6.5"))]
    assert refused == []


def test_an_older_version_does_not_stand_in_for_a_newer_one_that_cannot_stand() -> None:
    staged, refused = flatten_reply(
        time_entry(guid="e", modifiedDate="2026-02-22T01:00:00Z"),
        time_entry(guid="e", modifiedDate="2026-02-22T02:00:00Z", businessDate=None),
    )
    assert (staged, refused) == ([], [("e", "businessDate is missing")])


# --- any entry ---------------------------------------------------------------------------------------

money = st.none() | st.decimals(-(10**9), 10**9, places=9, allow_nan=False, allow_infinity=False)
flag = st.none() | st.booleans()
instant = st.none() | st.sampled_from(["2026-02-21T22:00:00Z", "2026-02-21T23:00:00.5-05:00", "2026-02-22T02:00:00Z"])
reference = st.none() | st.sampled_from([None, "", "a", "b"]).map(lambda guid: {"guid": guid})


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


breaks = some(
    guid=st.sampled_from([None, ""]),
    breakType=reference,
    inDate=instant,
    outDate=instant,
    paid=flag,
    missed=flag,
    waived=flag,
    auditResponse=flag,
)
entries = some(
    createdDate=instant,
    deletedDate=instant,
    deleted=flag,
    employeeReference=reference,
    shiftReference=reference | st.sampled_from(["a", ""]),
    inDate=instant,
    outDate=instant,
    autoClockedOut=flag,
    breaks=st.none() | st.lists(breaks, max_size=5),
    **dict.fromkeys(NUMBERS, money),
)


@st.composite
def whole_entries(draw: st.DrawFn) -> Json:
    """Any time entry that Toast could send; where a break has a GUID, it is its own."""
    whole = draw(entries) | {"guid": "entry", "businessDate": "20260221", "modifiedDate": "2026-02-22T00:10:00Z"}
    for number, one in enumerate(whole.get("breaks") or []):
        if draw(st.booleans()):
            one["guid"] = f"break {number}"
    return whole


in_its_own_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def any_entry(test: Callable[[Json], None]) -> Callable[[], None]:
    return in_its_own_time(given(whole_entries())(test))


def line_of(staged: StagedTimeEntry) -> Any:
    """The line that goes to BigQuery."""
    return msgspec.json.decode(encode_rows([staged]))


@any_entry
def test_of_any_entry_every_number_is_kept_and_every_break_is_a_row(written: Json) -> None:
    staged = flatten(written)
    assert {column: getattr(staged, column) for column in NUMBERS.values()} == {
        column: written.get(field) for field, column in NUMBERS.items()
    }
    found = written.get("breaks") or []
    flags = {"is_paid": "paid", "is_missed": "missed", "is_waived": "waived", "audit_response": "auditResponse"}
    assert [[getattr(row, column) for column in flags] for row in staged.breaks] == [
        [one.get(field) for field in flags.values()] for one in found
    ]
    times = [one.get(field) for one in found for field in ("inDate", "outDate")]
    assert [time for row in staged.breaks for time in (row.in_at, row.out_at)] == [
        time and dt.datetime.fromisoformat(time) for time in times
    ]


@any_entry
def test_of_any_entry_keys_of_breaks_are_unique_and_the_same_on_every_run(written: Json) -> None:
    staged = flatten(written)
    keys = [row.break_key for row in staged.breaks]
    assert len(set(keys)) == len(keys)
    assert all(keys)
    assert flatten(written) == staged
    turned = flatten(written | {"breaks": (written.get("breaks") or [])[::-1]})
    assert Counter(row.break_key for row in turned.breaks) == Counter(keys)


@any_entry
def test_of_any_entry_the_line_is_one_that_bigquery_takes(written: Json) -> None:
    assert schema_checker.problems(line_of(flatten(written)), columns_of(StagedTimeEntry)) == []


def test_the_line_holds_every_column_of_every_row() -> None:
    line = line_of(flatten(FULL_ENTRY))
    assert schema_checker.problems(line, columns_of(StagedTimeEntry)) == []
    assert set(line) == {*FULL_ROW, "breaks"}
    assert set(line["breaks"][0]) == set(FULL_BREAK)
    assert line["cash_sales"] == "10.1"
    assert line["business_date"] == "2026-02-21"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_entry_changed_anywhere_is_rows_that_bigquery_takes_or_a_rejection(data: st.DataObject) -> None:
    changed, plain = json.loads(
        to_json([time_entry(guid="changed", breaks=[time_entry_break(), time_entry_break(guid="b")]), time_entry()])
    )
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        mutate(data.draw, changed)
    decoded = decode_time_entries(page(changed, plain))
    assert len(decoded) == 2
    refused: dict[str, str] = {}

    def rejected(entry: TimeEntry, reason: str) -> None:
        refused[entry.guid] = reason

    staged = flatten_time_entries(decoded.objects, restaurant_guid=RESTAURANT, unit="unit", rejected=rejected)
    guids = [one.time_entry_guid for one in staged]
    assert plain["guid"] in guids
    assert sorted([*guids, *refused]) == sorted(one.guid for one in decoded.objects)
    assert all(refused.values())
    for one in staged:
        assert schema_checker.problems(line_of(one), columns_of(StagedTimeEntry)) == []
        keys = [row.break_key for row in one.breaks]
        assert len(set(keys)) == len(keys)
