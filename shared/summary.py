"""The daily summary: how complete yesterday is, and what is late, as the warehouse knows it.

It is measured where the data arrive, not by who sends them: a function that was never called, or whose calls end
nowhere, shows here all the same. Nothing is asked of Toast.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from shared.bigquery_utils import Warehouse
from shared.concurrency import side_by_side
from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.dimension_tables import DIMENSIONS
from shared.errors import InvalidRequest
from shared.live_backfills import live_backfills
from shared.request_body import date_of, json_object, tenant_of
from shared.run_tables import RUN_TABLES
from shared.statements import Statement
from shared.summary_statements import (
    LOOKBACK,
    ReportedDay,
    restaurant_terms,
    summary_days,
    summary_rejects,
    summary_runs,
)
from shared.tables import Table

SOURCES = ("orders", "cash", "labor")

STALE_AFTER = {
    "orders_daily": dt.timedelta(hours=26),
    "cash_daily": dt.timedelta(hours=26),
    "labor_daily": dt.timedelta(hours=26),
    "config_weekly": dt.timedelta(days=8),
}
"""How long ago a restaurant's last success may be: what lies between two runs, and some time for a repeat."""

# A business date that has been over for so long should be complete: the closing run has been.
DUE_AFTER = dt.timedelta(days=1)

# Of a restaurant whose hours are not known: by then it is past every closeout hour in America.
UNKNOWN_HOURS = TradingHours("UTC", 12)

TABLES: tuple[Table, ...] = (*RUN_TABLES, DIMENSIONS["restaurants"])
"""What is read."""


class SummaryBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for."""

    tenant: str | None = None
    business_date: dt.date | None = None
    """None: the last finished one of each restaurant, and what is late by now."""
    post: bool = True
    """Whether the message is posted; else it is only measured."""


class RestaurantDay(msgspec.Struct, kw_only=True):
    """One restaurant's business date. Counts and sales are None as long as no orders of the day were loaded."""

    restaurant_guid: str
    name: str
    business_date: dt.date
    complete: bool
    incomplete_sources: list[str]
    status: str
    reason: str | None
    orders: int | None
    net_sales: Decimal | None
    currency: str | None
    rejects: int
    drift: int


class Stale(msgspec.Struct, kw_only=True):
    """A restaurant for which a function has not succeeded for too long; ``hours`` is None if not in five weeks."""

    restaurant_guid: str
    name: str
    function: str
    hours: float | None
    last_error: str | None


class OverdueDay(msgspec.Struct, kw_only=True):
    """A business date that should have been complete for long; ``status`` is "missing" if it was never loaded."""

    restaurant_guid: str
    name: str
    source: str
    business_date: dt.date
    status: str
    reason: str | None


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """A backfill that is under way, and what it fills."""

    backfill_id: str
    sources: frozenset[str]
    restaurants: frozenset[str]
    start_date: dt.date
    end_date: dt.date

    def fills(self, function: str, restaurant: str, date: dt.date) -> bool:
        """Whether it brings a business date of a restaurant; ``function`` is one, or what it loads."""
        return (
            function.partition("_")[0] in self.sources
            and restaurant in self.restaurants
            and self.start_date <= date <= self.end_date
        )


class Summary(msgspec.Struct, kw_only=True):
    """All that was measured."""

    days: list[RestaurantDay]
    stale: list[Stale] = []
    overdue: list[OverdueDay] = []
    held_back: int = 0
    """What would be stale or overdue, and is being filled by a backfill."""
    backfills: list[str] = []
    """The ids of these backfills."""

    @property
    def complete(self) -> int:
        """Restaurants whose day is complete."""
        return sum(day.complete for day in self.days)

    @property
    def orders(self) -> int:
        """Orders of all restaurants."""
        return sum(day.orders or 0 for day in self.days)

    @property
    def net_sales(self) -> dict[str, Decimal]:
        """Net sales by currency; "" where it is not known."""
        sales: Counter[str] = Counter()
        for day in self.days:
            if day.net_sales is not None:
                sales[day.currency or ""] += day.net_sales  # type: ignore[assignment]
        return {currency: Decimal(amount) for currency, amount in sorted(sales.items())}

    @property
    def rejects(self) -> int:
        """Rejected objects of all restaurants."""
        return sum(day.rejects for day in self.days)

    @property
    def drift(self) -> int:
        """The most kinds of drift that any restaurant met: they all talk to the same Toast."""
        return max((day.drift for day in self.days), default=0)

    def counts(self) -> dict[str, int]:
        """What the call's last log line tells."""
        return {
            "restaurants": len(self.days),
            "complete": self.complete,
            "stale": len(self.stale),
            "overdue": len(self.overdue),
            "held_back": self.held_back,
            "rejects": self.rejects,
            "drift": self.drift,
        }


