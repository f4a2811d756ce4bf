"""Structured logs: one JSON object a line, in the shape that Cloud Logging understands.

Every line carries what ``bind`` set (run id, function, trace), whichever thread writes it. Nothing that is logged may
hold a secret or a guest's data. docs/logs.md lists the events and their fields.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers


TRACE = "logging.googleapis.com/trace"
"""The field by which Cloud Logging shows a line below the request that it belongs to."""

# The two headers of Cloud Run that name a request's trace: W3C's, and Google's older one.
_TRACE_HEADERS = (
    ("traceparent", re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")),
    ("X-Cloud-Trace-Context", re.compile(r"([0-9a-f]{32})(?:/.*)?", re.IGNORECASE)),
)


def configure(level: str | None = None) -> None:
    """Send logs of ``level`` (LOG_LEVEL, INFO by default) and above to standard error.

    Raises ConfigurationError when LOG_LEVEL is not a level.
    """
    name = level or os.environ.get("LOG_LEVEL") or "INFO"
    number = logging.getLevelNamesMapping().get(name.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.TimeStamper(fmt="iso", key="time"),
            structlog.processors.format_exc_info,
            _as_cloud_logging,
            structlog.processors.JSONRenderer(
                serializer=lambda event, **_: msgspec.json.encode(event, enc_hook=str).decode()
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if number is None else number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    if number is None:  # said last, so that the complaint itself is logged as it should be
        raise ConfigurationError(f"LOG_LEVEL is {name!r}; set it to DEBUG, INFO, WARNING or ERROR.")


def _as_cloud_logging(_logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Cloud Logging reads ``severity`` and ``message`` from a JSON line."""
    return {"severity": "ERROR" if method == "exception" else method.upper(), "message": event.pop("event"), **event}


def bind(**fields: Any) -> None:
    """Begin a call: its lines carry these fields, and none of the call before."""
    structlog.contextvars.clear_contextvars()
    add(**fields)


def add(**fields: Any) -> None:
    """Let the lines of the call carry these fields, too, from now on."""
    structlog.contextvars.bind_contextvars(**fields)


def trace_of(headers: Mapping[str, str] | Headers) -> dict[str, str]:
    """The field that ties lines to the request with these headers; none without a trace or GOOGLE_CLOUD_PROJECT."""
    project = os.environ.get("GOOGLE_CLOUD_PROJECT", "").strip()
    for name, form in _TRACE_HEADERS:
        match = form.fullmatch(headers.get(name) or "")
        if project and match and int(match[1], 16):
            return {TRACE: f"projects/{project}/traces/{match[1].lower()}"}
    return {}
