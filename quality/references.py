"""Which columns of the order tables hold the GUID of something configured, and of what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.order_tables import ORDER_TABLES
from shared.tables import Table

REFERENCES: Mapping[str, str] = {
    "cash_drawer_guid": "cash_drawers",
    "dining_option_guid": "dining_options",
    "discount_config_guid": "discounts",
    "menu_group_guid": "menu_groups",
    "menu_item_guid": "menu_items",
    "option_group_guid": "modifier_groups",
    "other_payment_guid": "alternate_payment_types",
    "pre_modifier_guid": "pre_modifiers",
    "restaurant_service_guid": "restaurant_services",
    "revenue_center_guid": "revenue_centers",
    "sales_category_guid": "sales_categories",
    "server_guid": "employees",
    "service_area_guid": "service_areas",
    "service_charge_config_guid": "service_charges",
    "table_guid": "tables",
    "tax_rate_guid": "tax_rates",
    "void_reason_guid": "void_reasons",
}
"""Columns and the dimensions that they point to, by the name after dim_. A column means the same in every table."""


def references_of(table: Table) -> dict[str, str]:
    """The columns of a table that point to a dimension, and to which."""
    return {column.name: REFERENCES[column.name] for column in table.columns if column.name in REFERENCES}


def tables_with_references() -> Iterator[tuple[Table, dict[str, str]]]:
    """Each order table that points to dimensions, with its references."""
    for table in ORDER_TABLES:
        if references := references_of(table):
            yield table, references
