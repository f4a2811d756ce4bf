"""What the gates work with: whose data, which days, and who may be asked."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from history.ledger import Ledger, Running
from history.spans import Span, clipped, united, without
from history.units import FUNCTION_OF, SOURCES, Complete, Location, Source
from shared.bigquery_utils import Warehouse
from shared.config import Settings, Tenant
from shared.date_utils import FIRST_BUSINESS_DATE, dates_between
from shared.statements import Parameter, Statement
from shared.toast_client import ToastClient

Trial = Callable[[Source, Location, dt.date], str | None]
"""Calls a function for one restaurant and one business date: None when it succeeded, else why it did not."""


class Context(msgspec.Struct, kw_only=True, dict=True):
    """What is to be verified, and with what. ``restaurants`` are all or some of the tenant's."""

    tenant: Tenant
    restaurants: Sequence[Location]
    warehouse: Warehouse
    settings: Settings
    now: dt.datetime
    """On Toast's clock (UTC)."""
    start_date: dt.date | None = None
    """First business date; None: each restaurant's own first."""
    end_date: dt.date | None = None
    """Last business date, included; None: the last one that is final."""
    spans: Sequence[Span] = ()
    """Where only some of these dates were asked for, which; other days may be missing."""
    sources: tuple[Source, ...] = SOURCES
    toast: Callable[[], ToastClient] | None = None
    """Makes the tenant's Toast client, or raises ConfigurationError; None: Toast is not to be asked."""
    trial: Trial | None = None
    place: str = ""
    """The options that say where all this is, for the commands that mend something."""
    backfill_id: str | None = None
    """The backfill that verifies its own work: nothing waits for it."""
    sample_days: int = 3
    """How many days of orders gate 2 fetches again from Toast."""
    sample_orders: int = 40
    """How many orders, of those that do not add up, it fetches again."""

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The restaurants' names by GUID."""
        return {location.restaurant.guid: location.restaurant.name for location in self.restaurants}

    @cached_property
    def guids(self) -> Parameter:
        """The restaurants as the parameter @restaurants."""
        return Parameter("restaurants", "STRING", tuple(sorted(self.names)))

    @cached_property
    def first(self) -> dt.date:
        """The first business date that any statement has to look at."""
        known = [location.first_business_date for location in self.restaurants]
        if self.start_date is not None:
            return self.start_date
        return min((date for date in known if date), default=FIRST_BUSINESS_DATE)

    @cached_property
    def last(self) -> dt.date:
        """The last business date that any statement has to look at."""
        return self.end_date or max(location.last_final(self.now) for location in self.restaurants)

    @cached_property
    def range(self) -> tuple[Parameter, Parameter]:
        """These dates as the parameters @start and @end."""
        return Parameter("start", "DATE", self.first), Parameter("end", "DATE", self.last)

    @cached_property
    def dates(self) -> list[dt.date]:
        """Every date of the range."""
        return list(dates_between(self.first, self.last))

    def span_of(self, location: Location) -> Span | None:
        """The business dates of a restaurant that have to be there: since its first, as far as they are final."""
        start = max(filter(None, (self.start_date, location.first_business_date)), default=self.first)
        spans = clipped([Span(start, location.last_final(self.now))], start, self.last)
        return spans[0] if spans and spans[0].start <= spans[0].end else None

    def spans_of(self, location: Location) -> list[Span]:
        """The same, less what was not asked for."""
        span = self.span_of(location)
        if span is None:
            return []
        return clipped(united(self.spans), *span) if self.spans else [span]

    @cached_property
    def complete(self) -> Complete:
        """By source and restaurant the business dates that are complete. Raises WarehouseError."""
        return Ledger(self.warehouse).complete(self.sources, self.first, self.last)

    @cached_property
    def running(self) -> list[Running]:
        """The other backfills that are under way. Raises WarehouseError."""
        return [one for one in Ledger(self.warehouse).running() if one.backfill_id != self.backfill_id]

    def is_complete(self, source: str, guid: str, span: Span) -> bool:
        """Whether all of some business dates is there for good. Raises WarehouseError."""
        return not without([span], self.complete.get((source, guid), ()))

    def filling(self, source: Source, guid: str, span: Span) -> str | None:
        """The running backfill, if any, that fills some of these business dates. Raises WarehouseError."""
        for one in self.running:
            is_meant = FUNCTION_OF[source] in one.functions and guid in one.restaurants
            if is_meant and clipped([one.span], *span):
                return one.backfill_id
        return None

    def ask(self, statement: Statement, step: str) -> list[dict[str, Any]]:
        """The rows of a statement. Raises WarehouseError."""
        return self.warehouse.run(statement, f"verify-{uuid.uuid4().hex}-{step}").rows
