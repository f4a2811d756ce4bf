"""Hundreds of schedules of faults, drawn from seeds: after each, clean runs make the warehouse equal Toast.

Run by `make campaign`; it takes an hour and more. From the environment: CAMPAIGN_SEED, the first seed (1),
CAMPAIGN_SCHEDULES, how many (500), and CAMPAIGN_STACKS, how many at once, each with processes of its own (2). A
schedule that fails says how to run it again alone.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from campaigns.fault_campaign import Report, run_campaign
from campaigns.fault_stack import FaultStack

# So many schedules bring every kind of event and fault, and call every function.
ENOUGH = 200


def _number(name: str, default: int) -> int:
    return int(os.environ.get(f"CAMPAIGN_{name}", str(default)))


def test_after_any_schedule_of_faults_clean_runs_make_the_warehouse_equal_toast(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def say(line: str) -> None:
        with capfd.disabled():
            print(line, flush=True)

    first, count, at_once = (_number(*setting) for setting in (("SEED", 1), ("SCHEDULES", 500), ("STACKS", 2)))
    report = Report()
    try:
        with contextlib.ExitStack() as running:
            names = [str(number) for number in range(min(at_once, count))]
            stacks = [running.enter_context(FaultStack(tmp_path / name)) for name in names]
            run_campaign(stacks, range(first, first + count), report, say)
    finally:  # of a campaign that somebody ends early, too
        say(f"\n{report}")
    assert report.schedules == count
    assert count < ENOUGH or not report.never
    assert not report.failures, "the report above says which, and how to run each again"
