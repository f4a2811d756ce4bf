"""Business dates: turning a restaurant's trading day into instants, and back.

Toast's rule (developer guide, "business date"): a business day begins at the restaurant's closeout hour
(local time, 0 to 12, 4 by default) and ends at the next day's; what happens before the closeout hour
belongs to the date before. The restaurant's time zone decides, so a day can last 23 or 25 hours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

# Toast opened its first restaurants in 2012; BigQuery's daily partitions end in 2159.
FIRST_BUSINESS_DATE, LAST_BUSINESS_DATE = dt.date(2012, 1, 1), dt.date(2159, 12, 31)

# The nightly close captures cards and closes paid orders some time after the closeout hour; Toast does
# not say how long after. A day read before this much time has passed may still be changed by it. Processing
# fees can come later still (Toast advises to pull payments 6 hours after): such an order counts as changed.
NIGHTLY_CLOSE = dt.timedelta(hours=3)


class TradingHours(msgspec.Struct, frozen=True, cache_hash=True):
    """What places an instant on a business date: IANA time zone, and closeout hour in local time."""

    timezone: str
    closeout_hour: int

    def start(self, business_date: dt.date) -> dt.datetime:
        """The instant (UTC) at which a business date begins.

        A closeout hour that the clocks skip in spring is the first instant after the gap of an hour; one
        that comes twice in autumn is the first of the two.
        """
        return _bounds(self, business_date)[0]

    def end(self, business_date: dt.date) -> dt.datetime:
        """The instant (UTC) at which a business date is over: the start of the next one."""
        return _bounds(self, business_date)[1]

    def contains(self, business_date: dt.date, instant: dt.datetime) -> bool:
        """Whether an aware instant belongs to a business date."""
        start, end = _bounds(self, business_date)
        return start <= instant < end

    def business_date(self, instant: dt.datetime) -> dt.date:
        """The business date to which an aware instant belongs."""
        local = instant.astimezone(ZoneInfo(self.timezone)).date()
        return local if self.start(local) <= instant else local - dt.timedelta(days=1)

    def is_final(self, business_date: dt.date, now: dt.datetime) -> bool:
        """Whether at ``now`` the day is over and its nightly close has passed too."""
        return now >= self.end(business_date) + NIGHTLY_CLOSE

    def last_finished(self, now: dt.datetime) -> dt.date:
        """The newest business date that is over at ``now``."""
        return self.business_date(now) - dt.timedelta(days=1)


@lru_cache(maxsize=4096)
def _bounds(hours: TradingHours, business_date: dt.date) -> tuple[dt.datetime, dt.datetime]:
    return _start(hours, business_date), _start(hours, business_date + dt.timedelta(days=1))


def _start(hours: TradingHours, business_date: dt.date) -> dt.datetime:
    local = dt.datetime.combine(business_date, dt.time(hours.closeout_hour), ZoneInfo(hours.timezone))
    return local.astimezone(dt.UTC)


def dates_between(start: dt.date, end: dt.date) -> Iterator[dt.date]:
    """Every date from ``start`` to ``end``, both included."""
    for offset in range((end - start).days + 1):
        yield start + dt.timedelta(days=offset)


@lru_cache(maxsize=4096)
def from_toast_date(yyyymmdd: int) -> dt.date:
    """The date that Toast writes as a number, 20260221. Raises ValueError when it is none."""
    return dt.date(yyyymmdd // 10_000, yyyymmdd // 100 % 100, yyyymmdd % 100)
