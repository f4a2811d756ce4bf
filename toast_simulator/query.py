"""The values that requests carry in their query strings, read as strictly as Toast reads them."""

from __future__ import annotations

import datetime as dt
import re

from toast_simulator.errors import ApiError

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?(Z|[+-]\d\d:?\d\d)")


def moment(name: str, text: str) -> int:
    """A moment in Unix ms. A ``+`` that was not encoded arrives as a space, and is refused.

    Raises ApiError 400, which names the parameter.
    """
    match = _MOMENT.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        whole = dt.datetime.fromisoformat(match[1] + match[3])
    except ValueError:
        raise ApiError(400, f"{name} must be in the format yyyy-MM-dd'T'HH:mm:ss.SSSZ") from None
    return int(whole.timestamp()) * 1000 + int((match[2] or "0").ljust(3, "0"))


def interval(start_name: str, start: str, end_name: str, end: str) -> tuple[int, int]:
    """Two moments in Unix ms, the first before the second. Raises ApiError 400."""
    first, last = moment(start_name, start), moment(end_name, end)
    if first >= last:
        raise ApiError(400, f"Input {start_name} must be before {end_name}")
    return first, last


def business_date(text: str) -> int:
    """A business date, written yyyymmdd, as an ordinal. Raises ApiError 400, for dashes or a time too."""
    try:
        if not re.fullmatch(r"\d{8}", text, re.ASCII):
            raise ValueError
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal()
    except ValueError:
        raise ApiError(400, "businessDate must be in the format yyyymmdd") from None
