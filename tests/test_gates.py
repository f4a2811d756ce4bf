"""Gates 0, 1 and 3, and what the gates say: coverage, readiness, what comes before a load, and the report."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from functions import SimulatorControl
from gate_stack import (
    BROOKLYN,
    CONFIGURED,
    FIRST,
    GUIDS,
    LAST,
    MIDDLE,
    NOW,
    PHOENIX,
    SOME_DATE,
    GateStack,
    failing,
    is_at,
    only_finding,
)
from google.cloud import bigquery
from rich.console import Console

from history.spans import Span
from history.units import Location
from local_stack.processes import simulator_process
from quality.findings import Report
from quality.gates import CHECKS, GATES, run_gates
from quality.references import REFERENCES, tables_with_references
from quality.report import print_report
from quality.thresholds import suggestions
from shared.bigquery_utils import Warehouse
from shared.config import Restaurant
from shared.dimension_tables import DIMENSIONS
from shared.errors import ConfigurationError
from shared.run_tables import ETL_REJECTS
from shared.secrets_utils import Credentials
from shared.toast_client import ToastClient

DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def stack(
    emulator: str, warehouse_client: bigquery.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GateStack]:
    folder = tmp_path_factory.mktemp("gates")
    with simulator_process(folder, seed=7, clock=NOW, limits="off", volume=12) as server:
        stack = GateStack(SimulatorControl(server.url), emulator, folder, warehouse_client)
        stack.load()
        yield stack


# --- gate 1 ------------------------------------------------------------------------------------------


def day_of(source: str, guid: str, *dates: dt.date) -> str:
    listed = ", ".join(f"'{date}'" for date in dates)
    return f"source = '{source}' AND restaurant_guid = '{guid}' AND business_date IN ({listed})"


def test_days_that_were_never_loaded_are_told_as_a_range_with_the_run_that_fills_it(stack: GateStack) -> None:
    report = stack.verify(1, start_date=FIRST - 3 * DAY)
    (coverage,) = report.checks
    assert (report.passed, coverage.status, coverage.total) == (False, "failed", 2 * 3 * 3)
    assert {finding.restaurant_guid for finding in coverage.findings} == set(GUIDS)
    for finding in coverage.findings:
        is_at(finding, str(finding.restaurant_guid), FIRST - 3 * DAY, FIRST - DAY)
        assert finding.what == "3 business dates never loaded."
        assert finding.functions == ("orders", "cash", "labor")
        assert finding.mend == (
            f"python backfill_all.py run --start-date {FIRST - 3 * DAY} --end-date {FIRST - DAY} "
            f"--restaurants {finding.restaurant_guid} --functions orders,cash,labor"
        )
    assert coverage.mend == (
        f"python backfill_all.py run --start-date {FIRST - 3 * DAY} --end-date {FIRST - DAY} "
        "--functions orders,cash,labor"
    )


def test_what_mends_is_told_for_the_place_that_was_verified(stack: GateStack) -> None:
    (coverage,) = stack.verify(1, start_date=FIRST - DAY, place="--target http").checks
    for mend in (coverage.mend, *(finding.mend for finding in coverage.findings)):
        assert mend is not None
        assert mend.endswith("--functions orders,cash,labor --target http")


def test_a_hole_and_a_day_that_was_read_too_early_are_told_apart(stack: GateStack) -> None:
    hole, early = day_of("cash", BROOKLYN, MIDDLE), day_of("orders", PHOENIX, LAST)
    kept = "{d}.kept_days"
    with stack.planted(
        [
            f"CREATE TABLE {kept} AS SELECT * FROM {{d}}.business_days WHERE ({hole}) OR ({early})",
            f"DELETE FROM {{d}}.business_days WHERE {hole}",
            "UPDATE {d}.business_days SET complete = FALSE, status = 'provisional', reason = 'nightly_close_pending' "
            f"WHERE {early}",
        ],
        [
            f"DELETE FROM {{d}}.business_days WHERE ({hole}) OR ({early})",
            f"INSERT INTO {{d}}.business_days SELECT * FROM {kept}",
            f"DROP TABLE {kept}",
        ],
    ):
        (coverage,) = stack.verify(1).checks
    missing, provisional = sorted(coverage.findings, key=lambda finding: finding.what)
    assert coverage.total == 2
    is_at(missing, BROOKLYN, MIDDLE)
    assert missing.what == "1 business date never loaded."
    assert missing.functions == ("cash",)
    is_at(provisional, PHOENIX, LAST)
    assert provisional.what == "1 business date provisional: read before its nightly close."
    assert provisional.functions == ("orders",)
    assert stack.verify(1).passed


def test_what_a_running_backfill_is_filling_waits_for_it(stack: GateStack) -> None:
    now = dt.datetime.now(dt.UTC)
    beat = (
        "INSERT INTO {d}.etl_backfills (backfill_id, beat_at, beat_date, state, functions, restaurants, start_date, "
        "end_date, units, units_done, units_failed) VALUES ('backfill-x', TIMESTAMP '%s', '%s', '%s', "
        f"'orders_daily,cash_daily', '{PHOENIX}', '{FIRST - 2 * DAY}', '{FIRST - DAY}', 9, 1, 0)"
    )
    gone = "DELETE FROM {d}.etl_backfills WHERE TRUE"

    def verify(age: dt.timedelta, state: str = "running", **changes: Any) -> Report:
        moment = now - age
        with stack.planted(beat % (moment, moment.date(), state), gone):
            return stack.verify(1, start_date=FIRST - 3 * DAY, **changes)

    (coverage,) = verify(dt.timedelta(minutes=5)).checks
    assert coverage.total == 18 - 2 * 2
    (waiting,) = coverage.waiting
    assert (waiting.restaurant_guid, waiting.functions) == (PHOENIX, ("orders", "cash"))
    assert (waiting.start_date, waiting.end_date) == (FIRST - 2 * DAY, FIRST - DAY)
    assert "being filled by backfill-x" in waiting.what
    for report in (
        verify(dt.timedelta(minutes=20)),
        verify(dt.timedelta(minutes=5), "done"),
        verify(dt.timedelta(minutes=5), backfill_id="backfill-x"),
    ):
        assert report.checks[0].waiting == ()
        assert report.checks[0].total == 18


def test_all_that_is_wrong_being_filled_is_no_failure_and_no_signature(stack: GateStack) -> None:
    now = dt.datetime.now(dt.UTC)
    beat = (
        "INSERT INTO {d}.etl_backfills (backfill_id, beat_at, beat_date, state, functions, restaurants, start_date, "
        f"end_date, units, units_done, units_failed) VALUES ('backfill-y', TIMESTAMP '{now}', '{now.date()}', "
        f"'running', 'orders_daily,cash_daily,labor_daily', '{','.join(GUIDS)}', '{FIRST - DAY}', '{LAST}', 9, 1, 0)"
    )
    with stack.planted(beat, "DELETE FROM {d}.etl_backfills WHERE TRUE"):
        report = stack.verify(1, start_date=FIRST - DAY)
    assert (report.passed, report.signed_off, report.checks[0].status) == (True, False, "waiting")
    assert "being filled" in printed(report)


def test_days_that_cannot_be_final_yet_are_not_missing(stack: GateStack) -> None:
    """Toast's clock stands on the 24th: the 23rd is over, the 24th is not."""
    report = stack.verify(1, start_date=LAST, end_date=LAST + 2 * DAY)
    (coverage,) = report.checks
    assert {(finding.start_date, finding.end_date) for finding in coverage.findings} == {(LAST + DAY, LAST + DAY)}
    assert coverage.notes == (
        f"1 of the business dates asked for, after {LAST + DAY}, cannot be final yet at 2 restaurants: not counted.",
    )


