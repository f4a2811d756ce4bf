"""The definitions of the tables: complete, keyed, and with the columns that others build on."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import pytest
from msgspec import Meta
from source_tables import tables_of_the_code

from shared.cash_tables import CASH_RECORDS, CASH_TABLES, StagedCashDay
from shared.dimension_tables import DIMENSION_TABLES
from shared.families import Family
from shared.labor_tables import LABOR, LABOR_TABLES
from shared.order_tables import ORDER_TABLES, ORDERS
from shared.run_tables import RUN_TABLES
from shared.tables import BIGQUERY_TYPES, Column, Row, Table, columns_of

FAMILIES = (ORDERS, LABOR)
FACT_TABLES = (*ORDER_TABLES, *LABOR_TABLES, *CASH_TABLES)
TABLES = {table.name: table for table in (*FACT_TABLES, *RUN_TABLES)}

# Named for Toast's own fields, which are no statements about the row.
FLAGS_NAMED_BY_TOAST = {"auto_clocked_out", "audit_response"}
# The two ends of what is known of a restaurant's changes.
MOMENTS_NAMED_OTHERWISE = {"covered_from", "watermark"}

every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
fact_table = pytest.mark.parametrize("table", FACT_TABLES, ids=lambda table: table.name)
family_table = pytest.mark.parametrize(
    ("family", "table"), [pytest.param(family, table, id=table.name) for family in FAMILIES for table in family.tables]
)
family_child = pytest.mark.parametrize(
    ("family", "table"),
    [pytest.param(family, table, id=table.name) for family in FAMILIES for table in family.children.values()],
)
run_table = pytest.mark.parametrize("table", RUN_TABLES, ids=lambda table: table.name)

# --- the columns that others build on ----------------------------------------------------------------

# What analysts and other programs read; a table may have more.
CONTRACT = {
    "fact_orders": "order_guid restaurant_guid business_date created_at opened_at promised_at paid_at closed_at "
    "order_modified_at display_number order_source approval_status dining_option_guid revenue_center_guid "
    "service_area_guid table_guid restaurant_service_guid server_guid guest_count duration_seconds check_count "
    "is_voided is_deleted",
    "fact_order_items": "selection_guid order_guid check_guid parent_selection_guid depth restaurant_guid "
    "business_date opened_at order_modified_at order_source dining_option_guid revenue_center_guid server_guid "
    "menu_item_guid menu_item_name menu_group_guid sales_category_guid selection_type item_quantity "
    "pre_discount_price discount_amount item_price tax_amount is_voided is_deleted is_deferred void_reason_guid",
    "fact_checks": "order_guid check_guid restaurant_guid business_date order_modified_at opened_at closed_at paid_at "
    "display_number order_source dining_option_guid revenue_center_guid server_guid table_guid guest_count "
    "payment_status amount tax_amount total_amount tip_amount discount_amount service_charge_amount gratuity_amount "
    "refund_amount is_voided is_deleted",
    "fact_payments": "payment_guid check_guid order_guid restaurant_guid business_date order_modified_at "
    "paid_business_date paid_at payment_type card_type amount tip_amount amount_tendered processing_fee refund_status "
    "refund_amount refund_tip_amount refund_business_date payment_status is_voided",
    "fact_discounts": "order_guid check_guid selection_guid parent_guid discount_guid restaurant_guid business_date "
    "order_modified_at discount_config_guid discount_name discount_type discount_amount non_tax_discount_amount "
    "reason_name processing_state",
    "fact_service_charges": "order_guid check_guid service_charge_guid restaurant_guid business_date "
    "order_modified_at service_charge_config_guid service_charge_name charge_type charge_amount is_gratuity "
    "is_taxable is_delivery category",
    "fact_taxes": "order_guid check_guid parent_guid parent_kind tax_key restaurant_guid business_date "
    "order_modified_at tax_rate_guid tax_name tax_rate tax_type tax_amount is_facilitator_remitted",
    "fact_cash_entries": "cash_entry_guid restaurant_guid business_date entry_type amount reason entry_at "
    "cash_drawer_guid payout_reason_guid no_sale_reason_guid undoes_guid employee_guid approver_guid",
    "fact_cash_deposits": "deposit_guid restaurant_guid business_date amount deposit_at employee_guid creator_guid "
    "undoes_guid",
    "fact_labor_shifts": "time_entry_guid restaurant_guid business_date employee_guid job_guid shift_guid in_at out_at "
    "regular_hours overtime_hours hourly_wage declared_cash_tips non_cash_tips tips_withheld cash_sales "
    "non_cash_sales auto_clocked_out is_deleted entry_modified_at",
    "fact_labor_breaks": "time_entry_guid break_key restaurant_guid business_date entry_modified_at is_paid is_missed "
    "in_at out_at",
    "business_days": "source restaurant_guid business_date run_id mode status reason complete rejects",
    "etl_runs": "run_id restaurant_guid function status covered_from watermark",
    "etl_rejects": "run_id object_guid source restaurant_guid reason payload",
    "etl_backfills": "backfill_id beat_at state functions restaurants start_date end_date",
    "etl_backfill_units": "backfill_id function restaurant_guid start_date end_date ended_at state attempts error",
}

KEYS = {
    "fact_orders": ("order_guid",),
    "fact_order_items": ("order_guid", "selection_guid"),
    "fact_checks": ("order_guid", "check_guid"),
    "fact_payments": ("order_guid", "payment_guid"),
    "fact_discounts": ("order_guid", "parent_guid", "discount_guid"),
    "fact_service_charges": ("order_guid", "service_charge_guid"),
    "fact_taxes": ("order_guid", "parent_guid", "tax_key"),
    "fact_cash_entries": ("cash_entry_guid",),
    "fact_cash_deposits": ("deposit_guid",),
    "fact_labor_shifts": ("time_entry_guid",),
    "fact_labor_breaks": ("time_entry_guid", "break_key"),
    "business_days": ("source", "restaurant_guid", "business_date", "run_id"),
    "etl_runs": ("run_id", "restaurant_guid"),
    "etl_rejects": ("run_id", "object_guid"),
    "etl_backfills": ("backfill_id", "beat_at"),
    "etl_backfill_units": ("backfill_id", "function", "restaurant_guid", "ended_at"),
}

# Columns that are always there; any other may be NULL.
REQUIRED = {
    "fact_orders": "order_guid restaurant_guid business_date order_modified_at check_count is_voided is_deleted "
    "_run_id _loaded_at",
    "fact_checks": "order_guid restaurant_guid business_date order_modified_at check_guid is_tax_exempt tip_amount "
    "discount_amount service_charge_amount gratuity_amount refund_amount is_voided is_deleted _run_id _loaded_at",
    "fact_order_items": "order_guid restaurant_guid business_date order_modified_at selection_guid check_guid depth "
    "discount_amount is_voided is_deleted is_deferred _run_id _loaded_at",
    "fact_payments": "order_guid restaurant_guid business_date order_modified_at payment_guid check_guid is_voided "
    "_run_id _loaded_at",
    "fact_discounts": "order_guid restaurant_guid business_date order_modified_at check_guid parent_guid "
    "discount_guid is_voided is_deleted _run_id _loaded_at",
    "fact_service_charges": "order_guid restaurant_guid business_date order_modified_at check_guid "
    "service_charge_guid is_gratuity is_taxable is_delivery is_voided is_deleted _run_id _loaded_at",
    "fact_taxes": "order_guid restaurant_guid business_date order_modified_at check_guid parent_guid parent_kind "
    "tax_key is_facilitator_remitted is_voided is_deleted _run_id _loaded_at",
    "fact_cash_entries": "cash_entry_guid restaurant_guid business_date _run_id _loaded_at",
    "fact_cash_deposits": "deposit_guid restaurant_guid business_date _run_id _loaded_at",
    "fact_labor_shifts": "time_entry_guid restaurant_guid business_date entry_modified_at is_deleted _run_id "
    "_loaded_at",
    "fact_labor_breaks": "time_entry_guid restaurant_guid business_date entry_modified_at is_deleted break_key "
    "_run_id _loaded_at",
    "business_days": "source restaurant_guid business_date run_id mode status complete row_count rejects read_at",
    "etl_runs": "run_id restaurant_guid run_date function status started_at finished_at pages requests rejects "
    "extracted inserted updated",
    "etl_rejects": "run_id object_guid source restaurant_guid run_date reason payload",
    "etl_backfills": "backfill_id beat_at beat_date state functions restaurants start_date end_date units units_done "
    "units_failed",
    "etl_backfill_units": "backfill_id function restaurant_guid ended_at ended_date state attempts seconds pages rows",
}


def modes(table: Table) -> dict[str, str]:
    return {column.name: column.mode for column in table.columns}


def column(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def test_every_table_of_facts_and_runs_is_held_to_its_contract() -> None:
    """Seven of orders, two each of cash and labor, three of runs; dimensions have a file of their own."""
    assert set(TABLES) == set(CONTRACT)
    assert (len(ORDER_TABLES), len(CASH_TABLES), len(LABOR_TABLES), len(RUN_TABLES)) == (7, 2, 2, 5)
    assert {table.name for table in tables_of_the_code()} == {*TABLES, *(table.name for table in DIMENSION_TABLES)}


@every_table
def test_a_table_has_the_columns_that_others_build_on(table: Table) -> None:
    assert set(CONTRACT[table.name].split()) <= set(modes(table))


@every_table
def test_a_table_has_its_key(table: Table) -> None:
    assert table.key == KEYS[table.name]


@every_table
def test_a_column_is_required_where_it_is_always_there(table: Table) -> None:
    assert {name for name, mode in modes(table).items() if mode == "REQUIRED"} == set(REQUIRED[table.name].split())


# --- complete and sound ------------------------------------------------------------------------------


@every_table
def test_a_table_and_each_of_its_columns_is_described_in_a_sentence(table: Table) -> None:
    for text in (table.description, *(column.description for column in table.columns)):
        assert text.endswith((".", "…"))
        assert len(text) <= 1024, "BigQuery takes no longer one"


@every_table
def test_no_column_stands_twice(table: Table) -> None:
    assert len(modes(table)) == len(table.columns)


@every_table
def test_key_partition_and_cluster_columns_are_there_and_never_null(table: Table) -> None:
    for name in (*table.key, table.partition_by, *table.cluster_by):
        assert modes(table)[name] == "REQUIRED"


@every_table
def test_a_table_is_partitioned_by_a_date(table: Table) -> None:
    assert column(table, table.partition_by).type == "DATE"


@every_table
def test_a_table_is_clustered_by_at_most_four_columns_of_types_that_bigquery_clusters_by(table: Table) -> None:
    assert 1 <= len(table.cluster_by) <= 4
    assert {column(table, name).type for name in table.cluster_by} <= {"STRING", "DATE", "INT64", "BOOL", "TIMESTAMP"}


@every_table
def test_columns_are_named_and_typed_as_everywhere(table: Table) -> None:
    """Money is NUMERIC, a time ends with _at and is a TIMESTAMP, a date ends with _date, a flag begins with is_."""
    for each in table.columns:
        assert each.name == each.name.lower()
        assert each.type in BIGQUERY_TYPES.values()
        assert (each.type == "DATE") == each.name.endswith("_date")
        assert (each.type == "TIMESTAMP") == (each.name.endswith("_at") or each.name in MOMENTS_NAMED_OTHERWISE)
        assert (each.type == "BOOL") == (
            each.name.startswith("is_") or each.name == "complete" or each.name in FLAGS_NAMED_BY_TOAST
        )
        if each.name.endswith(("_amount", "_price", "_quantity", "_sales", "_fee", "_rate")) or each.name == "amount":
            assert each.type == "NUMERIC"


@fact_table
def test_a_fact_is_partitioned_by_business_date_and_asks_for_a_filter_on_it(table: Table) -> None:
    assert table.partition_by == "business_date"
    assert table.requires_filter
    assert table.cluster_by == ("restaurant_guid", table.key[0])


@fact_table
def test_a_fact_ends_with_its_run(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert names[-2:] == ["_run_id", "_loaded_at"]
    assert [column.name for column in table.data_columns] == names[:-2]


@family_table
def test_a_table_of_a_family_begins_with_what_its_rows_share(family: Family, table: Table) -> None:
    names = [column.name for column in table.columns]
    assert names[:3] == [family.guid, "restaurant_guid", "business_date"]
    assert family.version in names


@run_table
def test_a_table_of_runs_can_be_queried_without_a_filter_and_names_its_run_itself(table: Table) -> None:
    assert not table.requires_filter
    assert {"run_id", "backfill_id"} & modes(table).keys()
    assert "_run_id" not in modes(table)


@family_table
def test_a_column_means_the_same_in_a_child_as_in_its_parent(family: Family, table: Table) -> None:
    of_parent = {each.name: each for each in family.register.columns}
    for name in table.inherits:
        assert column(table, name) == of_parent[name]


# --- the staging tables ------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.register.name)
def test_a_staged_object_is_the_object_with_its_children_as_repeated_records(family: Family) -> None:
    staged = {each.name: each for each in columns_of(family.staged)}
    of_object = {each.name: each for each in family.register.data_columns}
    records = {name: each for name, each in staged.items() if each.mode == "REPEATED"}
    assert {name: staged[name] for name in of_object} == of_object
    assert set(staged) - set(of_object) - set(records) == {"unit", "may_have_moved"}
    assert {name: each.fields for name, each in records.items()} == {
        name: columns_of(table.row) for name, table in family.children.items()
    }
    assert {each.type for each in records.values()} == {"RECORD"}


@family_child
def test_what_a_child_shares_with_its_parent_is_not_repeated_in_its_record(family: Family, table: Table) -> None:
    own = {each.name for each in columns_of(table.row)}
    assert not own & set(table.inherits)


def test_a_staged_cash_day_holds_the_rows_of_each_table_as_a_repeated_record() -> None:
    records = {each.name: each.fields for each in columns_of(StagedCashDay) if each.mode == "REPEATED"}
    assert records == {name: columns_of(table.row) for name, table in CASH_RECORDS.items()}


# --- how a row class becomes columns -----------------------------------------------------------------


def described(kind: Any) -> Any:
    return Annotated[kind, Meta(description="Something.")]


@pytest.mark.parametrize(
    ("kind", "bigquery_type"),
    [
        (str, "STRING"),
        (int, "INT64"),
        (bool, "BOOL"),
        (Decimal, "NUMERIC"),
        (dt.datetime, "TIMESTAMP"),
        (dt.date, "DATE"),
    ],
)
def test_an_annotation_gives_type_mode_and_description(kind: type, bigquery_type: str) -> None:
    class Example(Row):
        always: described(kind)
        sometimes: described(kind | None) = None

    assert columns_of(Example) == (
        Column("always", bigquery_type, "REQUIRED", "Something."),
        Column("sometimes", bigquery_type, "NULLABLE", "Something."),
    )


def test_a_list_of_rows_is_a_repeated_record() -> None:
    class Inner(Row):
        name: described(str)

    class Outer(Row):
        inner: described(list[Inner])

    assert columns_of(Outer) == (
        Column("inner", "RECORD", "REPEATED", "Something.", (Column("name", "STRING", "REQUIRED", "Something."),)),
    )


@pytest.mark.parametrize(
    ("hint", "found"),
    [
        (str, "column wrong: <class 'str'>"),
        (str | None, "column wrong: <class 'str'>"),
        (Annotated[str, Meta(description="")], "column wrong: <class 'str'>"),
        (described(float), "column wrong: <class 'float'>"),
        (described(bytes | None), "column wrong: <class 'bytes'>"),
        (described(dict[str, str]), r"column wrong: dict\[str, str\]"),
    ],
)
def test_a_column_without_a_description_or_a_bigquery_type_is_a_type_error(hint: Any, found: str) -> None:
    class Example(Row):
        wrong: hint

    with pytest.raises(TypeError, match=rf"^{found} needs a BigQuery type and a description$"):
        columns_of(Example)
