"""Loads of listings at once, broken off and repeated, in every order that BigQuery's snapshots allow.

docs/loading.md says why each entity ends as it was last listed, with one history, and names the case in which it does
not. Both are tried here: no order of steps may find another case, and that one must be found. Planted mistakes show
that the search finds mistakes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest
from dimension_model import DimensionModel, Load, Row
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from snapshot_model import Ask, Call, Counterexample, Exploration, Rows

State = dict[str, str]
"""What is current: looks by GUID."""


def a_load(run: str, moment: int, is_complete: bool = True, **listed: str | None) -> Load:
    """A listing; an entity whose look is None is left out."""
    return Load(run, moment, tuple((guid, look) for guid, look in listed.items() if look), is_complete)


def loads_of(looks: Iterable[str | None], is_complete: Sequence[bool] = (True, True, True)) -> list[Load]:
    """Listings of one entity at successive moments; the run ids do not follow each other."""
    return [
        a_load(run, moment, complete, x=look)
        for moment, (run, look, complete) in enumerate(zip("bac", looks, is_complete, strict=False), 2)
    ]


def rows_with(look: str | None, *, end: int | None = None) -> set[Row]:
    """What an earlier run left of an entity."""
    return {Row("x", 0, end, look, "0", 1)} if look else set()


def state_after(loads: Iterable[Load], rows: Iterable[Row] = ()) -> State:
    """What the listings tell, the one after the other."""
    state = {row.guid: row.look for row in rows if row.end is None}
    for load in loads:
        state = dict(load.listed) if load.is_complete else state | dict(load.listed)
    return state


def is_one_history(rows: Rows) -> bool:
    """Each entity from the beginning on, one version after the other, none of them without need."""
    entities = itertools.groupby(sorted(rows, key=lambda row: row[:2]), lambda row: row.guid)
    return all(_is_in_order(list(versions)) for _, versions in entities)


def _is_in_order(versions: Sequence[Row]) -> bool:
    return versions[0].start == 0 and all(
        one.end is not None and one.start < one.end <= other.start and (one.end < other.start or one.look != other.look)
        for one, other in itertools.pairwise(versions)
    )


def listings_end_in(
    calls: Sequence[Call[Load]],
    *states: State,
    model: DimensionModel | None = None,
    rows: Iterable[Row] = (),
    **options: Any,
) -> Counterexample | None:
    """The counterexample to: in the end one of these states is current, and what is listed by all always is."""
    readings = [load for call in calls for load in (call.load, call.repeat) if load]
    always = {row.guid for row in rows if row.end is None and all(row.guid in dict(load.listed) for load in readings)}

    def is_right(rows: Rows) -> bool:
        return is_one_history(rows) and state_after((), rows) in states

    def is_sound(rows: Rows) -> bool:
        return always <= {row.guid for row in rows if row.end is None}

    return Exploration(model or DimensionModel(), calls, rows, **options).counterexample(is_right, is_sound)


def can_be_overlooked(looks: Sequence[str | None], reads: int) -> bool:
    """Whether the newest of the last ``reads`` may change nothing, so that an older one that is merged later counts."""
    newest, first = looks[-1], len(looks) - reads
    return any(looks[n] != newest and newest in looks[:n] for n in range(first, len(looks) - 1))


# --- what ought to be --------------------------------------------------------------------------------

LOOKS = (None, "A", "B")
TWO_LISTINGS = [looks for looks in itertools.product(LOOKS, repeat=3) if not can_be_overlooked(looks, 2)]
THREE_LISTINGS = [looks for looks in itertools.product((*LOOKS, "C"), repeat=4) if not can_be_overlooked(looks, 3)]


@pytest.mark.parametrize("swapped", [False, True], ids=["smaller run id later", "smaller run id earlier"])
def test_an_earlier_and_a_later_listing_leave_the_later_one(swapped: bool) -> None:
    """First ones, changes, removals and returns; also if either call dies at any step and is repeated."""
    assert len(TWO_LISTINGS) > 10
    for held, *looks in TWO_LISTINGS:
        older, newer = loads_of(looks)
        if swapped:
            older, newer = older._replace(run="a"), newer._replace(run="b")
        later = newer._replace(run="0", moment=4)
        for calls in (
            [Call(older, older._replace(run="ab")), Call(newer)],
            [Call(older), Call(newer, later)],
            [Call(older), Call(newer, newer._replace(run="r"))],
        ):
            found = listings_end_in(calls, state_after([newer]), rows=rows_with(held))
            assert found is None, (held, looks, str(found))


@pytest.mark.parametrize("looks", list(itertools.product(("A", "B"), repeat=2)))
def test_an_entity_that_was_gone_returns_once(looks: tuple[str, str]) -> None:
    older, newer = loads_of(looks)
    calls = [Call(older, older._replace(run="r")), Call(newer)]
    found = listings_end_in(calls, state_after([newer]), rows=rows_with("A", end=1))
    assert found is None, str(found)


def test_listings_of_which_one_is_partial_close_nothing_by_it() -> None:
    """A partial listing tells of the entities that it holds, and of no others."""
    for held, *looks in TWO_LISTINGS:
        for complete in ((True, False), (False, True), (False, False)):
            loads = loads_of(looks, complete)
            told = [look for look, whole in zip(looks, complete, strict=True) if look or whole]
            if can_be_overlooked((held, *told), len(told)):
                continue
            rows = rows_with(held)
            found = listings_end_in([Call(load) for load in loads], state_after(loads, rows), rows=rows)
            assert found is None, (held, looks, complete, str(found))


@pytest.mark.parametrize("held", LOOKS)
def test_two_listings_of_one_moment_leave_either_of_them(held: str | None) -> None:
    for looks in itertools.product(("A", "B", "C"), repeat=2):
        loads = [load._replace(moment=2) for load in loads_of(looks)]
        rows = rows_with(held)
        calls = [Call(loads[0], loads[0]._replace(run="0")), Call(loads[1])]
        found = listings_end_in(calls, *(state_after([load]) for load in loads), rows=rows)
        assert found is None, (looks, str(found))


def test_three_listings_at_once_leave_the_last_one() -> None:
    assert len(THREE_LISTINGS) > 30
    for held, *looks in THREE_LISTINGS:
        if not is_crowded(held, looks):
            loads = loads_of(looks)
            found = listings_end_in([Call(load) for load in loads], state_after(loads), rows=rows_with(held))
            assert found is None, (held, looks, str(found))


def is_crowded(held: str | None, looks: Iterable[str | None]) -> bool:
    """Whether three first listings of an entity all differ."""
    return held is None and len(set(looks) - {None}) == 3


SOME = st.lists(st.tuples(st.sampled_from(LOOKS), st.sampled_from(LOOKS)), min_size=3, max_size=3)


@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink], derandomize=True)
@given(SOME, st.integers(0, 2))
def test_listings_of_several_entities_leave_the_last_state(looks: list[tuple[Any, Any]], dies: int) -> None:
    any_listings(looks, dies)


def any_listings(looks: Sequence[tuple[str | None, ...]], dies: int) -> None:
    """Three calls that list some entities; one of them may die."""
    for entity in zip(*looks, strict=True):
        assume(not can_be_overlooked((None, *entity), len(looks)) and not is_crowded(None, entity))
    loads = [
        a_load(run, moment, **dict(zip("xyz", listed, strict=False)))
        for moment, (run, listed) in enumerate(zip("bac", looks, strict=True), 2)
    ]
    calls = [Call(load, load._replace(run="r") if dies == n else None) for n, load in enumerate(loads)]
    found = listings_end_in(calls, state_after(loads))
    assert found is None, str(found)


# --- what is left ------------------------------------------------------------------------------------


def test_the_case_of_a_listing_that_changed_nothing() -> None:
    """An older one that is merged after it counts; in their order the same listings end right, and so does the next."""
    overlooked = [looks for looks in itertools.product(LOOKS, repeat=3) if can_be_overlooked(looks, 2)]
    assert len(overlooked) > 5
    for held, *looks in overlooked:
        older, newer = loads_of(looks)
        rows, state = rows_with(held), state_after([newer])
        assert listings_end_in([Call(older), Call(newer)], state, rows=rows) is not None, (held, looks)
        assert listings_end_in([Call(older), Call(newer, after=(0,))], state, rows=rows) is None
        again = Call(newer._replace(run="c", moment=4), after=(0, 1))
        assert listings_end_in([Call(older), Call(newer), again], state, rows=rows) is None


def test_the_case_of_three_first_listings_at_once() -> None:
    """The last one can become the first version, and the second the current one, until the next listing."""
    loads = loads_of(("A", "B", "C"))
    calls = [Call(load) for load in loads]
    assert listings_end_in(calls, {"x": "C"}) is not None
    again = Call(a_load("d", 5, x="C"), after=(0, 1, 2))
    assert listings_end_in([*calls, again], {"x": "C"}) is None


def test_the_case_of_a_statement_that_outlives_the_repeat() -> None:
    """The next listing sets it right."""
    load = a_load("b", 2, x="A")
    calls = [Call(load, load._replace(run="a", moment=3))]
    assert listings_end_in(calls, {"x": "A"}, lingering=True) is not None
    again = Call(load._replace(run="c", moment=4), after=(0,))
    assert listings_end_in([*calls, again], {"x": "A"}, lingering=True) is None


# --- planted mistakes --------------------------------------------------------------------------------


class SurveysOnce(DimensionModel):
    def look(self, load: Load, ask: Ask, rows: Rows) -> Any:
        return [] if ask.step == "survey-1" else super().look(load, ask, rows)


def mistaken(**changes: Callable[..., Any]) -> DimensionModel:
    """A model with something changed."""
    made: DimensionModel = type("Mistaken", (DimensionModel,), changes)()
    return made


def _last_loaded(_: Any, held: Sequence[Row]) -> int | None:
    return max((row.loaded for row in held), default=None)


FIRST_ONES = [Call(load) for load in loads_of(("A", "B"))]
GONE = [Call(load) for load in loads_of(("B", None))]
PARTIAL = [Call(load) for load in loads_of(("B", None), (True, False))]

MISTAKES: Mapping[str, tuple[DimensionModel, Sequence[Call[Load]], State, set[Row]]] = {
    "no second survey": (SurveysOnce(), FIRST_ONES, {"x": "B"}, set()),
    "the earlier copy stays": (
        mistaken(rank=lambda _, row: (row.loaded, row.run)),
        FIRST_ONES,
        {"x": "B"},
        set(),
    ),
    "every listing tells of everything": (
        mistaken(known_at=lambda _, held: min((row.start for row in held), default=None)),
        FIRST_ONES,
        {"x": "B"},
        set(),
    ),
    "an end is forgotten": (mistaken(known_at=_last_loaded), GONE, {}, rows_with("A")),
    "a partial listing tells of ends": (
        mistaken(tells_of_ends=lambda _, load: True),
        PARTIAL,
        {"x": "B"},
        rows_with("A"),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_loading_listings_is_found(name: str) -> None:
    """And the same calls end right without it."""
    model, calls, state, rows = MISTAKES[name]
    assert listings_end_in(calls, state, model=model, rows=rows) is not None
    assert listings_end_in(calls, state, rows=rows) is None
