"""The calendar, its closure summary and the gap queries of sql/queries/, over rows made by hand."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from google.cloud import bigquery
from rich.console import Console

from backfill.queries import NAMES, about, main, print_rows, query
from local_stack.processes import PROJECT, ROOT
from shared.bigquery_utils import Warehouse
from shared.dimension_tables import DIMENSIONS
from shared.run_tables import BUSINESS_DAYS, ETL_BACKFILL_UNITS, ETL_BACKFILLS, ETL_RUNS, RUN_TABLES
from shared.statements import Statement
from shared.tables import Table
from shared.views import BUSINESS_CALENDAR, CLOSURE_SUMMARY, CURRENT_VIEWS

DAY = dt.timedelta(days=1)
TODAY = dt.datetime.now(dt.UTC).date()
READ = dt.datetime.now(dt.UTC) - DAY
RESTAURANTS = DIMENSIONS["restaurants"]

_numbers = itertools.count(1)

Json = dict[str, Any]


@pytest.fixture(scope="module")
def warehouse(warehouse_client: bigquery.Client) -> Iterator[Warehouse]:
    """A dataset with what the queries read."""
    warehouse = Warehouse(warehouse_client, f"queries_{time.time_ns()}", "US", host="emulator")
    current = [view for view in CURRENT_VIEWS if view.name == "current_restaurants"]
    warehouse.ensure((RESTAURANTS, *RUN_TABLES), (*current, BUSINESS_CALENDAR, CLOSURE_SUMMARY))
    yield warehouse
    warehouse_client.delete_dataset(warehouse.dataset.split(".")[1], delete_contents=True, not_found_ok=True)


class Place:
    """One restaurant's rows, and what is asked of them."""

    def __init__(self, warehouse: Warehouse, **settings: Any) -> None:
        self.warehouse = warehouse
        self.guid = f"restaurant-{next(_numbers)}"
        self.name = f"Bistro {self.guid}"
        described = {"guid": self.guid, "name": self.name, "timezone": "UTC", "closeout_hour": 4, "row_hash": "x"}
        validity = {"valid_from": "1970-01-01T00:00:00Z", "is_current": True, "_run_id": "r", "_loaded_at": READ}
        self.put(RESTAURANTS, described | validity | settings)

    def put(self, table: Table, *rows: Json) -> None:
        lines = [msgspec.json.encode({"restaurant_guid": self.guid, **row}) for row in rows]
        self.warehouse.load(io.BytesIO(b"\n".join(lines)), table.name, table.columns, f"put-{time.time_ns()}")

    def days(self, *days: Json, source: str = "orders") -> None:
        """Business days that were read as a whole: by default open, complete, of ten orders for 100."""
        usual = {"source": source, "run_id": "run", "mode": "business_date", "status": "open", "complete": True}
        usual |= {"row_count": 10, "net_sales": "100", "rejects": 0, "read_at": READ}
        self.put(BUSINESS_DAYS, *(usual | day for day in days))

    def ask(self, sql: str) -> list[Json]:
        """The rows that speak of this restaurant."""
        rows = self.warehouse.run(Statement(sql), f"ask-{time.time_ns()}-{next(_numbers)}").rows
        return [row for row in rows if row.get("restaurant_guid") == self.guid]

    def view(self, name: str) -> list[Json]:
        return self.ask(f"SELECT * FROM `{self.warehouse.dataset}.{name}`")

    def query(self, name: str) -> list[Json]:
        return self.ask(query(name, self.warehouse.dataset).sql)


def ago(days: int) -> dt.date:
    return TODAY - days * DAY


# --- the calendar ------------------------------------------------------------------------------------


