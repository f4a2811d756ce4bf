"""The Toast HTTP client: a tenant's orders, page by page, at the pace that Toast allows.

    client = ToastClient(settings.toast_api_host, credentials_for(settings, tenant, len(tenants)))
    for page in client.orders_by_business_date(guid, date, decode=decode_orders, usage=usage):
        ...

What repeats (login, pace, retries) is behind the methods; a page either comes whole or its walk fails:
ToastRefused when Toast says no for good, ToastUnavailable when it did not answer in time.
"""

from __future__ import annotations

import calendar
import contextvars
import datetime as dt
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import msgspec
import requests
import structlog
from requests.utils import parse_header_links

from shared.config import RateProfile
from shared.date_utils import from_toast_date
from shared.errors import ConfigurationError, ToastRefused, ToastUnavailable
from shared.pacing import Admission, Limits, Pacer, WaitTooLong
from shared.secrets_utils import Credentials
from shared.server_clock import ServerClock, unix_seconds
from shared.toast_endpoints import ORDERS_BULK, PAGE_SIZE, RESTAURANT, Endpoint
from shared.toast_login import ErrorBody, Login, Token, retry_after
from shared.toast_transport import Call, Reply, Transient, Transport, UnreadableBody, Usage, may_pass, same_host

__all__ = ["RestaurantInfo", "ToastClient", "UnreadableBody", "Usage", "one_month_after"]

log = structlog.get_logger()

T = TypeVar("T")
PageT = TypeVar("PageT", bound=Sized)

# A 429 without Retry-After and Reset.
_BLIND_HOLD_SECONDS = 1.0
# The longest hold that can be meant: Toast's longest slice is a quarter of an hour.
_LONGEST_HOLD_SECONDS = 960.0
_MOST_RENEWALS = 3
# Toast's default, for a restaurant whose settings leave it out.
_DEFAULT_CLOSEOUT_HOUR = 4


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


class _Page(NamedTuple, Generic[PageT]):
    content: PageT
    following: dict[str, str] | None
    """The parameters of the next page; None after the last."""


