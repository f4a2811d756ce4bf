"""How units are done: in lanes, with retries, over real HTTP; and what is said while it goes on."""

from __future__ import annotations

import datetime as dt
import io
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from backfill_parts import Answer, Function, Json, problem, serving, stopped_at, success
from rich.console import Console

from backfill.alarms import Alarms
from backfill.display import LiveTable, PlainLines, Progress, duration
from backfill.replies import Reply, judge
from backfill.runner import GIVE_UP_AFTER, TRIES, Ended, Runner
from backfill.targets import TargetFailed
from backfill.targets.http import HttpCaller
from history.spans import Span
from history.units import Unit

START = dt.date(2026, 1, 1)


def units(guid: str, count: int = 1, function: str = "orders_daily") -> list[Unit]:
    week = dt.timedelta(days=7)
    spans = [Span(START + n * week, START + n * week + dt.timedelta(days=6)) for n in range(count)]
    return [Unit(function, guid, span) for span in spans]


class Heard:
    def __init__(self) -> None:
        self.ends: list[Ended] = []
        self.retries: list[tuple[Unit, str]] = []

    def began(self, unit: Unit) -> None: ...

    def will_retry(self, unit: Unit, error: str, wait: float) -> None:
        self.retries.append((unit, error))

    def ended(self, ended: Ended) -> None:
        self.ends.append(ended)

    @property
    def states(self) -> Counter[str]:
        return Counter(end.state for end in self.ends)


def run(
    answer: Callable[[Json], Answer], todo: list[Unit], *, workers: int = 4, seconds: float = 0.0
) -> tuple[Heard, Function]:
    heard = Heard()
    with serving(Function(answer, seconds=seconds)) as function:
        urls = {unit.function: function.url for unit in todo}
        Runner("purpose", HttpCaller(urls), todo, [heard], workers=workers, retry_wait=0.05).run()
    return heard, function


def test_a_restaurant_never_has_two_order_calls_in_flight_and_restaurants_go_side_by_side() -> None:
    todo = units("a", 4) + units("b", 4) + units("c", 4)
    began = time.monotonic()
    heard, function = run(success, todo, seconds=0.15)
    assert time.monotonic() - began < 12 * 0.15, "not one after the other"
    assert heard.states == {"done": 12}
    assert {guid: function.most_at_once[guid] for guid in "abc"} == {"a": 1, "b": 1, "c": 1}
    assert function.most_at_once["all"] == 3
    for guid in "abc":
        asked = [body["start_date"] for body in function.bodies if body["restaurant_guid"] == guid]
        assert asked == sorted(asked), "in the order of dates"


def test_functions_of_one_restaurant_go_side_by_side() -> None:
    _, function = run(success, units("a", 2) + units("a", 2, "cash_daily"), seconds=0.15)
    assert function.most_at_once["a"] == 2


def test_a_free_worker_takes_the_next_unit_at_once() -> None:
    """Two workers, one slow unit: the other worker does all the rest meanwhile."""

    def answer(body: Json) -> Answer:
        if body["restaurant_guid"] == "slow":
            time.sleep(1.0)
        return success(body)

    todo = units("slow") + [unit for n in range(8) for unit in units(f"r{n}")]
    began = time.monotonic()
    heard, _ = run(answer, todo, workers=2, seconds=0.05)
    assert time.monotonic() - began < 1.4
    assert heard.ends[-1].unit.restaurant_guid == "slow"


def test_what_fails_for_now_is_tried_three_times_and_others_go_on() -> None:
    def answer(body: Json) -> Answer:
        return problem(503, "Toast does not answer", "for now") if body["restaurant_guid"] == "bad" else success(body)

    heard, function = run(answer, units("bad") + units("good", 3))
    assert Counter(body["restaurant_guid"] for body in function.bodies) == {"bad": TRIES, "good": 3}
    (failed,) = [end for end in heard.ends if end.state == "failed"]
    assert (failed.attempts, failed.error) == (TRIES, "Toast does not answer: for now")
    assert len(heard.retries) == TRIES - 1


