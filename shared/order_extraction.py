"""Reading one business date of orders: pages from Toast, rows into the spool."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from shared.errors import ObjectRejected
from shared.order_loading import OrderLoad, extracted_rows
from shared.order_rows import flatten_order
from shared.order_tables import StagedOrder
from shared.toast_client import ToastClient
from shared.toast_orders import OrdersPage, decode_orders_page, encode_order, undecodable
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
    for page in pages:
        orders = list(_rows(page, unit, seen))
        load.add(orders)
        unit.extracted.update(extracted_rows(orders))


def _rows(page: OrdersPage, unit: Unit, seen: dict[str, dt.datetime]) -> Iterator[StagedOrder]:
    """Flatten a page; an order met again on a later page counts once, in its newest version."""
    unit.rejects.extend(page.undecodable)
    for order in page.orders:
        if order.guid in seen and order.modified_date <= seen[order.guid]:
            continue
        try:
            staged = flatten_order(order, restaurant_guid=unit.restaurant_guid, hours=unit.hours, unit=unit.id)
        except ObjectRejected as rejected:
            unit.rejects.append(undecodable(encode_order(order), rejected.reason))
            continue
        seen[order.guid] = order.modified_date
        unit.dates.add(staged.business_date)
        if staged.may_have_moved:
            created = staged.created_at or staged.opened_at
            unit.moved_since.add(unit.hours.business_date(created) if created else staged.business_date)
        yield staged
