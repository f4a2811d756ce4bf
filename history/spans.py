"""Spans of business dates: what is wanted, less what is there, cut into pieces."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple

DAY = dt.timedelta(days=1)


class Span(NamedTuple):
    """Business dates from ``start`` to ``end``, both included."""

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        """How many dates it holds."""
        return (self.end - self.start).days + 1

    def __str__(self) -> str:
        return f"{self.start}" if self.start == self.end else f"{self.start} to {self.end}"


def united(spans: Iterable[Span]) -> list[Span]:
    """The same dates as few spans, in order; what touches or overlaps becomes one."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end + DAY:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def spans_of(dates: Iterable[dt.date]) -> list[Span]:
    """Single dates as spans."""
    return united(Span(date, date) for date in dates)


def clipped(spans: Iterable[Span], start: dt.date, end: dt.date) -> list[Span]:
    """The part of some spans that lies between two dates, both included."""
    return [
        Span(max(span.start, start), min(span.end, end)) for span in spans if span.start <= end and span.end >= start
    ]


def without(wanted: Iterable[Span], present: Iterable[Span]) -> list[Span]:
    """The dates of ``wanted`` that ``present`` lacks."""
    left: list[Span] = []
    holes = united(present)
    for span in united(wanted):
        start = span.start
        for hole in holes:
            if hole.end < start:
                continue
            if hole.start > span.end:
                break
            if hole.start > start:
                left.append(Span(start, hole.start - DAY))
            start = hole.end + DAY
        if start <= span.end:
            left.append(Span(start, span.end))
    return left


def cut(spans: Iterable[Span], days: int) -> Iterator[Span]:
    """The spans in pieces of so many days at most."""
    for span in spans:
        start = span.start
        while start <= span.end:
            end = min(span.end, start + (days - 1) * DAY)
            yield Span(start, end)
            start = end + DAY


def days_in(spans: Iterable[Span]) -> int:
    """How many dates the spans hold."""
    return sum(span.days for span in spans)
