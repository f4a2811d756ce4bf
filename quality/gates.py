"""The gates: every check of the data in one list, and what runs them.

    report = run_gates(context, (1, 2, 3))
    if not report.passed: ...

Gate 0 comes before a load, gate 1 sees that every day is there, gate 2 that what is there is true, gate 3 that it
can be relied on from now on. A check is one small function that looks for what breaks one rule.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec

from quality import gate_before, gate_coverage, gate_ready, gate_truth, mending
from quality.context import Context
from quality.findings import Finding, Found, Outcome, Report, Skipped, Status
from shared.errors import EtlError

GATES = {
    0: "before: can it work?",
    1: "coverage: is every day there?",
    2: "truth inside: is what is there right?",
    3: "ready: can it be relied on from now on?",
}
"""What each gate asks."""


class Check(NamedTuple):
    """One rule: what its passing proves, and the function that looks for what breaks it."""

    gate: int
    name: str
    proves: str
    look: Callable[[Context], Found]


CHECKS: tuple[Check, ...] = (
    Check(0, "credentials", "Toast takes the credentials", gate_before.credentials),
    Check(0, "restaurants", "Toast knows each restaurant, and lets us read it", gate_before.restaurants_reachable),
    Check(0, "configuration", "restaurants.toml agrees with Toast", gate_before.restaurants_as_configured),
    Check(0, "scopes", "the credentials may read each API", gate_before.scopes),
    Check(0, "tables", "dataset and tables are there as they are defined", gate_before.tables_as_defined),
    Check(0, "trial", "one business date of one restaurant can be loaded", gate_before.trial),
    Check(1, "coverage", "every business date is loaded for good", gate_coverage.every_day_is_final),
    Check(2, "keys", "no row is there twice", gate_truth.no_key_twice),
    Check(2, "parents", "no row is without the one it belongs to", gate_truth.no_orphan),
    Check(2, "check amounts", "items and service charges make up each check", gate_truth.check_amounts),
    Check(2, "check totals", "amount and tax make up each total", gate_truth.check_totals),
    Check(2, "payments", "closed checks are paid as they should be", gate_truth.payments_of_closed_checks),
    Check(2, "ledger", "business_days counts what the tables hold", gate_truth.ledger_against_tables),
    Check(2, "rejects", "everything that Toast listed could be read", gate_truth.no_unresolved_reject),
    Check(2, "sample", "Toast says the same when it is asked again", gate_truth.sample_equals_toast),
    Check(3, "dimensions", "the configuration was read within 8 days", gate_ready.dimensions_current),
    Check(3, "references", "every GUID on orders has a name", gate_ready.references_resolved),
    Check(3, "freshness", "every function succeeded within 26 hours", gate_ready.loaded_lately),
    Check(3, "failures", "no failure is left open", gate_ready.no_open_failure),
)
"""Every check, in the order in which they are done."""


def run_gates(
    context: Context,
    gates: Collection[int] = tuple(GATES),
    *,
    began: Callable[[Check], None] = lambda check: None,
    ended: Callable[[Outcome], None] = lambda outcome: None,
) -> Report:
    """Do the checks of some gates; a check that cannot be done fails, and the others go on.

    ``began`` and ``ended`` are told as it happens. Raises nothing but faults of ours.
    """
    start = time.monotonic()
    outcomes = []
    for check in CHECKS:
        if check.gate in gates:
            began(check)
            outcomes.append(outcome := _do(check, context))
            ended(outcome)
    statuses = {outcome.status for outcome in outcomes}
    return Report(
        tenant=context.tenant.name,
        dataset=context.warehouse.dataset,
        verified_at=context.now,
        start_date=context.start_date,
        end_date=context.end_date,
        restaurants=dict(context.names),
        functions=context.sources,
        gates=tuple(sorted(gates)),
        seconds=round(time.monotonic() - start, 3),
        passed="failed" not in statuses,
        signed_off=statuses == {"passed"},
        checks=tuple(outcomes),
    )


def _do(check: Check, context: Context) -> Outcome:
    began = time.monotonic()
    status: Status
    try:
        found = check.look(context)
    except Skipped as reason:
        found, status = Found(notes=[f"Skipped: {reason}."]), "skipped"
    except EtlError as error:
        again = f"python backfill_all.py verify --gate {check.gate}"
        found, status = Found([Finding(what=f"It could not be checked: {error}", mend=again)]), "failed"
    else:
        failed = found.findings or found.total
        status = "failed" if failed else "waiting" if found.waiting else "passed"

    def placed(finding: Finding) -> Finding:
        return msgspec.structs.replace(finding, mend=mending.at(finding.mend, context.place))

    return Outcome(
        gate=check.gate,
        name=check.name,
        proves=check.proves,
        status=status,
        seconds=round(time.monotonic() - began, 3),
        total=len(found.findings) if found.total is None else found.total,
        mend=mending.at(found.mend, context.place) if found.mend else None,
        findings=tuple(map(placed, found.findings)),
        waiting=tuple(map(placed, found.waiting)),
        notes=tuple(found.notes),
    )