def test_the_calendar_knows_six_kinds_of_day(warehouse: Warehouse) -> None:
    """Every date since the first, each with what it was and why."""
    place = Place(warehouse, first_business_date=ago(7))
    place.days(
        {"business_date": ago(7)},
        {"business_date": ago(6), "status": "low_activity", "reason": "few_orders", "row_count": 2},
        {"business_date": ago(5), "status": "closed", "reason": "no_orders", "row_count": 0},
        {"business_date": ago(4), "status": "provisional", "reason": "day_not_over", "complete": False},
        {"business_date": ago(9), "status": "not_open_yet", "reason": "before_first_business_date", "row_count": 0},
    )
    rows = sorted(place.view("business_calendar"), key=lambda row: row["business_date"])
    assert [(row["business_date"], row["status"], row["reason"], row["is_orders_complete"]) for row in rows][:7] == [
        (ago(9), "not_open_yet", "before_first_business_date", True),
        (ago(8), "not_open_yet", "before_first_business_date", True),
        (ago(7), "open", None, True),
        (ago(6), "low_activity", "few_orders", True),
        (ago(5), "closed", "no_orders", True),
        (ago(4), "provisional", "day_not_over", False),
        (ago(3), "missing", None, False),
    ]
    assert [row["is_complete"] for row in rows[:3]] == [True, True, False], "before the first, nothing is missing"
    assert rows[1]["order_count"] is None


def test_closures_are_summed_up_by_reason_month_and_weekday(warehouse: Warehouse) -> None:
    place = Place(warehouse, first_business_date="2026-02-01")
    mondays = [dt.date(2026, 2, day) for day in (2, 9, 16, 23)]
    place.days(
        *({"business_date": date, "status": "closed", "reason": "no_orders", "row_count": 0, "net_sales": "0"}
          for date in mondays[:3]),
        {"business_date": mondays[3]},
        {"business_date": mondays[3] + 7 * DAY, "status": "closed", "reason": "no_orders", "row_count": 0},
        {"business_date": mondays[0] + DAY, "status": "low_activity", "reason": "low_sales", "row_count": 4,
         "net_sales": "12.5"},
        {"business_date": mondays[1] + DAY, "status": "provisional", "reason": "day_not_over", "complete": False},
    )  # fmt: skip
    rows = sorted(place.view("closure_summary"), key=lambda row: (row["month"], row["weekday"]))
    february, march = dt.date(2026, 2, 1), dt.date(2026, 3, 1)
    columns = ("status", "reason", "month", "weekday", "weekday_name", "closed_days", "weekday_count")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("closed", "no_orders", february, 1, "Monday", 3, 4),
        ("low_activity", "low_sales", february, 2, "Tuesday", 1, 1),
        ("closed", "no_orders", march, 1, "Monday", 1, 1),
    ]
    assert (rows[0]["first_closed_date"], rows[0]["last_closed_date"]) == (mondays[0], mondays[2])
    assert (rows[1]["order_count"], rows[1]["net_sales"]) == (4, 12.5)
    shown = place.query("closures")
    assert [row["is_regular"] for row in shown] == [False, False, False]
    assert [row["month"] for row in shown] == [march, february, february], "the newest month first"


# --- the queries -------------------------------------------------------------------------------------


def test_coverage_counts_what_is_complete_by_source_and_shows_the_holes(warehouse: Warehouse) -> None:
    place = Place(warehouse, first_business_date=ago(5))
    place.days({"business_date": ago(5)}, {"business_date": ago(4), "complete": False, "status": "provisional"})
    place.days(*({"business_date": ago(number)} for number in (5, 4, 3, 2, 1)), source="cash")
    rows = {row["source"]: row for row in place.query("coverage")}
    days = rows["cash"]["days"]
    assert days in (4, 5)  # yesterday is over from 4 o'clock on
    orders = rows["orders"]
    assert [orders[name] for name in ("days", "complete", "provisional", "missing")] == [days, 1, 1, days - 2]
    assert (orders["first_gap"], orders["last_gap"]) == (ago(4), ago(6 - days))
    assert orders["percent_complete"] == round(100 / days, 1)
    cash = rows["cash"]
    assert (cash["complete"], cash["missing"], cash["first_gap"], cash["percent_complete"]) == (days, 0, None, 100)
    assert rows["labor"]["complete"] == 0


