"""The restaurants API (/restaurants/v1): what a client must know of a location."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator.endpoints import Endpoint
from toast_simulator.errors import ApiError
from toast_simulator.state import Simulator
from toast_simulator.world.places import Place
from toast_simulator.world.wire import yyyymmdd


def endpoints(simulator: Simulator) -> tuple[Endpoint, ...]:
    """The endpoints of this API."""

    def one(request: Request, location: Place, guid: str) -> Response:
        place = simulator.world.places.get(guid.lower())
        if place is None:
            raise ApiError(404, f"Restaurant {guid} not found")
        return Response(msgspec.json.encode(_restaurant(place)), media_type="application/json")

    return (Endpoint("/restaurants/v1/restaurants/{guid}", one),)


def _restaurant(place: Place) -> dict[str, Any]:
    """RestaurantInfo; always filled are only name, timeZone and closeoutHour, so others can be null."""
    return {
        "guid": place.guid,
        "general": {
            "name": place.name,
            "locationName": place.name.rpartition(" ")[2],
            "locationCode": f"L{place.index + 1:02}",
            "description": None,
            "timeZone": place.timezone,
            "closeoutHour": place.closeout_hour,
            "managementGroupGuid": place.group_guid,
            "currencyCode": "CAD" if place.canadian else "USD",
            "firstBusinessDate": yyyymmdd(place.first_business_date.toordinal()),
            "archived": False,
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
