"""Loads of orders at once, broken off and repeated, in every order that BigQuery's snapshots allow.

docs/loading.md says why each ends right, and names the cases in which it does not. Both are tried here: no order
of steps may find another case, and each case must be found. Planted mistakes show that the search finds mistakes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from snapshot_model import Call, Counterexample, Exploration, Rows
from version_model import DATES, FAMILY, REGISTER, Load, Row, Version, VersionModel

from shared.families import Family
from shared.labor_tables import LABOR
from shared.version_loading import VersionLoad

D1, D2, _ = DATES


# --- what ought to be ------------------------------------------------------------------------------------------


def contents(rows: Any) -> list[Any]:
    """The rows without who wrote them."""
    return sorted(row._replace(run="") for row in rows)


def orders_end_in(
    calls: Sequence[Call[Load]], *newest: Version, model: VersionModel | None = None, **options: Any
) -> Any:
    """The counterexample to: in the end there is the newest version, once, and it is whole as soon as it is held."""
    model = model or VersionModel()
    wanted = sorted(row for version in newest for row in contents(version.rows("")))

    def is_whole(rows: Rows) -> bool:
        there = set(contents(rows))
        return all(there >= v.rows("") for v in newest if Row(REGISTER, v.order, 0, v.date, v.number, "") in there)

    return Exploration(model, calls, **options).counterexample(lambda rows: contents(rows) == wanted, is_whole)


FIRST = Version("order", 1, checks=2, items=2)
NEXT = {
    "as it was": FIRST._replace(number=2),
    "with more children": FIRST._replace(number=2, checks=3, items=3),
    "without some children": FIRST._replace(number=2, checks=1, items=1),
    "without children of one kind": FIRST._replace(number=2, items=0),
    "without any": FIRST._replace(number=2, checks=0, items=0),
    "under another date": FIRST._replace(number=2, date=D2),
    "under another date without any": FIRST._replace(number=2, date=D2, checks=0, items=0),
}
EACH_NEXT = pytest.mark.parametrize("second", [pytest.param(version, id=name) for name, version in NEXT.items()])
RUNS = [("a", "b"), ("b", "a")]
"""Who has the smaller run id; a repeat's is between the two, or smaller than both."""


@pytest.mark.parametrize("repeat", ["0", "ab"])
@pytest.mark.parametrize("held", [False, True], ids=["new", "held in an older version"])
def test_a_version_that_two_calls_load_at_once_is_there_once(held: bool, repeat: str) -> None:
    version = FIRST._replace(number=2, checks=1)
    calls = [Call(Load("a", (version,)), Load(repeat, (version,))), Call(Load("b", (version,)))]
    assert orders_end_in(calls, version, rows=FIRST.rows("1") if held else ()) is None


@EACH_NEXT
@pytest.mark.parametrize(("runs", "held"), [(RUNS[0], False), (RUNS[1], True)], ids=["new", "held in an older version"])
def test_an_older_and_a_newer_version_leave_the_newer_one(second: Version, runs: tuple[str, str], held: bool) -> None:
    """Also if either call dies at any step and is repeated."""
    old, new = Load(runs[0], (FIRST,)), Load(runs[1], (second,))
    rows = FIRST._replace(number=0, items=3).rows("1") if held else ()
    assert orders_end_in([Call(old, old._replace(run="ab")), Call(new)], second, rows=rows) is None
    assert orders_end_in([Call(old), Call(new, new._replace(run="0"))], second, rows=rows) is None


BACK = [FIRST._replace(number=3, checks=count, items=count) for count in (0, 1)]


@pytest.mark.parametrize("third", BACK, ids=["without children", "with children"])
@pytest.mark.parametrize("runs", RUNS)
def test_an_order_that_moves_and_comes_back_lies_where_it_is_now(third: Version, runs: tuple[str, str]) -> None:
    """The two moves are loaded at the same time, and either call can die and be repeated."""
    second = FIRST._replace(number=2, date=D2, checks=1, items=1)
    away, back = Load(runs[0], (second,)), Load(runs[1], (third,))
    rows = FIRST.rows("1")
    assert orders_end_in([Call(away, away._replace(run="ab")), Call(back)], third, rows=rows) is None
    assert orders_end_in([Call(away), Call(back, back._replace(run="0"))], third, rows=rows) is None


SMALL = [
    Version("order", 1, items=0),
    Version("order", 2, checks=0, items=0),
    Version("order", 2, D2, items=0),
    Version("order", 3, items=0),
]


@pytest.mark.parametrize(
    "versions",
    [
        pytest.param([SMALL[0]] * 3, id="one version"),
        pytest.param([SMALL[0], SMALL[1], SMALL[1]], id="two versions"),
        pytest.param([SMALL[0], SMALL[2], SMALL[2]], id="two versions under two dates"),
        pytest.param([SMALL[0], SMALL[1], SMALL[3]], id="three versions"),
    ],
)
def test_three_calls_at_once_leave_the_newest_version(versions: list[Version]) -> None:
    calls = [Call(Load(run, (version,))) for run, version in zip("abc", versions, strict=True)]
    assert orders_end_in(calls, versions[-1], model=OneTableOfChildren()) is None


