"""orders_daily without dates: it follows what changes, from a watermark that leaves no gap and never runs ahead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from functions import RESTAURANTS, InProcess, Json, Reply, SimulatorControl, Tables, group_environment, in_process

import main_orders
from local_stack.processes import simulator_process
from shared.coverage import OVERLAP, RECENT, SETTLING
from shared.errors import ToastUnavailable
from shared.order_tables import ORDER_TABLES
from shared.run_tables import RUN_TABLES
from shared.toast_client import ToastClient
from shared.units import WindowUnit

if TYPE_CHECKING:
    from google.cloud import bigquery

BROOKLYN, BACK_BAY, CHICAGO, PHOENIX, MONTREAL = (RESTAURANTS[n].guid for n in (0, 1, 2, 4, 10))
# 8 in the morning in Brooklyn: the nightly close is past, and for hours nobody changes an order.
MORNING = dt.datetime(2026, 2, 10, 13, tzinfo=dt.UTC)
DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)
TICKING = dt.timedelta(seconds=30)
"""Simulated clocks tick while a test works; so much is no difference."""

DATASET = "following_changes"
Window = tuple[dt.datetime, dt.datetime]


@pytest.fixture(scope="module")
def toast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorControl]:
    """A simulated Toast of very small restaurants, whose clock tests set and whose orders they edit."""
    folder = tmp_path_factory.mktemp("toast")
    with simulator_process(folder, seed=7, clock=MORNING.isoformat(), limits="off", volume=8) as server:
        yield SimulatorControl(server.url)


@pytest.fixture(autouse=True)
def _faults_end(toast: SimulatorControl) -> Iterator[None]:
    yield
    toast.no_faults()


@dataclass
class Following:
    """The function with a dataset in which nothing is loaded yet, on a clock that the test moves."""

    function: InProcess
    toast: SimulatorControl
    tables: Tables
    guids: list[str]
    edited: set[str]
    """Orders that a test of this module has edited: edits last, so each is used once."""
    windows: list[Window] = field(default_factory=list)
    """The windows of changes that it has asked Toast for."""

    def at(self, moment: dt.datetime, **body: Any) -> Reply:
        """Call it when Toast's clock stands at a moment."""
        self.toast.clock(moment)
        return self.function(**body)

    def edit(self, moment: dt.datetime, of: dt.date, change: str) -> None:
        """Change some paid order of a business date, of the first restaurant, at a moment."""
        self.toast.clock(moment)
        orders = [key[0] for key in self.toast.keys(self.guids[0], of, "fact_payments")]
        order = next(order for order in orders if order not in self.edited)
        self.edited.add(order)
        self.toast.edit(self.guids[0], order, change)

    def run(self, reply: Reply, guid: str = "") -> Json:
        """The call's row in the ledger, of the first restaurant or another."""
        where = f"run_id = '{reply.body['run_id']}' AND restaurant_guid = '{guid or self.guids[0]}'"
        (row,) = self.tables.rows(f"SELECT * FROM {{dataset}}.etl_runs WHERE {where}")
        return row

    def days(self, reply: Reply) -> dict[dt.date, Json]:
        """What the call wrote down of business dates of the first restaurant."""
        where = f"run_id = '{reply.body['run_id']}' AND restaurant_guid = '{self.guids[0]}'"
        rows = self.tables.rows(f"SELECT * FROM {{dataset}}.business_days WHERE {where}")
        return {row["business_date"]: row for row in rows}

    def equal_truth(self, start: dt.date, end: dt.date) -> None:
        self.tables.equal_truth(self.toast.url, self.guids, start, end)


@pytest.fixture(scope="module")
def edited() -> set[str]:
    return set()


@pytest.fixture
def begin(
    toast: SimulatorControl,
    edited: set[str],
    emulator: str,
    warehouse_client: bigquery.Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Following]]:
    """``begin(*guids)``: the function for these restaurants, with nothing loaded."""
    tables = Tables(warehouse_client, DATASET)
    with ExitStack() as stack:

        def begin(*guids: str) -> Following:
            environment = group_environment(toast.url, emulator, tmp_path, guids, DATASET)
            function = stack.enter_context(in_process(environment))
            following = Following(function, toast, tables, list(guids), edited)
            asked = ToastClient.orders_modified

            def spy(client: ToastClient, guid: str, start: dt.datetime, end: dt.datetime, **options: Any) -> Any:
                following.windows.append((start, end))
                return asked(client, guid, start, end, **options)

            monkeypatch.setattr(ToastClient, "orders_modified", spy)
            return following

        yield begin
    for table in (*ORDER_TABLES, *RUN_TABLES):
        tables.rows(f"DELETE FROM {{dataset}}.{table.name} WHERE TRUE")


