"""Reading one business date of orders: pages from Toast, rows into the spool."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from shared.order_loading import OrderLoad, extracted_rows
from shared.order_rows import flatten_orders
from shared.order_tables import StagedOrder
from shared.toast_client import ToastClient
from shared.toast_orders import Order, decode_orders_page, encode_order, undecodable
from shared.units import Unit


def read_orders_of_day(toast: ToastClient, unit: Unit, load: OrderLoad, deadline: float) -> None:
    """Read every order of the unit's business date and hand its rows to the load.

    Raises ToastError when a page cannot be had; then the unit has failed, and its rows do not count.
    """
    unit.read_at = toast.now()
    pages = toast.orders_by_business_date(
        unit.restaurant_guid, unit.business_date, decode=decode_orders_page, usage=unit.usage, deadline=deadline
    )
    seen: dict[str, dt.datetime] = {}

    def rejected(order: Order, reason: str) -> None:
        unit.rejects.append(undecodable(encode_order(order), reason))

    for page in pages:
        unit.rejects.extend(page.undecodable)
        orders = flatten_orders(
            [order for order in page.orders if _is_news(order, seen)],
            restaurant_guid=unit.restaurant_guid,
            hours=unit.hours,
            unit=unit.id,
            rejected=rejected,
        )
        load.add(orders)
        _take_note(unit, orders)


def _is_news(order: Order, seen: dict[str, dt.datetime]) -> bool:
    """An order met again on a later page counts once, unless it was changed in between."""
    if order.guid in seen and order.modified_date <= seen[order.guid]:
        return False
    seen[order.guid] = order.modified_date
    return True


def _take_note(unit: Unit, orders: Sequence[StagedOrder]) -> None:
    unit.extracted.update(extracted_rows(orders))
    for order in orders:
        unit.dates.add(order.business_date)
        if order.may_have_moved:
            created = order.created_at or order.opened_at
            unit.moved_since.add(unit.hours.business_date(created) if created else order.business_date)
