"""The functions, for processes of tests that look at no views, which take the emulator seconds to create."""
# ruff: noqa: E402

from shared import calls

calls.VIEWS = ()

from main import cash_daily, config_weekly, labor_daily, orders_daily

__all__ = ["cash_daily", "config_weekly", "labor_daily", "orders_daily"]
