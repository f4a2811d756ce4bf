"""Employees and jobs of the labor API (/labor/v1). Neither is paged; employees who have left are returned too."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from toast_simulator.endpoints import Endpoint
from toast_simulator.errors import ApiError
from toast_simulator.state import Simulator
from toast_simulator.world.config_wire import encode_employees, encode_jobs
from toast_simulator.world.configuration import Published, State
from toast_simulator.world.places import Place

MOST_IDS = 100
"""How many GUIDs a request may ask for (OpenAPI of labor)."""


def endpoints(simulator: Simulator) -> tuple[Endpoint, ...]:
    """The endpoints about people."""

    def published(place: Place) -> Published:
        return simulator.world.configuration(place).at(simulator.clock.now())

    def employees(request: Request, place: Place, guid: str) -> Response:
        chosen = _chosen(request, "employeeIds", published(place).all("employees"))
        return Response(encode_employees(chosen), media_type="application/json")

    def jobs(request: Request, place: Place, guid: str) -> Response:
        chosen = _chosen(request, "jobIds", published(place).listed("jobs"))
        return Response(encode_jobs(chosen), media_type="application/json")

    return (Endpoint("/labor/v1/employees", employees), Endpoint("/labor/v1/jobs", jobs))


def _chosen(request: Request, name: str, states: Iterable[State]) -> list[State]:
    """Those with the GUIDs that a repeatable parameter names; all when it is not given. Raises ApiError 400."""
    asked = request.query_params.getlist(name)
    if not asked:
        return list(states)
    if len(asked) > MOST_IDS:
        raise ApiError(400, f"{name} must not be more than {MOST_IDS}")
    try:
        wanted = {str(uuid.UUID(text)) for text in asked}
    except ValueError:
        raise ApiError(400, f"{name} must be GUIDs") from None
    return [state for state in states if state.entity.guid in wanted]
