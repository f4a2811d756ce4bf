"""labor_daily as a whole: from a simulated Toast into an emulated BigQuery, over real sockets, and equal to truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import functions
import pytest
import requests
from functions import (
    RESTAURANTS,
    WITHOUT_VIEWS,
    InProcess,
    Json,
    Reply,
    SimulatorControl,
    Tables,
    group_environment,
    in_process,
)

from local_stack.processes import function_process, simulator_process
from shared import labor_extraction
from shared.bigquery_utils import Warehouse
from shared.coverage import SETTLING
from shared.labor_tables import LABOR_TABLES
from shared.statements import Statement

if TYPE_CHECKING:
    from google.cloud import bigquery

BROOKLYN, PHOENIX = RESTAURANTS[0].guid, RESTAURANTS[4].guid
GROUP = [BROOKLYN, PHOENIX]  # one with daylight saving time and one without
CLOCK = "2026-03-24T15:00:00Z"
YESTERDAY, TODAY = dt.date(2026, 3, 23), dt.date(2026, 3, 24)
# The clocks go forward in Brooklyn on 8 March.
WEEKS = {"start_date": dt.date(2026, 2, 27), "end_date": dt.date(2026, 3, 15)}
NAMES = SHIFTS, BREAKS = "fact_labor_shifts", "fact_labor_breaks"
DATASET = "labor_daily"


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
def labor_daily(environment: dict[str, str]) -> Iterator[InProcess]:
    with in_process(environment, "labor_daily") as function:
        yield function


@pytest.fixture(scope="module")
def tables(warehouse_client: bigquery.Client) -> Tables:
    return Tables(warehouse_client, DATASET, LABOR_TABLES)


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
def weeks(labor_daily: InProcess) -> Reply:
    """Some weeks of all restaurants, loaded in one call."""
    return labor_daily(restaurant_guid="ALL", **WEEKS).succeeded()


# --- a call, and the same call again -----------------------------------------------------------------


def test_weeks_in_which_the_clocks_change_equal_the_truth(
    weeks: Reply, toast: SimulatorControl, tables: Tables
) -> None:
    tables.equal_truth(toast.url, GROUP, *WEEKS.values())


def test_the_reply_tells_what_was_done_for_each_restaurant(weeks: Reply, tables: Tables) -> None:
    days = (WEEKS["end_date"] - WEEKS["start_date"]).days + 1
    assert (weeks.body["function"], list(weeks.restaurants)) == ("labor_daily", GROUP)
    for guid, entry in weeks.restaurants.items():
        assert (entry["status"], entry["error"], entry["resume_from"], entry["rejects"]) == ("success", None, None, 0)
        assert (entry["start_date"], entry["end_date"]) == tuple(map(str, WEEKS.values()))
        assert (entry["pages"], entry["requests"]) == (days, days + 1)
        assert entry["tables"].keys() == set(NAMES)
        for name in NAMES:
            where = f"business_date BETWEEN '{WEEKS['start_date']}' AND '{WEEKS['end_date']}'"
            rows = tables.count(name, f"restaurant_guid = '{guid}' AND {where}")
            assert rows > days / 2
            assert entry["tables"][name] == {"extracted": rows, "inserted": rows, "updated": 0, "unchanged": 0}


def test_business_days_repeat_the_reply_and_count_no_archived_entry(weeks: Reply, tables: Tables) -> None:
    archived = 0
    for row in tables.rows(f"SELECT * FROM {{dataset}}.business_days WHERE run_id = '{weeks.body['run_id']}'"):
        said = {one["business_date"]: one for one in weeks.restaurants[row["restaurant_guid"]]["business_days"]}
        told = said[str(row["business_date"])]
        assert {name: row[name] for name in ("status", "reason", "complete")} == {
            name: told[name] for name in ("status", "reason", "complete")
        }
        where = f"restaurant_guid = '{row['restaurant_guid']}' AND business_date = '{row['business_date']}'"
        rows = tables.count(SHIFTS, f"{where} AND NOT is_deleted")
        archived += tables.count(SHIFTS, f"{where} AND is_deleted")
        assert (row["source"], row["row_count"], row["net_sales"], row["complete"]) == ("labor", rows, None, True)
        assert (row["status"], row["reason"]) == (("open", None) if rows else ("closed", "no_entries"))
    assert archived > 0


def test_the_same_call_again_changes_nothing_and_says_so(
    weeks: Reply, labor_daily: InProcess, tables: Tables, statements: list[str]
) -> None:
    again = labor_daily(restaurant_guid="ALL", **WEEKS).succeeded()
    assert (again.count("inserted"), again.count("updated")) == (0, 0)
    assert again.count("unchanged") == again.count("extracted") == weeks.count("extracted")
    assert [sql for sql in statements if sql.startswith(("INSERT", "DELETE")) and "fact_" in sql] == []
    assert tables.staging_tables() == []


def test_six_calls_for_overlapping_days_at_the_same_moment_leave_every_row_once(
    environment: dict[str, str],
    labor_daily: InProcess,
    toast: SimulatorControl,
    tables: Tables,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Two for each three days, by a server of its own, over real sockets."""
    ranges = [(dt.date(2026, 1, 12 + number % 3), dt.date(2026, 1, 14 + number % 3)) for number in range(6)]
    bodies = [{"restaurant_guid": BROOKLYN, "start_date": one, "end_date": other} for one, other in ranges]
    process = function_process("labor_daily", tmp_path_factory.mktemp("instance"), environment, source=WITHOUT_VIEWS)
    with process as server:
        replies = [reply.succeeded() for reply in functions.post_at_once([server.url], bodies)]
    tables.equal_truth(toast.url, [BROOKLYN], "2026-01-12", "2026-01-16")
    for name in NAMES:
        counts = [reply.only["tables"][name] for reply in replies]
        for (one, other), told in zip(ranges, counts, strict=True):
            assert told["extracted"] == tables.count(name, f"business_date BETWEEN '{one}' AND '{other}'") > 0
        rows = tables.count(name, "business_date BETWEEN '2026-01-12' AND '2026-01-16'")
        assert sum(told["inserted"] for told in counts) == rows
    assert tables.staging_tables() == []