def run(number: int, status: str, **columns: Any) -> Json:
    moment = READ + number * dt.timedelta(minutes=1)
    usual = {"run_id": f"run-{number}", "run_date": moment.date(), "function": "orders_daily", "status": status}
    usual |= {"started_at": moment, "finished_at": moment, "error": None if status == "success" else "no scope"}
    counts = dict.fromkeys(("pages", "requests", "rejects", "extracted", "inserted", "updated"), 1)
    return usual | counts | {"mode": "modified"} | columns


def unit(place: Place, start: dt.date, end: dt.date, state: str, minute: int = 0, **columns: Any) -> Json:
    moment = READ + minute * dt.timedelta(minutes=1)
    usual = {"backfill_id": place.guid, "function": "orders_daily", "start_date": start, "end_date": end}
    usual |= {"ended_at": moment, "ended_date": moment.date(), "state": state, "attempts": 1, "seconds": 2.5}
    return usual | {"pages": 1, "rows": 7, "error": None if state == "done" else "gateway"} | columns


def test_failures_are_shown_until_they_are_made_good(warehouse: Warehouse) -> None:
    place = Place(warehouse)
    place.put(ETL_RUNS, run(1, "success"), run(2, "failed"), run(3, "failed"))
    place.put(ETL_RUNS, run(4, "failed", function="cash_daily"), run(5, "success", function="cash_daily"))
    place.put(
        ETL_BACKFILL_UNITS,
        unit(place, ago(20), ago(18), "failed"),
        unit(place, ago(30), ago(28), "failed"),
        unit(place, ago(40), ago(38), "failed"),
        unit(place, ago(40), ago(38), "done", 5),
    )
    place.days(*({"business_date": ago(number)} for number in (20, 19, 18, 30, 29)))
    rows = place.query("failures")
    assert [(row["kind"], row["function_name"], row["times"], row["error"]) for row in rows] == [
        ("call", "orders_daily", 2, "no scope"),
        ("backfill", "orders_daily", 1, "gateway"),
    ]
    assert rows[0]["last_success_at"] == run(1, "success")["finished_at"]
    assert (rows[1]["start_date"], rows[1]["end_date"], rows[1]["restaurant_name"]) == (ago(30), ago(28), place.name)


def test_progress_tells_of_each_backfill_where_it_is(warehouse: Warehouse) -> None:
    place = Place(warehouse)
    now = dt.datetime.now(dt.UTC)

    def beat(name: str, minutes: float, state: str, done: int) -> Json:
        moment = now - dt.timedelta(minutes=minutes)
        row = {"backfill_id": name, "beat_at": moment, "beat_date": moment.date(), "state": state, "units": 200}
        row |= {"functions": "orders_daily", "restaurants": place.guid, "start_date": ago(9), "end_date": ago(1)}
        return row | {"units_done": done, "units_failed": 1}

    names = {state: f"{state}-{place.guid}" for state in ("running", "silent", "done")}
    rows = [
        beat(names["running"], 40, "running", 0), beat(names["running"], 1, "running", 50),
        beat(names["silent"], 30, "running", 20), beat(names["done"], 60, "done", 200),
    ]  # fmt: skip
    lines = io.BytesIO(b"\n".join(msgspec.json.encode(row) for row in rows))
    warehouse.load(lines, ETL_BACKFILLS.name, ETL_BACKFILLS.columns, f"put-{time.time_ns()}")
    place.put(
        ETL_BACKFILL_UNITS,
        *(unit(place, ago(9), ago(9), "done", backfill_id=names["running"], ended_at=now - n * dt.timedelta(minutes=1))
          for n in range(2, 32)),
    )  # fmt: skip
    found = warehouse.run(query("progress", warehouse.dataset), f"ask-{time.time_ns()}").rows
    by_name = {row["backfill_id"]: row for row in found}
    assert {name: by_name[full]["state"] for name, full in names.items()} == {
        "running": "running",
        "silent": "silent",
        "done": "done",
    }
    running = by_name[names["running"]]
    assert (running["units_done"], running["percent_done"]) == (50, 25.0)
    assert running["units_an_hour"] == pytest.approx(60, abs=3)
    assert running["started_at"] < running["last_sign_at"]


