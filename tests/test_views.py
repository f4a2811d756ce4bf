"""The views of sql/, run in the emulator over rows made by hand: names of then, every row once, no day left out."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from functions import in_process
from google.cloud import bigquery

from local_stack.processes import ROOT, function_environment
from shared.bigquery_utils import Warehouse
from shared.cash_tables import FACT_CASH_ENTRIES
from shared.dimension_tables import DIMENSIONS
from shared.labor_tables import FACT_LABOR_SHIFTS
from shared.order_tables import ORDER_CHILDREN
from shared.run_tables import BUSINESS_DAYS
from shared.schema import ALL_TABLES, VIEWS
from shared.statements import Statement
from shared.tables import Table

ITEMS, PAYMENTS = ORDER_CHILDREN["items"], ORDER_CHILDREN["payments"]
DAY = dt.date(2026, 2, 21)
FIRST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
READ = dt.datetime(2026, 2, 22, 12, tzinfo=dt.UTC)
LATER = READ + dt.timedelta(minutes=1)

_numbers = itertools.count(1)


def at(hour: int, minute: int = 0, day: int = 21) -> dt.datetime:
    return dt.datetime(2026, 2, day, hour, minute, tzinfo=dt.UTC)


# --- rows made by hand -------------------------------------------------------------------------------

ANY_VALUE = {"STRING": "any", "INT64": 0, "BOOL": False, "NUMERIC": Decimal(0), "TIMESTAMP": READ, "DATE": DAY}


class Place:
    """One restaurant's rows in the tables and views of a warehouse."""

    def __init__(self, warehouse: Warehouse, timezone: str | None = "America/New_York", **settings: Any) -> None:
        self.warehouse = warehouse
        self.guid = f"restaurant-{next(_numbers)}"
        if timezone:
            described = {"name": "Bistro", "timezone": timezone, "closeout_hour": 4, **settings}
            self.version("restaurants", self.guid, **described)

    def put(self, table: Table, *rows: dict[str, Any]) -> None:
        """Append rows; a required column that a row leaves out gets any value, the run and the moment included."""
        required = {column.name: ANY_VALUE[column.type] for column in table.columns if column.mode == "REQUIRED"}
        lines = [msgspec.json.encode({**required, "restaurant_guid": self.guid, **row}) for row in rows]
        file = io.BytesIO(b"\n".join(lines))
        self.warehouse.load(file, table.name, table.columns, f"put-{time.time_ns()}-{next(_numbers)}")

    def version(
        self,
        entity: str,
        guid: str,
        valid_from: dt.datetime = FIRST,
        valid_to: dt.datetime | None = None,
        **columns: Any,
    ) -> None:
        """Append a version of something configured."""
        validity = {"valid_from": valid_from, "valid_to": valid_to, "is_current": valid_to is None}
        self.put(DIMENSIONS[entity], {"guid": guid, **validity, **columns})

    def see(self, view: str, *columns: str, order_by: str = "1") -> list[Any]:
        """The restaurant's rows of a view: tuples of columns, or values of one."""
        where = f"restaurant_guid = '{self.guid}'"
        sql = f"SELECT {', '.join(columns)} FROM `{self.warehouse.dataset}.{view}` WHERE {where} ORDER BY {order_by}"
        rows = self.warehouse.run(Statement(sql), f"see-{time.time_ns()}").rows
        return [tuple(row.values()) if len(columns) > 1 else row[columns[0]] for row in rows]


@pytest.fixture(scope="module")
def warehouse(warehouse_client: bigquery.Client) -> Iterator[Warehouse]:
    """A dataset with all tables and views; each test has a restaurant of its own in it."""
    name = f"views_{time.time_ns()}"
    warehouse = Warehouse(warehouse_client, name, "US", host="emulator")
    warehouse.ensure(ALL_TABLES, VIEWS)
    yield warehouse
    warehouse_client.delete_dataset(name, delete_contents=True, not_found_ok=True)


@pytest.fixture
def place(warehouse: Warehouse) -> Place:
    return Place(warehouse)


def sold(selection: str, item: str = "burger", **columns: Any) -> dict[str, Any]:
    """A row of fact_order_items."""
    names = {"selection_guid": selection, "order_guid": "order", "menu_item_guid": item, "opened_at": at(17)}
    return {**names, "menu_item_name": f"{item} as sold", **columns}


