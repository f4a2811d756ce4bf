"""The views that analysts query: what each says, and the file of sql/ that makes it.

A view's columns are described as a table's are, by a row class. Those that it passes through from a table keep
the table's descriptions; the class adds the others.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.cash_tables import FACT_CASH_ENTRIES
from shared.dimension_tables import DIMENSIONS
from shared.labor_tables import FACT_LABOR_SHIFTS
from shared.order_tables import ORDER_CHILDREN
from shared.statements import Statement
from shared.tables import Column, LocalTime, Row, Table, columns_of

SQL_FOLDER = Path(__file__).resolve().parent.parent / "sql"


class View(msgspec.Struct, frozen=True, dict=True, kw_only=True):
    """A view: its name, what one row is, its columns, and the file of sql/ that creates it.

    ``described_by`` gives the columns when they are asked for: putting them together for every view would take a
    cold start 20 ms. ``entity`` stands for {entity} in a file that serves for several views. A view of a higher
    ``layer`` may read those of lower ones, which have to be there first.
    """

    name: str
    description: str
    described_by: Callable[[], Iterable[Column]]
    file: str
    entity: str = ""
    layer: int = 0

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns as a view has them: none is required."""
        return tuple(msgspec.structs.replace(column, mode="NULLABLE") for column in self.described_by())

    @cached_property
    def sql(self) -> str:
        """The statement that creates the view, with {dataset} where the dataset belongs."""
        return (SQL_FOLDER / self.file).read_text(encoding="utf-8").replace("{entity}", self.entity)

    @cached_property
    def definition(self) -> str:
        """A hash of all that makes the view what it is, fit for a label."""
        content = msgspec.json.encode([self.sql, self.description, self.columns])
        return hashlib.sha256(content).hexdigest()[:32]

    def create(self, dataset: str) -> Statement:
        """Create the view in a dataset, in place of what it was."""
        return Statement(self.sql.replace("{dataset}", dataset))


# --- the columns that views add ----------------------------------------------------------------------

RestaurantName = Annotated[str | None, Meta(description="Name of the restaurant.")]
CashDrawerName = Annotated[
    str | None,
    Meta(
        description="Name of the printer that opens the cash drawer, which tells which drawer it is; where none is "
        "known, 'Drawer' and the beginning of its GUID."
    ),
]


class HistoryColumns(Row):
    """What a history adds to its dimension."""

    valid_until: Annotated[
        dt.datetime,
        Meta(description="Until when to go by this version (UTC): when the next begins; 9999-12-31 for the newest."),
    ]


class EmployeeName(Row):
    """An employee's name; the other columns are the history's."""

    name: Annotated[
        str | None, Meta(description="Name to show: the name that the employee goes by or the first, and the last.")
    ]


class ItemNames(Row):
    """What order_items adds to its table."""

    restaurant_name: RestaurantName
    opened_at_local: Annotated[
        LocalTime | None, Meta(description="When the order was opened, on the restaurant's clock.")
    ]
    item_name: Annotated[
        str | None, Meta(description="Name of the item on the menu then; the name as sold where no menu tells of it.")
    ]
    parent_item_name: Annotated[
        str | None, Meta(description="Name, as sold, of the selection that this one modifies; NULL at the top.")
    ]
    menu_name: Annotated[str | None, Meta(description="Menu of the menu group.")]
    menu_group_name: Annotated[
        str | None,
        Meta(description="Menu group that it was sold from; the first that lists the item where the order has none."),
    ]
    sales_category_name: Annotated[
        str | None, Meta(description="Sales category of the sale; the item's where the order has none.")
    ]
    modifier_group_name: Annotated[str | None, Meta(description="Modifier group that a modifier was chosen from.")]
    pre_modifier_name: Annotated[str | None, Meta(description="Pre-modifier, such as 'extra' or 'no'.")]
    dining_option_name: Annotated[str | None, Meta(description="Dining option, by the restaurant's name for it.")]
    dining_option_behavior: Annotated[
        str | None, Meta(description="What the dining option amounts to: DINE_IN, TAKE_OUT or DELIVERY.")
    ]
    revenue_center_name: Annotated[str | None, Meta(description="Revenue center.")]
    server_name: Annotated[str | None, Meta(description="Employee who serves the order.")]
    void_reason_name: Annotated[str | None, Meta(description="Why it was voided.")]


