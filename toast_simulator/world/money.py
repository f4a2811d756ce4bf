"""What a check costs, in whole cents (Toast's guide: net sales calculation, order object summary).

- ``pre_discount`` = unit price x quantity + the prices of the modifiers that are not voided.
- ``price`` = ``pre_discount`` - own discounts - (top level only) the share of the check's discounts.
- ``tax`` of a selection holds the tax of its modifiers, so money is summed over the top level alone.
- A voided selection keeps what it had and no longer counts.
"""

from __future__ import annotations

from toast_simulator.world.model import AppliedDiscount, AppliedTax, Check, Selection


def settle(check: Check, *, shares_in_price: bool) -> None:
    """Bring all amounts of a check up to date after a change.

    ``shares_in_price``: whether the check's discounts are also taken off the prices of its selections.
    """
    live = [selection for selection in check.selections if selection.void is None]
    for selection in live:
        _price(selection)
    subtotal = sum(selection.price for selection in live)
    shares = _shares(check, live) if check.discounts else None
    discounts = 0
    tax = 0
    for position, selection in enumerate(live):
        share = shares[position] if shares else 0
        discounts += share
        if shares_in_price:
            selection.price -= share
        tax += _tax(selection, share, check.tax_exempt)
    check.amount = subtotal - discounts
    check.tax = tax
    if check.charges:
        _charge(check, subtotal - discounts)
    check.total = check.amount + check.tax


def percentage(cents: int, millionths: int) -> int:
    """A part of an amount, rounded half up as tills do."""
    return (cents * millionths + 500_000) // 1_000_000


def gross(selection: Selection) -> int:
    """Unit price x quantity. Exact: what has a fractional quantity is priced in whole dollars."""
    return selection.unit_price * selection.quantity // 100


def _price(selection: Selection) -> int:
    own = selection.unit_price * selection.quantity // 100
    inner = 0
    for modifier in selection.modifiers:
        if modifier.void is None:
            inner += _price(modifier)
    discounts = sum(discount.cents for discount in selection.discounts) if selection.discounts else 0
    selection.pre_discount = own + inner
    selection.price = own + inner - discounts
    selection.taxable = own - discounts
    return selection.price


def _tax(selection: Selection, share: int, exempt: bool) -> int:
    base = max(0, selection.taxable - share)
    tax = 0
    for row in selection.taxes:
        row.cents = 0 if exempt else _tax_on(row, base)
        tax += row.cents
    for modifier in selection.modifiers:
        if modifier.void is None:
            tax += _tax(modifier, 0, exempt)
    selection.tax = tax
    return tax


def _tax_on(row: AppliedTax, base: int) -> int:
    return row.rate.cents if row.rate.kind == "FIXED" else percentage(base, row.rate.millionths)


def _shares(check: Check, live: list[Selection]) -> list[int]:
    """Set the amounts of the check's discounts; return what each live selection bears of their sum.

    Gift cards and other prepaid things are never discounted. The last cents go where the sum is exact.
    """
    weights = [0 if selection.deferred else selection.price for selection in live]
    base = left = sum(weights)
    for discount in check.discounts:
        if discount.state != "VOID":
            discount.cents = _discount(discount, base, left)
            left -= discount.cents
    total = base - left
    shares = []
    borne = seen = 0
    for weight in weights:
        seen += weight
        upto = total * seen // base if base else 0
        shares.append(upto - borne)
        borne = upto
    return shares


def _discount(discount: AppliedDiscount, base: int, left: int) -> int:
    wanted = discount.config.cents or percentage(base, discount.config.millionths)
    return min(wanted, left)


def _charge(check: Check, base: int) -> None:
    for charge in check.charges:
        config = charge.config
        charge.cents = config.cents or percentage(base, config.millionths)
        for row in charge.taxes:
            row.cents = 0 if check.tax_exempt else percentage(charge.cents, row.rate.millionths)
            check.tax += row.cents
    check.amount += sum(charge.cents for charge in check.charges if not charge.config.gratuity)