# --- names as they were ------------------------------------------------------------------------------


def test_an_item_sold_before_the_first_reading_has_the_first_name_that_is_known(place: Place) -> None:
    place.version("menu_items", "burger", name="Burger")
    place.put(ITEMS, sold("s", business_date="2020-02-21", opened_at="2020-02-21T17:00:00Z"))
    assert place.see("order_items", "item_name") == ["Burger"]


def test_an_item_that_was_renamed_has_the_name_of_then(place: Place) -> None:
    place.version("menu_items", "burger", valid_to=at(17), name="Burger")
    place.version("menu_items", "burger", at(17), name="Smashburger")
    times = {"before": at(16, 59), "just then": at(17), "after": at(18)}
    place.put(ITEMS, *(sold(when, opened_at=moment) for when, moment in times.items()))
    assert dict(place.see("order_items", "selection_guid", "item_name")) == {
        "before": "Burger",
        "just then": "Smashburger",
        "after": "Smashburger",
    }


def test_an_item_that_was_archived_keeps_its_name_on_later_orders_until_it_returns(place: Place) -> None:
    place.version("menu_items", "burger", valid_to=at(12), name="Burger")
    place.put(ITEMS, sold("archived", opened_at=at(15)))
    assert place.see("order_items", "item_name") == ["Burger"]
    assert place.see("current_menu_items", "guid") == []
    place.version("menu_items", "burger", at(18), name="Burger is back")
    place.put(ITEMS, sold("reopened", opened_at=at(19)))
    assert place.see("order_items", "selection_guid", "item_name") == [
        ("archived", "Burger"),
        ("reopened", "Burger is back"),
    ]
    assert place.see("current_menu_items", "name") == ["Burger is back"]


def test_two_current_versions_at_once_multiply_nothing(place: Place) -> None:
    """As while a load is at work: the newest counts, and of two of the same moment the smallest run id."""
    place.version("menu_items", "burger", name="Old", _loaded_at=READ, _run_id="a")
    place.version("menu_items", "burger", name="New, by run c", _loaded_at=LATER, _run_id="c")
    place.version("menu_items", "burger", name="New, by run b", _loaded_at=LATER, _run_id="b")
    place.put(ITEMS, sold("s"))
    assert place.see("order_items", "item_name") == ["New, by run b"]
    assert place.see("current_menu_items", "name") == ["New, by run b"]
    assert place.see("history_menu_items", "name") == ["New, by run b"]


def test_two_current_versions_of_different_beginning_follow_each_other(place: Place) -> None:
    place.version("menu_items", "burger", name="Old", _loaded_at=READ)
    place.version("menu_items", "burger", at(17), name="New", _loaded_at=LATER)
    place.put(ITEMS, sold("1", opened_at=at(16)), sold("2", opened_at=at(18)))
    assert place.see("order_items", "selection_guid", "item_name") == [("1", "Old"), ("2", "New")]
    assert place.see("current_menu_items", "name") == ["New"]


def test_an_entity_of_another_restaurant_with_the_same_guid_gives_no_name(warehouse: Warehouse) -> None:
    here, there = Place(warehouse), Place(warehouse)
    there.version("menu_items", "burger", name="There")
    here.put(ITEMS, sold("s"))
    assert here.see("order_items", "item_name") == ["burger as sold"]


