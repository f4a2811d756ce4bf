"""The Toast HTTP client: what each of Toast's APIs gives, at the pace that Toast allows.

    client = ToastClient(settings.toast_api_host, credentials_for(settings, tenant, len(tenants)))
    for page in client.orders_by_business_date(guid, date, decode=decode_orders, usage=usage):
        ...

Every method takes ``decode``, which makes an object of a reply's body and raises UnreadableBody for one that
is not whole (it is asked for again), ``usage``, which counts the requests, and ``deadline``, a moment of the
monotonic clock past which no retry begins, and no wait for the rate limit.

What comes is whole or does not come: ToastRefused when Toast says no for good, ToastUnavailable when it did
not answer in time.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sized
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import msgspec
import structlog
from requests.utils import parse_header_links

from shared.date_utils import from_toast_date
from shared.errors import ConfigurationError, ToastRefused, ToastUnavailable
from shared.secrets_utils import Credentials
from shared.toast_endpoints import (
    ORDERS_BULK,
    PAGE_SIZE,
    PARTNER_RESTAURANTS,
    RESTAURANT,
    TIME_ENTRIES,
    Endpoint,
    group_endpoint,
)
from shared.toast_session import ToastSession
from shared.toast_transport import UnreadableBody, Usage, same_host

__all__ = ["RestaurantInfo", "ToastClient", "UnreadableBody", "Usage", "longest_window_after"]

log = structlog.get_logger()

T = TypeVar("T")
PageT = TypeVar("PageT", bound=Sized)

# Toast's default, for a restaurant whose settings leave it out.
_DEFAULT_CLOSEOUT_HOUR = 4

# A listing begins anew so often when configuration is published while it is paged.
_MOST_LISTINGS = 5
_NEXT_PAGE_HEADER = "Toast-Next-Page-Token"


class RestaurantInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A restaurant as Toast describes it; ``timezone`` is an IANA name, ``closeout_hour`` local, 0 to 12."""

    name: str
    timezone: str
    closeout_hour: int
    first_business_date: dt.date | None = None


class _General(msgspec.Struct, rename="camel"):
    name: str
    time_zone: str
    closeout_hour: int | None = None
    first_business_date: int | None = None


class _RestaurantBody(msgspec.Struct):
    general: _General


_restaurant_body = msgspec.json.Decoder(_RestaurantBody)


