"""The body of a call, checked field by field before anything is done."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any, Literal

import msgspec

from shared.date_utils import FIRST_BUSINESS_DATE
from shared.errors import InvalidRequest

MAX_BODY_BYTES = 64 * 1024
MAX_DAYS = 31
# So many wrong fields are named in one reply; a body full of nonsense is not sent back whole.
MAX_PROBLEMS = 20

Mode = Literal["business_date", "modified"]

_FIELDS = ("restaurant_guid", "start_date", "end_date", "mode", "tenant")


class Accepted(msgspec.Struct, frozen=True):
    """What a function can be asked for besides a restaurant."""

    modes: tuple[Mode, ...]
    """Empty: it takes neither dates nor a mode, since it reads what is there now."""


DAYS_AND_CHANGES = Accepted(("business_date", "modified"))
DAYS = Accepted(("business_date",))
NO_DATES = Accepted(())


class RequestBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for. Dates are business dates, both included; both are there or neither.

    Without a mode, dates mean all of these days, and no dates what changed since the last call (orders and
    labor) or the last days (cash).
    """

    restaurant_guid: str = "ALL"
    start_date: dt.date | None = None
    end_date: dt.date | None = None
    mode: Mode | None = None
    tenant: str | None = None


def parse_body(body: bytes, accepted: Accepted = DAYS_AND_CHANGES) -> RequestBody:
    """Read a call's JSON body.

    Raises InvalidRequest with every field that is wrong, so that one look is enough to mend them all.
    """
    content = json_object(body)
    taken = _FIELDS if accepted.modes else ("restaurant_guid", "tenant")
    problems = {name: f"unknown field; expected {', '.join(taken)}" for name in content if name not in _FIELDS}
    values: dict[str, Any] = {}
    for name, check in _CHECKS.items():
        if content.get(name) is not None:
            try:
                values[name] = check(content[name])
            except ValueError as error:
                problems[name] = str(error)
    problems |= _wrong_range(values, content) if accepted.modes else {}
    problems |= _not_accepted(values, content, accepted)
    if problems:
        raise InvalidRequest(dict(list(problems.items())[:MAX_PROBLEMS]))
    return RequestBody(**values)


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body holds. Raises InvalidRequest when it holds none."""
    if not body:
        raise InvalidRequest({"body": "empty, which is not JSON; send {} to ask for every restaurant"})
    try:
        content = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidRequest({"body": f"not JSON ({error}); send {{}} to ask for every restaurant"}) from error
    if not isinstance(content, dict):
        raise InvalidRequest({"body": 'expected a JSON object such as {"restaurant_guid": "ALL"}'})
    return content


def _wrong_range(values: dict[str, Any], content: dict[str, Any]) -> dict[str, str]:
    start, end = values.get("start_date"), values.get("end_date")
    for name, other in (("start_date", "end_date"), ("end_date", "start_date")):
        if content.get(name) is not None and content.get(other) is None:
            return {other: f"missing; give both dates or neither ({name} is there)"}
    if start is None or end is None:
        return {}
    if end < start:
        return {"end_date": f"{end} is before start_date {start}"}
    if (days := (end - start).days + 1) > MAX_DAYS:
        first_end = start + dt.timedelta(days=MAX_DAYS - 1)
        return {
            "end_date": f"{days} days are too many for one call, {MAX_DAYS} at most: split the range, first "
            f"{start} to {first_end}, then from {first_end + dt.timedelta(days=1)}"
        }
    return {}


def _not_accepted(values: dict[str, Any], content: dict[str, Any], accepted: Accepted) -> dict[str, str]:
    """The fields that this function does not take, though others do."""
    if not accepted.modes:
        told = "not taken by this function: it reads what is configured now; leave it out"
        return {name: told for name in ("start_date", "end_date", "mode") if content.get(name) is not None}
    mode = values.get("mode")
    if mode is not None and mode not in accepted.modes:
        return {
            "mode": f"{mode!r} is not served by this function: Toast tells cash by business date only; leave it out"
        }
    return {}


def _guid(value: Any) -> str:
    if value == "ALL":
        return "ALL"
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise ValueError(
            'expected a GUID such as "12345678-90ab-cdef-1234-567890abcdef", or "ALL" in capitals'
        ) from None


def date_of(value: Any) -> dt.date:
    """A date of a body. Raises ValueError, which says what was expected."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        try:
            date = dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError("expected a date as YYYY-MM-DD, and there is no such date") from None
        if date < FIRST_BUSINESS_DATE:
            raise ValueError(f"{date} is before Toast's first restaurants ({FIRST_BUSINESS_DATE})")
        return date
    raise ValueError("expected a date as YYYY-MM-DD")


def _mode(value: Any) -> Mode:
    if value == "business_date":
        return "business_date"
    if value == "modified":
        return "modified"
    raise ValueError("expected 'business_date' or 'modified'")


def tenant_of(value: Any) -> str:
    """A tenant's name of a body. Raises ValueError, which says what was expected."""
    if isinstance(value, str) and value:
        return value
    raise ValueError("expected the name of a tenant in restaurants.toml")


_CHECKS = {
    "restaurant_guid": _guid,
    "start_date": date_of,
    "end_date": date_of,
    "mode": _mode,
    "tenant": tenant_of,
}