def test_a_sale_is_named_in_all_that_it_refers_to(place: Place) -> None:
    place.version("menus", "menu", name="Dinner")
    place.version("menu_groups", "group", name="Mains", menu_name="Dinner")
    place.version("menu_items", "burger", name="Burger", menu_group_name="Other", sales_category_name="Other")
    place.version("sales_categories", "food", name="Food")
    place.version("modifier_groups", "sides", name="Sides")
    place.version("pre_modifiers", "extra", name="Extra")
    place.version("dining_options", "here", name="For here", behavior="DINE_IN")
    place.version("revenue_centers", "bar", name="Bar")
    place.version("employees", "ann", first_name="Annabel", chosen_name="Ann", last_name="Lee")
    place.version("void_reasons", "spilled", name="Spilled")
    refers = {
        "menu_group_guid": "group",
        "sales_category_guid": "food",
        "option_group_guid": "sides",
        "pre_modifier_guid": "extra",
        "dining_option_guid": "here",
        "revenue_center_guid": "bar",
        "server_guid": "ann",
        "void_reason_guid": "spilled",
    }
    place.put(ITEMS, sold("s", **refers))
    names = {
        "restaurant_name": "Bistro",
        "item_name": "Burger",
        "menu_item_name": "burger as sold",
        "menu_name": "Dinner",
        "menu_group_name": "Mains",
        "sales_category_name": "Food",
        "modifier_group_name": "Sides",
        "pre_modifier_name": "Extra",
        "dining_option_name": "For here",
        "dining_option_behavior": "DINE_IN",
        "revenue_center_name": "Bar",
        "server_name": "Ann Lee",
        "void_reason_name": "Spilled",
    }
    assert place.see("order_items", *names) == [tuple(names.values())]


def test_a_sale_without_a_group_of_its_own_has_that_of_its_item(place: Place) -> None:
    place.version("menu_items", "burger", name="B", menu_name="M", menu_group_name="G", sales_category_name="C")
    place.put(ITEMS, sold("s"))
    assert place.see("order_items", "menu_name", "menu_group_name", "sales_category_name") == [("M", "G", "C")]


def test_a_modifier_names_what_it_modifies_at_any_depth(place: Place) -> None:
    place.put(
        ITEMS,
        sold("1", "burger"),
        sold("2", "salad", depth=1, parent_selection_guid="1"),
        sold("3", "dressing", depth=2, parent_selection_guid="2"),
    )
    assert place.see("order_items", "selection_guid", "parent_item_name") == [
        ("1", None),
        ("2", "burger as sold"),
        ("3", "salad as sold"),
    ]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"first_name": "Ann", "last_name": "Lee"}, "Ann Lee"),
        ({"first_name": "Annabel", "chosen_name": "Ann", "last_name": "Lee"}, "Ann Lee"),
        ({"first_name": "Ann", "chosen_name": "", "last_name": None}, "Ann"),
        ({"first_name": None, "last_name": "Lee"}, "Lee"),
        ({"first_name": "", "last_name": ""}, None),
    ],
)
def test_an_employee_has_one_name_to_show(place: Place, names: dict[str, str | None], shown: str | None) -> None:
    place.version("employees", "ann", **names)
    assert place.see("employee_names", "name") == [shown]


def test_a_cash_drawer_without_a_known_printer_is_told_from_others_by_its_guid(place: Place) -> None:
    place.version("cash_drawers", "0123456789", printer_guid="gone")
    place.put(PAYMENTS, {"payment_guid": "1", "cash_drawer_guid": "0123456789"}, {"payment_guid": "2"})
    assert place.see("payments", "payment_guid", "cash_drawer_name") == [("1", "Drawer 01234567"), ("2", None)]
    place.put(FACT_CASH_ENTRIES, {"cash_drawer_guid": "9876543210"})
    assert place.see("cash_entries", "cash_drawer_name") == ["Drawer 98765432"]


def test_a_payment_a_shift_and_a_cash_entry_are_named_in_all_that_they_refer_to(place: Place) -> None:
    place.version("printers", "printer", name="Front bar")
    place.version("cash_drawers", "drawer", printer_guid="printer")
    place.version("alternate_payment_types", "voucher", name="Voucher")
    place.version("payout_reasons", "ice", name="Ice")
    place.version("no_sale_reasons", "change", name="Change")
    place.version("jobs", "job", title="Server", code="S1", is_tipped=True)
    for name in ("ann", "bob", "cid", "dee"):
        place.version("employees", name, first_name=name.title())
    place.put(PAYMENTS, {"other_payment_guid": "voucher", "cash_drawer_guid": "drawer", "server_guid": "ann"})
    assert place.see("payments", "restaurant_name", "other_payment_name", "cash_drawer_name", "server_name") == [
        ("Bistro", "Voucher", "Front bar", "Ann")
    ]
    place.put(FACT_LABOR_SHIFTS, {"employee_guid": "ann", "job_guid": "job", "in_at": at(14)})
    assert place.see("labor_shifts", "restaurant_name", "employee_name", "job_title", "job_code", "is_tipped_job") == [
        ("Bistro", "Ann", "Server", "S1", True)
    ]
    place.put(
        FACT_CASH_ENTRIES,
        {
            "cash_drawer_guid": "drawer",
            "payout_reason_guid": "ice",
            "no_sale_reason_guid": "change",
            "employee_guid": "ann",
            "approver_guid": "bob",
            "creator_guid": "cid",
            "review_approver_guid": "dee",
        },
    )
    names = {
        "restaurant_name": "Bistro",
        "cash_drawer_name": "Front bar",
        "payout_reason_name": "Ice",
        "no_sale_reason_name": "Change",
        "employee_name": "Ann",
        "approver_name": "Bob",
        "creator_name": "Cid",
        "review_approver_name": "Dee",
    }
    assert place.see("cash_entries", *names) == [tuple(names.values())]


