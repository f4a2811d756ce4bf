"""The orchestrator and the functions killed at random moments, 20 times each: the re-run ends, and repeats nothing.

Run by `make campaign`; it takes minutes. From the environment: CAMPAIGN_SEED (1), CAMPAIGN_KILLS (20).
"""

from __future__ import annotations

import datetime as dt
import os
import random
import subprocess
import time
from collections.abc import Iterator

import pytest
from backfill_stack import BackfillStack, backfill_stack

FUNCTIONS = ("orders_daily", "cash_daily", "labor_daily")
START, END = dt.date(2025, 8, 4), dt.date(2026, 2, 22)
RESTAURANTS = 3
DAYS = (END - START).days + 1
COMMAND = (
    *("run", "--start-date", str(START), "--end-date", str(END), "--chunk-days", "4"),
    *("--retry-wait", "1", "--skip-configuration", "--skip-gates"),
)
KILLS = int(os.environ.get("CAMPAIGN_KILLS", "20"))
ALL_DAYS = len(FUNCTIONS) * RESTAURANTS * DAYS


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackfillStack]:
    with backfill_stack(tmp_path_factory.mktemp("kills"), FUNCTIONS, RESTAURANTS, volume=6) as stack:
        stack.make_tables()
        yield stack


def ended(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def test_killed_forty_times_it_ends_with_the_truth_and_no_finished_day_was_called_for_again(
    here: BackfillStack,
) -> None:
    moments = random.Random(int(os.environ.get("CAMPAIGN_SEED", "1")))
    orchestrators = functions = starts = 0
    while orchestrators < KILLS or functions < KILLS:
        finished = here.complete()
        starts += 1
        process = here.start(*COMMAND)
        whom = (
            "orchestrator" if functions >= KILLS or (orchestrators < KILLS and moments.random() < 0.5) else "function"
        )
        if ended(process, moments.uniform(1.0, 6.0)):
            printed, _ = process.communicate()
            assert process.returncode == 0, printed
            pytest.fail(f"all was done after {orchestrators} + {functions} kills: there is too little to do")
        if whom == "function":
            server = here.stack.functions[moments.choice(FUNCTIONS)]
            server.kill()
            server.start().wait_until_ready()
            functions += 1
            time.sleep(moments.uniform(0.0, 2.0))
        process.kill()
        process.communicate()
        orchestrators += 1
        assert not here.done_by(here.newest_backfill()) & finished, "no finished day is called for again"
        with_new = here.complete()
        assert with_new >= finished
        print(
            f"{orchestrators} orchestrators, {functions} functions killed; {len(with_new)} of {ALL_DAYS} days",
            flush=True,
        )
    code, printed = here.run(*COMMAND, timeout=1800)
    assert code == 0, printed
    assert len(here.complete()) == ALL_DAYS
    here.equals_truth(START, END)


def test_after_it_nothing_is_left_to_do(here: BackfillStack) -> None:
    code, printed = here.run(*COMMAND)
    assert (code, "nothing is missing" in printed) == (0, True), printed