def test_dates_that_were_not_asked_for_may_be_missing_and_none_at_all_proves_nothing(stack: GateStack) -> None:
    days = [Span(FIRST, FIRST), Span(LAST, LAST)]
    hole = day_of("cash", BROOKLYN, MIDDLE)
    taken_back = f"UPDATE {{d}}.business_days SET complete = {{}} WHERE {hole}"
    with stack.planted(taken_back.replace("{}", "FALSE"), taken_back.replace("{}", "TRUE")):
        assert stack.verify(1, spans=days).passed
        assert not stack.verify(1).passed
    later = {"start_date": LAST + 9 * DAY, "end_date": LAST + 12 * DAY}
    assert "can be final yet" in only_finding(stack.verify(1, **later), "coverage").what


def test_history_begins_with_the_first_business_date_and_nobody_guesses_it(stack: GateStack) -> None:
    restaurant = stack.tenant.restaurants[0]
    late = [msgspec.structs.replace(one, first_business_date=MIDDLE) for one in stack.locations]
    assert stack.verify(1, restaurants=late, start_date=None).passed
    unknown = [Location(restaurant, stack.locations[0].hours, None)]
    finding = only_finding(stack.verify(1, restaurants=unknown, start_date=None), "coverage")
    assert "when its history begins" in finding.what
    assert restaurant.guid in finding.mend


