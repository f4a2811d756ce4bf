"""The functions without their pace, for a simulated Toast without limits: then the work is measured, not the waits."""

from __future__ import annotations

from typing import Any
from unittest import mock

from main import cash_daily, config_weekly, labor_daily, orders_daily
from shared import connections, pacing

__all__ = ["cash_daily", "config_weekly", "labor_daily", "orders_daily"]


_NO_LIMIT = 1_000_000_000


def _no_interval(*_: Any) -> float:
    return 0.0


mock.patch.object(pacing.Pacer, "_interval", _no_interval).start()
mock.patch.object(pacing, "GLOBAL_QUOTA", _NO_LIMIT).start()
mock.patch.object(connections, "SHARES", dict.fromkeys(__all__, _NO_LIMIT)).start()
