"""The daily summary as a person reads it: one headline, a table of restaurants, then what needs a look.

It is written for Slack (mrkdwn), and reads as plain text too.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from shared.summary import RestaurantDay, Summary

# Slack cuts a message off at 40,000 characters; nobody reads that much. What is not well is shown first.
MOST_RESTAURANTS = 40
MOST_PROBLEMS = 15
_LONGEST_NAME = 28
_LONGEST_ERROR = 160


def headline(summary: Summary) -> str:
    """The summary in one line: "12 of 13 restaurants complete, 1,234 orders, USD 45,678.90 net sales, 2 rejects"."""
    stale = len({one.restaurant_guid for one in summary.stale})
    overdue = len({(day.restaurant_guid, day.business_date) for day in summary.overdue})
    parts = [
        f"{summary.complete} of {_count(len(summary.days), 'restaurant')} complete",
        _count(summary.orders, "order"),
        *([f"{_sales(summary.net_sales)} net sales"] if summary.net_sales else []),
        *([_count(summary.rejects, "reject")] if summary.rejects else []),
        *([f"{_count(summary.drift, 'kind')} of drift"] if summary.drift else []),
        *([f"{_count(stale, 'restaurant')} stale"] if stale else []),
        *([f"{_count(overdue, 'day')} overdue"] if overdue else []),
    ]
    return ", ".join(parts)


def message(summary: Summary) -> str:
    """The whole message."""
    problems = list(_problems(summary))
    more = len(problems) - MOST_PROBLEMS
    lines = [
        f"*{_plain(headline(summary))}*",
        _dates(day.business_date for day in summary.days),
        "```",
        *map(_plain, _table(summary.days)),
        "```",
        *(f"• {_plain(problem)}" for problem in problems[:MOST_PROBLEMS]),
        *([f"• … and {more} more: see the log of daily_summary."] if more > 0 else []),
        *([_held_back(summary)] if summary.held_back else []),
    ]
    return "\n".join(lines)


def _table(days: list[RestaurantDay]) -> Iterator[str]:
    in_order = sorted(days, key=lambda day: (day.complete, not (day.rejects or day.drift)))
    shown = in_order[:MOST_RESTAURANTS]
    width = max((len(_name(day)) for day in shown), default=0)
    yield f"{'':{width}}  {'orders':>7}  {'net sales':>14}  {'rejects':>7}  {'drift':>5}"
    for day in shown:
        orders = "-" if day.orders is None else f"{day.orders:,}"
        sales = "-" if day.net_sales is None else _amount(day.currency or "", day.net_sales)
        line = f"{_name(day):{width}}  {orders:>7}  {sales:>14}  {day.rejects:>7}  {day.drift:>5}  {_state(day)}"
        yield line.rstrip()
    hidden = in_order[MOST_RESTAURANTS:]
    if hidden:
        orders_of_hidden = sum(day.orders or 0 for day in hidden)
        complete = sum(day.complete for day in hidden)
        yield f"… and {_count(len(hidden), 'restaurant')} more, {complete} complete, {orders_of_hidden:,} orders"


def _state(day: RestaurantDay) -> str:
    """Complete, or what is not; and if the day was no ordinary one, what it was."""
    status = (day.status if day.reason is None else f"{day.status}: {day.reason}").replace("_", " ")
    if day.complete:
        return "complete" if day.status == "open" else f"complete ({status})"
    return f"NOT COMPLETE: {', '.join(day.incomplete_sources)} ({status})"


def _problems(summary: Summary) -> Iterator[str]:
    """One line for each restaurant that is stale, and for each of its days that are overdue."""
    stale = defaultdict(list)
    for one in summary.stale:
        since = "35 days and more" if one.hours is None else _hours(one.hours)
        error = f": {one.last_error[:_LONGEST_ERROR]}" if one.last_error else ""
        stale[one.name, f"for {since}{error}"].append(one.function)
    for (name, since), functions in stale.items():
        yield f"{name}: no success of {', '.join(functions)} {since}"
    overdue = defaultdict(list)
    for day in summary.overdue:
        what = day.status if day.reason is None else f"{day.status} ({day.reason})"
        overdue[day.name, day.business_date, what.replace("_", " ")].append(day.source)
    for (name, date, what), sources in overdue.items():
        yield f"{name}, {date}: {', '.join(sources)} {what}"


def _held_back(summary: Summary) -> str:
    return (
        f"_{_count(summary.held_back, 'late thing')} not told: {_plain(', '.join(summary.backfills))} "
        f"{'is' if len(summary.backfills) == 1 else 'are'} filling them._"
    )


def _dates(dates: Iterable[dt.date]) -> str:
    """One date, such as "Friday, 20 November 2026"; or the first and the last where restaurants differ."""
    several = sorted(set(dates))
    first, last = (f"{day:%A}, {day.day} {day:%B %Y}" for day in (several[0], several[-1]))
    return first if first == last else f"{first} to {last}"


def _hours(hours: float) -> str:
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"


def _sales(sales: Mapping[str, Decimal]) -> str:
    return " + ".join(_amount(currency, amount) for currency, amount in sales.items())


def _amount(currency: str, amount: Decimal) -> str:
    return f"{currency} {amount:,.2f}".strip()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _name(day: RestaurantDay) -> str:
    return day.name if len(day.name) <= _LONGEST_NAME else day.name[: _LONGEST_NAME - 1] + "…"


def _plain(text: str) -> str:
    """Slack reads these three characters as its own; and a fence would end the table."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("```", "'''")
