"""The source entry point of the Cloud Functions: each is deployed from here under its own name."""

from main_cash import cash_daily
from main_config import config_weekly
from main_labor import labor_daily
from main_orders import orders_daily

__all__ = ["cash_daily", "config_weekly", "labor_daily", "orders_daily"]
