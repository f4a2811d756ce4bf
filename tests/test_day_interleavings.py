"""Loads of cash days at once, broken off and repeated, in every order that BigQuery's snapshots allow.

docs/loading.md says why each day is left as it was last read, and names the cases in which it is not. Both are tried
here: no order of steps may find another case, and each case must be found. Planted mistakes show that the search
finds mistakes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from day_model import DayModel, Entries, Load, Row, a_load
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from snapshot_model import Call, Counterexample, Exploration, Rows
from version_model import DATES

from shared.day_loading import DayLoad

NOTHING: Entries = frozenset()
DAYS = {
    "nothing": NOTHING,
    "one": frozenset({("x", 1)}),
    "another": frozenset({("x", 2)}),
    "two": frozenset({("x", 1), ("y", 1)}),
}


def entries_of(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    return sorted((row.date, row.guid, row.value) for row in rows)


def days_end_in(
    calls: Sequence[Call[Load]], *newest: Load, model: DayModel | None = None, rows: Iterable[Row] = (), **options: Any
) -> Counterexample | None:
    """The counterexample to: in the end there is one of the newest readings, and at any time some whole reading."""
    wanted = [entries_of(load.rows()) for load in newest]
    readings = [load for call in calls for load in (call.load, call.repeat) if load]
    whole = [NOTHING, entries_of(rows), *(entries_of(load.rows()) for load in readings)]

    def is_whole(there: Rows) -> bool:
        counting = min(((-row.moment, row.run) for row in there), default=None)
        return entries_of(row for row in there if (-row.moment, row.run) == counting) in whole

    exploration = Exploration(model or DayModel(), calls, rows, **options)
    return exploration.counterexample(lambda there: entries_of(there) in wanted, is_whole)


def readings_of(days: Iterable[Entries], first_moment: int = 1) -> list[Load]:
    return [
        a_load(run, moment, entries)
        for run, (moment, entries) in zip("bac", enumerate(days, first_moment), strict=False)
    ]


def can_be_overlooked(days: Sequence[Entries], reads: int) -> bool:
    """Whether the newest of the last ``reads`` may leave no mark, for an older one that is loaded after it.

    It found nothing, or what was there before, and another of them found something else in between.
    """
    newest, first = days[-1], len(days) - reads
    between = range(first, len(days) - 1)
    return any(days[n] != newest and newest in (NOTHING, *days[:n]) for n in between)


# --- what ought to be --------------------------------------------------------------------------------

ALL_DAYS = DAYS.values()
TWO_READINGS = [days for days in itertools.product(ALL_DAYS, repeat=3) if not can_be_overlooked(days, 2)]
THREE_READINGS = [days for days in itertools.product(ALL_DAYS, repeat=3) if not can_be_overlooked((NOTHING, *days), 3)]


def test_an_earlier_and_a_later_reading_leave_the_later_one() -> None:
    """Whatever was held before; also if either call dies at any step and is repeated."""
    assert len(TWO_READINGS) > 20
    for held, *days in TWO_READINGS:
        older, newer = readings_of(days, first_moment=2)
        rows = a_load("0", 1, held).rows()
        later = newer._replace(run="0", moment=4)
        for calls in (
            [Call(older), Call(newer)],
            [Call(older, older._replace(run="ab")), Call(newer)],
            [Call(older), Call(newer, later)],
        ):
            found = days_end_in(calls, newer, rows=rows)
            assert found is None, (held, days, str(found))


def test_three_readings_at_once_leave_the_last_one() -> None:
    assert len(THREE_READINGS) > 20
    for days in THREE_READINGS:
        loads = readings_of(days)
        found = days_end_in([Call(load) for load in loads], loads[-1])
        assert found is None, (days, str(found))


@pytest.mark.parametrize("held", DAYS)
def test_two_readings_of_one_moment_leave_either_of_them(held: str) -> None:
    """As a whole, not some of both, and not both."""
    for days in itertools.product([day for day in DAYS.values() if day], repeat=2):
        loads = [load._replace(moment=2) for load in readings_of(days)]
        found = days_end_in(
            [Call(loads[0], loads[0]._replace(run="0", moment=2)), Call(loads[1])],
            *loads,
            rows=a_load("0", 1, DAYS[held]).rows(),
        )
        assert found is None, (days, str(found))


SOME_DAYS = st.lists(st.tuples(*[st.sampled_from([day for day in ALL_DAYS if day])] * 2), min_size=3, max_size=3)


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink], derandomize=True)
@given(SOME_DAYS, st.integers(0, 2))
def test_calls_of_several_days_leave_each_as_it_was_last_read(days: list[tuple[Entries, Entries]], dies: int) -> None:
    any_days(days, dies)


def any_days(days: Sequence[tuple[Entries, ...]], dies: int) -> None:
    """Three calls, each of some days; one of them may die."""
    loads = [
        Load(run, moment, tuple(zip(DATES, call, strict=False)))
        for run, (moment, call) in zip("bac", enumerate(days, 1), strict=True)
    ]
    if any(can_be_overlooked((NOTHING, *of_date), len(days)) for of_date in zip(*days, strict=True)):
        return
    calls = [Call(load, load._replace(run="ab") if dies == n else None) for n, load in enumerate(loads)]
    wanted = entries_of(loads[-1].rows())
    found = Exploration(DayModel(), calls).counterexample(lambda rows: entries_of(rows) == wanted)
    assert found is None, str(found)


# --- what is left ------------------------------------------------------------------------------------


def test_the_case_of_a_reading_that_leaves_no_mark() -> None:
    """It found nothing, or what was held already; in their order the same readings end right, and so does the next."""
    overlooked = [days for days in itertools.product(ALL_DAYS, repeat=3) if can_be_overlooked(days, 2)]
    assert {not newest for _, _, newest in overlooked} == {True, False}
    for held, *days in overlooked:
        older, newer = readings_of(days, first_moment=2)
        rows = a_load("0", 1, held).rows()
        assert days_end_in([Call(older), Call(newer)], newer, rows=rows) is not None, (held, days)
        assert days_end_in([Call(older), Call(newer, after=(0,))], newer, rows=rows) is None
        again = Call(newer._replace(run="c", moment=4), after=(0, 1))
        assert days_end_in([Call(older), Call(newer), again], newer, rows=rows) is None


def test_the_case_of_a_statement_that_outlives_the_repeat() -> None:
    """The next reading sets it right."""
    load = a_load("b", 2, DAYS["one"])
    calls = [Call(load, load._replace(run="a", moment=3))]
    assert days_end_in(calls, load, lingering=True) is not None
    again = Call(load._replace(run="c", moment=4), after=(0,))
    assert days_end_in([*calls, again], load, lingering=True) is None


# --- planted mistakes --------------------------------------------------------------------------------


class ComparesOnce(DayLoad):
    def _insert_differing(self, statements: Any, found: Any) -> bool:
        super()._insert_differing(statements, found)
        return False


class RemovesOnlyAfterInserting(DayLoad):
    def _insert_differing(self, statements: Any, found: Any) -> bool:
        self._wrote = super()._insert_differing(statements, found)
        return self._wrote

    def _delete_replaced(self, statements: Any, found: Any) -> None:
        if self._wrote:
            super()._delete_replaced(statements, found)


class RemovesFirst(DayLoad):
    def _insert_differing(self, statements: Any, found: Any) -> bool:
        self._warehouse.run(statements.delete_replaced("entries"), f"{self._run_id}-replaced-first")
        return super()._insert_differing(statements, found)


def mistaken(**changes: Any) -> DayModel:
    """A model with something changed."""
    made: DayModel = type("Mistaken", (DayModel,), changes)()
    return made


ONE, OTHER = readings_of([DAYS["one"], DAYS["another"]], first_moment=2)
AT_ONCE = [Call(ONE), Call(OTHER)]
SWAPPED = [Call(ONE._replace(run="a")), Call(OTHER._replace(run="b"))]
SAME_MOMENT = [Call(ONE), Call(OTHER._replace(moment=2))]
DYING = [Call(OTHER, OTHER._replace(run="r", moment=4))]
EMPTY = [Call(a_load("a", 2, NOTHING)), Call(OTHER)]
HELD = a_load("0", 1, DAYS["two"]).rows()

MISTAKES: Mapping[str, tuple[DayModel, Sequence[Call[Load]], Iterable[Row]]] = {
    "no second comparison": (mistaken(kind=ComparesOnce), AT_ONCE, ()),
    "no removal without insert": (mistaken(kind=RemovesOnlyAfterInserting), DYING, HELD),
    "the smaller run id wins": (mistaken(replaces=lambda _, row, other: row.run < other.run), SWAPPED, ()),
    "both of one moment stay": (mistaken(replaces=lambda _, row, other: row.moment > other.moment), SAME_MOMENT, ()),
    "every run keeps its own": (
        mistaken(replaces=lambda _, row, other: (row.moment, row.run) != (other.moment, other.run)),
        SAME_MOMENT,
        (),
    ),
    "nothing wins always": (mistaken(is_emptied=lambda _, load, row: True), EMPTY, HELD),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_loading_days_is_found(name: str) -> None:
    """And the same calls end right without it."""
    model, calls, rows = MISTAKES[name]
    newest = [call.load for call in calls if call.load.moment == max(other.load.moment for other in calls)]
    assert days_end_in(calls, *newest, model=model, rows=rows) is not None
    assert days_end_in(calls, *newest, rows=rows) is None


def test_a_day_that_is_removed_before_it_is_written_is_found() -> None:
    """Not in the end, but in between: its newest reading ought to be whole at any time."""
    model = mistaken(kind=RemovesFirst, delete_replaced=lambda self, load, rows: rows)
    rows = a_load("0", 1, DAYS["two"]).rows()
    held = Exploration(model, [Call(OTHER)], rows).counterexample(lambda _: True, bool)
    assert held is not None
    assert Exploration(DayModel(), [Call(OTHER)], rows).counterexample(lambda _: True, bool) is None
