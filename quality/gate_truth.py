"""Gate 2, truth inside: no row twice, none without its parent, amounts that add up, and Toast says the same."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

import msgspec

from history.spans import Span, clipped
from history.units import SOURCES, Location, Source
from quality import mending
from quality.context import Context
from quality.findings import Finding, Found, Skipped, count
from quality.money import AMOUNT, PAYMENTS, TOTAL, Money, Rule
from quality.toast_again import (
    CheckFigures,
    Difference,
    day_again,
    differences,
    held_days,
    orders_of_days,
    strangers,
)
from quality.truth_statements import (
    FACTS,
    PARENTHOODS,
    days_that_differ_from_their_tables,
    orphans,
    repeated_keys,
    unresolved_rejects,
)
from shared.coverage import SETTLING
from shared.errors import ToastError

SOURCE_OF_TABLE = {table.name: source for source, tables in FACTS.items() for table in tables}

Row = Mapping[str, Any]
Mend = Callable[[Collection[dt.date], Collection[str], Sequence[str]], str]

# More dates than this make no command line that anybody wants to read.
_MOST_DATES = 31


# --- rows --------------------------------------------------------------------------------------------


def no_key_twice(context: Context) -> Found:
    """Find keys that stand in a fact table more than once."""
    tables = [table for source in context.sources for table in FACTS[source]]
    rows = context.ask(repeated_keys(context.warehouse.dataset, tables, context.guids, context.range), "keys")
    return _sorted_out(context, [_repeated(context, row) for row in rows], _total(rows), mending.replace)


def _repeated(context: Context, row: Row) -> Finding:
    first, last = row["first_date"], row["last_date"]
    source = SOURCE_OF_TABLE[row["table_name"]]
    what = f"{count(row['key_count'], 'key stands', 'keys stand')} in {row['row_count']} rows"
    if first != last:
        what += ", under more than one business date"
    return Finding(
        what=f"{what} (such as {row['example']}). A load at work shows two versions for seconds: if it stays, mend it.",
        mend=mending.replace((first, last), [row["restaurant_guid"]], [source]),
        **_place(context, row["restaurant_guid"], first, last),
        functions=(source,),
        table=row["table_name"],
        count=row["key_count"],
        figures={"keys": row["key_count"], "rows": row["row_count"], "example": row["example"]},
    )


def no_orphan(context: Context) -> Found:
    """Find rows without the row that they belong to."""
    parenthoods = [one for source in context.sources for one in PARENTHOODS.get(source, ())]
    if not parenthoods:
        raise Skipped("cash has no rows that belong to others")
    rows = context.ask(orphans(context.warehouse.dataset, parenthoods, context.guids, context.range), "orphans")
    return _sorted_out(context, [_orphan(context, row) for row in rows], _total(rows), mending.replace)


def _orphan(context: Context, row: Row) -> Finding:
    source = SOURCE_OF_TABLE[row["table_name"]]
    rows = count(row["row_count"], "row", "rows")
    objects = count(row["object_count"], "object", "objects")
    return Finding(
        what=f"{rows} of {objects} without a row of the same version in {row['parent_name']} (such as "
        f"{row['example']}).",
        mend=mending.replace([row["business_date"]], [row["restaurant_guid"]], [source]),
        **_place(context, row["restaurant_guid"], row["business_date"]),
        functions=(source,),
        table=row["table_name"],
        count=row["row_count"],
        figures={"rows": row["row_count"], "objects": row["object_count"], "example": row["example"]},
    )


# --- money -------------------------------------------------------------------------------------------


def check_amounts(context: Context) -> Found:
    """Compare the amount of each check with its items and service charges."""
    money = Money.of(context)
    found = _off(context, money, AMOUNT)
    inside, apart = money.counts["discounts_in_prices_count"], money.counts["discounts_apart_count"]
    if inside or apart:
        found.notes.append(
            f"Discounts on whole checks are in the prices of their items already: {inside:,} of {inside + apart:,} "
            + (f"checks; on {apart:,} they come off besides." if apart else "checks.")
        )
    return found


def check_totals(context: Context) -> Found:
    """Compare the total of each check with its amount and tax."""
    return _off(context, Money.of(context), TOTAL)


def payments_of_closed_checks(context: Context) -> Found:
    """Compare the payments of each closed check with its total."""
    money = Money.of(context)
    found = _off(context, money, PAYMENTS)
    paid, apart = money.counts["gratuity_paid_count"], money.counts["gratuity_apart_count"]
    if paid or apart:
        words = f"Payments hold the gratuity of the check: {paid:,} of {paid + apart:,} closed checks with one."
        found.notes.append(words)
    return found


def _off(context: Context, money: Money, rule: Rule) -> Found:
    """What breaks a rule, by restaurant and business date; what does so at Toast too is only noted."""
    judged = money.judge(rule)
    findings = [_off_day(context, money, rule, rows) for _, rows in sorted(judged.failing.items())]
    total = sum(len(rows) for rows in judged.failing.values()) + judged.unlisted
    found = _sorted_out(context, findings, total, mending.replace)
    found.notes += judged.notes
    return found


def _off_day(context: Context, money: Money, rule: Rule, rows: Sequence[Row]) -> Finding:
    first = rows[0]
    guid, date = first["restaurant_guid"], first["business_date"]
    figures, toast = CheckFigures.of_row(first), money.toast_figures(first)
    of_toast = {f"toast_{name}": value for name, value in toast._asdict().items()} if toast else {}
    return Finding(
        what=f"{count(len(rows), 'check', 'checks')}; check {first['check_guid']} of order {first['order_guid']}: "
        f"{rule.words(figures)}{money.toast_words(first, rule)}",
        mend=mending.replace([date], [guid], ["orders"]),
        **_place(context, guid, date),
        functions=("orders",),
        table="fact_checks",
        count=len(rows),
        figures={"checks": len(rows), "order_guid": first["order_guid"], "check_guid": first["check_guid"]}
        | figures._asdict()
        | of_toast,
    )


# --- what was written down ---------------------------------------------------------------------------


def ledger_against_tables(context: Context) -> Found:
    """Compare what business_days tells of each complete day with what the tables hold."""
    statement = days_that_differ_from_their_tables(
        context.warehouse.dataset, context.sources, context.guids, context.dates
    )
    rows = context.ask(statement, "ledger")
    return _sorted_out(context, [_miscounted(context, row) for row in rows], _total(rows), mending.load_again)


def _miscounted(context: Context, row: Row) -> Finding:
    what = f"business_days tells of {row['told_rows']:,} {row['source']}, the tables hold {row['held_rows']:,}"
    if row["source"] == "orders" and row["told_sales"] != row["held_sales"]:
        what += (
            f"; net sales {Decimal(row['told_sales'] or 0):.2f}, in the tables {Decimal(row['held_sales'] or 0):.2f}"
        )
    return Finding(
        what=f"{what}.",
        mend=mending.load_again([row["business_date"]], [row["restaurant_guid"]], [row["source"]]),
        **_place(context, row["restaurant_guid"], row["business_date"]),
        functions=(row["source"],),
        table="business_days",
        figures={name: row[name] for name in ("told_rows", "held_rows", "told_sales", "held_sales", "run_id")},
    )


def no_unresolved_reject(context: Context) -> Found:
    """Find objects that could not be read, and were not read since."""
    statement = unresolved_rejects(context.warehouse.dataset, context.sources, context.guids, context.range)
    rows = context.ask(statement, "rejects")
    return _sorted_out(context, [_rejected(context, row) for row in rows], _total(rows), mending.load_again)


def _rejected(context: Context, row: Row) -> Finding:
    reason = f": {row['reason']}" if row["reason"] else "; etl_rejects tells no more of it"
    return Finding(
        what=f"{count(row['rejects'], 'object', 'objects')} could not be read{reason}. See etl_rejects WHERE run_id = "
        f"'{row['run_id']}'; when the cause is mended, read the day again.",
        mend=mending.load_again([row["business_date"]], [row["restaurant_guid"]], [row["source"]]),
        **_place(context, row["restaurant_guid"], row["business_date"]),
        functions=(row["source"],),
        table="etl_rejects",
        figures={name: row[name] for name in ("rejects", "object_guid", "reason", "run_id")},
    )


# --- Toast says the same -----------------------------------------------------------------------------


def sample_equals_toast(context: Context) -> Found:
    """Fetch some days of orders again from Toast, others each day, and compare every order with the tables."""
    if "orders" not in context.sources:
        raise Skipped("only orders are fetched again")
    if context.toast is None:
        raise Skipped("Toast is not asked here")
    days = _sample(context)
    if not days:
        raise Skipped("no day of orders is complete")
    toast = context.toast()
    guids, dates = {location.restaurant.guid for location, _ in days}, {date for _, date in days}
    held = held_days(context.ask(orders_of_days(context.warehouse.dataset, guids, dates), "sample"))
    found = Found()
    compared: list[str] = []
    for location, date in days:
        day = held[location.restaurant.guid, date]
        try:
            listed = day_again(toast, location, date)
            wrong = [*differences(day, listed, SETTLING), *strangers(toast, location, day, listed, SETTLING)]
        except ToastError as error:
            found.notes.append(f"{location.restaurant.name} {date} could not be fetched again: {error}")
            continue
        compared.append(f"{location.restaurant.name} {date} ({count(len(listed), 'order', 'orders')})")
        if wrong:
            found.findings.append(_unlike_toast(context, location, date, wrong))
    found.notes.append(f"Compared: {', '.join(compared) or 'nothing'}.")
    return found


def _unlike_toast(context: Context, location: Location, date: dt.date, wrong: Sequence[Difference]) -> Finding:
    guid = location.restaurant.guid
    first = "; ".join(f"order {one.order_guid} {one.what}" for one in wrong[:3])
    mend = mending.replace if any(one.needs_replacing for one in wrong) else mending.load_again
    return Finding(
        what=f"{count(len(wrong), 'order differs', 'orders differ')} from Toast: {first}.",
        mend=mend([date], [guid], ["orders"]),
        **_place(context, guid, date),
        functions=("orders",),
        figures={"orders": len(wrong), "order_guid": wrong[0].order_guid},
    )


def _sample(context: Context) -> list[tuple[Location, dt.date]]:
    """Some complete days, of different restaurants where there are several; others on each date of Toast's clock."""
    luck = random.Random(str(context.now.date()))  # noqa: S311 - nobody has to be kept from guessing it
    days: dict[tuple[str, dt.date], Location] = {}
    spans = {location.restaurant.guid: _complete_spans(context, location) for location in context.restaurants}
    locations = [location for location in context.restaurants if spans[location.restaurant.guid]]
    luck.shuffle(locations)
    for location in islice(cycle(locations), context.sample_days):
        guid = location.restaurant.guid
        span = luck.choice(spans[guid])
        days[guid, span.start + dt.timedelta(days=luck.randrange(span.days))] = location
    return [(location, date) for (_, date), location in days.items()]


