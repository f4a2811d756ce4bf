"""The world's own orders: what truth is counted from and what the wire format is written from.

Money is in cents, quantities in hundredths, times in Unix milliseconds, business dates are proleptic
ordinals; None is "not there".
"""

from __future__ import annotations

from enum import Enum

import msgspec

from toast_simulator.world.catalog import Discount, Entry, Item, Option, ServiceCharge, TaxRate


class NoGuid(Enum):
    """Toast leaves out the GUID of some tax rows altogether, and sends null for others (None here)."""

    LEFT_OUT = 0


class AppliedTax(msgspec.Struct):
    """One tax on one selection or service charge."""

    guid: str | NoGuid | None
    rate: TaxRate
    cents: int = 0
    facilitator: bool = False


class AppliedDiscount(msgspec.Struct):
    """One discount on a check or a selection; ``triggers`` are GUIDs of the selections that earned it."""

    guid: str
    config: Discount
    cents: int = 0
    triggers: tuple[str, ...] = ()
    state: str | None = None
    reason: Entry | None = None
    promo_code: str | None = None


class AppliedCharge(msgspec.Struct):
    """One service charge on a check."""

    guid: str
    config: ServiceCharge
    cents: int = 0
    taxes: list[AppliedTax] = []


class Void(msgspec.Struct, frozen=True):
    """When something was voided, on which business date, why and by whom."""

    moment: int
    ordinal: int
    reason: Entry
    user: Entry


class Refund(msgspec.Struct, frozen=True):
    """Money given back: of a payment (with tip) or of a selection (with tax)."""

    cents: int
    extra: int
    moment: int
    ordinal: int
    transaction: str


class Selection(msgspec.Struct):
    """An item or modifier on a check. ``pre_discount`` and ``price`` hold the modifiers' prices, ``tax`` theirs."""

    guid: str
    item: Item | Option
    unit_price: int
    created: int
    modified: int
    dining_option: Entry
    quantity: int = 100
    pre_discount: int = 0
    price: int = 0
    tax: int = 0
    taxable: int = 0
    kind: str | None = "NONE"
    taxes: list[AppliedTax] = []
    discounts: list[AppliedDiscount] = []
    modifiers: list[Selection] = []
    void: Void | None = None
    deferred: bool = False
    refund: Refund | None = None
    sent: bool = True
    seat: int = -1
    pre_modifier: Entry | None = None

    @property
    def voided(self) -> bool:
        """Whether this selection itself is voided."""
        return self.void is not None


class Payment(msgspec.Struct):
    """A payment; ``status`` is None for cash."""

    guid: str
    kind: str
    cents: int
    paid: int
    paid_ordinal: int
    tip: int = 0
    tendered: int | None = None
    status: str | None = None
    card: str | None = None
    entry_mode: str | None = None
    fee: int | None = None
    refund: Refund | None = None
    void: Void | None = None
    server: Entry | None = None
    drawer: Entry | None = None
    other: Entry | None = None

    @property
    def good(self) -> bool:
        """Whether the money was taken: neither voided nor failed on the way."""
        failed = ("VOIDED", "DENIED", "CANCELLED", "ERROR", "ERROR_NETWORK")
        return self.void is None and self.status not in failed


class Check(msgspec.Struct):
    """A check of an order."""

    guid: str
    number: str
    opened: int
    modified: int
    status: str = "OPEN"
    amount: int = 0
    tax: int = 0
    total: int = 0
    paid: int | None = None
    closed: int | None = None
    void: Void | None = None
    deleted: int | None = None
    tax_exempt: bool = False
    tab: str | None = None
    guest: int | None = None
    selections: list[Selection] = []
    payments: list[Payment] = []
    discounts: list[AppliedDiscount] = []
    charges: list[AppliedCharge] = []

    @property
    def live(self) -> bool:
        """Whether the check still stands: neither voided nor deleted."""
        return self.void is None and self.deleted is None


class Order(msgspec.Struct):
    """An order in one version; ``quirk`` picks small differences of form that real replies show."""

    guid: str
    ordinal: int
    opened: int
    modified: int
    number: str
    source: str
    dining_option: Entry
    quirk: int
    created: int = 0
    promised: int | None = None
    paid: int | None = None
    closed: int | None = None
    void: Void | None = None
    deleted: int | None = None
    approval: str = "APPROVED"
    guests: int | None = 1
    server: Entry | None = None
    table: Entry | None = None
    area: Entry | None = None
    center: Entry | None = None
    service: Entry | None = None
    delivery: bool = False
    curbside: bool = False
    checks: list[Check] = []