# --- gate 3 ------------------------------------------------------------------------------------------


def test_configuration_that_was_not_read_for_more_than_a_week_is_found(stack: GateStack) -> None:
    where = f"`function` = 'config_weekly' AND restaurant_guid = '{PHOENIX}'"
    moved = f"UPDATE {{d}}.etl_runs SET finished_at = TIMESTAMP_ADD(finished_at, INTERVAL {{}} HOUR) WHERE {where}"
    for hours, fails in ((190, False), (193, True)):
        with stack.planted(moved.replace("{}", f"-{hours}"), moved.replace("{}", str(hours))):
            assert ("dimensions" in failing(stack.verify(3))) is fails, hours
    assert "dimensions" in failing(stack.verify(3, now=stack.toast.now() + 9 * DAY))


def test_a_guid_that_no_dimension_knows_is_found_on_orders_after_the_first_configuration(stack: GateStack) -> None:
    for condition, is_found in (("opened_at > '{}'", True), ("opened_at < '{}'", False)):
        late = condition.format(CONFIGURED)
        row = stack.one(f"SELECT * FROM {{d}}.fact_order_items WHERE {SOME_DATE} AND {late}")
        where = f"{SOME_DATE} AND selection_guid = '{row['selection_guid']}'"
        undo = f"UPDATE {{d}}.fact_order_items SET menu_item_guid = '{row['menu_item_guid']}' WHERE {where}"
        with stack.planted(f"UPDATE {{d}}.fact_order_items SET menu_item_guid = 'nobody' WHERE {where}", undo):
            report = stack.verify(3)
        if not is_found:
            assert report.passed
            continue
        finding = only_finding(report, "references")
        is_at(finding, row["restaurant_guid"], row["business_date"])
        assert finding.table == "fact_order_items"
        assert finding.figures["dimension"] == "dim_menu_items"
        assert finding.figures["guid"] == "nobody"
        assert "does not name it at Toast" in finding.what
        assert "backfill.outdate" in finding.mend


def test_a_guid_that_is_new_since_the_configuration_was_read_asks_for_it(stack: GateStack) -> None:
    row = stack.one(f"SELECT * FROM {{d}}.fact_orders WHERE {SOME_DATE} AND opened_at > '{CONFIGURED}'")
    known = f"restaurant_guid = '{row['restaurant_guid']}' AND guid = '{row['dining_option_guid']}'"
    runs = f"`function` = 'config_weekly' AND finished_at > '{CONFIGURED}'"
    kept = "{d}.kept_rows"
    with stack.planted(
        [
            f"CREATE TABLE {kept} AS SELECT * FROM {{d}}.dim_dining_options WHERE {known}",
            f"DELETE FROM {{d}}.dim_dining_options WHERE {known}",
            f"UPDATE {{d}}.etl_runs SET status = 'kept' WHERE {runs}",
        ],
        [
            f"INSERT INTO {{d}}.dim_dining_options SELECT * FROM {kept}",
            f"DROP TABLE {kept}",
            "UPDATE {d}.etl_runs SET status = 'success' WHERE status = 'kept'",
        ],
    ):
        report = stack.verify(3)
    finding = failing(report)["references"].findings[0]
    assert finding.figures["guid"] == row["dining_option_guid"]
    assert "not read since" in finding.what
    assert "CONFIG_WEEKLY_URL" in finding.mend


def test_what_orders_name_and_toast_lists_no_more_is_noted(stack: GateStack) -> None:
    """Nothing can resolve it: the order says it, and the configuration of later does not."""
    row = stack.one(f"SELECT * FROM {{d}}.fact_orders WHERE {SOME_DATE} AND opened_at > '{CONFIGURED}'")
    known = f"restaurant_guid = '{row['restaurant_guid']}' AND guid = '{row['dining_option_guid']}'"
    kept = "{d}.kept_rows"
    with stack.planted(
        [
            f"CREATE TABLE {kept} AS SELECT * FROM {{d}}.dim_dining_options WHERE {known}",
            f"DELETE FROM {{d}}.dim_dining_options WHERE {known}",
        ],
        [f"INSERT INTO {{d}}.dim_dining_options SELECT * FROM {kept}", f"DROP TABLE {kept}"],
    ):
        report = stack.verify(3)
        alone = stack.verify(3, toast=None)
    assert report.passed
    (references,) = [one for one in report.checks if one.name == "references"]
    assert row["dining_option_guid"] in references.notes[0]
    told = {finding.figures["guid"]: finding.what for finding in failing(alone)["references"].findings}
    assert "Toast was not asked" in told[row["dining_option_guid"]]


