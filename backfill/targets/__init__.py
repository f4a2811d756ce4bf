"""Where the functions are that a backfill calls: on this machine, deployed, or behind a queue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Protocol

import msgspec

from backfill.replies import Reply
from history.units import Unit


class TargetFailed(Exception):
    """A target cannot be used; the message says why and what to do."""


class ServersGone(TargetFailed):
    """A target is not there any more, its warehouse included."""


class QueuedTask(msgspec.Struct, frozen=True):
    """A task that is in the queue."""

    unit: Unit
    generation: int
    due_at: dt.datetime
    """When it is called for, or called for again (UTC, this machine's clock)."""
    attempts: int
    """Calls so far, one that is under way included."""
    last_reply: str
    """What came of the last one, as Cloud Tasks tells it; empty before."""


class Caller(Protocol):
    """Calls functions and waits for their replies. Thread-safe."""

    def call(self, function: str, body: Mapping[str, str]) -> Reply:
        """Call a function; never raises for what happens on the way, see `Reply`."""
