"""All that the dataset holds: every table and every view of the product."""

from __future__ import annotations

from shared.cash_tables import CASH_TABLES
from shared.dimension_tables import DIMENSION_TABLES
from shared.labor_tables import LABOR_TABLES
from shared.order_tables import ORDER_TABLES
from shared.run_tables import RUN_TABLES
from shared.tables import Table
from shared.views import VIEWS

ALL_TABLES: tuple[Table, ...] = (*ORDER_TABLES, *CASH_TABLES, *LABOR_TABLES, *DIMENSION_TABLES, *RUN_TABLES)

__all__ = ["ALL_TABLES", "VIEWS"]
