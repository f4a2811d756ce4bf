"""A call that is too large for its time: it commits what it has, and plain repeats of it finish the work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from functions import RESTAURANTS, Reply, in_process, restaurants_file
from google.cloud import bigquery

from local_stack.processes import ServerProcess, function_environment
from local_stack.truth import differences

GUIDS = [restaurant.guid for restaurant in RESTAURANTS[:2]]
BEFORE, START, END = dt.date(2026, 2, 1), dt.date(2026, 2, 2), dt.date(2026, 2, 15)


@pytest.mark.parametrize("target", ["orders_daily", "cash_daily"])
def test_repeats_of_a_call_that_runs_out_of_time_finish_it(
    target: str,
    start_simulator: Callable[..., ServerProcess],
    emulator: str,
    warehouse_client: bigquery.Client,
    dataset: str,
    tmp_path: object,
) -> None:
    """Each reply says where it goes on; the last one is a success, and then the tables equal the truth."""
    simulator = start_simulator(latency_ms=400, volume=10)
    environment = function_environment(simulator.url, emulator) | {
        "BQ_DATASET": dataset,
        "RESTAURANTS_FILE": str(restaurants_file(tmp_path / "restaurants.toml", GUIDS)),  # type: ignore[operator]
        "TIME_BUDGET_SECONDS": "2.5",
    }
    replies: list[Reply] = []
    with in_process(environment | {"TIME_BUDGET_SECONDS": "100"}, target) as function:
        function(start_date=BEFORE, end_date=BEFORE).succeeded()  # the tables are there from now on
    with in_process(environment, target) as function:
        while not replies or replies[-1].status == 503:
            assert len(replies) < 12, "the work does not come to an end"
            replies.append(function(start_date=START, end_date=END))
    *unfinished, last = replies
    last.succeeded()
    partial = [reply for reply in unfinished if reply.body["status"] == "partial"]
    assert partial, "there was time enough for all or for nothing: the test shows nothing"
    for reply in unfinished:
        if reply not in partial:  # a machine that is busy with other things can read nothing at all in the time
            reply.is_problem(503)
    for reply in partial:
        assert "Retry-After" in reply.headers
        assert any(entry["resume_from"] for entry in reply.body["restaurants"])
        done = [day for entry in reply.body["restaurants"] for day in entry["business_days"]]
        assert all(day["complete"] for day in done)
    errors = [entry["error"] for reply in partial for entry in reply.body["restaurants"] if entry["error"]]
    assert any("time ran short" in error for error in errors)
    tables = {name for reply in [*partial, last] for entry in reply.body["restaurants"] for name in entry["tables"]}
    found = differences(warehouse_client, dataset, simulator.url, GUIDS, START, END, tables=tables)
    assert found.equal, found.differences[:5]


def test_a_budget_that_is_no_number_of_seconds_is_told(emulator: str) -> None:
    environment = function_environment("http://127.0.0.1:9", emulator) | {"TIME_BUDGET_SECONDS": "soon"}
    with in_process(environment) as function:
        function(start_date=START, end_date=START).is_problem(500, "TIME_BUDGET_SECONDS", "soon")
