"""Gate 2, truth inside: no row twice, none without its parent, amounts that add up, and Toast says the same."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from itertools import cycle, islice
from typing import Any, Literal

from backfill.spans import Span, clipped
from backfill.work import Location
from quality import mending
from quality.context import Context
from quality.findings import Finding, Found, Skipped
from quality.toast_again import (
    Answer,
    CheckFigures,
    Difference,
    check_again,
    day_again,
    differences,
    held_days,
    orders_of_days,
    strangers,
)
from quality.truth_statements import (
    FACTS,
    PARENTHOODS,
    checks_that_do_not_add_up,
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
    return _together([_repeated(context, row) for row in rows], _total(rows), mending.replace)


def _repeated(context: Context, row: Row) -> Finding:
    first, last = row["first_date"], row["last_date"]
    source = SOURCE_OF_TABLE[row["table_name"]]
    what = f"{_count(row['key_count'], 'key stands', 'keys stand')} in {row['row_count']} rows"
    if first != last:
        what += ", under more than one business date"
    return Finding(
        what=f"{what} (such as {row['example']}). A load at work shows two versions for seconds: if it stays, mend it.",
        mend=mending.replace((first, last), [row["restaurant_guid"]], [source]),
        **_place(context, row["restaurant_guid"], first, last),
        functions=(source,),
        table=row["table_name"],
        figures={"keys": row["key_count"], "rows": row["row_count"], "example": row["example"]},
    )


def no_orphan(context: Context) -> Found:
    """Find rows without the row that they belong to."""
    parenthoods = [one for source in context.sources for one in PARENTHOODS.get(source, ())]
    if not parenthoods:
        raise Skipped("cash has no rows that belong to others")
    rows = context.ask(orphans(context.warehouse.dataset, parenthoods, context.guids, context.range), "orphans")
    return _together([_orphan(context, row) for row in rows], _total(rows), mending.replace)


def _orphan(context: Context, row: Row) -> Finding:
    source = SOURCE_OF_TABLE[row["table_name"]]
    rows = _count(row["row_count"], "row", "rows")
    objects = _count(row["object_count"], "object", "objects")
    return Finding(
        what=f"{rows} of {objects} without a row of the same version in {row['parent_name']} (such as "
        f"{row['example']}).",
        mend=mending.replace([row["business_date"]], [row["restaurant_guid"]], [source]),
        **_place(context, row["restaurant_guid"], row["business_date"]),
        functions=(source,),
        table=row["table_name"],
        figures={"rows": row["row_count"], "objects": row["object_count"], "example": row["example"]},
    )


# --- money -------------------------------------------------------------------------------------------

Rule = Literal["amount_off", "total_off", "payments_off"]


def check_amounts(context: Context) -> Found:
    """Compare the amount of each check with its items and service charges."""
    money = _Money.of(context)
    found = money.judge("amount_off", _amount_words)
    if counted := money.counts["discounts_in_prices_count"] + money.counts["discounts_apart_count"]:
        inside = money.counts["discounts_in_prices_count"]
        found.notes.append(
            f"Discounts on whole checks are in the prices of their items already: {inside:,} of {counted:,} checks"
            + (f"; on {counted - inside:,} they come off besides." if counted > inside else ".")
        )
    return found


def check_totals(context: Context) -> Found:
    """Compare the total of each check with its amount and tax."""
    return _Money.of(context).judge("total_off", _total_words)


def payments_of_closed_checks(context: Context) -> Found:
    """Compare the payments of each closed check with its total."""
    money = _Money.of(context)
    found = money.judge("payments_off", _payment_words)
    paid, apart = money.counts["gratuity_paid_count"], money.counts["gratuity_apart_count"]
    if paid or apart:
        words = f"Payments hold the gratuity of the check: {paid:,} of {paid + apart:,} closed checks with one."
        found.notes.append(words)
    return found


class _Money:
    """The checks whose amounts do not add up, and what Toast says of them."""

    def __init__(self, context: Context) -> None:
        statement = checks_that_do_not_add_up(context.warehouse.dataset, context.guids, context.range)
        self.counts, *self.rows = context.ask(statement, "money")
        self._context = context
        self._locations = {location.restaurant.guid: location for location in context.restaurants}
        self._answers: dict[str, Answer] = {}
        # The statement gives first what surprises most.
        if context.toast is not None and self.rows:
            toast = context.toast()
            for row in self.rows[: context.sample_orders]:
                self._answers[row["check_guid"]] = check_again(toast, self._locations[row["restaurant_guid"]], row)

    @classmethod
    def of(cls, context: Context) -> _Money:
        """Ask once for all checks of the gate."""
        if "orders" not in context.sources:
            raise Skipped("only orders have checks")
        kept: _Money | None = vars(context).get("_money")
        if kept is None:
            kept = vars(context)["_money"] = cls(context)
        return kept

    def judge(self, rule: Rule, words: Callable[[CheckFigures], str]) -> Found:
        """What breaks a rule, by restaurant and business date; what does so at Toast too is only noted."""
        failing: dict[tuple[str, dt.date], list[Row]] = defaultdict(list)
        same, changed, later = 0, 0, 0
        rows = [row for row in self.rows if row[rule]]
        for row in rows:
            answer = self._answers.get(row["check_guid"])
            if answer is not None and answer.verdict in ("same", "changed"):
                same += answer.verdict == "same"
                changed += answer.verdict == "changed"
            elif rule == "payments_off" and row["changed_later"] and (answer is None or answer.verdict == "unknown"):
                later += 1
            else:
                failing[row["restaurant_guid"], row["business_date"]].append(row)
        unlisted = self.counts[f"{rule}_count"] - len(rows)
        if rule == "payments_off" and all(row["changed_later"] for row in rows[-1:]):
            later, unlisted = later + unlisted, 0
        findings = [self._finding(key, rows, words) for key, rows in sorted(failing.items())]
        total = sum(len(rows) for rows in failing.values()) + unlisted
        found = _together(findings, total, mending.replace)
        if same:
            found.notes.append(
                f"{_count(same, 'check does', 'checks do')} not add up at Toast either: nothing to mend."
            )
        if changed:
            found.notes.append(f"{_count(changed, 'check was', 'checks were')} changed at Toast since: the next run.")
        if later:
            found.notes.append(
                f"{_count(later, 'closed check was', 'closed checks were')} changed after closing, and the payments "
                "were not; Toast was not asked about "
                f"{'it' if later == 1 else 'them'}."
            )
        return found

    def _finding(self, key: tuple[str, dt.date], rows: Sequence[Row], words: Callable[[CheckFigures], str]) -> Finding:
        guid, date = key
        first = rows[0]
        answer = self._answers.get(first["check_guid"])
        what = f"{_count(len(rows), 'check', 'checks')}; check {first['check_guid']} of order {first['order_guid']}: "
        what += words(CheckFigures.of_row(first)) + _toast_words(answer, words)
        figures = CheckFigures.of_row(first)._asdict()
        toast = {
            f"toast_{name}": value
            for name, value in (answer.figures._asdict() if answer and answer.figures else {}).items()
        }
        return Finding(
            what=what,
            mend=mending.replace([date], [guid], ["orders"]),
            **_place(self._context, guid, date),
            functions=("orders",),
            table="fact_checks",
            figures={"checks": len(rows), "order_guid": first["order_guid"], "check_guid": first["check_guid"]}
            | figures
            | toast,
        )


def _amount_words(figures: CheckFigures) -> str:
    less = f" − discounts {figures.discounts:.2f}" if figures.discounts else ""
    return f"items {figures.items:.2f} + charges {figures.charges:.2f}{less}, amount {figures.amount:.2f}"


def _total_words(figures: CheckFigures) -> str:
    return f"amount {figures.amount:.2f} + tax {figures.tax_amount:.2f}, total {figures.total_amount:.2f}"


def _payment_words(figures: CheckFigures) -> str:
    gratuity = f" + gratuity {figures.gratuity:.2f}" if figures.gratuity else ""
    return f"payments {figures.payments:.2f}, total {figures.total_amount:.2f}{gratuity}"


def _toast_words(answer: Answer | None, words: Callable[[CheckFigures], str]) -> str:
    if answer is None or answer.verdict == "unknown":
        return ". Toast was not asked."
    if answer.verdict == "gone" or answer.figures is None:
        return ". Toast has no such check."
    return f". Toast says: {words(answer.figures)}."


# --- what was written down ---------------------------------------------------------------------------


def ledger_against_tables(context: Context) -> Found:
    """Compare what business_days tells of each complete day with what the tables hold."""
    statement = days_that_differ_from_their_tables(
        context.warehouse.dataset, context.sources, context.guids, context.dates
    )
    rows = context.ask(statement, "ledger")
    return _together([_miscounted(context, row) for row in rows], _total(rows), mending.load_again)


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
    return _together([_rejected(context, row) for row in rows], _total(rows), mending.load_again)


def _rejected(context: Context, row: Row) -> Finding:
    reason = f": {row['reason']}" if row["reason"] else "; etl_rejects tells no more of it"
    return Finding(
        what=f"{_count(row['rejects'], 'object', 'objects')} could not be read{reason}. See etl_rejects WHERE run_id = "
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
        compared.append(f"{location.restaurant.name} {date} ({_count(len(listed), 'order', 'orders')})")
        if wrong:
            found.findings.append(_unlike_toast(context, location, date, wrong))
    found.notes.append(f"Compared: {', '.join(compared) or 'nothing'}.")
    return found


def _unlike_toast(context: Context, location: Location, date: dt.date, wrong: Sequence[Difference]) -> Finding:
    guid = location.restaurant.guid
    first = "; ".join(f"order {one.order_guid} {one.what}" for one in wrong[:3])
    mend = mending.replace if any(one.needs_replacing for one in wrong) else mending.load_again
    return Finding(
        what=f"{_count(len(wrong), 'order differs', 'orders differ')} from Toast: {first}.",
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


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _together(findings: Sequence[Finding], total: int, mend: Mend) -> Found:
    """Findings, and one command that mends them all, where they are not too many days."""
    found = Found([*findings], total=total)
    dates = {date for one in findings for date in (one.start_date, one.end_date) if date}
    if len(findings) > 1 and len(dates) <= _MOST_DATES:
        guids = {one.restaurant_guid for one in findings if one.restaurant_guid}
        found.mend = mend(dates, guids, sorted({source for one in findings for source in one.functions}))
    return found


def _total(rows: Sequence[Row]) -> int:
    return int(rows[0]["total"]) if rows else 0


def _place(context: Context, guid: str, first: dt.date, last: dt.date | None = None) -> dict[str, Any]:
    return {
        "restaurant_guid": guid,
        "restaurant_name": context.names.get(guid),
        "start_date": first,
        "end_date": last or first,
    }
