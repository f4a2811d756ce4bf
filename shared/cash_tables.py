"""The two tables of cash management: what went into and out of the cash drawers, and what went to the bank.

What guests pay in cash is not here: those are rows of fact_payments with payment_type CASH.

Toast gives these objects no version, and a correction is an entry of its own that undoes another; so a
business date is replaced as a whole when its content differs.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, field

from shared.tables import Row, Table

RestaurantGuid = Annotated[str, Meta(description="Toast's GUID of the restaurant (location).")]


class CashEntryRow(Row):
    """A cash entry: money put into a drawer or taken out, a drawer opened for change, or a drawer closed out."""

    cash_entry_guid: Annotated[str, Meta(description="Toast's GUID of the cash entry.")]
    restaurant_guid: RestaurantGuid
    business_date: Annotated[dt.date, Meta(description="The business date on which Toast lists the entry; partition.")]
    entry_type: Annotated[
        str | None,
        Meta(
            description="CASH_IN, CASH_COLLECTED (handed in after a shift), CASH_OUT, PAY_OUT, UNDO_PAY_OUT, TIP_OUT, "
            "DRIVER_REIMBURSEMENT, NO_SALE (only opened), CLOSE_OUT_EXACT, CLOSE_OUT_OVERAGE, CLOSE_OUT_SHORTAGE …"
        ),
    ] = None
    amount: Annotated[
        Decimal | None, Meta(description="Positive when cash goes into the drawer, negative when it comes out.")
    ] = None
    reason: Annotated[
        str | None, Meta(description="Why, as staff typed it; free text. Toast writes 'Undo …' for one that undoes.")
    ] = None
    entry_at: Annotated[dt.datetime | None, Meta(description="When it happened (UTC).")] = None
    cash_drawer_guid: Annotated[str | None, Meta(description="Cash drawer; see dim_cash_drawers.")] = None
    payout_reason_guid: Annotated[
        str | None, Meta(description="What a PAY_OUT was for; see dim_payout_reasons. NULL for other types.")
    ] = None
    no_sale_reason_guid: Annotated[
        str | None, Meta(description="Why a NO_SALE opened the drawer; see dim_no_sale_reasons. NULL for other types.")
    ] = None
    undoes_guid: Annotated[
        str | None,
        Meta(description="The cash_entry_guid that this entry undoes, maybe of an earlier business date; both count."),
    ] = None
    employee_guid: Annotated[str | None, Meta(description="Employee who made the entry; see dim_employees.")] = None
    approver_guid: Annotated[str | None, Meta(description="Employee who approved it; see dim_employees.")] = None
    creator_guid: Annotated[
        str | None,
        Meta(description="Employee who created it or, for a shift review, whose shift that was; see dim_employees."),
    ] = None
    review_approver_guid: Annotated[
        str | None,
        Meta(description="Employee who approved it or, for a shift review, whose shift that was; see dim_employees."),
    ] = None


class CashDepositRow(Row):
    """A deposit: cash taken out of the restaurant to the bank."""

    deposit_guid: Annotated[str, Meta(description="Toast's GUID of the deposit.")]
    restaurant_guid: RestaurantGuid
    business_date: Annotated[
        dt.date, Meta(description="The business date on which Toast lists the deposit; partition.")
    ]
    amount: Annotated[
        Decimal | None,
        Meta(
            description="Amount, positive; Toast gives no sign, so subtract the amounts of rows that have an "
            "undoes_guid."
        ),
    ] = None
    deposit_at: Annotated[dt.datetime | None, Meta(description="When it was registered (UTC).")] = None
    employee_guid: Annotated[str | None, Meta(description="Employee who made the deposit; see dim_employees.")] = None
    creator_guid: Annotated[str | None, Meta(description="Employee who registered it; see dim_employees.")] = None
    undoes_guid: Annotated[
        str | None, Meta(description="The deposit_guid that this one undoes; NULL for a deposit of its own.")
    ] = None


def _fact(name: str, description: str, row: type[Row], key: str) -> Table:
    return Table(
        name=name,
        description=description,
        row=row,
        key=(key,),
        partition_by="business_date",
        cluster_by=("restaurant_guid", key),
    )


FACT_CASH_ENTRIES = _fact(
    "fact_cash_entries",
    "One row per cash entry of a drawer. Guests' cash payments are in fact_payments.",
    CashEntryRow,
    "cash_entry_guid",
)

FACT_CASH_DEPOSITS = _fact(
    "fact_cash_deposits", "One row per deposit of cash at a bank.", CashDepositRow, "deposit_guid"
)


class StagedCashDay(Row):
    """One line of the staging table: what Toast lists of one kind for one business date, maybe nothing."""

    unit: Annotated[str, Meta(description="The unit of work that read it; only finished units are applied.")]
    restaurant_guid: RestaurantGuid
    business_date: Annotated[dt.date, Meta(description="The business date that Toast was asked for.")]
    read_at: Annotated[dt.datetime, Meta(description="When it was read, on Toast's clock (UTC).")]
    record: Annotated[str, Meta(description="Which of the two lists was read: entries or deposits.")]
    entries: Annotated[list[CashEntryRow], Meta(description="Rows for fact_cash_entries.")] = field(
        default_factory=list
    )
    deposits: Annotated[list[CashDepositRow], Meta(description="Rows for fact_cash_deposits.")] = field(
        default_factory=list
    )


# Which repeated record of StagedCashDay fills which table.
CASH_RECORDS: dict[str, Table] = {"entries": FACT_CASH_ENTRIES, "deposits": FACT_CASH_DEPOSITS}

CASH_TABLES: tuple[Table, ...] = tuple(CASH_RECORDS.values())
