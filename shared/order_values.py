"""Values that a column can hold: seen at a glance for a page of orders, mended or refused one by one."""

from __future__ import annotations

import datetime as dt
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Rounded

from shared.errors import ObjectRejected
from shared.order_tables import ORDER_CHILDREN, StagedOrder
from shared.row_values import EARLIEST, LATEST, SCALE, make_row_fit

ZERO = Decimal(0)

_LARGEST_INT = 2**63

# For flattening at a glance: whatever is not exact is raised. One digit less than NUMERIC has, so that a
# number just too large cannot be brought back by the next one.
EXACT = Context(prec=37, traps=[Rounded, Inexact, InvalidOperation, Overflow])


class Glance:
    """Sees whether all values of many orders fit their columns, by adding all their numbers up.

    The sum has nine decimals from the start. A number with more leaves it with more than nine, one that is
    too large needs more digits than ``EXACT`` has, and one that is none leaves no number at all.
    """

    __slots__ = ("_sum",)

    def __init__(self) -> None:
        self._sum = ZERO * SCALE

    def take_in(self, order: StagedOrder) -> None:
        """Look at one more order. Raises ArithmeticError when something does not fit."""
        total = self._sum
        for item in order.items:
            total += item.discount_amount + (item.item_quantity or ZERO) + (item.pre_discount_price or ZERO)
            total += (item.item_price or ZERO) + (item.tax_amount or ZERO) + (item.refund_amount or ZERO)
        for check in order.checks:
            total += check.tip_amount + check.discount_amount + check.service_charge_amount + check.gratuity_amount
            total += check.refund_amount
            total += (check.amount or ZERO) + (check.tax_amount or ZERO) + (check.total_amount or ZERO)
            _see_times(check.opened_at, check.closed_at, check.paid_at)
        for payment in order.payments:
            total += (payment.amount or ZERO) + (payment.tip_amount or ZERO) + (payment.amount_tendered or ZERO)
            total += (payment.processing_fee or ZERO) + (payment.refund_amount or ZERO)
            total += payment.refund_tip_amount or ZERO
            _see_times(payment.paid_at)
        for tax in order.taxes:
            total += (tax.tax_rate or ZERO) + (tax.tax_amount or ZERO)
        for discount in order.discounts:
            total += (discount.discount_amount or ZERO) + (discount.non_tax_discount_amount or ZERO)
        for charge in order.service_charges:
            total += charge.charge_amount or ZERO
        _see_times(
            order.order_modified_at,
            order.created_at,
            order.opened_at,
            order.promised_at,
            order.paid_at,
            order.closed_at,
        )
        if not _counts_fit(order):
            raise ArithmeticError
        self._sum = total

    def finish(self) -> None:
        """Raises ArithmeticError when something of all that was taken in does not fit."""
        if self._sum.as_tuple().exponent != -9:
            raise ArithmeticError


def _see_times(*times: dt.datetime | None) -> None:
    for time in times:
        if time is not None and not EARLIEST <= time < LATEST:
            raise ArithmeticError


def _counts_fit(order: StagedOrder) -> bool:
    return abs(order.guest_count or 0) < _LARGEST_INT and abs(order.duration_seconds or 0) < _LARGEST_INT


# --- one by one --------------------------------------------------------------------------------------


def make_values_fit(order: StagedOrder) -> None:
    """Make the numbers and times of an order and of all its children fit their columns (see make_row_fit).

    Raises ObjectRejected for what no column holds.
    """
    if not _counts_fit(order):
        raise ObjectRejected("numberOfGuests or duration is more than a whole-number column holds")
    make_row_fit(order)
    for record in ORDER_CHILDREN:
        for row in getattr(order, record):
            make_row_fit(row)
