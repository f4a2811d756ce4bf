"""Hundreds of schedules of faults, drawn from seeds: after each, clean runs make the warehouse equal Toast.

Run by `make campaign`; it takes hours. From the environment: CAMPAIGN_SEED, the first seed (1), and
CAMPAIGN_SCHEDULES, how many (500). A schedule that fails says how to run it again alone.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from campaigns.fault_campaign import Report, run_campaign
from campaigns.fault_stack import FaultStack

# So many schedules bring every kind of event and fault, and call every function.
ENOUGH = 200


def test_after_any_schedule_of_faults_clean_runs_make_the_warehouse_equal_toast(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def say(line: str) -> None:
        with capfd.disabled():
            print(line, flush=True)

    first, count = int(os.environ.get("CAMPAIGN_SEED", "1")), int(os.environ.get("CAMPAIGN_SCHEDULES", "500"))
    report = Report()
    try:
        with FaultStack(tmp_path) as stack:
            run_campaign(stack, range(first, first + count), report, say)
    finally:  # of a campaign that somebody ends early, too
        say(f"\n{report}")
    assert report.schedules == count
    assert count < ENOUGH or not report.never
    assert not report.failures, "the report above says which, and how to run each again"
