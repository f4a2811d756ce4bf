"""Structured logs: one JSON object a line, in the shape that Cloud Logging understands.

Every line carries the run id that ``bind`` set, whichever thread writes it. Nothing that is logged may
hold a secret or a guest's data.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec
import structlog

from shared.errors import ConfigurationError


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
    structlog.contextvars.bind_contextvars(**fields)
