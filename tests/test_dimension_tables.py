"""The definitions of the dimension tables: complete, keyed, and with the columns of a history."""

import datetime as dt
import importlib
from pathlib import Path

import pytest

import shared
from shared.dimension_tables import DIMENSION_TABLES, DIMENSIONS, Dimension, Entity
from shared.tables import BIGQUERY_TYPES, Column, Loaded, Table, columns_of

every_dimension = pytest.mark.parametrize("table", DIMENSION_TABLES, ids=lambda table: table.name)

# What analysts and other programs read of each entity, by record.
ATTRIBUTES = {
    "restaurants": "name location_name location_code timezone closeout_hour management_group_guid currency_code "
    "first_business_date is_archived",
    "employees": "first_name last_name chosen_name external_employee_id is_deleted email phone_number",
    "jobs": "title code wage_frequency default_wage is_tipped is_excluded_from_reporting",
    "menus": "name",
    "menu_groups": "name menu_guid menu_name parent_group_guid",
    "menu_items": "name pos_name price pricing_strategy menu_guid menu_name menu_group_guid menu_group_name "
    "sales_category_guid sales_category_name is_modifier_option modifier_group_guid plu sku multi_location_id "
    "is_deferred tax_inclusion",
    "modifier_groups": "name pos_name pricing_strategy min_selections max_selections required_mode is_multi_select "
    "multi_location_id",
    "break_types": "name is_active is_paid duration_minutes is_minimum_time_enforced is_missed_break_tracked "
    "break_interval_hours break_interval_minutes is_acknowledgement_tracked",
    "cash_drawers": "printer_guid",
    "dining_options": "name behavior is_curbside external_id",
    "discounts": "name is_active discount_type percentage amount selection_type is_non_exclusive "
    "item_picking_priority fixed_total",
    "pre_modifiers": "name pre_modifier_group_guid is_price_scaled base_price scale_factor display_mode "
    "is_charged_as_extra",
    "revenue_centers": "name description",
    "service_areas": "name revenue_center_guid",
    "service_charges": "name charge_type amount percent is_gratuity is_taxable service_charge_calculation destination "
    "is_tax_inclusive is_tax_prorated",
    "tables": "name service_area_guid revenue_center_guid",
    "tax_rates": "name is_default tax_rate tax_type rounding_type",
    "tip_withholding": "is_enabled percentage",
} | dict.fromkeys(
    (
        "alternate_payment_types",
        "no_sale_reasons",
        "payout_reasons",
        "price_groups",
        "printers",
        "restaurant_services",
        "sales_categories",
        "void_reasons",
    ),
    "name",
)


def names(columns: tuple[Column, ...]) -> list[str]:
    return [column.name for column in columns]


def test_each_kind_of_entity_has_a_dimension_named_after_it() -> None:
    assert set(DIMENSIONS) == set(ATTRIBUTES)
    assert {record: table.name for record, table in DIMENSIONS.items()} == {
        record: f"dim_{record}" for record in DIMENSIONS
    }
    assert list(DIMENSIONS.values()) == list(DIMENSION_TABLES)


@pytest.mark.parametrize("record", ATTRIBUTES)
def test_a_dimension_has_the_attributes_that_others_build_on(record: str) -> None:
    assert names(DIMENSIONS[record].attributes) == ATTRIBUTES[record].split()


@every_dimension
def test_a_row_says_whose_what_and_from_when_until_when(table: Dimension) -> None:
    data = names(table.data_columns)
    assert data[:2] == ["restaurant_guid", "guid"]
    assert data[2:-4] == names(table.attributes)
    assert data[-4:] == ["valid_from", "valid_to", "is_current", "row_hash"]
    assert table.columns == (*table.data_columns, *columns_of(Loaded))
    assert len(set(data)) == len(data)


@every_dimension
def test_only_what_identifies_a_version_is_always_there(table: Dimension) -> None:
    modes = {column.name: column.mode for column in table.columns}
    required = {"restaurant_guid", "guid", "valid_from", "is_current", "row_hash", "_run_id", "_loaded_at"}
    assert {name for name, mode in modes.items() if mode == "REQUIRED"} == required
    assert {mode for name, mode in modes.items() if name not in required} == {"NULLABLE"}


@every_dimension
def test_a_version_is_found_by_restaurant_entity_and_moment(table: Dimension) -> None:
    assert table.key == ("restaurant_guid", "guid", "valid_from")
    assert table.cluster_by == ("restaurant_guid", "guid")
    assert (table.partition_by, table.requires_filter) == (None, False)


@every_dimension
def test_columns_are_named_and_typed_as_everywhere(table: Dimension) -> None:
    """Money is NUMERIC, a date ends with _date, a flag begins with is_, a reference ends with _guid."""
    for column in table.attributes:
        assert column.type in set(BIGQUERY_TYPES.values()) - {"TIMESTAMP"}
        assert (column.type == "DATE") == column.name.endswith("_date")
        assert (column.type == "BOOL") == column.name.startswith("is_")
        if column.name.endswith(("_price", "_rate", "_wage", "_total")) or column.name in (
            "amount",
            "price",
            "percent",
        ):
            assert column.type == "NUMERIC"
        if column.name.endswith("_guid"):
            assert column.type == "STRING"


@every_dimension
def test_a_dimension_and_each_of_its_columns_is_described_in_a_sentence(table: Dimension) -> None:
    assert table.description.startswith("One row per version of ")
    for text in (table.description, *(column.description for column in table.columns)):
        assert text.endswith((".", "…"))
        assert len(text) <= 1024, "BigQuery takes no longer one"


@every_dimension
def test_an_entity_can_be_made_from_values_in_order(table: Dimension) -> None:
    row = table.row("guid", "hash", *range(len(table.attributes)))
    assert isinstance(row, Entity)
    assert (row.guid, row.row_hash) == ("guid", "hash")
    assert [getattr(row, column.name) for column in table.attributes] == list(range(len(table.attributes)))


def test_the_first_version_is_said_to_reach_back_before_every_fact() -> None:
    (valid_from,) = (column for column in DIMENSIONS["jobs"].columns if column.name == "valid_from")
    assert f"{dt.date(1970, 1, 1)} for its first version" in valid_from.description


def facts() -> dict[str, Table]:
    """Every fact table that a module of tables defines, alone or in a tuple or dict."""
    found: dict[str, Table] = {}
    for path in Path(shared.__file__).parent.glob("*_tables.py"):
        for value in vars(importlib.import_module(f"shared.{path.stem}")).values():
            several = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
            found |= {table.name: table for table in several if isinstance(table, Table)}
    return {name: table for name, table in found.items() if name.startswith("fact_")}


def dimensions_named_by(table: Table) -> set[str]:
    words = (word.strip(".,;'") for column in table.columns for word in column.description.split())
    return {word for word in words if word.startswith("dim_")}


@pytest.mark.parametrize("table", [*facts().values(), *DIMENSION_TABLES], ids=lambda table: table.name)
def test_each_dimension_that_a_column_points_to_is_there(table: Table) -> None:
    assert dimensions_named_by(table) <= {dimension.name for dimension in DIMENSION_TABLES}


def test_facts_point_to_dimensions() -> None:
    assert {"dim_dining_options", "dim_employees", "dim_tables"} <= dimensions_named_by(facts()["fact_orders"])
