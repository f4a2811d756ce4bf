"""A schedule of the fault campaign over real processes; tests/campaigns/test_faults.py plays hundreds."""

from __future__ import annotations

from pathlib import Path

from campaigns.fault_campaign import Report, run_campaign
from campaigns.fault_stack import FaultStack
from campaigns.schedules import make_schedule

# A kill, so early that it always hits a call; calls at once, a restart of the warehouse, lost replies of both kinds,
# faults, and an edit.
SEEDS = (198047,)


def test_a_seed_always_gives_the_same_schedule() -> None:
    assert make_schedule(11) == make_schedule(11) != make_schedule(12)


def test_after_a_schedule_of_faults_clean_runs_make_the_warehouse_equal_toast(tmp_path: Path) -> None:
    report = Report()
    with FaultStack(tmp_path) as stack:
        run_campaign([stack], SEEDS, report, print)
    assert report.schedules == len(SEEDS)
    assert not report.failures, str(report)
    assert report.struck
    assert report.lost_replies.keys() == {"query", "load"}
    assert report.kills_that_hit
