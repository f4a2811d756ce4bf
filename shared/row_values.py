"""Values that a column can hold: a row's numbers and times are made to fit their columns, or the row is refused."""

from __future__ import annotations

import datetime as dt
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal
from functools import cache

from shared.errors import ObjectRejected
from shared.tables import Row, columns_of

# NUMERIC keeps 29 digits before the point and 9 after it; INT64 is 64 bits.
SCALE = Decimal("1E-9")
_TOO_LARGE = Decimal("1E+29")
_INT64 = range(-(2**63), 2**63)

# TIMESTAMP holds the years 1 to 9999 in UTC; what is not of our time is a mistake, and reckoning with the
# ends of that range overflows.
EARLIEST, LATEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC)

# For reckoning with numbers of any size: nothing is raised, each result is looked at afterwards.
ANY_NUMBER = Context(prec=80, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


def make_row_fit(row: Row) -> None:
    """Round what has more than nine decimals, half away from zero as BigQuery does.

    Records within the row are not looked at. Raises ObjectRejected, naming the column, for a number that is
    too large or none at all, and for a time that is not of our time.
    """
    numbers, counts, times = _checked_columns(type(row))
    for name in times:
        time = getattr(row, name)
        if time is not None and not EARLIEST <= time < LATEST:
            raise ObjectRejected(f"{name} {time.isoformat()} is not between {EARLIEST:%Y} and {LATEST:%Y}")
    for name in counts:
        count = getattr(row, name)
        if count is not None and count not in _INT64:
            raise ObjectRejected(f"{name} {str(count)[:40]} is more than a whole-number column holds")
    for name in numbers:
        value = getattr(row, name)
        if value is not None:
            setattr(row, name, _storable(name, value))


@cache
def _checked_columns(row: type[Row]) -> tuple[tuple[str, ...], ...]:
    """The NUMERIC, INT64 and TIMESTAMP columns of a row class."""
    columns = columns_of(row)
    return tuple(
        tuple(column.name for column in columns if column.type == kind) for kind in ("NUMERIC", "INT64", "TIMESTAMP")
    )


def _storable(name: str, value: Decimal) -> Decimal:
    if value.is_finite() and value.copy_abs() < _TOO_LARGE:
        exponent = value.as_tuple().exponent
        fits = isinstance(exponent, int) and exponent >= -9
        stored = value if fits else value.quantize(SCALE, ROUND_HALF_UP, ANY_NUMBER)
        if stored.copy_abs() < _TOO_LARGE:
            return stored
    raise ObjectRejected(f"{name} {str(value)[:40]} is more than a NUMERIC column holds")
