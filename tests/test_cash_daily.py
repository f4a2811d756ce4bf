"""cash_daily as a whole: from a simulated Toast into an emulated BigQuery, over real sockets, and equal to truth."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import functions
import pytest
import requests
from functions import (
    RESTAURANTS,
    WITHOUT_VIEWS,
    InProcess,
    Reply,
    SimulatorControl,
    Tables,
    group_environment,
    in_process,
)

from local_stack.processes import function_process, simulator_process
from shared import cash_extraction
from shared.bigquery_utils import Warehouse
from shared.cash_tables import CASH_TABLES
from shared.plans import REPEATED_CASH_DAYS
from shared.statements import Statement
from shared.toast_endpoints import CASH_DEPOSITS, CASH_ENTRIES

if TYPE_CHECKING:
    from google.cloud import bigquery

BROOKLYN, PHOENIX = RESTAURANTS[0].guid, RESTAURANTS[4].guid
GROUP = [BROOKLYN, PHOENIX]  # one with daylight saving time and one without
CLOCK = "2026-03-24T15:00:00Z"
YESTERDAY, TODAY = dt.date(2026, 3, 23), dt.date(2026, 3, 24)
# The clocks go forward in Brooklyn on 8 March.
WEEKS = {"start_date": dt.date(2026, 2, 27), "end_date": dt.date(2026, 3, 15)}
NAMES = [table.name for table in CASH_TABLES]
DATASET = "cash_daily"


@pytest.fixture(scope="module")
def toast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorControl]:
    """A simulated Toast of small restaurants, which tests may edit."""
    folder = tmp_path_factory.mktemp("toast")
    with simulator_process(folder, seed=7, clock=CLOCK, limits="off", volume=12) as server:
        yield SimulatorControl(server.url)


@pytest.fixture(scope="module")
def environment(toast: SimulatorControl, emulator: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return group_environment(toast.url, emulator, tmp_path_factory.mktemp("group"), GROUP, DATASET)


@pytest.fixture(scope="module")
def cash_daily(environment: dict[str, str]) -> Iterator[InProcess]:
    with in_process(environment, "cash_daily") as function:
        yield function


@pytest.fixture(scope="module")
def tables(warehouse_client: bigquery.Client) -> Tables:
    return Tables(warehouse_client, DATASET, CASH_TABLES)


@pytest.fixture(autouse=True)
def _as_it_was(toast: SimulatorControl) -> Iterator[None]:
    yield
    toast.no_faults()
    toast.clock(CLOCK)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL that is run during a test."""
    seen: list[str] = []
    run = Warehouse.run

    def spy(self: Warehouse, statement: Statement, job: str) -> Any:
        seen.append(statement.sql)
        return run(self, statement, job)

    monkeypatch.setattr(Warehouse, "run", spy)
    return seen


def day(date: dt.date) -> dict[str, dt.date]:
    return {"start_date": date, "end_date": date}


@pytest.fixture(scope="module")
def weeks(cash_daily: InProcess) -> Reply:
    """Some weeks of all restaurants, loaded in one call."""
    return cash_daily(restaurant_guid="ALL", **WEEKS).succeeded()


# --- a call, and the same call again -----------------------------------------------------------------


def test_weeks_in_which_the_clocks_change_equal_the_truth(
    weeks: Reply, toast: SimulatorControl, tables: Tables
) -> None:
    tables.equal_truth(toast.url, GROUP, *WEEKS.values())


def test_the_reply_tells_what_was_done_for_each_restaurant(weeks: Reply, tables: Tables) -> None:
    days = (WEEKS["end_date"] - WEEKS["start_date"]).days + 1
    assert (weeks.body["function"], list(weeks.restaurants)) == ("cash_daily", GROUP)
    for guid, entry in weeks.restaurants.items():
        assert (entry["status"], entry["error"], entry["resume_from"], entry["rejects"]) == ("success", None, None, 0)
        assert (entry["start_date"], entry["end_date"]) == tuple(map(str, WEEKS.values()))
        assert (entry["pages"], entry["requests"]) == (2 * days, 2 * days + 1)
        assert entry["tables"].keys() == set(NAMES)
        for name in NAMES:
            where = f"business_date BETWEEN '{WEEKS['start_date']}' AND '{WEEKS['end_date']}'"
            rows = tables.count(name, f"restaurant_guid = '{guid}' AND {where}")
            assert rows > days / 2
            assert entry["tables"][name] == {"extracted": rows, "inserted": rows, "updated": 0, "unchanged": 0}


