"""Gate 2: clean data passes, and each thing that can be wrong inside is found by its own check, where it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from functions import SimulatorControl
from gate_stack import (
    BROOKLYN,
    DAYS,
    FIRST,
    GUIDS,
    LAST,
    MIDDLE,
    NAMES,
    NOW,
    PHOENIX,
    SOME_DATE,
    GateStack,
    failing,
    is_at,
    only_finding,
)
from google.cloud import bigquery

from backfill.outdate import outdate
from local_stack.processes import simulator_process
from quality.money import PAYMENTS, Money
from quality.toast_again import Answer
from shared.order_tables import ORDER_TABLES

COUNTED = f"{SOME_DATE} AND NOT is_voided AND NOT is_deleted"


@pytest.fixture(scope="module")
def stack(
    emulator: str, warehouse_client: bigquery.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GateStack]:
    folder = tmp_path_factory.mktemp("gates")
    with simulator_process(folder, seed=7, clock=NOW, limits="off", volume=40) as server:
        stack = GateStack(SimulatorControl(server.url), emulator, folder, warehouse_client)
        stack.load()
        yield stack


def a_row(stack: GateStack, table: str, condition: str = "TRUE", columns: str = "*") -> dict[str, Any]:
    return stack.one(f"SELECT {columns} FROM {{d}}.{table} WHERE {SOME_DATE} AND {condition}")


# --- clean data --------------------------------------------------------------------------------------


def test_clean_data_passes_every_check(stack: GateStack) -> None:
    """With all its oddities: voids, refunds, open checks, deferred items, discounts, split payments."""
    report = stack.verify(1, 2, 3)
    assert failing(report) == {}
    assert (report.passed, report.signed_off) == (True, True)
    checks = {outcome.name: outcome for outcome in report.checks}
    assert len(checks) == 13
    assert all(outcome.seconds < 30 for outcome in report.checks)
    (note,) = checks["check amounts"].notes
    (counted,) = stack.rows(
        f"SELECT COUNT(DISTINCT check_guid) AS n FROM {{d}}.fact_discounts WHERE {COUNTED} AND selection_guid IS NULL "
        "AND IFNULL(processing_state, '') != 'VOID' AND discount_amount != 0"
    )
    assert note == f"Discounts on whole checks are in the prices of their items already: {counted['n']} of " + (
        f"{counted['n']} checks."
    )
    assert "Compared: " in checks["sample"].notes[0]


def test_what_was_not_asked_for_is_not_looked_at(stack: GateStack) -> None:
    report = stack.verify(2, sources=("cash",))
    assert {outcome.name: outcome.status for outcome in report.checks} == {
        "keys": "passed",
        "parents": "skipped",
        "check amounts": "skipped",
        "check totals": "skipped",
        "payments": "skipped",
        "ledger": "passed",
        "rejects": "passed",
        "sample": "skipped",
    }
    assert (report.passed, report.signed_off) == (True, False)


# --- keys and parents --------------------------------------------------------------------------------

KEYED = {
    "fact_taxes": "tax_amount != 0",
    "fact_discounts": "selection_guid IS NOT NULL",
    "fact_labor_breaks": "TRUE",
}


@pytest.mark.parametrize("table", KEYED)
def test_a_row_that_is_there_twice_is_found(stack: GateStack, table: str) -> None:
    row = a_row(stack, table, KEYED[table])
    key = "time_entry_guid" if "labor" in table else "order_guid"
    condition = " AND ".join(
        f"{name} = '{row[name]}'"
        for name in ("parent_guid", "tax_key", "discount_guid", "break_key", "business_date", key)
        if name in row
    )
    with stack.copied(table, condition):
        finding = only_finding(stack.verify(2, toast=None), "keys")
    is_at(finding, row["restaurant_guid"], row["business_date"])
    assert finding.table == table
    assert finding.figures == {"keys": 1, "rows": 2, "example": row[key]}
    assert "backfill.outdate --dates" in finding.mend


def test_an_order_under_two_business_dates_is_found(stack: GateStack) -> None:
    row = a_row(stack, "fact_orders", f"business_date = '{FIRST}' AND restaurant_guid = '{PHOENIX}'")
    with stack.copied("fact_orders", f"order_guid = '{row['order_guid']}'", business_date=f"DATE '{LAST}'"):
        found = failing(stack.verify(2, toast=None))
    (finding,) = found["keys"].findings
    is_at(finding, PHOENIX, FIRST, LAST)
    assert "under more than one business date" in finding.what
    assert set(found) <= {"keys", "ledger"}, "an order too many is miscounted too"


ORPHANS = {
    "an item without its check": ("fact_order_items", {"selection_guid": "'x'", "check_guid": "'x'", "depth": "1"}),
    "a payment without its check": ("fact_payments", {"payment_guid": "'x'", "check_guid": "'x'"}),
    "a tax without its check": ("fact_taxes", {"tax_key": "'x'", "check_guid": "'x'"}),
    "a modifier without its item": (
        "fact_order_items",
        {"selection_guid": "'x'", "parent_selection_guid": "'nobody'", "depth": "1"},
    ),
    "a row that an older version left": (
        "fact_discounts",
        {"discount_guid": "'x'", "order_modified_at": "TIMESTAMP '2026-01-01 00:00:00+00'", "selection_guid": "'x'"},
    ),
    "a break without its shift": ("fact_labor_breaks", {"time_entry_guid": "'x'"}),
}


@pytest.mark.parametrize("name", ORPHANS)
def test_a_row_without_the_one_it_belongs_to_is_found(stack: GateStack, name: str) -> None:
    table, columns = ORPHANS[name]
    row = a_row(stack, table, f"business_date = '{MIDDLE}'")
    with stack.copied(table, f"business_date = '{MIDDLE}' AND restaurant_guid = '{row['restaurant_guid']}'", **columns):
        finding = only_finding(stack.verify(2, toast=None), "parents")
    is_at(finding, row["restaurant_guid"], MIDDLE)
    assert (finding.table, finding.figures["rows"]) == (table, 1)


def test_what_a_broken_off_load_left_is_mended_by_loading_the_day(stack: GateStack) -> None:
    day = f"source = 'orders' AND restaurant_guid = '{PHOENIX}' AND business_date = '{MIDDLE}'"
    not_complete = f"UPDATE {{d}}.business_days SET complete = {{}} WHERE {day}"
    now = dt.datetime.now(dt.UTC)
    beat = (
        "INSERT INTO {d}.etl_backfills (backfill_id, beat_at, beat_date, state, functions, restaurants, start_date, "
        f"end_date, units, units_done, units_failed) VALUES ('backfill-z', TIMESTAMP '{now}', '{now.date()}', "
        f"'running', 'orders_daily', '{PHOENIX}', '{FIRST}', '{LAST}', 9, 1, 0)"
    )
    condition = f"business_date = '{MIDDLE}' AND restaurant_guid = '{PHOENIX}'"
    with (
        stack.planted(not_complete.replace("{}", "FALSE"), not_complete.replace("{}", "TRUE")),
        stack.copied("fact_payments", condition, payment_guid="'x'", check_guid="'x'"),
    ):
        finding = only_finding(stack.verify(2, toast=None), "parents")
        with stack.planted(beat, "DELETE FROM {d}.etl_backfills WHERE TRUE"):
            report = stack.verify(2, toast=None)
    assert "not loaded to its end" in finding.what
    assert finding.mend == (
        f"python backfill_all.py run --start-date {MIDDLE} --end-date {MIDDLE} --restaurants {PHOENIX} "
        "--functions orders"
    )
    (parents,) = [one for one in report.checks if one.name == "parents"]
    assert (report.passed, parents.status, parents.total, parents.findings) == (True, "waiting", 0, ())
    assert "being filled by backfill-z" in parents.waiting[0].what


# --- money -------------------------------------------------------------------------------------------


def a_check(stack: GateStack, condition: str = "TRUE") -> dict[str, Any]:
    """A closed check of an order that nobody touched after the close."""
    closed = "NOT is_voided AND NOT is_deleted AND payment_status = 'CLOSED' AND order_modified_at <= closed_at"
    return a_row(stack, "fact_checks", f"{closed} AND {condition}")


MONEY = {
    "check amounts": ("fact_checks", "amount = amount {} 1.25, tax_amount = tax_amount {} -1.25"),
    "check totals": ("fact_checks", "tax_amount = tax_amount {} 0.01"),
    "payments": ("fact_payments", "amount = amount {} 5"),
}


@pytest.mark.parametrize("check", MONEY)
def test_an_amount_that_does_not_add_up_is_found_and_toast_is_asked_for_its_own(stack: GateStack, check: str) -> None:
    table, change = MONEY[check]
    row = a_check(stack, "gratuity_amount = 0")
    where = f"{SOME_DATE} AND check_guid = '{row['check_guid']}'"
    if table == "fact_payments":
        where += f" AND payment_guid = '{a_row(stack, table, where)['payment_guid']}'"
    set_to = f"UPDATE {{d}}.{table} SET {{}} WHERE {where}"
    with stack.planted(set_to.replace("{}", change.format("+", "+")), set_to.replace("{}", change.format("-", "-"))):
        finding = only_finding(stack.verify(2, sample_days=0), check)
        alone = only_finding(stack.verify(2, toast=None), check)
    is_at(finding, row["restaurant_guid"], row["business_date"])
    assert (finding.figures["check_guid"], finding.figures["checks"]) == (row["check_guid"], 1)
    assert finding.figures["toast_total_amount"] == row["total_amount"]
    assert "Toast says: " in finding.what
    assert "Toast was not asked" in alone.what


def test_an_item_that_is_gone_shows_in_the_amount_of_its_check(stack: GateStack) -> None:
    row = a_check(stack, "service_charge_amount > 0 AND gratuity_amount = 0")
    where = f"{SOME_DATE} AND check_guid = '{row['check_guid']}' AND depth = 0 AND NOT is_voided"
    with stack.planted(
        f"UPDATE {{d}}.fact_order_items SET depth = 9 WHERE {where}",
        f"UPDATE {{d}}.fact_order_items SET depth = 0 WHERE {where.replace('depth = 0', 'depth = 9')}",
    ):
        found = failing(stack.verify(2, toast=None))
    assert found["check amounts"].findings[0].figures["items"] == Decimal(0)
    assert set(found) == {"check amounts", "ledger"}, "net sales are short of it too"


def test_a_check_that_does_not_add_up_at_toast_either_is_only_noted(stack: GateStack) -> None:
    """A selection is voided after the check was closed and paid: nothing that a load could mend."""
    row = a_check(stack, f"business_date = '{LAST}'")
    stack.toast.edit(row["restaurant_guid"], row["order_guid"], "drop_selection")
    try:
        stack.toast.clock("2026-02-24T16:00:00Z")
        stack.call("orders_daily")
        report = stack.verify(2)
        assert report.passed, failing(report)
        (payments,) = [outcome for outcome in report.checks if outcome.name == "payments"]
        assert any("not add up at Toast either" in note for note in payments.notes), payments.notes
        (payments,) = [one for one in stack.verify(2, toast=None).checks if one.name == "payments"]
        assert payments.status == "passed"
        assert any("changed after closing" in note for note in payments.notes), payments.notes
    finally:
        stack.toast.clock("2026-02-24T16:00:00Z")


def off(number: int, *, late: bool = False) -> dict[str, Any]:
    """A check whose payments are off, as the warehouse tells of it."""
    place = {
        "restaurant_guid": BROOKLYN,
        "business_date": FIRST,
        "order_guid": f"o{number}",
        "check_guid": f"c{number}",
    }
    return {**place, "amount_off": False, "total_off": False, "payments_off": True, "changed_later": late}


@pytest.mark.parametrize(
    ("verdicts", "asked", "listed", "counted", "failing", "notes"),
    [
        ([], 0, 5, 5, 5, []),
        (["same"] * 3, 3, 5, 9, 0, ["3 checks do not", "not asked about 6 more"]),
        (["same"] * 2, 2, 5, 5, 3, ["2 checks do not"]),
        (["same"] * 3 + ["differs"], 4, 5, 5, 2, ["3 checks do not"]),
        (["same"] * 3 + ["unknown"], 4, 4, 4, 0, ["3 checks do not", "not asked about 1 more"]),
        (["changed", "gone"], 2, 2, 2, 1, ["1 check was changed at Toast"]),
    ],
)
def test_enough_that_are_the_same_at_toast_speak_for_those_that_were_not_asked(
    verdicts: list[Any], asked: int, listed: int, counted: int, failing: int, notes: list[str]
) -> None:
    rows = [off(number) for number in range(listed)]
    answers = {f"c{number}": Answer(verdict) for number, verdict in enumerate(verdicts)}
    judged = Money({"payments_off_count": counted}, rows, answers, sample=3).judge(PAYMENTS)
    assert len(answers) == asked
    assert sum(len(found) for found in judged.failing.values()) + judged.unlisted == failing
    assert len(judged.notes) == len(notes)
    assert all(words in note for words, note in zip(notes, judged.notes, strict=True)), judged.notes


def test_a_later_change_explains_payments_that_toast_was_not_asked_about() -> None:
    rows = [off(1), off(2, late=True)]
    judged = Money({"payments_off_count": 7}, rows, {}, sample=3).judge(PAYMENTS)
    assert [row["check_guid"] for row in judged.failing[BROOKLYN, FIRST]] == ["c1"]
    assert judged.unlisted == 0
    assert judged.notes[0].startswith("6 closed checks were changed after closing")


# --- what was written down ---------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["orders", "cash", "labor"])
def test_a_day_whose_count_is_not_that_of_its_table_is_found(stack: GateStack, source: str) -> None:
    where = f"source = '{source}' AND restaurant_guid = '{PHOENIX}' AND business_date = '{MIDDLE}'"
    set_to = f"UPDATE {{d}}.business_days SET row_count = row_count {{}} 1 WHERE {where}"
    with stack.planted(set_to.replace("{}", "+"), set_to.replace("{}", "-")):
        finding = only_finding(stack.verify(2, toast=None), "ledger")
    is_at(finding, PHOENIX, MIDDLE)
    assert finding.functions == (source,)
    assert finding.figures["told_rows"] == finding.figures["held_rows"] + 1  # type: ignore[operator]
    assert finding.mend == (f"python backfill_all.py run --dates {MIDDLE} --restaurants {PHOENIX} --functions {source}")


def test_sales_that_are_not_those_of_the_tables_are_found(stack: GateStack) -> None:
    where = f"source = 'orders' AND restaurant_guid = '{BROOKLYN}' AND business_date = '{FIRST}'"
    set_to = f"UPDATE {{d}}.business_days SET net_sales = net_sales {{}} 0.01 WHERE {where}"
    with stack.planted(set_to.replace("{}", "+"), set_to.replace("{}", "-")):
        finding = only_finding(stack.verify(2, toast=None), "ledger")
    is_at(finding, BROOKLYN, FIRST)
    assert "net sales" in finding.what


def reject(stack: GateStack, run_id: str, guid: str) -> str:
    return (
        "INSERT INTO {d}.etl_rejects (run_id, object_guid, source, restaurant_guid, business_date, run_date, reason, "
        f"payload) VALUES ('{run_id}', '{guid}', 'orders', '{BROOKLYN}', '{MIDDLE}', '2026-02-24', 'amount: not a "
        "number', '{}')"
    )


def test_an_object_that_could_not_be_read_is_found_until_it_is_loaded(stack: GateStack) -> None:
    where = f"source = 'orders' AND restaurant_guid = '{BROOKLYN}' AND business_date = '{MIDDLE}'"
    run_id = a_row(stack, "business_days", f"{where} AND mode = 'business_date'")["run_id"]
    rejected = f"UPDATE {{d}}.business_days SET rejects = {{}} WHERE {where} AND run_id = '{run_id}'"
    plant = [rejected.replace("{}", "1"), reject(stack, run_id, "unreadable")]
    undo = [rejected.replace("{}", "0"), f"DELETE FROM {{d}}.etl_rejects WHERE run_id = '{run_id}'"]
    with stack.planted(plant, undo):
        finding = only_finding(stack.verify(2, toast=None), "rejects")
        is_at(finding, BROOKLYN, MIDDLE)
        assert finding.figures == {
            "rejects": 1,
            "object_guid": "unreadable",
            "reason": "amount: not a number",
            "run_id": run_id,
        }
        later = "TIMESTAMP '2026-02-25 00:00:00+00'"
        stray = f"business_date = '{MIDDLE}' AND restaurant_guid = '{BROOKLYN}' AND is_voided = is_voided"
        with stack.copied("fact_orders", stray, order_guid="'unreadable'", _loaded_at=later, is_voided="TRUE"):
            assert failing(stack.verify(2, toast=None)) == {}, "it was loaded since"


# --- Toast says the same -----------------------------------------------------------------------------


def test_what_no_rule_shows_shows_when_toast_is_asked_again(stack: GateStack) -> None:
    row = a_row(stack, "fact_taxes", f"business_date = '{LAST}' AND tax_amount > 0")
    where = f"{SOME_DATE} AND order_guid = '{row['order_guid']}' AND parent_guid = '{row['parent_guid']}'"
    where += f" AND tax_key = '{row['tax_key']}'"
    set_to = f"UPDATE {{d}}.fact_taxes SET tax_amount = tax_amount {{}} 0.01 WHERE {where}"
    with stack.planted(set_to.replace("{}", "+"), set_to.replace("{}", "-")):
        finding = only_finding(stack.verify(2, sample_days=40), "sample")
    is_at(finding, row["restaurant_guid"], LAST)
    assert f"order {row['order_guid']} has" in finding.what
    assert "fact_taxes" in finding.what


def test_an_order_that_toast_does_not_have_and_one_that_is_not_loaded_are_found(stack: GateStack) -> None:
    row = a_row(stack, "fact_orders", f"business_date = '{FIRST}' AND restaurant_guid = '{BROOKLYN}'")
    renamed = f"UPDATE {{d}}.{{table}} SET order_guid = '{{new}}' WHERE {SOME_DATE} AND order_guid = '{{old}}'"
    there, back = row["order_guid"], "00000000-0000-4000-8000-000000000000"
    with stack.planted(
        [renamed.format(d="{d}", table=table.name, old=there, new=back) for table in ORDER_TABLES],
        [renamed.format(d="{d}", table=table.name, old=back, new=there) for table in ORDER_TABLES],
    ):
        finding = only_finding(stack.verify(2, sample_days=40), "sample")
    is_at(finding, BROOKLYN, FIRST)
    assert f"order {there} is not in the warehouse" in finding.what
    assert f"order {back} is not at Toast" in finding.what


def test_a_change_that_came_after_the_load_is_no_fault_and_one_that_was_overlooked_is(stack: GateStack) -> None:
    row = a_check(stack, f"business_date = '{FIRST}' AND restaurant_guid = '{PHOENIX}'")
    stack.toast.clock("2026-02-24T17:00:00Z")
    stack.toast.edit(PHOENIX, row["order_guid"], "tip")
    assert stack.verify(2, sample_days=40).passed
    where = f"source = 'orders' AND restaurant_guid = '{PHOENIX}' AND business_date = '{FIRST}'"
    moved = f"UPDATE {{d}}.business_days SET read_at = TIMESTAMP_ADD(read_at, INTERVAL {{}} HOUR) WHERE {where}"
    with stack.planted(moved.replace("{}", "48"), moved.replace("{}", "-48")):
        finding = only_finding(stack.verify(2, sample_days=40), "sample")
    is_at(finding, PHOENIX, FIRST)
    assert "which is not loaded" in finding.what
    assert "outdate" not in finding.mend, "reading the day again is enough"
    stack.call("orders_daily", restaurant_guid=PHOENIX, start_date=FIRST, end_date=FIRST)
    assert stack.verify(2, sample_days=40).passed


# --- what is mended ----------------------------------------------------------------------------------


def test_rows_that_are_wrong_in_themselves_are_replaced_once_they_are_outdated(stack: GateStack) -> None:
    """An amount that is wrong, and a child that is gone; the rows stay there meanwhile."""
    wrong = a_check(stack, f"business_date = '{MIDDLE}' AND restaurant_guid = '{PHOENIX}' AND gratuity_amount = 0")
    before = stack.rows(f"SELECT COUNT(*) AS n, SUM(total_amount) AS total FROM {{d}}.fact_checks WHERE {SOME_DATE}")
    stack.rows(f"UPDATE {{d}}.fact_checks SET amount = 0 WHERE {SOME_DATE} AND check_guid = '{wrong['check_guid']}'")
    stack.rows(f"DELETE FROM {{d}}.fact_payments WHERE {SOME_DATE} AND check_guid = '{wrong['check_guid']}'")
    day = {"restaurant_guid": PHOENIX, "start_date": MIDDLE, "end_date": MIDDLE}
    stack.call("orders_daily", **day)
    assert set(failing(stack.verify(2, toast=None))) == {"check amounts", "check totals", "payments"}
    rows = outdate(stack.warehouse, "orders", [PHOENIX], [MIDDLE])
    assert rows["business_days"] >= 1
    of_that_day = f"business_date = '{MIDDLE}' AND restaurant_guid = '{PHOENIX}'"
    (held,) = stack.rows(f"SELECT COUNT(*) AS n FROM {{d}}.fact_checks WHERE {of_that_day}")
    assert rows["fact_checks"] == held["n"] > 10
    coverage = only_finding(stack.verify(1), "coverage")
    is_at(coverage, PHOENIX, MIDDLE)
    assert "provisional" in coverage.what
    stack.call("orders_daily", **day)
    assert stack.verify(1, 2, sample_days=40).passed
    after = stack.rows(f"SELECT COUNT(*) AS n, SUM(total_amount) AS total FROM {{d}}.fact_checks WHERE {SOME_DATE}")
    assert after == before


def test_a_cash_day_that_is_wrong_is_mended_by_reading_it_again(stack: GateStack) -> None:
    row = a_row(stack, "fact_cash_entries", f"business_date = '{MIDDLE}'")
    stack.rows(
        f"DELETE FROM {{d}}.fact_cash_entries WHERE {SOME_DATE} AND cash_entry_guid = '{row['cash_entry_guid']}'"
    )
    finding = only_finding(stack.verify(2, toast=None), "ledger")
    assert finding.functions == ("cash",)
    stack.call("cash_daily", restaurant_guid=row["restaurant_guid"], start_date=MIDDLE, end_date=MIDDLE)
    assert stack.verify(2, toast=None).passed


def test_a_time_entry_that_moved_to_another_day_leaves_both_days_counted_right(stack: GateStack) -> None:
    """The day that it left is not among those that Toast tells of."""
    row = a_row(stack, "fact_labor_shifts", f"business_date = '{LAST}' AND NOT is_deleted")
    stack.toast.clock("2026-02-24T18:00:00Z")
    stack.toast.edit_time_entry(
        row["restaurant_guid"], row["time_entry_guid"], "move_business_date", business_date=FIRST
    )
    stack.toast.clock("2026-02-24T18:30:00Z")
    stack.call("labor_daily")
    moved = stack.rows(
        f"SELECT business_date FROM {{d}}.fact_labor_shifts WHERE {SOME_DATE} "
        f"AND time_entry_guid = '{row['time_entry_guid']}'"
    )
    assert moved == [{"business_date": FIRST}]
    report = stack.verify(1, 2, toast=None)
    assert report.passed, failing(report)


def test_days_and_restaurants_that_are_not_asked_for_are_not_looked_at(stack: GateStack) -> None:
    assert {location.restaurant.guid for location in stack.locations} == set(GUIDS) <= set(NAMES)
    where = f"source = 'orders' AND restaurant_guid = '{PHOENIX}' AND business_date = '{MIDDLE}'"
    set_to = f"UPDATE {{d}}.business_days SET row_count = row_count {{}} 1 WHERE {where}"
    (brooklyn, phoenix) = stack.locations
    day = dt.timedelta(days=1)
    with stack.planted(set_to.replace("{}", "+"), set_to.replace("{}", "-")):
        assert stack.verify(2, toast=None, restaurants=[brooklyn]).passed
        assert stack.verify(2, toast=None, end_date=MIDDLE - day).passed
        assert stack.verify(2, toast=None, start_date=MIDDLE + day).passed
        assert not stack.verify(2, toast=None, restaurants=[phoenix], start_date=DAYS[0]).passed
