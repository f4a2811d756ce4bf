"""From cash entries and deposits to their rows: every column, signs, and what cannot stand in the warehouse."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import schema_checker
from any_json import mutate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toast_json import RESTAURANT, Json, cash_entry, deposit, page, ref, to_json

from shared.cash_rows import cash_entry_row, cash_entry_rows, deposit_row, deposit_rows
from shared.cash_tables import CASH_TABLES, FACT_CASH_DEPOSITS, FACT_CASH_ENTRIES, CashDepositRow, CashEntryRow
from shared.errors import ObjectRejected
from shared.spool import encode_rows
from shared.tables import Row, Table, columns_of
from shared.toast_cash import decode_cash_entries, decode_deposits

DAY = dt.date(2026, 2, 21)

# Every type that Toast documents, with the sign of its amount.
TYPES = {
    "CASH_IN": 1,
    "CASH_COLLECTED": 1,
    "CASH_OUT": -1,
    "PAY_OUT": -1,
    "UNDO_PAY_OUT": 1,
    "TIP_OUT": -1,
    "NO_SALE": 0,
    "DRIVER_REIMBURSEMENT": -1,
    "CLOSE_OUT_EXACT": 0,
    "CLOSE_OUT_OVERAGE": 1,
    "CLOSE_OUT_SHORTAGE": -1,
}


def entry_of(written: Json) -> CashEntryRow:
    (entry,) = decode_cash_entries(page(written)).objects
    return cash_entry_row(entry, RESTAURANT, DAY)


def deposit_of(written: Json) -> CashDepositRow:
    (one,) = decode_deposits(page(written)).objects
    return deposit_row(one, RESTAURANT, DAY)


def values(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


Refused = list[tuple[str, str]]


def entries_of(*written: Any) -> tuple[list[CashEntryRow], Refused]:
    """The rows of a day's entries, and those that were refused, with the reason."""
    refused: Refused = []
    rows = cash_entry_rows(
        decode_cash_entries(page(*written)).objects,
        restaurant_guid=RESTAURANT,
        business_date=DAY,
        rejected=lambda entry, reason: refused.append((entry.guid, reason)),
    )
    return rows, refused


def deposits_of(*written: Any) -> tuple[list[CashDepositRow], Refused]:
    refused: Refused = []
    rows = deposit_rows(
        decode_deposits(page(*written)).objects,
        restaurant_guid=RESTAURANT,
        business_date=DAY,
        rejected=lambda one, reason: refused.append((one.guid, reason)),
    )
    return rows, refused


# --- every column ------------------------------------------------------------------------------------


def test_every_column_of_an_entry_holds_its_own_field() -> None:
    written = cash_entry(
        guid="entry",
        type="a type",
        amount=-25.01,
        reason="Lemons 🍋",
        date="2026-02-21T23:30:00.250+0000",
        cashDrawer=ref(guid="drawer"),
        payoutReason=ref(guid="payout reason"),
        noSaleReason=ref(guid="no-sale reason"),
        undoes="undone",
        employee1=ref(guid="employee"),
        employee2=ref(guid="approver"),
        creatorOrShiftReviewSubject=ref(guid="creator"),
        approverOrShiftReviewSubject=ref(guid="review approver"),
    )
    assert values(entry_of(written)) == {
        "cash_entry_guid": "entry",
        "restaurant_guid": RESTAURANT,
        "business_date": DAY,
        "entry_type": "a type",
        "amount": Decimal("-25.01"),
        "reason": "Lemons 🍋",
        "entry_at": dt.datetime(2026, 2, 21, 23, 30, 0, 250_000, tzinfo=dt.UTC),
        "cash_drawer_guid": "drawer",
        "payout_reason_guid": "payout reason",
        "no_sale_reason_guid": "no-sale reason",
        "undoes_guid": "undone",
        "employee_guid": "employee",
        "approver_guid": "approver",
        "creator_guid": "creator",
        "review_approver_guid": "review approver",
    }