def parse_summary_body(body: bytes) -> SummaryBody:
    """Read a call's JSON body. Raises InvalidRequest with every field that is wrong."""
    content = json_object(body)
    checks = {"tenant": tenant_of, "business_date": date_of, "post": _yes_or_no}
    problems = {name: f"unknown field; expected {', '.join(checks)}" for name in content if name not in checks}
    values: dict[str, Any] = {}
    for name, check in checks.items():
        if content.get(name) is not None:
            try:
                values[name] = check(content[name])
            except ValueError as error:
                problems[name] = str(error)
    if problems:
        raise InvalidRequest(problems)
    return SummaryBody(**values)


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("expected true or false")


# --- measuring ---------------------------------------------------------------------------------------

Answers = list[dict[str, Any]]


def measure(
    warehouse: Warehouse, restaurants: Sequence[Restaurant], date: dt.date | None, now: dt.datetime, run_id: str
) -> Summary:
    """Measure restaurants of one dataset at ``now`` (UTC).

    With a ``date`` only that business date is reported. Without one each restaurant's last finished date is, and what
    is stale or overdue is looked for. Raises InvalidRequest for a date that is not over at all of them, and
    WarehouseError.
    """
    warehouse.ensure(TABLES)

    def ask(step: str, statement: Statement) -> Answers:
        return warehouse.run(statement, f"{run_id}-{step}").rows

    terms = {
        row["restaurant_guid"]: row
        for row in ask("terms", restaurant_terms(warehouse.dataset, [one.guid for one in restaurants]))
    }
    hours = {one.guid: hours_of(one, terms.get(one.guid, {})) for one in restaurants}
    reported = [_reported_day(one, hours[one.guid], date, now) for one in restaurants]
    questions = {
        "days": summary_days(warehouse.dataset, reported),
        "runs": summary_runs(warehouse.dataset, reported),
        "rejects": summary_rejects(warehouse.dataset, reported),
        "backfills": live_backfills(warehouse.dataset, now),
    }
    found = dict(zip(questions, side_by_side(lambda step: ask(step, questions[step]), questions, 4), strict=True))
    currencies = {guid: row["currency_code"] for guid, row in terms.items()}
    summary = Summary(days=_restaurant_days(restaurants, reported, found, currencies))
    if date is None:
        _find_what_is_late(summary, restaurants, reported, found, now)
    return summary


def hours_of(restaurant: Restaurant, terms: Mapping[str, Any]) -> TradingHours:
    """When a restaurant trades: what restaurants.toml says wins over what was loaded from Toast."""
    timezone = restaurant.timezone or terms.get("timezone")
    closeout = restaurant.closeout_hour if restaurant.closeout_hour is not None else terms.get("closeout_hour")
    if timezone is None or closeout is None:
        return UNKNOWN_HOURS
    return TradingHours(timezone, closeout)


def _reported_day(restaurant: Restaurant, hours: TradingHours, date: dt.date | None, now: dt.datetime) -> ReportedDay:
    last = hours.last_finished(now)
    if date is not None and date > last:
        problem = f"{date} is not over: the last finished business date of {restaurant.name} is {last}"
        raise InvalidRequest({"business_date": problem})
    reported = date or last
    closed_at = hours.end(reported)
    due = min(reported, hours.last_finished(now - DUE_AFTER))
    return ReportedDay(restaurant.guid, reported, due, closed_at, closed_at.date())


