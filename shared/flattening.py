"""What flattening has in common, whatever is flattened: keys for children, dates, and what becomes of the refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from shared.date_utils import FIRST_BUSINESS_DATE, LAST_BUSINESS_DATE, from_toast_date
from shared.errors import ObjectRejected
from shared.tables import Row
from shared.toast_objects import ToastObject

ObjectT = TypeVar("ObjectT", bound=ToastObject)
RowT = TypeVar("RowT", bound=Row)


def flatten_each(
    objects: Iterable[ObjectT], flatten: Callable[[ObjectT], RowT], rejected: Callable[[ObjectT, str], None]
) -> list[RowT]:
    """Flatten objects one by one; ``rejected`` is told each that ``flatten`` refuses, with the reason."""
    rows: list[RowT] = []
    for one in objects:
        try:
            rows.append(flatten(one))
        except ObjectRejected as rejection:
            rejected(one, rejection.reason)
    return rows


def child_key(taken: set[str], guid: str | None, config_guid: str | None, name: str | None) -> str:
    """A key for a child, unique among ``taken``: its own GUID, else what it is an application of.

    Toast gives no GUID for most applied taxes and breaks. Siblings that would share a key are numbered in the
    order in which Toast lists them; that order may differ in the next version, whose rows replace all of these.
    """
    base = guid or config_guid or name or "unnamed"
    key, number = base, 1
    while key in taken:
        number += 1
        key = f"{base}#{number}"
    taken.add(key)
    return key


def refuse_repeats(kind: str, guids: Sequence[str], whole: str) -> None:
    """Two children with one GUID would overwrite each other; what holds them (``whole``) is not to be trusted.

    Raises ObjectRejected naming the GUID.
    """
    if len(set(guids)) != len(guids):
        repeated = next(guid for guid in guids if guids.count(guid) > 1)
        raise ObjectRejected(f"{kind} {repeated} stands more than once in the {whole}")


def business_date_of(yyyymmdd: int) -> dt.date:
    """The business date that Toast writes as a number; raises ObjectRejected for none within reason."""
    date = date_of("businessDate", yyyymmdd)
    if not FIRST_BUSINESS_DATE <= date <= LAST_BUSINESS_DATE:
        raise ObjectRejected(f"businessDate {yyyymmdd} is outside {FIRST_BUSINESS_DATE} to {LAST_BUSINESS_DATE}")
    return date


def date_of(field: str, yyyymmdd: int) -> dt.date:
    """The date that Toast writes as a number in a field; raises ObjectRejected, naming the field, for none."""
    try:
        return from_toast_date(yyyymmdd)
    except (ValueError, OverflowError):
        raise ObjectRejected(f"{field} {yyyymmdd} is not a date") from None
