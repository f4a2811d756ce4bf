"""Reads an NDJSON line as strictly as BigQuery does, by the columns of a table.

The emulator takes unknown fields and NULL in REQUIRED columns; BigQuery refuses the whole load job.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.tables import Column


def problems(record: Any, columns: Iterable[Column], at: str = "") -> list[str]:
    """What BigQuery would refuse in a decoded line, each beginning with the path of the field."""
    return list(_problems(record, columns, at))


def _problems(record: Any, columns: Iterable[Column], at: str) -> Iterator[str]:
    if not isinstance(record, dict):
        yield f"{at or 'line'}: not an object"
        return
    known = {column.name: column for column in columns}
    yield from (f"{at}{name}: unknown field" for name in record if name not in known)
    for name, column in known.items():
        value = record.get(name)
        if column.mode == "REPEATED":
            if not isinstance(record.get(name, []), list):
                yield f"{at}{name}: not a list"
                continue
            for number, item in enumerate(record.get(name, [])):
                yield from _problems(item, column.fields, f"{at}{name}[{number}].")
        elif value is None:
            if column.mode == "REQUIRED":
                yield f"{at}{name}: REQUIRED, but missing"
        elif not _HOLDS[column.type](value):
            yield f"{at}{name}: {value!r:.60} is no {column.type}"


def _numeric(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False  # a float has lost digits already
    try:
        number = Decimal(value)
    except InvalidOperation:
        return False
    if not number.is_finite() or (number and not -9 <= number.adjusted() < 29):
        return False
    return len(f"{number:f}".partition(".")[2].rstrip("0")) <= 9 if number else True


def _timestamp(value: Any) -> bool:
    try:
        instant = dt.datetime.fromisoformat(value)
        return instant.tzinfo is not None and bool(instant.astimezone(dt.UTC))
    except (ValueError, TypeError, OverflowError):
        return False


def _date(value: Any) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) and dt.date.fromisoformat(value))
    except (ValueError, TypeError):
        return False


_HOLDS: dict[str, Callable[[Any], bool]] = {
    "STRING": lambda value: isinstance(value, str),
    "INT64": lambda value: isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63,
    "BOOL": lambda value: isinstance(value, bool),
    "NUMERIC": _numeric,
    "TIMESTAMP": _timestamp,
    "DATE": _date,
}
