"""The configuration API (/config/v2): listings of each kind of entity, in pages, and one entity by its GUID.

Only what is published and in use is ever returned. A listing that is paged through while its restaurant
publishes must begin again: the token of an earlier publish gets a 409.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator import query
from toast_simulator.endpoints import Endpoint, Handler
from toast_simulator.errors import ApiError
from toast_simulator.paging import page_token, position_of
from toast_simulator.state import Simulator
from toast_simulator.world import entities as e
from toast_simulator.world.config_wire import encode_config, encode_tip_withholding
from toast_simulator.world.configuration import Published
from toast_simulator.world.places import Place
from toast_simulator.world.streams import seed_of
from toast_simulator.world.wire import encode_page

NEXT_PAGE = "Toast-Next-Page-Token"
_SINGLE = "tipWithholding"
KINDS = tuple(kind for kind in e.ENTITY_TYPES if kind not in ("employees", "jobs", "restaurants", _SINGLE))
"""The kinds that are listed."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Where a page begins: in which listing, of which publish, at which entity; ``modified`` is the filter."""

    place: str
    kind: str
    version: tuple[int, int]
    first: int
    modified: int


def endpoints(simulator: Simulator) -> tuple[Endpoint, ...]:
    """The endpoints of this API."""
    config = ConfigApi(simulator)
    listings = (Endpoint(f"/config/v2/{kind}", config.listing(kind)) for kind in KINDS)
    singles = (Endpoint(f"/config/v2/{kind}/{{guid}}", config.single(kind)) for kind in KINDS)
    return (*listings, *singles, Endpoint(f"/config/v2/{_SINGLE}", config.tip_withholding))


class ConfigApi:
    """Answers requests about configuration."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def listing(self, kind: str) -> Handler:
        """What answers GET /config/v2/{kind}. ``page`` and ``pageSize`` are passed over, as Toast does."""

        def answer(request: Request, place: Place, guid: str) -> Response:
            token = request.query_params.get("pageToken")
            if token is not None:
                self._publish_if_asked(request, place)
            published = self._published(place)
            begin = Position(place.guid, kind, published.version, 0, _modified_since(request.query_params))
            return self._page(begin if token is None else _continued(token, begin), published)

        return answer

    def single(self, kind: str) -> Handler:
        """What answers GET /config/v2/{kind}/{guid}."""

        def answer(request: Request, place: Place, guid: str) -> Response:
            state = self._published(place).find(kind, guid.lower())
            if state is None:
                raise ApiError(404, f"{e.ENTITY_TYPES[kind]} {guid} not found")
            return Response(encode_config(kind, state.entity), media_type="application/json")

        return answer

    def tip_withholding(self, request: Request, place: Place, guid: str) -> Response:
        """GET /config/v2/tipWithholding: the restaurant has one rule."""
        for state in self._published(place).listed(_SINGLE):
            if isinstance(state.entity, e.TipWithholding):
                return Response(encode_tip_withholding(state.entity, place), media_type="application/json")
        raise ApiError(404, "No tip withholding is configured")

    def _published(self, place: Place) -> Published:
        return self._simulator.world.configuration(place).at(self._simulator.clock.now())

    def _page(self, at: Position, published: Published) -> Response:
        found = [state.entity for state in published.listed(at.kind) if state.modified >= at.modified]
        end = at.first + self._size(at)
        body = encode_page(encode_config(at.kind, entity) for entity in found[at.first : end])
        response = Response(body, media_type="application/json")
        if end < len(found):
            response.headers[NEXT_PAGE] = page_token(msgspec.structs.replace(at, first=end))
        return response

    def _size(self, at: Position) -> int:
        """How many entities a page holds: that varies, up to the largest page."""
        largest = self._simulator.guesses.config_page
        return largest - seed_of("page", at.place, at.kind, at.first) % (largest // 3 + 1)

    def _publish_if_asked(self, request: Request, place: Place) -> None:
        if self._simulator.faults.strike(request.url.path, place.guid, ("publish_while_paging",)):
            self._simulator.world.configuration(place).publish(self._simulator.clock.now())


def _modified_since(params: Mapping[str, str]) -> int:
    """The lastModified filter as Unix ms; 0 for none."""
    text = params.get("lastModified")
    return 0 if text is None else query.moment("lastModified", text)


def _continued(token: str, begin: Position) -> Position:
    """Where a token goes on. Raises ApiError 400 for another listing's, 409 for another publish's."""
    at = position_of(token, Position)
    if (at.place, at.kind) != (begin.place, begin.kind):
        raise ApiError(400, "pageToken is not a token of this listing")
    if at.version != begin.version:
        raise ApiError(409, "The configuration was published meanwhile: begin again without pageToken")
    return at
