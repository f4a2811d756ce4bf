"""The way of an API request: latency, faults, limits, login, location, then the endpoint that it is for."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator import (
    cash_api,
    config_api,
    labor_api,
    menus_api,
    orders_api,
    partners_api,
    people_api,
    restaurants_api,
)
from toast_simulator.endpoints import Endpoint
from toast_simulator.errors import UNKNOWN_PATH, ApiError
from toast_simulator.faults import FaultRequest, Kind
from toast_simulator.state import Simulator
from toast_simulator.world.places import Place

LOGIN_PATH = "/authentication/v1/authentication/login"
_LOCATION_HEADER = "Toast-Restaurant-External-ID"
_REFUSALS: tuple[Kind, ...] = ("status_429", "status_5xx", "forbidden")


class Cut(Exception):
    """The connection must end: halfway through ``response``, or, when it is None, without a reply."""

    def __init__(self, response: Response | None = None) -> None:
        self.response = response
        super().__init__()


class Api:
    """Everything outside /_simulator/."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._endpoints = (
            *orders_api.endpoints(simulator),
            *config_api.endpoints(simulator),
            *menus_api.endpoints(simulator),
            *people_api.endpoints(simulator),
            *restaurants_api.endpoints(simulator),
            *partners_api.endpoints(simulator),
            *cash_api.endpoints(simulator),
            *labor_api.endpoints(simulator),
        )

    async def answer(self, request: Request) -> Response:
        """Answer a request and count it, under its path or under "other". Raises Cut."""
        endpoint, guid = self._find(request.url.path)
        status = 0
        try:
            response = await self._with_faults(request, endpoint, guid)
            status = response.status_code
            return response
        finally:
            self._simulator.counts.count(endpoint.path, status, login=endpoint is _LOGIN)

    def _find(self, path: str) -> tuple[Endpoint, str]:
        if path == LOGIN_PATH:
            return _LOGIN, ""
        for endpoint in self._endpoints:
            guid = endpoint.match(path)
            if guid is not None:
                return endpoint, guid
        return _OTHER, ""

    async def _with_faults(self, request: Request, endpoint: Endpoint, guid: str) -> Response:
        if self._simulator.latency:
            await asyncio.sleep(self._simulator.latency)
        delay = self._strike(request, "delay")
        if delay:
            await asyncio.sleep(delay.seconds)
        if self._strike(request, "cut_connection"):
            raise Cut
        try:
            if endpoint is _LOGIN:
                response = await self._login(request)
            else:
                response = self._limited(request, endpoint, guid)
        except ApiError as failure:
            return failure.response()
        drift = self._strike(request, "drift")
        if drift:
            response = _drifted(response, drift)
        truncated = self._strike(request, "truncated_body")
        return _truncated(response, truncated) if truncated else response

    async def _login(self, request: Request) -> Response:
        self._refuse(request)
        if request.method != "POST":
            raise ApiError(405, "Method not allowed")
        try:
            body = msgspec.json.decode(await request.body(), type=dict[str, object])
        except msgspec.DecodeError:
            raise ApiError(400, "The body must be a JSON object") from None
        if body.get("userAccessType") != "TOAST_MACHINE_CLIENT":
            raise ApiError(400, "userAccessType must be TOAST_MACHINE_CLIENT")
        reply = self._simulator.tokens.login(body.get("clientId"), body.get("clientSecret"))
        if reply is None:
            raise ApiError(401, "Bad credentials")
        return Response(msgspec.json.encode(reply), media_type="application/json")

    def _limited(self, request: Request, endpoint: Endpoint, guid: str) -> Response:
        """Answer with the headers of the limit nearest exhaustion, also when the answer is a refusal."""
        # Without a location Toast counts by IP address.
        caller = request.headers.get(_LOCATION_HEADER) or (request.client.host if request.client else "")
        verdict = self._simulator.limits.take(caller.lower(), endpoint.api, endpoint.path, endpoint.per_second)
        try:
            if not verdict.allowed:
                raise ApiError(429, "Too many requests: the rate limit is exceeded")
            response = self._authorized(request, endpoint, guid)
        except ApiError as failure:
            failure.headers = {**verdict.headers(), **failure.headers}
            raise
        response.headers.update(verdict.headers())
        return response

    def _authorized(self, request: Request, endpoint: Endpoint, guid: str) -> Response:
        if endpoint is _OTHER:
            raise ApiError(404, f"Unknown path {request.url.path}", UNKNOWN_PATH)
        if self._strike(request, "expired_token"):
            self._simulator.tokens.expire()
        if not self._simulator.tokens.valid(request.headers.get("Authorization")):
            raise ApiError(401, "The token is unknown or has expired")
        place = None if endpoint.for_all else self._place(request.headers.get(_LOCATION_HEADER))
        self._refuse(request)
        if request.method != "GET":
            raise ApiError(403, "These credentials may only read")
        return endpoint.answer(request, place, guid)

    def _place(self, location: str | None) -> Place:
        """The restaurant that the request names. A missing or malformed header: see Guesses.header_status."""
        status = self._simulator.guesses.header_status
        if location is None:
            raise ApiError(status, f"The header {_LOCATION_HEADER} is required")
        try:
            guid = str(uuid.UUID(location))
        except ValueError:
            raise ApiError(status, f"{_LOCATION_HEADER} must be a GUID") from None
        place = self._simulator.world.places.get(guid)
        if place is None:
            raise ApiError(403, f"No access to restaurant {guid}")
        return place

    def _strike(self, request: Request, *kinds: Kind) -> FaultRequest | None:
        location = request.headers.get(_LOCATION_HEADER)
        return self._simulator.faults.strike(request.url.path, location, kinds)

    def _refuse(self, request: Request) -> None:
        """Refuse the request if a fault says so."""
        fault = self._strike(request, *_REFUSALS)
        if fault is None:
            return
        if fault.kind == "status_429":
            wait = str(max(1, round(fault.seconds)))
            raise ApiError(429, "Too many requests (injected)", headers={"Retry-After": wait})
        if fault.kind == "forbidden":
            raise ApiError(403, "Access denied (injected)")
        raise ApiError(fault.status, "Service failure (injected)")


_LOGIN = Endpoint(LOGIN_PATH)
_OTHER = Endpoint("/other")


def _drifted(response: Response, fault: FaultRequest) -> Response:
    """A field of the first object is what the fault says, whether or not it was there; of an empty list nothing is."""
    content = msgspec.json.decode(bytes(response.body))
    *way, name = fault.field.split(".")
    target = _first(content)
    for step in way:
        target = _first(target.get(step)) if isinstance(target, dict) else None
    if isinstance(target, dict):
        target[name] = fault.value
        response.body = msgspec.json.encode(content)
        response.headers["content-length"] = str(len(response.body))
    return response


def _first(content: Any) -> Any:
    return next(iter(content), None) if isinstance(content, list) else content


def _truncated(response: Response, fault: FaultRequest) -> Response:
    """Half of the body: as if that were all, or with the connection closed before the rest."""
    if fault.variant == "connection":
        raise Cut(response)
    body = bytes(response.body)
    response.body = body[: len(body) // 2]
    response.headers["content-length"] = str(len(response.body))
    return response
