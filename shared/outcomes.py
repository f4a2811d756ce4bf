"""What came of a call for each restaurant: the reply's entries and the run ledger's rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from shared.calls import Call, Plan
from shared.config import Restaurant
from shared.errors import EtlError, InvalidRequest, Unavailable
from shared.run_tables import BusinessDayRow, RunRow
from shared.tables import Table
from shared.units import Written


class Outcome(msgspec.Struct, kw_only=True):
    """What a call did for one restaurant."""

    restaurant_guid: str
    status: Literal["success", "partial", "failed"]
    start_date: dt.date | None
    end_date: dt.date | None
    tables: dict[str, dict[str, int]]
    pages: int
    requests: int
    rejects: int
    business_days: list[dict[str, Any]]
    resume_from: dict[str, Any] | None
    error: EtlError | None

    def rows(self) -> dict[str, int]:
        """Rows over all tables: extracted, inserted, updated."""
        counters = ("extracted", "inserted", "updated")
        return {name: sum(counts[name] for counts in self.tables.values()) for name in counters}


def outcomes(
    call: Call,
    plan: Plan,
    tables: Sequence[Table],
    written: Mapping[tuple[str, str], Written],
    days: Sequence[BusinessDayRow],
) -> list[Outcome]:
    """What the call did, per restaurant, in the order of restaurants.toml."""
    return [_outcome(call, restaurant, plan, tables, written, days) for restaurant in call.restaurants]


def _outcome(
    call: Call,
    restaurant: Restaurant,
    plan: Plan,
    tables: Sequence[Table],
    written: Mapping[tuple[str, str], Written],
    days: Sequence[BusinessDayRow],
) -> Outcome:
    units = [unit for unit in plan.units if unit.restaurant_guid == restaurant.guid]
    finished = [unit for unit in units if unit.finished]
    failed = [unit for unit in units if not unit.finished]
    error = _most_telling([plan.failures.get(restaurant.guid), *(unit.error for unit in failed)])
    start = units[0].business_date if units else call.body.start_date
    resume = (failed[0].business_date if units else start) if error is not None else None
    extracted = sum((unit.extracted for unit in finished), Counter[str]())
    usage = plan.usage[restaurant.guid]
    return Outcome(
        restaurant_guid=restaurant.guid,
        status="success" if error is None else "partial" if finished else "failed",
        start_date=start,
        end_date=units[-1].business_date if units else call.body.end_date,
        tables={
            table.name: _counts(extracted[table.name], written.get((restaurant.guid, table.name), Written()))
            for table in tables
        },
        pages=usage.pages,
        requests=usage.requests,
        rejects=sum(len(unit.rejects) for unit in finished),
        business_days=[
            {"business_date": day.business_date, "status": day.status, "reason": day.reason, "complete": day.complete}
            for day in days
            if day.restaurant_guid == restaurant.guid
        ],
        resume_from={"start_date": resume} if resume else None,
        error=error,
    )


def _most_telling(errors: Iterable[EtlError | None]) -> EtlError | None:
    """The error to report of several: one that may pass, if there is one, since then calling again helps."""
    real = [error for error in errors if error is not None]
    return next((error for error in real if isinstance(error, Unavailable)), real[0] if real else None)


def _counts(extracted: int, written: Written) -> dict[str, int]:
    return {
        "extracted": extracted,
        "inserted": written.inserted,
        "updated": written.updated,
        "unchanged": max(0, extracted - written.inserted - written.updated),
    }


def ledger_rows(call: Call, plan: Plan, results: Iterable[Outcome]) -> list[RunRow]:
    """The run ledger's rows of a call; a request that was wrong is no run."""
    finished_at = call.toast.now()
    return [
        RunRow(
            run_id=call.run_id,
            restaurant_guid=result.restaurant_guid,
            run_date=plan.started_at.date(),
            function=call.function,
            status=result.status,
            start_date=result.start_date,
            end_date=result.end_date,
            started_at=plan.started_at,
            finished_at=finished_at,
            pages=result.pages,
            requests=result.requests,
            rejects=result.rejects,
            **result.rows(),
            error=str(result.error) if result.error else None,
        )
        for result in results
        if not isinstance(result.error, InvalidRequest)
    ]
