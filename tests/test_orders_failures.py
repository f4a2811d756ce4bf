"""orders_daily when things break: what can be survived is, and what cannot leaves nothing half done."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import functions
import pytest
from functions import (
    RESTAURANTS,
    WITHOUT_VIEWS,
    InProcess,
    Reply,
    SimulatorControl,
    Tables,
    in_process,
    restaurants_file,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

import main_orders
from local_stack.processes import (
    PROJECT,
    ServerProcess,
    emulator_process,
    function_environment,
    function_process,
    simulator_process,
)
from shared import order_extraction
from shared.errors import ToastUnavailable
from shared.order_tables import FACT_ORDERS, ORDER_CHILDREN, ORDER_TABLES
from shared.units import DayUnit

BROOKLYN, AUSTIN = RESTAURANTS[0].guid, RESTAURANTS[7].guid
GROUP = [BROOKLYN, AUSTIN]
CLOCK = "2026-02-24T18:00:00Z"
TABLE_NAMES = [table.name for table in ORDER_TABLES]
FIRST_CHILD, *_, LAST_CHILD = (table.name for table in ORDER_CHILDREN.values())
BUSY_DATE = dt.date(2026, 1, 17)


@pytest.fixture(scope="module")
def toast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorControl]:
    """A simulated Toast of small restaurants."""
    folder = tmp_path_factory.mktemp("toast")
    with simulator_process(folder, seed=7, clock=CLOCK, limits="off", volume=12) as server:
        yield SimulatorControl(server.url)


@pytest.fixture(scope="module")
def busy_toast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorControl]:
    """A simulated Toast of restaurants with several pages of orders a day."""
    folder = tmp_path_factory.mktemp("busy-toast")
    with simulator_process(folder, seed=7, clock=CLOCK, limits="off", volume=150) as server:
        yield SimulatorControl(server.url)


@pytest.fixture(autouse=True)
def _faults_end(toast: SimulatorControl, busy_toast: SimulatorControl) -> Iterator[None]:
    yield
    toast.no_faults()
    busy_toast.no_faults()


@pytest.fixture(scope="module")
def group_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return restaurants_file(tmp_path_factory.mktemp("group") / "restaurants.toml", GROUP)


@pytest.fixture(scope="module")
def environment(toast: SimulatorControl, emulator: str, group_file: Path) -> dict[str, str]:
    return {
        **function_environment(toast.url, emulator),
        "BQ_DATASET": "orders_failures",
        "RESTAURANTS_FILE": str(group_file),
    }


@pytest.fixture
def orders_daily(environment: dict[str, str]) -> Iterator[InProcess]:
    with in_process(environment) as function:
        yield function


@pytest.fixture
def busy_orders_daily(environment: dict[str, str], busy_toast: SimulatorControl) -> Iterator[InProcess]:
    with in_process(environment | {"TOAST_API_HOST": busy_toast.url, "BQ_DATASET": "busy_failures"}) as function:
        yield function


@pytest.fixture
def tables(warehouse_client: bigquery.Client) -> Tables:
    return Tables(warehouse_client, "orders_failures")


@pytest.fixture
def busy_tables(warehouse_client: bigquery.Client) -> Tables:
    return Tables(warehouse_client, "busy_failures")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls give up on Toast after two seconds."""
    monkeypatch.setenv("TIME_BUDGET_SECONDS", "2")


def held(tables: Tables, restaurant: str, date: dt.date) -> dict[str, int]:
    """The order tables that have rows of a restaurant and date, and how many."""
    where = f"restaurant_guid = '{restaurant}' AND business_date = '{date}'"
    counts = {name: tables.count(name, where) for name in TABLE_NAMES}
    return {name: n for name, n in counts.items() if n}


def coverage(tables: Tables, restaurant: str, date: dt.date) -> int:
    """How many complete rows business_days has of a restaurant and date."""
    return tables.count("business_days", f"restaurant_guid = '{restaurant}' AND business_date = '{date}' AND complete")


# --- what passes -------------------------------------------------------------------------------------