def test_business_days_and_the_ledger_repeat_the_reply(weeks: Reply, tables: Tables) -> None:
    run = weeks.body["run_id"]
    for row in tables.rows(f"SELECT * FROM {{dataset}}.business_days WHERE run_id = '{run}'"):
        said = {one["business_date"]: one for one in weeks.restaurants[row["restaurant_guid"]]["business_days"]}
        told = said[str(row["business_date"])]
        assert {name: row[name] for name in ("status", "reason", "complete")} == {
            name: told[name] for name in ("status", "reason", "complete")
        }
        where = f"restaurant_guid = '{row['restaurant_guid']}' AND business_date = '{row['business_date']}'"
        rows = sum(tables.count(name, where) for name in NAMES)
        assert (row["source"], row["row_count"], row["net_sales"], row["complete"]) == ("cash", rows, None, True)
        assert (row["status"], row["reason"]) == (("open", None) if rows else ("closed", "no_entries"))
    ledger = tables.rows(f"SELECT * FROM {{dataset}}.etl_runs WHERE run_id = '{run}'")
    assert {(row["restaurant_guid"], row["function"], row["status"], row["watermark"]) for row in ledger} == {
        (guid, "cash_daily", "success", None) for guid in GROUP
    }


def test_the_same_call_again_changes_nothing_and_says_so(
    weeks: Reply, cash_daily: InProcess, toast: SimulatorControl, tables: Tables, statements: list[str]
) -> None:
    again = cash_daily(restaurant_guid="ALL", **WEEKS).succeeded()
    assert (again.count("inserted"), again.count("updated")) == (0, 0)
    assert again.count("unchanged") == again.count("extracted") == weeks.count("extracted")
    assert [sql for sql in statements if sql.startswith(("INSERT", "DELETE")) and "fact_" in sql] == []
    assert tables.staging_tables() == []