def business_date(moment: dt.datetime) -> dt.date:
    """The business date that is over in the morning of a test, everywhere in the group."""
    return moment.date() - DAY


# --- the watermark -----------------------------------------------------------------------------------


def test_with_nothing_loaded_the_last_finished_date_is_read_and_following_begins_then(
    begin: Callable[..., Following],
) -> None:
    following = begin(BROOKLYN)
    reply = following.at(MORNING).succeeded()
    last = business_date(MORNING)
    assert (reply.only["start_date"], reply.only["end_date"]) == (str(last), str(last))
    run = following.run(reply)
    assert run["mode"] == "business_date"
    assert run["covered_from"] == run["watermark"] == following.days(reply)[last]["read_at"]
    assert run["started_at"] <= run["watermark"] <= run["finished_at"]
    assert MORNING - TICKING < run["watermark"] < MORNING + TICKING
    assert following.windows == []
    following.equal_truth(last, last)


def test_then_each_call_reads_from_an_hour_before_the_watermark_to_a_minute_ago(
    begin: Callable[..., Following],
) -> None:
    following = begin(BROOKLYN)
    first = following.run(following.at(MORNING).succeeded())
    watermarks = [first["watermark"]]
    for days in (1, 2):
        following.windows.clear()
        reply = following.at(MORNING + days * DAY).succeeded()
        run = following.run(reply)
        assert run["mode"] == "modified"
        assert run["covered_from"] == first["covered_from"]
        assert run["watermark"] == run["started_at"] - SETTLING
        assert following.windows[0] == (watermarks[-1] - OVERLAP, run["watermark"])
        assert reply.only["resume_from"] is None
        watermarks.append(run["watermark"])
    following.equal_truth(business_date(MORNING), business_date(MORNING))
    following.equal_truth(business_date(MORNING) + 2 * DAY, business_date(MORNING) + 2 * DAY)


def test_after_more_than_a_week_without_a_call_it_goes_on_from_the_old_watermark(
    begin: Callable[..., Following],
) -> None:
    """Which is not among those of the last days, where it is looked for first."""
    following = begin(BROOKLYN)
    first = following.run(following.at(MORNING).succeeded())
    run = following.run(following.at(MORNING + RECENT + 2 * DAY).succeeded())
    assert following.windows[0][0] == first["watermark"] - OVERLAP
    assert (run["covered_from"], run["watermark"]) == (first["covered_from"], run["started_at"] - SETTLING)


def test_a_call_right_after_another_reads_again_and_writes_nothing(begin: Callable[..., Following]) -> None:
    following = begin(BROOKLYN)
    following.at(MORNING).succeeded()
    following.at(MORNING + DAY).succeeded()
    again = following.at(MORNING + DAY + 5 * MINUTE).succeeded()
    assert (again.count("inserted"), again.count("updated")) == (0, 0)


def test_mode_modified_without_dates_is_the_same_as_no_mode(begin: Callable[..., Following]) -> None:
    following = begin(BROOKLYN)
    first = following.run(following.at(MORNING, mode="modified").succeeded())
    assert (first["mode"], first["watermark"] is None) == ("business_date", False)
    second = following.run(following.at(MORNING + DAY, mode="modified").succeeded())
    assert (second["mode"], second["watermark"]) == ("modified", second["started_at"] - SETTLING)


def test_a_change_of_any_past_day_comes_with_the_next_call(begin: Callable[..., Following]) -> None:
    """Also one that was made while the last minute was left out."""
    following = begin(BROOKLYN)
    last = business_date(MORNING)
    following.at(MORNING).succeeded()
    following.edit(MORNING + DAY - MINUTE / 2, last, "refund")
    following.at(MORNING + DAY).succeeded()
    following.edit(MORNING + 1.25 * DAY, last, "drop_selection")
    following.at(MORNING + 2 * DAY).succeeded()
    following.equal_truth(last, last)