ORDERS = {"path": "ordersBulk"}
PASSING: dict[str, list[dict[str, Any]]] = {
    "a storm of 429": [{"kind": "status_429", "times": 8, **ORDERS}],
    "500": [{"kind": "status_5xx", "status": 500, "times": 3, **ORDERS}],
    "503": [{"kind": "status_5xx", "times": 3, **ORDERS}],
    "cut connections": [{"kind": "cut_connection", "times": 3, **ORDERS}],
    "half a body": [{"kind": "truncated_body", "variant": "json", "times": 3, **ORDERS}],
    "half a body, then the end": [{"kind": "truncated_body", "variant": "connection", "times": 3, **ORDERS}],
    "slow replies": [{"kind": "delay", "seconds": 1.5, "times": 3, **ORDERS}],
    "a token that expires": [{"kind": "expired_token", "times": 1, "after": 2, **ORDERS}],
    "a login that fails at first": [{"kind": "status_5xx", "times": 1, "path": "login"}],
    "a bit of everything": [
        {"kind": "status_429", "rate": 0.1},
        {"kind": "status_5xx", "rate": 0.1, **ORDERS},
        {"kind": "cut_connection", "rate": 0.1},
        {"kind": "truncated_body", "rate": 0.1, **ORDERS},
        {"kind": "truncated_body", "variant": "connection", "rate": 0.1, **ORDERS},
        {"kind": "delay", "seconds": 0.5, "rate": 0.1},
    ],
}


@pytest.mark.parametrize("faults", PASSING)
def test_what_passes_is_survived_with_nothing_lost_and_nothing_twice(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables, faults: str
) -> None:
    start = dt.date(2025, 6, 2) + dt.timedelta(days=3 * list(PASSING).index(faults))
    end = start + dt.timedelta(days=2)
    for fault in PASSING[faults]:
        toast.fault(**fault)
    orders_daily(start_date=start, end_date=end).succeeded()
    assert toast.struck() > 0
    toast.no_faults()
    tables.equal_truth(toast.url, GROUP, start, end)