# --- times -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timezone", "utc", "local"),
    [
        ("America/New_York", "2026-02-21T17:30:15.5Z", dt.datetime(2026, 2, 21, 12, 30, 15, 500000)),
        ("America/New_York", "2026-07-21T17:30:00Z", dt.datetime(2026, 7, 21, 13, 30)),
        ("Pacific/Honolulu", "2026-02-21T03:00:00Z", dt.datetime(2026, 2, 20, 17)),
        ("America/New_York", None, None),
        (None, "2026-02-21T17:30:00Z", None),
    ],
)
def test_times_stand_there_in_local_time_too(
    warehouse: Warehouse, timezone: str | None, utc: str | None, local: dt.datetime | None
) -> None:
    place = Place(warehouse, timezone)
    place.put(ITEMS, sold("s", opened_at=utc))
    place.put(PAYMENTS, {"paid_at": utc})
    place.put(FACT_LABOR_SHIFTS, {"in_at": utc, "out_at": utc})
    place.put(FACT_CASH_ENTRIES, {"entry_at": utc})
    assert place.see("order_items", "opened_at_local") == [local]
    assert place.see("payments", "paid_at_local") == [local]
    assert place.see("labor_shifts", "in_at_local", "out_at_local") == [(local, local)]
    assert place.see("cash_entries", "entry_at_local") == [local]


def test_what_has_no_time_is_named_as_of_the_beginning_of_its_business_date(place: Place) -> None:
    """4:00 in New York is 9:00 UTC in winter."""
    for entity, key in (("menu_items", "burger"), ("employees", "ann")):
        place.version(entity, key, valid_to=at(9), **{"name" if entity == "menu_items" else "first_name": "Old"})
        place.version(entity, key, at(9), **{"name" if entity == "menu_items" else "first_name": "New"})
    day_before = {"business_date": DAY - dt.timedelta(days=1)}
    place.put(ITEMS, sold("1", opened_at=None, **day_before), sold("2", opened_at=None))
    assert place.see("order_items", "selection_guid", "item_name") == [("1", "Old"), ("2", "New")]
    for table, view, name in (
        (PAYMENTS, "payments", "server"),
        (FACT_LABOR_SHIFTS, "labor_shifts", "employee"),
        (FACT_CASH_ENTRIES, "cash_entries", "employee"),
    ):
        place.put(table, {f"{name}_guid": "ann", **day_before}, {f"{name}_guid": "ann"})
        assert place.see(view, "business_date", f"{name}_name") == [(day_before["business_date"], "Old"), (DAY, "New")]


# --- every row once ----------------------------------------------------------------------------------


def test_of_two_versions_of_an_order_only_the_newest_shows(place: Place) -> None:
    """Also a selection or payment that the newest no longer has; other orders are left alone."""
    old, new = {"order_modified_at": at(18)}, {"order_modified_at": at(19)}
    place.put(ITEMS, sold("kept", **old), sold("dropped", **old), sold("kept", **new))
    place.put(ITEMS, sold("other", order_guid="other order", **old))
    assert place.see("order_items", "selection_guid", "order_modified_at") == [("kept", at(19)), ("other", at(18))]
    paid = {"order_guid": "order", "amount": "5"}
    place.put(PAYMENTS, {"payment_guid": "dropped", **paid, **old}, {"payment_guid": "kept", **paid, **new})
    assert place.see("payments", "payment_guid") == ["kept"]