@pytest.mark.parametrize("function", ["orders_daily", "cash_daily", "labor_daily"])
def test_a_function_that_did_not_succeed_for_a_day_is_found(stack: GateStack, function: str) -> None:
    where = f"`function` = '{function}' AND restaurant_guid = '{BROOKLYN}'"
    moved = f"UPDATE {{d}}.etl_runs SET finished_at = TIMESTAMP_ADD(finished_at, INTERVAL {{}} HOUR) WHERE {where}"
    with stack.planted(moved.replace("{}", "-27"), moved.replace("{}", "27")):
        finding = only_finding(stack.verify(3), "freshness")
    assert (finding.restaurant_guid, finding.functions) == (BROOKLYN, (function.removesuffix("_daily"),))
    assert "27 hours ago" in finding.what
    assert BROOKLYN in finding.mend


def run_row(run_id: str, status: str, mode: str, finished: str, error: str = "NULL") -> str:
    return (
        "INSERT INTO {d}.etl_runs (run_id, restaurant_guid, run_date, `function`, status, mode, start_date, end_date, "
        "started_at, finished_at, pages, requests, rejects, extracted, inserted, updated, error) VALUES "
        f"('{run_id}', '{PHOENIX}', '2026-02-24', 'orders_daily', '{status}', '{mode}', '{FIRST}', '{LAST}', "
        f"'{finished}', '{finished}', 1, 1, 0, 0, 0, 0, {error})"
    )


def test_a_failure_is_open_until_a_later_run_makes_it_good(stack: GateStack) -> None:
    gone = "DELETE FROM {d}.etl_runs WHERE run_id LIKE 'planted%'"
    failed = run_row("planted-1", "failed", "modified", "2026-02-24T16:00:00Z", "'Toast refused: no scope'")
    with stack.planted(failed, gone):
        finding = only_finding(stack.verify(3), "failures")
        is_at(finding, PHOENIX, FIRST, LAST)
        assert "planted-1" in finding.what
        assert "no scope" in finding.what
        with stack.planted(run_row("planted-2", "success", "business_date", "2026-02-24T16:30:00Z"), []):
            only_finding(stack.verify(3), "failures")  # a backfill does not make up for following the changes
        with stack.planted(run_row("planted-3", "success", "modified", "2026-02-24T16:40:00Z"), []):
            assert failing(stack.verify(3)) == {}


def test_a_unit_of_a_backfill_that_failed_is_open_while_its_days_are_missing(stack: GateStack) -> None:
    start = FIRST - 2 * DAY
    unit = (
        "INSERT INTO {d}.etl_backfill_units (backfill_id, `function`, restaurant_guid, start_date, end_date, ended_at, "
        "ended_date, state, attempts, seconds, pages, `rows`, error) VALUES ('b', 'orders_daily', "
        f"'{BROOKLYN}', '{start}', '{FIRST}', '2026-02-24T12:00:00Z', '2026-02-24', 'failed', 3, 1.5, 0, 0, "
        "'gateway timeout')"
    )
    gone = "DELETE FROM {d}.etl_backfill_units WHERE TRUE"
    with stack.planted(unit, gone):
        finding = only_finding(stack.verify(3, start_date=FIRST - 5 * DAY), "failures")
        is_at(finding, BROOKLYN, start, FIRST - DAY)
        assert "gateway timeout" in finding.what
        assert "--failed" in finding.mend
        assert stack.verify(3).passed, "its missing days are not those asked for"


# --- gate 0 ------------------------------------------------------------------------------------------


def test_before_a_load_everything_is_tried(stack: GateStack) -> None:
    asked: list[Any] = []

    def trial(source: str, location: Location, date: dt.date) -> str | None:
        asked.append((source, location.restaurant.guid, date))
        stack.call(f"{source}_daily", restaurant_guid=location.restaurant.guid, start_date=date, end_date=date)
        return None

    report = stack.verify(0, trial=trial)
    assert failing(report) == {}
    assert report.signed_off
    assert asked == [(source, BROOKLYN, LAST) for source in ("orders", "cash", "labor")]
    assert {outcome.name for outcome in stack.verify(0, toast=None).checks if outcome.status == "skipped"} == {
        "credentials",
        "restaurants",
        "configuration",
        "scopes",
        "trial",
    }