# --- which days, and what they were ------------------------------------------------------------------


def test_a_day_that_is_still_running_is_provisional(labor_daily: InProcess) -> None:
    (told,) = labor_daily(restaurant_guid=BROOKLYN, **day(TODAY)).succeeded().only["business_days"]
    assert (told["status"], told["reason"], told["complete"]) == ("provisional", "day_not_over", False)


def test_a_day_without_time_entries_is_closed_and_complete(labor_daily: InProcess) -> None:
    (told,) = labor_daily(restaurant_guid=BROOKLYN, **day(dt.date(2025, 12, 25))).succeeded().only["business_days"]
    assert (told["status"], told["reason"], told["complete"]) == ("closed", "no_entries", True)


# --- time entries that change ------------------------------------------------------------------------


def test_edited_entries_are_replaced_with_their_breaks(
    labor_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    date = dt.date(2026, 2, 20)
    before = labor_daily(restaurant_guid=PHOENIX, **day(date)).succeeded()
    resting = toast.keys(PHOENIX, date, BREAKS)[0][0]
    others = [key[0] for key in toast.keys(PHOENIX, date, SHIFTS) if key[0] != resting]
    toast.edit_time_entry(PHOENIX, resting, "drop_break")
    toast.edit_time_entry(PHOENIX, others[0], "tips")
    toast.edit_time_entry(PHOENIX, others[1], "delete")
    reply = labor_daily(restaurant_guid=PHOENIX, **day(date)).succeeded()
    shifts = reply.only["tables"][SHIFTS]
    assert (shifts["extracted"], shifts["inserted"], shifts["updated"]) == (
        before.only["tables"][SHIFTS]["extracted"],
        0,
        3,
    )
    tables.equal_truth(toast.url, [PHOENIX], date, date)
    assert tables.count(SHIFTS, f"time_entry_guid = '{others[1]}' AND is_deleted") == 1


def test_an_entry_whose_clock_in_is_corrected_moves_with_all_its_rows_and_back(
    labor_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    """Only the date that it moved to is read; its rows under the other one are found."""
    old, new = dt.date(2026, 2, 17), dt.date(2026, 2, 18)
    labor_daily(restaurant_guid=PHOENIX, start_date=old, end_date=new).succeeded()
    entry = toast.keys(PHOENIX, old, BREAKS)[0][0]
    for date in (new, old):
        toast.edit_time_entry(PHOENIX, entry, "move_business_date", business_date=date)
        reply = labor_daily(restaurant_guid=PHOENIX, **day(date)).succeeded()
        assert reply.only["tables"][SHIFTS]["updated"] == 1
        tables.equal_truth(toast.url, [PHOENIX], old, new)


def test_without_dates_what_changed_since_the_last_call_is_loaded(
    labor_daily: InProcess, toast: SimulatorControl, tables: Tables, environment: dict[str, str]
) -> None:
    """Entries of any past day, those that were archived, and all of the days that began since."""
    start = dt.datetime(2025, 10, 14, 15, tzinfo=dt.UTC)
    where = "function = 'labor_daily' AND watermark IS NOT NULL"
    own = Tables(tables.client, "labor_following", LABOR_TABLES)
    with in_process(environment | {"BQ_DATASET": own.dataset}, "labor_daily") as function:
        toast.clock(start)
        first = function().succeeded()
        last = start.date() - dt.timedelta(days=1)
        assert first.restaurants[BROOKLYN]["end_date"] == str(last)
        entries = [key[0] for key in toast.keys(BROOKLYN, last, SHIFTS)]
        toast.edit_time_entry(BROOKLYN, entries[0], "delete")
        toast.edit_time_entry(BROOKLYN, entries[1], "tips")
        toast.clock(start + dt.timedelta(days=3))
        reply = function().succeeded()
    runs = own.rows(f"SELECT * FROM {{dataset}}.etl_runs WHERE {where} AND run_id = '{reply.body['run_id']}'")
    assert {(run["mode"], run["watermark"] - run["started_at"]) for run in runs} == {("modified", -SETTLING)}
    own.equal_truth(toast.url, [BROOKLYN], last, last)
    own.equal_truth(toast.url, GROUP, last + dt.timedelta(days=2), last + dt.timedelta(days=3))
    told = {one["business_date"]: one["complete"] for one in reply.restaurants[BROOKLYN]["business_days"]}
    assert told[str(last + dt.timedelta(days=2))] is True


# --- when something cannot be read -------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["business_date", "modified"])
def test_an_entry_that_cannot_be_read_is_kept_aside_and_the_rest_is_loaded(
    labor_daily: InProcess, toast: SimulatorControl, tables: Tables, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Filed under the date that was asked for, or the one that it says it belongs to."""
    date = dt.date(2026, 1, 20 if mode == "business_date" else 22)
    decode = labor_extraction.decode_time_entries
    spoilt = (b'"inDate":"', b'"inDate":"once ', 1)
    with monkeypatch.context() as patch:
        patch.setattr(labor_extraction, "decode_time_entries", lambda body: decode(body.replace(*spoilt)))
        reply = labor_daily(restaurant_guid=PHOENIX, mode=mode, **day(date)).succeeded()
    assert reply.only["rejects"] == 1
    run = reply.body["run_id"]
    (reject,) = tables.rows(f"SELECT * FROM {{dataset}}.etl_rejects WHERE run_id = '{run}'")
    held = f"time_entry_guid = '{reject['object_guid']}'"
    assert (reject["source"], reject["restaurant_guid"]) == ("labor", PHOENIX)
    assert "inDate" in reject["reason"]
    if mode == "business_date":
        assert reject["business_date"] == date
    assert reject["object_guid"] in {key[0] for key in toast.keys(PHOENIX, reject["business_date"], SHIFTS)}
    assert tables.count(SHIFTS, held) == 0
    days = tables.rows(f"SELECT * FROM {{dataset}}.business_days WHERE run_id = '{run}'")
    assert {row["business_date"]: row["rejects"] for row in days}[reject["business_date"]] == 1
    mended = labor_daily(restaurant_guid=PHOENIX, **day(reject["business_date"])).succeeded()
    assert mended.only["rejects"] == 0
    assert tables.count(SHIFTS, held) == 1
    tables.equal_truth(toast.url, [PHOENIX], reject["business_date"], reject["business_date"])


def test_a_restaurant_whose_time_entries_toast_refuses_does_not_hold_up_the_others(
    labor_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    date = dt.date(2026, 1, 26)
    toast.fault("forbidden", rate=1.0, path="timeEntries", restaurant_guid=BROOKLYN)
    reply = labor_daily(**day(date))
    assert (reply.status, reply.body["status"]) == (200, "partial")
    told = reply.restaurants[BROOKLYN]
    assert (told["status"], told["business_days"]) == ("failed", [])
    assert all(word in told["error"] for word in ("/labor/v1/timeEntries", "labor:read", BROOKLYN))
    tables.equal_truth(toast.url, [PHOENIX], date, date)


# --- what went wrong in an earlier system ------------------------------------------------------------


def test_labor_is_asked_for_so_that_toast_gives_its_records_where_other_ways_give_none(
    labor_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    """The labor API gave 0 records, or not all: each of these ways loses some without an error, and ours does not."""
    date = dt.date(2026, 2, 13)
    labor_daily(restaurant_guid=BROOKLYN, **day(date)).succeeded()
    expected = {key[0] for key in toast.keys(BROOKLYN, date, SHIFTS)}
    held = tables.rows(
        f"SELECT * FROM {{dataset}}.{SHIFTS} WHERE business_date = '{date}' AND restaurant_guid = '{BROOKLYN}'"
    )
    assert {row["time_entry_guid"] for row in held} == expected
    tables.equal_truth(toast.url, [BROOKLYN], date, date)

    # Archive one, and read the day again: it stays, flagged.
    archived = min(expected)
    toast.edit_time_entry(BROOKLYN, archived, "delete")
    assert labor_daily(restaurant_guid=BROOKLYN, **day(date)).succeeded().only["tables"][SHIFTS]["updated"] == 1
    tables.equal_truth(toast.url, [BROOKLYN], date, date)

    start, end = "2026-02-13T09:00:00.000+0000", "2026-02-14T09:00:00.000+0000"  # from 4 to 4 in Brooklyn
    everything = {"startDate": start, "endDate": end, "includeArchived": "true"}
    assert time_entries(toast, everything) == expected
    # Selected by business date, or by a range without includeArchived, archived entries are never there.
    assert time_entries(toast, {"businessDate": "20260213", "includeArchived": "true"}) == expected - {archived}
    assert time_entries(toast, {"startDate": start, "endDate": end}) == expected - {archived}
    # The calendar day in UTC is another day than the restaurant's: in Phoenix it misses who comes after 17:00.
    labor_daily(restaurant_guid=PHOENIX, **day(date)).succeeded()
    tables.equal_truth(toast.url, [PHOENIX], date, date)
    utc_day = {"startDate": "2026-02-13T00:00:00.000+0000", "endDate": "2026-02-14T00:00:00.000+0000"}
    in_phoenix = {key[0] for key in toast.keys(PHOENIX, date, SHIFTS)}
    assert in_phoenix - time_entries(toast, utc_day | {"includeArchived": "true"}, PHOENIX)


def test_the_offset_of_a_moment_is_encoded_so_that_toast_reads_it(
    labor_daily: InProcess, toast: SimulatorControl
) -> None:
    """A bare + in an address means a space; Toast cannot read the moment then."""
    start, end = "2026-02-13T09:00:00.000+0000", "2026-02-14T09:00:00.000+0000"
    bare = answer(toast, f"startDate={start}&endDate={end}")
    encoded = answer(toast, f"startDate={quote(start)}&endDate={quote(end)}")
    assert bare.status_code == 400 or bare.json() == []
    assert encoded.json()
    toast.count_requests_anew()
    assert labor_daily(restaurant_guid=BROOKLYN, **day(dt.date(2026, 2, 13))).succeeded().count("extracted") > 0
    assert set(toast.requests_so_far()["by_status"]) == {"200"}


def answer(toast: SimulatorControl, query: str, restaurant: str = BROOKLYN) -> requests.Response:
    """Toast's own answer about time entries to an address as it stands."""
    login = {"clientId": "simulator", "clientSecret": "simulator", "userAccessType": "TOAST_MACHINE_CLIENT"}
    token: Json = requests.post(f"{toast.url}/authentication/v1/authentication/login", json=login, timeout=10).json()
    headers = {"Authorization": f"Bearer {token['token']['accessToken']}", "Toast-Restaurant-External-ID": restaurant}
    return requests.get(f"{toast.url}/labor/v1/timeEntries?{query}", headers=headers, timeout=10)


def time_entries(toast: SimulatorControl, selection: dict[str, str], restaurant: str = BROOKLYN) -> set[str]:
    """The time entries that Toast gives for a selection."""
    query = "&".join(f"{name}={quote(value)}" for name, value in selection.items())
    return {entry["guid"] for entry in answer(toast, query, restaurant).json()}