def test_of_equal_copies_the_one_of_the_smallest_run_shows(place: Place) -> None:
    runs = ({"_run_id": run} for run in "cab")
    for run in runs:
        place.put(ITEMS, sold("s", **run), sold("t", **run))
        place.put(PAYMENTS, {"payment_guid": "p", **run})
        place.put(FACT_LABOR_SHIFTS, {"time_entry_guid": "e", **run})
        place.put(FACT_CASH_ENTRIES, {"cash_entry_guid": "c", **run})
    assert place.see("order_items", "selection_guid", "_run_id") == [("s", "a"), ("t", "a")]
    assert place.see("payments", "_run_id") == ["a"]
    assert place.see("labor_shifts", "_run_id") == ["a"]
    assert place.see("cash_entries", "_run_id") == ["a"]


def test_of_two_versions_of_a_time_entry_only_the_newest_shows(place: Place) -> None:
    place.put(
        FACT_LABOR_SHIFTS,
        {"time_entry_guid": "e", "entry_modified_at": at(18), "_run_id": "a"},
        {"time_entry_guid": "e", "entry_modified_at": at(19), "_run_id": "b", "regular_hours": "8"},
    )
    assert place.see("labor_shifts", "regular_hours") == [Decimal(8)]


def test_of_two_readings_of_a_cash_day_only_the_newest_shows(place: Place) -> None:
    next_day = {"business_date": DAY + dt.timedelta(days=1)}
    place.put(
        FACT_CASH_ENTRIES,
        {"cash_entry_guid": "gone", "_loaded_at": READ},
        {"cash_entry_guid": "kept", "_loaded_at": READ},
        {"cash_entry_guid": "kept", "_loaded_at": LATER, "amount": "-5"},
        {"cash_entry_guid": "next day", "_loaded_at": READ, **next_day},
    )
    assert place.see("cash_entries", "cash_entry_guid", "amount") == [("kept", Decimal(-5)), ("next day", None)]


NAMED_FACTS = {
    "order_items": ITEMS,
    "payments": PAYMENTS,
    "labor_shifts": FACT_LABOR_SHIFTS,
    "cash_entries": FACT_CASH_ENTRIES,
}


@pytest.mark.parametrize("view", NAMED_FACTS)
def test_a_view_shows_the_rows_of_its_table_and_nothing_else_in_them(place: Place, view: str) -> None:
    """Each once with all its values, whether or not there are names for what it refers to."""
    table = NAMED_FACTS[view]
    for entity in DIMENSIONS.keys() - {"restaurants"}:
        place.version(entity, "any", valid_to=at(17))
        place.version(entity, "any", at(17))
    fills = {"STRING": "any", "INT64": 7, "BOOL": True, "NUMERIC": Decimal("0.01"), "TIMESTAMP": READ, "DATE": DAY}
    filled = {column.name: fills[column.type] for column in table.columns if column.name != "restaurant_guid"}
    key = table.key[-1]
    rows = [{**filled, key: f"{number:03}"} for number in range(50)]
    place.put(table, *rows, {key: "with only what is required"})
    columns = [column.name for column in table.columns]
    shown = place.see(view, *columns, order_by=key)
    assert len(shown) == 51
    assert shown == place.see(table.name, *columns, order_by=key)


# --- as it is now ------------------------------------------------------------------------------------


@pytest.mark.parametrize("entity", DIMENSIONS)
def test_the_current_rows_of_each_dimension_are_one_per_entity(warehouse: Warehouse, entity: str) -> None:
    place = Place(warehouse, timezone=None)
    place.version(entity, "changed", valid_to=at(17), row_hash="old")
    place.version(entity, "changed", at(17), row_hash="new")
    place.version(entity, "gone", valid_to=at(17))
    place.version(entity, "unchanged", row_hash="first")
    assert place.see(f"current_{entity}", "guid", "row_hash") == [("changed", "new"), ("unchanged", "first")]