def _complete_spans(context: Context, location: Location) -> list[Span]:
    span = context.span_of(location)
    return clipped(context.complete.get(("orders", location.restaurant.guid), ()), *span) if span else []


# --- words -------------------------------------------------------------------------------------------


def _sorted_out(context: Context, findings: Sequence[Finding], total: int, mend: Mend) -> Found:
    """Findings, less those of days that a backfill is filling, and one command that mends them all if there is one.

    What is wrong with a day that is not complete, a load that was broken off has left there: loading it mends it.
    """
    found = Found()
    for one in findings:
        source, guid, span = _days_of(one)
        if context.is_complete(source, guid, span):
            found.findings.append(one)
        elif (by := context.filling(source, guid, span)) is not None:
            what = f"{one.what} The day is being filled by {by}."
            wait = f"Wait for {by}, then verify again."
            found.waiting.append(msgspec.structs.replace(one, what=what, mend=wait))
        else:
            what = f"{one.what} The day was not loaded to its end."
            found.findings.append(msgspec.structs.replace(one, what=what, mend=mending.load(span, [guid], [source])))
    found.total = total - sum(one.count for one in found.waiting)
    found.mend = _mend_all(context, found.findings, mend)
    return found


def _mend_all(context: Context, findings: Sequence[Finding], mend: Mend) -> str | None:
    days = [_days_of(one) for one in findings]
    sources, guids = sorted({source for source, _, _ in days}), {guid for _, guid, _ in days}
    if len(days) < 2:
        return None
    if not any(context.is_complete(*one) for one in days):
        span = Span(min(span.start for _, _, span in days), max(span.end for _, _, span in days))
        return mending.load(span, guids, sources)
    dates = {date for _, _, span in days for date in span}
    return mend(dates, guids, sources) if len(dates) <= _MOST_DATES else None


def _days_of(finding: Finding) -> tuple[Source, str, Span]:
    """Whose days a finding of this gate speaks of; each speaks of one source and one restaurant."""
    if finding.start_date is None or finding.end_date is None or finding.restaurant_guid is None:
        raise TypeError(f"no place: {finding}")
    (source,) = (source for source in SOURCES if source in finding.functions)
    return source, finding.restaurant_guid, Span(finding.start_date, finding.end_date)


def _total(rows: Sequence[Row]) -> int:
    return int(rows[0]["total"]) if rows else 0


def _place(context: Context, guid: str, first: dt.date, last: dt.date | None = None) -> dict[str, Any]:
    return {
        "restaurant_guid": guid,
        "restaurant_name": context.names.get(guid),
        "start_date": first,
        "end_date": last or first,
    }