class ToastClient:
    """One tenant's access to Toast. Thread-safe; shared by all calls of a process."""

    def __init__(
        self,
        host: str,
        credentials: Credentials,
        *,
        profile: RateProfile = "documented",
        session: requests.Session | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
        patience: float = 120.0,
    ) -> None:
        """``patience``: seconds for which one request is repeated, waits for the rate limit not counted.

        ``monotonic``, ``sleep`` and ``uniform`` are seams for tests.
        """
        self._monotonic = monotonic
        self._clock = ServerClock(monotonic)
        self._transport = Transport(
            host,
            self._clock,
            session=session,
            monotonic=monotonic,
            sleep=sleep,
            uniform=uniform,
            patience=patience,
        )
        self._login = Login(self._transport, credentials, monotonic)
        self._pacer = Pacer(self._clock, profile, monotonic=monotonic, sleep=sleep)

    def now(self) -> dt.datetime:
        """The time by Toast's clock, aware UTC; never ahead of it, behind it by a second at the most.

        Before the first reply this logs in, to get one. Raises what a login raises.
        """
        if not self._clock.known:
            self._login.token(Usage())
        if not self._clock.known:
            raise ToastUnavailable(f"{self._transport.host} sends no Date header: Toast's clock is not known.")
        return self._clock.now()

    def restaurant(self, guid: str, *, usage: Usage, deadline: float | None = None) -> RestaurantInfo:
        """What Toast says about a restaurant, asked anew each time: it can change, and the reply tells the time.

        Raises ToastRefused (404: no such restaurant), ToastUnavailable, and ConfigurationError when its time
        zone is not one that Python knows.
        """
        call = Call(RESTAURANT.name, guid, usage, began=self._monotonic(), deadline=deadline)
        general, _ = self._fetch(RESTAURANT, guid, {}, _decode_general, call)
        return _restaurant_info(guid, general)

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

        The next page is fetched, and decoded, in a thread while the caller works on the last. ``decode``
        raises UnreadableBody for a body that is not whole, and the page is asked for again. ``deadline`` is
        a moment of the monotonic clock past which no retry begins, and no wait for the rate limit.

        Raises ToastRefused or ToastUnavailable; then the pages so far are not all.
        """
        params = {"businessDate": business_date.isoformat().replace("-", "")}
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

        Both are aware and count in whole milliseconds, as Toast's do. Raises ValueError when they are not in
        order, or more than a month apart, which Toast does not allow: split such a window.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("start and end must be aware datetimes")
        if _milliseconds(start) >= _milliseconds(end):
            raise ValueError(f"the window's start {start} is not before its end {end}")
        if end > one_month_after(start):
            raise ValueError(f"the window from {start} to {end} is longer than a month: split it")
        params = {"startDate": _milliseconds(start), "endDate": _milliseconds(end)}
        return self._walk(ORDERS_BULK, restaurant_guid, params, decode, usage, deadline)

    # --- walking the pages ------------------------------------------------------------------------

    def _walk(
        self,
        endpoint: Endpoint,
        restaurant: str,
        selection: dict[str, str],
        decode: Callable[[bytes], PageT],
        usage: Usage,
        deadline: float | None,
    ) -> Iterator[PageT]:
        stopped = threading.Event()

        def fetch(params: dict[str, str]) -> _Page[PageT]:
            began = self._monotonic()
            call = Call(endpoint.name, restaurant, usage, began=began, deadline=deadline, stopped=stopped)
            content, link = self._fetch(endpoint, restaurant, params, decode, call)
            usage.count(pages=1)
            return _Page(content, _following(params, link, len(content), self._transport.host))

        ahead: ThreadPoolExecutor | None = None
        try:
            page = fetch({**selection, "pageSize": str(PAGE_SIZE), "page": "1"})
            while page.following is not None:
                if ahead is None:  # most walks of a quiet day are one page, and need no thread
                    ahead = ThreadPoolExecutor(1, thread_name_prefix="toast-page")
                # A copy of the context, so that the thread's log lines carry the run's id too.
                context = contextvars.copy_context()
                coming: Future[_Page[PageT]] = ahead.submit(context.run, fetch, page.following)
                yield page.content
                del page  # two pages at most are held: the one worked on and the one coming
                page = coming.result()
                del coming
            if len(page.content):
                yield page.content
        finally:
            # A caller that stops early does not wait: the thread ends by itself after the reply under way.
            stopped.set()
            if ahead is not None:
                ahead.shutdown(wait=False, cancel_futures=True)

    # --- one request ------------------------------------------------------------------------------

    def _fetch(
        self,
        endpoint: Endpoint,
        restaurant: str,
        params: Mapping[str, str],
        decode: Callable[[bytes], T],
        call: Call,
    ) -> tuple[T, str | None]:
        """One reply's body, decoded, and its Link header; repeated until it comes whole."""
        path = endpoint.path.replace("{guid}", restaurant)
        if params:
            path += "?" + urlencode(params)  # encodes the + of an offset, which would arrive as a space

        def attempt() -> tuple[T, str | None]:
            reply = self._ask(endpoint, restaurant, path, call)
            try:
                return decode(reply.body), reply.link
            except UnreadableBody as error:
                raise Transient(f"unreadable body of {len(reply.body)} bytes: {error}", status=reply.status) from None

        return self._transport.persist(call, attempt)

    def _ask(self, endpoint: Endpoint, restaurant: str, path: str, call: Call) -> Reply:
        """One attempt: a reply with status 2xx. Raises Transient, ToastRefused or ToastUnavailable."""
        self._login.token(call.usage, call.deadline)  # before standing in line: what is let through goes at once
        admission = self._admit(endpoint, restaurant, call)
        limits: Limits | None = None
        date: float | None = None
        try:
            token = self._login.token(call.usage, call.deadline)
            call.usage.count(requests=1)
            headers = {"Authorization": f"Bearer {token.value}", "Toast-Restaurant-External-ID": restaurant}
            reply = self._transport.exchange("GET", path, headers)
            limits, date = Limits.of(reply.headers), unix_seconds(reply.headers.get("Date"))
        finally:
            self._pacer.answered(admission, limits, date)
        if reply.status != 401:
            token.worked = True
        if 200 <= reply.status < 300:
            return reply
        if reply.status == 429:
            raise self._throttled(reply, admission, limits, call)
        raise self._failure(reply, endpoint, token, call)

    def _admit(self, endpoint: Endpoint, restaurant: str, call: Call) -> Admission:
        asked = self._monotonic()
        try:
            return self._pacer.admit(restaurant, endpoint, deadline=call.deadline, stopped=call.stopped)
        except WaitTooLong as error:
            raise ToastUnavailable(f"Toast's limit for {call}: {error}.", retry_after=error.seconds) from None
        finally:
            call.held += self._monotonic() - asked

    def _throttled(self, reply: Reply, admission: Admission, limits: Limits | None, call: Call) -> Exception:
        """Close the limit for everybody as long as Toast asks for."""
        call.throttles += 1
        call.usage.count(throttled=1)
        error = ErrorBody.of(reply.body)
        wait = retry_after(reply.headers.get("Retry-After"))
        if wait is None and limits is not None and self._clock.known:
            wait = self._clock.moment_of(limits.reset) - self._monotonic()
        wait = max(wait, 0.0) if wait is not None else _BLIND_HOLD_SECONDS * 2.0 ** min(call.throttles - 1, 6)
        log.warning(
            "toast_throttled",
            endpoint=call.endpoint,
            restaurant=call.restaurant,
            status=429,
            request_id=error.request_id,
            limit=limits.by if limits else None,
            wait=round(wait, 3),
        )
        if wait > _LONGEST_HOLD_SECONDS:
            return ToastUnavailable(f"Toast asks to leave {call} alone for {wait:.0f} s (HTTP 429).", retry_after=wait)
        self._pacer.close(admission, limits, wait)
        return Transient(self._login.redact(error.told(429)), status=429, request_id=error.request_id, pause=0.0)

    def _failure(self, reply: Reply, endpoint: Endpoint, token: Token, call: Call) -> Exception:
        """What a reply other than 2xx and 429 means."""
        error = ErrorBody.of(reply.body)
        told = self._login.redact(error.told(reply.status))
        if may_pass(reply.status):
            pause = retry_after(reply.headers.get("Retry-After"))
            return Transient(told, status=reply.status, request_id=error.request_id, pause=pause or None)
        if reply.status == 401 and self._has_new_token(token, call):
            return Transient(told, status=401, request_id=error.request_id, pause=0.0)
        message = f"Toast refused {call}: {told}{_advice(reply.status, endpoint)}"
        return ToastRefused(message, status=reply.status, request_id=error.request_id)

    def _has_new_token(self, failed: Token, call: Call) -> bool:
        """Whether another attempt after a 401 makes sense; logs in if need be.

        Once as a rule. More often only where several threads go on while tokens expire under them.
        """
        call.renewals += 1
        if call.renewals > _MOST_RENEWALS:
            return False
        return self._login.renew(failed, call.usage, call.deadline, again=call.renewals > 1)