class ToastClient:
    """One tenant's access to Toast. Thread-safe; shared by all calls of a process."""

    def __init__(self, host: str, credentials: Credentials, **options: Any) -> None:
        """``options`` are those of ToastSession."""
        self._session = ToastSession(host, credentials, **options)

    def now(self) -> dt.datetime:
        """The time by Toast's clock, see `ToastSession.now`."""
        return self._session.now()

    # --- restaurants ------------------------------------------------------------------------------

    def restaurant(
        self,
        guid: str,
        *,
        usage: Usage,
        deadline: float | None = None,
        timezone: str | None = None,
        closeout_hour: int | None = None,
    ) -> RestaurantInfo:
        """What Toast says about a restaurant, asked anew each time: it can change, and the reply tells the time.

        A ``timezone`` or ``closeout_hour`` that is known already wins over Toast's. Raises ToastRefused (404: no
        such restaurant), ToastUnavailable, and ConfigurationError when Toast's time zone is needed and is not one
        that Python knows, or its closeout hour is no hour of the day.
        """
        # Not a page: it tells how to read, and holds nothing that is loaded.
        general, _ = self._session.fetch(RESTAURANT, guid, {}, _decode_general, usage=usage, deadline=deadline)
        return RestaurantInfo(
            name=general.name,
            timezone=_timezone(guid, general) if timezone is None else timezone,
            closeout_hour=_closeout_hour(guid, general) if closeout_hour is None else closeout_hour,
            first_business_date=_first_business_date(guid, general),
        )

    def connected_restaurants(self, *, decode: Callable[[bytes], T], usage: Usage, deadline: float | None = None) -> T:
        """The restaurants that the credentials are connected to, in one reply; of no restaurant in particular."""
        content, _ = self._session.fetch(PARTNER_RESTAURANTS, None, {}, decode, usage=usage, deadline=deadline)
        return content

    def group_restaurants(
        self,
        group_guid: str,
        member_guid: str,
        *,
        decode: Callable[[bytes], T],
        usage: Usage,
        deadline: float | None = None,
    ) -> T:
        """The restaurants of a management group, in one reply; ``member_guid`` is any of them."""
        return self.reply(group_endpoint(group_guid), member_guid, decode=decode, usage=usage, deadline=deadline)

    # --- orders -----------------------------------------------------------------------------------

    def orders_by_business_date(
        self,
        restaurant_guid: str,
        business_date: dt.date,
        *,
        decode: Callable[[bytes], PageT],
        usage: Usage,
        deadline: float | None = None,
    ) -> Iterator[PageT]:
        """The pages of a business date's orders: each as ``decode`` makes of its body, empty ones left out.

        Raises ToastRefused or ToastUnavailable; then the pages so far are not all.
        """
        params = {"businessDate": _toast_date(business_date)}
        return self._walk(ORDERS_BULK, restaurant_guid, params, decode, usage, deadline)

    def orders_modified(
        self,
        restaurant_guid: str,
        start: dt.datetime,
        end: dt.datetime,
        *,
        decode: Callable[[bytes], PageT],
        usage: Usage,
        deadline: float | None = None,
    ) -> Iterator[PageT]:
        """The pages of the orders modified from ``start`` to before ``end``; else as orders_by_business_date.

        Raises ValueError for a window that Toast does not allow, see `longest_window_after`.
        """
        params = _window(start, end, "startDate", "endDate")
        return self._walk(ORDERS_BULK, restaurant_guid, params, decode, usage, deadline)

    # --- cash and labor ---------------------------------------------------------------------------

    def cash_of_day(
        self,
        endpoint: Endpoint,
        restaurant_guid: str,
        business_date: dt.date,
        *,
        decode: Callable[[bytes], T],
        usage: Usage,
        deadline: float | None = None,
    ) -> T:
        """The cash entries (or deposits) of a business date; Toast knows no range, and no other form of the date."""
        params = {"businessDate": _toast_date(business_date)}
        return self.reply(endpoint, restaurant_guid, params, decode=decode, usage=usage, deadline=deadline)

    def time_entries_clocked_in(
        self,
        restaurant_guid: str,
        start: dt.datetime,
        end: dt.datetime,
        *,
        decode: Callable[[bytes], T],
        usage: Usage,
        deadline: float | None = None,
    ) -> T:
        """The time entries whose clock-in lies from ``start`` to before ``end``, archived ones included.

        Only this selection can give a day's archived entries: the one by business date never does.
        """
        params = _window(start, end, "startDate", "endDate") | {"includeArchived": "true"}
        return self._time_entries(restaurant_guid, params, decode, usage, deadline)

    def time_entries_modified(
        self,
        restaurant_guid: str,
        start: dt.datetime,
        end: dt.datetime,
        *,
        decode: Callable[[bytes], T],
        usage: Usage,
        deadline: float | None = None,
    ) -> T:
        """The time entries modified from ``start`` to before ``end``; Toast always includes archived ones here."""
        params = _window(start, end, "modifiedStartDate", "modifiedEndDate")
        return self._time_entries(restaurant_guid, params, decode, usage, deadline)

    def _time_entries(
        self,
        restaurant_guid: str,
        selection: dict[str, str],
        decode: Callable[[bytes], T],
        usage: Usage,
        deadline: float | None,
    ) -> T:
        params = selection | {"includeMissedBreaks": "true"}
        return self.reply(TIME_ENTRIES, restaurant_guid, params, decode=decode, usage=usage, deadline=deadline)

    # --- any endpoint -----------------------------------------------------------------------------

    def reply(
        self,
        endpoint: Endpoint,
        restaurant_guid: str,
        params: Mapping[str, str] | None = None,
        *,
        decode: Callable[[bytes], T],
        usage: Usage,
        deadline: float | None = None,
    ) -> T:
        """The one reply of an endpoint that is not paged."""
        content, _ = self._session.fetch(
            endpoint, restaurant_guid, params or {}, decode, usage=usage, deadline=deadline
        )
        usage.count(pages=1)
        return content

    def listing(
        self,
        endpoint: Endpoint,
        restaurant_guid: str,
        *,
        decode: Callable[[bytes], T],
        usage: Usage,
        deadline: float | None = None,
    ) -> list[T]:
        """All pages of a listing that goes by page tokens; of one publication, or it fails.

        Configuration that is published meanwhile makes Toast answer 409: then the pages so far are dropped and
        the listing begins anew.
        """
        for _ in range(_MOST_LISTINGS):
            try:
                return self._pages_by_token(endpoint, restaurant_guid, decode, usage, deadline)
            except ToastRefused as refusal:
                if refusal.status != 409:
                    raise
                log.info("published_while_paged", endpoint=endpoint.name, restaurant=restaurant_guid)
        raise ToastUnavailable(
            f"configuration was published each of the {_MOST_LISTINGS} times that {endpoint.name} of restaurant "
            f"{restaurant_guid} were listed"
        )

    def _pages_by_token(
        self,
        endpoint: Endpoint,
        restaurant: str,
        decode: Callable[[bytes], T],
        usage: Usage,
        deadline: float | None,
    ) -> list[T]:
        pages: list[T] = []
        params: dict[str, str] = {}
        seen: set[str] = set()
        while True:
            content, reply = self._session.fetch(endpoint, restaurant, params, decode, usage=usage, deadline=deadline)
            usage.count(pages=1)
            pages.append(content)
            token = reply.headers.get(_NEXT_PAGE_HEADER)
            if not token:
                return pages
            if token in seen:  # it would be followed for ever
                raise ToastUnavailable(f"{endpoint.name} of restaurant {restaurant}: a page names itself as the next")
            seen.add(token)
            params = {"pageToken": token}

    # --- walking numbered pages -------------------------------------------------------------------

    def _walk(
        self,
        endpoint: Endpoint,
        restaurant: str,
        selection: dict[str, str],
        decode: Callable[[bytes], PageT],
        usage: Usage,
        deadline: float | None,
    ) -> Iterator[PageT]:
        """Page by page, one at a time: it is the other walks of a call that go on while one waits or works."""
        params: dict[str, str] | None = {**selection, "pageSize": str(PAGE_SIZE), "page": "1"}
        while params is not None:
            content, reply = self._session.fetch(endpoint, restaurant, params, decode, usage=usage, deadline=deadline)
            usage.count(pages=1)
            params = _following(params, reply.link, len(content), self._session.host)
            if len(content):
                yield content
            del content  # it would live on until the next one is there


