"""/_simulator/: what a test can ask of the simulator and do to it. No login, no limits, no latency."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator import dimension_truth, truth
from toast_simulator.clock import iso
from toast_simulator.edits import Edits
from toast_simulator.faults import FaultRequest
from toast_simulator.state import RequestCounts, Simulator
from toast_simulator.world.places import Place

LONGEST_TRUTH_DAYS = 4000

_T = TypeVar("_T")


class ClockRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Set the clock to ``now`` or advance it; exactly one."""

    now: dt.datetime | None = None
    advance_seconds: float | None = None


class Control:
    """The endpoints under /_simulator/."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._edits = Edits(simulator)
        self._endpoints: dict[str, tuple[Callable[[Request], Awaitable[Response]], tuple[str, ...]]] = {
            "/_simulator/clock": (self.clock, ("GET", "POST")),
            "/_simulator/truth": (self.truth, ("GET",)),
            "/_simulator/truth/dimensions": (self.dimensions, ("GET",)),
            "/_simulator/faults": (self.faults, ("GET", "POST", "DELETE")),
            "/_simulator/edits": (self.edits, ("POST",)),
            "/_simulator/requests": (self.requests, ("GET", "DELETE")),
        }

    async def answer(self, request: Request) -> Response:
        """Answer any request whose path begins with /_simulator/."""
        try:
            if request.url.path not in self._endpoints:
                raise HTTPException(404, f"no such path; there are {', '.join(self._endpoints)}")
            endpoint, methods = self._endpoints[request.url.path]
            if request.method not in methods:
                raise HTTPException(405, f"the methods here are {', '.join(methods)}")
            return await endpoint(request)
        except HTTPException as failure:
            return _json({"error": failure.detail}, failure.status_code)

    async def clock(self, request: Request) -> Response:
        """Show, set or advance the simulated time."""
        clock = self._simulator.clock
        if request.method == "POST":
            asked = await _body(request, ClockRequest)
            if (asked.now is None) == (asked.advance_seconds is None):
                raise HTTPException(400, "give now or advance_seconds, one of them")
            if asked.now is not None:
                clock.set(asked.now)
            if asked.advance_seconds is not None:
                clock.advance(asked.advance_seconds)
        return _json({"now": clock.isoformat()})

    async def truth(self, request: Request) -> Response:
        """Row counts and totals per business date and table, at the simulated now."""
        place = self._place(request.query_params.get("restaurant_guid", ""))
        first = _date(request, "start_date").toordinal()
        last = _date(request, "end_date").toordinal()
        if not 0 <= last - first < LONGEST_TRUTH_DAYS:
            raise HTTPException(400, f"end_date must follow start_date within {LONGEST_TRUTH_DAYS} days")
        keys = request.query_params.get("keys") == "true"
        now = self._simulator.clock.now()
        days = []
        for ordinal in range(first, last + 1):
            days.append(truth.day(self._simulator.world, place, ordinal, now, keys=keys))
            await asyncio.sleep(0)  # a long range must not keep other requests waiting
        return _json({"restaurant_guid": place.guid, "now": iso(now), "days": days})

    async def dimensions(self, request: Request) -> Response:
        """The published configuration, entity by entity: at the simulated now, or at another moment."""
        place = self._place(request.query_params.get("restaurant_guid", ""))
        at = _moment(request, "at", self._simulator.clock.now())
        published = self._simulator.world.configuration(place).at(at)
        contacts = request.query_params.get("contacts") == "true"
        return _json(dimension_truth.dimensions(place, published, at, contacts=contacts))

    async def faults(self, request: Request) -> Response:
        """List the faults at work, add one, or end all."""
        faults = self._simulator.faults
        if request.method == "POST":
            faults.add(await _body(request, FaultRequest))
        elif request.method == "DELETE":
            faults.clear()
        shown = [
            {**msgspec.to_builtins(fault.asked), "matched": fault.matched, "struck": fault.struck}
            for fault in faults.active
        ]
        return _json({"faults": shown})

    async def edits(self, request: Request) -> Response:
        """Change the world now."""
        return _json(self._edits.make(await request.body()))

    async def requests(self, request: Request) -> Response:
        """Count the API requests so far; DELETE begins anew."""
        if request.method == "DELETE":
            self._simulator.counts = RequestCounts()
        counts = self._simulator.counts
        return _json(
            {
                "total": counts.total,
                "logins": counts.logins,
                "rejected_429": counts.by_status[429],
                "by_path": dict(counts.by_path),
                "by_status": {str(status): number for status, number in counts.by_status.items()},
            }
        )

    def _place(self, guid: str) -> Place:
        place = self._simulator.world.places.get(guid.lower())
        if place is None:
            raise HTTPException(404, f"restaurant_guid: {guid!r} is not simulated")
        return place


async def _body(request: Request, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, ValueError) as problem:
        raise HTTPException(400, str(problem)) from problem


def _date(request: Request, name: str) -> dt.date:
    try:
        return dt.date.fromisoformat(request.query_params.get(name, ""))
    except ValueError:
        raise HTTPException(400, f"{name}: expected a date such as 2025-01-31") from None


def _moment(request: Request, name: str, default: int) -> int:
    """A moment as Unix ms; without a zone it is taken as UTC."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise HTTPException(400, f"{name}: expected a time such as 2025-01-31T09:00:00Z") from None
    return round((found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp() * 1000)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
