"""The orders API (/orders/v2): ordersBulk in its two selections, and one order by its GUID."""

from __future__ import annotations

import datetime as dt
import re
from collections import OrderedDict
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator.endpoints import Endpoint
from toast_simulator.errors import ApiError
from toast_simulator.guesses import LONGEST_WINDOW_DAYS, MAX_PAGE_SIZE, Guesses
from toast_simulator.query import business_date, interval
from toast_simulator.state import Simulator
from toast_simulator.world.places import DAY, Place
from toast_simulator.world.wire import encode_order, encode_page
from toast_simulator.world.world import Listed, Listing, World

ONE_SELECTOR = "EITHER (startDate and endDate) OR businessDate is required"
_EARLIEST = dt.datetime(2015, 12, 1, tzinfo=dt.UTC)
_CACHE_BYTES = 256 * 1024 * 1024
_CACHE_LISTED = 300_000


def endpoints(simulator: Simulator) -> tuple[Endpoint, ...]:
    """The endpoints of this API. ordersBulk has a limit of its own (Toast's guide, rate limiting)."""
    orders = OrdersApi(simulator)
    return (
        Endpoint("/orders/v2/ordersBulk", orders.bulk, per_second=5),
        Endpoint("/orders/v2/orders/{guid}", orders.one),
    )


class Query(msgspec.Struct, frozen=True):
    """What an ordersBulk request asks for; moments in Unix ms, the date as an ordinal."""

    ordinal: int | None
    start: int
    end: int
    page: int
    size: int


class OrdersApi:
    """Answers requests about orders."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._encoded = EncodedOrders(simulator.world)
        self._lists = Lists(simulator.world, simulator.guesses)

    def bulk(self, request: Request, place: Place, guid: str) -> Response:
        """GET /orders/v2/ordersBulk."""
        query = parse_query(request.query_params, self._simulator.guesses)
        first = (query.page - 1) * query.size
        now = self._simulator.clock.now()
        orders = self._lists.get(place, query, now)
        strike = self._simulator.faults.strike
        if 0 < first <= len(orders) and strike(request.url.path, place.guid, ("edit_while_paging",)):
            now = max(now, self._edit_served(place, orders[:first], now))
            orders = self._lists.get(place, query, now)
        page = orders[first : first + query.size]
        body = encode_page([self._encoded.get(place, listed, now) for listed in page])
        response = Response(body, media_type="application/json")
        if self._simulator.guesses.links == "yes":
            for link in links(request, query, len(page), len(orders), self._simulator.guesses):
                response.headers.append("link", link)
        return response

    def one(self, request: Request, place: Place, guid: str) -> Response:
        """GET /orders/v2/orders/{guid}."""
        now = self._simulator.clock.now()
        found = self._simulator.world.find(place, guid)
        order = self._simulator.world.order(place, *found, now) if found else None
        if order is None:
            raise ApiError(404, f"Order {guid} not found")
        return Response(encode_order(order), media_type="application/json")

    def _edit_served(self, place: Place, served: list[Listed], now: int) -> int:
        """Add a tip to an order that the client has seen; return its new modifiedDate."""
        _, home, number = min(served)
        return self._simulator.world.edit(place, home, number, (now, "tip", None))


class Lists:
    """Which orders a query means, in the API's order; kept for as long as that stays true."""

    def __init__(self, world: World, guesses: Guesses, limit: int = _CACHE_LISTED) -> None:
        self._world = world
        self._ordering = guesses.ordering
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[tuple[str, int | None, int, int], tuple[Listing, int]] = OrderedDict()

    def get(self, place: Place, query: Query, now: int) -> list[Listed]:
        """All orders that a query means at ``now``."""
        key = (place.guid, query.ordinal, query.start, query.end)
        kept = self._kept.pop(key, None)
        if kept is not None:
            listing, edits = kept
            if edits == self._world.edits and listing.since <= now < listing.until:
                self._kept[key] = kept
                return listing.orders
            self._size -= len(listing.orders)
        if query.ordinal is not None:
            listing = self._world.on_business_date(place, query.ordinal, now)
        else:
            listing = self._world.modified_between(place, query.start, query.end, now)
        self._world.sort(place, listing.orders, self._ordering)
        self._kept[key] = (listing, self._world.edits)
        self._size += len(listing.orders)
        while self._size > self._limit and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1][0].orders)
        return listing.orders


class EncodedOrders:
    """Orders as JSON, made when asked for; the most recently used ones are kept."""

    def __init__(self, world: World, limit: int = _CACHE_BYTES) -> None:
        self._world = world
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[tuple[int, Listed, int], bytes] = OrderedDict()

    def get(self, place: Place, listed: Listed, now: int) -> bytes:
        """One listed order as it is at ``now``."""
        _, home, number = listed
        key = (place.index, listed, self._world.edits_of(place, home, number))
        body = self._kept.get(key)
        if body is not None:
            self._kept.move_to_end(key)
            return body
        order = self._world.order(place, home, number, now)
        if order is None:
            raise LookupError(f"order {home}/{number} was listed but does not exist")
        body = encode_order(order)
        self._kept[key] = body
        self._size += len(body)
        while self._size > self._limit:
            self._size -= len(self._kept.popitem(last=False)[1])
        return body


def parse_query(params: Mapping[str, str], guesses: Guesses) -> Query:
    """Read the parameters of ordersBulk; other parameters are passed over.

    Raises ApiError 400. The messages for the selection are Toast's own, the others are guesses.
    """
    size = _whole("pageSize", params.get("pageSize", str(guesses.page_size)))
    if size > MAX_PAGE_SIZE:
        if guesses.large_page == "refuse":
            raise ApiError(400, f"pageSize must not be greater than {MAX_PAGE_SIZE}")
        size = MAX_PAGE_SIZE
    page = _whole("page", params.get("page", "1"))
    date, start, end = (params.get(name) for name in ("businessDate", "startDate", "endDate"))
    if date is not None:
        if start is not None or end is not None:
            raise ApiError(400, ONE_SELECTOR)
        return Query(business_date(date), 0, 0, page, size)
    if start is None or end is None:
        raise ApiError(400, ONE_SELECTOR)
    return Query(None, *_window(start, end, guesses), page, size)


def _window(start: str, end: str, guesses: Guesses) -> tuple[int, int]:
    first, last = interval("startDate", start, "endDate", end)
    if first < _EARLIEST.timestamp() * 1000:
        raise ApiError(400, "startDate must be after 2015-12-01")
    if last - first > LONGEST_WINDOW_DAYS * DAY and guesses.long_window == "refuse":
        raise ApiError(400, "The time between startDate and endDate must not exceed one month")
    return first, last


def _whole(name: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < 1:
        raise ApiError(400, f"{name} must be a positive integer")
    return int(text)


def links(request: Request, query: Query, on_page: int, total: int, guesses: Guesses) -> list[str]:
    """The Link headers of a page, one header each: first, self, prev and next, never last."""
    more = query.page * query.size < total
    if guesses.next_on_full_page == "yes" and on_page == query.size:
        more = True
    pages = [("first", 1), ("self", query.page)]
    if query.page > 1:
        pages.append(("prev", query.page - 1))
    if more:
        pages.append(("next", query.page + 1))
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("page", "pageSize")]
    base = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
    return [
        f'<{base}?{urlencode([*kept, ("page", str(number)), ("pageSize", str(query.size))])}>; rel="{name}"'
        for name, number in pages
    ]
