"""What an event does to an order. Each change is one function; a change with nothing to act on does nothing
but move modifiedDate, as an edit that somebody took back would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TypeVar

from toast_simulator.world import money
from toast_simulator.world.catalog import Catalog
from toast_simulator.world.model import Check, Order, Payment, Refund, Selection, Void
from toast_simulator.world.places import HOUR, Place
from toast_simulator.world.streams import GuidSource

_T = TypeVar("_T")


class Scene:
    """An order on its way through time, with what its changes need: a place, a catalog, luck, GUIDs."""

    __slots__ = ("catalog", "guids", "order", "pending", "place", "random", "shares_in_price")

    def __init__(self, place: Place, catalog: Catalog, random: Random, guids: GuidSource, shares: bool) -> None:
        self.place = place
        self.catalog = catalog
        self.random = random
        self.guids = guids
        self.shares_in_price = shares
        self.order: Order
        self.pending: list[Selection] = []

    def pick(self, options: tuple[_T, ...]) -> _T:
        """One of several, by luck."""
        return options[int(self.random.random() * len(options))]

    def settle(self, check: Check, moment: int) -> None:
        """Bring a check up to date after a change at ``moment``."""
        check.modified = moment
        money.settle(check, shares_in_price=self.shares_in_price)

    def void(self, moment: int) -> Void:
        """The record of a void at ``moment``."""
        ordinal = self.place.business_ordinal(moment)
        return Void(moment, ordinal, self.pick(self.catalog.void_reasons), self.pick(self.catalog.servers))

    def refund(self, cents: int, extra: int, moment: int) -> Refund:
        """The record of a refund at ``moment``."""
        return Refund(cents, extra, moment, self.place.business_ordinal(moment), self.guids.next())


def add(scene: Scene, moment: int, argument: int | None) -> None:
    """The second course: what was chosen later joins the first check."""
    checks = [check for check in scene.order.checks if check.live]
    if checks and scene.pending:
        for selection in scene.pending:
            selection.created = selection.modified = moment
        checks[0].selections += scene.pending
        scene.settle(checks[0], moment)
    scene.pending = []


def pay(scene: Scene, moment: int, argument: int | None) -> None:
    """Every open check is paid."""
    order = scene.order
    for check in order.checks:
        if check.live and check.status == "OPEN":
            _pay_check(scene, check, moment)
    if order.void is None and order.deleted is None:
        order.paid = moment


def _pay_check(scene: Scene, check: Check, moment: int) -> None:
    gratuity = sum(charge.cents for charge in check.charges if charge.config.gratuity)
    owed = check.total + gratuity - sum(payment.cents for payment in check.payments if payment.good)
    roll = scene.random.random
    if owed > 0:
        ways = 1 if roll() > 0.07 else 2 + int(roll() * 2)
        for way in range(ways):
            part = owed // ways + (owed % ways if way == 0 else 0)
            check.payments.append(_payment(scene, part, moment))
    check.paid = moment
    check.modified = moment
    captured = any(payment.status == "AUTHORIZED" for payment in check.payments)
    check.status = "PAID" if captured else "CLOSED"
    if not captured:
        check.closed = moment


_CARDS = ("VISA", "VISA", "VISA", "MASTERCARD", "MASTERCARD", "AMEX", "DISCOVER", "INTERAC", "JCB")
_ENTRY_MODES = ("EMV_CHIP_SIGN", "CONTACTLESS", "CONTACTLESS", "SWIPED", "KEYED", "PRE_AUTHED")
_ONLINE_ENTRY_MODES = ("ONLINE", "TOKENIZED", "APPLE_PAY_CNP", "GOOGLE_PAY_CNP", "CLICK_TO_PAY_CNP")


def _payment(scene: Scene, cents: int, moment: int) -> Payment:
    order, catalog = scene.order, scene.catalog
    roll = scene.random.random
    ordinal = scene.place.business_ordinal(moment)
    made = Payment(scene.guids.next(), "CREDIT", cents, moment, ordinal, server=order.server)
    which = roll()
    if which < 0.8:
        made.status = "AUTHORIZED"
        made.card = scene.pick(_CARDS)
        made.entry_mode = scene.pick(_ENTRY_MODES if order.table else _ONLINE_ENTRY_MODES)
        made.tip = int(cents * scene.pick((0, 0.15, 0.18, 0.2, 0.25)))
        if which > 0.797:
            made.status = "SETTLEMENT_PENDING"  # a status that the documentation does not know
    elif which < 0.93:
        made.kind = "CASH"
        made.tendered = -(-cents // 500) * 500
        made.drawer = scene.pick(catalog.drawers)
    elif which < 0.96:
        made.kind = "GIFTCARD"
        made.status = "CAPTURED"
    elif which < 0.99:
        made.kind = "OTHER"
        made.other = scene.pick(catalog.other_payments)
    else:
        made.kind = "CRYPTO" if which > 0.995 else "HOUSE_ACCOUNT"  # the former is not in the documentation
    return made


def close(scene: Scene, moment: int, argument: int | None) -> None:
    """The nightly close: cards are captured, their fees appear, paid checks become closed."""
    order = scene.order
    for check in order.checks:
        for payment in check.payments:
            if payment.status in ("AUTHORIZED", "SETTLEMENT_PENDING") and payment.void is None:
                if payment.status == "AUTHORIZED":
                    payment.status = "CAPTURED"
                payment.fee = money.percentage(payment.cents + payment.tip, 24_900) + 15
        if check.live and check.paid is not None:
            check.status = "CLOSED"
            check.closed = moment
            check.modified = moment
    if order.paid is not None:
        order.closed = moment


def tip(scene: Scene, moment: int, argument: int | None) -> None:
    """A tip is added, or corrected, on the first good card payment."""
    for check in scene.order.checks:
        for payment in check.payments:
            if payment.kind == "CREDIT" and payment.good:
                payment.tip += 100 + int(scene.random.random() * 900)
                check.modified = moment
                return


def refund_part(scene: Scene, moment: int, argument: int | None) -> None:
    """Part of a payment goes back, for one selection, whose refund details say so."""
    found = _refundable(scene.order)
    if found is None:
        return
    check, payment = found
    for selection in check.selections:
        owed = selection.price + selection.tax
        if selection.void is None and 0 < owed < payment.cents and selection.refund is None:
            selection.refund = scene.refund(selection.price, selection.tax, moment)
            selection.modified = moment
            payment.refund = scene.refund(owed, 0, moment)
            break
    else:
        payment.refund = scene.refund(max(1, payment.cents // 3), payment.tip // 2, moment)
    check.modified = moment


def refund_all(scene: Scene, moment: int, argument: int | None) -> None:
    """A payment goes back in full, with its tip."""
    found = _refundable(scene.order)
    if found is not None:
        check, payment = found
        payment.refund = scene.refund(payment.cents, payment.tip, moment)
        check.modified = moment


def _refundable(order: Order) -> tuple[Check, Payment] | None:
    for check in order.checks:
        for payment in check.payments:
            if payment.good and payment.refund is None and payment.cents > 0:
                return check, payment
    return None


def void_selection(scene: Scene, moment: int, argument: int | None) -> None:
    """One selection is voided. Its modifiers are flagged too for some, for others only the parent is."""
    for check in scene.order.checks:
        live = [selection for selection in check.selections if selection.void is None]
        if check.live and live:
            selection = live[int(scene.random.random() * len(live))]
            _void_selection(selection, scene.void(moment), deep=scene.random.random() < 0.5)
            scene.settle(check, moment)
            return


def _void_selection(selection: Selection, void: Void, *, deep: bool) -> None:
    selection.void = void
    selection.modified = void.moment
    if deep:
        for modifier in selection.modifiers:
            if modifier.void is None:
                _void_selection(modifier, void, deep=True)


def void_modifier(scene: Scene, moment: int, argument: int | None) -> None:
    """One modifier is voided, its item stays."""
    for check in scene.order.checks:
        for selection in check.selections:
            if check.live and selection.void is None and selection.modifiers:
                _void_selection(selection.modifiers[-1], scene.void(moment), deep=False)
                scene.settle(check, moment)
                return


def void_check(scene: Scene, moment: int, argument: int | None) -> None:
    """The last check that stands is voided."""
    for check in reversed(scene.order.checks):
        if check.live:
            _void_check(scene, check, scene.void(moment))
            return


def _void_check(scene: Scene, check: Check, void: Void) -> None:
    """A void of a check takes its selections and uncaptured payments along, and its service charges away."""
    check.void = void
    for selection in check.selections:
        if selection.void is None:
            _void_selection(selection, void, deep=True)
    for payment in check.payments:
        # Captured card payments cannot be voided, only refunded.
        if payment.void is None and payment.status == "AUTHORIZED":
            _void_payment(payment, void)
    check.charges = []
    scene.settle(check, void.moment)


def void_order(scene: Scene, moment: int, argument: int | None) -> None:
    """The whole order is voided: its checks and selections with it."""
    order = scene.order
    if order.void is None:
        void = scene.void(moment)
        order.void = void
        for check in order.checks:
            if check.void is None:
                _void_check(scene, check, void)


def void_payment(scene: Scene, moment: int, argument: int | None) -> None:
    """A payment is voided and its check open again."""
    for check in scene.order.checks:
        for payment in check.payments:
            if payment.good and payment.status != "CAPTURED" and check.live:
                _void_payment(payment, scene.void(moment))
                check.status = "OPEN"
                check.paid = check.closed = None
                check.modified = moment
                return


def _void_payment(payment: Payment, void: Void) -> None:
    payment.void = void
    if payment.kind == "CREDIT":
        payment.status = "VOIDED"


def deny_payment(scene: Scene, moment: int, argument: int | None) -> None:
    """A card is tried and refused; the payment stays on the check, with a tip that was never paid."""
    for check in scene.order.checks:
        if check.live and check.total > 0:
            payment = _payment(scene, check.total, moment)
            payment.kind, payment.card, payment.entry_mode = "CREDIT", "VISA", "SWIPED"
            payment.status = scene.pick(("DENIED", "ERROR", "CANCELLED", "ERROR_NETWORK"))
            payment.tip = 200
            payment.tendered = payment.drawer = payment.other = None
            check.payments.append(payment)
            check.modified = moment
            return


def reopen(scene: Scene, moment: int, argument: int | None) -> None:
    """A closed check is open again: somebody adds an item that was forgotten."""
    for check in scene.order.checks:
        if check.live and check.status == "CLOSED":
            check.status = "OPEN"
            check.paid = check.closed = None
            scene.order.paid = scene.order.closed = None
            check.selections += scene.pending
            scene.pending = []
            scene.settle(check, moment)
            return


def delete_check(scene: Scene, moment: int, argument: int | None) -> None:
    """The last check is deleted; it stays in the order, flagged."""
    for check in reversed(scene.order.checks):
        if check.live:
            check.deleted = check.modified = moment
            return


def delete_order(scene: Scene, moment: int, argument: int | None) -> None:
    """The order is merged into another one: deleted, with its checks flagged or moved away."""
    order = scene.order
    order.deleted = moment
    if scene.random.random() < 0.3:
        order.checks = []
    for check in order.checks:
        check.deleted = check.modified = moment


def drop_selection(scene: Scene, moment: int, argument: int | None) -> None:
    """A selection vanishes without a trace."""
    for check in scene.order.checks:
        if check.live and check.selections:
            check.selections.pop()
            scene.settle(check, moment)
            return


def drop_payment(scene: Scene, moment: int, argument: int | None) -> None:
    """A payment vanishes without a trace; a check with no other good one is open again."""
    for check in scene.order.checks:
        if check.live and check.payments:
            check.payments.pop()
            check.modified = moment
            if not any(payment.good for payment in check.payments):
                check.status = "OPEN"
                check.paid = check.closed = None
            return


def drop_check(scene: Scene, moment: int, argument: int | None) -> None:
    """A check vanishes without a trace, with all that is on it."""
    if scene.order.checks:
        scene.order.checks.pop()


def drop_all_checks(scene: Scene, moment: int, argument: int | None) -> None:
    """Every check vanishes; the order stays."""
    scene.order.checks = []


def move(scene: Scene, moment: int, argument: int | None) -> None:
    """The order is promised for another business date, to which it then belongs."""
    order = scene.order
    if argument is not None:
        if order.promised is not None:
            order.promised += scene.place.day_start(argument) - scene.place.day_start(order.ordinal)
        else:
            order.promised = scene.place.day_start(argument) + 12 * HOUR
        order.ordinal = argument


def fire(scene: Scene, moment: int, argument: int | None) -> None:
    """A scheduled order goes to the kitchen."""
    scene.order.approval = "APPROVED"
    for check in scene.order.checks:
        check.modified = moment
        for selection in _all(check.selections):
            selection.sent = True
            selection.modified = moment


def _all(selections: list[Selection]) -> Iterator[Selection]:
    for selection in selections:
        yield selection
        yield from _all(selection.modifiers)


CHANGES: dict[str, Callable[[Scene, int, int | None], None]] = {
    change.__name__: change
    for change in (
        add, pay, close, tip, refund_part, refund_all, void_selection, void_modifier, void_check, void_order,
        void_payment, deny_payment, reopen, delete_check, delete_order, drop_selection, drop_payment,
        drop_check,
        drop_all_checks, move, fire,
    )
}  # fmt: skip
"""The changes by the names that plans use; "open", the creation, is not one of them."""
