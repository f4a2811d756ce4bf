"""Values that a column can hold: seen at a glance for a page of orders, mended or refused one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
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
    localcontext,
)
from itertools import chain
from operator import attrgetter

from shared.errors import ObjectRejected
from shared.order_tables import ORDER_CHILDREN, OrderRow, StagedOrder
from shared.tables import Row, columns_of

ZERO = Decimal(0)

# NUMERIC keeps 29 digits before the point and 9 after it; INT64 is 64 bits.
_SCALE = Decimal("1E-9")
_TOO_LARGE = Decimal("1E+29")
_LARGEST_INT = 2**63

# For the sums of a check, made before it is known whether the numbers fit: nothing is raised.
ANY_NUMBER = Context(prec=80, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
# For the glance at all numbers: a sum that does not fit exactly is raised. One digit less than NUMERIC
# has, so that a number just too large cannot be brought back by the next one.
_ONLY_NUMERIC = Context(prec=37, traps=[Rounded, Inexact, InvalidOperation, Overflow])

# For each repeated record of StagedOrder: the names of its NUMERIC columns.
_NUMERIC_COLUMNS = {
    record: tuple(column.name for column in columns_of(table.row) if column.type == "NUMERIC")
    for record, table in ORDER_CHILDREN.items()
}
# A getter of the record, and one that takes all those columns from a row at once (a tuple, so two at least).
_NUMBERS = tuple((attrgetter(record), attrgetter(*names, names[0])) for record, names in _NUMERIC_COLUMNS.items())


# TIMESTAMP holds the years 1 to 9999 in UTC; what is not of our time is a mistake, and reckoning with the
# ends of that range overflows.
_EARLIEST, _LATEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC)


def _times_of(row: type[Row]) -> tuple[str, ...]:
    return tuple(column.name for column in columns_of(row) if column.type == "TIMESTAMP")


_ORDER_TIMES = attrgetter(*_times_of(OrderRow))
_CHILD_TIMES = tuple(
    (attrgetter(record), attrgetter(*names, names[0]))
    for record, table in ORDER_CHILDREN.items()
    if (names := _times_of(table.row))
)


def values_fit(staged: Sequence[StagedOrder]) -> bool:
    """Whether every number and time of these orders fits its column as it is."""
    return _numbers_fit(staged) and all(map(_counts_fit, staged)) and _times_fit(staged)


def make_values_fit(staged: StagedOrder) -> None:
    """Round what has more than nine decimals, half away from zero as BigQuery does.

    Raises ObjectRejected for what is too large or no number at all, naming the column, and for a time
    that is not of our time.
    """
    if not _counts_fit(staged):
        raise ObjectRejected("numberOfGuests or duration is more than a whole-number column holds")
    if not _times_fit([staged]):
        raise ObjectRejected(f"one of its times is not between {_EARLIEST:%Y} and {_LATEST:%Y}")
    for record, names in _NUMERIC_COLUMNS.items():
        for row in getattr(staged, record):
            for name in names:
                value = getattr(row, name)
                if value is not None:
                    setattr(row, name, _storable(name, value))


def _numbers_fit(staged: Sequence[StagedOrder]) -> bool:
    """Whether every NUMERIC fits.

    Adding them all up, to a sum that has nine decimals from the start, tells it in one glance: a number
    with more decimals leaves the sum with more than nine, one that is too large needs more digits than
    there are, and one that is none leaves no number at all.
    """
    total = ZERO * _SCALE
    try:
        with localcontext(_ONLY_NUMERIC):
            for record_of, numbers_of in _NUMBERS:
                rows = chain.from_iterable(map(record_of, staged))
                total = sum(filter(None, chain.from_iterable(map(numbers_of, rows))), total)
    except ArithmeticError:
        return False
    return total.as_tuple().exponent == -9


def _counts_fit(staged: StagedOrder) -> bool:
    return abs(staged.guest_count or 0) < _LARGEST_INT and abs(staged.duration_seconds or 0) < _LARGEST_INT


def _times_fit(staged: Sequence[StagedOrder]) -> bool:
    times = list(filter(None, chain.from_iterable(map(_ORDER_TIMES, staged))))
    for record_of, times_of in _CHILD_TIMES:
        rows = chain.from_iterable(map(record_of, staged))
        times.extend(filter(None, chain.from_iterable(map(times_of, rows))))
    return not times or (min(times) >= _EARLIEST and max(times) < _LATEST)


def _storable(name: str, value: Decimal) -> Decimal:
    if value.is_finite() and value.copy_abs() < _TOO_LARGE:
        exponent = value.as_tuple().exponent
        fits = isinstance(exponent, int) and exponent >= -9
        stored = value if fits else value.quantize(_SCALE, ROUND_HALF_UP, ANY_NUMBER)
        if stored.copy_abs() < _TOO_LARGE:
            return stored
    raise ObjectRejected(f"{name} {str(value)[:40]} is more than a NUMERIC column holds")