def test_a_trial_that_fails_says_why(stack: GateStack) -> None:
    report = stack.verify(
        0, trial=lambda source, location, date: "503: the function is not deployed", sources=("cash",)
    )
    finding = only_finding(report, "trial")
    is_at(finding, BROOKLYN, LAST)
    assert "not deployed" in finding.what


def test_credentials_that_are_missing_or_wrong_are_found(stack: GateStack) -> None:
    def missing() -> ToastClient:
        raise ConfigurationError("No Toast credentials: set TOAST_CLIENT_ID")

    wrong = ToastClient(stack.toast.url, Credentials("simulator", "wrong", source="a test"))
    for toast, words in ((missing, "set TOAST_CLIENT_ID"), (lambda: wrong, "401")):
        found = failing(stack.verify(0, toast=toast, trial=None))
        assert words in found["credentials"].findings[0].what
        assert "verify --gate 0" in found["credentials"].findings[0].mend


def test_a_restaurant_that_toast_does_not_know_and_one_that_trades_otherwise_are_found(stack: GateStack) -> None:
    known = stack.locations[0]
    stranger = msgspec.structs.replace(
        known,
        restaurant=Restaurant(guid="00000000-0000-4000-8000-000000000000", name="Nobody's", tenant="purpose"),
    )
    elsewhere = msgspec.structs.replace(
        known, restaurant=msgspec.structs.replace(known.restaurant, timezone="Asia/Tokyo", closeout_hour=7)
    )
    found = failing(stack.verify(0, restaurants=[stranger, elsewhere]))
    (finding,) = found["restaurants"].findings
    assert finding.restaurant_name == "Nobody's"
    assert "restaurants.toml" in finding.mend or "connect" in finding.mend
    assert {
        next(word for word in ("timezone", "closeout_hour") if word in one.what)
        for one in found["configuration"].findings
    } == {
        "timezone",
        "closeout_hour",
    }
    assert "Asia/Tokyo" in found["configuration"].findings[0].what


def test_a_scope_that_is_missing_is_named(stack: GateStack) -> None:
    stack.toast.fault("forbidden", path="/cashmgmt", times=2)
    try:
        found = failing(stack.verify(0))
    finally:
        stack.toast.no_faults()
    assert list(found) == ["scopes"]
    assert {"cashmgmt:read" in finding.mend for finding in found["scopes"].findings} == {True}


def test_a_table_that_is_not_as_it_is_defined_is_found(stack: GateStack, warehouse_client: bigquery.Client) -> None:
    name = f"gates_tables_{time.time_ns()}"
    warehouse_client.create_dataset(name)
    table = bigquery.Table(f"{warehouse_client.project}.{name}.{ETL_REJECTS.name}")
    table.schema = [
        bigquery.SchemaField(column.name, "INT64" if column.name == "payload" else column.type)
        for column in ETL_REJECTS.columns
    ]
    table.time_partitioning = bigquery.TimePartitioning(field="business_date")
    warehouse_client.create_table(table)
    try:
        warehouse = Warehouse(warehouse_client, name, "US", host="emulator")
        found = failing(stack.verify(0, warehouse=warehouse, toast=None))
    finally:
        warehouse_client.delete_dataset(name, delete_contents=True)
    assert list(found) == ["tables"]
    assert {finding.table for finding in found["tables"].findings} == {ETL_REJECTS.name}, "the others were created"
    whats = " ".join(finding.what for finding in found["tables"].findings)
    assert "Column payload is INT64, and should be STRING." in whats
    assert "partitioned by business_date, not by run_date" in whats
    assert "clustered by nothing" in whats


# --- the report --------------------------------------------------------------------------------------


def printed(report: Report, width: int = 100) -> str:
    out = io.StringIO()
    print_report(report, Console(file=out, width=width))
    return out.getvalue()