def test_a_history_has_no_gap_and_no_overlap(place: Place) -> None:
    place.version("jobs", "job", valid_to=at(10))
    place.version("jobs", "job", at(12), valid_to=at(14))
    place.version("jobs", "job", at(14))
    until = [at(12), at(14), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)]
    assert place.see("history_jobs", "valid_from", "valid_until") == list(zip([FIRST, *until], until, strict=False))


# --- the calendar ------------------------------------------------------------------------------------


def day(business_date: dt.date, source: str = "orders", **columns: Any) -> dict[str, Any]:
    """A row of business_days."""
    return {"source": source, "business_date": business_date, "status": "open", "complete": True, **columns}


def days_before_today(number: int) -> dt.date:
    """A date so long ago that it is over in every time zone, whenever the test runs, if number is above 2."""
    return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=number)


def test_the_calendar_has_every_date_from_the_first_to_the_last_that_is_over(warehouse: Warehouse) -> None:
    first = days_before_today(40)
    place = Place(warehouse, "Pacific/Kiritimati", first_business_date=first)
    before = dt.datetime.now(dt.UTC)
    dates = place.see("business_calendar", "business_date")
    # UTC+14, closeout at 4: at 14:00 UTC it is 4 o'clock of the next day.
    last = {(now + dt.timedelta(hours=10)).date() - dt.timedelta(days=1) for now in (before, dt.datetime.now(dt.UTC))}
    assert dates[-1] in last
    assert dates == [first + dt.timedelta(days=number) for number in range(len(dates))]
    assert set(place.see("business_calendar", "restaurant_name", "status", "is_complete")) == {
        ("Bistro", "missing", False)
    }


def test_the_calendar_shows_what_was_loaded_and_what_is_missing(warehouse: Warehouse) -> None:
    dates = [days_before_today(number) for number in (6, 5, 4, 3)]
    place = Place(warehouse, first_business_date=dates[0])
    place.put(
        BUSINESS_DAYS,
        *(day(dates[0], source, row_count=number) for number, source in enumerate(("orders", "cash", "labor"), 3)),
        day(dates[1], status="closed", reason="no_orders", net_sales="0"),
        day(dates[1], "cash", complete=False),
        day(dates[2], "labor", rejects=2),
    )
    columns = ("business_date", "status", "reason", "is_complete")
    columns += ("is_orders_complete", "is_cash_complete", "is_labor_complete")
    columns += ("order_count", "cash_count", "time_entry_count", "rejects")
    assert place.see("business_calendar", *columns)[:4] == [
        (dates[0], "open", None, True, True, True, True, 3, 4, 5, 0),
        (dates[1], "closed", "no_orders", False, True, False, False, 0, 0, None, 0),
        (dates[2], "missing", None, False, False, False, True, None, None, 0, 2),
        (dates[3], "missing", None, False, False, False, False, None, None, None, 0),
    ]


def test_the_calendar_tells_of_the_newest_load_of_a_day(warehouse: Warehouse) -> None:
    date = days_before_today(3)
    place = Place(warehouse, first_business_date=date)
    place.put(
        BUSINESS_DAYS,
        day(date, run_id="b", read_at=LATER, row_count=2),
        day(date, run_id="c", read_at=LATER, row_count=3),
        day(date, run_id="a", read_at=READ, row_count=1, complete=False, status="provisional"),
    )
    columns = ("business_date", "status", "is_orders_complete", "order_count", "orders_read_at")
    assert place.see("business_calendar", *columns)[0] == (date, "open", True, 2, LATER)


def test_a_restaurant_whose_configuration_is_not_loaded_begins_with_its_first_loaded_day(warehouse: Warehouse) -> None:
    place = Place(warehouse, timezone=None)
    dates = [days_before_today(5), days_before_today(3)]
    place.put(BUSINESS_DAYS, *(day(date) for date in dates))
    assert place.see("business_calendar", "business_date", "status", "restaurant_name")[:3] == [
        (dates[0], "open", None),
        (days_before_today(4), "missing", None),
        (dates[1], "open", None),
    ]


# --- how they come to be there, and the queries of the README ----------------------------------------