def _advice(status: int, endpoint: Endpoint) -> str:
    if 300 <= status < 400:
        return ". This is a redirect, and credentials are not sent on: check TOAST_API_HOST."
    match status:
        case 401:
            return ". A new login did not help: check that the credentials are active."
        case 403:
            return (
                f". Ask Toast to give the credentials the scope {endpoint.scope} ({endpoint.path}) and to connect them "
                "to this restaurant; a new connection can take more than 15 minutes."
            )
        case 404:
            return ". Check the restaurant's GUID in restaurants.toml."
    return "."


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


def _milliseconds(moment: dt.datetime) -> str:
    utc = moment.astimezone(dt.UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"


def one_month_after(start: dt.datetime) -> dt.datetime:
    """The latest end of a modified window that begins at ``start``: the same day of the next month, in UTC.

    The month's last day where it has no such day.
    """
    utc = start.astimezone(dt.UTC)
    year, month = utc.year + utc.month // 12, utc.month % 12 + 1
    return utc.replace(year=year, month=month, day=min(utc.day, calendar.monthrange(year, month)[1]))


def _decode_general(body: bytes) -> _General:
    try:
        return msgspec.json.decode(body, type=_RestaurantBody).general
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableBody(str(error)) from None


def _restaurant_info(guid: str, general: _General) -> RestaurantInfo:
    try:
        ZoneInfo(general.time_zone)
    except Exception:
        raise ConfigurationError(
            f"Toast gives restaurant {guid} the time zone {general.time_zone!r}, which is not an IANA name: "
            "set its timezone in restaurants.toml."
        ) from None
    first = general.first_business_date
    return RestaurantInfo(
        name=general.name,
        timezone=general.time_zone,
        closeout_hour=_DEFAULT_CLOSEOUT_HOUR if general.closeout_hour is None else general.closeout_hour,
        first_business_date=from_toast_date(first) if first else None,
    )
