"""The restaurants API (/restaurants/v1): what a client must know of a location."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator.endpoints import Endpoint
from toast_simulator.errors import ApiError
from toast_simulator.state import Simulator
from toast_simulator.world import entities as e
from toast_simulator.world.configuration import State
from toast_simulator.world.places import Place
from toast_simulator.world.wire import yyyymmdd


def endpoints(simulator: Simulator) -> tuple[Endpoint, ...]:
    """The endpoints of this API."""

    def state(place: Place) -> State:
        published = simulator.world.configuration(place).at(simulator.clock.now())
        return next(iter(published.all("restaurants")))

    def one(request: Request, location: Place, guid: str) -> Response:
        place = simulator.world.places.get(guid.lower())
        archived_too = request.query_params.get("includeArchived") == "true"
        if place is None or (state(place).archived is not None and not archived_too):
            raise ApiError(404, f"Restaurant {guid} not found")
        return _json(restaurant_info(place, state(place)))

    def group(request: Request, location: Place, guid: str) -> Response:
        if guid.lower() != location.group_guid:
            raise ApiError(403, f"No access to management group {guid}")
        members = (place for place in simulator.world.places.values() if place.group_guid == location.group_guid)
        return _json([{"guid": place.guid} for place in members if state(place).archived is None])

    return (
        Endpoint("/restaurants/v1/restaurants/{guid}", one),
        Endpoint("/restaurants/v1/groups/{guid}/restaurants", group),
    )


def restaurant_info(place: Place, state: State) -> dict[str, Any]:
    """RestaurantInfo; always filled are only name, timeZone and closeoutHour, so others can be null."""
    own = state.entity
    if not isinstance(own, e.Restaurant):
        raise TypeError(own)
    return {
        "guid": place.guid,
        "general": {
            "name": own.name,
            "locationName": own.location_name,
            "locationCode": own.location_code,
            "description": None,
            "timeZone": place.timezone,
            "closeoutHour": place.closeout_hour,
            "managementGroupGuid": place.group_guid,
            "currencyCode": place.currency,
            "firstBusinessDate": yyyymmdd(place.first_business_date.toordinal()),
            "archived": state.archived is not None,
        },
        "urls": {"website": None, "facebook": None, "twitter": None, "orderOnline": None, "purchaseGiftCard": None},
        "location": {
            "address1": f"{place.index + 1} Example Street",
            "address2": None,
            "city": "Springfield",
            "stateCode": None if place.canadian else "MA",
            "administrativeArea": None,
            "zipCode": "00000",
            "country": "CA" if place.canadian else "US",
            "phone": None,
            "latitude": 42.0,
            "longitude": -71.0,
        },
        "schedules": {"daySchedules": {}, "weekSchedule": {}},
        "delivery": {"enabled": True, "minimum": None, "area": None},
        "onlineOrdering": {"enabled": True, "scheduling": True, "specialRequests": True},
        "prepTimes": {"deliveryPrepTime": 30, "takeoutPrepTime": 15},
    }


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