def test_an_order_changed_40_days_after_its_business_date_comes_with_the_next_call(
    begin: Callable[..., Following],
) -> None:
    following = begin(BROOKLYN)
    changed_at = MORNING + DAY
    old = changed_at.date() - 40 * DAY
    following.at(MORNING, start_date=old, end_date=old).succeeded()
    following.at(MORNING + MINUTE).succeeded()
    following.edit(changed_at, old, "refund")
    reply = following.at(changed_at + DAY).succeeded()
    day = following.days(reply)[old]
    assert (day["mode"], day["complete"]) == ("modified", True)
    assert reply.only["tables"]["fact_payments"]["updated"] > 0
    following.equal_truth(old, old)


@pytest.mark.parametrize(("mode", "restaurant"), [("business_date", CHICAGO), ("modified", MONTREAL)])
def test_an_explicit_range_leaves_the_watermark_alone(
    begin: Callable[..., Following], mode: str, restaurant: str
) -> None:
    """What it reads is loaded; the next call without dates goes on from where the last one was."""
    following = begin(restaurant)
    watermark = following.run(following.at(MORNING).succeeded())["watermark"]
    following.edit(MORNING + DAY / 4, business_date(MORNING), "refund")
    on = MORNING.date() if mode == "modified" else business_date(MORNING)
    reply = following.at(MORNING + DAY, mode=mode, start_date=on, end_date=on).succeeded()
    run = following.run(reply)
    assert (run["mode"], run["watermark"], run["covered_from"]) == (mode, None, None)
    assert reply.only["tables"]["fact_orders"]["updated"] == 1
    following.equal_truth(business_date(MORNING), business_date(MORNING))
    following.windows.clear()
    following.at(MORNING + DAY + 5 * MINUTE).succeeded()
    assert following.windows[0][0] == watermark - OVERLAP


def test_an_explicit_range_of_changes_is_that_of_the_business_dates(begin: Callable[..., Following]) -> None:
    """From closeout to closeout in local time; of a day that is not over, up to a minute ago."""
    following = begin(BROOKLYN)
    start, today = MORNING.date() - 3 * DAY, MORNING.date()
    following.at(MORNING, mode="modified", start_date=start, end_date=start + DAY).succeeded()
    closeout = dt.datetime(2026, 2, 7, 9, tzinfo=dt.UTC)  # 4 in the morning in Brooklyn
    assert following.windows[0] == (closeout, closeout + 2 * DAY)
    following.windows.clear()
    run = following.run(following.at(MORNING, mode="modified", start_date=today, end_date=today).succeeded())
    assert following.windows[0] == (closeout + 3 * DAY, run["started_at"] - SETTLING)


# --- windows that fail -------------------------------------------------------------------------------


def test_a_window_that_fails_leaves_the_watermark_and_its_repeat_moves_it(
    begin: Callable[..., Following], monkeypatch: pytest.MonkeyPatch
) -> None:
    following = begin(BACK_BAY, PHOENIX)
    first = following.run(following.at(MORNING).succeeded())
    read = main_orders.read_orders

    def fail_in_boston(client: Any, unit: Any, *more: Any) -> None:
        read(client, unit, *more)  # all of its rows are on their way by then
        if unit.restaurant_guid == BACK_BAY:
            raise ToastUnavailable("the last page did not come", retry_after=7)

    with monkeypatch.context() as patch:
        patch.setattr(main_orders, "read_orders", fail_in_boston)
        reply = following.at(MORNING + DAY)
    assert (reply.status, reply.headers["Retry-After"], reply.body["status"]) == (503, "7", "partial")
    start = first["watermark"] - OVERLAP
    told = reply.restaurants[BACK_BAY]
    assert dt.datetime.fromisoformat(told["resume_from"]["modified_from"]) == start
    assert (told["status"], told["business_days"], reply.restaurants[PHOENIX]["resume_from"]) == ("failed", [], None)
    assert following.run(reply)["watermark"] == first["watermark"]
    phoenix = following.run(reply, PHOENIX)
    assert phoenix["watermark"] == phoenix["started_at"] - SETTLING

    following.windows.clear()
    repeat = following.at(MORNING + DAY + MINUTE).succeeded()
    assert start in {begun for begun, _ in following.windows}
    run = following.run(repeat)
    assert run["watermark"] == run["started_at"] - SETTLING
    following.equal_truth(business_date(MORNING), business_date(MORNING))


