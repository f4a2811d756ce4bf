"""What the benchmarks work out rather than measure: which partitions a statement reads, shares of time, verdicts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from benchmarks.harness import Figure, Sizes, in_turns, median_ratio, take
from benchmarks.partitions import Contents, bytes_read, scans_of
from benchmarks.timed_emulator import Busy, seconds_busy, times_in
from shared.coverage import recent_watermarks, watermarks
from shared.order_tables import FACT_ORDERS, ORDERS
from shared.run_tables import BUSINESS_DAYS, ETL_RUNS
from shared.schema import ALL_TABLES
from shared.statements import Parameter, Statement, date_list
from shared.version_statements import VersionStatements

DATASET = "project.dataset"
TABLES = {table.name: table for table in ALL_TABLES}
DAY = dt.date(2026, 2, 21)
YEAR = [DAY - dt.timedelta(days=back) for back in range(365)]


def read(sql: str, *parameters: Parameter) -> dict[str, list[int]]:
    """How many of a year's partitions each scan of a statement reads, by table."""
    counts: dict[str, list[int]] = {}
    for scan in scans_of(Statement(sql, parameters), TABLES):
        counts.setdefault(scan.table.name, []).append(len(scan.partitions(YEAR)))
    return counts


ORDERS_WHERE = f"SELECT order_guid FROM `{DATASET}.fact_orders` AS o WHERE "


@pytest.mark.parametrize(
    ("condition", "parameters", "partitions"),
    [
        ("o.business_date IN UNNEST(@dates)", [date_list(YEAR[:3])], 3),
        ("business_date IN UNNEST(@dates) AND restaurant_guid = 'r'", [date_list([DAY, dt.date(2001, 1, 1)])], 1),
        ("business_date = @day", [Parameter("day", "DATE", DAY)], 1),
        ("business_date >= @day", [Parameter("day", "DATE", YEAR[6])], 7),
        ("business_date > DATE '2026-02-19'", [], 2),
        ("business_date >= DATE(@at)", [Parameter("at", "TIMESTAMP", dt.datetime(2026, 2, 20, 5, tzinfo=dt.UTC))], 2),
        ("business_date BETWEEN @a AND @b", [Parameter("a", "DATE", YEAR[9]), Parameter("b", "DATE", YEAR[5])], 5),
        ("business_date >= @a AND o.business_date <= @a", [Parameter("a", "DATE", YEAR[9])], 1),
        ("restaurant_guid = 'r'", [], 365),
        ("business_date IN UNNEST(@dates) OR is_deleted", [date_list([DAY])], 365),
        ("NOT business_date IN UNNEST(@dates)", [date_list([DAY])], 365),
        ("business_date = DATE(opened_at)", [], 365),
        (f"business_date IN (SELECT business_date FROM `{DATASET}.business_days`)", [], 365),
        ("DATE_ADD(business_date, INTERVAL 1 DAY) = @day", [Parameter("day", "DATE", DAY)], 365),
    ],
)
def test_only_a_condition_that_needs_no_row_leaves_partitions_out(
    condition: str, parameters: list[Parameter], partitions: int
) -> None:
    assert read(ORDERS_WHERE + condition, *parameters)["fact_orders"] == [partitions]


def test_a_condition_counts_for_the_scan_that_it_is_about() -> None:
    """Not for another one of the same statement, be it of the same table."""
    sql = f"""SELECT new.order_guid FROM `{DATASET}.fact_orders` AS new
WHERE new.business_date IN UNNEST(@dates)
  AND EXISTS (SELECT 1 FROM `{DATASET}.fact_orders` AS old WHERE old.order_guid = new.order_guid)"""
    assert sorted(read(sql, date_list([DAY]))["fact_orders"]) == [1, 365]


def test_what_an_insert_writes_to_is_not_read() -> None:
    sql = f"""INSERT INTO `{DATASET}.etl_runs` (run_id) SELECT run_id FROM `{DATASET}.etl_rejects`
WHERE run_date = @day"""
    assert read(sql, Parameter("day", "DATE", DAY)) == {"etl_rejects": [1]}


def test_a_delete_reads_all_columns_of_the_partitions_that_it_names() -> None:
    sql = f"DELETE FROM `{DATASET}.fact_orders` AS o WHERE o.business_date IN UNNEST(@dates) AND o.is_deleted"
    (scan,) = scans_of(Statement(sql, (date_list([DAY]),)), TABLES)
    assert scan.columns == {column.name for column in FACT_ORDERS.columns}
    assert scan.partitions(YEAR) == [DAY]


def test_only_columns_that_are_named_are_read() -> None:
    sql = f"SELECT runs.status, COUNT(*) FROM `{DATASET}.etl_runs` AS runs WHERE run_date = @day GROUP BY status"
    (scan,) = scans_of(Statement(sql, (Parameter("day", "DATE", DAY),)), TABLES)
    assert scan.columns == {"status", "run_date"}