def test_the_first_call_of_a_function_creates_all_tables_and_views(
    emulator: str, simulator: str, warehouse_client: bigquery.Client
) -> None:
    name = f"views_by_call_{time.time_ns()}"
    with in_process(
        {**function_environment(simulator, emulator), "BQ_DATASET": name}, "cash_daily", with_views=True
    ) as call:
        call(start_date=DAY, end_date=DAY).succeeded()
    listed = {table.table_id: table.table_type for table in warehouse_client.list_tables(name)}
    assert listed == {table.name: "TABLE" for table in ALL_TABLES} | {view.name: "VIEW" for view in VIEWS}
    for view in VIEWS:
        created = warehouse_client.get_table(f"{name}.{view.name}")
        assert [(f.name, f.field_type, f.description) for f in created.schema] == [
            (column.name, column.type, column.description) for column in view.columns
        ]
        assert created.description == view.description


def queries_of_the_readme() -> list[str]:
    section = re.split(r"^## ", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    (analysts,) = [text for text in section if text.startswith("For analysts")]
    return re.findall(r"^```sql\n(.*?)^```$", analysts, flags=re.MULTILINE | re.DOTALL)


def ask(place: Place, number: int) -> list[tuple[Any, ...]]:
    """The answer to one of the README's queries, as far as it speaks of the place."""
    sql = re.sub(r"\btoast\.", f"{place.warehouse.dataset}.", queries_of_the_readme()[number])
    assert place.warehouse.dataset in sql
    rows = place.warehouse.run(Statement(sql), f"readme-{time.time_ns()}").rows
    return [tuple(row.values())[1:] for row in rows if row["restaurant_name"] == f"Bistro {place.guid}"]


@pytest.fixture
def named(warehouse: Warehouse) -> Place:
    """A restaurant with a name of its own, which the README's queries show."""
    place = Place(warehouse, timezone=None)
    # Where each day is over before it is in New York.
    settings = {"timezone": "Pacific/Kiritimati", "closeout_hour": 4}
    place.version("restaurants", place.guid, name=f"Bistro {place.guid}", **settings)
    return place


def test_the_readme_sums_sales_by_item_and_day(named: Place) -> None:
    named.version("menu_items", "burger", name="Burger")
    date = {"business_date": "2026-02-16"}
    sale = {**date, "item_quantity": "2", "item_price": "10.50"}
    named.put(
        ITEMS,
        sold("1", **sale),
        sold("2", **sale),
        sold("modifier", depth=1, **sale),
        sold("voided", is_voided=True, **sale),
        sold("deleted", is_deleted=True, **sale),
        sold("gift card", is_deferred=True, **sale),
        sold("other", "soda", **date, item_quantity="1", item_price="3"),
        sold("too late", **{**sale, "business_date": "2026-02-23"}),
    )
    assert ask(named, 0) == [
        (dt.date(2026, 2, 16), "Burger", Decimal(4), Decimal(21)),
        (dt.date(2026, 2, 16), "soda as sold", Decimal(1), Decimal(3)),
    ]


def test_the_readme_sums_hours_and_tips_by_job(named: Place) -> None:
    named.version("jobs", "job", title="Server")
    shift = {"job_guid": "job", "business_date": "2026-02-17", "regular_hours": "8", "overtime_hours": "0.5"}
    shift |= {"declared_cash_tips": "5", "non_cash_tips": "20.25"}
    named.put(
        FACT_LABOR_SHIFTS,
        {"time_entry_guid": "1", **shift},
        {"time_entry_guid": "2", "job_guid": "job", "business_date": "2026-02-22", "regular_hours": "1"},
        {"time_entry_guid": "deleted", "is_deleted": True, **shift},
        {"time_entry_guid": "too late", **shift, "business_date": "2026-02-23"},
    )
    assert ask(named, 1) == [("Server", 2, Decimal("9.5"), Decimal("25.25"))]


def test_the_readme_asks_whether_yesterday_is_complete(named: Place) -> None:
    today = dt.datetime.now(ZoneInfo("America/New_York")).date()
    yesterday, day_before = (today - dt.timedelta(days=number) for number in (1, 2))
    named.put(BUSINESS_DAYS, day(day_before), day(yesterday, row_count=4, net_sales="12.5"))
    assert ask(named, 2) == [("open", None, True, False, False, 4, Decimal("12.5"), 0)]