def test_a_time_of_more_than_a_month_is_read_in_windows_and_each_moves_the_watermark(
    begin: Callable[..., Following], monkeypatch: pytest.MonkeyPatch
) -> None:
    following = begin(BROOKLYN)
    first = following.run(following.at(MORNING).succeeded())
    later = MORNING + 40 * DAY
    read = main_orders.read_orders
    begun: list[dt.datetime] = []

    def fail_in_the_second(client: Any, unit: WindowUnit, *more: Any) -> None:
        begun.append(unit.start)
        if unit.start > first["watermark"]:
            raise ToastUnavailable("not now")
        read(client, unit, *more)

    with monkeypatch.context() as patch:
        patch.setattr(main_orders, "read_orders", fail_in_the_second)
        reply = following.at(later)
    assert (reply.status, reply.only["status"]) == (503, "partial")
    start, second = sorted(begun)
    assert start == first["watermark"] - OVERLAP
    assert dt.timedelta(days=28) <= second - start <= dt.timedelta(days=31)
    run = following.run(reply)
    assert (run["covered_from"], run["watermark"]) == (first["covered_from"], second)
    assert dt.datetime.fromisoformat(reply.only["resume_from"]["modified_from"]) == second

    following.windows.clear()
    run = following.run(following.at(later + MINUTE).succeeded())
    assert following.windows[0] == (second - OVERLAP, run["watermark"])
    following.equal_truth(business_date(MORNING) + 2 * DAY, business_date(later))
    complete = following.tables.rows(
        "SELECT DISTINCT business_date AS day FROM {dataset}.business_days WHERE complete ORDER BY day"
    )
    begun_inside = [business_date(MORNING) + n * DAY for n in range(2, 41)]
    assert [row["day"] for row in complete] == [business_date(MORNING), *begun_inside]


# --- backfills and calls without dates ---------------------------------------------------------------

OLD = {"start_date": dt.date(2026, 2, 2), "end_date": dt.date(2026, 2, 5)}


@pytest.mark.parametrize("backfill_first", [True, False], ids=["before the first call", "after it"])
def test_a_backfill_leaves_no_gap_whenever_it_comes(begin: Callable[..., Following], backfill_first: bool) -> None:
    """Orders of its days change before, between and after the calls; in the end all is as it should be."""
    following = begin(BROOKLYN)
    # Once a backfill has begun, the changes from then on are known: the first call goes on from there.
    calls: list[dict[str, Any]] = [OLD, {}] if backfill_first else [{}, OLD]
    changes = iter(["refund", "drop_selection", "tip", "void"])
    for number, body in enumerate([*calls, {}, {}]):
        following.at(MORNING + number * DAY, **body).succeeded()
        if change := next(changes, None):
            following.edit(MORNING + (number + 0.25) * DAY, OLD["start_date"] + number * DAY, change)
    following.at(MORNING + 4 * DAY).succeeded()
    following.equal_truth(*OLD.values())


def test_after_a_backfill_the_first_call_goes_on_from_its_earliest_reading(begin: Callable[..., Following]) -> None:
    following = begin(BROOKLYN)
    first = following.at(MORNING, start_date=OLD["start_date"], end_date=OLD["start_date"]).succeeded()
    following.at(MORNING + DAY / 4, start_date=OLD["end_date"], end_date=OLD["end_date"]).succeeded()
    read_at = following.days(first)[OLD["start_date"]]["read_at"]
    run = following.run(following.at(MORNING + DAY).succeeded())
    assert (run["mode"], run["covered_from"]) == ("modified", read_at)
    assert following.windows[0] == (read_at - OVERLAP, run["watermark"])


# --- which days are known ----------------------------------------------------------------------------


def verdict(day: Json) -> tuple[str, str | None, bool]:
    return day["status"], day["reason"], day["complete"]


