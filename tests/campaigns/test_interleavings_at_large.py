"""Loads at once, as in tests/test_interleavings.py and its neighbours, but many more of them.

Run by `make campaign`; it takes minutes.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from snapshot_model import Call
from test_day_interleavings import SOME_DAYS, any_days
from test_dimension_interleavings import SOME, any_listings
from test_interleavings import (
    BACK,
    FIRST,
    NEXT,
    ORDERS,
    RUNS,
    SMALL,
    OneTableOfChildren,
    any_calls,
    orders_end_in,
)
from version_model import Load, Version

MANY = settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.filter_too_much],
)
EACH_NEXT = pytest.mark.parametrize("second", [pytest.param(version, id=name) for name, version in NEXT.items()])


@EACH_NEXT
@pytest.mark.parametrize("runs", RUNS)
@pytest.mark.parametrize("held", [None, FIRST._replace(number=0, items=3)], ids=["new", "held"])
def test_two_calls_that_may_both_die(second: Version, runs: tuple[str, str], held: Version | None) -> None:
    versions_of_two_calls_leave_the_second((FIRST, second), runs, held)


@pytest.mark.parametrize("third", BACK, ids=["without children", "with children"])
@pytest.mark.parametrize("runs", RUNS)
def test_an_order_that_comes_back_in_calls_that_may_both_die(third: Version, runs: tuple[str, str]) -> None:
    versions_of_two_calls_leave_the_second((NEXT["under another date"], third), runs, FIRST)


def versions_of_two_calls_leave_the_second(
    versions: tuple[Version, Version], runs: tuple[str, str], held: Version | None
) -> None:
    calls = [
        Call(Load(run, (version,)), Load(repeat, (version,)))
        for run, repeat, version in zip(runs, ("0", "ab"), versions, strict=True)
    ]
    found = orders_end_in(calls, versions[-1], rows=held.rows("1") if held else ())
    assert found is None, str(found)


@pytest.mark.parametrize("dies", range(3), ids=["the first dies", "the second dies", "the third dies"])
@pytest.mark.parametrize(
    "versions",
    [
        pytest.param([SMALL[0]] * 3, id="one version"),
        pytest.param([SMALL[0], SMALL[1], SMALL[3]], id="three versions"),
        pytest.param([SMALL[0], SMALL[2], SMALL[3]], id="three versions, away and back"),
    ],
)
def test_three_calls_of_which_one_may_die(versions: list[Version], dies: int) -> None:
    calls = [
        Call(Load(run, (version,)), Load("ab", (version,)) if number == dies else None)
        for number, (run, version) in enumerate(zip("bac", versions, strict=True))
    ]
    found = orders_end_in(calls, versions[-1], model=OneTableOfChildren())
    assert found is None, str(found)


@MANY
@given(ORDERS, st.randoms(use_true_random=False))
def test_many_calls_of_several_orders(orders: Any, choose: random.Random) -> None:
    any_calls(orders, choose, walks=30)


@MANY
@given(SOME_DAYS, st.integers(0, 2))
def test_many_calls_of_several_days(days: Any, dies: int) -> None:
    any_days(days, dies)


@MANY
@given(SOME, st.integers(0, 2))
def test_many_listings_of_several_entities(looks: Any, dies: int) -> None:
    any_listings(looks, dies)
