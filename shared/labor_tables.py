"""The two labor tables: time entries (who worked when, for what pay and tips) and their breaks.

A time entry's rows travel together: ``StagedTimeEntry`` is one line of the staging table, the entry with
its breaks as repeated records. What a break shares with its entry is said once there, and copied into the
break's row by the INSERT that reads it.

Deleted (archived) entries are kept and flagged, never dropped: leave them out when summing hours.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, field

from shared.families import Family
from shared.tables import Row, Table


class TimeEntryRow(Row):
    """A time entry: one clock-in of an employee, and the clock-out that ends it."""

    time_entry_guid: Annotated[str, Meta(description="Toast's GUID of the time entry.")]
    restaurant_guid: Annotated[str, Meta(description="Toast's GUID of the restaurant (location).")]
    business_date: Annotated[
        dt.date, Meta(description="The business date of the clock-in; an edit can move it; partition.")
    ]
    entry_modified_at: Annotated[
        dt.datetime, Meta(description="Toast's modifiedDate of the time entry (UTC): the version that this row is of.")
    ]
    is_deleted: Annotated[bool, Meta(description="The time entry was deleted (archived); its hours do not count.")]
    employee_guid: Annotated[str | None, Meta(description="Employee who worked; see dim_employees.")] = None
    job_guid: Annotated[str | None, Meta(description="Job that the employee worked as; see dim_jobs.")] = None
    shift_guid: Annotated[
        str | None, Meta(description="Scheduled shift; NULL where clock-ins are not tied to a schedule.")
    ] = None
    in_at: Annotated[dt.datetime | None, Meta(description="Clock-in (UTC).")] = None
    out_at: Annotated[
        dt.datetime | None, Meta(description="Clock-out (UTC); NULL while the employee is clocked in.")
    ] = None
    auto_clocked_out: Annotated[
        bool | None, Meta(description="Toast clocked the employee out at the end of the business day.")
    ] = None
    regular_hours: Annotated[Decimal | None, Meta(description="Hours at the regular wage, without breaks.")] = None
    overtime_hours: Annotated[
        Decimal | None, Meta(description="Hours of overtime, not part of regular_hours; Toast gives no multiplier.")
    ] = None
    hourly_wage: Annotated[
        Decimal | None, Meta(description="Wage per hour as it was then; NULL for a salaried job.")
    ] = None
    declared_cash_tips: Annotated[
        Decimal | None, Meta(description="Cash tips that the employee declared, without gratuity.")
    ] = None
    non_cash_tips: Annotated[Decimal | None, Meta(description="Tips on cards and the like, without gratuity.")] = None
    non_cash_tips_rounding_loss: Annotated[
        Decimal | None,
        Meta(
            description="What the house added to round the payout of tips and gratuity up to 0.05, known at clock-out."
        ),
    ] = None
    tips_withheld: Annotated[Decimal | None, Meta(description="Withheld from card tips, a share of them.")] = None
    cash_gratuity: Annotated[
        Decimal | None, Meta(description="Service charges that are gratuity (automatic tips), paid in cash.")
    ] = None
    non_cash_gratuity: Annotated[
        Decimal | None, Meta(description="Service charges that are gratuity, not paid in cash.")
    ] = None
    cash_sales: Annotated[
        Decimal | None,
        Meta(
            description="Sales paid in cash during the entry, with tax, without tips: 0 until clock-out, then frozen; "
            "for exact sales use the order tables."
        ),
    ] = None
    non_cash_sales: Annotated[
        Decimal | None, Meta(description="Sales not paid in cash, with tax, without tips; frozen as cash_sales is.")
    ] = None
    created_at: Annotated[dt.datetime | None, Meta(description="When the entry was created (UTC).")] = None
    deleted_at: Annotated[dt.datetime | None, Meta(description="When it was deleted (UTC); NULL if it was not.")] = None


class BreakRow(Row):
    """A break in a time entry, taken, missed or waived."""

    break_key: Annotated[
        str, Meta(description="Toast's GUID of the break; often it gives none: then a key made from its parts.")
    ]
    break_type_guid: Annotated[str | None, Meta(description="Kind of break; see dim_break_types.")] = None
    in_at: Annotated[
        dt.datetime | None, Meta(description="When the break began (UTC); a missed one may have a time here too.")
    ] = None
    out_at: Annotated[
        dt.datetime | None, Meta(description="When it ended (UTC); NULL while it lasts, or if it was missed.")
    ] = None
    is_paid: Annotated[bool | None, Meta(description="The employee is paid during the break.")] = None
    is_missed: Annotated[bool | None, Meta(description="The break was due and not taken.")] = None
    is_waived: Annotated[bool | None, Meta(description="The employee gave up the break.")] = None
    audit_response: Annotated[
        bool | None,
        Meta(description="The employee answered that the break had been offered; NULL if not asked, or not answered."),
    ] = None


class StagedTimeEntry(TimeEntryRow, kw_only=True):
    """One line of the staging table: a time entry, its breaks, and what the loading needs to know."""

    unit: Annotated[str, Meta(description="The unit of work that read it; only finished units are applied.")]
    may_have_moved: Annotated[
        bool,
        Meta(description="An older version can lie in another partition: always, an edit of the clock-in moves it."),
    ]
    breaks: Annotated[list[BreakRow], Meta(description="Rows for fact_labor_breaks.")] = field(default_factory=list)


FACT_LABOR_SHIFTS = Table(
    name="fact_labor_shifts",
    description="One row per time entry (a shift as worked): the register of which version the warehouse holds.",
    row=TimeEntryRow,
    key=("time_entry_guid",),
    partition_by="business_date",
    cluster_by=("restaurant_guid", "time_entry_guid"),
)

FACT_LABOR_BREAKS = Table(
    name="fact_labor_breaks",
    description="One row per break in a time entry, missed ones included.",
    row=BreakRow,
    key=("time_entry_guid", "break_key"),
    partition_by="business_date",
    cluster_by=("restaurant_guid", "time_entry_guid"),
    inherits=(
        "time_entry_guid",
        "restaurant_guid",
        "business_date",
        "entry_modified_at",
        "is_deleted",
        "employee_guid",
    ),
    parent=TimeEntryRow,
)

# Which repeated record of StagedTimeEntry fills which table.
LABOR_CHILDREN: dict[str, Table] = {"breaks": FACT_LABOR_BREAKS}

LABOR = Family(
    staged=StagedTimeEntry,
    register=FACT_LABOR_SHIFTS,
    children=LABOR_CHILDREN,
    version="entry_modified_at",
    # A manager who corrects a clock-in can move it to another date, either way. A month is a pay period and
    # more; labor tables are small, so looking costs next to nothing.
    moved_before=dt.timedelta(days=31),
    moved_after=dt.timedelta(days=31),
)

LABOR_TABLES: tuple[Table, ...] = LABOR.tables
