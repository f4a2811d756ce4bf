"""Time entries and shifts: what the API refuses and answers, how entries change, and their truth."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import pytest
from simulated import BROOKLYN, NOW, WAIKIKI, Client, Json, make_world, moment, ordinal

from toast_simulator.world.labor_wire import encode_shifts, encode_time_entries
from toast_simulator.world.places import DAY, HOUR, Place
from toast_simulator.world.time_entries import TimeEntry
from toast_simulator.world.world import World

ENTRIES, SHIFTS = "/labor/v1/timeEntries", "/labor/v1/shifts"
FIRST, DAYS, LATER = "2026-01-26", 35, "2026-04-10T12:00:00Z"
MONTH = {"startDate": "2026-02-10T00:00:00.000Z", "endDate": "2026-03-10T00:00:00.000Z"}
MODIFIED = {f"modified{name[0].upper()}{name[1:]}": text for name, text in MONTH.items()}
ALL = {"includeArchived": "true", "includeMissedBreaks": "true"}
BILLIONTH = Decimal("0.000000001")


def wire(entries: list[TimeEntry], *, missed_breaks: bool = True) -> list[Json]:
    found: list[Json] = json.loads(encode_time_entries(entries, missed_breaks=missed_breaks), parse_float=Decimal)
    return found


def entries_on(world: World, place: Place, first: str, days: int, now: int) -> Iterator[TimeEntry]:
    for date in range(ordinal(first), ordinal(first) + days):
        yield from world.labor.on_business_date(place, date, now)


def ask(client: Client, path: str = ENTRIES, **params: object) -> list[Json]:
    reply = client.get(path, **params)
    assert reply.status_code == 200, reply.text
    found: list[Json] = json.loads(reply.text, parse_float=Decimal)
    return found


def guids(rows: list[Json]) -> set[str]:
    return {row["guid"] for row in rows}


@pytest.fixture(scope="module")
def staff(world: World) -> list[tuple[Place, TimeEntry]]:
    """Five weeks of all restaurants' time entries, as they are a month later; and one day while it runs."""
    found = [
        (place, entry)
        for place in world.places.values()
        for entry in entries_on(world, place, FIRST, DAYS, moment(LATER))
    ]
    running = moment("2026-03-04T01:30:00Z")
    found += [
        (place, entry)
        for place in world.places.values()
        for entry in entries_on(world, place, "2026-03-03", 1, running)
    ]
    return found


@pytest.fixture(scope="module")
def rows(staff: list[tuple[Place, TimeEntry]]) -> list[Json]:
    """The same, as the API writes them."""
    return wire([entry for _, entry in staff])


# --- the API: which entries -----------------------------------------------------------------------


def test_a_business_date_has_its_entries_but_never_archived_ones(client: Client, world: World) -> None:
    place, now = world.places[BROOKLYN], moment(NOW)
    archived = 0
    for date in range(ordinal("2026-02-01"), ordinal("2026-03-01")):
        expected = list(world.labor.on_business_date(place, date, now))
        text = dt.date.fromordinal(date).strftime("%Y%m%d")
        answered = ask(client, businessDate=text, includeArchived="true")
        assert guids(answered) == {entry.guid for entry in expected if entry.deleted is None}
        assert all(row["businessDate"] == text and not row["deleted"] for row in answered)
        archived += sum(entry.deleted is not None for entry in expected)
    assert archived


def test_a_range_selects_by_clock_in_and_shows_archived_entries_only_when_asked(client: Client) -> None:
    everything = ask(client, **MODIFIED) + ask(client, **MONTH, includeArchived="true")
    inside = {
        row["guid"] for row in everything if MONTH["startDate"][:23] <= row["inDate"][:23] < MONTH["endDate"][:23]
    }
    with_archived, without = ask(client, **MONTH, includeArchived="true"), ask(client, **MONTH)
    assert guids(with_archived) == inside
    assert guids(without) == {row["guid"] for row in with_archived if not row["deleted"]}
    assert len(without) < len(with_archived)
    first, last = min(row["inDate"] for row in without), max(row["inDate"] for row in without)
    again = {row["inDate"] for row in ask(client, startDate=first, endDate=last)}
    assert first in again
    assert last not in again


