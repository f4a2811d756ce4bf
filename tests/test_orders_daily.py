"""orders_daily as a whole: from a simulated Toast into an emulated BigQuery, over real sockets, and equal to truth."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import functions
import msgspec
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

from local_stack.processes import function_environment, function_process, simulator_process
from shared import order_extraction
from shared.bigquery_utils import Warehouse
from shared.order_tables import ORDER_TABLES
from shared.statements import Statement

if TYPE_CHECKING:
    from google.cloud import bigquery

BROOKLYN, BACK_BAY, CHICAGO, DENVER, PHOENIX, VENICE, WAIKIKI = (one.guid for one in RESTAURANTS[:7])
MONTREAL = RESTAURANTS[10].guid
GROUP = [BROOKLYN, PHOENIX, WAIKIKI]  # time zones with and without daylight saving; closeout at 4 and at 0
CLOCK = "2026-02-24T18:00:00Z"
YESTERDAY, TODAY = dt.date(2026, 2, 23), dt.date(2026, 2, 24)
WEEK = {"start_date": dt.date(2026, 2, 16), "end_date": dt.date(2026, 2, 22)}
AT_ONCE = "orders_at_once"
TABLE_NAMES = [table.name for table in ORDER_TABLES]


@pytest.fixture(scope="module")
def toast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorControl]:
    """A simulated Toast of small restaurants, which tests may edit."""
    folder = tmp_path_factory.mktemp("toast")
    with simulator_process(folder, seed=7, clock=CLOCK, limits="off", volume=12) as server:
        yield SimulatorControl(server.url)


@pytest.fixture(scope="module")
def environment(toast: SimulatorControl, emulator: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A tenant of three restaurants, with a dataset of this module."""
    file = restaurants_file(tmp_path_factory.mktemp("group") / "restaurants.toml", GROUP)
    return {
        **function_environment(toast.url, emulator),
        "BQ_DATASET": "orders_daily",
        "RESTAURANTS_FILE": str(file),
    }


@pytest.fixture(scope="module")
def orders_daily(environment: dict[str, str]) -> Iterator[InProcess]:
    with in_process(environment) as function:
        yield function


@pytest.fixture(scope="module")
def tables(warehouse_client: bigquery.Client) -> Tables:
    return Tables(warehouse_client, "orders_daily")


@pytest.fixture
def at(toast: SimulatorControl) -> Iterator[Callable[[str], None]]:
    """Sets Toast's clock for one test."""
    yield toast.clock
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


# --- a call, and the same call again -----------------------------------------------------------------


@pytest.fixture(scope="module")
def week(orders_daily: InProcess) -> Reply:
    """A week of all restaurants, loaded in one call."""
    return orders_daily(restaurant_guid="ALL", **WEEK).succeeded()


def test_a_week_of_all_restaurants_equals_the_truth_in_all_tables(
    week: Reply, toast: SimulatorControl, tables: Tables
) -> None:
    tables.equal_truth(toast.url, GROUP, *WEEK.values())


def test_the_reply_tells_what_was_done_for_each_restaurant(week: Reply, tables: Tables) -> None:
    body = week.body
    assert body.keys() == {"status", "function", "run_id", "restaurants"}
    assert (body["function"], list(week.restaurants)) == ("orders_daily", GROUP)
    for guid, entry in week.restaurants.items():
        assert (entry["status"], entry["error"], entry["resume_from"]) == ("success", None, None)
        assert (entry["start_date"], entry["end_date"]) == ("2026-02-16", "2026-02-22")
        assert entry["rejects"] == 0
        assert entry["requests"] >= entry["pages"] >= 7
        assert [one["business_date"] for one in entry["business_days"]] == [f"2026-02-{n}" for n in range(16, 23)]
        for name in TABLE_NAMES:
            rows = tables.count(
                name, f"restaurant_guid = '{guid}' AND business_date BETWEEN '2026-02-16' AND '2026-02-22'"
            )
            assert entry["tables"][name] == {"extracted": rows, "inserted": rows, "updated": 0, "unchanged": 0}


