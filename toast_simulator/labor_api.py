"""The labor API (/labor/v1): time entries in their four selections, and scheduled shifts. Nothing is paged.

Toast promises no order; both come sorted by GUID, which says nothing of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator.endpoints import Endpoint
from toast_simulator.errors import ApiError
from toast_simulator.guesses import LONGEST_WINDOW_DAYS, Guesses
from toast_simulator.query import business_date, interval
from toast_simulator.state import Simulator
from toast_simulator.world.labor import Labor
from toast_simulator.world.labor_wire import encode_shifts, encode_time_entries
from toast_simulator.world.places import DAY, Place
from toast_simulator.world.roster import Shift
from toast_simulator.world.time_entries import TimeEntry

MAX_IDS = 100
"""Toast's reference: the most timeEntryIds or shiftIds of one request."""

ONE_SELECTOR = (
    "EITHER timeEntryIds OR (startDate and endDate) OR (modifiedStartDate and modifiedEndDate) OR businessDate "
    "is required"
)
_BY_IN_DATE = ("startDate", "endDate")
_BY_MODIFIED = ("modifiedStartDate", "modifiedEndDate")


def endpoints(simulator: Simulator) -> tuple[Endpoint, ...]:
    """The endpoints of this API."""
    labor = LaborApi(simulator)
    return Endpoint("/labor/v1/timeEntries", labor.time_entries), Endpoint("/labor/v1/shifts", labor.shifts)


class Nothing(Exception):
    """The request asks for what Toast does not answer, and the guess is an empty list."""


class Query(msgspec.Struct, frozen=True):
    """What a timeEntries request asks for, in one of four ways; moments in Unix ms, the date as an ordinal."""

    ids: tuple[str, ...] = ()
    window: tuple[int, int] | None = None
    modified: tuple[int, int] | None = None
    ordinal: int | None = None
    archived: bool = False
    missed_breaks: bool = False


class LaborApi:
    """Answers requests about time entries and shifts."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._labor = simulator.world.labor

    def time_entries(self, request: Request, place: Place, guid: str) -> Response:
        """GET /labor/v1/timeEntries."""
        try:
            query = parse_query(request.query_params, self._simulator.guesses)
        except Nothing:
            return _json(b"[]")
        found = sorted(_select(self._labor, place, query, self._simulator.clock.now()), key=_guid)
        return _json(encode_time_entries(found, missed_breaks=query.missed_breaks))

    def shifts(self, request: Request, place: Place, guid: str) -> Response:
        """GET /labor/v1/shifts: by shiftIds, or those that lie within startDate and endDate altogether."""
        now = self._simulator.clock.now()
        params = request.query_params
        ids = _ids(params, "shiftIds")
        if ids:
            found: Iterable[tuple[str, Shift] | None] = (self._labor.find_shift(place, own, now) for own in ids)
        else:
            try:
                start, end = _month(params, _BY_IN_DATE, self._simulator.guesses)
            except Nothing:
                return _json(b"[]")
            found = self._labor.shifts_within(place, start, end, now)
        return _json(encode_shifts(sorted((shift for shift in found if shift), key=lambda shift: shift[0])))


def parse_query(params: QueryParams, guesses: Guesses) -> Query:
    """Read the parameters of timeEntries. Raises ApiError 400, or Nothing where Guesses.labor_window says so.

    includeArchived works with startDate and endDate alone, and is passed over with the other selectors. That
    timeEntryIds find archived entries too is a guess.
    """
    missed_breaks = _flag(params, "includeMissedBreaks")
    archived = _flag(params, "includeArchived")
    selectors = (("timeEntryIds",), _BY_IN_DATE, _BY_MODIFIED, ("businessDate",))
    given = [names for names in selectors if any(name in params for name in names)]
    if len(given) > 1:
        raise ApiError(400, ONE_SELECTOR)
    if not given:
        raise _unanswered(guesses, ONE_SELECTOR)
    (names,) = given
    if names == _BY_IN_DATE:
        return Query(window=_month(params, names, guesses), archived=archived, missed_breaks=missed_breaks)
    if names == _BY_MODIFIED:
        return Query(modified=_month(params, names, guesses), archived=True, missed_breaks=missed_breaks)
    if names == ("businessDate",):
        return Query(ordinal=business_date(params["businessDate"]), missed_breaks=missed_breaks)
    return Query(ids=_ids(params, "timeEntryIds"), archived=True, missed_breaks=missed_breaks)


def _select(labor: Labor, place: Place, query: Query, now: int) -> Iterable[TimeEntry]:
    if query.window is not None:
        found = labor.clocked_in_between(place, *query.window, now)
    elif query.modified is not None:
        found = labor.modified_between(place, *query.modified, now)
    elif query.ordinal is not None:
        found = labor.on_business_date(place, query.ordinal, now)
    else:
        homes = (labor.find(place, own) for own in query.ids)
        entries = (labor.time_entry(place, home, now) for home in homes if home)
        found = (entry for entry in entries if entry)
    return (entry for entry in found if query.archived or entry.deleted is None)


def _month(params: Mapping[str, str], names: tuple[str, str], guesses: Guesses) -> tuple[int, int]:
    """The two moments of a range, at most a month apart."""
    texts = [params.get(name) for name in names]
    if texts[0] is None or texts[1] is None:
        raise _unanswered(guesses, f"{names[0]} and {names[1]} are required")
    start, end = interval(names[0], texts[0], names[1], texts[1])
    if end - start > LONGEST_WINDOW_DAYS * DAY:
        raise _unanswered(guesses, f"The time between {names[0]} and {names[1]} must not exceed one month")
    return start, end


def _unanswered(guesses: Guesses, message: str) -> Exception:
    """What becomes of a range that is missing or too long: Toast does not say."""
    return ApiError(400, message) if guesses.labor_window == "refuse" else Nothing()


def _ids(params: QueryParams, name: str) -> tuple[str, ...]:
    """The GUIDs of a parameter that may be repeated, each once. Raises ApiError 400 for too many."""
    ids = tuple(dict.fromkeys(params.getlist(name)))
    if len(ids) > MAX_IDS:
        raise ApiError(400, f"{name} must not be given more than {MAX_IDS} times")
    return ids


def _flag(params: Mapping[str, str], name: str) -> bool:
    text = params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise ApiError(400, f"{name} must be true or false")
    return text == "true"


def _guid(entry: TimeEntry) -> str:
    return entry.guid


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
