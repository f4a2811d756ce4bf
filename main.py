"""The source entry point of the Cloud Functions: each is deployed from here under its own name."""
# ruff: noqa: E402

import gc

# What imports make stays: to look for garbage among it, now or later, would cost a cold start a tenth of its time.
gc.disable()

from main_cash import cash_daily
from main_config import config_weekly
from main_labor import labor_daily
from main_orders import orders_daily
from main_summary import daily_summary
from shared.memory import share_arenas

gc.freeze()
gc.enable()
share_arenas()

__all__ = ["cash_daily", "config_weekly", "daily_summary", "labor_daily", "orders_daily"]
