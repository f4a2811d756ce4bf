"""The partners API (/partners/v1): which restaurants these credentials may read, all at once or in pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator import query
from toast_simulator.clock import iso
from toast_simulator.endpoints import Endpoint
from toast_simulator.errors import ApiError
from toast_simulator.paging import page_token, position_of
from toast_simulator.state import Simulator
from toast_simulator.tokens import SCOPES
from toast_simulator.world import entities as e
from toast_simulator.world.configuration import State
from toast_simulator.world.places import Place

DEFAULT_PAGE, LARGEST_PAGE = 100, 200
"""Page sizes of connectedRestaurants (OpenAPI of partners)."""

_CONNECTED = "/partners/v1/connectedRestaurants"


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A page, counted from 1, of so many rows; ``modified`` is the filter (Unix ms)."""

    page: int
    size: int
    modified: int


def endpoints(simulator: Simulator) -> tuple[Endpoint, ...]:
    """The endpoints of this API; they are about no restaurant in particular."""

    def rows(modified: int) -> list[dict[str, Any]]:
        now = simulator.clock.now()
        found = []
        for place in simulator.world.places.values():
            for state in simulator.world.configuration(place).at(now).all("restaurants"):
                if state.modified >= modified:
                    found.append(_row(place, state))
        return found

    def restaurants(request: Request) -> Response:
        return _json(rows(_modified_since(request.query_params)))

    def connected(request: Request) -> Response:
        at = _position(request.query_params)
        found = rows(at.modified)
        response = _json(_page(found, at))
        if at.page * at.size < len(found):
            after = page_token(msgspec.structs.replace(at, page=at.page + 1))
            base = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
            response.headers["link"] = f'<{base}?{urlencode({"pageToken": after})}>; rel="next"'
        return response

    return (
        Endpoint("/partners/v1/restaurants", for_all=restaurants),
        Endpoint(_CONNECTED, for_all=connected),
    )


def _position(params: Mapping[str, str]) -> Position:
    """The page asked for. A token says all: beside one, the other parameters are passed over. Raises ApiError 400."""
    token = params.get("pageToken")
    if token is not None:
        return position_of(token, Position)
    size = params.get("pageSize", str(DEFAULT_PAGE))
    if not re.fullmatch(r"\d{1,3}", size, re.ASCII) or not 1 <= int(size) <= LARGEST_PAGE:
        raise ApiError(400, f"pageSize must be from 1 to {LARGEST_PAGE}")
    return Position(1, int(size), _modified_since(params))


def _modified_since(params: Mapping[str, str]) -> int:
    text = params.get("lastModified")
    return 0 if text is None else query.moment("lastModified", text)


def _page(rows: list[dict[str, Any]], at: Position) -> dict[str, Any]:
    last = max(1, -(-len(rows) // at.size))
    results = rows[(at.page - 1) * at.size : at.page * at.size]
    following = at.page + 1 if at.page < last else None
    return {
        "results": results,
        "currentPageNum": at.page,
        "nextPageNum": following,
        "lastPageNum": last,
        "previousPageNum": at.page - 1 if at.page > 1 else None,
        "totalResultCount": len(rows),
        "totalCount": len(rows),
        "pageSize": at.size,
        "currentPageToken": page_token(at),
        "nextPageToken": page_token(msgspec.structs.replace(at, page=following)) if following else None,
    }


def _row(place: Place, state: State) -> dict[str, Any]:
    own = state.entity
    location = own.location_name if isinstance(own, e.Restaurant) and place.index % 3 else None
    return {
        "restaurantGuid": place.guid,
        "managementGroupGuid": place.group_guid,
        "restaurantName": own.name,
        "locationName": location,
        "createdByEmailAddress": "operations@example.com",
        "externalGroupRef": None if place.index % 4 else "EXAMPLE_GROUP",
        "externalRestaurantRef": f"place-{place.index + 1:02}" if place.index % 2 else None,
        "deleted": state.archived is not None,
        "modifiedDate": state.modified,
        "createdDate": state.created,
        "isoModifiedDate": iso(state.modified),
        "isoCreatedDate": iso(state.created),
        "scopes": SCOPES.split(),
    }


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