def test_bytes_are_those_of_the_columns_in_the_partitions_that_are_read() -> None:
    sql = f"SELECT run_id FROM `{DATASET}.etl_runs` WHERE run_date IN UNNEST(@dates)"
    scans = scans_of(Statement(sql, (date_list(YEAR[:2]),)), TABLES)
    held = Contents({"run_id": 100.0, "run_date": 8.0, "error": 5000.0}, YEAR)
    assert bytes_read(scans, {"etl_runs": held}) == {"etl_runs": 2 * 108.0}


def test_every_statement_of_a_load_reads_the_dates_that_it_touches_and_no_others() -> None:
    made = VersionStatements(
        ORDERS,
        dataset=DATASET,
        staging="staging_x",
        run_id="run",
        loaded_at=dt.datetime(2026, 2, 22, tzinfo=dt.UTC),
        restaurants=["r"],
        units=["r/2026-02-21"],
        dates=[DAY],
    )
    statements = [made.survey(), made.insert_rows("items"), made.insert_register(), made.check()]
    statements += [made.delete_stale(FACT_ORDERS, ["run"]), made.delete_copies(FACT_ORDERS)]
    for statement in statements:
        scans = scans_of(statement, TABLES)
        assert scans, statement.sql
        assert all(scan.partitions(YEAR) == [DAY] for scan in scans), statement.sql


def test_the_watermark_is_looked_for_in_the_last_days_before_it_is_looked_for_everywhere() -> None:
    recent = scans_of(recent_watermarks(DATASET, "orders_daily", ["r"], YEAR[7]), TABLES)
    assert [(scan.table, len(scan.partitions(YEAR))) for scan in recent] == [(ETL_RUNS, 8)]
    everywhere = scans_of(watermarks(DATASET, "orders_daily", "orders", ["r"]), TABLES)
    assert {scan.table for scan in everywhere} == {ETL_RUNS, BUSINESS_DAYS}
    assert all(len(scan.partitions(YEAR)) == 365 for scan in everywhere)


# --- time and verdicts -------------------------------------------------------------------------------


def test_what_the_emulator_does_side_by_side_counts_once_and_only_within_the_call() -> None:
    times = [Busy(5.0, 7.0, "b"), Busy(0.0, 2.0, "before and in"), Busy(6.0, 8.0, "c"), Busy(9.0, 20.0, "past")]
    assert seconds_busy(times, 1.0, 10.0) == pytest.approx(1 + 3 + 1)
    assert seconds_busy([], 1.0, 10.0) == 0


def test_the_emulators_times_are_read_as_they_are_written(tmp_path: Path) -> None:
    file = tmp_path / "times.txt"
    file.write_text("1.5 2.25 POST /bigquery/v2/projects/local/jobs\n", encoding="utf-8")
    assert times_in(file) == [Busy(1.5, 2.25, "POST /bigquery/v2/projects/local/jobs")]


@pytest.mark.parametrize(
    ("value", "target", "at_least", "reached"),
    [(1.3, 1.3, False, True), (1.31, 1.3, False, False), (10.0, 10.0, True, True), (9.9, 10.0, True, False)],
)
def test_a_target_is_the_most_or_the_least(value: float, target: float, at_least: bool, reached: bool) -> None:
    assert Figure(name="x", value=value, unit="×", target=target, at_least=at_least).is_reached is reached
    assert Figure(name="x", value=value, unit="×").is_reached is None


def test_contestants_take_turns_in_either_order_and_the_ratio_is_taken_within_a_round() -> None:
    order: list[str] = []
    seconds = iter([1.0, 2.0, 30.0, 10.0, 1.0, 4.0])

    def contestant(name: str) -> float:
        order.append(name)
        return next(seconds)

    rounds = in_turns({name: lambda name=name: contestant(name) for name in ("reference", "ours")}, 3)  # type: ignore[misc]
    assert order == ["reference", "ours", "ours", "reference", "reference", "ours"]
    assert median_ratio(rounds, "ours", "reference") == 3.0  # of 2, 3 and 4


def test_a_benchmark_that_fails_is_told_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import ModuleType

    from rich.console import Console

    def module(name: str, measure: object) -> None:
        made = ModuleType(name)
        made.measure = measure  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"benchmarks.bench_{name}", made)

    def broken(_: Sizes) -> list[Figure]:
        raise RuntimeError("no servers today")

    module("broken", broken)
    module("sound", lambda _: [Figure(name="x", value=1.0, unit="s", target=2.0)])
    report = take(["broken", "sound"], Sizes(quick=True), Console(quiet=True))
    assert [one.benchmark for one in report.benchmarks] == ["broken", "sound"]
    assert "no servers today" in (report.benchmarks[0].error or "")
    assert [figure.is_reached for figure in report.benchmarks[1].figures] == [True]