def test_a_modified_range_selects_by_modified_date_and_always_shows_archived_entries(
    client: Client, world: World
) -> None:
    answered = ask(client, **MODIFIED)
    place, now = world.places[BROOKLYN], moment(NOW)
    start, end = moment(MONTH["startDate"]), moment(MONTH["endDate"])
    everything = entries_on(world, place, "2025-12-20", 95, now)
    assert guids(answered) == {entry.guid for entry in everything if start <= entry.modified < end}
    assert any(row["deleted"] for row in answered)
    assert guids(ask(client, **MODIFIED, includeArchived="false")) == guids(answered)
    first, last = min(row["modifiedDate"] for row in answered), max(row["modifiedDate"] for row in answered)
    again = {row["modifiedDate"] for row in ask(client, modifiedStartDate=first, modifiedEndDate=last)}
    assert first in again
    assert last not in again


def test_entries_are_found_by_their_guids_once_each_and_at_their_restaurant_only(client: Client) -> None:
    known = [row["guid"] for row in ask(client, **MODIFIED)][:100]
    assert guids(ask(client, timeEntryIds=known)) == set(known)
    assert len(ask(client, timeEntryIds=[known[0], known[0], BROOKLYN, "nonsense"])) == 1
    elsewhere = client.get(ENTRIES, headers={"Toast-Restaurant-External-ID": WAIKIKI}, timeEntryIds=known)
    assert elsewhere.json() == []


def test_missed_breaks_come_only_when_asked_for(client: Client) -> None:
    for selector in (MONTH, MODIFIED, {"businessDate": "20260214"}):
        plain, asked = (
            {row["guid"]: row["breaks"] for row in ask(client, **selector, includeMissedBreaks=flag)}
            for flag in ("false", "true")
        )
        assert {guid: [rest for rest in breaks if not rest["missed"]] for guid, breaks in asked.items()} == plain
        if selector is MONTH:
            assert any(rest["missed"] for breaks in asked.values() for rest in breaks)


PLUS = "startDate=2026-02-14T00:00:00.000+0000&endDate=2026-02-15T00:00:00.000%2B0000"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"startDate": MONTH["startDate"]},
        {"modifiedEndDate": MONTH["endDate"]},
        {**MONTH, "businessDate": "20260214"},
        {**MONTH, **MODIFIED},
        {"businessDate": "20260214", "timeEntryIds": BROOKLYN},
        {"modifiedStartDate": MONTH["startDate"], "endDate": MONTH["endDate"]},
        {"startDate": MONTH["endDate"], "endDate": MONTH["startDate"]},
        {"modifiedStartDate": MONTH["endDate"], "modifiedEndDate": MONTH["endDate"]},
        {"startDate": "2026-02-14", "endDate": "2026-02-15"},
        {"businessDate": "2026-02-14"},
        {**MONTH, "endDate": "2026-03-15T00:00:00.001Z"},
        {**MODIFIED, "modifiedStartDate": "2026-01-01T00:00:00.000Z"},
        {"timeEntryIds": [str(number) for number in range(101)]},
        {**MONTH, "includeArchived": "perhaps"},
    ],
)
def test_time_entries_without_exactly_one_right_selector_are_refused(client: Client, params: Json) -> None:
    reply = client.get(ENTRIES, **params)
    assert reply.status_code == 400
    assert reply.json()["requestId"]


@pytest.mark.parametrize("path", [ENTRIES, SHIFTS])
def test_a_plus_that_was_not_encoded_is_refused(client: Client, path: str) -> None:
    assert client.get(f"{path}?{PLUS}").status_code == 400
    assert client.get(f"{path}?{PLUS.replace('+', '%2B')}").status_code == 200


