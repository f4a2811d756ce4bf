"""The source entry point of the Cloud Functions: each is deployed from here under its own name."""

from main_orders import orders_daily

__all__ = ["orders_daily"]