def _following(params: dict[str, str], link: str | None, held: int, host: str) -> dict[str, str] | None:
    """The parameters of the page after this one, which held so many objects; None when there is none.

    A server that sends Link headers is believed: their "next", or its absence. Without them a page shorter
    than asked for is the last. An empty page is the last in any case.
    """
    if not held:
        return None
    page = int(params["page"]) + 1
    if link is None:
        return None if held < PAGE_SIZE else {**params, "page": str(page)}
    url = next((one["url"] for one in parse_header_links(link) if one.get("rel") == "next"), None)
    if url is None:
        return None
    # Of a link only parameters are taken, and only from the host that was asked: the token goes nowhere else.
    # Our own parameters win over the link's, whose "+" might not be encoded.
    linked = {k: v[-1] for k, v in parse_qs(urlsplit(url).query).items()} if same_host(url, host) else {}
    number = linked.get("page", "")
    if number.isdecimal() and int(number) > int(params["page"]):  # a link back would be followed for ever
        page = int(number)
    return {**linked, **params, "page": str(page)}


def _toast_date(date: dt.date) -> str:
    return date.isoformat().replace("-", "")


def _window(start: dt.datetime, end: dt.datetime, first: str, last: str) -> dict[str, str]:
    """The parameters of a window of time; both ends aware, in whole milliseconds as Toast's are.

    Raises ValueError when they are not in order, or farther apart than Toast allows: split such a window.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("start and end must be aware datetimes")
    if _milliseconds(start) >= _milliseconds(end):
        raise ValueError(f"the window's start {start} is not before its end {end}")
    if end > longest_window_after(start):
        raise ValueError(f"the window from {start} to {end} is longer than a month: split it")
    return {first: _milliseconds(start), last: _milliseconds(end)}


def _milliseconds(moment: dt.datetime) -> str:
    utc = moment.astimezone(dt.UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"


def longest_window_after(start: dt.datetime) -> dt.datetime:
    """The latest end of a window of time that begins at ``start``: a month, and 30 days at the most.

    Toast's reference says one month, its labor guide 30 days. A month is to the same day of the next one in
    UTC, or to the month's last day where it has no such day.
    """
    utc = start.astimezone(dt.UTC)
    year, month = utc.year + utc.month // 12, utc.month % 12 + 1
    same_day = utc.replace(year=year, month=month, day=min(utc.day, calendar.monthrange(year, month)[1]))
    return min(same_day, utc + dt.timedelta(days=30))


def _decode_general(body: bytes) -> _General:
    try:
        return _restaurant_body.decode(body).general
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnreadableBody(str(error)) from None


def _timezone(guid: str, general: _General) -> str:
    try:
        return ZoneInfo(general.time_zone).key
    except Exception:
        raise ConfigurationError(
            f"Toast gives restaurant {guid} the time zone {general.time_zone!r}, which is not an IANA name: "
            "set its timezone in restaurants.toml."
        ) from None


def _closeout_hour(guid: str, general: _General) -> int:
    hour = _DEFAULT_CLOSEOUT_HOUR if general.closeout_hour is None else general.closeout_hour
    if 0 <= hour < 24:
        return hour
    raise ConfigurationError(
        f"Toast gives restaurant {guid} the closeout hour {hour}, which is no hour of the day: "
        "set its closeout_hour in restaurants.toml."
    )


def _first_business_date(guid: str, general: _General) -> dt.date | None:
    """The date, or None where Toast tells none, or what cannot be one: only empty days before it are called by it."""
    told = general.first_business_date
    try:
        return from_toast_date(told) if told else None
    except (ValueError, OverflowError):
        log.warning("first_business_date_is_none", restaurant=guid, told=told)
        return None
