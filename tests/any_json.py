"""JSON gone wrong: what hypothesis puts in the place of any value of a valid object.

``mutate`` changes one value somewhere; what comes of it must be rows that BigQuery takes, or a rejection.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from toast_json import Json, to_json

TIMES = ["2026-02-21T23:05:00Z", "2026-02-21T23:05:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"]
NUMBERS = ["1E+400", "9E+1000000", "1E-1000000", "0E+50", "1E+28", "99999999999999999999999999999.9", "0.12345678951"]

strange_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3) | st.integers(-(2**80), 2**80),
    st.sampled_from([20260221, 20261301, 2**63, -(2**63), 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(NUMBERS).map(Decimal),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.sampled_from(["NaN", "sNaN", "Infinity", "-Infinity", "1.5", "x" * 200, *TIMES, *NUMBERS]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["guid", "name", "checks", "amount"]), st.none() | st.text(max_size=3), max_size=2),
)

Place = tuple[dict[str, Any] | list[Any], Any]


def places(value: Any) -> Iterator[Place]:
    """Every place in some JSON that holds a value: its container, and the key or index there."""
    inside: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield value, key
        yield from places(item)


def mutate(draw: st.DrawFn, whole: Json) -> None:
    """Replace, delete or copy one value anywhere."""
    container, key = draw(st.sampled_from(list(places(whole))), label="place")
    match draw(st.sampled_from(["replace", "delete", "twice", "copy"]), label="change"):
        case "replace":
            container[key] = draw(strange_values)
        case "delete":
            del container[key]
        case "twice" if isinstance(container, list):
            container.insert(key, container[key])
        case _:
            other, at = draw(st.sampled_from(list(places(whole))), label="source")
            container[key] = json.loads(to_json(other[at]))