def test_the_same_call_again_changes_nothing_and_says_so(
    week: Reply, orders_daily: InProcess, toast: SimulatorControl, tables: Tables, statements: list[str]
) -> None:
    again = orders_daily(restaurant_guid="ALL", **WEEK).succeeded()
    assert (again.count("inserted"), again.count("updated")) == (0, 0)
    assert again.count("unchanged") == again.count("extracted") == week.count("extracted")
    facts = [sql for sql in statements if sql.startswith(("INSERT", "DELETE", "UPDATE", "MERGE")) and "fact_" in sql]
    assert facts == []
    tables.equal_truth(toast.url, GROUP, *WEEK.values())


def test_a_call_leaves_no_staging_table_behind(week: Reply, tables: Tables) -> None:
    assert tables.staging_tables() == []


def test_the_run_ledger_repeats_the_reply(week: Reply, tables: Tables) -> None:
    rows = tables.rows(f"SELECT * FROM {{dataset}}.etl_runs WHERE run_id = '{week.body['run_id']}'")
    assert {row["restaurant_guid"] for row in rows} == set(GROUP)
    for row in rows:
        entry = week.restaurants[row["restaurant_guid"]]
        sums = {what: sum(counts[what] for counts in entry["tables"].values()) for what in ("extracted", "inserted")}
        assert {name: row[name] for name in sums} == sums
        assert {name: row[name] for name in ("pages", "requests", "rejects", "updated")} == {
            "pages": entry["pages"],
            "requests": entry["requests"],
            "rejects": 0,
            "updated": 0,
        }
        assert (row["function"], row["status"], row["error"]) == ("orders_daily", "success", None)
        assert row["run_date"] == TODAY
        assert row["started_at"] <= row["finished_at"]
        assert (row["mode"], row["start_date"], row["end_date"]) == ("business_date", *WEEK.values())
        assert (row["covered_from"], row["watermark"]) == (None, None), "an explicit range follows no changes"