def test_every_column_of_a_deposit_holds_its_own_field() -> None:
    written = deposit(
        guid="deposit",
        amount=812.4,
        date="2026-02-22T04:10:00.500+0000",
        employee=ref(guid="employee"),
        creator=ref(guid="creator"),
        undoes=ref(guid="undone"),
    )
    assert values(deposit_of(written)) == {
        "deposit_guid": "deposit",
        "restaurant_guid": RESTAURANT,
        "business_date": DAY,
        "amount": Decimal("812.4"),
        "deposit_at": dt.datetime(2026, 2, 22, 4, 10, 0, 500_000, tzinfo=dt.UTC),
        "employee_guid": "employee",
        "creator_guid": "creator",
        "undoes_guid": "undone",
    }


@pytest.mark.parametrize(("entry_type", "sign"), TYPES.items(), ids=TYPES)
def test_an_amount_keeps_the_sign_that_toast_gave_it(entry_type: str, sign: int) -> None:
    row = entry_of(cash_entry(type=entry_type, amount=sign * 12.5))
    assert (row.entry_type, row.amount) == (entry_type, sign * Decimal("12.5"))


def test_a_type_that_toast_adds_tomorrow_is_kept_as_it_is() -> None:
    assert entry_of(cash_entry(type="TIP_JAR")).entry_type == "TIP_JAR"


def test_an_undo_and_what_it_undoes_are_two_rows_that_cancel_out() -> None:
    rows, refused = entries_of(
        cash_entry(guid="paid", type="PAY_OUT", amount=-25),
        cash_entry(guid="undo", type="UNDO_PAY_OUT", amount=25, undoes="paid", reason="Undo Pay Out"),
    )
    assert refused == []
    assert [(row.cash_entry_guid, row.undoes_guid) for row in rows] == [("paid", None), ("undo", "paid")]
    assert sum(row.amount or 0 for row in rows) == 0


@pytest.mark.parametrize(
    "written", [{}, dict.fromkeys(cash_entry()) | dict.fromkeys(deposit())], ids=["absent", "null"]
)
def test_what_toast_leaves_out_is_null(written: Json) -> None:
    always = {"restaurant_guid", "business_date"}
    found = values(entry_of(written | {"guid": "e"}))
    assert {name for name, value in found.items() if value is not None} == {"cash_entry_guid", *always}
    found = values(deposit_of(written | {"guid": "d"}))
    assert {name for name, value in found.items() if value is not None} == {"deposit_guid", *always}


def test_an_entry_is_of_the_day_that_toast_was_asked_for_whenever_it_was_made() -> None:
    assert entry_of(cash_entry(date="2026-02-24T18:00:00.000+0000")).business_date == DAY


# --- what cannot stand -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "column"),
    [
        ({"amount": Decimal("1E+29")}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "sNaN"}, "amount"),
        ({"date": "0001-01-01T00:00:00+14:00"}, "_at"),
    ],
    ids=str,
)
def test_what_no_column_holds_is_rejected_and_costs_only_itself(wrong: Json, column: str) -> None:
    rows, refused = entries_of(cash_entry(guid="a"), cash_entry(guid="wrong", **wrong), cash_entry(guid="b"))
    assert [row.cash_entry_guid for row in rows] == ["a", "b"]
    ((guid, reason),) = refused
    assert guid == "wrong"
    assert column in reason
    found, refused = deposits_of(deposit(guid="a"), deposit(guid="wrong", **wrong), deposit(guid="b"))
    assert [row.deposit_guid for row in found] == ["a", "b"]
    ((guid, reason),) = refused
    assert guid == "wrong"
    assert column in reason
    with pytest.raises(ObjectRejected, match=column):
        entry_of(cash_entry(**wrong))


def test_an_amount_with_more_than_nine_decimals_is_rounded() -> None:
    assert entry_of(cash_entry(amount=Decimal("-0.1234567895"))).amount == Decimal("-0.123456790")
    assert deposit_of(deposit(amount=Decimal("0.1234567895"))).amount == Decimal("0.123456790")


def test_one_listed_twice_is_one_row() -> None:
    written = cash_entry(guid="twice", amount=Decimal("5.00"))
    rows, refused = entries_of(written, cash_entry(guid="other"), written | {"amount": Decimal("5.0")})
    assert [row.cash_entry_guid for row in rows] == ["twice", "other"]
    assert refused == []


