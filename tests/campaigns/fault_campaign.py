"""Plays schedules of faults, brings each to its end with clean runs, and tells what then is not as it must be."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ClassVar

import functions
import requests
from campaigns.fault_stack import FaultStack, Toast
from campaigns.schedules import CONFIG, ENTITIES, EVENTS, FAULTS, FUNCTIONS, Json, Schedule, make_schedule
from campaigns.verdicts import problems
from functions import Reply

from local_stack.truth import fetch_truth

# What a call may answer while things break: done, refused by Toast, or to be called again. Never a fault of ours.
ANSWERS = (200, 502, 503)
RESULTS_FORGOTTEN = "Not found: job"
CALLS_AT_ONCE = 4
# How often clean runs are begun anew since the simulated restaurants did something by themselves meanwhile.
MOST_ANEW = 3
# So often the report is told on the way: a campaign takes hours, and somebody may end it.
REPORTED_EVERY = 25
ANEW_LATER = dt.timedelta(minutes=20)
# Dates around a schedule's on which its restaurants can change something: edits of weeks ago, orders for later.
AROUND = (dt.timedelta(days=46), dt.timedelta(days=12))

Say = Callable[[str], None]


@dataclass
class Failure:
    """A schedule after which something was not as it must be."""

    schedule: Schedule
    problems: list[str]

    def __str__(self) -> str:
        return "\n".join([str(self.schedule), *(f"    ! {problem}" for problem in self.problems), self.again])

    @property
    def again(self) -> str:
        seed = self.schedule.seed
        return f"  again: CAMPAIGN_SEED={seed} CAMPAIGN_SCHEDULES=1 make campaign ARGS='-k faults'"


@dataclass
class Report:
    """What a campaign did, and what it found."""

    schedules: int = 0
    events: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    lost_replies: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    kills_that_hit: int = 0
    restarts_under_a_call: int = 0
    edits_made: int = 0
    anew: int = 0
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: Report) -> None:
        """Take in what another report says; of the two times the longer one, since campaigns run side by side."""
        for name, value in vars(other).items():
            ours = getattr(self, name)
            setattr(self, name, max(ours, value) if name == "seconds" else ours + value)

    @property
    def never(self) -> set[str]:
        """The functions that were never called, the events that never came and the faults that never struck."""
        kinds = {*FUNCTIONS, *EVENTS, *FAULTS, "load", "query"}
        return kinds - {*self.calls, *self.events, *(+self.struck), *(+self.lost_replies)}

    def __str__(self) -> str:
        def listed(counts: Counter[str] | Counter[int]) -> str:
            return ", ".join(f"{what} {number}" for what, number in sorted(counts.items(), key=str)) or "none"

        return "\n".join(
            [
                f"{self.schedules} schedules in {self.seconds:.0f} s, {len(self.failures)} failed",
                f"  events: {listed(self.events)}",
                f"  calls before the clean runs: {listed(self.calls)}",
                f"  faults struck: {listed(self.struck)}",
                f"  replies of jobs lost: {listed(self.lost_replies)}",
                f"  kills that hit a working function: {self.kills_that_hit}",
                f"  warehouse restarts under a call: {self.restarts_under_a_call}",
                f"  edits that changed something: {self.edits_made}",
                f"  answers before the clean runs: {listed(self.answers)}",
                f"  clean runs begun anew, since the restaurants moved on: {self.anew}",
                *(str(failure) for failure in self.failures),
            ]
        )


def run_campaign(stacks: Sequence[FaultStack], seeds: Iterable[int], report: Report, say: Say) -> None:
    """Play the schedule of each seed, on whichever stack is free, and add to the report; nothing stops at a failure."""
    began, lock, left = time.monotonic(), threading.Lock(), iter(seeds)

    def play_on(stack: FaultStack) -> None:
        while (seed := next(left, None)) is not None:
            started = time.monotonic()
            one = _played(stack, make_schedule(seed))
            ended = time.monotonic()
            one.seconds = ended - began
            with lock:
                report.add(one)
                for failure in one.failures:
                    say(str(failure))
                say(
                    f"schedule {report.schedules}, seed {seed}: {one.events.total()} events, {ended - started:.1f} s; "
                    f"{len(report.failures)} failed so far"
                )
                if report.schedules % REPORTED_EVERY == 0:
                    say(f"\n{report}\n")

    with ThreadPoolExecutor(len(stacks)) as pool:
        for played in [pool.submit(play_on, stack) for stack in stacks]:
            played.result()


def _played(stack: FaultStack, schedule: Schedule) -> Report:
    report = Report(schedules=1)
    if found := Play(stack, schedule, report).to_the_end():
        report.failures.append(Failure(schedule, found))
    return report


class Play:
    """One schedule on its way."""

    def __init__(self, stack: FaultStack, schedule: Schedule, report: Report) -> None:
        self._stack = stack
        self._schedule = schedule
        self._report = report
        self._toast: Toast = stack.begin(schedule)
        self._finished_runs: set[str] = set()
        self._problems: list[str] = []
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE)

    def to_the_end(self) -> list[str]:
        """Play all events, then the clean runs; what is wrong."""
        with self._pool:
            for event in self._schedule.events:
                self._report.events[event.kind] += 1
                self._EVENTS[event.kind](self, event.what)
            self._end_faults()
            return self._problems + self._settle()

    # --- events ------------------------------------------------------------------------------------------

    def _first_load(self, what: Json) -> None:
        bodies = {name: {} if name == CONFIG else what for name in self._schedule.functions}
        for call in [self._begin(name, body) for name, body in bodies.items()]:
            self._take(call)

    def _call(self, what: Json) -> None:
        self._take(self._begin_as_told(what))

    def _calls_at_once(self, what: Json) -> None:
        for call in [self._begin_as_told(what) for _ in range(what["times"])]:
            self._take(call)

    def _kill(self, what: Json) -> None:
        call = self._begin_as_told(what)
        _wait(call, what["seconds"])
        self._stack.kill(what["function"])
        if isinstance(call.exception(), requests.ConnectionError):
            self._report.kills_that_hit += 1
        else:
            self._take(call)

    def _warehouse_restart(self, what: Json) -> None:
        call = self._begin_as_told(what)
        _wait(call, what["seconds"])
        self._report.restarts_under_a_call += not call.done()
        self._stack.restart_warehouse()
        self._take(call, restarted=True)

    def _lost_reply(self, what: Json) -> None:
        self._stack.proxy.lose(what["job"], times=what["times"], after=what["after"])

    def _fault(self, what: Json) -> None:
        self._toast.fault(**what)

    def _version_edit(self, what: Json, table: str, name: str) -> None:
        guid = self._schedule.guids[what["restaurant"]]
        if keys := self._toast.keys(guid, what["date"], table):
            target = {"business_date": what["to"]} if "to" in what else {}
            chosen = {name: keys[int(what["pick"] * len(keys))][0]}
            self._report.edits_made += self._toast.tried_edit(guid, what["change"], **chosen, **target)

    def _order_edit(self, what: Json) -> None:
        self._version_edit(what, "fact_orders", "order_guid")

    def _labor_edit(self, what: Json) -> None:
        self._version_edit(what, "fact_labor_shifts", "time_entry_guid")

    def _cash_edit(self, what: Json) -> None:
        guid = self._schedule.guids[what["restaurant"]]
        self._report.edits_made += self._toast.tried_edit(guid, what["change"], business_date=what["date"])

    def _configuration_edit(self, what: Json) -> None:
        guid = self._schedule.guids[what["restaurant"]]
        if entities := self._toast.entities(guid)[what["table"]]:
            chosen = entities[int(what["pick"] * len(entities))]["guid"]
            name = {"name": f"Renamed {what['pick']}"} if what["change"] == "rename" else {}
            self._report.edits_made += self._toast.tried_edit(
                guid, what["change"], entity=ENTITIES[what["table"]], guid=chosen, **name
            )

    def _menus_edit(self, what: Json) -> None:
        guid = self._schedule.guids[what["restaurant"]]
        self._report.edits_made += self._toast.tried_edit(guid, what["change"])

    def _clock(self, what: Json) -> None:
        self._toast.clock(self._toast.now() + dt.timedelta(hours=what["hours"]))

    _EVENTS: ClassVar[dict[str, Callable[[Play, Json], None]]] = {
        "first load": _first_load,
        "call": _call,
        "calls at once": _calls_at_once,
        "kill": _kill,
        "warehouse restart": _warehouse_restart,
        "lost reply": _lost_reply,
        "fault": _fault,
        "order edit": _order_edit,
        "labor edit": _labor_edit,
        "cash edit": _cash_edit,
        "configuration edit": _configuration_edit,
        "menus edit": _menus_edit,
        "clock": _clock,
    }

    # --- calls -------------------------------------------------------------------------------------------

    def _begin_as_told(self, what: Json) -> Future[Reply]:
        body = dict(what["body"])
        restaurant = body.pop("restaurant")
        guid = "ALL" if restaurant == "ALL" else self._schedule.guids[restaurant]
        return self._begin(what["function"], {"restaurant_guid": guid, **body})

    def _begin(self, function: str, body: Json) -> Future[Reply]:
        self._report.calls[function] += 1
        return self._pool.submit(functions.post, self._stack.functions[function].url, **body)

    def _take(self, call: Future[Reply], *, restarted: bool = False) -> None:
        """Take note of the reply to a call, which may say that not all is done, but not that it broke.

        Unlike BigQuery, the emulator that was `restarted` knows nothing any more of the results of its queries.
        """
        try:
            reply = call.result()
        except requests.RequestException as error:
            self._problems.append(f"a call had no answer: {error}")
            return
        self._report.answers[reply.status] += 1
        if restarted and reply.status == 500 and RESULTS_FORGOTTEN in reply.text:
            return
        if reply.status not in ANSWERS:
            self._problems.append(f"a call was answered with {reply.status}: {reply.text[:500]}")
        elif not restarted:  # then its staging table may stay: a table that cannot be dropped for now expires by itself
            self._finished_runs.add(reply.body["run_id"])

    # --- the end -----------------------------------------------------------------------------------------

    def _end_faults(self) -> None:
        self._report.struck += self._toast.faults_struck()
        self._toast.no_faults()
        self._report.lost_replies += self._stack.proxy.lost
        self._stack.proxy.lost.clear()
        self._stack.proxy.lose_nothing()
        for event in self._schedule.events:
            if event.what.get("change") == "unpublish_menus":
                self._toast.tried_edit(self._schedule.guids[event.what["restaurant"]], "publish_menus")

    def _settle(self) -> list[str]:
        """A clean daily run of all functions and one repeat; what is wrong then.

        Anew, a little later, if that can be because the simulated restaurants did something by themselves meanwhile.
        """
        for number in range(MOST_ANEW):
            began = self._schedule.settled_at + number * ANEW_LATER
            self._toast.clock(began)
            found = self._clean_runs()
            ended = self._toast.now()
            if not found or not self._moved_on(began, ended):
                return found
            self._report.anew += 1
        return [f"the restaurants moved on during each of {MOST_ANEW} clean runs", *found]

    def _clean_runs(self) -> list[str]:
        found = self._daily_run()
        found += self._daily_run(again=True)
        return found + problems(self._stack.client, self._toast.url, self._schedule, self._finished_runs)

    def _daily_run(self, *, again: bool = False) -> list[str]:
        """Every function with the schedule's dates and as a scheduler calls it, side by side; what is wrong.

        Each second schedule repeats the one, the others the other.
        """
        runs = [self._pool.submit(self._daily_run_of, name, again) for name in self._schedule.functions]
        return [problem for run in runs for problem in run.result()]

    def _daily_run_of(self, function: str, again: bool) -> list[str]:
        dates = {"start_date": str(self._schedule.start), "end_date": str(self._schedule.end)}
        bodies = ({},) if function == CONFIG else (dates, {})
        found = []
        for body in bodies if not again else (bodies[self._schedule.seed % len(bodies)],):
            said = f"clean {function} {body}{', again' if again else ''}"
            try:
                reply = functions.post(self._stack.functions[function].url, **body)
            except requests.RequestException as error:
                found.append(f"{said}: no answer: {error}")
                continue
            if (reply.status, reply.body["status"]) != (200, "success"):
                found.append(f"{said}: {reply.status} {reply.text[:500]}")
                continue
            self._finished_runs.add(reply.body["run_id"])
            if again and (written := _written(reply)):
                found.append(f"{said} wrote {written}")
        return found

    def _moved_on(self, began: dt.datetime, ended: dt.datetime) -> bool:
        """Whether what is true at the end was not yet true at the beginning."""
        guids = self._schedule.guids
        start, end = self._schedule.start - AROUND[0], self._schedule.end + AROUND[1]

        def at(moment: dt.datetime) -> object:
            self._toast.clock(moment)
            facts = fetch_truth(self._toast.url, guids, start, end)
            return facts, [self._toast.entities(guid) for guid in guids]

        return at(began) != at(ended)


def _written(reply: Reply) -> Json:
    """What a reply says was written, by table."""
    return {
        table: counts
        for entry in reply.body["restaurants"]
        for table, counts in entry["tables"].items()
        if counts["inserted"] or counts["updated"] or counts.get("closed")
    }


def _wait(call: Future[Reply], seconds: float) -> None:
    """Wait so long, or until the call has ended."""
    deadline = time.monotonic() + seconds
    while not call.done() and time.monotonic() < deadline:
        time.sleep(0.005)