def test_six_calls_for_overlapping_days_at_the_same_moment_leave_every_row_once(
    environment: dict[str, str],
    cash_daily: InProcess,
    toast: SimulatorControl,
    tables: Tables,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Two for each three days, by a server of its own, over real sockets."""
    ranges = [(dt.date(2026, 1, 12 + number % 3), dt.date(2026, 1, 14 + number % 3)) for number in range(6)]
    bodies = [{"restaurant_guid": BROOKLYN, "start_date": one, "end_date": other} for one, other in ranges]
    process = function_process("cash_daily", tmp_path_factory.mktemp("instance"), environment, source=WITHOUT_VIEWS)
    with process as server:
        replies = [reply.succeeded() for reply in functions.post_at_once([server.url], bodies)]
    tables.equal_truth(toast.url, [BROOKLYN], "2026-01-12", "2026-01-16")
    for name in NAMES:
        for (one, other), reply in zip(ranges, replies, strict=True):
            rows = tables.count(name, f"business_date BETWEEN '{one}' AND '{other}'")
            assert reply.only["tables"][name]["extracted"] == rows > 0
    assert tables.staging_tables() == []
    again = cash_daily(restaurant_guid=BROOKLYN, start_date="2026-01-12", end_date="2026-01-16").succeeded()
    assert again.count("unchanged") == again.count("extracted")


# --- which days, and what they were ------------------------------------------------------------------


def test_without_dates_the_last_seven_finished_business_dates_are_read_again(
    cash_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    start = YESTERDAY - dt.timedelta(days=REPEATED_CASH_DAYS - 1)
    for _ in range(2):
        reply = cash_daily().succeeded()
        for entry in reply.restaurants.values():
            assert (entry["start_date"], entry["end_date"]) == ("2026-03-17", "2026-03-23")
    assert (reply.count("inserted"), reply.count("updated")) == (0, 0)
    tables.equal_truth(toast.url, GROUP, start, YESTERDAY)


def test_what_is_entered_late_replaces_its_day(
    weeks: Reply, cash_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    date = YESTERDAY - dt.timedelta(days=3)
    before = cash_daily(restaurant_guid=PHOENIX, **day(date)).succeeded().only["tables"]
    toast.add_cash(PHOENIX, date, "add_cash_entry")
    toast.add_cash(PHOENIX, date, "add_deposit")
    time.sleep(1.5)  # Toast's clock is known to the second, and of two readings in one the first stands
    told = cash_daily(restaurant_guid=PHOENIX).succeeded().only["tables"]
    for name in NAMES:
        assert (told[name]["inserted"], told[name]["updated"]) == (1, before[name]["extracted"])
    tables.equal_truth(toast.url, [PHOENIX], date, date)


def test_a_day_that_is_still_running_is_provisional_and_then_complete(
    cash_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    (told,) = cash_daily(restaurant_guid=BROOKLYN, **day(TODAY)).succeeded().only["business_days"]
    assert (told["status"], told["reason"], told["complete"]) == ("provisional", "day_not_over", False)
    toast.clock("2026-03-26T15:00:00Z")
    (told,) = cash_daily(restaurant_guid=BROOKLYN, **day(TODAY)).succeeded().only["business_days"]
    assert (told["status"], told["complete"]) == ("open", True)
    tables.equal_truth(toast.url, [BROOKLYN], TODAY, TODAY)


def test_a_day_without_cash_is_closed_and_complete(cash_daily: InProcess) -> None:
    (told,) = cash_daily(restaurant_guid=BROOKLYN, **day(dt.date(2025, 12, 25))).succeeded().only["business_days"]
    assert (told["status"], told["reason"], told["complete"]) == ("closed", "no_entries", True)


@pytest.mark.parametrize("dates", [{}, WEEKS], ids=["without dates", "with dates"])
def test_changes_cannot_be_asked_for(cash_daily: InProcess, dates: dict[str, dt.date]) -> None:
    """Toast tells cash by business date only."""
    problem = cash_daily(mode="modified", **dates).is_problem(400, "modified", "business date only")
    assert set(problem["errors"]) == {"mode"}


# --- when something cannot be read -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decoder", "table"), [("decode_cash_entries", NAMES[0]), ("decode_deposits", NAMES[1])], ids=NAMES
)
def test_an_object_that_cannot_be_read_is_kept_aside_and_the_rest_is_loaded(
    cash_daily: InProcess,
    toast: SimulatorControl,
    tables: Tables,
    monkeypatch: pytest.MonkeyPatch,
    decoder: str,
    table: str,
) -> None:
    date = dt.date(2026, 1, 20 + NAMES.index(table))
    guids = sorted(key[0] for key in toast.keys(PHOENIX, date, table))
    decode: Callable[[bytes], Any] = getattr(cash_extraction, decoder)
    with monkeypatch.context() as patch:
        patch.setattr(
            cash_extraction, decoder, lambda body: decode(body.replace(b'"amount":', b'"amount":"?","x":', 1))
        )
        reply = cash_daily(restaurant_guid=PHOENIX, **day(date)).succeeded()
    assert reply.only["rejects"] == 1
    assert reply.only["tables"][table]["extracted"] == len(guids) - 1
    run = reply.body["run_id"]
    (reject,) = tables.rows(f"SELECT * FROM {{dataset}}.etl_rejects WHERE run_id = '{run}'")
    assert (reject["source"], reject["restaurant_guid"], reject["business_date"]) == ("cash", PHOENIX, date)
    assert reject["object_guid"] in guids
    assert reject["reason"]
    (known,) = tables.rows(f"SELECT * FROM {{dataset}}.business_days WHERE run_id = '{run}'")
    assert (known["rejects"], known["complete"]) == (1, True)
    mended = cash_daily(restaurant_guid=PHOENIX, **day(date)).succeeded()
    assert (mended.only["rejects"], mended.only["tables"][table]["inserted"]) == (0, 1)
    tables.equal_truth(toast.url, [PHOENIX], date, date)


def test_where_toast_refuses_the_deposits_the_entries_go_on(
    cash_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    """The day is not known then, and calling again would not help."""
    date = dt.date(2026, 1, 24)
    toast.fault("forbidden", rate=1.0, path="deposits")
    reply = cash_daily(restaurant_guid=BROOKLYN, **day(date))
    assert (reply.status, reply.body["status"], reply.only["status"]) == (200, "partial", "partial")
    assert "Retry-After" not in reply.headers
    error = reply.only["error"]
    assert all(word in error for word in (CASH_DEPOSITS.name, CASH_DEPOSITS.path, "cashmgmt:read", BROOKLYN))
    assert CASH_ENTRIES.path not in error
    assert reply.only["business_days"] == []
    where = f"business_date = '{date}'"
    assert tables.count(NAMES[0], where) == len(toast.keys(BROOKLYN, date, NAMES[0])) > 0
    assert tables.count(NAMES[1], where) == 0
    assert tables.count("business_days", where) == 0
    toast.no_faults()
    cash_daily(restaurant_guid=BROOKLYN, **day(date)).succeeded()
    tables.equal_truth(toast.url, [BROOKLYN], date, date)


def test_a_day_that_fails_is_where_to_resume_and_its_rows_are_left_alone(
    weeks: Reply, cash_daily: InProcess, toast: SimulatorControl, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIME_BUDGET_SECONDS", "2")
    toast.fault("status_5xx", rate=1.0, path="entries", restaurant_guid=BROOKLYN)
    reply = cash_daily(**day(WEEKS["end_date"]))
    assert (reply.status, reply.body["status"]) == (503, "partial")
    assert int(reply.headers["Retry-After"]) > 0
    told = reply.restaurants
    assert (told[BROOKLYN]["status"], told[PHOENIX]["status"]) == ("partial", "success")
    assert told[BROOKLYN]["resume_from"] == {"start_date": str(WEEKS["end_date"])}
    tables.equal_truth(toast.url, GROUP, WEEKS["end_date"], WEEKS["end_date"])


# --- what went wrong in an earlier system ------------------------------------------------------------


def test_cash_is_never_asked_for_by_range_or_timestamp_which_toast_answers_with_400(
    cash_daily: InProcess, toast: SimulatorControl
) -> None:
    """The cash API answered 400, day after day: it knows one businessDate as yyyymmdd, and nothing else."""
    login = {"clientId": "simulator", "clientSecret": "simulator", "userAccessType": "TOAST_MACHINE_CLIENT"}
    token = requests.post(f"{toast.url}/authentication/v1/authentication/login", json=login, timeout=10).json()
    headers = {
        "Authorization": f"Bearer {token['token']['accessToken']}",
        "Toast-Restaurant-External-ID": BROOKLYN,
    }

    def status(endpoint: str, **params: str) -> int:
        url = f"{toast.url}/cashmgmt/v1/{endpoint}"
        return requests.get(url, params=params, headers=headers, timeout=10).status_code

    for endpoint in ("entries", "deposits"):
        assert status(endpoint, startDate="20260316", endDate="20260317") == 400
        assert status(endpoint, businessDate="2026-03-16") == 400
        assert status(endpoint, businessDate="2026-03-16T04:00:00.000+0000") == 400
        assert status(endpoint, businessDate="20260316") == 200
    toast.count_requests_anew()
    cash_daily(start_date="2026-03-15", end_date="2026-03-17").succeeded()
    seen = toast.requests_so_far()
    assert set(seen["by_status"]) == {"200"}
    assert {path: n for path, n in seen["by_path"].items() if "cashmgmt" in path} == {
        CASH_ENTRIES.path: 3 * len(GROUP),
        CASH_DEPOSITS.path: 3 * len(GROUP),
    }
