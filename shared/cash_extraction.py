"""Reading one business date of cash entries or deposits: one reply from Toast, one line for the staging table."""

from __future__ import annotations

from shared.cash_rows import cash_entry_rows, deposit_rows
from shared.cash_tables import FACT_CASH_DEPOSITS, FACT_CASH_ENTRIES, CashDepositRow, CashEntryRow, StagedCashDay
from shared.day_loading import DayLoad
from shared.toast_cash import decode_cash_entries, decode_deposits
from shared.toast_client import ToastClient
from shared.toast_endpoints import CASH_DEPOSITS, CASH_ENTRIES
from shared.units import DayUnit


def read_cash(toast: ToastClient, unit: DayUnit, load: DayLoad, deadline: float) -> None:
    """Read the unit's business date from its endpoint and hand what it lists to the load, also when that is nothing.

    Raises ToastError when the reply cannot be had; then the unit has failed.
    """
    unit.read_at = toast.now()
    record = "entries" if unit.endpoint == CASH_ENTRIES.name else "deposits"
    line = StagedCashDay(unit.id, unit.restaurant_guid, unit.business_date, unit.read_at, record)
    if record == "entries":
        line.entries = _entries(toast, unit, deadline)
    else:
        line.deposits = _deposits(toast, unit, deadline)
    load.add([line])


def _entries(toast: ToastClient, unit: DayUnit, deadline: float) -> list[CashEntryRow]:
    guid, date = unit.restaurant_guid, unit.business_date
    decode = unit.watched(decode_cash_entries)
    page = toast.cash_of_day(CASH_ENTRIES, guid, date, decode=decode, usage=unit.usage, deadline=deadline)
    unit.rejects.extend(page.undecodable)
    rows = cash_entry_rows(page.objects, restaurant_guid=guid, business_date=date, rejected=unit.reject)
    unit.extracted[FACT_CASH_ENTRIES.name] = len(rows)
    return rows


def _deposits(toast: ToastClient, unit: DayUnit, deadline: float) -> list[CashDepositRow]:
    guid, date = unit.restaurant_guid, unit.business_date
    decode = unit.watched(decode_deposits)
    page = toast.cash_of_day(CASH_DEPOSITS, guid, date, decode=decode, usage=unit.usage, deadline=deadline)
    unit.rejects.extend(page.undecodable)
    rows = deposit_rows(page.objects, restaurant_guid=guid, business_date=date, rejected=unit.reject)
    unit.extracted[FACT_CASH_DEPOSITS.name] = len(rows)
    return rows
