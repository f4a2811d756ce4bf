"""The world: answers which orders there are, and what they look like, at any moment; leads to labor and cash.

On top of the pure world lie the edits that tests ask for; they are kept for as long as the process lives.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from toast_simulator.guesses import Ordering
from toast_simulator.world.cash import CashBook
from toast_simulator.world.catalog import Catalog, catalog_of
from toast_simulator.world.changes import CHANGES
from toast_simulator.world.configuration import Configuration
from toast_simulator.world.content import create
from toast_simulator.world.edited import PlanEdits
from toast_simulator.world.labor import Labor
from toast_simulator.world.model import Order
from toast_simulator.world.places import Place
from toast_simulator.world.plans import AHEAD, FARTHEST_MOVE, LATEST_EDIT, REST, Event, Plan, Planner
from toast_simulator.world.streams import DatedGuids

Listed = tuple[int, int, int]
"""An order in a list: its modifiedDate (ms), its home date (ordinal) and its number there."""

_FOREVER = 1 << 62


class Listing(msgspec.Struct, frozen=True):
    """Orders in no particular order, true for any moment from ``since`` until before ``until``."""

    orders: list[Listed]
    since: int
    until: int


class World:
    """All orders of all places, their ``labor`` and their ``cash``.

    Deterministic in (seed, volume, places); times are Unix milliseconds.
    """

    def __init__(self, places: Iterable[Place], seed: int, volume: int, *, shares_in_price: bool = True) -> None:
        self.places = {place.guid: place for place in places}
        self.seed = seed
        self.planner = Planner(seed, volume)
        self._shares_in_price = shares_in_price
        self._catalogs: dict[str, Catalog] = {}
        self._configurations: dict[str, Configuration] = {}
        self._guids: dict[str, DatedGuids] = {}
        self._edits = PlanEdits()
        self._cash_sums = lru_cache(4096)(self._sum_cash)
        self.labor = Labor(seed, self.catalog)
        self.cash = CashBook(seed, self.catalog, self.cash_taken)

    @property
    def edits(self) -> int:
        """How many edits orders have had: changes whenever lists may have changed outside of time."""
        return self._edits.count

    # --- one order --------------------------------------------------------------------------------

    def catalog(self, place: Place) -> Catalog:
        """The catalog of a place."""
        if place.guid not in self._catalogs:
            self._catalogs[place.guid] = catalog_of(place, self.seed)
        return self._catalogs[place.guid]

    def configuration(self, place: Place) -> Configuration:
        """The configuration of a place, over all time."""
        if place.guid not in self._configurations:
            self._configurations[place.guid] = Configuration(place, self.seed, self.catalog(place))
        return self._configurations[place.guid]

    def guids(self, place: Place) -> DatedGuids:
        """The GUIDs of a place's orders."""
        if place.guid not in self._guids:
            self._guids[place.guid] = DatedGuids(self.seed, "orders", place.guid)
        return self._guids[place.guid]

    def plan(self, place: Place, ordinal: int, number: int) -> Plan | None:
        """The lifecycle of an order, edits included; None when there is no such order."""
        return self._edits.merged(place, ordinal, number, self.planner.one(place, ordinal, number))

    def find(self, place: Place, guid: str) -> tuple[int, int] | None:
        """Home date and number of the order with a GUID; None when this place has none with it."""
        found = self.guids(place).decode(guid)
        return found if found and self.plan(place, *found) else None

    def order(self, place: Place, ordinal: int, number: int, now: int) -> Order | None:
        """An order as it is at ``now``; None when it does not exist (yet)."""
        plan = self.plan(place, ordinal, number)
        versions = plan.version(now) if plan else 0
        if plan is None or not versions:
            return None
        guid = self.guids(place).encode(ordinal, number)
        scene = create(place, self.catalog(place), self.seed, guid, ordinal, plan, shares=self._shares_in_price)
        for moment, change, argument in plan.events[1:versions]:
            CHANGES[change](scene, moment, argument)
            scene.order.modified = moment
        return scene.order

    def edit(self, place: Place, ordinal: int, number: int, event: Event) -> int:
        """Make a change happen, at a millisecond of its own so that it is a version; return the moment."""
        plan = self.plan(place, ordinal, number)
        if plan is None:
            raise KeyError(number)
        return self._edits.add(place, ordinal, plan, event)

    def edits_of(self, place: Place, ordinal: int, number: int) -> int:
        """How many edits one order has had."""
        return self._edits.number_of(place, ordinal, number)

    def cash_taken(self, place: Place, ordinal: int, now: int) -> int:
        """Cents that guests had paid in cash by ``now`` for the orders of a business date, without what was voided."""
        return self._cash_sums(place, ordinal, now, self.edits)

    def _sum_cash(self, place: Place, ordinal: int, now: int, edits: int) -> int:
        """The sum itself; ``edits`` is only there to keep apart what edits made different."""
        orders = (
            self.order(place, home, number, now)
            for _, home, number in self.on_business_date(place, ordinal, now).orders
        )
        checks = (check for order in orders if order and order.deleted is None for check in order.checks)
        payments = (payment for check in checks if check.deleted is None for payment in check.payments)
        return sum(payment.cents for payment in payments if payment.kind == "CASH" and payment.void is None)

    # --- lists ------------------------------------------------------------------------------------

    def on_business_date(self, place: Place, ordinal: int, now: int) -> Listing:
        """The orders that belong to a business date at ``now``."""
        listing = _Collector(now)
        self._collect_walk_ins(place, ordinal, listing)
        for home in range(ordinal - FARTHEST_MOVE, ordinal + FARTHEST_MOVE + 1):
            for plan in self.planner.scheduled(place, home):
                if plan.ordinal(home, now) == ordinal:
                    listing.add(home, plan.number, plan.events)
                else:
                    listing.watch(plan.events)
        for home, number, plan in self._edited(place):
            listing.drop(home, number)
            if plan.ordinal(home, now) == ordinal:
                listing.add(home, number, plan.events)
            else:
                listing.watch(plan.events)
        return listing.done()

    def modified_between(self, place: Place, start: int, end: int, now: int) -> Listing:
        """The orders whose modifiedDate at ``now`` lies in [start, end)."""
        listing = _Collector(now)
        first, last = place.business_ordinal(start), place.business_ordinal(end - 1)
        for home in range(first - LATEST_EDIT - 2, last + 1):
            if place.day_start(home + 1) + REST > start:
                self._collect_walk_ins(place, home, listing)
            else:
                for number, event in self.planner.late(place, home):
                    listing.add(home, number, (event,))
        for home in range(first - LATEST_EDIT - 2, last + AHEAD + 2):
            for plan in self.planner.scheduled(place, home):
                listing.add(home, plan.number, plan.events)
        for home, number, plan in self._edited(place):
            listing.drop(home, number)
            listing.add(home, number, plan.events)
        return listing.done(start, end)

    def sort(self, place: Place, orders: list[Listed], ordering: Ordering) -> None:
        """Bring a list into one of the orders that the API may have."""
        if ordering == "modified":
            orders.sort()
        elif ordering == "guid":
            encode = self.guids(place).encode
            orders.sort(key=lambda listed: encode(listed[1], listed[2]))
        else:
            orders.sort(key=lambda listed: (self._opened(place, listed), listed[1:]))

    def _opened(self, place: Place, listed: Listed) -> int:
        plan = self.plan(place, listed[1], listed[2])
        return plan.events[0][0] if plan else 0

    def _collect_walk_ins(self, place: Place, ordinal: int, listing: _Collector) -> None:
        for plan in self.planner.walk_ins(place, ordinal):
            listing.add(ordinal, plan.number, plan.events)

    def _edited(self, place: Place) -> list[tuple[int, int, Plan]]:
        plans = ((home, number, self.plan(place, home, number)) for home, number in self._edits.edited(place))
        return [(home, number, plan) for home, number, plan in plans if plan is not None]


