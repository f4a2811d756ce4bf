"""/_simulator/: what a test can ask of the simulator and do to it. No login, no limits, no latency."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator import truth
from toast_simulator.clock import iso
from toast_simulator.faults import FaultRequest
from toast_simulator.state import RequestCounts, Simulator
from toast_simulator.world.places import Place

LONGEST_TRUTH_DAYS = 4000

_T = TypeVar("_T")


class ClockRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Set the clock to ``now`` or advance it; exactly one."""

    now: dt.datetime | None = None
    advance_seconds: float | None = None


class EditRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A change to one order, made now; ``business_date`` only with move_business_date."""

    restaurant_guid: str
    order_guid: str
    change: Literal["tip", "refund", "void", "drop_selection", "drop_check", "drop_all_checks", "move_business_date"]
    business_date: dt.date | None = None


_CHANGES = {"refund": "refund_part", "void": "void_order", "move_business_date": "move"}


class Control:
    """The endpoints under /_simulator/."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._endpoints: dict[str, tuple[Callable[[Request], Awaitable[Response]], tuple[str, ...]]] = {
            "/_simulator/clock": (self.clock, ("GET", "POST")),
            "/_simulator/truth": (self.truth, ("GET",)),
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
        """Change one order now."""
        asked = await _body(request, EditRequest)
        place = self._place(asked.restaurant_guid)
        world, now = self._simulator.world, self._simulator.clock.now()
        found = world.find(place, asked.order_guid)
        if found is None or world.order(place, *found, now) is None:
            raise HTTPException(404, f"no order {asked.order_guid} at this restaurant now")
        if (asked.change == "move_business_date") != (asked.business_date is not None):
            raise HTTPException(400, "business_date goes with move_business_date, and only with it")
        target = asked.business_date.toordinal() if asked.business_date else None
        moment = world.edit(place, *found, (now, _CHANGES.get(asked.change, asked.change), target))
        return _json({"order_guid": asked.order_guid, "modified_date": iso(moment)})

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


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
