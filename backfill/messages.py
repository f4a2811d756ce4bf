"""What the library logs while a command runs: only what a person should read, in words, beside the display."""

from __future__ import annotations

import logging
import sys

import structlog


def configure() -> None:
    """Send warnings and errors to standard error, as lines; a live display moves out of their way."""
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