@pytest.fixture(scope="module")
def two_processes(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The URLs of two processes of the function, as on Cloud Run, for which nothing is there yet."""
    here = environment | {"BQ_DATASET": AT_ONCE}
    with ExitStack() as stack:
        servers = [
            function_process("orders_daily", tmp_path_factory.mktemp("instance"), here, source=WITHOUT_VIEWS).start()
            for _ in range(2)
        ]
        for server in servers:
            stack.callback(server.stop)
        yield [server.wait_until_ready().url for server in servers]


@pytest.fixture(scope="module")
def tables_at_once(warehouse_client: bigquery.Client) -> Tables:
    return Tables(warehouse_client, AT_ONCE)


def test_six_equal_calls_at_the_same_moment_leave_every_row_once(
    two_processes: list[str], toast: SimulatorControl, tables_at_once: Tables
) -> None:
    """The processes also meet while they create the tables."""
    tables, dates = tables_at_once, {"start_date": dt.date(2026, 2, 18), "end_date": dt.date(2026, 2, 20)}
    calls = functions.post_at_once(two_processes, [{"restaurant_guid": BROOKLYN, **dates}] * 6)
    replies = [call.succeeded() for call in calls]
    tables.equal_truth(toast.url, [BROOKLYN], *dates.values())
    for name in TABLE_NAMES:
        counts = [reply.only["tables"][name] for reply in replies]
        rows = tables.count(name)
        assert {one["extracted"] for one in counts} == {rows}
        assert all(one["inserted"] + one["updated"] + one["unchanged"] == rows for one in counts)
        assert sum(one["inserted"] for one in counts) == rows
        assert sum(one["updated"] for one in counts) == 0
    assert tables.count("business_days") == 6 * 3
    assert tables.count("etl_runs") == 6
    assert tables.staging_tables() == []


@pytest.mark.parametrize(("count", "start"), [(2, dt.date(2026, 1, 5)), (8, dt.date(2026, 1, 12))])
def test_calls_for_overlapping_days_at_the_same_moment_leave_every_row_once_and_tell_the_truth(
    two_processes: list[str], toast: SimulatorControl, tables_at_once: Tables, count: int, start: dt.date
) -> None:
    """Three days each, each call a day later than the one before; half of the orders have been edited since a load."""
    tables, shifts = tables_at_once, [dt.timedelta(days=number) for number in range(count)]
    end = start + shifts[-1] + dt.timedelta(days=2)
    middle = start + (end - start) / 2
    functions.post(two_processes[0], restaurant_guid=BROOKLYN, start_date=start, end_date=middle).succeeded()
    edited = [order for order, *_ in toast.keys(BROOKLYN, middle)]
    for order in edited:
        toast.edit(BROOKLYN, order, "drop_selection")
    ranges = [(start + shift, start + shift + dt.timedelta(days=2)) for shift in shifts]
    bodies = [{"restaurant_guid": BROOKLYN, "start_date": one, "end_date": other} for one, other in ranges]
    replies = [reply.succeeded() for reply in functions.post_at_once(two_processes, bodies)]

    tables.equal_truth(toast.url, [BROOKLYN], start, end)
    for name in TABLE_NAMES:
        counts = [reply.only["tables"][name] for reply in replies]
        for (one, other), told in zip(ranges, counts, strict=True):
            assert told["extracted"] == tables.count(name, f"business_date BETWEEN '{one}' AND '{other}'")
            assert told["inserted"] + told["updated"] + told["unchanged"] == told["extracted"]
        assert sum(told["inserted"] for told in counts) == tables.count(
            name, f"business_date BETWEEN '{middle + dt.timedelta(days=1)}' AND '{end}'"
        )
    assert sum(reply.only["tables"]["fact_orders"]["updated"] for reply in replies) == len(edited)
    for (one, other), reply in zip(ranges, replies, strict=True):
        assert [day["business_date"] for day in reply.only["business_days"]] == [
            str(one + dt.timedelta(days=number)) for number in range(3)
        ]
        (run,) = tables.rows(f"SELECT * FROM {{dataset}}.etl_runs WHERE run_id = '{reply.body['run_id']}'")
        assert (run["start_date"], run["end_date"], run["inserted"]) == (one, other, reply.count("inserted"))
    assert tables.staging_tables() == []


# --- which days, and what they were ------------------------------------------------------------------


def verdicts(reply: Reply) -> list[tuple[str, str | None, bool]]:
    return [(one["status"], one["reason"], one["complete"]) for one in reply.only["business_days"]]


def test_by_business_date_without_dates_the_last_finished_one_is_loaded(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    reply = orders_daily(mode="business_date").succeeded()
    for entry in reply.restaurants.values():
        assert (entry["start_date"], entry["end_date"]) == (str(YESTERDAY), str(YESTERDAY))
    tables.equal_truth(toast.url, GROUP, YESTERDAY, YESTERDAY)


def test_by_business_date_without_dates_each_restaurant_has_its_own_last_finished_date(
    orders_daily: InProcess, at: Callable[[str], None]
) -> None:
    at("2026-02-24T09:30:00Z")  # 04:30 in Brooklyn, after its closeout; 23:30 the day before in Waikiki
    reply = orders_daily(mode="business_date").succeeded()
    ends = {guid: entry["end_date"] for guid, entry in reply.restaurants.items()}
    assert (ends[BROOKLYN], ends[WAIKIKI]) == ("2026-02-23", "2026-02-22")


def test_a_day_that_is_still_running_is_provisional(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    reply = orders_daily(restaurant_guid=PHOENIX, **day(TODAY)).succeeded()
    assert verdicts(reply) == [("provisional", "day_not_over", False)]


def test_a_day_is_complete_once_its_nightly_close_has_passed(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables, at: Callable[[str], None]
) -> None:
    at("2026-02-21T09:00:30Z")  # Brooklyn's business date of the 20th ended half a minute ago
    date = day(dt.date(2026, 2, 20))
    dataset_before = orders_daily(restaurant_guid=BROOKLYN, **date).succeeded()
    assert verdicts(dataset_before) == [("provisional", "nightly_close_pending", False)]
    at("2026-02-21T12:30:00Z")
    assert verdicts(orders_daily(restaurant_guid=BROOKLYN, **date).succeeded()) == [("open", None, True)]


def test_what_the_nightly_close_changes_counts_as_updated(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables, at: Callable[[str], None]
) -> None:
    at("2026-02-11T09:00:30Z")
    date = dt.date(2026, 2, 10)
    orders_daily(restaurant_guid=BROOKLYN, **day(date)).succeeded()
    tables.equal_truth(toast.url, [BROOKLYN], date, date)
    at("2026-02-11T12:30:00Z")
    later = orders_daily(restaurant_guid=BROOKLYN, **day(date)).succeeded()
    assert later.only["tables"]["fact_orders"]["inserted"] == 0
    assert later.only["tables"]["fact_orders"]["updated"] > 3
    tables.equal_truth(toast.url, [BROOKLYN], date, date)


def test_a_holiday_is_closed_and_complete(orders_daily: InProcess) -> None:
    reply = orders_daily(restaurant_guid=BROOKLYN, **day(dt.date(2025, 12, 25))).succeeded()
    assert verdicts(reply) == [("closed", "no_orders", True)]


def test_a_day_before_the_first_is_not_open_yet(orders_daily: InProcess) -> None:
    reply = orders_daily(restaurant_guid=BROOKLYN, **day(dt.date(2018, 6, 1))).succeeded()
    assert verdicts(reply) == [("not_open_yet", "before_first_business_date", True)]


@pytest.mark.parametrize(
    ("setting", "reason"), [("min_orders = 1000", "few_orders"), ("min_net_sales = 1000000", "low_sales")]
)
def test_a_day_below_the_restaurants_own_limits_is_one_of_low_activity(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, setting: str, reason: str
) -> None:
    file = restaurants_file(tmp_path_factory.mktemp("low") / "restaurants.toml", [BROOKLYN], setting)
    with in_process(environment | {"RESTAURANTS_FILE": str(file)}) as function:
        reply = function(**day(dt.date(2026, 2, 20))).succeeded()
    assert verdicts(reply) == [("low_activity", reason, True)]


def test_business_days_repeat_the_reply_with_counts_and_sales(
    week: Reply, toast: SimulatorControl, tables: Tables
) -> None:
    rows = tables.rows(f"SELECT * FROM {{dataset}}.business_days WHERE run_id = '{week.body['run_id']}'")
    assert len(rows) == 7 * len(GROUP)
    for row in rows:
        (said,) = (
            one
            for one in week.restaurants[row["restaurant_guid"]]["business_days"]
            if one["business_date"] == str(row["business_date"])
        )
        assert {name: row[name] for name in ("status", "reason", "complete")} == {
            name: said[name] for name in ("status", "reason", "complete")
        }
        assert (row["source"], row["rejects"], row["complete"]) == ("orders", 0, True)
        where = f"restaurant_guid = '{row['restaurant_guid']}' AND business_date = '{row['business_date']}'"
        assert row["row_count"] == tables.count("fact_orders", f"{where} AND NOT is_voided AND NOT is_deleted")
        assert (row["net_sales"] > 0) == (row["row_count"] > 0)


@pytest.mark.parametrize(
    ("start", "end"), [("2025-03-03", "2025-03-09"), ("2025-10-27", "2025-11-02")], ids=["spring", "autumn"]
)
def test_a_week_in_which_the_clocks_change_equals_the_truth(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables, start: str, end: str
) -> None:
    orders_daily(start_date=start, end_date=end).succeeded()
    tables.equal_truth(toast.url, GROUP, start, end)


# --- orders that change ------------------------------------------------------------------------------

CHANGES = ["tip", "refund", "void", "drop_selection", "drop_check", "drop_all_checks"]
JANUARY = [dt.date(2026, 1, 12) + dt.timedelta(days=n) for n in range(10)]


@pytest.fixture(scope="module")
def january(orders_daily: InProcess) -> Reply:
    """Ten days of one restaurant, loaded before any of their orders is edited."""
    return orders_daily(restaurant_guid=PHOENIX, start_date=JANUARY[0], end_date=JANUARY[-1]).succeeded()


def test_edited_orders_are_replaced_and_count_as_updated(
    january: Reply, orders_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    date = JANUARY[4]  # a Friday
    orders = [key[0] for key in toast.keys(PHOENIX, date)]
    assert len(orders) >= len(CHANGES)
    for order, change in zip(orders, CHANGES, strict=False):
        toast.edit(PHOENIX, order, change)
    reply = orders_daily(restaurant_guid=PHOENIX, **day(date)).succeeded()
    assert reply.only["tables"]["fact_orders"] == {
        "extracted": len(orders),
        "inserted": 0,
        "updated": len(CHANGES),
        "unchanged": len(orders) - len(CHANGES),
    }
    tables.equal_truth(toast.url, [PHOENIX], date, date)


def test_an_order_that_loses_all_its_checks_keeps_no_row_but_its_own(
    january: Reply, orders_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    date = JANUARY[9]
    order = toast.keys(PHOENIX, date, "fact_order_items")[0][0]
    toast.edit(PHOENIX, order, "drop_all_checks")
    orders_daily(restaurant_guid=PHOENIX, **day(date)).succeeded()
    where = f"order_guid = '{order}'"
    assert [name for name in TABLE_NAMES if tables.count(name, where)] == ["fact_orders"]


def dates_of(tables: Tables, order: str) -> set[dt.date]:
    """The business dates under which rows of an order lie, in any table."""
    sql = " UNION DISTINCT ".join(
        f"SELECT business_date FROM {{dataset}}.{name} WHERE business_date >= '2000-01-01' AND order_guid = '{order}'"
        for name in TABLE_NAMES
    )
    return {row["business_date"] for row in tables.rows(sql)}


@pytest.mark.parametrize(
    ("old", "reads"),
    [
        pytest.param(JANUARY[0], [(0, 1)], id="both dates in one call"),
        pytest.param(JANUARY[2], [(1, 1)], id="the new date alone"),
        pytest.param(JANUARY[5], [(0, 0), (1, 1)], id="the old date first"),
    ],
)
def test_an_order_promised_for_another_date_moves_with_all_its_rows(
    january: Reply,
    orders_daily: InProcess,
    toast: SimulatorControl,
    tables: Tables,
    old: dt.date,
    reads: list[tuple[int, int]],
) -> None:
    new = old + dt.timedelta(days=1)
    order = toast.keys(PHOENIX, old, "fact_payments")[0][0]
    toast.edit(PHOENIX, order, "move_business_date", business_date=new)
    for first, last in reads:
        dates = {"start_date": (old, new)[first], "end_date": (old, new)[last]}
        reply = orders_daily(restaurant_guid=PHOENIX, **dates).succeeded()
    assert dates_of(tables, order) == {new}
    assert reply.only["tables"]["fact_orders"]["updated"] == 1
    tables.equal_truth(toast.url, [PHOENIX], old, new)


def test_an_order_that_moves_there_and_back_ends_where_toast_has_it(
    january: Reply, orders_daily: InProcess, toast: SimulatorControl, tables: Tables
) -> None:
    old, new = JANUARY[7], JANUARY[8]
    order = toast.keys(PHOENIX, old, "fact_payments")[0][0]
    for date in (new, old):
        toast.edit(PHOENIX, order, "move_business_date", business_date=date)
        orders_daily(restaurant_guid=PHOENIX, start_date=old, end_date=new).succeeded()
        assert dates_of(tables, order) == {date}
    tables.equal_truth(toast.url, [PHOENIX], old, new)


# --- an order that cannot be read --------------------------------------------------------------------

GUEST_FIELDS = {"customer", "deliveryInfo", "curbsidePickupInfo", "appliedLoyaltyInfo", "tabName", "last4Digits"}


def texts(value: Any, *, of_guest: bool, inside: bool = False) -> Iterator[str]:
    """Every text of an order that stands among its guest's data, or every one that does not."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from texts(item, of_guest=of_guest, inside=inside or name in GUEST_FIELDS)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, of_guest=of_guest, inside=inside)
    elif isinstance(value, str) and inside == of_guest:
        yield value


def guest_data(order: dict[str, Any]) -> set[str]:
    """What only the guest's part of an order tells, times of delivery left out."""
    only = set(texts(order, of_guest=True)) - set(texts(order, of_guest=False))
    return {text for text in only if len(text) > 3 and not text.startswith("20")}


SPOILT = {
    "a time that is none": lambda raw, order: raw.replace(f'"{order["modifiedDate"]}"'.encode(), b'"yesterday"'),
    "an amount that is none": lambda raw, order: raw.replace(b'"totalAmount":', b'"totalAmount":"much","was":'),
    "a missing field": lambda raw, order: raw.replace(b'"businessDate":', b'"businessDay":'),
    "bytes that are no text": lambda raw, order: raw.replace(b'"displayNumber":"', b'"displayNumber":"\xff'),
}


def spoil_one(patch: pytest.MonkeyPatch, spoil: Callable[[bytes, Any], bytes]) -> dict[str, Any]:
    """Let one order of each page arrive spoilt, the one that tells most of its guest; what it was."""
    spoilt: dict[str, Any] = {}
    decode = order_extraction.decode_orders_page

    def decode_spoilt(body: bytes) -> Any:
        parts = [bytes(part) for part in msgspec.json.decode(body, type=list[msgspec.Raw])]
        number = max(range(len(parts)), key=lambda n: len(guest_data(json.loads(parts[n]))))
        spoilt.update(json.loads(parts[number]))
        parts[number] = spoil(parts[number], spoilt)
        return decode(b"[" + b",".join(parts) + b"]")

    patch.setattr(order_extraction, "decode_orders_page", decode_spoilt)
    return spoilt


@pytest.mark.parametrize("how", SPOILT)
def test_an_order_that_cannot_be_read_is_kept_aside_without_guest_data_and_the_rest_is_loaded(
    orders_daily: InProcess,
    toast: SimulatorControl,
    tables: Tables,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    how: str,
) -> None:
    date = dt.date(2025, 12, 1) + dt.timedelta(days=list(SPOILT).index(how))
    with monkeypatch.context() as patch:
        spoilt = spoil_one(patch, SPOILT[how])
        reply = orders_daily(restaurant_guid=BROOKLYN, **day(date)).succeeded()
    held = [
        row["order_guid"]
        for row in tables.rows(f"SELECT order_guid FROM {{dataset}}.fact_orders WHERE business_date = '{date}'")
    ]
    assert sorted([*held, spoilt["guid"]]) == sorted(key[0] for key in toast.keys(BROOKLYN, date))
    assert reply.only["rejects"] == 1
    assert reply.only["tables"]["fact_orders"]["extracted"] == len(held)
    assert [one["complete"] for one in reply.only["business_days"]] == [True]

    run = reply.body["run_id"]
    (reject,) = tables.rows(f"SELECT * FROM {{dataset}}.etl_rejects WHERE run_id = '{run}'")
    (business_day,) = tables.rows(f"SELECT * FROM {{dataset}}.business_days WHERE run_id = '{run}'")
    assert (reject["source"], reject["restaurant_guid"], reject["business_date"]) == ("orders", BROOKLYN, date)
    # Of what is not even text, no field is known.
    assert reject["object_guid"] == ("" if how == "bytes that are no text" else spoilt["guid"])
    assert reject["reason"]
    assert business_day["rejects"] == 1
    guests = guest_data(spoilt)
    assert len(guests) > 5
    told = reject["payload"] + reject["reason"] + reply.text + capfd.readouterr().err
    assert [text for text in guests if f'"{text}"' in told or (len(text) > 5 and text in told)] == []


def test_an_order_that_can_be_read_again_is_loaded_by_the_next_call(
    orders_daily: InProcess, toast: SimulatorControl, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    date = dt.date(2025, 12, 8)
    with monkeypatch.context() as patch:
        spoil_one(patch, SPOILT["a missing field"])
        assert orders_daily(restaurant_guid=BROOKLYN, **day(date)).succeeded().only["rejects"] == 1
    mended = orders_daily(restaurant_guid=BROOKLYN, **day(date)).succeeded()
    assert mended.only["rejects"] == 0
    assert mended.only["tables"]["fact_orders"]["inserted"] == 1
    tables.equal_truth(toast.url, [BROOKLYN], date, date)