class PaymentNames(Row):
    """What payments adds to its table."""

    restaurant_name: RestaurantName
    paid_at_local: Annotated[LocalTime | None, Meta(description="When it was paid, on the restaurant's clock.")]
    other_payment_name: Annotated[str | None, Meta(description="Kind of an OTHER payment.")]
    cash_drawer_name: CashDrawerName
    server_name: Annotated[str | None, Meta(description="Employee who took the payment.")]


class ShiftNames(Row):
    """What labor_shifts adds to its table."""

    restaurant_name: RestaurantName
    in_at_local: Annotated[LocalTime | None, Meta(description="Clock-in, on the restaurant's clock.")]
    out_at_local: Annotated[
        LocalTime | None, Meta(description="Clock-out, on the restaurant's clock; NULL while clocked in.")
    ]
    employee_name: Annotated[str | None, Meta(description="Employee who worked.")]
    job_title: Annotated[str | None, Meta(description="Title of the job that the employee worked as.")]
    job_code: Annotated[str | None, Meta(description="The restaurant's own code for that job, as in payroll.")]
    is_tipped_job: Annotated[bool | None, Meta(description="Who works in that job receives tips.")]


class CashEntryNames(Row):
    """What cash_entries adds to its table."""

    restaurant_name: RestaurantName
    entry_at_local: Annotated[LocalTime | None, Meta(description="When it happened, on the restaurant's clock.")]
    cash_drawer_name: CashDrawerName
    payout_reason_name: Annotated[str | None, Meta(description="What a PAY_OUT was for.")]
    no_sale_reason_name: Annotated[str | None, Meta(description="Why a NO_SALE opened the drawer.")]
    employee_name: Annotated[str | None, Meta(description="Employee who made the entry.")]
    approver_name: Annotated[str | None, Meta(description="Employee who approved it.")]
    creator_name: Annotated[
        str | None, Meta(description="Employee who created it or, for a shift review, whose shift that was.")
    ]
    review_approver_name: Annotated[
        str | None, Meta(description="Employee who approved it or, for a shift review, whose shift that was.")
    ]


class CalendarDay(Row):
    """A row of business_calendar."""

    restaurant_guid: Annotated[str, Meta(description="Toast's GUID of the restaurant (location).")]
    restaurant_name: RestaurantName
    business_date: Annotated[dt.date, Meta(description="The business date.")]
    status: Annotated[
        str,
        Meta(
            description="By its orders: open, low_activity, closed, not_open_yet, provisional (not final when it was "
            "read) or missing (orders never loaded)."
        ),
    ]
    reason: Annotated[str | None, Meta(description="Why it is not open: no_orders, few_orders, low_sales …")]
    is_complete: Annotated[bool, Meta(description="Orders, cash and labor of the day are complete.")]
    is_orders_complete: Annotated[bool, Meta(description="All orders were loaded, as after the nightly close.")]
    is_cash_complete: Annotated[bool, Meta(description="All cash entries and deposits were loaded, as above.")]
    is_labor_complete: Annotated[bool, Meta(description="All time entries were loaded, as above.")]
    order_count: Annotated[int | None, Meta(description="Orders that are not voided or deleted; NULL if missing.")]
    net_sales: Annotated[Decimal | None, Meta(description="Net sales as Toast defines them; NULL if missing.")]
    cash_count: Annotated[int | None, Meta(description="Cash entries and deposits; NULL if never loaded.")]
    time_entry_count: Annotated[int | None, Meta(description="Time entries, deleted ones left out; NULL if missing.")]
    rejects: Annotated[int, Meta(description="Objects of the day that could not be read; see etl_rejects.")]
    orders_read_at: Annotated[dt.datetime | None, Meta(description="As of when the orders are known (UTC).")]
    cash_read_at: Annotated[dt.datetime | None, Meta(description="As of when the cash is known (UTC).")]
    labor_read_at: Annotated[dt.datetime | None, Meta(description="As of when the time entries are known (UTC).")]


