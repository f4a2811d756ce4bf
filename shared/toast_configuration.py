"""What Toast tells about a restaurant, its staff and its published configuration, as far as dimensions use it.

One class per kind of object of config/v2, of the labor API's employees and jobs, and of the restaurants API.
Menus are a tree, and stand in ``toast_menus``. Whole numbers are decimal here, because Toast declares some of
them as numbers and may write 30 as 30.0.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Generic, TypeVar, final

import msgspec

from shared.toast_client import UnreadableBody
from shared.toast_objects import UNREADABLE, Guid, Page, Reference, ToastObject, undecodable


class Configured(ToastObject):
    """An entity of the configuration."""

    guid: Guid


class Named(Configured):
    """An entity of which only the name is used; for several kinds Toast has no more to say."""

    name: str | None = None


class BreakType(Named):
    """A kind of break; the duration is in minutes, the interval in hours and minutes."""

    active: bool | None = None
    paid: bool | None = None
    duration: Decimal | None = None
    enforce_minimum_time: bool | None = None
    track_missed_breaks: bool | None = None
    break_interval_hrs: Decimal | None = None
    break_interval_mins: Decimal | None = None
    track_break_acknowledgement: bool | None = None


class CashDrawer(Configured):
    """A cash drawer, known by the printer that opens it."""

    printer: Reference | None = None


class DiningOption(Named):
    """A way of being served."""

    behavior: str | None = None
    curbside: bool | None = None
    external_id: str | None = None


class Discount(Named):
    """A discount that can be applied; ``percentage`` is 0 to 100."""

    active: bool | None = None
    type: str | None = None
    percentage: Decimal | None = None
    amount: Decimal | None = None
    selection_type: str | None = None
    non_exclusive: bool | None = None
    item_picking_priority: str | None = None
    fixed_total: Decimal | None = None


class PreModifier(Named):
    """A pre-modifier; ``parent`` is its group."""

    parent: Reference | None = None
    scale_price: bool | None = None
    base_price: Decimal | None = None
    scale_factor: Decimal | None = None
    display_mode: str | None = None
    charge_as_extra: bool | None = None


class RevenueCenter(Named):
    """A part of the business whose sales are told apart."""

    description: str | None = None


class ServiceArea(Named):
    """A part of the restaurant with tables."""

    revenue_center: Reference | None = None


class DiningTable(Named):
    """A table that guests sit at."""

    service_area: Reference | None = None
    revenue_center: Reference | None = None


class ServiceCharge(Named):
    """A charge that can be put on a check; ``percent`` is 0 to 100."""

    amount_type: str | None = None
    amount: Decimal | None = None
    percent: Decimal | None = None
    gratuity: bool | None = None
    taxable: bool | None = None
    service_charge_calculation: str | None = None
    destination: str | None = None
    tax_inclusive: bool | None = None
    tax_prorated: bool | None = None


class TaxRate(Named):
    """A tax rate; ``rate`` is a fraction, or an amount of money where the type is FIXED."""

    is_default: bool | None = None
    rate: Decimal | None = None
    type: str | None = None
    rounding_type: str | None = None


class TipWithholding(ToastObject):
    """What a restaurant keeps of card tips, ``percentage`` a fraction. A single object, maybe without a GUID."""

    guid: Guid | None = None
    enabled: bool | None = None
    percentage: Decimal | None = None


class Employee(Configured):
    """An employee; ways to reach a person are not decoded."""

    first_name: str | None = None
    last_name: str | None = None
    chosen_name: str | None = None
    external_employee_id: str | int | None = None
    deleted: bool | None = None


class EmployeeWithContacts(Employee):
    """An employee with e-mail address and phone number, for a tenant that asks for them."""

    email: str | None = None
    phone_number: str | int | None = None


class Job(Configured):
    """A job that employees clock in for."""

    title: str | None = None
    code: str | int | None = None
    wage_frequency: str | None = None
    default_wage: Decimal | None = None
    tipped: bool | None = None
    exclude_from_reporting: bool | None = None


@final
class General(ToastObject):
    """A restaurant's general settings; ``first_business_date`` is yyyymmdd as a number."""

    name: str | None = None
    location_name: str | None = None
    location_code: str | int | None = None
    time_zone: str | None = None
    closeout_hour: int | None = None
    management_group_guid: str | None = None
    currency_code: str | None = None
    first_business_date: int | None = None
    archived: bool | None = None


class Restaurant(ToastObject):
    """A restaurant; its address, schedules and web sites are left out."""

    general: General
    guid: str | None = None


ObjectT = TypeVar("ObjectT", bound=ToastObject)


_any_json = msgspec.json.Decoder(msgspec.Raw)


class SingleDecoder(Generic[ObjectT]):
    """Decodes replies that are one object of a kind; ``what`` is what messages call it."""

    __slots__ = ("_decoder", "_kind", "_what")

    def __init__(self, kind: type[ObjectT], what: str) -> None:
        self._kind = kind
        self._what = what
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, body: bytes) -> Page[ObjectT]:
        """Decode a whole reply into a page with one object, or with one that could not be decoded.

        Raises UnreadableBody when the body is not JSON at all: a reply that was cut short, for instance.
        """
        try:
            return Page([self._decoder.decode(body)], [])
        except UNREADABLE as error:
            reason = str(error)
        try:
            _any_json.decode(body)
        except UNREADABLE as error:
            raise UnreadableBody(f"not the JSON of {self._what}: {error}") from error
        return Page([], [undecodable(body, reason, self._kind)])
