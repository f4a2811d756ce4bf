"""Values that a column can hold: seen at a glance for a page of orders, mended or refused one by one."""

from __future__ import annotations

import datetime as dt
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
    Overflow,
    Rounded,
)

from shared.errors import ObjectRejected
from shared.order_tables import ORDER_CHILDREN, OrderRow, StagedOrder
from shared.tables import Row, columns_of

ZERO = Decimal(0)

# NUMERIC keeps 29 digits before the point and 9 after it; INT64 is 64 bits.
_SCALE = Decimal("1E-9")
_TOO_LARGE = Decimal("1E+29")
_LARGEST_INT = 2**63

# TIMESTAMP holds the years 1 to 9999 in UTC; what is not of our time is a mistake, and reckoning with the
# ends of that range overflows.
_EARLIEST, _LATEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC)

# For flattening at a glance: whatever is not exact is raised. One digit less than NUMERIC has, so that a
# number just too large cannot be brought back by the next one.
EXACT = Context(prec=37, traps=[Rounded, Inexact, InvalidOperation, Overflow])
# For flattening with care: nothing is raised, each number is looked at afterwards.
ANY_NUMBER = Context(prec=80, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


class Glance:
    """Sees whether all values of many orders fit their columns, by adding all their numbers up.

    The sum has nine decimals from the start. A number with more leaves it with more than nine, one that is
    too large needs more digits than ``EXACT`` has, and one that is none leaves no number at all.
    """

    __slots__ = ("_sum",)

    def __init__(self) -> None:
        self._sum = ZERO * _SCALE

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
        if time is not None and not _EARLIEST <= time < _LATEST:
            raise ArithmeticError


def _counts_fit(order: StagedOrder) -> bool:
    return abs(order.guest_count or 0) < _LARGEST_INT and abs(order.duration_seconds or 0) < _LARGEST_INT


# --- one by one --------------------------------------------------------------------------------------


def make_values_fit(order: StagedOrder) -> None:
    """Round what has more than nine decimals, half away from zero as BigQuery does.

    Raises ObjectRejected for what is too large or no number at all, naming the column, and for a time
    that is not of our time.
    """
    if not _counts_fit(order):
        raise ObjectRejected("numberOfGuests or duration is more than a whole-number column holds")
    _refuse_odd_times(order, _ORDER_TIMES)
    for record, (numbers, times) in _CHILD_COLUMNS.items():
        for row in getattr(order, record):
            _refuse_odd_times(row, times)
            for name in numbers:
                value = getattr(row, name)
                if value is not None:
                    setattr(row, name, _storable(name, value))


def _names_of(row: type[Row], kind: str) -> tuple[str, ...]:
    return tuple(column.name for column in columns_of(row) if column.type == kind)


_ORDER_TIMES = _names_of(OrderRow, "TIMESTAMP")
_CHILD_COLUMNS = {
    record: (_names_of(table.row, "NUMERIC"), _names_of(table.row, "TIMESTAMP"))
    for record, table in ORDER_CHILDREN.items()
}


def _refuse_odd_times(row: Row, names: tuple[str, ...]) -> None:
    for name in names:
        time = getattr(row, name)
        if time is not None and not _EARLIEST <= time < _LATEST:
            raise ObjectRejected(f"{name} {time.isoformat()} is not between {_EARLIEST:%Y} and {_LATEST:%Y}")


def _storable(name: str, value: Decimal) -> Decimal:
    if value.is_finite() and value.copy_abs() < _TOO_LARGE:
        exponent = value.as_tuple().exponent
        fits = isinstance(exponent, int) and exponent >= -9
        stored = value if fits else value.quantize(_SCALE, ROUND_HALF_UP, ANY_NUMBER)
        if stored.copy_abs() < _TOO_LARGE:
            return stored
    raise ObjectRejected(f"{name} {str(value)[:40]} is more than a NUMERIC column holds")
