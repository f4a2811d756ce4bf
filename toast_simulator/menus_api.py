"""The menus API (/menus/v2): all published menus in one reply, and when they last changed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from toast_simulator.endpoints import Endpoint
from toast_simulator.errors import ApiError
from toast_simulator.state import Simulator
from toast_simulator.world.configuration import Published
from toast_simulator.world.menus_wire import encode_menus, encode_metadata
from toast_simulator.world.places import Place


def endpoints(simulator: Simulator) -> tuple[Endpoint, ...]:
    """The endpoints of this API. The menus have a limit of their own (Toast's guide, rate limiting)."""

    def published(place: Place) -> tuple[Published, int]:
        found = simulator.world.configuration(place).at(simulator.clock.now())
        if found.menus_updated is None:
            raise ApiError(404, "No menus are published for this restaurant")
        return found, found.menus_updated

    def menus(request: Request, place: Place, guid: str) -> Response:
        return Response(encode_menus(place, *published(place)), media_type="application/json")

    def metadata(request: Request, place: Place, guid: str) -> Response:
        return Response(encode_metadata(place, published(place)[1]), media_type="application/json")

    return (Endpoint("/menus/v2/menus", menus, per_second=1), Endpoint("/menus/v2/metadata", metadata))