def test_a_day_becomes_complete_when_changes_were_followed_from_its_beginning_past_its_close(
    begin: Callable[..., Following],
) -> None:
    """Until then it is provisional; the day that was running when following began is not all known."""
    following = begin(BROOKLYN)
    today = MORNING.date()
    following.at(MORNING).succeeded()
    evening = following.days(following.at(MORNING + 0.6 * DAY).succeeded())
    assert verdict(evening[today]) == ("provisional", "day_not_over", False)
    second = following.days(following.at(MORNING + DAY).succeeded())
    assert verdict(second[today]) == ("provisional", "only_changes_read", False), "its first hours were never read"
    third = following.days(following.at(MORNING + 2 * DAY).succeeded())
    assert verdict(third[today + DAY])[2] is True
    assert third[today + DAY]["mode"] == "modified"
    following.equal_truth(today + DAY, today + DAY)


def test_a_provisional_reading_becomes_complete_with_the_changes_that_follow(begin: Callable[..., Following]) -> None:
    """The first call came before the nightly close of the day that it read was past."""
    following = begin(BROOKLYN)
    early = dt.datetime(2026, 2, 10, 9, 30, tzinfo=dt.UTC)  # 04:30 in Brooklyn, half an hour after closeout
    last = early.date() - DAY
    first = following.days(following.at(early).succeeded())
    assert verdict(first[last]) == ("provisional", "nightly_close_pending", False)
    later = following.days(following.at(early + DAY / 4).succeeded())
    assert (later[last]["mode"], later[last]["complete"]) == ("modified", True)
    following.equal_truth(last, last)


def test_a_late_change_of_a_day_that_was_never_loaded_does_not_make_it_complete(
    begin: Callable[..., Following],
) -> None:
    following = begin(BROOKLYN)
    following.at(MORNING).succeeded()
    old = OLD["end_date"] + DAY
    following.edit(MORNING + DAY / 4, old, "refund")
    days = following.days(following.at(MORNING + DAY).succeeded())
    assert (days[old]["complete"], days[old]["row_count"]) == (False, 1)
    following.at(MORNING + DAY + MINUTE, start_date=old, end_date=old).succeeded()
    following.edit(MORNING + 1.25 * DAY, old, "tip")
    days = following.days(following.at(MORNING + 2 * DAY).succeeded())
    assert days[old]["complete"] is True, "by then it was read as a whole"
    following.equal_truth(old, old)


def test_days_without_a_change_are_written_down_when_their_close_is_past(begin: Callable[..., Following]) -> None:
    """Thanksgiving 2025 was closed, so that no order tells of it."""
    following = begin(BROOKLYN)
    holiday = dt.date(2025, 11, 27)
    start = dt.datetime(2025, 11, 25, 13, tzinfo=dt.UTC)
    following.at(start).succeeded()
    reply = following.at(start + 4 * DAY).succeeded()
    days = following.days(reply)
    assert verdict(days[holiday]) == ("closed", "no_orders", True)
    assert {holiday - 2 * DAY, holiday - DAY, holiday, holiday + DAY} <= days.keys()
    assert all(days[holiday + n * DAY]["complete"] for n in (-1, 0, 1))
    told = {one["business_date"]: one["status"] for one in reply.only["business_days"]}
    assert told[str(holiday)] == "closed"


# --- orders that change while they are read ----------------------------------------------------------


def test_orders_edited_while_a_window_is_paged_through_hide_no_other(begin: Callable[..., Following]) -> None:
    """An edited order leaves the window, so that those behind it move up a place; its new version comes next time."""
    following = begin(BROOKLYN)
    following.at(MORNING).succeeded()
    first, last = business_date(MORNING) + 2 * DAY, business_date(MORNING) + 25 * DAY
    following.toast.clock(MORNING + 25 * DAY)
    expected = {
        key[0] for n in range((last - first).days + 1) for key in following.toast.keys(BROOKLYN, first + n * DAY)
    }
    following.toast.fault("edit_while_paging", times=2)
    reply = following.at(MORNING + 25 * DAY).succeeded()
    assert following.toast.struck() == 2
    assert reply.only["pages"] > 3
    held = following.tables.rows(
        f"SELECT order_guid FROM {{dataset}}.fact_orders WHERE business_date BETWEEN '{first}' AND '{last}'"
    )
    assert {row["order_guid"] for row in held} >= expected
    following.at(MORNING + 25 * DAY + 5 * MINUTE).succeeded()
    following.equal_truth(first, last)