class OneTableOfChildren(VersionModel):
    """A family with one table of children, as time entries have."""

    family = msgspec.structs.replace(FAMILY, children={"checks": FAMILY.children["checks"]})


def test_time_entries_are_such_a_family() -> None:
    """And as they can always have moved, all that is tried with orders that can have moved holds for them."""
    assert len(LABOR.children) == 1
    assert LABOR.moved_before > LABOR.moved_before * 0


NAMES = ("x", "y", "z")
# Of each order three versions, which move, lose and win children, and which of them each of three calls reads.
ORDERS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(DATES), *[st.integers(0, 2)] * 2), min_size=3, max_size=3),
        st.lists(st.integers(0, 2), min_size=3, max_size=3),
    ),
    min_size=len(NAMES),
    max_size=len(NAMES),
)


@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink], derandomize=True)
@given(ORDERS, st.randoms(use_true_random=False))
def test_calls_of_several_orders_leave_the_newest_of_each(orders: Any, choose: random.Random) -> None:
    any_calls(orders, choose, walks=20)


def any_calls(orders: Any, choose: random.Random, walks: int) -> None:
    """Three calls that read some version of each order, and may all die; a repeat reads what the dead one has read."""

    def version(name: str, shapes: Any, number: int) -> Version:
        date, checks, items = shapes[number]
        return Version(name, number + 1, date, checks, items if checks else 0)

    calls = []
    for number, run in enumerate("bac"):
        versions = tuple(
            version(name, shapes, reads[number]) for name, (shapes, reads) in zip(NAMES, orders, strict=True)
        )
        calls.append(Call(Load(run, versions), Load(f"{run}-again", versions)))
    newest = [version(name, shapes, max(reads)) for name, (shapes, reads) in zip(NAMES, orders, strict=True)]
    wanted = sorted(row for one in newest for row in one.rows(""))
    found = Exploration(VersionModel(), calls).wander(lambda rows: contents(rows) == wanted, choose, walks)
    assert found is None, str(found)


# --- what is left ----------------------------------------------------------------------------

SCHEDULED = FIRST._replace(date=D2)
UNSCHEDULED = FIRST._replace(number=2, moves=False)


def test_the_case_of_a_promise_taken_away() -> None:
    """A version that does not tell that it moved leaves the older one, until a call touches both dates."""
    back = [Call(Load("a", (SCHEDULED,))), Call(Load("b", (UNSCHEDULED,)), after=(0,))]
    assert orders_end_in(back, UNSCHEDULED) is not None
    again = Call(Load("c", (UNSCHEDULED,)), after=(0, 1))
    assert orders_end_in([*back, again], UNSCHEDULED) is not None
    other = Version("other", 1, D2)
    both = Call(Load("c", (UNSCHEDULED, other)), after=(0, 1))
    assert orders_end_in([*back, both], UNSCHEDULED, other) is None


def test_the_case_of_an_unscheduled_version_that_is_slower_than_the_move() -> None:
    """Loaded in their order they end right; and so they do when the order is loaded again."""
    slow, moved = Load("a", (FIRST._replace(moves=False),)), Load("b", (FIRST._replace(number=2, date=D2),))
    newest = moved.versions[0]
    assert orders_end_in([Call(slow), Call(moved)], newest) is not None
    assert orders_end_in([Call(slow), Call(moved, after=(0,))], newest) is None
    assert orders_end_in([Call(slow), Call(moved), Call(Load("c", (newest,)), after=(0, 1))], newest) is None


@pytest.mark.parametrize("date", [D1, D2], ids=["stays", "moves"])
def test_the_case_of_a_dead_call_whose_repeat_does_not_hold_the_order(date: Any) -> None:
    """What it inserted without checking stays if a newer call had looked before, until a call touches both dates."""
    newest, other = FIRST._replace(number=2, date=date), Version("other", 1)
    dead, newer = Call(Load("a", (FIRST,)), Load("r", ())), Call(Load("b", (newest,)))
    assert orders_end_in([dead, newer], newest) is not None
    both = Call(Load("c", (newest, other)), after=(0, 1))
    assert orders_end_in([dead, newer, both], newest, other) is None


@EACH_NEXT
def test_a_call_that_died_is_overtaken_by_a_newer_one_that_begins_later(second: Version) -> None:
    """Nobody repeats it; the newer call finds what it left, whatever table it had come to."""
    calls = [Call(Load("a", (FIRST,)), Load("r", ())), Call(Load("b", (second,)), after=(0,))]
    assert orders_end_in(calls, second) is None


def test_the_case_of_a_statement_that_outlives_the_repeat() -> None:
    """BigQuery ends it when the dead call's repeat has already checked; the next load removes what it wrote."""
    version = Version("order", 1)
    calls = [Call(Load("a", (version,)), Load("r", (version,)))]
    assert orders_end_in(calls, version, lingering=True) is not None
    assert orders_end_in([*calls, Call(Load("c", (version,)), after=(0,))], version, lingering=True) is None


