"""What nobody has asked for yet: restaurants that are new, restaurants that are gone, histories with holes.

Toast tells which restaurants the account has, restaurants.toml which are wanted, the warehouse which business dates
are complete. Where these disagree there is something to do, and each finding comes with the command that does it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from backfill.restaurants_file import as_toml
from backfill.survey import Survey, survey
from backfill.work import Wanted, spans_wanted
from history.ledger import Ledger
from history.spans import Span, days_in, without
from history.units import SOURCES, Location, Source
from quality.mending import at, load, load_missing
from quality.thresholds import Suggestion, suggestions
from shared.bigquery_utils import Warehouse
from shared.concurrency import side_by_side
from shared.config import Restaurant, Tenant
from shared.date_utils import TradingHours
from shared.errors import ConfigurationError, ToastError, ToastRefused
from shared.run_tables import ETL_BACKFILL_UNITS
from shared.toast_client import ToastClient, Usage
from shared.toast_partners import ListedRestaurant, Listing, listed_restaurants, restaurant_of

ASKED_AT_ONCE = 8


class NewRestaurant(msgspec.Struct):
    """In the Toast account, and not in restaurants.toml."""

    guid: str
    name: str
    timezone: str | None
    first_business_date: dt.date | None
    """None where Toast does not tell: then restaurants.toml has to."""
    toml: str
    run: str


class GoneRestaurant(msgspec.Struct):
    """In restaurants.toml, and not in the Toast account any more."""

    guid: str
    name: str


class WithoutHistory(msgspec.Struct):
    """Configured, and nothing is loaded; ``first_business_date`` is None where nobody tells it."""

    guid: str
    name: str
    first_business_date: dt.date | None
    days: int
    run: str


class Gap(msgspec.Struct):
    """Business dates of one source that are missing between the first and the last that is final."""

    guid: str
    name: str
    source: Source
    days: int
    missing: list[Span]
    run: str
    first_date_known: bool
    """Whether somebody tells when the history begins; else it is looked at from the first date that is loaded."""


class Detected(msgspec.Struct, kw_only=True):
    """All that was found; ``as_of`` on Toast's clock (UTC)."""

    tenant: str
    as_of: dt.datetime
    configured: int
    listed: int | None
    """Restaurants that Toast lists; None where it did not tell, and ``problem`` says why."""
    told_by: str = ""
    problem: str | None = None
    new: list[NewRestaurant] = []
    gone: list[GoneRestaurant] = []
    without_history: list[WithoutHistory] = []
    gaps: list[Gap] = []
    runs: list[str] = []
    """The commands that fill all of it."""
    under_way: list[str] = []
    """Backfills that may be filling some of it."""
    suggestions: list[Suggestion] = []

    @property
    def is_something(self) -> bool:
        """Whether there is something to do, or to find out."""
        return bool(self.problem or self.new or self.gone or self.without_history or self.gaps)

    @property
    def fillable(self) -> list[str]:
        """GUIDs of the configured restaurants of which something is missing, and it is known since when."""
        empty = [one.guid for one in self.without_history if one.first_business_date]
        return list(dict.fromkeys(empty + [one.guid for one in self.gaps if one.first_date_known]))


