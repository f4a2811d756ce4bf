"""What is loaded: units of one function, one restaurant and some business dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from history.spans import Span
from shared.config import Restaurant
from shared.date_utils import TradingHours

Source = Literal["orders", "cash", "labor"]

SOURCES: tuple[Source, ...] = ("orders", "cash", "labor")
FUNCTION_OF: Mapping[str, str] = {"orders": "orders_daily", "cash": "cash_daily", "labor": "labor_daily"}
SOURCE_OF: Mapping[str, Source] = {"orders_daily": "orders", "cash_daily": "cash", "labor_daily": "labor"}
CONFIGURATION = "config_weekly"

# Where nobody has told the hours of a restaurant yet, a business date counts as over only when it is over
# everywhere in the United States. A day asked for too late comes with the daily run; one too early is provisional.
UNKNOWN_HOURS = TradingHours("Pacific/Honolulu", 12)


class Unit(NamedTuple):
    """One call that has to succeed. Without dates: a reading of the configuration, of all restaurants."""

    function: str
    restaurant_guid: str
    span: Span | None

    def body(self, tenant: str, start: dt.date | None = None) -> dict[str, str]:
        """The body of the HTTP call; ``start`` where an earlier one has done the days before."""
        body = {"restaurant_guid": self.restaurant_guid, "tenant": tenant}
        if self.span is not None:
            body |= {"start_date": str(start or self.span.start), "end_date": str(self.span.end)}
        return body

    def __str__(self) -> str:
        return f"{self.function} {self.span}" if self.span else self.function


class Location(msgspec.Struct, frozen=True):
    """What is known of a restaurant when work is planned."""

    restaurant: Restaurant
    hours: TradingHours
    first_business_date: dt.date | None = None
    hours_known: bool = True

    def last_final(self, now: dt.datetime) -> dt.date:
        """The newest business date that was over at ``now`` (UTC), its nightly close past."""
        date = self.hours.last_finished(now)
        return date if self.hours.is_final(date, now) else date - dt.timedelta(days=1)


Complete = Mapping[tuple[str, str], Sequence[Span]]
"""By source and restaurant the business dates that are complete."""
