"""Schedules of a fault campaign: what happens to the functions, one event after the other, drawn from a seed.

A schedule is drawn without a look at the world, so that a seed always gives the same one. What depends on the
world, such as which order is edited, is a fraction that picks from what is there when the event comes.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]

ORDERS, CASH, LABOR, CONFIG = FUNCTIONS = ("orders_daily", "cash_daily", "labor_daily", "config_weekly")
RESTAURANTS = 2
DAY = dt.timedelta(days=1)
FIRST_START, STARTS = dt.date(2025, 1, 6), 400

ZONES = ("America/New_York", "America/Chicago", "America/Phoenix", "America/Los_Angeles", "Pacific/Honolulu")
# The last closeout, and the hours until which the nightly close is through everywhere: then nothing happens by itself.
LATEST_CLOSEOUT, QUIET = 4, dt.time(7, 20)
# A business date has begun everywhere so long after its midnight in UTC: Honolulu, latest closeout.
BEGUN = dt.timedelta(hours=15)

SMALL_VOLUME = 8
# Orders are paged by the hundred, so that only a busy day has a second page that something can slip from.
BUSY, BUSY_VOLUME, BUSY_DAYS = 0.1, 130, 3

# A first reading of configuration takes the emulator longer than all the rest of a schedule.
WITH_CONFIGURATION = 0.12

# Every second schedule finds its dates loaded: an edit can only leave something stale where something is held.
LOADED_BEFORE = 0.5

ORDER_CHANGES = ("tip", "refund", "void", "drop_selection", "drop_check", "drop_all_checks", "move_business_date")
LABOR_CHANGES = ("clock_out", "tips", "delete", "drop_break", "move_business_date")
CASH_CHANGES = ("add_cash_entry", "add_deposit")
ENTITIES = {
    "dim_dining_options": "diningOptions",
    "dim_discounts": "discounts",
    "dim_employees": "employees",
    "dim_jobs": "jobs",
    "dim_menu_items": "menuItems",
    "dim_revenue_centers": "revenueCenters",
    "dim_service_charges": "serviceCharges",
    "dim_tables": "tables",
}
ENTITY_CHANGES = ("rename", "archive", "restore")
MENU_CHANGES = ("publish_menus", "unpublish_menus")

# What slips while a list is paged can only be met by the function that pages it.
_PAGED_BY = {"edit_while_paging": ORDERS, "publish_while_paging": CONFIG}
# Mostly a fault is met at once.
CALL_AFTER_FAULT = 0.6

# Paths of the API that belong to one function; "" is all of them, logins too.
PATHS = {ORDERS: "ordersBulk", CASH: "cashmgmt", LABOR: "timeEntries", CONFIG: "config/v2"}


@dataclass(frozen=True)
class Event:
    """Something that happens: its kind, and what exactly."""

    kind: str
    what: Json

    def __str__(self) -> str:
        return f"{self.kind} {json.dumps(self.what)}"


@dataclass(frozen=True)
class Schedule:
    """Two restaurants over some business dates, and what happens to their loads."""

    seed: int
    functions: tuple[str, ...]
    zone: str
    closeout_hour: int
    volume: int
    start: dt.date
    end: dt.date
    begins_at: dt.datetime
    events: tuple[Event, ...]
    settled_at: dt.datetime
    """When the clean runs come: all days are over, and the restaurants are quiet."""

    @property
    def guids(self) -> tuple[str, ...]:
        """Its restaurants, which no other schedule has, so that many schedules can share a dataset."""
        return tuple(str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.seed}/{number}")) for number in range(RESTAURANTS))

    @property
    def dates(self) -> list[dt.date]:
        return [self.start + number * DAY for number in range((self.end - self.start).days + 1)]

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {self.start} to {self.end}, {self.zone}, {self.volume} orders a day"]
        lines.append(f"  {', '.join(self.functions)}")
        lines.append(f"  {self.begins_at:%Y-%m-%d %H:%M} begins")
        lines += [f"  {event}" for event in self.events]
        return "\n".join([*lines, f"  {self.settled_at:%Y-%m-%d %H:%M} clean runs"])


@dataclass
class _Drawing:
    """A schedule that is being drawn."""

    random: Random
    functions: tuple[str, ...]
    volume: int
    start: dt.date
    end: dt.date
    now: dt.datetime
    events: list[Event] = field(default_factory=list)

    def add(self, kind: str, /, **what: Any) -> None:
        self.events.append(Event(kind, what))

    def fraction(self) -> float:
        return round(self.random.random(), 3)

    def restaurant(self) -> int:
        return self.random.randrange(RESTAURANTS)

    def date(self) -> dt.date:
        """One of the dates that have begun."""
        begun = (self.now - BEGUN).date()
        return self.start + self.random.randint(0, (min(begun, self.end) - self.start).days) * DAY


def make_schedule(seed: int) -> Schedule:
    """The schedule of a seed."""
    random = Random(seed)
    functions = FUNCTIONS if random.random() < WITH_CONFIGURATION else FUNCTIONS[:-1]
    busy = random.random() < BUSY
    volume = BUSY_VOLUME if busy else SMALL_VOLUME
    days = BUSY_DAYS if busy else random.randint(3, 5)
    start = FIRST_START + random.randrange(STARTS) * DAY
    zone, closeout = random.choice(ZONES), random.randint(0, LATEST_CLOSEOUT)
    begins = dt.datetime.combine(start, dt.time(random.randrange(24)), dt.UTC) + random.randint(1, days) * DAY
    drawing = _Drawing(random, functions, volume, start, start + (days - 1) * DAY, begins)
    count = random.randint(3, 8)
    kinds = [kind for kind in _WEIGHTS if CONFIG in functions or kind not in _OF_CONFIGURATION]
    weights = [_WEIGHTS[kind] for kind in kinds]
    if random.random() < LOADED_BEFORE:
        begun = min((begins - BEGUN).date(), drawing.end)
        drawing.add("first load", start_date=str(start), end_date=str(begun))
    while len(drawing.events) < count:
        _DRAWN[random.choices(kinds, weights)[0]](drawing)
    if drawing.events[-1].kind not in CALLING:
        _call(drawing)  # else nobody would notice what was prepared
    return Schedule(
        seed=seed,
        functions=functions,
        zone=zone,
        closeout_hour=closeout,
        volume=volume,
        start=start,
        end=drawing.end,
        begins_at=begins,
        events=tuple(drawing.events),
        settled_at=_quiet_morning(drawing, ZoneInfo(zone)),
    )


def _quiet_morning(drawing: _Drawing, zone: ZoneInfo) -> dt.datetime:
    """The first quiet moment at the restaurants on a day that begins after everything else, and after the last date."""
    date = max(drawing.now.astimezone(zone).date(), drawing.end) + DAY
    return dt.datetime.combine(date, QUIET, zone).astimezone(dt.UTC)


# --- what can happen ---------------------------------------------------------------------------------


def _body(drawing: _Drawing, function: str) -> Json:
    """What a function is called with."""
    random = drawing.random
    body: Json = {"restaurant": random.choice(["ALL", *range(RESTAURANTS)])}
    manner = random.choices(("dates", "modified", "changes"), (5, 2, 3))[0]
    if function == CONFIG or manner == "changes":
        return body
    body["start_date"], body["end_date"] = (str(date) for date in sorted((drawing.date(), drawing.date())))
    if manner == "modified" and function != CASH:
        body["mode"] = "modified"
    return body


def _called(drawing: _Drawing, function: str | None) -> Json:
    """A call of a function: of that one, or of any."""
    chances = {ORDERS: 5, CASH: 3, LABOR: 4, CONFIG: 4}
    weights = [chances[name] for name in drawing.functions]
    chosen = function or drawing.random.choices(drawing.functions, weights)[0]
    return {"function": chosen, "body": _body(drawing, chosen)}


def _call(drawing: _Drawing, function: str | None = None) -> None:
    drawing.add("call", **_called(drawing, function))


def _calls_at_once(drawing: _Drawing, function: str | None = None) -> None:
    drawing.add("calls at once", **_called(drawing, function), times=drawing.random.randint(2, 3))


def _kill(drawing: _Drawing, function: str | None = None) -> None:
    drawing.add("kill", **_called(drawing, function), seconds=round(drawing.random.uniform(0.02, 1.5), 2))


def _warehouse_restart(drawing: _Drawing) -> None:
    drawing.add("warehouse restart", **_called(drawing, None), seconds=round(drawing.random.uniform(0.02, 1.5), 2))


def _lost_reply(drawing: _Drawing) -> None:
    random = drawing.random
    drawing.add(
        "lost reply",
        job=random.choice(("query", "query", "load")),
        times=random.randint(1, 2),
        after=random.choice((0, 0, 1, 2, 3, 5, 8)),
    )


def _fault(drawing: _Drawing) -> None:
    """A fault of Toast, and mostly a call that meets it."""
    random = drawing.random
    function = random.choice(drawing.functions)
    kind, most, options = random.choice([fault for fault in _FAULTS if _can_strike(drawing, fault[0])])
    if kind in _PAGED_BY:
        function = _PAGED_BY[kind]
    path = "" if kind in _PAGED_BY or random.random() < 0.5 else PATHS[function]
    if kind == "forbidden":
        path = PATHS[function]  # a login that Toast refused is not tried again for a minute, clean run or not
    chosen = {name: random.choice(values) for name, values in options.items()}
    after = 0 if kind in _PAGED_BY else random.choice((0, 0, 0, 1, 2, 4))
    drawing.add("fault", kind=kind, times=random.randint(1, most), after=after, path=path, **chosen)
    if random.random() < CALL_AFTER_FAULT:
        random.choice((_call, _call, _calls_at_once, _kill))(drawing, function)


def _can_strike(drawing: _Drawing, kind: str) -> bool:
    if kind == "edit_while_paging":
        return drawing.volume == BUSY_VOLUME
    return kind != "publish_while_paging" or CONFIG in drawing.functions


_FAULTS: tuple[tuple[str, int, dict[str, tuple[Any, ...]]], ...] = (
    ("status_429", 2, {"seconds": (1,)}),
    ("status_5xx", 3, {"status": (500, 502, 503, 504)}),
    ("delay", 3, {"seconds": (0.3, 1.0)}),
    ("cut_connection", 3, {}),
    ("truncated_body", 2, {"variant": ("json",)}),
    ("truncated_body", 2, {"variant": ("connection",)}),
    ("expired_token", 1, {}),
    ("edit_while_paging", 2, {}),
    ("publish_while_paging", 2, {}),
    ("forbidden", 4, {}),
    ("drift", 2, {"field": ("futureField",)}),
)
FAULTS = frozenset(kind for kind, _, _ in _FAULTS)


def _order_edit(drawing: _Drawing) -> None:
    _edit_of_a_version(drawing, "order edit", ORDER_CHANGES)


def _labor_edit(drawing: _Drawing) -> None:
    _edit_of_a_version(drawing, "labor edit", LABOR_CHANGES)


def _edit_of_a_version(drawing: _Drawing, kind: str, changes: tuple[str, ...]) -> None:
    change = drawing.random.choice(changes)
    target = {"to": str(drawing.date())} if change == "move_business_date" else {}
    where = {"restaurant": drawing.restaurant(), "date": str(drawing.date()), "pick": drawing.fraction()}
    drawing.add(kind, **where, change=change, **target)


def _cash_edit(drawing: _Drawing) -> None:
    change = drawing.random.choice(CASH_CHANGES)
    drawing.add("cash edit", restaurant=drawing.restaurant(), date=str(drawing.date()), change=change)


def _configuration_edit(drawing: _Drawing) -> None:
    change = drawing.random.choice(ENTITY_CHANGES)
    table = drawing.random.choice(list(ENTITIES))
    drawing.add(
        "configuration edit", restaurant=drawing.restaurant(), table=table, pick=drawing.fraction(), change=change
    )


def _menus_edit(drawing: _Drawing) -> None:
    drawing.add("menus edit", restaurant=drawing.restaurant(), change=drawing.random.choice(MENU_CHANGES))


def _clock(drawing: _Drawing) -> None:
    hours = drawing.random.choice((1, 2, 3, 5, 8, 12, 20, 24, 24))
    drawing.now += dt.timedelta(hours=hours)
    drawing.add("clock", hours=hours)


_WEIGHTS = {
    "call": 10,
    "calls at once": 6,
    "kill": 8,
    "warehouse restart": 2,
    "lost reply": 5,
    "fault": 14,
    "order edit": 6,
    "labor edit": 4,
    "cash edit": 3,
    "configuration edit": 8,
    "menus edit": 3,
    "clock": 4,
}

_OF_CONFIGURATION = ("configuration edit", "menus edit")

_DRAWN: dict[str, Callable[[_Drawing], None]] = {
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

EVENTS = frozenset(_WEIGHTS)
CALLING = ("first load", "call", "calls at once", "kill", "warehouse restart")
