"""The HTTP side of every function: what is refused at the door, and what a reply looks like.

Errors are RFC 9457 problem details, without a stack trace. The status says whether calling again helps:
503 with Retry-After when it does (a scheduler's plain retry then finishes the work), 200 when all is done
or what is left would fail again.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import structlog

from shared import logs
from shared.calls import new_run_id
from shared.config import Settings
from shared.errors import (
    ConfigurationError,
    EtlError,
    InvalidRequest,
    OutOfTime,
    ToastRefused,
    ToastUnavailable,
    Unavailable,
    UnknownTarget,
    WarehouseRefused,
    WarehouseUnavailable,
)
from shared.outcomes import Outcome
from shared.request_body import MAX_BODY_BYTES, Accepted, RequestBody, parse_body

if TYPE_CHECKING:
    import flask

log = structlog.get_logger()

Work = Callable[[str, RequestBody], Sequence[Outcome]]
"""Does a call that loads: from its run id and body to the outcome for each restaurant."""


class Answer(NamedTuple):
    """What a call is answered with, and what its last log line tells of it."""

    response: flask.Response
    summed_up: dict[str, Any]


_PROBLEMS: dict[type[EtlError], tuple[int, str]] = {
    InvalidRequest: (400, "The request is not valid"),
    UnknownTarget: (404, "No such restaurant or tenant"),
    ConfigurationError: (500, "The installation is not set up right"),
    ToastRefused: (502, "Toast refused"),
    ToastUnavailable: (503, "Toast does not answer for now"),
    WarehouseRefused: (500, "BigQuery refused"),
    WarehouseUnavailable: (503, "BigQuery does not answer for now"),
    OutOfTime: (503, "The call's time ran short"),
}


def serve(request: flask.Request, function: str, accepted: Accepted, work: Work) -> flask.Response:
    """Answer one HTTP request with the work of ``function``, which can be asked for what is ``accepted``."""

    def load(run_id: str, body: bytes) -> Answer:
        asked = parse_body(body, accepted)
        if asked.restaurant_guid != "ALL":
            logs.add(restaurant=asked.restaurant_guid)
        outcomes = work(run_id, asked)
        return Answer(_reply(function, run_id, outcomes), _summed_up(outcomes))

    return answer(request, function, load)


def answer(request: flask.Request, function: str, work: Callable[[str, bytes], Answer]) -> flask.Response:
    """Answer one HTTP request: with what ``work`` makes of the run id and the body, or with what went wrong."""
    run_id = new_run_id(function)
    began = time.monotonic()
    summed_up: dict[str, Any] = {}
    try:
        logs.bind(run_id=run_id, function=function, **logs.trace_of(request.headers))
        logs.configure()
        body = _body_of(request)
        refused = _refused_at_the_door(request, len(body), run_id)
        response, summed_up = Answer(refused, {}) if refused else work(run_id, body)
    except EtlError as error:
        response = _problem_of(error, run_id)
    except Exception:
        log.exception("internal_error")
        detail = f"A fault of ours; the log of run {run_id} has the details."
        response = _problem(500, "Internal error", detail, run_id)
    seconds = time.monotonic() - began
    log.info(
        "call_ended",
        http_status=response.status_code,
        seconds=round(seconds, 3),
        timeout_share=round(seconds / _timeout(), 3),
        **summed_up,
    )
    return response


def _timeout() -> float:
    try:
        return Settings.from_environment().timeout
    except ConfigurationError:  # which the reply tells
        return Settings().timeout


def _summed_up(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What a call that loads came to, over all its restaurants."""
    requests = sum(outcome.requests for outcome in outcomes)
    throttled = sum(outcome.throttled for outcome in outcomes)
    rows = [outcome.rows() for outcome in outcomes]
    return {
        "restaurants": len(outcomes),
        "failed": sum(outcome.error is not None for outcome in outcomes),
        "pages": sum(outcome.pages for outcome in outcomes),
        "requests": requests,
        "throttled": throttled,
        "throttled_share": round(throttled / max(requests, 1), 4),
        "rejects": sum(outcome.rejects for outcome in outcomes),
        "drift": len({unknown for outcome in outcomes for unknown in outcome.drift}),
        **{name: sum(counts[name] for counts in rows) for name in ("extracted", "inserted", "updated")},
    }


