"""From a survey to the gates: what they are given, and how their report is shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from rich.console import Console

from backfill.places import Place
from backfill.replies import judge
from backfill.survey import Survey
from backfill.work import Wanted
from history.spans import Span
from history.units import FUNCTION_OF, Location, Source, Unit
from quality.context import Context, Trial
from quality.findings import Outcome, Report
from quality.gates import Check, run_gates
from shared import connections
from shared.config import load_tenants
from shared.errors import ConfigurationError
from shared.toast_client import ToastClient

AFTER_A_RUN = (1, 2, 3)
"""The gates that a backfill goes through at its end; gate 0 comes before one."""


def verified(
    place: Place,
    found: Survey,
    wanted: Wanted,
    gates: Collection[int],
    console: Console,
    *,
    backfill_id: str | None = None,
) -> Report:
    """Go through some gates, showing each check as it ends where somebody watches."""
    if place.warehouse is None:
        raise ConfigurationError("there is no warehouse here yet; 'backfill_all.py run' makes one.")
    spans = wanted.spans or ()
    context = Context(
        tenant=found.tenant,
        restaurants=found.locations,
        warehouse=place.warehouse,
        settings=place.settings,
        now=found.now,
        start_date=min((span.start for span in spans), default=None),
        end_date=max((span.end for span in spans), default=None),
        spans=spans,
        sources=wanted.sources,
        toast=lambda: _toast(place, found),
        place=place.words,
        trial=_trial(place, found.tenant.name) if 0 in gates else None,
        backfill_id=backfill_id,
    )
    if not console.is_terminal:
        return run_gates(context, gates)
    with console.status("") as status:

        def began(check: Check) -> None:
            status.update(f"gate {check.gate}: {check.proves} …")

        def ended(outcome: Outcome) -> None:
            status.update("")

        return run_gates(context, gates, began=began, ended=ended)


def _toast(place: Place, found: Survey) -> ToastClient:
    """The tenant's Toast client. Raises ConfigurationError without credentials."""
    tenants = load_tenants(place.settings.restaurants_file)
    return connections.toast_client(place.settings, found.tenant, len(tenants))


def _trial(place: Place, tenant: str) -> Trial | None:
    caller = place.caller
    if caller is None:
        return None

    def call(source: Source, location: Location, date: dt.date) -> str | None:
        unit = Unit(FUNCTION_OF[source], location.restaurant.guid, Span(date, date))
        verdict = judge(unit, caller.call(unit.function, unit.body(tenant)))
        return None if verdict.outcome == "done" else verdict.error

    return call
