"""Reading orders, a business date or a window of changes: pages from Toast, rows into the staging table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import structlog

from shared.errors import ToastUnavailable
from shared.order_rows import flatten_orders
from shared.order_tables import StagedOrder
from shared.toast_client import ToastClient
from shared.toast_orders import Order, OrdersPage, decode_orders_page
from shared.units import DatedUnit, DayUnit, WindowUnit
from shared.version_loading import VersionLoad

log = structlog.get_logger()


Versions = dict[str, dt.datetime]
"""Orders by GUID, each with the modifiedDate that it was met with."""

# What is over changes rarely; three readings in a row that are all disturbed mean something else.
MAX_WALKS = 3


def read_orders(toast: ToastClient, unit: DatedUnit, load: VersionLoad, deadline: float) -> None:
    """Read every order of the unit and hand its rows to the load.

    An order that changes while it is paged through can move to another page, or off the list, and another
    order then slips through unseen. So a walk during which that happened is done again.

    Raises ToastError when a page cannot be had; then the unit has failed, and its rows do not count.
    """
    staged: Versions = {}
    for _ in range(MAX_WALKS):
        began = toast.now()
        unit.read_at = unit.read_at or began
        walk = _Walk(unit, load, staged)
        walk.through(_pages(toast, unit, deadline))
        if walk.pages <= 1 or not _was_disturbed(toast, unit, walk, began, deadline):
            return
        staged |= walk.met
        log.info("changed_while_read", restaurant=unit.restaurant_guid, unit=unit.name)
    raise ToastUnavailable(f"orders of {unit.name} changed each of the {MAX_WALKS} times they were read")


def _pages(toast: ToastClient, unit: DatedUnit, deadline: float) -> Iterable[OrdersPage]:
    if isinstance(unit, DayUnit):
        return toast.orders_by_business_date(
            unit.restaurant_guid,
            unit.business_date,
            decode=unit.watched(decode_orders_page),
            usage=unit.usage,
            deadline=deadline,
        )
    if isinstance(unit, WindowUnit):
        return _modified(toast, unit, unit.start, unit.end, deadline)
    raise TypeError(f"{unit.name} is neither a day nor a window")


def _modified(
    toast: ToastClient, unit: DatedUnit, start: dt.datetime, end: dt.datetime, deadline: float
) -> Iterable[OrdersPage]:
    return toast.orders_modified(
        unit.restaurant_guid, start, end, decode=unit.watched(decode_orders_page), usage=unit.usage, deadline=deadline
    )


# --- was the list the same throughout? ---------------------------------------------------------------


def _was_disturbed(toast: ToastClient, unit: DatedUnit, walk: _Walk, began: dt.datetime, deadline: float) -> bool:
    """Whether an order changed its place in the list while it was walked through.

    On a day's list an order that changed is met with its new version. Not looked for while the day is
    provisional, since then it will be read again anyway. A window's list loses an order that changes, so
    what changed meanwhile is asked for; it matters if it had been met before.
    """
    if isinstance(unit, DayUnit):
        changed = any(modified >= began for modified in walk.met.values())
        return changed and unit.hours.is_final(unit.business_date, began)
    end = toast.now() + dt.timedelta(seconds=2)  # our reading of Toast's clock may be behind by a second
    return any(
        order.guid in walk.met for page in _modified(toast, unit, began, end, deadline) for order in page.objects
    )


class _Walk:
    """One walk through the pages of a unit; what is told of the unit comes from its last walk."""

    def __init__(self, unit: DatedUnit, load: VersionLoad, staged: Versions) -> None:
        """``staged`` are the versions that earlier walks handed to the load; they need not go again."""
        self._unit = unit
        self._load = load
        self._staged = staged
        self.pages = 0
        self.met: Versions = {}
        unit.extracted.clear()
        unit.rejects.clear()

    def through(self, pages: Iterable[OrdersPage]) -> None:
        """Flatten each page and hand its rows to the load."""
        for page in pages:
            self._take_in(page)
            del page  # it would live on while the next one is waited for, in each of the walks at once

    def _take_in(self, page: OrdersPage) -> None:
        self.pages += 1
        self._unit.rejects.extend(page.undecodable)
        orders = flatten_orders(
            [order for order in page.objects if self._is_news(order)],
            restaurant_guid=self._unit.restaurant_guid,
            hours=self._unit.hours,
            unit=self._unit.id,
            rejected=self._unit.reject,
        )
        self._load.add([order for order in orders if self._staged.get(order.order_guid) != order.order_modified_at])
        self._take_note(orders)

    def _is_news(self, order: Order) -> bool:
        """Whether the order was not met in this version or a newer one; from now on it was."""
        if order.guid in self.met and order.modified_date <= self.met[order.guid]:
            return False
        self.met[order.guid] = order.modified_date
        return True

    def _take_note(self, orders: Sequence[StagedOrder]) -> None:
        unit = self._unit
        unit.extracted.update(self._load.family.count_rows(orders))
        for order in orders:
            unit.dates.add(order.business_date)
            if order.may_have_moved:
                created = order.created_at or order.opened_at
                unit.moved_since.add(unit.hours.business_date(created) if created else order.business_date)
