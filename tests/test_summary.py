"""daily_summary: what is complete and what is late, measured at the warehouse; told in lines, reply and message."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from functions import RESTAURANTS, SimulatorControl, Tables, group_environment, in_process, log_lines, post
from google.cloud import bigquery

import main_summary
from local_stack.processes import function_process, simulator_process
from shared.bigquery_utils import Warehouse
from shared.config import Restaurant, Settings
from shared.errors import InvalidRequest
from shared.run_tables import (
    BUSINESS_DAYS,
    ETL_BACKFILLS,
    ETL_REJECTS,
    ETL_RUNS,
    BackfillRow,
    BusinessDayRow,
    RejectRow,
    RunRow,
)
from shared.statements import insert_values
from shared.summary import (
    TABLES,
    UNKNOWN_HOURS,
    OverdueDay,
    RestaurantDay,
    Stale,
    Summary,
    hours_of,
    measure,
    parse_summary_body,
)
from shared.summary_message import MOST_PROBLEMS, MOST_RESTAURANTS, headline, message
from shared.summary_webhook import TRIES
from shared.summary_webhook import post as post_message

Json = dict[str, Any]
NOW = dt.datetime(2026, 2, 24, 18, tzinfo=dt.UTC)
YESTERDAY = dt.date(2026, 2, 23)  # over since 9:00 UTC
DUE = dt.date(2026, 2, 22)  # over for more than a day
HOUR = dt.timedelta(hours=1)


# --- the body ----------------------------------------------------------------------------------------


def test_nothing_has_to_be_said() -> None:
    asked = parse_summary_body(b"{}")
    assert (asked.tenant, asked.business_date, asked.post) == (None, None, True)


def test_all_can_be_said() -> None:
    asked = parse_summary_body(b'{"tenant": "purpose", "business_date": "2026-02-23", "post": false}')
    assert (asked.tenant, asked.business_date, asked.post) == ("purpose", YESTERDAY, False)


def test_each_wrong_field_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_summary_body(b'{"tenant": 1, "business_date": "yesterday", "post": "no", "restaurant_guid": "ALL"}')
    assert caught.value.problems.keys() == {"tenant", "business_date", "post", "restaurant_guid"}
    assert "expected tenant, business_date, post" in caught.value.problems["restaurant_guid"]


# --- what is measured --------------------------------------------------------------------------------


def place(name: str) -> Restaurant:
    return Restaurant(guid=name, name=name.title(), tenant="t", timezone="America/New_York", closeout_hour=4)


GOOD, LATE, NEW, STALE, FILLED, ODD = map(place, ("good", "late", "new", "stale", "filled", "odd"))
LOADED_TERMS = Restaurant(guid="loaded", name="Loaded", tenant="t")
UNHEARD = place("unheard")
ALL = [GOOD, LATE, NEW, STALE, FILLED, ODD, LOADED_TERMS, UNHEARD]


def day(restaurant: Restaurant, date: dt.date, source: str, **changes: Any) -> BusinessDayRow:
    """A day as it is after a good night."""
    row = BusinessDayRow(
        source=source,
        restaurant_guid=restaurant.guid,
        business_date=date,
        run_id="run",
        mode="business_date",
        status="open",
        reason=None,
        complete=True,
        row_count=50,
        net_sales=Decimal("1000.10") if source == "orders" else None,
        rejects=0,
        read_at=NOW - 6 * HOUR,
    )
    return msgspec.structs.replace(row, **changes)


def run(restaurant: Restaurant, function: str, ended: dt.datetime, **changes: Any) -> RunRow:
    """A run that went well."""
    row = RunRow(
        run_id=f"{function}-{restaurant.guid}-{ended:%d%H%M}",
        restaurant_guid=restaurant.guid,
        run_date=ended.date(),
        function=function,
        status="success",
        mode="modified",
        start_date=ended.date() - dt.timedelta(days=1),
        end_date=ended.date(),
        started_at=ended - HOUR / 60,
        finished_at=ended,
        pages=1,
        requests=2,
        rejects=0,
        extracted=1,
        inserted=1,
        updated=0,
        error=None,
        covered_from=None,
        watermark=None,
        menus_updated_at=None,
        drift=0,
    )
    return msgspec.structs.replace(row, **changes)


DAILY = ("orders_daily", "cash_daily", "labor_daily")
SOURCES = ("orders", "cash", "labor")


def good_night(restaurant: Restaurant) -> tuple[list[BusinessDayRow], list[RunRow]]:
    """Three complete days, a run of each function this morning, the configuration last Sunday."""
    days = [day(restaurant, YESTERDAY - dt.timedelta(days=ago), source) for ago in range(3) for source in SOURCES]
    runs = [run(restaurant, function, NOW - 8 * HOUR) for function in DAILY]
    sunday = run(restaurant, "config_weekly", NOW - dt.timedelta(days=3), mode=None, start_date=None, end_date=None)
    return days, [*runs, sunday]


def written_down() -> tuple[list[BusinessDayRow], list[RunRow], list[RejectRow], list[BackfillRow]]:
    days: list[BusinessDayRow] = []
    runs: list[RunRow] = []
    for restaurant in (GOOD, LATE, NEW, ODD, LOADED_TERMS):
        more_days, more_runs = good_night(restaurant)
        days += more_days
        runs += more_runs
    # A day that never became final, one that nobody loaded, and yesterday only provisional: which is no lateness yet.
    pending = {"status": "provisional", "reason": "nightly_close_pending", "complete": False}
    days = [row for row in days if not (row.restaurant_guid == "late" and row.source == "labor")]
    days = [
        msgspec.structs.replace(row, **pending)
        if row.restaurant_guid == "late" and row.source == "orders" and row.business_date != DUE - dt.timedelta(days=1)
        else row
        for row in days
    ]
    days += [day(LATE, date, "labor") for date in (DUE - dt.timedelta(days=1), YESTERDAY)]
    # A late change on a day of history that was never loaded; and an older verdict, which a newer one corrects.
    touched = {"mode": "modified", "status": "provisional", "reason": "only_changes_read", "complete": False}
    days.append(day(NEW, dt.date(2026, 2, 3), "orders", **touched))
    days.append(day(NEW, YESTERDAY, "orders", run_id="earlier", read_at=NOW - 20 * HOUR, **pending))
    for restaurant in (STALE, FILLED):
        yesterday = NOW - 30 * HOUR
        runs += [run(restaurant, function, yesterday) for function in DAILY]
        runs += [
            run(restaurant, function, NOW - 6 * HOUR, status="failed", error="Toast refused") for function in DAILY
        ]
        runs.append(run(restaurant, "config_weekly", NOW - dt.timedelta(days=2), end_date=None))
        days += [day(restaurant, DUE - dt.timedelta(days=1), source) for source in SOURCES]
    old = dt.date(2025, 3, 1)
    runs.append(run(STALE, "orders_daily", NOW - HOUR, mode="business_date", start_date=old, end_date=old))
    runs.append(run(STALE, "cash_daily", NOW - HOUR, status="partial"))
    runs.append(run(ODD, "orders_daily", NOW - 7 * HOUR, drift=3))
    runs.append(run(ODD, "labor_daily", NOW - 7 * HOUR, drift=1))
    runs.append(run(ODD, "labor_daily", NOW - 6 * HOUR, drift=None))
    runs.append(run(ODD, "cash_daily", NOW - 34 * HOUR, drift=9))
    today = NOW.date()
    rejects = [
        RejectRow("one", "order", "orders", "odd", YESTERDAY, today, "no", "{}"),
        RejectRow("two", "order", "orders", "odd", YESTERDAY, today, "no", "{}"),
        RejectRow("one", "", "config", "odd", None, today, "no", "{}"),
        RejectRow("one", "late", "orders", "odd", dt.date(2026, 1, 1), today, "no", "{}"),
        RejectRow("old", "gone", "orders", "odd", DUE, DUE, "no", "{}"),
    ]
    backfills = [
        backfill("filling", NOW - HOUR / 6, "running", "filled"),
        backfill("dead", NOW - HOUR / 2, "running", "late,stale"),
        backfill("over", NOW - HOUR / 10, "running", "late,stale"),
        backfill("over", NOW - HOUR / 20, "done", "late,stale"),
    ]
    return days, runs, rejects, backfills


def backfill(name: str, beat: dt.datetime, state: str, restaurants: str) -> BackfillRow:
    return BackfillRow(
        backfill_id=name,
        beat_at=beat,
        beat_date=beat.date(),
        state=state,
        functions="orders_daily,cash_daily",
        restaurants=restaurants,
        start_date=dt.date(2026, 2, 1),
        end_date=YESTERDAY,
        units=1,
        units_done=0,
        units_failed=0,
        expected_end_at=None,
    )


@pytest.fixture(scope="module")
def warehouse(warehouse_client: bigquery.Client) -> Iterator[Warehouse]:
    """A warehouse in which these restaurants are as their names say."""
    held = Warehouse(warehouse_client, "summary", "US", host="emulator")
    held.ensure(TABLES)
    days, runs, rejects, backfills = written_down()
    for table, rows in ((BUSINESS_DAYS, days), (ETL_RUNS, runs), (ETL_REJECTS, rejects), (ETL_BACKFILLS, backfills)):
        held.run(insert_values(held.dataset, table, rows), f"write-{table.name}")
    warehouse_client.query(
        f"INSERT INTO `{held.dataset}.dim_restaurants` (restaurant_guid, guid, timezone, closeout_hour, currency_code, "
        "valid_from, is_current) "
        "VALUES ('loaded', 'loaded', 'America/Los_Angeles', 3, 'USD', TIMESTAMP '1970-01-01', TRUE)"
    ).result()
    yield held
    warehouse_client.delete_dataset("summary", delete_contents=True)


@pytest.fixture(scope="module")
def measured(warehouse: Warehouse) -> Summary:
    return measure(warehouse, ALL, None, NOW, "measured")


def of(measured: Summary, restaurant: Restaurant) -> RestaurantDay:
    (found,) = [one for one in measured.days if one.restaurant_guid == restaurant.guid]
    return found


def test_a_restaurant_is_complete_when_orders_cash_and_labor_of_its_last_finished_date_are(measured: Summary) -> None:
    good = of(measured, GOOD)
    assert (good.business_date, good.complete, good.status) == (YESTERDAY, True, "open")
    assert (good.orders, good.net_sales, good.rejects, good.drift) == (50, Decimal("1000.10"), 0, 0)
    late = of(measured, LATE)
    assert (late.complete, late.incomplete_sources, late.status) == (False, ["orders"], "provisional")
    assert (late.reason, late.orders) == ("nightly_close_pending", 50)


def test_the_newest_reading_of_a_day_counts(measured: Summary) -> None:
    assert of(measured, NEW).complete


def test_a_restaurant_that_was_never_loaded_is_shown_as_missing(measured: Summary) -> None:
    unheard = of(measured, UNHEARD)
    assert (unheard.complete, unheard.incomplete_sources) == (False, ["orders", "cash", "labor"])
    assert (unheard.status, unheard.orders, unheard.net_sales) == ("missing", None, None)


def test_rejects_are_objects_of_the_day_and_of_the_night_after(measured: Summary) -> None:
    """Each once, however many runs met it; those of other days are not repeated each morning."""
    assert {one.name: one.rejects for one in measured.days if one.rejects} == {"Odd": 3}


def test_drift_is_that_of_the_night_after(measured: Summary) -> None:
    assert {one.name: one.drift for one in measured.days if one.drift} == {"Odd": 4}


def test_hours_and_currency_come_from_the_configuration(measured: Summary) -> None:
    assert (of(measured, LOADED_TERMS).currency, of(measured, GOOD).currency) == ("USD", None)
    los_angeles = hours_of(LOADED_TERMS, {"timezone": "America/Los_Angeles", "closeout_hour": 3})
    assert (los_angeles.timezone, los_angeles.closeout_hour) == ("America/Los_Angeles", 3)
    assert hours_of(GOOD, {"timezone": "America/Los_Angeles", "closeout_hour": 3}).timezone == "America/New_York"
    assert hours_of(LOADED_TERMS, {}) == UNKNOWN_HOURS


def test_a_restaurant_is_stale_26_hours_after_its_last_success(measured: Summary) -> None:
    """A backfill of last year, and a run that did part of it, make up for nothing. The last error tells why."""
    stale = {(one.name, one.function): one for one in measured.stale}
    assert stale.keys() == {
        *(("Stale", function) for function in DAILY),
        *(("Unheard", function) for function in (*DAILY, "config_weekly")),
        ("Filled", "labor_daily"),
    }
    assert (stale["Stale", "orders_daily"].hours, stale["Stale", "orders_daily"].last_error) == (30.0, "Toast refused")
    assert (stale["Unheard", "orders_daily"].hours, stale["Unheard", "orders_daily"].last_error) == (None, None)


@pytest.mark.parametrize(("hours", "stale"), [(18.0, 0), (18.1, 1)])
def test_nobody_is_stale_a_minute_too_early(warehouse: Warehouse, hours: float, stale: int) -> None:
    later = measure(warehouse, [LOADED_TERMS], None, NOW + hours * HOUR, f"later-{stale}")
    assert len(later.stale) == 3 * stale


def test_a_day_is_overdue_a_day_after_its_end(measured: Summary) -> None:
    """Whether it was never loaded or never became final; yesterday is not, nor are days before the first whole one."""
    overdue = {(one.name, one.source, one.business_date, one.status) for one in measured.overdue}
    assert overdue == {
        ("Late", "orders", DUE, "provisional"),
        ("Late", "labor", DUE, "missing"),
        *(("Stale", source, DUE, "missing") for source in SOURCES),
        ("Filled", "labor", DUE, "missing"),
    }


def test_what_a_running_backfill_fills_is_held_back(measured: Summary) -> None:
    """Of a backfill that ended, or has been silent for half an hour, nothing is expected any more."""
    assert measured.backfills == ["filling"]
    assert measured.held_back == 4, "two functions, and one day of two sources"


def test_all_comes_in_the_order_of_restaurants_toml(measured: Summary) -> None:
    assert [one.name for one in measured.days] == [one.name for one in ALL]
    names = [one.name for one in measured.overdue]
    assert names == sorted(names, key=[one.name for one in ALL].index)


def test_of_a_date_that_is_asked_for_only_that_date_is_told(warehouse: Warehouse) -> None:
    asked = measure(warehouse, ALL, DUE, NOW, "asked")
    assert {one.business_date for one in asked.days} == {DUE}
    assert (asked.stale, asked.overdue, asked.held_back) == ([], [], 0)
    assert of(asked, GOOD).complete
    assert of(asked, LATE).incomplete_sources == ["orders", "labor"]
    assert of(asked, ODD).rejects == 1


def test_a_date_that_is_not_over_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(
        InvalidRequest, match="2026-02-24 is not over: the last finished business date of Good is 2026-02-23"
    ):
        measure(warehouse, ALL, NOW.date(), NOW, "early")


def test_it_asks_few_statements(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    run_statement = Warehouse.run

    def spy(self: Warehouse, statement: Any, job: str) -> Any:
        asked.append(job)
        return run_statement(self, statement, job)

    monkeypatch.setattr(Warehouse, "run", spy)
    measure(warehouse, ALL, None, NOW, "few")
    assert len(asked) == 5


# --- the message -------------------------------------------------------------------------------------


def shown(name: str, **changes: Any) -> RestaurantDay:
    usual = RestaurantDay(
        restaurant_guid=name,
        name=name,
        business_date=YESTERDAY,
        complete=True,
        incomplete_sources=[],
        status="open",
        reason=None,
        orders=1234,
        net_sales=Decimal("45678.90"),
        currency="USD",
        rejects=0,
        drift=0,
    )
    return msgspec.structs.replace(usual, **changes)


def stale(name: str, function: str, hours: float | None, error: str | None = None) -> Stale:
    return Stale(restaurant_guid=name, name=name, function=function, hours=hours, last_error=error)


def overdue(name: str, source: str) -> OverdueDay:
    return OverdueDay(
        restaurant_guid=name,
        name=name,
        source=source,
        business_date=DUE,
        status="provisional",
        reason="day_not_over",
    )


def test_a_good_morning_is_one_line_and_a_table() -> None:
    summary = Summary(days=[shown("Purpose Brooklyn"), shown("Café Été", orders=1, currency="CAD")])
    assert headline(summary) == ("2 of 2 restaurants complete, 1,235 orders, CAD 45,678.90 + USD 45,678.90 net sales")
    assert message(summary).split("\n") == [
        "*2 of 2 restaurants complete, 1,235 orders, CAD 45,678.90 + USD 45,678.90 net sales*",
        "Monday, 23 February 2026",
        "```",
        "                   orders       net sales  rejects  drift",
        "Purpose Brooklyn    1,234   USD 45,678.90        0      0  complete",
        "Café Été                1   CAD 45,678.90        0      0  complete",
        "```",
    ]


def test_a_bad_morning_says_first_what_is_wrong() -> None:
    summary = Summary(
        days=[
            shown("Good"),
            shown("Shut", status="closed", reason="no_orders", orders=0, net_sales=Decimal(0), rejects=2, drift=3),
            shown(
                "Lost",
                complete=False,
                incomplete_sources=["orders", "labor"],
                status="missing",
                orders=None,
                net_sales=None,
                currency=None,
            ),
        ],
        stale=[
            stale("Lost", "orders_daily", 30, "Toast <refused>"),
            stale("Lost", "labor_daily", 30, "Toast <refused>"),
        ],
        overdue=[overdue("Lost", "orders"), overdue("Lost", "cash")],
        held_back=1,
        backfills=["b1"],
    )
    assert message(summary).split("\n") == [
        "*2 of 3 restaurants complete, 1,234 orders, USD 45,678.90 net sales, 2 rejects, 3 kinds of drift, "
        "1 restaurant stale, 1 day overdue*",
        "Monday, 23 February 2026",
        "```",
        "       orders       net sales  rejects  drift",
        "Lost        -               -        0      0  NOT COMPLETE: orders, labor (missing)",
        "Shut        0        USD 0.00        2      3  complete (closed: no orders)",
        "Good    1,234   USD 45,678.90        0      0  complete",
        "```",
        "• Lost: no success of orders_daily, labor_daily for 30 hours: Toast &lt;refused&gt;",
        "• Lost, 2026-02-22: orders, cash provisional (day not over)",
        "_1 late thing not told: b1 is filling them._",
    ]


def test_a_thousand_restaurants_make_a_message_that_slack_takes() -> None:
    """Those with problems are shown; of the rest the sum."""
    days = [shown(f"Restaurant with a long name, number {number}", complete=number != 777) for number in range(1000)]
    failing = [stale(f"r{number}", "orders_daily", None, "x" * 900) for number in range(1000)]
    text = message(Summary(days=days, stale=failing))
    assert len(text) < 10_000
    table = text.split("```")[1].strip("\n").split("\n")
    assert len(table) == MOST_RESTAURANTS + 2
    assert "NOT COMPLETE" in table[1]
    assert table[-1] == "… and 960 restaurants more, 960 complete, 1,184,640 orders"
    assert text.count("•") == MOST_PROBLEMS + 1
    assert "… and 985 more" in text


def test_no_name_or_error_breaks_the_table_or_calls_everybody() -> None:
    text = message(Summary(days=[shown("<!channel> & ```")], stale=[stale("x", "f", 1, "<!here> ```")]))
    assert "<!" not in text
    assert text.count("```") == 2


def test_the_dates_of_restaurants_can_differ() -> None:
    days = [shown("West", business_date=dt.date(2026, 2, 22)), shown("East")]
    assert message(Summary(days=days)).split("\n")[1] == "Sunday, 22 February 2026 to Monday, 23 February 2026"


# --- the webhook -------------------------------------------------------------------------------------


@dataclass
class Webhook:
    """An incoming webhook on this machine: what it was sent, and what it is to answer."""

    url: str = ""
    received: list[Json] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.received.append({"path": self.path, "type": self.headers["Content-Type"], **json.loads(body)})
            status, text = hook.answers.pop(0) if hook.answers else (200, "ok")
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Nothing to the test's standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_port}/services/{TOKEN}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield hook
        server.shutdown()
        thread.join()


TOKEN = "T000-hush-7c1e"


def settings_of(hook: Webhook) -> Settings:
    return Settings(summary_webhook_url=hook.url)


def test_a_message_is_posted_as_slack_takes_it(webhook: Webhook) -> None:
    assert post_message(settings_of(webhook), "Grüße 🍞").status == "posted"
    assert webhook.received == [{"path": f"/services/{TOKEN}", "type": "application/json", "text": "Grüße 🍞"}]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(webhook: Webhook, status: int) -> None:
    pauses: list[float] = []
    webhook.answers = [(status, "later"), (200, "ok")]
    assert post_message(settings_of(webhook), "text", sleep=pauses.append).status == "posted"
    assert len(pauses) == 1
    webhook.answers = [(status, "later")] * TRIES
    posting = post_message(settings_of(webhook), "text", sleep=pauses.append)
    assert (posting.status, str(status) in str(posting.detail)) == ("unavailable", True)


@pytest.mark.parametrize(("status", "text"), [(404, "no_service"), (403, "action_prohibited"), (302, "moved")])
def test_a_refusal_is_told_in_slacks_words_and_not_repeated(webhook: Webhook, status: int, text: str) -> None:
    """A redirect is one, since the message goes nowhere but where it was told."""
    webhook.answers = [(status, text)]
    posting = post_message(settings_of(webhook), "text")
    assert posting.status == "refused"
    assert f"HTTP {status}: {text}" in str(posting.detail)
    assert len(webhook.received) == 1
    assert TOKEN not in str(posting)


def test_a_webhook_that_cannot_be_reached_is_told_by_its_host_alone() -> None:
    settings = Settings(summary_webhook_url=f"http://127.0.0.1:9/services/{TOKEN}")
    posting = post_message(settings, "text", sleep=lambda _: None)
    assert posting.status == "unavailable"
    assert "127.0.0.1" in str(posting.detail)
    assert TOKEN not in str(posting)


@pytest.mark.parametrize("url", ["hooks.slack.com/x", "ftp://x/y", "http://", "http://[", TOKEN])
def test_what_is_no_url_is_refused_without_showing_it(url: str) -> None:
    posting = post_message(Settings(summary_webhook_url=url), "text")
    assert (posting.status, "SUMMARY_WEBHOOK_URL holds no URL" in str(posting.detail)) == ("refused", True)
    assert TOKEN not in str(posting)


def test_without_a_webhook_nothing_is_posted() -> None:
    assert post_message(Settings(), "text").status == "no_webhook"


def test_the_url_can_come_from_secret_manager(webhook: Webhook) -> None:
    asked: list[str] = []

    def read(resource: str, _: float) -> bytes:
        asked.append(resource)
        return f"{webhook.url}\n".encode()

    settings = Settings(project="p", summary_webhook_secret="SLACK")
    assert post_message(settings, "text", read_secret=read).status == "posted"
    assert asked == ["projects/p/secrets/SLACK/versions/latest"]


def test_a_secret_that_cannot_be_read_is_told_with_what_to_do() -> None:
    class PermissionDenied(Exception):
        pass

    def refuse(*_: object) -> bytes:
        raise PermissionDenied

    posting = post_message(Settings(project="p", summary_webhook_secret="SLACK"), "text", read_secret=refuse)
    assert posting.status == "refused"
    assert "roles/secretmanager.secretAccessor" in str(posting.detail)
    assert "unset SUMMARY_WEBHOOK_SECRET" in str(posting.detail)
    assert "TOAST_CLIENT" not in str(posting.detail)


# --- the whole function ------------------------------------------------------------------------------

BROOKLYN, AUSTIN = RESTAURANTS[0].guid, RESTAURANTS[7].guid


@dataclass(frozen=True)
class Loaded:
    """Two restaurants whose yesterday is loaded, but for the labor of one."""

    environment: dict[str, str]
    tables: Tables
    folder: Path


@pytest.fixture(scope="module")
def loaded(
    tmp_path_factory: pytest.TempPathFactory, emulator: str, warehouse_client: bigquery.Client
) -> Iterator[Loaded]:
    folder = tmp_path_factory.mktemp("loaded")
    with simulator_process(folder, seed=7, clock="2026-02-24T18:00:00Z", limits="off", volume=12) as server:
        environment = group_environment(server.url, emulator, folder, [BROOKLYN, AUSTIN], "summarized")
        toast = SimulatorControl(server.url)
        with in_process(environment, "orders_daily") as orders:
            orders().succeeded()
        with in_process(environment, "cash_daily") as cash:
            cash().succeeded()
        with in_process(environment, "labor_daily") as labor:
            labor(restaurant_guid=BROOKLYN).succeeded()
            toast.fault("forbidden", path="timeEntries", times=50)
            labor(restaurant_guid=AUSTIN).is_problem(502)
        # The function asks Toast nothing: it is gone by now.
    yield Loaded(environment, Tables(warehouse_client, "summarized"), folder)
    warehouse_client.delete_dataset("summarized", delete_contents=True)


@pytest.fixture
def on_that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_summary, "_now", lambda: NOW)


@pytest.mark.usefixtures("on_that_day")
def test_the_morning_after(loaded: Loaded, webhook: Webhook, capfd: pytest.CaptureFixture[str]) -> None:
    with in_process(loaded.environment | {"SUMMARY_WEBHOOK_URL": webhook.url}, "daily_summary") as function:
        reply = function()
    assert reply.status == 200, reply.text
    brooklyn, austin = reply.body["restaurants"]
    held = {
        row["restaurant_guid"]: row
        for row in loaded.tables.rows(
            "SELECT restaurant_guid, COUNT(*) AS orders FROM {dataset}.fact_orders "
            "WHERE business_date = '2026-02-23' AND NOT is_voided AND NOT is_deleted GROUP BY restaurant_guid"
        )
    }
    assert (brooklyn["complete"], brooklyn["orders"]) == (True, held[BROOKLYN]["orders"])
    assert (austin["complete"], austin["incomplete_sources"]) == (False, ["labor"])
    assert austin["orders"] == held[AUSTIN]["orders"]
    assert reply.body["headline"].startswith("1 of 2 restaurants complete, ")
    assert reply.body["posting"]["status"] == "posted"
    stale = {(one["name"], one["function"]): one for one in reply.body["stale"]}
    assert stale.keys() == {
        ("Purpose Austin", "labor_daily"),
        ("Purpose Austin", "config_weekly"),
        ("Purpose Brooklyn", "config_weekly"),
    }
    assert "Toast refused" in stale["Purpose Austin", "labor_daily"]["last_error"]

    (posted,) = webhook.received
    assert posted["text"].startswith(f"*{reply.body['headline']}*\nMonday, 23 February 2026\n```\n")
    assert "NOT COMPLETE: labor" in posted["text"]

    lines = log_lines(capfd.readouterr().err)
    assert TOKEN not in json.dumps(lines)
    told = [line for line in lines if line["message"] == "restaurant_stale"]
    assert {(line["restaurant_name"], line["stale_function"]) for line in told} == stale.keys()
    assert {line["function"] for line in lines} == {"daily_summary"}
    (summary,) = [line for line in lines if line["message"] == "daily_summary"]
    assert (summary["severity"], summary["headline"]) == ("WARNING", reply.body["headline"])
    last = lines[-1]
    assert (last["message"], last["complete"], last["stale"], last["posting"]) == ("call_ended", 1, 3, "posted")


@pytest.mark.usefixtures("on_that_day")
@pytest.mark.parametrize(
    ("answers", "status", "outcome"),
    [([(404, "no_service")], 200, "refused"), ([(503, "busy")] * TRIES, 503, "unavailable")],
)
def test_a_message_that_cannot_be_posted_fails_nothing_that_was_measured(
    loaded: Loaded,
    webhook: Webhook,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answers: list[tuple[int, str]],
    status: int,
    outcome: str,
) -> None:
    """A scheduler repeats it where that may help; an alert tells it either way."""
    monkeypatch.setattr("shared.summary_webhook.PAUSE_SECONDS", 0.0)
    webhook.answers = answers
    with in_process(loaded.environment | {"SUMMARY_WEBHOOK_URL": webhook.url}, "daily_summary") as function:
        reply = function()
    assert (reply.status, reply.body["status"]) == (status, "partial")
    assert ("Retry-After" in reply.headers) == (status == 503)
    assert reply.body["posting"]["status"] == outcome
    assert (reply.body["complete"], len(reply.body["stale"])) == (1, 3)
    lines = log_lines(capfd.readouterr().err)
    (told,) = [line for line in lines if line["message"] == "summary_not_posted"]
    assert (told["severity"], told["status"]) == ("ERROR", outcome)
    assert lines[-1]["stale"] == 3


@pytest.mark.usefixtures("on_that_day")
def test_every_hour_it_is_measured_and_not_posted(
    loaded: Loaded, webhook: Webhook, capfd: pytest.CaptureFixture[str]
) -> None:
    with in_process(loaded.environment | {"SUMMARY_WEBHOOK_URL": webhook.url}, "daily_summary") as function:
        assert function(post=False).status == 200
    assert webhook.received == []
    messages = {line["message"] for line in log_lines(capfd.readouterr().err)}
    assert "daily_summary" not in messages
    assert "restaurant_stale" in messages


def test_a_deployed_function_keeps_the_contract_of_the_others(loaded: Loaded, webhook: Webhook) -> None:
    """Served by functions-framework in a process of its own, by today's clock, without a Toast to ask."""
    environment = loaded.environment | {"SUMMARY_WEBHOOK_URL": webhook.url, "TOAST_API_HOST": "http://127.0.0.1:9"}
    with function_process("daily_summary", loaded.folder, environment) as server:
        asked = post(server.url, business_date="2026-02-23")
        assert (asked.status, asked.body["complete"], asked.body["stale"]) == (200, 1, [])
        late = post(server.url, post=False)
        assert (late.status, late.body["complete"]) == (200, 0)
        assert len(late.body["stale"]) == 8
        wrong = post(server.url, business_date="2036-02-23", restaurant_guid="ALL")
        assert wrong.is_problem(400)["errors"].keys() == {"restaurant_guid"}
        assert post(server.url, tenant="nobody").is_problem(404, "nobody")
    assert len(webhook.received) == 1
