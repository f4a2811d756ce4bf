"""Cloud Function ``config_weekly``: how a restaurant is set up, from Toast to the warehouse, with its history.

restaurants, employees, jobs, menus, config ─► entities ─► staging table ─► versions in dimensions
                                                                       └► run ledger
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.calls import open_call
from shared.dimension_loading import DimensionLoad
from shared.dimension_tables import DIMENSION_TABLES
from shared.http_contract import serve
from shared.ledger import record_rejects, record_runs
from shared.listing_extraction import read_listing
from shared.listing_units import listing_units, note_menus
from shared.outcomes import Outcome, outcomes
from shared.plans import open_plan
from shared.request_body import NO_DATES, RequestBody
from shared.units import read_all

if TYPE_CHECKING:
    from flask import Request, Response


def config_weekly(request: Request) -> Response:
    """Load the configuration of one restaurant, or of all, as it is now."""
    return serve(request, "config_weekly", NO_DATES, load_configuration)


def load_configuration(run_id: str, body: RequestBody) -> list[Outcome]:
    """Read every listing, open and end versions where entities differ, and write down what was done."""
    call = open_call("config_weekly", run_id, body)
    plan = open_plan(call)
    units = listing_units(call, plan)
    with DimensionLoad(call.warehouse, run_id) as load:
        read_all(units, lambda unit: read_listing(call.toast, unit, load, call.deadline), call.deadline)
        written = load.apply([unit for unit in units if unit.finished])
    note_menus(plan, units)
    record_rejects(call, plan, units)
    results = outcomes(call, plan, units, tables=DIMENSION_TABLES, written=written)
    record_runs(call, plan, results)
    return results