def test_the_slowest_units_stand_first(warehouse: Warehouse) -> None:
    place = Place(warehouse)
    place.put(
        ETL_BACKFILL_UNITS,
        unit(place, ago(7), ago(1), "done", seconds=9000.0),
        unit(place, ago(14), ago(8), "done", 1, seconds=8000.0, attempts=3),
        unit(place, ago(21), ago(15), "done", 2),
    )
    rows = place.query("slowest_units")
    assert [(row["start_date"], row["seconds"], row["attempts"]) for row in rows][:2] == [
        (ago(7), 9000.0, 1),
        (ago(14), 8000.0, 3),
    ]
    assert float(rows[0]["seconds_a_day"]) == round(9000 / 7, 2)
    assert rows[0]["row_count"] == 7
    assert 0 < rows[0]["usual_seconds"] < 9000


def test_days_far_from_the_usual_are_outliers(warehouse: Warehouse) -> None:
    place = Place(warehouse)
    weeks = [ago(7 * number) for number in range(1, 9)]
    counts = [30, 31, 29, 30, 9, 30, 75, 30]
    place.days(*({"business_date": date, "row_count": count} for date, count in zip(weeks, counts, strict=True)))
    place.days({"business_date": ago(3), "row_count": 1}, {"business_date": ago(4), "row_count": 900})
    rows = place.query("rows_per_day_outliers")
    assert [(row["business_date"], row["row_count"], row["usual_rows"], row["ratio"]) for row in rows] == [
        (weeks[4], 9, 30, 0.3),
        (weeks[6], 75, 30, 2.5),
    ], "other weekdays are known too little"
    assert rows[0]["weekday_name"] == weeks[4].strftime("%A")


# --- asking them -------------------------------------------------------------------------------------


def test_every_query_says_what_it_tells_and_is_documented_with_an_example() -> None:
    documented = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
    assert set(NAMES) == {
        "closures", "coverage", "failures", "progress", "rows_per_day_outliers", "slowest_units",
    }  # fmt: skip
    for name in NAMES:
        assert re.fullmatch(r"[a-z].{30,}\.", about(name)), name
        section = documented.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert f"python -m backfill.queries {name}" in section
        assert "───" in section, f"{name}: there is no example of its answer"


def test_a_query_is_asked_from_the_command_line(
    warehouse: Warehouse, emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(warehouse, first_business_date=ago(3))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", emulator)
    monkeypatch.setenv("BQ_DATASET", warehouse.dataset.split(".")[1])
    where = ["--target", "http", "--functions-url", "http://127.0.0.1:9"]
    result = CliRunner().invoke(main, ["coverage", "--json", *where], catch_exceptions=False)
    rows = [row for row in json.loads(result.output) if row["restaurant_guid"] == place.guid]
    assert {row["source"] for row in rows} == {"orders", "cash", "labor"}
    shown = CliRunner().invoke(main, [], catch_exceptions=False).output
    assert all(name in shown for name in NAMES)
    refused = CliRunner().invoke(main, ["coverage", "--target", "local", "--data-dir", str(tmp_path)])
    assert (refused.exit_code, "nothing is loaded here" in refused.output) == (1, True)


def test_rows_are_printed_as_a_table_that_names_restaurants_and_not_their_guids() -> None:
    out = io.StringIO()
    rows = [{"restaurant_name": "Bistro", "restaurant_guid": "g", "days": number, "gap": None} for number in range(50)]
    print_rows(rows, Console(file=out, width=80))
    assert "Bistro" in out.getvalue()
    assert "restaurant_guid" not in out.getvalue()
    assert "… and 10 more" in out.getvalue()
    print_rows([], Console(file=out, width=80))
    assert out.getvalue().endswith("Nothing.\n")