def _restaurant_days(
    restaurants: Sequence[Restaurant],
    reported: Sequence[ReportedDay],
    found: Mapping[str, Answers],
    currencies: Mapping[str, str | None],
) -> list[RestaurantDay]:
    by_day = {(row["restaurant_guid"], row["business_date"], row["source"]): row for row in found["days"]}
    rejects = {row["restaurant_guid"]: row["rejects"] for row in found["rejects"]}
    drift: Counter[str] = Counter()
    for row in found["runs"]:
        drift[row["restaurant_guid"]] += row["drift"]
    days = []
    for restaurant, day in zip(restaurants, reported, strict=True):
        of_source = {source: by_day.get((restaurant.guid, day.reported, source), {}) for source in SOURCES}
        orders = of_source["orders"]
        incomplete = [source for source, row in of_source.items() if not row.get("complete")]
        days.append(
            RestaurantDay(
                restaurant_guid=restaurant.guid,
                name=restaurant.name,
                business_date=day.reported,
                complete=not incomplete,
                incomplete_sources=incomplete,
                status=orders.get("status") or "missing",
                reason=orders.get("reason"),
                orders=orders.get("row_count"),
                net_sales=_in_cents(orders.get("net_sales")),
                currency=currencies.get(restaurant.guid),
                rejects=rejects.get(restaurant.guid, 0),
                drift=drift[restaurant.guid],
            )
        )
    return days


def _in_cents(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(Decimal("0.01"))


# --- what is late ------------------------------------------------------------------------------------


def _find_what_is_late(
    summary: Summary,
    restaurants: Sequence[Restaurant],
    reported: Sequence[ReportedDay],
    found: Mapping[str, Answers],
    now: dt.datetime,
) -> None:
    """Enter what is stale and overdue, but for what a backfill is filling."""
    backfills = [backfill_of(row) for row in found["backfills"]]
    names = {restaurant.guid: restaurant.name for restaurant in restaurants}
    places = {guid: place for place, guid in enumerate(names)}
    last_dates = {day.restaurant_guid: day.reported for day in reported}
    due = {day.restaurant_guid: day.due for day in reported}
    helping: set[str] = set()

    def is_held_back(function: str, restaurant: str, date: dt.date) -> bool:
        filling = [one.backfill_id for one in backfills if one.fills(function, restaurant, date)]
        helping.update(filling)
        summary.held_back += bool(filling)
        return bool(filling)

    summary.stale = [
        stale
        for stale in stale_of(restaurants, found["runs"], now)
        if not is_held_back(stale.function, stale.restaurant_guid, last_dates[stale.restaurant_guid])
    ]
    summary.overdue = [
        OverdueDay(
            restaurant_guid=row["restaurant_guid"],
            name=names[row["restaurant_guid"]],
            source=row["source"],
            business_date=row["business_date"],
            status=row["status"] or "missing",
            reason=row["reason"],
        )
        for row in sorted(found["days"], key=lambda row: (places[row["restaurant_guid"]], row["business_date"]))
        if not row["complete"]
        and row["business_date"] <= due[row["restaurant_guid"]]
        and not is_held_back(row["source"], row["restaurant_guid"], row["business_date"])
    ]
    summary.backfills = sorted(helping)


def stale_of(restaurants: Sequence[Restaurant], runs: Collection[Mapping[str, Any]], now: dt.datetime) -> list[Stale]:
    """Which functions have not succeeded for which restaurants for too long; those never called among them."""
    known = {(row["restaurant_guid"], row["function"]): row for row in runs}
    found = []
    for restaurant in restaurants:
        for function, limit in STALE_AFTER.items():
            run = known.get((restaurant.guid, function), {})
            succeeded_at = run.get("succeeded_at")
            age = now - succeeded_at if succeeded_at is not None else LOOKBACK
            if age > limit:
                found.append(
                    Stale(
                        restaurant_guid=restaurant.guid,
                        name=restaurant.name,
                        function=function,
                        hours=round(age / dt.timedelta(hours=1), 1) if succeeded_at is not None else None,
                        last_error=_error_since(run),
                    )
                )
    return found


def _error_since(run: Mapping[str, Any]) -> str | None:
    """The last error, unless a success followed: then that is not what went wrong."""
    succeeded_at, failed_at = run.get("succeeded_at"), run.get("failed_at")
    if failed_at is None or (succeeded_at is not None and succeeded_at > failed_at):
        return None
    return str(run["last_error"])


def backfill_of(row: Mapping[str, Any]) -> Backfill:
    """A backfill as etl_backfills tells of it."""
    return Backfill(
        backfill_id=row["backfill_id"],
        sources=frozenset(name.strip().partition("_")[0] for name in row["functions"].split(",")),
        restaurants=frozenset(guid.strip() for guid in row["restaurants"].split(",")),
        start_date=row["start_date"],
        end_date=row["end_date"],
    )