def test_what_will_never_succeed_is_called_for_once() -> None:
    heard, function = run(lambda _: problem(502, "Toast refused", "403: no access"), units("bad"))
    assert len(function.bodies) == 1
    assert heard.ends[0].error == "Toast refused: 403: no access"


def test_a_second_try_that_succeeds_is_a_success() -> None:
    answers = iter([problem(503, "Busy", "now"), (500, {"oops": 1}, {})])
    heard, function = run(lambda body: next(answers, None) or success(body), units("a"))
    assert (heard.states, len(function.bodies)) == ({"done": 1}, 3)


def test_where_a_call_ran_out_of_time_the_next_goes_on() -> None:
    """However often: going forward is no failure."""
    stops = iter(["2026-01-02", "2026-01-03", "2026-01-05", "2026-01-06"])

    def answer(body: Json) -> Answer:
        stop = next(stops, None)
        return stopped_at(body, stop) if stop else success(body)

    heard, function = run(answer, units("a"))
    assert [body["start_date"] for body in function.bodies] == [
        "2026-01-01",
        "2026-01-02",
        "2026-01-03",
        "2026-01-05",
        "2026-01-06",
    ]
    assert {body["end_date"] for body in function.bodies} == {"2026-01-07"}
    (end,) = heard.ends
    assert (end.state, end.attempts, end.rows) == ("done", 5, 50)


def test_a_call_that_stops_at_the_same_date_again_and_again_has_failed() -> None:
    heard, function = run(lambda body: stopped_at(body, "2026-01-03", "page 2 cannot be had"), units("a"))
    assert heard.states == {"failed": 1}
    assert heard.ends[0].error == "page 2 cannot be had"
    assert [body["start_date"] for body in function.bodies] == ["2026-01-01", *["2026-01-03"] * TRIES]


def test_after_failures_in_a_row_the_rest_of_the_lane_is_left_out_with_the_cause() -> None:
    def answer(body: Json) -> Answer:
        return problem(502, "Toast refused", "403") if body["restaurant_guid"] == "bad" else success(body)

    heard, function = run(answer, units("bad", 10) + units("good", 5))
    assert heard.states == {"failed": GIVE_UP_AFTER, "skipped": 10 - GIVE_UP_AFTER, "done": 5}
    assert Counter(body["restaurant_guid"] for body in function.bodies)["bad"] == GIVE_UP_AFTER
    assert all("Toast refused: 403" in end.error for end in heard.ends if end.state == "skipped")


def test_a_success_in_between_begins_the_count_of_failures_anew() -> None:
    def answer(body: Json) -> Answer:
        bad = body["start_date"] != "2026-01-15"
        return problem(502, "Toast refused", "403") if bad else success(body)

    heard, _ = run(answer, units("a", 5))
    assert heard.states == {"failed": 4, "done": 1}, "the third of five succeeds"


def test_stop_ends_at_once_though_a_call_is_under_way() -> None:
    with serving(Function(success, seconds=3.0)) as function:
        heard = Heard()
        runner = Runner("purpose", HttpCaller({"orders_daily": function.url}), units("a", 3), [heard], workers=1)
        threading.Timer(0.3, runner.stop).start()
        began = time.monotonic()
        runner.run()
        assert time.monotonic() - began < 1.5
        assert not heard.ends


def test_what_somebody_else_completed_is_left_out() -> None:
    with serving(Function(success, seconds=0.3)) as function:
        heard = Heard()
        todo = units("a", 4)
        runner = Runner("purpose", HttpCaller({"orders_daily": function.url}), todo, [heard], workers=1)
        done = {("orders", "a"): [Span(dt.date(2026, 1, 1), dt.date(2026, 1, 21))]}
        threading.Timer(0.1, runner.leave_out, [done]).start()
        runner.run()
    assert heard.states == {"done": 4}
    asked = [body["start_date"] for body in function.bodies]
    assert asked == ["2026-01-01", "2026-01-22"], "the one under way is let be; the second and third are left out"