# --- planted mistakes ------------------------------------------------------------------------


class SearchesOnce(VersionLoad):
    def _moved_from(self, statements: Any, units: Any, touched: Any, step: str) -> Any:
        return set() if step == "moved-meanwhile" else super()._moved_from(statements, units, touched, step)


class SearchesAfterwards(VersionLoad):
    def _moved_from(self, statements: Any, units: Any, touched: Any, step: str) -> Any:
        return set() if step == "moved-from" else super()._moved_from(statements, units, touched, step)


class ChecksFirst(VersionLoad):
    def _insert_new(self, statements: Any) -> bool:
        self._check_early = super()._check(statements)
        return super()._insert_new(statements)

    def _check(self, statements: Any) -> Any:
        return self._check_early


class ChecksOnlyWhatItWrote(VersionLoad):
    def _insert_new(self, statements: Any) -> bool:
        self._wrote = super()._insert_new(statements)
        return self._wrote

    def _check(self, statements: Any) -> Any:
        return super()._check(statements) if self._wrote else {}


class RegisterFirst(VersionLoad):
    def _insert_new(self, statements: Any) -> bool:
        self._warehouse.run(statements.insert_register(), f"{self._run_id}-insert-{self.family.register.name}")
        return super()._insert_new(statements)


class TraceDeletedFirst(Family, frozen=True, dict=True):
    @property
    def delete_order(self) -> Any:  # type: ignore[override]
        return (self.register, *self.children.values())


class TraceNotOfAll(Family, frozen=True, dict=True):
    @property
    def trace(self) -> Any:  # type: ignore[override]
        return self.children["items"]


def a_family(kind: type[Family]) -> Family:
    return kind(**{name: getattr(FAMILY, name) for name in FAMILY.__struct_fields__})


def mistaken(base: type, **changes: Any) -> Any:
    """A model with something changed."""
    return type("Mistaken", (base,), changes)()


class RemovesBySomeLaterVersion(VersionModel):
    """Takes no notice of which versions the check saw."""

    def delete_stale(self, load: Load, ask: Any, table: str, rows: set[Row]) -> set[Row]:
        newest: dict[str, int] = {}
        for row in rows:
            if row.table == REGISTER:
                newest[row.order] = max(row.version, newest.get(row.order, 0))
        return {row for row in rows if row.table == table and row.version < newest.get(row.order, 0)}


MOVED = FIRST._replace(number=2, date=D2)
AT_ONCE = [Call(Load("a", (FIRST,))), Call(Load("b", (MOVED,)))]
DYING = [Call(Load("b", (MOVED,)), Load("r", (MOVED,)))]
COPIES = [Call(Load("a", (FIRST,))), Call(Load("b", (FIRST,)))]
LEFT_OVER = [Call(Load("b", (FIRST,)), Load("r", ())), Call(Load("c", (MOVED,)), after=(0,))]
AWAY_AND_BACK = [Call(Load("a", (MOVED,))), Call(Load("b", (BACK[0],)))]

MISTAKES: Mapping[str, tuple[Any, Any, Version, Any]] = {
    "no second search": (mistaken(VersionModel, kind=SearchesOnce), AT_ONCE, MOVED, ()),
    "no first search": (mistaken(VersionModel, kind=SearchesAfterwards), DYING, MOVED, FIRST.rows("1")),
    "check before insert": (mistaken(VersionModel, kind=ChecksFirst), COPIES, FIRST, ()),
    "no check without insert": (mistaken(VersionModel, kind=ChecksOnlyWhatItWrote), DYING, MOVED, FIRST.rows("1")),
    "register written first": (mistaken(VersionModel, kind=RegisterFirst), DYING, MOVED, ()),
    "trace deleted first": (
        mistaken(VersionModel, family=a_family(TraceDeletedFirst)),
        DYING,
        MOVED,
        FIRST._replace(items=1).rows("1"),
    ),
    "a trace that not all children have": (
        mistaken(VersionModel, family=a_family(TraceNotOfAll)),
        LEFT_OVER,
        MOVED,
        (),
    ),
    "every run keeps its own copy": (
        mistaken(VersionModel, is_kept=lambda _, load, run, other: run != load.run),
        COPIES,
        FIRST,
        (),
    ),
    "every run removes its own copy": (
        mistaken(VersionModel, is_kept=lambda _, load, run, other: other == load.run and run != other),
        COPIES,
        FIRST,
        (),
    ),
    "removal by a version that the check did not see": (
        RemovesBySomeLaterVersion(),
        AWAY_AND_BACK,
        BACK[0],
        FIRST.rows("1"),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_loading_orders_is_found(name: str) -> None:
    """And the same calls end right without it."""
    model, calls, newest, rows = MISTAKES[name]
    found = orders_end_in(calls, newest, model=model, rows=rows)
    assert isinstance(found, Counterexample)
    assert orders_end_in(calls, newest, rows=rows) is None