def test_what_is_not_documented_can_be_an_empty_list_instead(start: Callable[..., Client]) -> None:
    client = start("--guess-labor-window", "empty")
    assert ask(client) == []
    assert ask(client, startDate=MONTH["startDate"]) == []
    assert ask(client, **{**MONTH, "endDate": "2026-04-10T00:00:00.000Z"}) == []
    assert ask(client, SHIFTS) == []
    assert ask(client, **MONTH) != []
    assert client.get(ENTRIES, startDate="2026", endDate="2027").status_code == 400


@pytest.mark.parametrize("date", ["20251225", "20180101", "20260401"])
def test_closed_days_days_before_the_opening_and_days_to_come_are_empty(client: Client, date: str) -> None:
    assert ask(client, businessDate=date) == []


def test_the_distant_past_is_empty(client: Client) -> None:
    for start, end in (("startDate", "endDate"), ("modifiedStartDate", "modifiedEndDate")):
        assert ask(client, **{start: "0001-01-02T00:00:00Z", end: "0001-01-03T00:00:00Z"}, **ALL) == []
    assert ask(client, SHIFTS, startDate="0001-01-02T00:00:00Z", endDate="0001-01-03T00:00:00Z") == []
    assert ask(client, businessDate="00010101") == []


def test_faults_strike_labor_by_path(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    client.control("faults", kind="status_429", path="labor/v1/timeEntries", times=2)
    statuses = [client.get(ENTRIES, businessDate="20260214").status_code for _ in range(3)]
    assert statuses == [429, 429, 200]
    assert client.control("requests")["by_path"][ENTRIES] == 3


# --- shifts ---------------------------------------------------------------------------------------


def test_shifts_lie_within_the_range_altogether(client: Client) -> None:
    shifts = ask(client, SHIFTS, **MONTH)
    assert len(shifts) > 150
    assert len(guids(shifts)) == len(shifts)
    start, end = moment(MONTH["startDate"]), moment(MONTH["endDate"])
    assert all(start <= moment(shift["inDate"]) and moment(shift["outDate"]) < end for shift in shifts)
    one = next(shift for shift in shifts if not shift["deleted"])
    exactly = guids(ask(client, SHIFTS, startDate=one["inDate"], endDate=one["outDate"]))
    assert one["guid"] not in exactly
    beyond = one["outDate"].replace("+0000", "").replace(".000", ".001") + "Z"
    assert one["guid"] in guids(ask(client, SHIFTS, startDate=one["inDate"], endDate=beyond))
    assert {shift["deleted"] for shift in shifts} == {True, False}
    assert any(shift["modifiedDate"] > shift["createdDate"] for shift in shifts if not shift["deleted"])


def test_shifts_are_found_by_guid_and_refused_without_a_selector(client: Client) -> None:
    known = [shift["guid"] for shift in ask(client, SHIFTS, **MONTH)][:100]
    assert guids(ask(client, SHIFTS, shiftIds=known)) == set(known)
    assert ask(client, SHIFTS, shiftIds=[BROOKLYN, "nonsense"]) == []
    for params in ({}, {"startDate": MONTH["startDate"]}, {**MONTH, "endDate": "2026-04-10T00:00:00Z"}):
        assert client.get(SHIFTS, **params).status_code == 400
    assert client.get(SHIFTS, shiftIds=[str(number) for number in range(101)]).status_code == 400


def test_a_time_entry_refers_to_the_shift_of_the_same_person_job_and_time(client: Client) -> None:
    shifts = {shift["guid"]: shift for shift in ask(client, SHIFTS, **MONTH)}
    entries = ask(client, startDate="2026-02-11T12:00:00.000Z", endDate="2026-03-08T12:00:00.000Z")
    followed = 0
    for entry in entries:
        reference = entry["shiftReference"]
        if reference is None:
            continue
        shift = shifts[reference if isinstance(reference, str) else reference["guid"]]
        assert shift["employeeReference"] == entry["employeeReference"]
        assert shift["jobReference"] == entry["jobReference"]
        followed += abs(moment(shift["inDate"]) - moment(entry["inDate"])) < HOUR
    assert followed > 0.9 * sum(entry["shiftReference"] is not None for entry in entries) > 90


def test_shifts_are_published_ahead_and_not_earlier(world: World) -> None:
    place, date = world.places[BROOKLYN], ordinal("2026-02-14")
    start, end = place.day_start(date), place.day_start(date + 1) + 8 * HOUR
    ahead = list(world.labor.shifts_within(place, start, end, start - 5 * DAY))
    assert len(ahead) > 4
    assert list(world.labor.shifts_within(place, start, end, start - 9 * DAY)) == []
    assert json.loads(encode_shifts(ahead))[0]["scheduleConfig"]


# --- the world ------------------------------------------------------------------------------------


def taken(row: Json) -> list[Json]:
    return [rest for rest in row["breaks"] if not rest["missed"]]


TRAPS: dict[str, tuple[float, Callable[[Json], bool]]] = {
    "auto clock-out": (0.02, lambda r: r["autoClockedOut"] and r["outDate"]),
    "open, not clocked out": (0.002, lambda r: r["outDate"] is None and not r["deleted"]),
    "open without hours and sales": (
        0.002,
        lambda r: r["outDate"] is None and r["regularHours"] == r["nonCashSales"] == r["cashSales"] == 0,
    ),
    "archived": (0.01, lambda r: r["deleted"] and r["deletedDate"] > "2026"),
    "not deleted, deletedDate 1970": (
        0.5,
        lambda r: not r["deleted"] and str(r["deletedDate"]).startswith("1970-01-01T"),
    ),
    "not deleted, deletedDate null": (0.2, lambda r: not r["deleted"] and r["deletedDate"] is None),
    "salaried": (0.1, lambda r: r["hourlyWage"] is None),
    "wage beyond the cent": (0.05, lambda r: r["hourlyWage"] is not None and r["hourlyWage"] * 100 % 1 != 0),
    "overtime": (0.05, lambda r: r["overtimeHours"] > 0),
    "hours with many digits": (0.5, lambda r: len(str(r["regularHours"])) >= 12),
    "tips declared": (0.3, lambda r: (r["declaredCashTips"] or 0) > 0),
    "tips not declared": (0.2, lambda r: r["declaredCashTips"] is None),
    "no tips declared": (0.01, lambda r: r["declaredCashTips"] == 0),
    "tips withheld": (0.05, lambda r: r["tipsWithheld"] > 0),
    "gratuity": (0.03, lambda r: r["nonCashGratuityServiceCharges"] > 0),
    "sales": (0.4, lambda r: r["nonCashSales"] > 0),
    "break with a guid": (0.3, lambda r: any(rest.get("guid") for rest in r["breaks"])),
    "break with a null guid": (0.1, lambda r: any("guid" in rest and rest["guid"] is None for rest in r["breaks"])),
    "break without a guid key": (0.1, lambda r: any("guid" not in rest for rest in r["breaks"])),
    "paid break": (0.3, lambda r: any(rest["paid"] for rest in taken(r))),
    "unpaid break": (0.3, lambda r: any(not rest["paid"] for rest in taken(r))),
    "break that runs": (0.0005, lambda r: any(rest["outDate"] is None for rest in taken(r))),
    "missed break": (0.05, lambda r: any(rest["missed"] and not rest["waived"] for rest in r["breaks"])),
    "waived break": (0.02, lambda r: any(rest["waived"] for rest in r["breaks"])),
    "audit response": (0.02, lambda r: any(rest["auditResponse"] is True for rest in r["breaks"])),
    "no audit response": (0.3, lambda r: any(rest["auditResponse"] is None for rest in r["breaks"])),
    "shift as an object": (0.2, lambda r: isinstance(r["shiftReference"], dict)),
    "shift as a bare guid": (0.2, lambda r: isinstance(r["shiftReference"], str)),
    "no shift": (0.05, lambda r: r["shiftReference"] is None),
    "entity type null": (0.1, lambda r: r["entityType"] is None),
    "changed long after the work": (
        0.03,
        lambda r: r["outDate"] is not None and moment(r["modifiedDate"]) - moment(r["outDate"]) > 2 * DAY,
    ),
    "entered long after the work": (0.005, lambda r: moment(r["createdDate"]) - moment(r["inDate"]) > DAY),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_trap_occurs_often_enough(rows: list[Json], trap: str) -> None:
    least, occurs = TRAPS[trap]
    assert sum(bool(occurs(row)) for row in rows) >= max(3, least * len(rows))


def test_each_change_happens_in_five_weeks(world: World, staff: list[tuple[Place, TimeEntry]]) -> None:
    changes: Counter[str] = Counter()
    moved = 0
    for place, entry in staff:
        home = world.labor.find(place, entry.guid)
        assert home is not None
        plan = world.labor.plan(place, *home)
        assert plan is not None
        changes.update(change for _, change, _ in plan.events)
        moved += entry.ordinal != home[0]
    edits = ("correct_in", "correct_out", "reclassify", "tips", "drop_break", "move", "delete", "declare", "adjust")
    assert all(changes[change] >= 20 for change in edits), changes
    assert moved >= 15


def test_some_work_past_midnight_past_the_closeout_hour_and_into_it(staff: list[tuple[Place, TimeEntry]]) -> None:
    midnight = closeout = automatic = 0
    for place, entry in staff:
        if entry.left is None:
            continue
        came, left = (dt.datetime.fromtimestamp(at / 1000, place.zone) for at in (entry.came, entry.left))
        midnight += left.date() > came.date()
        closeout += entry.left > place.day_start(entry.ordinal + 1) and not entry.auto_clocked_out
        automatic += entry.auto_clocked_out and place.business_ordinal(entry.left) == entry.ordinal + 1
    assert midnight > 300
    assert closeout > 100
    assert automatic > 50


def test_the_nightly_close_clocks_out_as_of_the_closeout_hour_and_is_the_modification(world: World) -> None:
    found = 0
    for place in world.places.values():
        for entry in entries_on(world, place, "2026-02-10", 14, moment("2026-03-01T00:00:00Z")):
            home = world.labor.find(place, entry.guid)
            plan = world.labor.plan(place, *home) if home else None
            assert home is not None
            assert plan is not None
            for at, change, _ in plan.events:
                if change == "auto_clock_out":
                    closeout = place.day_start(home[0] + 1)
                    then, before = (world.labor.time_entry(place, home, now) for now in (at, at - 1))
                    assert then is not None
                    assert before is not None
                    assert (before.left, before.auto_clocked_out) == (None, False)
                    assert (then.left, then.auto_clocked_out, then.modified) == (closeout, True, at)
                    assert closeout + 5 * 60_000 <= at <= closeout + 61 * 60_000
                    found += 1
    assert found > 20


def test_some_stay_open_for_days_and_a_few_for_ever(world: World) -> None:
    days = forever = 0
    for place in world.places.values():
        for entry in entries_on(world, place, FIRST, DAYS, moment("2026-01-26T00:00:00Z") + 3 * 365 * DAY):
            home = world.labor.find(place, entry.guid)
            assert home is not None
            noon = place.local(home[0] + 2, 12)
            then = world.labor.time_entry(place, home, noon)
            open_then = then is not None and then.left is None and then.deleted is None
            days += open_then and entry.left is not None
            forever += open_then and entry.left is None
    assert days >= 15
    assert forever >= 5


def test_the_business_date_is_the_one_of_the_clock_in_in_every_version(world: World) -> None:
    """Also on the days of 23 and 25 hours (8 March and 2 November in most zones)."""
    for first in ("2026-03-05", "2025-10-30"):
        for place in world.places.values():
            for entry in entries_on(world, place, first, 6, moment(first + "T00:00:00Z") + 60 * DAY):
                assert place.business_ordinal(entry.came) == entry.ordinal
                assert entry.left is None or entry.left >= entry.came


def test_hours_are_what_was_worked_without_unpaid_breaks(rows: list[Json]) -> None:
    """Counted apart, from the moments in the JSON; what is written rounds to the exact hours' nine decimals."""
    for row in rows:
        if row["outDate"] is None:
            assert row["regularHours"] == row["overtimeHours"] == 0
            continue
        unpaid = sum(
            moment(rest["outDate"]) - moment(rest["inDate"])
            for rest in row["breaks"]
            if rest["outDate"] and not rest["paid"]
        )
        worked = Decimal(max(0, moment(row["outDate"]) - moment(row["inDate"]) - unpaid)) / HOUR
        assert abs(row["regularHours"] + row["overtimeHours"] - worked) < Decimal("1e-12")
        assert row["regularHours"] >= 0
        assert row["overtimeHours"] >= 0


def test_every_version_comes_from_the_one_before_by_time_alone(world: World) -> None:
    """modifiedDate only moves forward, and between two events nothing changes."""
    place = world.places[BROOKLYN]
    steps = 0
    for entry in entries_on(world, place, "2026-01-10", 10, moment(LATER)):
        home = world.labor.find(place, entry.guid)
        assert home is not None
        plan = world.labor.plan(place, *home)
        assert plan is not None
        moments = [event[0] for event in plan.events]
        assert moments == sorted(set(moments))
        assert world.labor.time_entry(place, home, moments[0] - 1) is None
        for before, after in pairwise(moments):
            first = world.labor.time_entry(place, home, before)
            assert first == world.labor.time_entry(place, home, after - 1)
            assert first is not None
            assert first.modified == before
            steps += 1
    assert steps > 200


def test_sales_are_zero_until_the_clock_out_and_then_stay(world: World) -> None:
    place = world.places[BROOKLYN]
    sold = 0
    for entry in entries_on(world, place, "2026-02-01", 14, moment(LATER)):
        home = world.labor.find(place, entry.guid)
        assert home is not None
        plan = world.labor.plan(place, *home)
        assert plan is not None
        for at, _, _ in plan.events:
            then = world.labor.time_entry(place, home, at)
            assert then is not None
            frozen = (entry.cash_sales, entry.card_sales) if then.left is not None else (0, 0)
            assert (then.cash_sales, then.card_sales) == frozen
        sold += entry.card_sales > 0
    assert sold > 30


def test_a_running_day_fills_up(world: World) -> None:
    place, date = world.places[BROOKLYN], ordinal("2026-02-14")
    start = place.day_start(date)
    counts = [len(list(world.labor.on_business_date(place, date, now))) for now in range(start, start + DAY, HOUR)]
    assert counts == sorted(counts)
    assert counts[0] == 0 < counts[9] < counts[-1]


def test_each_entry_is_on_one_business_date_its_own_also_when_it_moved(world: World) -> None:
    place, now = world.places[BROOKLYN], moment("2026-02-20T18:00:00Z")
    listed: dict[str, int] = {}
    for date in range(ordinal("2025-12-01"), ordinal("2026-02-22")):
        for entry in world.labor.on_business_date(place, date, now):
            assert entry.guid not in listed
            listed[entry.guid] = date
    moved = 0
    for date in range(ordinal("2025-12-03"), ordinal("2026-02-19")):
        for number in range(30):
            entry = world.labor.time_entry(place, (date, number), now)
            if entry is not None:
                assert listed[entry.guid] == entry.ordinal
                moved += entry.ordinal != date
    assert moved


def test_polling_modified_windows_ends_with_what_there_is() -> None:
    """A client that asks every few hours for what was modified holds every entry's last version."""
    world = make_world()
    place = world.places[WAIKIKI]
    held: dict[str, TimeEntry] = {}
    start, step = place.day_start(ordinal("2026-01-20")), 7 * HOUR
    moments = range(start, start + 20 * DAY, step)
    for begin in moments:
        for entry in world.labor.modified_between(place, begin, begin + step, begin + step + 1):
            held[entry.guid] = entry
    end = moments[-1] + step
    compared = 0
    for entry in entries_on(world, place, "2025-12-10", 70, end):
        if entry.modified >= start:
            assert held[entry.guid] == entry
            compared += 1
    assert compared > 100


def test_same_seed_gives_same_bytes_whatever_was_asked_before(world: World) -> None:
    fresh, other, now = make_world(), make_world(seed=2), moment(LATER)
    for guid in reversed(list(world.places)):
        once = encode_time_entries(entries_on(world, world.places[guid], FIRST, 7, now), missed_breaks=True)
        again = encode_time_entries(entries_on(fresh, fresh.places[guid], FIRST, 7, now), missed_breaks=True)
        assert once == again
        elsewhere = guids(wire(list(entries_on(other, other.places[guid], FIRST, 7, now))))
        assert guids(json.loads(once)).isdisjoint(elsewhere)


# --- truth and edits ------------------------------------------------------------------------------

MONEY = {
    "declared_cash_tips": "declaredCashTips", "non_cash_tips": "nonCashTips", "tips_withheld": "tipsWithheld",
    "cash_sales": "cashSales", "non_cash_sales": "nonCashSales", "regular_hours": "regularHours",
    "overtime_hours": "overtimeHours", "hourly_wage": "hourlyWage", "auto_clocked_out": "autoClockedOut",
    "is_deleted": "deleted",
}  # fmt: skip
MOMENTS = {"in_at": "inDate", "out_at": "outDate", "entry_modified_at": "modifiedDate"}
BREAKS = {"is_paid": "paid", "is_missed": "missed", "in_at": "inDate", "out_at": "outDate"}


def number(value: object) -> Decimal:
    """What one value adds to its column's sum."""
    if value is None:
        return Decimal(0)
    if isinstance(value, str):
        return Decimal(moment(value))
    return Decimal(int(value) if isinstance(value, bool) else str(value)).quantize(BILLIONTH, ROUND_HALF_UP)


class Count:
    """Counts time entries of the API into the labor tables of each business date."""

    def __init__(self, entries: list[Json]) -> None:
        self.rows: Counter[tuple[str, str]] = Counter()
        self.totals: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        self.keys: defaultdict[tuple[str, str], list[list[str | None]]] = defaultdict(list)
        for entry in entries:
            self.add("fact_labor_shifts", entry, entry, MONEY | MOMENTS, None)
            for rest in entry["breaks"]:
                self.add("fact_labor_breaks", entry, rest, BREAKS, rest.get("guid"))

    def add(self, table: str, entry: Json, row: Json, columns: dict[str, str], own: str | None) -> None:
        date = f"{entry['businessDate'][:4]}-{entry['businessDate'][4:6]}-{entry['businessDate'][6:]}"
        self.rows[date, table] += 1
        self.keys[date, table].append([entry["guid"], own, entry["modifiedDate"].replace("+0000", "Z")])
        for column, field in columns.items():
            self.totals[date, table, column] += number(row[field])


def assert_truth_is_what_the_api_says(client: Client, location: str, first: str, last: str) -> int:
    """Of a fortnight at most: the range that is asked for begins and ends some days around the business dates."""
    client.session.headers["Toast-Restaurant-External-ID"] = location
    begin = dt.date.fromisoformat(first) - dt.timedelta(days=2)
    end = dt.date.fromisoformat(last) + dt.timedelta(days=3)
    count = Count(ask(client, startDate=f"{begin}T00:00:00.000Z", endDate=f"{end}T00:00:00.000Z", **ALL))
    rows = 0
    for day in client.truth(first, last, location, keys=True):
        date = day["business_date"]
        for table in ("fact_labor_shifts", "fact_labor_breaks"):
            shown = day["tables"][table]
            assert shown["rows"] == count.rows[date, table], (date, table)
            keys = sorted(count.keys[date, table], key=lambda key: (key[0], key[1] or "", key[2]))
            assert shown["keys"] == keys, (date, table)
            for column, total in shown["totals"].items():
                assert Decimal(total) == count.totals[date, table, column], (date, table, column)
            rows += shown["rows"]
    return rows


@pytest.mark.parametrize("location", [BROOKLYN, WAIKIKI, "af8ee0da-c28a-480c-9407-ce3f52312f63"])
@pytest.mark.parametrize("first", ["2026-03-07", "2025-10-30", "2025-12-20"])
def test_truth_is_what_the_api_says_also_when_clocks_change(client: Client, location: str, first: str) -> None:
    last = (dt.date.fromisoformat(first) + dt.timedelta(days=13)).isoformat()
    assert assert_truth_is_what_the_api_says(client, location, first, last) > 250


def test_truth_moves_with_the_clock(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    seen = []
    for now in ("2026-02-15T01:00:00Z", "2026-02-16T01:00:00Z", "2026-03-10T01:00:00Z"):
        client.control("clock", now=now)
        client.login()
        assert_truth_is_what_the_api_says(client, BROOKLYN, "2026-02-08", "2026-02-16")
        days = client.truth("2026-02-08", "2026-02-14")
        seen.append(json.dumps([day["tables"]["fact_labor_shifts"]["totals"] for day in days]))
    assert len(set(seen)) == 3


@pytest.mark.parametrize("change", ["clock_out", "tips", "delete", "drop_break", "move_business_date"])
def test_an_edit_is_the_newest_version_and_true(start: Callable[..., Client], change: str) -> None:
    client = start("--limits", "off")
    client.control("clock", now="2026-02-15T01:30:00Z")
    client.login()
    clocked_in = change == "clock_out"
    before = next(
        row
        for row in ask(client, businessDate="20260214")
        if (row["outDate"] is None) == clocked_in and (clocked_in or row["breaks"])
    )
    extra = {"business_date": "2026-02-12"} if change == "move_business_date" else {}
    body = {"restaurant_guid": BROOKLYN, "time_entry_guid": before["guid"], "change": change, **extra}
    answer = client.control("edits", **body)
    (after,) = ask(client, timeEntryIds=before["guid"])
    assert after["modifiedDate"].replace("+0000", "Z") == answer["modified_date"] > before["modifiedDate"]
    changed = {field for field in after if after[field] != before[field]} - {"modifiedDate"}
    expected = {
        "clock_out": "outDate", "tips": "declaredCashTips", "delete": "deleted", "drop_break": "breaks",
        "move_business_date": "businessDate",
    }  # fmt: skip
    assert expected[change] in changed
    assert after["businessDate"] == ("20260212" if extra else "20260214")
    window = {"modifiedStartDate": after["modifiedDate"], "modifiedEndDate": "2026-02-15T02:00:00.000Z"}
    assert before["guid"] in guids(ask(client, **window))
    stays = change not in ("delete", "move_business_date")
    assert (before["guid"] in guids(ask(client, businessDate="20260214"))) == stays
    assert_truth_is_what_the_api_says(client, BROOKLYN, "2026-02-11", "2026-02-15")


def test_a_wrong_edit_of_a_time_entry_is_refused(client: Client) -> None:
    guid = ask(client, businessDate="20260214")[0]["guid"]
    good = {"restaurant_guid": BROOKLYN, "time_entry_guid": guid, "change": "tips"}
    for wrong, status in (
        ({"restaurant_guid": WAIKIKI}, 404),
        ({"time_entry_guid": BROOKLYN}, 404),
        ({"change": "refund"}, 400),
        ({"change": "move_business_date"}, 400),
        ({"business_date": "2026-01-01"}, 400),
    ):
        reply = client.session.post(f"{client.url}/_simulator/edits", json={**good, **wrong}, timeout=5)
        assert reply.status_code == status, wrong
