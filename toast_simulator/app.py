"""The way of a request: latency, faults, login, location, limits, then the API that it is for."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from toast_simulator import restaurants_api
from toast_simulator.control import Control, error
from toast_simulator.errors import UNKNOWN_PATH, ApiError
from toast_simulator.faults import FaultRequest
from toast_simulator.orders_api import OrdersApi
from toast_simulator.state import Simulator
from toast_simulator.world.places import Place

LOGIN_PATH = "/authentication/v1/authentication/login"

Handler = Callable[[Request, Place, str], Response]


class Endpoint(msgspec.Struct, frozen=True):
    """One path of the API. ``pattern`` may hold one group, the GUID; ``per_second`` is a limit of its own."""

    name: str
    api: str
    pattern: re.Pattern[str]
    handler: Handler
    per_second: int | None = None


class Cut(Exception):
    """The connection ends here; ``body`` is what still goes out, None for not even a reply."""

    def __init__(self, body: Response | None = None) -> None:
        self.body = body
        super().__init__()


class App:
    """The ASGI application. Every reply carries the simulated Date."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._control = Control(simulator)
        orders = OrdersApi(simulator)
        places = simulator.world.places
        self._endpoints = (
            Endpoint(
                "/orders/v2/ordersBulk", "orders", re.compile(r"/orders/v2/ordersBulk"),
                lambda request, place, _: orders.bulk(request, place), per_second=5,
            ),
            Endpoint(
                "/orders/v2/orders/{guid}", "orders", re.compile(r"/orders/v2/orders/([^/]+)"),
                lambda _, place, guid: orders.one(place, guid),
            ),
            Endpoint(
                "/restaurants/v1/restaurants/{guid}", "restaurants", re.compile(r"/restaurants/v1/restaurants/([^/]+)"),
                lambda _request, _place, guid: restaurants_api.one(places, guid),
            ),
        )  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"date", self._simulator.clock.http_date().encode()))
            await send(message)

        request = Request(scope, receive)
        try:
            response = await (self._controlled if scope["path"].startswith("/_simulator/") else self._counted)(request)
        except Cut as cut:
            await _cut(scope, dated, cut.body)
            return
        await response(scope, receive, dated)

    async def _controlled(self, request: Request) -> Response:
        try:
            for route in self._control.router.routes:
                match, child = route.matches(request.scope)
                if match.value:
                    return await _endpoint(child)(request)
            raise HTTPException(404, "no such path under /_simulator/; see docs/simulator.md")
        except HTTPException as failure:
            return error(failure)

    async def _counted(self, request: Request) -> Response:
        """Answer an API request and count it under its path, or under "other"."""
        path = request.url.path
        endpoint, guid = self._endpoint(path)
        name = endpoint.name if endpoint else LOGIN_PATH if path == LOGIN_PATH else "other"
        status = 0
        try:
            if self._simulator.latency:
                await asyncio.sleep(self._simulator.latency)
            response = await self._answered(request, endpoint, guid)
            status = response.status_code
            return response
        finally:
            self._simulator.counts.count(name, status, login=name == LOGIN_PATH)

    def _endpoint(self, path: str) -> tuple[Endpoint | None, str]:
        for endpoint in self._endpoints:
            match = endpoint.pattern.fullmatch(path)
            if match:
                return endpoint, match[1] if match.re.groups else ""
        return None, ""

    async def _answered(self, request: Request, endpoint: Endpoint | None, guid: str) -> Response:
        faults, path = self._simulator.faults, request.url.path
        location = request.headers.get("toast-restaurant-external-id")
        delay = faults.strike(path, location, ("delay",))
        if delay:
            await asyncio.sleep(delay.seconds)
        if faults.strike(path, location, ("cut_connection",)):
            raise Cut
        try:
            if path == LOGIN_PATH:
                _fail(faults.strike(path, location, ("status_429", "status_5xx", "forbidden")))
                response = await self._login(request)
            elif endpoint is None:
                raise ApiError(404, f"Unknown path {path}", UNKNOWN_PATH)
            else:
                response = self._limited(request, endpoint, guid, location)
        except ApiError as failure:
            return failure.response()
        truncated = faults.strike(path, location, ("truncated_body",))
        return _truncated(response, truncated) if truncated else response

    async def _login(self, request: Request) -> Response:
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

    def _limited(self, request: Request, endpoint: Endpoint, guid: str, location: str | None) -> Response:
        """Answer with the headers of the limit nearest exhaustion, also when the answer is a refusal."""
        host = request.client.host if request.client else ""
        verdict = self._simulator.limits.take(location or host, endpoint.api, endpoint.name, endpoint.per_second)
        try:
            if not verdict.allowed:
                raise ApiError(429, "Too many requests: the rate limit is exceeded")
            response = self._authorized(request, endpoint, guid, location)
        except ApiError as failure:
            failure.headers = {**verdict.headers(), **failure.headers}
            raise
        response.headers.update(verdict.headers())
        return response

    def _authorized(self, request: Request, endpoint: Endpoint, guid: str, location: str | None) -> Response:
        faults, path = self._simulator.faults, request.url.path
        if faults.strike(path, location, ("expired_token",)):
            self._simulator.tokens.expire()
        if not self._simulator.tokens.valid(request.headers.get("authorization")):
            raise ApiError(401, "The token is unknown or has expired")
        place = self._place(location)
        _fail(faults.strike(path, location, ("status_429", "status_5xx", "forbidden")))
        if request.method != "GET":
            raise ApiError(403, "These credentials may only read")
        return endpoint.handler(request, place, guid)

    def _place(self, location: str | None) -> Place:
        refuse_status = self._simulator.guesses.refuse_status
        if location is None:
            raise ApiError(refuse_status, "The header Toast-Restaurant-External-ID is required")
        try:
            guid = str(uuid.UUID(location))
        except ValueError:
            raise ApiError(refuse_status, "Toast-Restaurant-External-ID must be a GUID") from None
        place = self._simulator.world.places.get(guid)
        if place is None:
            raise ApiError(403, f"No access to restaurant {guid}")
        return place


def _endpoint(child: Scope) -> Callable[[Request], Awaitable[Response]]:
    endpoint: Callable[[Request], Awaitable[Response]] = child["endpoint"]
    return endpoint


def _fail(fault: FaultRequest | None) -> None:
    """Refuse the request as the fault says."""
    if fault is None:
        return
    if fault.kind == "status_429":
        raise ApiError(429, "Too many requests (injected)", headers={"Retry-After": str(max(1, round(fault.seconds)))})
    if fault.kind == "forbidden":
        raise ApiError(403, "Access denied (injected)")
    raise ApiError(fault.status, "Service failure (injected)")


def _truncated(response: Response, fault: FaultRequest) -> Response:
    """Half of the body: as if that were all, or with the connection closed before the rest."""
    if fault.variant == "connection":
        raise Cut(response)
    body = bytes(response.body)
    response.body = body[: len(body) // 2]
    response.headers["content-length"] = str(len(response.body))
    return response


async def _cut(scope: Scope, send: Send, response: Response | None) -> None:
    """End the connection: at once, or after half of the body that was announced."""
    transport: asyncio.Transport = scope["extensions"]["toast_simulator.transport"]
    if response is None:
        transport.abort()
    else:
        body = bytes(response.body)
        await send({"type": "http.response.start", "status": 200, "headers": list(response.raw_headers)})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        transport.close()
    while not scope["extensions"]["toast_simulator.closed"].is_set():
        await asyncio.sleep(0.001)