def _log_outcome(outcome: Outcome) -> None:
    """One line for each restaurant of a call, as loud as what came of it."""
    write = log.info if outcome.status == "success" and not outcome.rejects else log.warning
    if outcome.error is not None and not isinstance(outcome.error, InvalidRequest):
        write = log.error
    write(
        "restaurant_done",
        restaurant=outcome.restaurant_guid,
        status=outcome.status,
        start_date=outcome.start_date and str(outcome.start_date),
        end_date=outcome.end_date and str(outcome.end_date),
        pages=outcome.pages,
        requests=outcome.requests,
        throttled=outcome.throttled,
        rejects=outcome.rejects,
        drift=len(outcome.drift),
        notes=outcome.notes or None,
        **outcome.rows(),
        error=str(outcome.error) if outcome.error else None,
    )


def _refused_at_the_door(request: flask.Request, size: int, run_id: str) -> flask.Response | None:
    if request.path not in ("", "/"):
        return _problem(404, "No such path", f"{request.path} is not served; POST to /.", run_id)
    if request.method != "POST":
        response = _problem(405, "Method not allowed", f"{request.method} is not served; POST a JSON object.", run_id)
        response.headers["Allow"] = "POST"
        return response
    if max(size, request.content_length or 0) > MAX_BODY_BYTES:
        return _problem(413, "Body too large", f"A request body holds at most {MAX_BODY_BYTES} bytes.", run_id)
    return None


def _body_of(request: flask.Request) -> bytes:
    """The body, however the caller framed it. Raises InvalidRequest when it breaks off, or its chunks are none."""
    try:
        return request.get_data()
    except Exception as error:  # every server has its own: gunicorn's are of no common kind
        request.stream = io.BytesIO()  # functions-framework reads what is left before it sends the reply
        raise InvalidRequest({"body": f"could not be read to its end ({type(error).__name__})"}) from error


# --- replies -----------------------------------------------------------------------------------------


class _Reply(msgspec.Struct):
    status: str
    function: str
    run_id: str
    restaurants: Sequence[Outcome]


def _reply(function: str, run_id: str, outcomes: Sequence[Outcome]) -> flask.Response:
    for outcome in outcomes:
        _log_outcome(outcome)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    passing = [error for error in errors if isinstance(error, Unavailable)]
    if all(outcome.status == "failed" for outcome in outcomes):
        return _problem_of((passing or errors)[0], run_id)
    body = _Reply("partial" if errors else "success", function, run_id, outcomes)
    # An error is written as its message.
    response = json_response(msgspec.json.encode(body, enc_hook=str), 503 if passing else 200)
    if passing:
        response.headers["Retry-After"] = str(round(max(error.retry_after for error in passing)))
    return response


def _problem_of(error: EtlError, run_id: str) -> flask.Response:
    status, title = next(
        (_PROBLEMS[kind] for kind in type(error).__mro__ if kind in _PROBLEMS), (500, "Internal error")
    )
    write = log.error if status >= 500 else log.warning
    write("call_failed", error=str(error), http_status=status)
    more = {"errors": error.problems} if isinstance(error, InvalidRequest) else {}
    response = _problem(status, title, str(error), run_id, **more)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(round(error.retry_after))
    return response


def _problem(status: int, title: str, detail: str, run_id: str, **more: Any) -> flask.Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "run_id": run_id, **more}
    return json_response(msgspec.json.encode(body), status, "application/problem+json")


def json_response(body: bytes, status: int, content_type: str = "application/json") -> flask.Response:
    """A reply that holds JSON."""
    # functions-framework has imported it by now; at the top it would make importing main.py a third slower.
    import flask

    return flask.Response(body, status, content_type=content_type)