class _Collector:
    """Gathers orders for a list, and between which moments the list stays as it is."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._since = 0
        self._until = _FOREVER
        self._found: dict[tuple[int, int], int] = {}

    def add(self, home: int, number: int, events: tuple[Event, ...]) -> None:
        """Take an order as its last event before now left it; two mentions count once, the later one."""
        version = self.watch(events)
        if version:
            moment = events[version - 1][0]
            key = (home, number)
            self._found[key] = max(moment, self._found.get(key, 0))

    def watch(self, events: tuple[Event, ...]) -> int:
        """Narrow the time in which the list is true to between these events; return how many were."""
        now = self._now
        if events[-1][0] <= now:
            version = len(events)
        else:
            version = bisect.bisect_right(events, now, key=_moment)
            self._until = min(self._until, events[version][0])
        if version:
            self._since = max(self._since, events[version - 1][0])
        return version

    def drop(self, home: int, number: int) -> None:
        """Forget an order."""
        self._found.pop((home, number), None)

    def done(self, start: int = 0, end: int = _FOREVER) -> Listing:
        """The list, restricted to modifiedDates in [start, end)."""
        orders = [(moment, home, number) for (home, number), moment in self._found.items() if start <= moment < end]
        return Listing(orders, self._since, self._until)


def _moment(event: Event) -> int:
    return event[0]
