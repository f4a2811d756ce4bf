"""Every statement that the backfill can issue, for the tests that hold SQL against Google's analyser."""

from __future__ import annotations

import datetime as dt

from history.ledger import (
    calls_since,
    complete_spans,
    count_queued,
    failed_units,
    last_configured,
    queued_units,
    recent_paces,
    restaurant_terms,
)
from shared.statements import Statement


def backfill_cases(dataset: str, now: dt.datetime) -> dict[str, list[Statement]]:
    """What makes a statement, by module and name."""
    date = now.date()
    return {
        f"history.ledger.{statement.__name__}": [made]
        for statement, made in (
            (complete_spans, complete_spans(dataset, ["orders"], date, date)),
            (restaurant_terms, restaurant_terms(dataset)),
            (recent_paces, recent_paces(dataset, date)),
            (last_configured, last_configured(dataset, ["r"])),
            (failed_units, failed_units(dataset)),
            (queued_units, queued_units(dataset)),
            (calls_since, calls_since(dataset, now)),
            (count_queued, count_queued(dataset, now)),
        )
    }