class Detector:
    """Looks at one tenant. ``place`` are the options to add to the commands that it gives."""

    def __init__(
        self,
        tenant: Tenant,
        tenants: Mapping[str, Tenant],
        sources: Sequence[Source],
        warehouse: Warehouse | None,
        now: dt.datetime,
        *,
        place: str = "",
    ) -> None:
        self._tenant = tenant
        self._configured = {one.guid for each in tenants.values() for one in each.restaurants}
        self._sources = tuple(sources)
        self._warehouse = warehouse
        self._now = now
        self._place = place
        self._usage = Usage()

    def look(self, connect: Callable[[], ToastClient]) -> Detected:
        """Compare Toast, restaurants.toml and the warehouse.

        When Toast does not tell, or cannot be asked, the result's ``problem`` says why, and the rest is looked at.
        Raises WarehouseError.
        """
        restaurants = self._tenant.restaurants
        client, listing, problem = self._listing(connect)
        found = Detected(
            tenant=self._tenant.name,
            as_of=self._now,
            configured=len(restaurants),
            listed=len(listing.names) if listing else None,
            told_by=listing.told_by if listing else "",
            problem=problem,
        )
        if listing and client:
            found.new = self._new(client, listing)
            found.gone = [GoneRestaurant(one.guid, one.name) for one in restaurants if one.guid not in listing.names]
        gone = {one.guid for one in found.gone}
        wanted = Wanted(self._sources, None)
        surveyed = survey(self._tenant, restaurants, wanted, self._warehouse, self._now)
        asked = [one for one in surveyed.locations if one.restaurant.guid not in gone]
        for location in side_by_side(lambda one: self._described(client, one), asked, ASKED_AT_ONCE):
            self._add_missing(found, location, surveyed, wanted)
        found.runs = self._runs(found)
        self._look_around(found, restaurants)
        return found

    # --- Toast and restaurants.toml --------------------------------------------------------------------

    def _listing(self, connect: Callable[[], ToastClient]) -> tuple[ToastClient | None, Listing | None, str | None]:
        client = None
        try:
            client = connect()
            guids = [restaurant.guid for restaurant in self._tenant.restaurants]
            return client, listed_restaurants(client, guids, self._usage), None
        except (ToastRefused, ConfigurationError) as error:
            return client, None, str(error)
        except ToastError as error:  # out of reach: not to be asked about each restaurant too
            return None, None, str(error)

    def _new(self, client: ToastClient, listing: Listing) -> list[NewRestaurant]:
        def describe(guid: str) -> ListedRestaurant:
            try:
                told = restaurant_of(client, guid, self._usage)
            except ToastRefused:  # such as: connected a few minutes ago
                return ListedRestaurant(guid=guid, name=listing.names[guid] or guid)
            return msgspec.structs.replace(told, name=listing.names[guid] or told.name)

        ordered = [guid for guid in listing.names if guid not in self._configured]
        return [
            NewRestaurant(
                one.guid,
                one.name,
                one.timezone,
                one.first_business_date,
                as_toml(self._tenant.name, [one]),
                self._run([one.guid], self._sources),
            )
            for one in side_by_side(describe, ordered, ASKED_AT_ONCE)
        ]

    # --- restaurants.toml and the warehouse ------------------------------------------------------------

    def _described(self, client: ToastClient | None, location: Location) -> Location:
        """With what Toast says of the restaurant's days, where the warehouse does not know them yet."""
        if client is None or (location.hours_known and location.first_business_date):
            return location
        own = location.restaurant
        try:
            told = client.restaurant(
                own.guid, usage=self._usage, timezone=own.timezone, closeout_hour=own.closeout_hour
            )
        except (ToastError, ConfigurationError):
            return location
        first = location.first_business_date or told.first_business_date
        return Location(own, TradingHours(told.timezone, told.closeout_hour), first)

    def _add_missing(self, found: Detected, location: Location, surveyed: Survey, wanted: Wanted) -> None:
        own = location.restaurant
        complete = {source: surveyed.complete.get((source, own.guid), ()) for source in self._sources}
        first = location.first_business_date or min(
            (spans[0].start for spans in complete.values() if spans), default=None
        )
        if not any(complete.values()):
            days = days_in(spans_wanted(location, wanted, self._now)) if first else 0
            if days or not first:
                run = self._run([own.guid], self._sources)
                found.without_history.append(WithoutHistory(own.guid, own.name, first, days, run))
            return
        spans = spans_wanted(msgspec.structs.replace(location, first_business_date=first), wanted, self._now)
        for source in self._sources:
            missing = without(spans, complete[source])
            if not missing:
                continue
            known = location.first_business_date is not None
            whole = Span(missing[0].start, missing[-1].end)
            by_dates = at(load(whole, [own.guid], [source]), self._place)
            run = self._run([own.guid], [source]) if known else by_dates
            found.gaps.append(Gap(own.guid, own.name, source, days_in(missing), missing, run, known))

    # --- what to do ------------------------------------------------------------------------------------

    def _run(self, guids: Collection[str], sources: Sequence[Source]) -> str:
        chosen = () if tuple(sources) == SOURCES else sources
        return at(load_missing(guids, chosen), self._place)

    def _runs(self, found: Detected) -> list[str]:
        """As few commands as there are different sets of sources to load."""
        sources_of: dict[str, list[Source]] = {one.guid: list(self._sources) for one in found.new}
        sources_of |= {one.guid: list(self._sources) for one in found.without_history if one.first_business_date}
        for gap in found.gaps:
            if gap.first_date_known:
                sources_of.setdefault(gap.guid, []).append(gap.source)
        together: dict[tuple[Source, ...], list[str]] = {}
        for guid, sources in sources_of.items():
            together.setdefault(tuple(sources), []).append(guid)
        everybody = len(self._tenant.restaurants) + len(found.new)
        runs = [
            self._run(() if len(guids) == everybody else guids, sources) for sources, guids in sorted(together.items())
        ]
        return runs + [gap.run for gap in found.gaps if not gap.first_date_known]

    def _look_around(self, found: Detected, restaurants: Sequence[Restaurant]) -> None:
        if self._warehouse is None or not self._warehouse.holds(ETL_BACKFILL_UNITS):
            return
        found.under_way = [one.backfill_id for one in Ledger(self._warehouse).running()]
        found.suggestions = suggestions(self._warehouse, restaurants, f"detect-{uuid.uuid4().hex}-thresholds")
