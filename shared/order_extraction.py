"""Reading one business date of orders: pages from Toast, rows into the spool."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import structlog

from shared.errors import ToastUnavailable
from shared.order_loading import OrderLoad, extracted_rows
from shared.order_rows import flatten_orders
from shared.order_tables import StagedOrder
from shared.toast_client import ToastClient
from shared.toast_orders import Order, decode_orders_page, rejected_order
from shared.units import Unit

log = structlog.get_logger()


Versions = dict[str, dt.datetime]
"""Orders by GUID, each with the modifiedDate that it was met with."""

# A day that is over changes rarely; three readings in a row that are all disturbed mean something else.
MAX_WALKS = 3


def read_orders_of_day(toast: ToastClient, unit: Unit, load: OrderLoad, deadline: float) -> None:
    """Read every order of the unit's business date and hand its rows to the load.

    An order that changes while its day is paged through can move to another page, and another order then
    slips through unseen. So when an order turns up that changed since the reading began, the day is read
    again; not while it is provisional, since then it will be read again anyway.

    Raises ToastError when a page cannot be had; then the unit has failed, and its rows do not count.
    """
    unit.read_at = began = toast.now()
    staged: Versions = {}
    for _ in range(MAX_WALKS):
        pages, met = _walk(toast, unit, load, deadline, staged)
        undisturbed = pages <= 1 or all(modified < began for modified in met.values())
        if undisturbed or not unit.hours.is_final(unit.business_date, began):
            return
        staged |= met
        log.info("changed_while_read", restaurant=unit.restaurant_guid, business_date=str(unit.business_date))
        began = toast.now()
    raise ToastUnavailable(f"orders of {unit.business_date} changed each of the {MAX_WALKS} times they were read")


def _walk(toast: ToastClient, unit: Unit, load: OrderLoad, deadline: float, staged: Versions) -> tuple[int, Versions]:
    """Page once through the day: the number of pages, and the orders met, each with its version.

    What is told of the unit comes from its last walk. ``staged`` are the versions that earlier walks handed
    to the load; they need not go again.
    """
    met: Versions = {}
    unit.extracted.clear()
    unit.rejects.clear()

    def rejected(order: Order, reason: str) -> None:
        unit.rejects.append(rejected_order(order, reason))

    pages = 0
    for page in toast.orders_by_business_date(
        unit.restaurant_guid, unit.business_date, decode=decode_orders_page, usage=unit.usage, deadline=deadline
    ):
        pages += 1
        unit.rejects.extend(page.undecodable)
        orders = flatten_orders(
            [order for order in page.orders if _is_news(order, met)],
            restaurant_guid=unit.restaurant_guid,
            hours=unit.hours,
            unit=unit.id,
            rejected=rejected,
        )
        load.add([order for order in orders if staged.get(order.order_guid) != order.order_modified_at])
        _take_note(unit, orders)
    return pages, met


def _is_news(order: Order, met: Versions) -> bool:
    """Whether the order was not met in this version or a newer one; from now on it was."""
    if order.guid in met and order.modified_date <= met[order.guid]:
        return False
    met[order.guid] = order.modified_date
    return True


def _take_note(unit: Unit, orders: Sequence[StagedOrder]) -> None:
    unit.extracted.update(extracted_rows(orders))
    for order in orders:
        unit.dates.add(order.business_date)
        if order.may_have_moved:
            created = order.created_at or order.opened_at
            unit.moved_since.add(unit.hours.business_date(created) if created else order.business_date)
