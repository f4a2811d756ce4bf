"""A restaurant that Toast refuses for good, one that fails for a while: the others finish, --failed does the rest.

Run by `make campaign`; it takes minutes.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import pytest
from backfill_stack import BackfillStack, backfill_stack, words_of

START, END = dt.date(2025, 12, 1), dt.date(2026, 2, 22)
DATES = ("--start-date", str(START), "--end-date", str(END))
ORDERS = ("--functions", "orders", "--retry-wait", "1", "--skip-configuration", "--skip-gates")
WEEKS = 12


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackfillStack]:
    with backfill_stack(tmp_path_factory.mktemp("failures"), ("orders_daily",), 5, volume=8) as stack:
        yield stack


def test_the_others_finish_and_what_failed_is_told_kept_and_done_later(here: BackfillStack) -> None:
    refused, failing, *good = here.guids
    here.toast.fault("forbidden", rate=1.0, restaurant_guid=refused, path="ordersBulk")
    here.toast.fault("status_5xx", rate=1.0, restaurant_guid=failing, path="ordersBulk")
    code, printed = here.run("run", *DATES, *ORDERS, timeout=900)
    assert code == 1
    told = words_of(printed)
    assert f"{len(good) * WEEKS} of {5 * WEEKS} units done" in told, printed
    assert told.count(": 3 failures in a row") == 2, "each is told once, as it happens"
    assert "orders:read" in told, "what the refused one lacks"
    assert {guid for _, guid, _ in here.complete()} == set(good)

    _, printed = here.run("status", *DATES, "--functions", "orders", "--json")
    failed = json.loads(printed)["failed"]
    assert {one["unit"][1] for one in failed} == {refused, failing}
    assert len(failed) == 2 * WEEKS, "what was left out is to be done too"

    here.toast.no_faults()
    here.toast.fault("forbidden", rate=1.0, restaurant_guid=refused, path="ordersBulk")
    code, printed = here.run("run", "--failed", *ORDERS, timeout=900)
    assert (code, f"{WEEKS} of {2 * WEEKS} units done" in words_of(printed)) == (1, True), printed
    assert {guid for _, guid, _ in here.complete()} == {failing, *good}

    here.toast.no_faults()
    code, printed = here.run("run", "--failed", *ORDERS, timeout=900)
    assert (code, f"{WEEKS} of {WEEKS} units done" in words_of(printed)) == (0, True), printed
    here.equals_truth(START, END)
