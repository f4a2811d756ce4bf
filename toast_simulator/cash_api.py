"""The cash management API (/cashmgmt/v1): entries and deposits of one business date. It has no ranges."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from toast_simulator.endpoints import Endpoint
from toast_simulator.errors import ApiError
from toast_simulator.query import business_date
from toast_simulator.state import Simulator
from toast_simulator.world.cash_wire import encode_deposits, encode_entries
from toast_simulator.world.places import Place


def endpoints(simulator: Simulator) -> tuple[Endpoint, ...]:
    """The endpoints of this API."""
    book, clock = simulator.world.cash, simulator.clock

    def entries(request: Request, place: Place, guid: str) -> Response:
        # Only entries still know the older name of the parameter.
        ordinal = _business_date(request, ("businessDate", "yyyymmdd"))
        body = encode_entries(book.entries(place, ordinal, clock.now()))
        return Response(body, media_type="application/json")

    def deposits(request: Request, place: Place, guid: str) -> Response:
        ordinal = _business_date(request, ("businessDate",))
        body = encode_deposits(book.deposits(place, ordinal, clock.now()))
        return Response(body, media_type="application/json")

    return Endpoint("/cashmgmt/v1/entries", entries), Endpoint("/cashmgmt/v1/deposits", deposits)


def _business_date(request: Request, names: tuple[str, ...]) -> int:
    """The business date that a request asks for, as an ordinal. Raises ApiError 400; the texts are guesses."""
    params = request.query_params
    if "startDate" in params or "endDate" in params:
        raise ApiError(400, "businessDate is required; startDate and endDate are not supported")
    text = next((params[name] for name in names if name in params), None)
    if text is None:
        raise ApiError(400, "businessDate is required")
    return business_date(text)
