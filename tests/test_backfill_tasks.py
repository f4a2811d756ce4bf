"""run --target tasks: units as tasks of a real gcloud-tasks-emulator, which calls a real function.

The emulator's launcher adds what the package lacks of Cloud Tasks' names (see local_stack/tasks_emulator.py): a name
is taken once. Nothing here holds the queue's rate, the pause before a task is tried again, OIDC tokens and dispatch
deadlines: the emulator has none of them. What is sent of them is looked at in the queue.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

import grpc
import pytest
from backfill_parts import BROOKLYN
from backfill_stack import BackfillStack, backfill_stack, words_of
from click.testing import CliRunner
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from backfill.commands import cli
from backfill.schedule import LEAST_SECONDS, LEEWAY, OffPeak, schedule
from history.ledger import Pace
from history.spans import Span, cut
from history.units import Unit
from local_stack.processes import ROOT, tasks_emulator_process

QUEUE = "projects/local/locations/us-west1/queues/toast-backfill"
INVOKER = "toast-tasks@local.iam.gserviceaccount.com"
START, END = dt.date(2026, 2, 10), dt.date(2026, 2, 15)
QUICK = ("--functions", "orders", "--chunk-days", "3", "--skip-configuration")
TRIES = 2

# What pip says when there is nobody to ask, as against a package that is not there or does not install.
NO_INDEX = re.compile(r"NewConnectionError|NameResolutionError|ConnectTimeout|Network is unreachable|ProxyError")


def dates(start: dt.date, end: dt.date) -> tuple[str, ...]:
    return "--start-date", str(start), "--end-date", str(end)


@pytest.fixture(scope="module")
def installed() -> None:
    """The emulator's environment; `make` has made it, unless the machine was offline then."""
    done = subprocess.run(
        [ROOT / "local_stack" / "setup_environment.sh", "local_stack/tasks-emulator.txt"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and NO_INDEX.search(done.stderr):
        pytest.skip("the Cloud Tasks emulator is not installed, and no package index can be reached")
    assert done.returncode == 0, done.stderr


class QueuedStack:
    """The servers with a queue before them, and Google's own client to look into it."""

    def __init__(self, here: BackfillStack, client: tasks_v2.CloudTasksClient) -> None:
        self.here = here
        self.client = client

    def run(self, *words: str) -> tuple[int, str]:
        code, printed = self.here.run(*words, timeout=60)
        return code, words_of(printed)

    def tasks(self) -> list[tasks_v2.Task]:
        return sorted(self.client.list_tasks(parent=QUEUE), key=lambda task: task.name)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The queue takes tasks, and calls nothing."""
        self.client.pause_queue(name=QUEUE)
        time.sleep(0.3)  # the emulator looks ten times a second
        try:
            yield
        finally:
            self.client.resume_queue(name=QUEUE)

    def wait_until(self, what: str, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not seen():
            assert time.monotonic() < deadline, what
            time.sleep(0.1)


@pytest.fixture(scope="module")
def stack(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueuedStack]:
    folder = tmp_path_factory.mktemp("tasks")
    with (
        backfill_stack(folder, ("orders_daily",), 2, volume=10) as here,
        tasks_emulator_process(folder, QUEUE, max_retries=TRIES - 1) as emulator,
    ):
        host = emulator.url.removeprefix("http://")
        here.target = "tasks"
        here.variables = {"TASKS_EMULATOR_HOST": host, "TASKS_QUEUE": QUEUE, "TASKS_INVOKER": INVOKER}
        channel = grpc.insecure_channel(host)
        yield QueuedStack(here, tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel)))
        channel.close()


def test_units_are_queued_once_called_in_turn_and_followed(stack: QueuedStack) -> None:
    here = stack.here
    with stack.paused():
        before = here.toast.requests_so_far()["total"]
        code, printed = stack.run("run", *dates(START, END), *QUICK)
        assert code == 0, printed
        assert f"Queued 4 units in {QUEUE}" in printed
        assert "Queued is not loaded" in printed
        assert "paused: gcloud tasks queues resume toast-backfill" in printed
        assert here.toast.requests_so_far()["total"] - before == 1, "nothing is asked but the time"
        tasks = stack.tasks()
        assert len({task.name for task in tasks}) == 4
        for task in tasks:
            request = task.http_request
            assert request.url == here.stack.function_url("orders_daily")
            assert request.oidc_token.service_account_email == INVOKER
            assert request.oidc_token.audience == request.url
            assert request.headers["Content-Type"] == "application/json"
            assert task.dispatch_deadline == dt.timedelta(minutes=10)
        bodies = [json.loads(task.http_request.body) for task in tasks]
        assert {(body["restaurant_guid"], body["start_date"], body["end_date"]) for body in bodies} == {
            (guid, *days)
            for guid in here.guids
            for days in (("2026-02-10", "2026-02-12"), ("2026-02-13", "2026-02-15"))
        }
        for guid in here.guids:
            first, second = sorted(task.schedule_time for task in tasks if guid in task.name)
            assert (second - first).total_seconds() >= LEAST_SECONDS, "never two of a restaurant at once"

        code, printed = stack.run("run", *dates(START, END), *QUICK)
        assert (code, "4 units are in the queue already" in printed) == (0, True), printed
        assert stack.tasks() == tasks, "the same command again adds nothing"

        code, printed = stack.run("status", *dates(START, END), "--functions", "orders", "--json")
        told = json.loads(printed)
        assert (len(told["queue"]["tasks"]), told["queue"]["is_paused"]) == (4, True)
        (running,) = told["running"]
        assert (running["units"], running["units_done"]) == (4, 0), "it counts as under way, without a sign of life"
        assert dt.datetime.fromisoformat(running["expected_end_at"]) > max(task.schedule_time for task in tasks)

    stack.wait_until("the first of each restaurant are called for", lambda: len(stack.tasks()) == 2)
    assert {date for _, _, date in here.complete()} == {START + dt.timedelta(days=n) for n in range(3)}
    with stack.paused():
        for task in stack.tasks():
            stack.client.run_task(name=task.name)  # and not wait for it
    assert stack.tasks() == []
    here.equals_truth(START, END)

    code, printed = stack.run("status", *dates(START, END), "--functions", "orders")
    assert "Since the last look 4 units were loaded, 0 failed" in printed
    assert "every business date is complete" in printed
    rows = here.rows("SELECT * FROM {dataset}.etl_backfill_units WHERE state = 'done'")
    assert len(rows) == 4
    assert all(row["attempts"] == 1 and row["pages"] > 0 and row["rows"] > 0 for row in rows)
    (last,) = here.rows("SELECT * FROM {dataset}.etl_backfills ORDER BY beat_at DESC LIMIT 1")
    assert (last["state"], last["units_done"], last["units_failed"], last["expected_end_at"]) == ("done", 4, 0, None)
    code, printed = stack.run("run", *dates(START, END), *QUICK)
    assert (code, "Nothing is missing that" in printed) == (0, True), printed


def test_a_task_that_failed_is_tried_again_and_what_failed_for_good_can_be_queued_again(stack: QueuedStack) -> None:
    """One restaurant is refused once, the other always: the queue repeats both; --failed queues the second anew."""
    here = stack.here
    once, always = here.guids
    day = dt.date(2026, 2, 18)
    here.toast.fault("forbidden", times=1, restaurant_guid=once, path="ordersBulk")
    here.toast.fault("forbidden", rate=1.0, restaurant_guid=always, path="ordersBulk")
    code, printed = stack.run("run", *dates(day, day), *QUICK)
    assert (code, "Queued 2 units" in printed) == (0, True), printed
    stack.wait_until("both have left the queue", lambda: not stack.tasks())
    here.toast.no_faults()
    assert {guid for _, guid, date in here.complete() if date == day} == {once}

    code, printed = stack.run("status", *dates(day, day), "--functions", "orders")
    for words in ("1 unit was loaded, 1 failed", "1 units failed and are still missing", "orders:read"):
        assert words in printed, printed
    rows = here.rows("SELECT * FROM {dataset}.etl_backfill_units WHERE start_date = '2026-02-18' AND state != 'queued'")
    assert {row["restaurant_guid"]: (row["state"], row["attempts"]) for row in rows} == {
        once: ("done", 2),
        always: ("failed", TRIES),
    }

    with stack.paused():
        code, printed = stack.run("run", "--failed", *QUICK)
        assert (code, "Queued 1 unit " in printed) == (0, True), printed
        (task,) = stack.tasks()
        assert task.name.endswith(f"{always}-20260218-20260218-1")
        code, printed = stack.run("run", "--failed", *QUICK)
        assert (len(stack.tasks()), "1 unit is in the queue already" in printed) == (1, True), printed
    stack.wait_until("it has left the queue", lambda: not stack.tasks())
    assert {guid for _, guid, date in here.complete() if date == day} == {once, always}
    here.equals_truth(day, day)


def test_a_killed_command_and_two_at_once_add_each_unit_once(stack: QueuedStack) -> None:
    more = dates(dt.date(2026, 1, 1), dt.date(2026, 1, 30))
    with stack.paused():
        killed = stack.here.start("run", *more, *QUICK)
        stack.wait_until("some are in the queue", lambda: len(stack.tasks()) > 3)
        killed.kill()
        killed.communicate()
        both = [stack.here.start("run", *more, *QUICK) for _ in range(2)]
        for process in both:
            printed, _ = process.communicate(timeout=60)
            assert process.returncode == 0, printed
        bodies = [task.http_request.body for task in stack.tasks()]
        assert (len(bodies), len(set(bodies))) == (20, 20)
        queued = "SELECT DISTINCT restaurant_guid, start_date FROM {dataset}.etl_backfill_units WHERE state = 'queued'"
        assert len(stack.here.rows(f"{queued} AND start_date < '2026-02-01'")) == 20, "also those of the killed one"
        code, printed = stack.run("run", *more, *QUICK, "--chunk-days", "7")
        assert (code, len(stack.tasks())) == (0, 20), "the same dates in other pieces are the same dates"
        stack.client.purge_queue(name=QUEUE)

        code, printed = stack.run("run", *more, *QUICK)
        assert (code, "Queued 20 units" in printed) == (0, True), printed
        assert {task.name[-2:] for task in stack.tasks()} == {"-1"}, "their names are taken, so the next ones are"
        stack.client.purge_queue(name=QUEUE)


def test_the_configuration_is_called_for_first(stack: QueuedStack) -> None:
    day = dt.date(2026, 2, 20)
    words = ("run", *dates(day, day), *(word for word in QUICK if word != "--skip-configuration"))
    code, printed = stack.run(*words)
    assert (code, "no URL is known of config_weekly" in printed) == (1, True), printed
    with stack.paused():
        code, printed = stack.run(*words, "--function-url", "config_weekly=http://127.0.0.1:1/config")
        assert code == 0, printed
        first, *others = sorted(stack.tasks(), key=lambda task: task.schedule_time)
        assert json.loads(first.http_request.body) == {"restaurant_guid": "ALL", "tenant": "purpose"}
        assert first.http_request.url == "http://127.0.0.1:1/config"
        assert {task.schedule_time - first.schedule_time >= dt.timedelta(minutes=1) for task in others} == {True}
        assert len(others) == 2
        stack.client.purge_queue(name=QUEUE)


def test_a_queue_that_is_not_there_is_told_with_what_to_do(stack: QueuedStack) -> None:
    code, printed = stack.run("run", *dates(START, END), *QUICK, "--queue", f"{QUEUE}-2")
    assert (code, "Traceback" in printed) == (1, False)
    assert f"{QUEUE}-2: Queue does not exist.: create it with deploy_all.sh, or correct --queue" in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--target tasks needs --queue projects/PROJECT/locations/REGION/queues/QUEUE"),
        (("--queue", "toast-backfill"), "'toast-backfill' is no such name"),
        (("--queue", QUEUE), "--target tasks needs --invoker"),
        (("--queue", QUEUE, "--invoker", INVOKER), "GOOGLE_CLOUD_PROJECT is not set"),
    ],
)
def test_what_is_missing_is_told_plainly(words: tuple[str, ...], told: str) -> None:
    urls = ("--functions-url", "https://example.com")
    said = CliRunner().invoke(cli, ["run", *dates(START, END), "--target", "tasks", *urls, *words])
    assert said.exit_code in (1, 2)
    assert told in words_of(said.output).replace(" │ ", " ")


# --- when each task is due -----------------------------------------------------------------------------

NOON = dt.datetime(2026, 2, 24, 12, tzinfo=dt.UTC)


def units(guid: str, days: int, function: str = "orders_daily") -> list[Unit]:
    spans = cut([Span(START, START + dt.timedelta(days=days - 1))], 1)
    return [Unit(function, guid, span) for span in spans]


def test_the_first_of_each_lane_is_due_at_once_and_each_next_when_the_one_before_has_ended() -> None:
    paces = {("orders", "a"): Pace(pages=2, requests=3, seconds=30)}
    times = schedule([*units("a", 3), *units("b", 2)], paces, NOON)
    due = {guid: [one.due_at - NOON for one in times if one.unit.restaurant_guid == guid] for guid in "ab"}
    assert due["a"] == [n * dt.timedelta(seconds=30 * LEEWAY) for n in range(3)]
    assert due["b"][0] == dt.timedelta(0)
    assert due["b"][1] >= dt.timedelta(seconds=LEAST_SECONDS)
    assert [one.due_at for one in times] == sorted(one.due_at for one in times)


def test_what_is_added_later_is_due_after_what_is_in_the_queue() -> None:
    paces = {("orders", "a"): Pace(pages=2, requests=3, seconds=30)}
    busy = NOON + dt.timedelta(hours=1)
    times = schedule([*units("a", 2), *units("b", 1)], paces, NOON, after={("a", "orders_daily"): busy})
    due = [one.due_at for one in times if one.unit.restaurant_guid == "a"]
    assert due == [busy + n * dt.timedelta(seconds=30 * LEEWAY) for n in (1, 2)]
    assert min(one.due_at for one in times) == NOON, "others need not wait for it"


def test_the_configuration_is_read_before_the_rest() -> None:
    first, *others = schedule([*units(BROOKLYN, 2), Unit("config_weekly", "ALL", None)], {}, NOON)
    assert (first.unit.function, first.due_at) == ("config_weekly", NOON)
    assert all(one.due_at >= NOON + dt.timedelta(minutes=1) for one in others)


def test_where_the_queue_calls_fewer_at_once_than_there_are_lanes_they_lie_farther_apart() -> None:
    many = [unit for n in range(100) for unit in units(f"restaurant {n}", 2)]
    paces = {("orders", f"restaurant {n}"): Pace(pages=2, requests=3, seconds=30) for n in range(100)}
    last = max(one.due_at for one in schedule(many, paces, NOON, at_once=10))
    assert last - NOON == dt.timedelta(seconds=LEEWAY * 100 * 30 / 10)
    last = max(one.due_at for one in schedule(many, paces, NOON, per_second=1))
    assert last - NOON == dt.timedelta(seconds=100)


def test_calls_begin_off_peak_over_midnight_and_the_change_to_daylight_saving_time() -> None:
    hours = OffPeak(dt.time(23), dt.time(5), ZoneInfo("America/New_York"))
    inside = dt.datetime(2026, 3, 8, 4, 30, tzinfo=dt.UTC)  # 23:30
    assert hours.next(inside) == inside
    after = dt.datetime(2026, 3, 8, 9, tzinfo=dt.UTC)  # 05:00, which is over
    assert hours.next(after) == dt.datetime(2026, 3, 9, 3, tzinfo=dt.UTC)
    paces = {("orders", "a"): Pace(pages=2, requests=3, seconds=3600)}
    times = schedule(units("a", 6), paces, dt.datetime(2026, 2, 24, 20, tzinfo=dt.UTC), off_peak=hours)
    assert {one.due_at.astimezone(hours.zone).hour for one in times} <= {23, 0, 1, 2, 3, 4}
