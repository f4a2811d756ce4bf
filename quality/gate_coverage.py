"""Gate 1, coverage: every business date of every restaurant is there for good, from each function."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from history.spans import Span, clipped, days_in, spans_of, without
from history.units import FUNCTION_OF, Location, Source
from quality import mending
from quality.context import Context
from quality.findings import Figure, Finding, Found
from quality.truth_statements import Range
from shared.run_tables import BUSINESS_DAYS
from shared.statements import Parameter, Statement

MISSING = "never loaded"
PROVISIONAL = "provisional"
_WHY = {
    "day_not_over": "read before it was over",
    "nightly_close_pending": "read before its nightly close",
    "only_changes_read": "only changes of it were read",
}

Gap = tuple[str, str, Span]
"""A restaurant, what is the matter, and business dates."""


def every_day_is_final(context: Context) -> Found:
    """Find the business dates that are missing or provisional, as ranges."""
    found = Found()
    gaps: dict[Gap, list[Source]] = defaultdict(list)
    waiting: dict[tuple[Gap, str], list[Source]] = defaultdict(list)
    half_read: Mapping[tuple[str, str], Mapping[str, list[Span]]] | None = None
    days = looked_at = 0
    for location in context.restaurants:
        guid = location.restaurant.guid
        if location.first_business_date is None and context.start_date is None:
            found.findings.append(_no_first_date(location))
            continue
        spans = context.spans_of(location)
        looked_at += days_in(spans)
        for source in context.sources:
            left = without(spans, context.complete.get((source, guid), ()))
            if left and half_read is None:
                half_read = _half_read(context)
            for what, gap in _told_apart(left, (half_read or {}).get((source, guid), {})):
                for part, backfill in _by_backfill(context, source, guid, gap):
                    if backfill is None:
                        days += part.days
                        gaps[guid, what, part].append(source)
                    else:
                        waiting[(guid, what, part), backfill].append(source)
    found.findings += [_gap(context, gap, sources) for gap, sources in sorted(gaps.items())]
    found.waiting = [_gap(context, gap, sources, by) for (gap, by), sources in sorted(waiting.items())]
    if not looked_at and not found.findings:
        found.findings.append(_nothing_to_look_at(context))
    found.total = days + len(found.findings) - len(gaps)
    found.mend = _mend_all(context, [*gaps])
    found.notes += _not_over(context)
    return found


def _half_read(context: Context) -> Mapping[tuple[str, str], Mapping[str, list[Span]]]:
    """By source and restaurant, and by reason, the dates that were read and never became complete."""
    statement = provisional_days(context.warehouse.dataset, context.sources, context.guids, context.range)
    dates: dict[tuple[str, str], dict[str, list[dt.date]]] = defaultdict(lambda: defaultdict(list))
    for row in context.ask(statement, "provisional"):
        dates[row["source"], row["restaurant_guid"]][row["reason"] or ""].append(row["business_date"])
    return {key: {reason: spans_of(found) for reason, found in reasons.items()} for key, reasons in dates.items()}


def _told_apart(gaps: Sequence[Span], half_read: Mapping[str, Sequence[Span]]) -> Iterator[tuple[str, Span]]:
    """The gaps, divided into what was read too early, for each reason, and what was never read."""
    left = list(gaps)
    for reason, spans in half_read.items():
        for gap in gaps:
            for span in clipped(spans, gap.start, gap.end):
                yield f"{PROVISIONAL}: {_WHY.get(reason, reason)}" if reason else PROVISIONAL, span
        left = without(left, spans)
    for span in left:
        yield MISSING, span


def _by_backfill(context: Context, source: Source, guid: str, gap: Span) -> Iterator[tuple[Span, str | None]]:
    """The parts of a gap, each with the running backfill that is filling it, or None."""
    left = [gap]
    for one in context.running:
        if FUNCTION_OF[source] in one.functions and guid in one.restaurants:
            for part in left:
                for span in clipped([one.span], part.start, part.end):
                    yield span, one.backfill_id
            left = without(left, [one.span])
    for part in left:
        yield part, None


def _gap(context: Context, gap: Gap, sources: Sequence[Source], backfill_id: str | None = None) -> Finding:
    guid, what, span = gap
    days = f"{span.days:,} business date{'' if span.days == 1 else 's'} {what}"
    figures: dict[str, Figure] = {"days": span.days, "state": what.partition(":")[0]}
    return Finding(
        what=f"{days}; being filled by {backfill_id}." if backfill_id else f"{days}.",
        mend=f"Wait for {backfill_id}, then verify again." if backfill_id else mending.load(span, [guid], sources),
        restaurant_guid=guid,
        restaurant_name=context.names.get(guid),
        start_date=span.start,
        end_date=span.end,
        functions=tuple(sources),
        figures=figures | ({"backfill_id": backfill_id} if backfill_id else {}),
    )


def _no_first_date(location: Location) -> Finding:
    return Finding(
        what="Nobody has told yet when its history begins: its configuration was never loaded, or Toast does not say.",
        mend="Set first_business_date in restaurants.toml, or: python backfill_all.py run --start-date YYYY-MM-DD "
        f"--end-date YYYY-MM-DD --restaurants {location.restaurant.guid}",
        restaurant_guid=location.restaurant.guid,
        restaurant_name=location.restaurant.name,
    )


def _nothing_to_look_at(context: Context) -> Finding:
    last = max(location.last_final(context.now) for location in context.restaurants)
    return Finding(
        what=f"None of the business dates asked for can be final yet: the newest that is, anywhere, is {last}.",
        mend=f"python backfill_all.py verify --gate 1 --end-date {last}",
        start_date=context.first,
        end_date=context.last,
    )


def _mend_all(context: Context, gaps: Sequence[Gap]) -> str | None:
    if len(gaps) < 2:
        return None
    span = Span(min(gap.start for _, _, gap in gaps), max(gap.end for _, _, gap in gaps))
    guids = {guid for guid, _, _ in gaps}
    return mending.load(span, [] if guids == context.names.keys() else guids, context.sources)


def _not_over(context: Context) -> list[str]:
    """What of the dates asked for cannot be final yet."""
    if context.end_date is None:
        return []
    early = [one for one in context.restaurants if one.last_final(context.now) < context.end_date]
    if not early:
        return []
    last = min(one.last_final(context.now) for one in early)
    where = early[0].restaurant.name if len(early) == 1 else f"{len(early):,} restaurants"
    days = days_in([Span(last + dt.timedelta(days=1), context.end_date)])
    return [f"{days} of the business dates asked for, after {last}, cannot be final yet at {where}: not counted."]


def provisional_days(dataset: str, sources: Sequence[str], guids: Parameter, span: Range) -> Statement:
    """Business dates that were read and never became complete, with the reason that the newest reading gives."""
    sql = f"""SELECT source, restaurant_guid, business_date, reason
FROM (
  SELECT
    source, restaurant_guid, business_date, reason,
    LOGICAL_OR(complete) OVER (PARTITION BY source, restaurant_guid, business_date) AS was_complete
  FROM `{dataset}.{BUSINESS_DAYS.name}`
  WHERE business_date BETWEEN @start AND @end AND restaurant_guid IN UNNEST(@restaurants)
    AND source IN UNNEST(@sources)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, restaurant_guid, business_date ORDER BY read_at DESC, run_id) = 1
)
WHERE NOT was_complete
ORDER BY source, restaurant_guid, business_date"""
    return Statement(sql, (guids, *span, Parameter("sources", "STRING", tuple(sources))))