def test_requests_that_were_repeated_are_counted(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    date = dt.date(2025, 7, 14)
    orders_daily(restaurant_guid=BROOKLYN, start_date=date, end_date=date).succeeded()
    toast.count_requests_anew()
    toast.fault("cut_connection", times=2, **ORDERS)
    entry = orders_daily(restaurant_guid=BROOKLYN, start_date=date, end_date=date).succeeded().only
    seen = toast.requests_so_far()
    assert (entry["pages"], entry["requests"]) == (1, seen["total"] - seen["logins"])
    assert entry["requests"] >= 3


# --- a unit that fails for good ----------------------------------------------------------------------


def test_a_page_that_fails_for_good_leaves_its_day_not_done_and_the_others_done(
    busy_orders_daily: InProcess, busy_toast: SimulatorControl, busy_tables: Tables, impatient: None
) -> None:
    date = dt.date(2026, 1, 10)
    dates = {"start_date": date, "end_date": date}
    # Brooklyn's restaurant and its first page pass, the second page never does.
    busy_toast.fault("status_5xx", rate=1.0, after=1, restaurant_guid=BROOKLYN, **ORDERS)
    reply = busy_orders_daily(**dates)
    assert busy_toast.struck() > 0
    assert (reply.status, reply.body["status"]) == (503, "partial")
    assert int(reply.headers["Retry-After"]) > 0
    assert reply.headers["Content-Type"] == "application/json"
    brooklyn, austin = reply.restaurants[BROOKLYN], reply.restaurants[AUSTIN]
    assert (brooklyn["status"], austin["status"]) == ("failed", "success")
    assert (brooklyn["resume_from"], austin["resume_from"]) == ({"start_date": str(date)}, None)
    assert BROOKLYN in brooklyn["error"]
    assert "503" in brooklyn["error"]
    assert brooklyn["business_days"] == []
    assert brooklyn["tables"]["fact_orders"]["inserted"] == 0
    assert held(busy_tables, BROOKLYN, date) == {}
    assert coverage(busy_tables, BROOKLYN, date) == 0
    busy_tables.equal_truth(busy_toast.url, [AUSTIN], date, date)

    busy_toast.no_faults()
    again = busy_orders_daily(**dates).succeeded()
    assert again.restaurants[AUSTIN]["tables"]["fact_orders"]["inserted"] == 0
    assert coverage(busy_tables, BROOKLYN, date) == 1
    busy_tables.equal_truth(busy_toast.url, GROUP, date, date)


def test_a_day_in_the_middle_that_fails_is_where_to_resume(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, middle, last = (dt.date(2025, 8, day) for day in (5, 6, 7))
    read = main_orders.read_orders

    def fail_at_the_end(client: Any, unit: DayUnit, load: Any, deadline: float) -> None:
        read(client, unit, load, deadline)  # all of its rows are on their way by then
        if unit.business_date == middle:
            raise ToastUnavailable("the last page did not come", retry_after=7)

    with monkeypatch.context() as patch:
        patch.setattr(main_orders, "read_orders", fail_at_the_end)
        reply = orders_daily(restaurant_guid=BROOKLYN, start_date=first, end_date=last)
    assert (reply.status, reply.headers["Retry-After"], reply.body["status"]) == (503, "7", "partial")
    entry = reply.only
    assert (entry["status"], entry["error"]) == ("partial", "the last page did not come")
    assert entry["resume_from"] == {"start_date": str(middle)}
    assert [one["business_date"] for one in entry["business_days"]] == [str(first), str(last)]
    assert held(tables, BROOKLYN, middle) == {}
    assert [coverage(tables, BROOKLYN, date) for date in (first, middle, last)] == [1, 0, 1]
    for date in (first, last):
        tables.equal_truth(toast.url, [BROOKLYN], date, date)
    (run,) = tables.rows(f"SELECT status, error FROM {{dataset}}.etl_runs WHERE run_id = '{reply.body['run_id']}'")
    assert run == {"status": "partial", "error": "the last page did not come"}

    resumed = orders_daily(restaurant_guid=BROOKLYN, **entry["resume_from"], end_date=last).succeeded()
    assert resumed.only["resume_from"] is None
    tables.equal_truth(toast.url, [BROOKLYN], first, last)


def test_when_nothing_succeeds_the_reply_is_a_problem_and_the_ledger_has_it(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables, impatient: None
) -> None:
    date = dt.date(2025, 8, 12)
    toast.fault("status_5xx", rate=1.0, **ORDERS)
    problem = orders_daily(start_date=date, end_date=date).is_problem(503, "ordersBulk")
    runs = tables.rows(f"SELECT * FROM {{dataset}}.etl_runs WHERE run_id = '{problem['run_id']}'")
    assert {(run["restaurant_guid"], run["status"], bool(run["error"])) for run in runs} == {
        (guid, "failed", True) for guid in GROUP
    }
    assert [held(tables, guid, date) for guid in GROUP] == [{}, {}]


@pytest.mark.parametrize("path", ["ordersBulk", "restaurants"])
def test_a_restaurant_that_toast_refuses_does_not_hold_up_the_others(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables, path: str
) -> None:
    date = dt.date(2025, 8, 18 if path == "ordersBulk" else 20)
    toast.fault("forbidden", rate=1.0, restaurant_guid=AUSTIN, path=path)
    reply = orders_daily(start_date=date, end_date=date)
    assert (reply.status, reply.body["status"]) == (200, "partial")
    assert "Retry-After" not in reply.headers
    austin = reply.restaurants[AUSTIN]
    assert austin["status"] == "failed"
    assert all(word in austin["error"] for word in (path, "scope", "read", "requestId", AUSTIN))
    assert reply.restaurants[BROOKLYN]["status"] == "success"
    assert held(tables, AUSTIN, date) == {}
    tables.equal_truth(toast.url, [BROOKLYN], date, date)
    rows = tables.rows(f"SELECT * FROM {{dataset}}.etl_runs WHERE run_id = '{reply.body['run_id']}'")
    assert {row["restaurant_guid"]: row["status"] for row in rows} == {BROOKLYN: "success", AUSTIN: "failed"}


def test_a_refused_restaurant_is_asked_for_few_of_its_days(orders_daily: InProcess, toast: SimulatorControl) -> None:
    toast.fault("forbidden", rate=1.0, path="ordersBulk")
    orders_daily(restaurant_guid=AUSTIN, start_date="2025-07-01", end_date="2025-07-31").is_problem(502, "ordersBulk")
    assert toast.struck() <= 16


# --- orders that change while they are read ----------------------------------------------------------


def test_an_order_edited_while_its_day_is_paged_through_hides_no_other(
    busy_orders_daily: InProcess, busy_toast: SimulatorControl, busy_tables: Tables
) -> None:
    busy_toast.fault("edit_while_paging", times=1)
    reply = busy_orders_daily(restaurant_guid=AUSTIN, start_date=BUSY_DATE, end_date=BUSY_DATE).succeeded()
    assert busy_toast.struck() == 1
    assert reply.only["pages"] > 2
    busy_tables.equal_truth(busy_toast.url, [AUSTIN], BUSY_DATE, BUSY_DATE)
    orders = reply.only["tables"]["fact_orders"]
    assert orders == {
        "extracted": busy_tables.count("fact_orders", f"business_date = '{BUSY_DATE}'"),
        "inserted": orders["extracted"],
        "updated": 0,
        "unchanged": 0,
    }


def test_a_day_that_never_holds_still_is_not_called_complete(
    busy_orders_daily: InProcess, busy_toast: SimulatorControl, busy_tables: Tables
) -> None:
    date = BUSY_DATE + dt.timedelta(days=7)
    busy_toast.fault("edit_while_paging", rate=1.0)
    busy_orders_daily(restaurant_guid=AUSTIN, start_date=date, end_date=date).is_problem(503, str(date))
    assert coverage(busy_tables, AUSTIN, date) == 0
    assert held(busy_tables, AUSTIN, date) == {}
    busy_toast.no_faults()
    time.sleep(1.1)  # Toast's clock shows whole seconds
    busy_orders_daily(restaurant_guid=AUSTIN, start_date=date, end_date=date).succeeded()
    busy_tables.equal_truth(busy_toast.url, [AUSTIN], date, date)


def test_a_day_of_which_no_order_can_be_read_is_all_rejects(
    busy_orders_daily: InProcess,
    busy_toast: SimulatorControl,
    busy_tables: Tables,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    date = dt.date(2026, 1, 31)
    decode = order_extraction.decode_orders_page
    renamed = lambda body: decode(body.replace(b'"businessDate":', b'"businessDay":'))  # noqa: E731
    monkeypatch.setattr(order_extraction, "decode_orders_page", renamed)
    reply = busy_orders_daily(restaurant_guid=AUSTIN, start_date=date, end_date=date).succeeded()
    assert reply.only["pages"] > 1
    assert reply.only["rejects"] == len(busy_toast.keys(AUSTIN, date))
    assert busy_tables.count("etl_rejects", f"run_id = '{reply.body['run_id']}'") == reply.only["rejects"]


# --- processes that die ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The function as a process of its own, which may be killed; tests start it."""
    with ExitStack() as stack:
        process = function_process("orders_daily", tmp_path_factory.mktemp("server"), environment, source=WITHOUT_VIEWS)
        stack.callback(process.stop)
        yield process


def kill_when(server: ServerProcess, moment: Callable[[], bool], **body: Any) -> bool:
    """Call the function, and end its process as kill -9 does as soon as the moment has come.

    False if the call was over before the moment was seen: a busy machine can miss a short one.
    """
    if not server.running:
        server.start().wait_until_ready()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(functions.post, server.url, **body)
        while not call.done() and not moment():
            time.sleep(0.02)  # looking takes the warehouse's time, too
        if call.done():
            return False
        server.kill()
        return call.exception() is not None


def is_in(table: str) -> Callable[[Tables, str], bool]:
    return lambda tables, where: tables.count(table, where) > 0


MOMENTS: dict[str, Callable[[Tables, str], bool]] = {
    "while the staging table is loaded": lambda tables, _: bool(tables.staging_tables()),
    "after the first table": is_in(FIRST_CHILD),
    "before the orders themselves": is_in(LAST_CHILD),
    "before the business days": is_in(FACT_ORDERS.name),
    "before the ledger": is_in("business_days"),
}


def test_a_function_killed_while_it_reads_leaves_nothing(
    server: ServerProcess, toast: SimulatorControl, tables: Tables, orders_daily: InProcess
) -> None:
    date = dt.date(2025, 9, 1)
    toast.count_requests_anew()
    toast.fault("delay", seconds=3.0, rate=1.0, **ORDERS)
    assert kill_when(
        server,
        lambda: toast.requests_so_far()["by_path"].get("/orders/v2/ordersBulk", 0) > 0 or toast.struck() > 0,
        restaurant_guid=BROOKLYN,
        start_date=date,
        end_date=date,
    )
    toast.no_faults()
    assert held(tables, BROOKLYN, date) == {}
    orders_daily(restaurant_guid=BROOKLYN, start_date=date, end_date=date).succeeded()
    tables.equal_truth(toast.url, [BROOKLYN], date, date)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_function_killed_while_it_writes_is_mended_by_the_next_call(
    server: ServerProcess, toast: SimulatorControl, tables: Tables, orders_daily: InProcess, moment: str
) -> None:
    for attempt in range(5):
        start = dt.date(2025, 9, 8) + dt.timedelta(days=3 * list(MOMENTS).index(moment) - 30 * attempt)
        dates = {"start_date": start, "end_date": start + dt.timedelta(days=2)}
        where = f"business_date BETWEEN '{start}' AND '{dates['end_date']}'"
        for leftover in tables.staging_tables():
            tables.client.delete_table(f"{tables.dataset}.{leftover}")
        if kill_when(server, lambda where=where: MOMENTS[moment](tables, where), **dates):
            break
    else:
        pytest.fail(f"five calls were over before the moment {moment!r} was seen")
    orders_daily(**dates).succeeded()
    tables.equal_truth(toast.url, GROUP, *dates.values())
    assert [coverage(tables, guid, start) for guid in GROUP] in ([1, 1], [2, 2])


def test_a_function_killed_while_it_replaces_old_rows_is_mended_by_the_next_call(
    server: ServerProcess, toast: SimulatorControl, tables: Tables, orders_daily: InProcess
) -> None:
    date = dt.date(2025, 10, 3)
    body = {"restaurant_guid": AUSTIN, "start_date": date, "end_date": date}
    orders_daily(**body).succeeded()
    for order, *_ in toast.keys(AUSTIN, date):
        toast.edit(AUSTIN, order, "drop_selection")
    before = tables.count("fact_orders", f"business_date = '{date}'")
    assert kill_when(server, lambda: tables.count("fact_orders", f"business_date = '{date}'") > before, **body)
    orders_daily(**body).succeeded()
    tables.equal_truth(toast.url, [AUSTIN], date, date)


def test_each_log_line_of_the_process_is_json_with_the_run(server: ServerProcess) -> None:
    if not server.running:
        server.start().wait_until_ready()
    reply = functions.post(server.url, restaurant_guid=BROOKLYN, start_date="2025-09-01", end_date="2025-09-01")
    own = [line for line in server.log().splitlines() if line.strip() and not line.startswith("[")]  # [: gunicorn's
    assert own
    assert {json.loads(line)["run_id"] for line in own} == {reply.succeeded().body["run_id"]}


def test_a_warehouse_killed_between_two_calls_is_found_again(
    environment: dict[str, str], toast: SimulatorControl, tmp_path: Path
) -> None:
    date = dt.date(2025, 10, 10)
    body = {"start_date": date, "end_date": date}
    with emulator_process(tmp_path) as emulator:
        client = bigquery.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": emulator.url})
        tables = Tables(client, "orders_failures")
        with in_process(environment | {"BIGQUERY_EMULATOR_HOST": emulator.url}) as function:
            first: Reply = function(**body).succeeded()
            emulator.kill()
            emulator.start().wait_until_ready()
            again = function(**body).succeeded()
        assert again.count("unchanged") == again.count("extracted") == first.count("inserted") > 0
        tables.equal_truth(toast.url, GROUP, date, date)
        client.close()
