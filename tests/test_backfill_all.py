"""backfill_all.py as its users start it: real processes, real sockets, real kills."""

from __future__ import annotations

import datetime as dt
import json
import signal
import time
from collections.abc import Iterator

import pytest
from backfill_stack import BackfillStack, backfill_stack, words_of

START, END = dt.date(2026, 2, 9), dt.date(2026, 2, 22)
DATES = ("--start-date", str(START), "--end-date", str(END))
QUICK = ("--functions", "orders", "--chunk-days", "2", "--retry-wait", "1", "--skip-configuration", "--skip-gates")
DAYS = (END - START).days + 1


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackfillStack]:
    with backfill_stack(tmp_path_factory.mktemp("backfill"), ("orders_daily",), 2, volume=15) as stack:
        yield stack


def wait_until_some_are_complete(here: BackfillStack, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(here.complete()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_plan_needs_no_tables_and_makes_none(here: BackfillStack) -> None:
    code, printed = here.run("plan", *DATES, "--functions", "orders", "--json")
    assert code == 0, printed
    assert {key: json.loads(printed)[key] for key in ("calls", "days")} == {"calls": 4, "days": 2 * DAYS}
    assert not list(here.client.list_datasets())


def test_a_backfill_that_is_killed_goes_on_where_it_was(here: BackfillStack) -> None:
    """kill -9 of the orchestrator, then of the function; each time the same command again; no finished day twice."""
    here.make_tables()
    first = here.start("run", *DATES, *QUICK, "--workers", "2")
    wait_until_some_are_complete(here, 4)
    first.kill()
    first.communicate()

    finished = here.complete()
    assert 4 <= len(finished) < 2 * DAYS
    second = here.start("run", *DATES, *QUICK)
    wait_until_some_are_complete(here, len(finished) + 4)
    function = here.stack.functions["orders_daily"]
    function.kill()
    function.start().wait_until_ready()
    printed, _ = second.communicate(timeout=200)
    assert second.returncode == 0, printed
    assert len(here.complete()) == 2 * DAYS
    assert not here.done_by(here.newest_backfill()) & finished, "no finished day is called for again"
    here.equals_truth(START, END)


def test_when_nothing_is_missing_nothing_is_called(here: BackfillStack) -> None:
    before = here.toast.requests_so_far()["total"]
    code, printed = here.run("run", *DATES, *QUICK)
    assert (code, "nothing is missing" in printed) == (0, True), printed
    assert here.toast.requests_so_far()["total"] <= before + 1, "it asks what time it is"
    code, printed = here.run("status", *DATES, "--functions", "orders")
    assert code == 0
    assert f"{DAYS}/{DAYS}" in printed
    assert "every business date is complete" in words_of(printed)


def test_one_restaurant_that_is_refused_does_not_stop_the_others(here: BackfillStack) -> None:
    """The exit code, the report and --failed are right; --dates reads again what is complete."""
    bad, *good = here.guids
    more = dt.date(2026, 1, 5), dt.date(2026, 2, 1)
    dates = ("--start-date", str(more[0]), "--end-date", str(more[1]))
    here.toast.fault("forbidden", rate=1.0, restaurant_guid=bad, path="ordersBulk")
    code, printed = here.run("run", *dates, *QUICK, "--chunk-days", "7")
    assert code == 1
    told = words_of(printed)
    for words in (
        "4 of 8 units done",
        "orders:read",
        "1 more were left out",
        "run --failed --target http",
        "3 failures in a row",
    ):
        assert words in told, printed
    complete = here.complete()
    assert {guid for _, guid, date in complete if date < START} == set(good)

    code, printed = here.run("status", "--functions", "orders", "--json", *dates)
    told = json.loads(printed)
    assert {one["unit"][1] for one in told["failed"]} == {bad}
    assert {one["complete"] for one in told["coverage"] if one["restaurant_guid"] == bad} == {0}

    here.toast.no_faults()
    code, printed = here.run("run", "--failed", *QUICK, "--chunk-days", "7")
    assert (code, "4 of 4 units done" in printed) == (0, True), printed
    here.equals_truth(*more)
    code, printed = here.run("run", "--failed", *QUICK)
    assert (code, "No failure is on record" in printed) == (0, True), printed

    code, printed = here.run("run", "--dates", "2026-01-05", "2026-01-09", *QUICK)
    assert (code, "4 of 4 units done" in printed) == (0, True), printed


def test_two_at_once_share_the_work_and_do_no_harm(here: BackfillStack) -> None:
    more = dt.date(2025, 12, 1), dt.date(2025, 12, 8)
    dates = ("--start-date", str(more[0]), "--end-date", str(more[1]))
    both = [here.start("run", *dates, *QUICK, "--workers", "2")]
    time.sleep(1.5)
    both.append(here.start("run", *dates, *QUICK, "--workers", "2"))
    for process in both:
        printed, _ = process.communicate(timeout=200)
        assert process.returncode == 0, printed
    here.equals_truth(*more)


def test_ctrl_c_says_how_to_go_on(here: BackfillStack) -> None:
    process = here.start("run", "--start-date", "2025-10-01", "--end-date", "2025-11-30", *QUICK, "--workers", "1")
    wait_until_some_are_complete(here, len(here.complete()) + 3)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert time.monotonic() - began < 15
    assert "The same command goes on from here" in words_of(printed)
    (last,) = here.rows("SELECT state FROM {dataset}.etl_backfills ORDER BY beat_at DESC LIMIT 1")
    assert last["state"] == "stopped"


def test_restaurants_are_named_as_people_name_them(here: BackfillStack) -> None:
    days = []
    for words in (here.guids[0], "purpose brooklyn", "Purpose Brooklyn," + here.guids[1]):
        code, printed = here.run(
            "plan",
            "--start-date",
            "2025-01-01",
            "--end-date",
            "2025-01-07",
            "--json",
            "--restaurants",
            words,
            "--functions",
            "orders",
        )
        assert code == 0, printed
        days.append(json.loads(printed)["days"])
    assert days == [7, 7, 14]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run",), "say what to load: --start-date and --end-date"),
        (("run", "--start-date", "2026-02-03"), "--end-date is missing"),
        (("plan", "--end-date", "2026-02-03"), "--start-date is missing"),
        (("run", "--start-date", "2026-02-03", "--end-date", "2026-02-01"), "is after --end-date"),
        (("run", "--missing", "--dates", "2026-02-01"), "choose one of --dates and --missing"),
        (("run", "--failed", "--missing"), "leave the other dates out"),
        (("run", "--dates", "yesterday"), "'yesterday' is no date; write it like 2026-02-21"),
        (("run", "--missing", "--functions", "tips"), "choose from orders, cash, labor"),
        (("run", "--missing", "--restaurants", "nobody"), "neither GUID nor name of a restaurant"),
        (("run", "--missing", "--chunk-days", "40"), "from 1 to 31"),
        (("run", "--missing", "--off-peak", "late"), "two times of day"),
        (("run", "--missing", "--tenant", "other"), "restaurants.toml; it has 'purpose'"),
    ],
)
def test_words_that_make_no_sense_are_told_plainly(here: BackfillStack, words: tuple[str, ...], told: str) -> None:
    code, printed = here.run(*words)
    assert code in (1, 2)
    assert told in words_of(printed).replace(" │ ", " ")
    assert "Traceback" not in printed