class ClosedDays(Row):
    """A row of closure_summary."""

    restaurant_guid: Annotated[str, Meta(description="Toast's GUID of the restaurant (location).")]
    restaurant_name: RestaurantName
    status: Annotated[str, Meta(description="closed, or low_activity for days that were open and hardly had orders.")]
    reason: Annotated[str | None, Meta(description="no_orders; for low_activity few_orders, low_sales …")]
    month: Annotated[dt.date, Meta(description="First day of the month.")]
    weekday: Annotated[int, Meta(description="Day of the week, 1 for Monday to 7 for Sunday.")]
    weekday_name: Annotated[str, Meta(description="Its English name.")]
    closed_days: Annotated[int, Meta(description="Such days of that weekday in the month.")]
    weekday_count: Annotated[
        int, Meta(description="Days of that weekday in the month of which it is known whether they were open.")
    ]
    first_closed_date: Annotated[dt.date, Meta(description="The first of these days.")]
    last_closed_date: Annotated[dt.date, Meta(description="The last of these days.")]
    order_count: Annotated[int | None, Meta(description="Orders of these days, voided and deleted ones left out.")]
    net_sales: Annotated[Decimal | None, Meta(description="Net sales of these days.")]


# --- the views ---------------------------------------------------------------------------------------


def _but(columns: Iterable[Column], *names: str) -> list[Column]:
    return [column for column in columns if column.name not in names]


def _only(columns: Iterable[Column], *names: str) -> list[Column]:
    return [column for column in columns if column.name in names]


def _current(entity: str, table: Table) -> View:
    return View(
        name=f"current_{entity}",
        description=f"The rows of {table.name} that are current: one per entity that Toast lists now.",
        described_by=lambda: _but(table.columns, "valid_to", "is_current"),
        file="current_dimension.sql",
        entity=entity,
    )


def _history(entity: str, table: Table) -> View:
    return View(
        name=f"history_{entity}",
        description=f"The versions of {table.name} without a gap between them, to name what facts refer to.",
        described_by=lambda: (*table.columns, *columns_of(HistoryColumns)),
        file="history_dimension.sql",
        entity=entity,
    )


def _named_facts(name: str, table: Table, names: type[Row], description: str) -> View:
    return View(
        name=name,
        description=f"{description} Filter on business_date.",
        described_by=lambda: (*table.columns, *columns_of(names)),
        file=f"{name}.sql",
        layer=2,
    )


CURRENT_VIEWS: tuple[View, ...] = tuple(_current(entity, table) for entity, table in DIMENSIONS.items())

HISTORY_VIEWS: tuple[View, ...] = tuple(_history(entity, table) for entity, table in DIMENSIONS.items())

EMPLOYEE_NAMES = View(
    name="employee_names",
    description="One row per version of an employee, with the one name to show.",
    described_by=lambda: (
        *_only(DIMENSIONS["employees"].columns, "restaurant_guid", "guid"),
        *columns_of(EmployeeName),
        *_only(DIMENSIONS["employees"].columns, "valid_from"),
        *columns_of(HistoryColumns),
    ),
    file="employee_names.sql",
    layer=1,
)

FACT_VIEWS: tuple[View, ...] = (
    _named_facts(
        "order_items",
        ORDER_CHILDREN["items"],
        ItemNames,
        "One row per selection, with the names of what it refers to as they were then. Sum money over depth = 0.",
    ),
    _named_facts(
        "payments",
        ORDER_CHILDREN["payments"],
        PaymentNames,
        "One row per payment, with the names of what it refers to as they were then.",
    ),
    _named_facts(
        "labor_shifts",
        FACT_LABOR_SHIFTS,
        ShiftNames,
        "One row per time entry, with the names of what it refers to as they were then.",
    ),
    _named_facts(
        "cash_entries",
        FACT_CASH_ENTRIES,
        CashEntryNames,
        "One row per cash entry, with the names of what it refers to as they were then.",
    ),
)

BUSINESS_CALENDAR = View(
    name="business_calendar",
    description="One row per restaurant and business date, from its first to the last that is over, loaded or not.",
    described_by=lambda: columns_of(CalendarDay),
    file="business_calendar.sql",
    layer=1,
)

CLOSURE_SUMMARY = View(
    name="closure_summary",
    description="Days on which a restaurant was closed, or hardly open, by reason, month and weekday.",
    described_by=lambda: columns_of(ClosedDays),
    file="closure_summary.sql",
    layer=2,
)

VIEWS: tuple[View, ...] = (
    *CURRENT_VIEWS,
    *HISTORY_VIEWS,
    EMPLOYEE_NAMES,
    *FACT_VIEWS,
    BUSINESS_CALENDAR,
    CLOSURE_SUMMARY,
)
"""All views, those of lower layers first."""