def test_of_two_that_share_a_guid_and_differ_the_second_is_rejected() -> None:
    rows, refused = entries_of(cash_entry(guid="twin", amount=1), cash_entry(guid="twin", amount=2))
    assert [row.amount for row in rows] == [1]
    assert refused == [("twin", "twin stands more than once in the day, with different contents")]
    found, refused = deposits_of(deposit(guid="twin", amount=1), deposit(guid="twin", amount=2))
    assert [row.amount for row in found] == [1]
    assert len(refused) == 1


def test_one_that_cannot_stand_does_not_take_its_twin_with_it() -> None:
    rows, refused = entries_of(cash_entry(guid="twin", amount="NaN"), cash_entry(guid="twin", amount=2))
    assert [row.amount for row in rows] == [2]
    assert [guid for guid, _ in refused] == ["twin"]


# --- any entries -------------------------------------------------------------------------------------

in_its_own_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

reference = st.none() | st.sampled_from(["a", "b"]).map(lambda guid: {"guid": guid})
instant = st.none() | st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 12, 31), timezones=st.just(dt.UTC)).map(
    dt.datetime.isoformat
)
money = st.none() | st.decimals(-(10**9), 10**9, places=9, allow_nan=False, allow_infinity=False)
entries = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from([*TYPES, "TIP_JAR", None]),
        "amount": money,
        "reason": st.none() | st.text(max_size=8),
        "date": instant,
        "cashDrawer": reference,
        "undoes": reference | st.sampled_from(["a", ""]),
        "employee1": reference,
    },
)
days = st.lists(entries, max_size=6).map(
    lambda day: [one | {"guid": f"entry {number}"} for number, one in enumerate(day)]
)


def total(amounts: Any) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def lines(rows: list[Any]) -> list[Any]:
    return [msgspec.json.decode(line) for line in encode_rows(rows).splitlines()]


@in_its_own_time
@given(days)
def test_of_any_day_every_entry_is_a_row_and_every_amount_is_conserved(day: list[Json]) -> None:
    rows, refused = entries_of(*day)
    assert refused == []
    assert [row.cash_entry_guid for row in rows] == [one["guid"] for one in day]
    assert total(row.amount for row in rows) == total(one.get("amount") for one in day)
    assert [row.entry_type for row in rows] == [one.get("type") for one in day]
    columns = columns_of(CashEntryRow)
    assert [schema_checker.problems(line, columns) for line in lines(rows)] == [[]] * len(day)
    assert entries_of(*day, *day) == (rows, [])


@pytest.mark.parametrize(
    ("make", "decode", "rows_of", "table"),
    [
        (cash_entry, decode_cash_entries, cash_entry_rows, FACT_CASH_ENTRIES),
        (deposit, decode_deposits, deposit_rows, FACT_CASH_DEPOSITS),
    ],
    ids=["entries", "deposits"],
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_object_changed_anywhere_is_a_row_that_bigquery_takes_or_a_rejection(
    make: Any, decode: Any, rows_of: Any, table: Table, data: st.DataObject
) -> None:
    changed, plain = json.loads(to_json([make(guid="changed"), make(guid="plain")]))
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        mutate(data.draw, changed)
    decoded = decode(page(changed, plain))
    refused: dict[str, str] = {}
    rows = rows_of(
        decoded.objects,
        restaurant_guid=RESTAURANT,
        business_date=DAY,
        rejected=lambda one, reason: refused.update({one.guid: reason}),
    )
    guids = [getattr(row, table.key[0]) for row in rows]
    assert "plain" in guids
    assert sorted([*guids, *refused]) == sorted(one.guid for one in decoded.objects)
    assert len(decoded) == 2
    assert [schema_checker.problems(line, table.data_columns) for line in lines(rows)] == [[]] * len(rows)


@pytest.mark.parametrize("table", CASH_TABLES, ids=lambda table: table.name)
def test_a_line_holds_every_column_of_its_table(table: Table) -> None:
    row: Row
    if table is FACT_CASH_ENTRIES:
        row = entry_of(
            cash_entry(
                noSaleReason=ref(), undoes="undone", employee2=ref(), approverOrShiftReviewSubject=ref(), reason="r"
            )
        )
    else:
        row = deposit_of(deposit(undoes="undone"))
    (line,) = lines([row])
    assert set(line) == {column.name for column in table.data_columns}
    assert schema_checker.problems(line, table.data_columns) == []
