"""Every statement that the gates can issue, in every form, for the tests that hold SQL against Google's analyser."""

from __future__ import annotations

import datetime as dt

from backfill.outdate import FAMILIES, forget_that_complete, make_old
from backfill.queries import NAMES, query
from quality.gate_coverage import provisional_days
from quality.ready_statements import newest_runs, unresolved_references
from quality.thresholds import learn
from quality.toast_again import orders_of_days
from quality.truth_statements import (
    FACTS,
    PARENTHOODS,
    checks_that_do_not_add_up,
    days_that_differ_from_their_tables,
    orphans,
    repeated_keys,
    unresolved_rejects,
)
from shared.config import Restaurant
from shared.statements import Parameter, Statement


def quality_cases(dataset: str, date: dt.date) -> dict[str, list[Statement]]:
    """What makes a statement, by module and name, and every form in which it does so."""
    guids = Parameter("restaurants", "STRING", ("r",))
    span = (Parameter("start", "DATE", date), Parameter("end", "DATE", date))
    every = [table for tables in FACTS.values() for table in tables]
    choices = [*((source,) for source in FACTS), tuple(FACTS)]
    return {
        "quality.gate_coverage.provisional_days": [provisional_days(dataset, tuple(FACTS), guids, span)],
        "backfill.outdate.forget_that_complete": [forget_that_complete(dataset, "orders", ["r"], [date])],
        "backfill.outdate.make_old": [
            make_old(dataset, family, table, ["r"], [date]) for family in FAMILIES.values() for table in family.tables
        ],
        "backfill.queries.query": [query(name, dataset) for name in NAMES],
        "quality.ready_statements.newest_runs": [newest_runs(dataset, guids)],
        "quality.ready_statements.unresolved_references": [unresolved_references(dataset, guids, span)],
        "quality.thresholds.learn": [learn(dataset, [Restaurant(guid="r", name="r", tenant="t")])],
        "quality.toast_again.orders_of_days": [orders_of_days(dataset, ["r"], [date])],
        "quality.truth_statements.checks_that_do_not_add_up": [checks_that_do_not_add_up(dataset, guids, span)],
        "quality.truth_statements.days_that_differ_from_their_tables": [
            days_that_differ_from_their_tables(dataset, sources, guids, [date]) for sources in choices
        ],
        "quality.truth_statements.orphans": [
            orphans(dataset, parenthoods, guids, span) for parenthoods in PARENTHOODS.values()
        ],
        "quality.truth_statements.repeated_keys": [repeated_keys(dataset, tables, guids, span) for tables in (every,)],
        "quality.truth_statements.unresolved_rejects": [
            unresolved_rejects(dataset, sources, guids, span) for sources in choices
        ],
    }
