"""Where the functions are that a backfill calls: on this machine, deployed, or behind a queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from backfill.replies import Reply


class TargetFailed(Exception):
    """A target cannot be used; the message says why and what to do."""


class Caller(Protocol):
    """Calls functions and waits for their replies. Thread-safe."""

    def call(self, function: str, body: Mapping[str, str]) -> Reply:
        """Call a function; never raises for what happens on the way, see `Reply`."""