def test_the_report_is_printed_with_commands_in_one_piece_and_all_of_it_is_json(stack: GateStack) -> None:
    days = [msgspec.structs.replace(one, first_business_date=None) for one in stack.locations]
    many = [
        msgspec.structs.replace(days[0], restaurant=msgspec.structs.replace(days[0].restaurant, guid=f"g{n}"))
        for n in range(9)
    ]
    report = stack.verify(1, 3, restaurants=[*stack.locations, *many], start_date=FIRST - DAY)
    text = printed(report)
    (coverage,) = [one for one in report.checks if one.name == "coverage"]
    assert len(coverage.findings) == 11
    assert coverage.findings[0].mend in text
    assert "… and 6 more findings: --json has them all." in text
    assert "Not signed off" in text
    assert f"Begin with: {coverage.mend}" in text
    assert GATES[1] in text
    assert GATES[2] not in text
    decoded = json.loads(report.to_json())
    assert (decoded["passed"], decoded["tenant"], decoded["start_date"]) == (False, "purpose", str(FIRST - DAY))
    assert [len(one["findings"]) for one in decoded["checks"] if one["name"] == "coverage"] == [11]
    assert decoded["checks"][0]["findings"][0]["mend"] == coverage.findings[0].mend


def test_a_report_without_failures_is_signed_off(stack: GateStack) -> None:
    assert "Signed off: all 1 checks passed." in printed(stack.verify(1))
    assert "Not checked here: sample." in printed(stack.verify(2, toast=None))


def test_a_check_that_cannot_be_done_fails_and_the_others_go_on(
    stack: GateStack, warehouse_client: bigquery.Client
) -> None:
    nowhere = Warehouse(warehouse_client, "no_such_dataset", "US", host="emulator", sleep=lambda seconds: None)
    ended: list[str] = []
    report = run_gates(
        stack.context(warehouse=nowhere, restaurants=stack.locations),
        (1, 2, 3),
        ended=lambda one: ended.append(one.name),
    )
    assert not report.passed
    assert ended == [check.name for check in CHECKS if check.gate]
    assert all("could not be checked" in one.findings[0].what for one in report.failed())


# --- what the gates go by ----------------------------------------------------------------------------


def test_every_column_of_the_orders_that_points_to_a_dimension_is_looked_at() -> None:
    """As the columns' own descriptions say it."""
    assert set(REFERENCES.values()) <= set(DIMENSIONS)
    for table, references in tables_with_references():
        for column in table.columns:
            if "; see dim_" in column.description and column.name.endswith("_guid"):
                assert f"see dim_{references[column.name]}" in column.description
    looked_at = {table.name for table, _ in tables_with_references()}
    assert len(looked_at) == 7


def test_thresholds_are_learned_from_a_restaurant_s_own_open_days(
    stack: GateStack, warehouse_client: bigquery.Client
) -> None:
    busy, quiet, fitting, new = (f"learned-{n}-{time.time_ns()}" for n in range(4))

    def days(guid: str, count: int, orders: int, sales: int) -> str:
        rows = ", ".join(
            f"('orders', '{guid}', DATE '{dt.date(2026, 1, 1) + n * DAY}', 'learned', 'business_date', 'open', TRUE, "
            f"{orders + n % 3}, {sales + n}, 0, TIMESTAMP '2026-03-01 00:00:00+00')"
            for n in range(count)
        )
        return (
            "INSERT INTO {d}.business_days (source, restaurant_guid, business_date, run_id, mode, status, complete, "
            f"row_count, net_sales, rejects, read_at) VALUES {rows}"
        )

    restaurants = [Restaurant(guid=guid, name=guid, tenant="purpose") for guid in (busy, quiet, fitting, new)]
    with stack.planted(
        [days(busy, 40, 200, 5000), days(quiet, 40, 4, 30), days(fitting, 40, 20, 200), days(new, 27, 200, 5000)],
        "DELETE FROM {d}.business_days WHERE run_id = 'learned'",
    ):
        found = {one.restaurant_guid: one for one in suggestions(stack.warehouse, restaurants, f"t{time.time_ns()}")}
    assert found.keys() == {busy, quiet}
    assert (found[busy].suggested_min_orders, found[busy].suggested_min_net_sales) == (100, Decimal(2501))
    assert (found[busy].days, found[busy].low_days, found[busy].suggested_low_days) == (40, 0, 0)
    assert (found[quiet].suggested_min_orders, found[quiet].suggested_min_net_sales) == (2, Decimal(16))
    assert (found[quiet].low_days, found[quiet].suggested_low_days) == (40, 0)
    assert found[quiet].toml == "min_orders = 2\nmin_net_sales = 16"
    assert "now 10" in str(found[quiet])