def test_a_target_that_cannot_be_used_ends_the_run_with_its_message() -> None:
    with pytest.raises(TargetFailed, match="no URL is known of orders_daily"):
        Runner("purpose", HttpCaller({}), units("a"), [], workers=2).run()


def test_nobody_listening_is_told_in_words() -> None:
    heard = Heard()
    caller = HttpCaller({"orders_daily": "http://127.0.0.1:9"})
    Runner("purpose", caller, units("a"), [heard], workers=1, retry_wait=0.0).run()
    assert "orders_daily at 127.0.0.1:9 cannot be reached" in heard.ends[0].error


@pytest.mark.parametrize(
    ("reply", "outcome", "words"),
    [
        (Reply(403, "<html>Forbidden</html>"), "failed", "roles/run.invoker"),
        (Reply(401, "Unauthorized"), "failed", "gcloud auth login"),
        (Reply(404, "not found"), "failed", "check it, and that it is deployed"),
        (Reply(429, "Rate exceeded."), "retry", "HTTP 429"),
        (Reply(500, "no available instance"), "retry", "no available instance"),
        (Reply(504, "upstream request timeout"), "retry", "timeout"),
        (Reply(200, "<html>a proxy's page</html>"), "retry", "no reply of the function"),
        (Reply(0, "cannot be reached"), "retry", "cannot be reached"),
    ],
)
def test_what_stands_between_us_and_the_function_is_told_from_it(reply: Reply, outcome: str, words: str) -> None:
    verdict = judge(units("a")[0], reply)
    assert verdict.outcome == outcome
    assert words in verdict.error


# --- what is shown -----------------------------------------------------------------------------------


def ended(guid: str, state: str = "done", error: str = "", rows: int = 100) -> Ended:
    return Ended(units(guid)[0], state, 1, 2.0, 3, rows, dt.datetime.now(dt.UTC), error)


def test_three_failures_in_a_row_of_one_restaurant_are_an_alarm_once() -> None:
    said: list[str] = []
    alarms = Alarms({"a": "Brooklyn"}, said.append)
    for state in ("failed", "failed", "done", "failed", "failed"):
        alarms.ended(ended("a", state, "403"))
    assert not said
    for _ in range(4):
        alarms.ended(ended("a", "failed", "403"))
    assert said == ["Brooklyn: 3 failures in a row, the last: 403"]


def test_a_low_share_of_successes_is_an_alarm() -> None:
    said: list[str] = []
    alarms = Alarms({}, said.append)
    for n in range(20):
        alarms.ended(ended(f"r{n}", "failed" if n % 9 == 0 else "done", "x"))
    assert said == ["only 8 of 10 units succeeded so far"]


def test_a_run_of_more_than_twenty_hours_is_an_alarm() -> None:
    said: list[str] = []
    now = [0.0]
    alarms = Alarms({}, said.append, clock=lambda: now[0])
    for now[0] in (3600.0, 72_000.0, 72_001.0, 80_000.0):
        alarms.began(units("a")[0])
    assert len(said) == 1
    assert "20 hours" in said[0]


@pytest.mark.parametrize("display", [LiveTable, PlainLines])
def test_a_display_tells_how_far_it_is_and_what_failed(display: type[LiveTable | PlainLines]) -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=display is LiveTable, width=140)
    progress = Progress(units("a", 3) + units("b"), {"a": "Brooklyn", "b": "Back Bay"}, expected_seconds=60)
    with display(progress, console) as shown:
        listeners = [progress, *([shown] if isinstance(shown, PlainLines) else [])]
        for event in (ended("a"), ended("b", "failed", "Toast refused")):
            for listener in listeners:
                listener.ended(event)
        shown.say("3 failures in a row")
    for words in ("Brooklyn", "Toast refused", "1 of 4 units", "1 failed", "3 failures in a row"):
        assert words in text.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.4, "4 s"), (185, "3 min 05 s"), (7800, "2 h 10 min"), (59.7, "1 min 00 s")]
)
def test_durations_read_well(seconds: float, words: str) -> None:
    assert duration(seconds) == words
