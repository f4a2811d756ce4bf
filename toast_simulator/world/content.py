"""What is in an order: drawn from the order's own stream, the same whenever it is asked for."""

from __future__ import annotations

from toast_simulator.world import money
from toast_simulator.world.catalog import Catalog, Item, Option, TaxRate
from toast_simulator.world.changes import Scene
from toast_simulator.world.model import (
    AppliedCharge,
    AppliedDiscount,
    AppliedTax,
    Check,
    NoGuid,
    Order,
    Selection,
)
from toast_simulator.world.places import MINUTE, Place
from toast_simulator.world.plans import Plan
from toast_simulator.world.streams import GuidSource, stream

_SELECTIONS = (1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 5)
_COUNTER_SOURCES = ("In Store", "In Store", "In Store", "Kiosk", "Order-and-Pay-at-Table", "Toast Tables")
_REMOTE_SOURCES = (
    "Online", "Online", "API", "Caller Id", "Google", "Toast Pickup App", "Toast Local", "Branded Online Ordering",
    "Branded Mobile App",
)  # fmt: skip
_AHEAD_SOURCES = ("Catering", "Catering Online Ordering", "Online", "Invoice", "eCommerce Online ordering")
_UNKNOWN_SOURCE = "Drive-Thru Lane 2"  # not in the documentation: enums are open
_TABS = ("Bar 7", "Łukasz", "Zoë + 2", "🎉 party", "O'Brien", "田中", 'The "regulars"')


def create(place: Place, catalog: Catalog, seed: int, guid: str, ordinal: int, plan: Plan, *, shares: bool) -> Scene:
    """The order of a plan at the moment of its creation, ready for its further events."""
    key = (seed, "order", guid)
    scene = Scene(place, catalog, stream(*key), GuidSource(*key), shares)
    opened, _, promised = plan.events[0]
    ahead = promised is not None
    scene.order = order = _order(scene, guid, ordinal, plan.number, opened, ahead=ahead)
    if ahead:
        order.approval = "FUTURE"
        order.promised = promised
    if scene.random.random() > 0.004:
        checks = 1 if scene.random.random() > 0.06 else 2 + int(scene.random.random() * 2)
        order.checks = [_check(scene, opened, n) for n in range(checks)]
    return scene


def _order(scene: Scene, guid: str, ordinal: int, number: int, opened: int, *, ahead: bool) -> Order:
    catalog, roll, pick = scene.catalog, scene.random.random, scene.pick
    quirk = int(roll() * 1000)
    kind = roll()
    dine_in = kind < 0.6 and not ahead
    options = catalog.dining_options
    name = "Dine In" if dine_in else "Take Out" if kind < 0.82 else "Delivery" if kind < 0.95 else "Curbside"
    source = pick(_AHEAD_SOURCES if ahead else _COUNTER_SOURCES if dine_in else _REMOTE_SOURCES)
    order = Order(
        guid, ordinal, opened, opened, str(number % 900 + 1), _UNKNOWN_SOURCE if quirk == 7 else source,
        options[name], quirk,
    )  # fmt: skip
    # An order sent by another system exists in Toast a moment before it is opened there.
    order.created = opened - (40 if source == "API" else 0)
    if dine_in:
        order.guests = 1 + int(roll() * roll() * 7)
        order.table, order.area, order.server = pick(catalog.tables), pick(catalog.service_areas), pick(catalog.servers)
        order.center = pick(catalog.revenue_centers)
    else:
        order.guests = None if quirk % 5 == 0 else 1
        order.delivery, order.curbside = name == "Delivery", name == "Curbside"
        order.server = pick(catalog.servers) if quirk % 3 else None
        if quirk % 4 == 1 and not ahead:
            # Ordered online for soon: promised, but not for another business date.
            order.promised = min(opened + 25 * MINUTE, scene.place.day_start(ordinal + 1) - 1)
    order.service = catalog.services[min(2, quirk % 4)] if quirk % 9 else None
    return order


def _check(scene: Scene, opened: int, position: int) -> Check:
    order, catalog, roll = scene.order, scene.catalog, scene.random.random
    check = Check(scene.guids.next(), f"{order.number}-{position}" if position else order.number, opened, opened)
    if order.table is None:
        check.guest = order.quirk
    elif roll() < 0.15:
        check.tab = scene.pick(_TABS)
    special = roll()
    if special < 0.004:
        return check  # opened and left: a check without selections
    check.tax_exempt = special > 0.985
    check.selections = [_selection(scene, opened) for _ in range(scene.pick(_SELECTIONS))]
    if special < 0.02:
        check.selections.append(_plain(scene, catalog.gift_card, opened))
    elif special < 0.03:
        check.selections.append(_plain(scene, catalog.membership, opened))
    elif special < 0.05:
        check.selections.append(_plain(scene, catalog.note, opened))
    if position == 0 and len(check.selections) > 1:
        scene.pending = [check.selections.pop()]
    _add_discounts(scene, check)
    _add_charges(scene, check)
    money.settle(check, shares_in_price=scene.shares_in_price)
    return check


def _selection(scene: Scene, opened: int) -> Selection:
    roll = scene.random.random
    item = scene.pick(scene.catalog.items)
    made = Selection(scene.guids.next(), item, item.price, opened, opened, scene.order.dining_option)
    if item.weighed:
        made.quantity = 25 + int(roll() * 200)
    else:
        luck = roll()
        if luck > 0.92:
            made.quantity = 200 if luck < 0.98 else 300
    if item.options and roll() < 0.7:
        made.modifiers = _modifiers(scene, made, item.options, depth=1)
    made.taxes = _taxes(scene)
    if roll() < 0.05:
        _discount_item(scene, made)
    if scene.order.table is not None:
        made.seat = int(roll() * 4)
    made.sent = scene.order.approval != "FUTURE"
    return made


def _modifiers(scene: Scene, parent: Selection, options: tuple[Option, ...], depth: int) -> list[Selection]:
    roll = scene.random.random
    made = []
    for _ in range(1 if roll() < 0.75 else 2):
        option = scene.pick(options)
        modifier = Selection(
            scene.guids.next(), option, option.price, parent.created, parent.modified, parent.dining_option
        )
        if option.price == 0 and roll() < 0.3:
            modifier.pre_modifier = scene.pick(scene.catalog.pre_modifiers)
        if option.price:
            modifier.taxes = _taxes(scene)
            if roll() < 0.03:
                _discount_item(scene, modifier)
        if option.inner and roll() < 0.5:
            modifier.modifiers = _modifiers(scene, modifier, option.inner, depth + 1)
        modifier.kind = None if depth == 1 else "NONE"
        made.append(modifier)
    return made


def _plain(scene: Scene, item: Item, opened: int) -> Selection:
    """A gift card, a prepaid thing or a note to the kitchen: no tax, no modifiers."""
    made = Selection(scene.guids.next(), item, item.price, opened, opened, scene.order.dining_option)
    # Every tenth note is of a type that the documentation does not know.
    made.kind = "BUNDLE_NOTE" if item.kind == "SPECIAL_REQUEST" and scene.order.quirk % 10 == 0 else item.kind
    made.deferred = item.deferred
    return made


def _taxes(scene: Scene) -> list[AppliedTax]:
    """Rows for the place's rates, with the bag fee on some; one in three without a usable GUID."""
    order = scene.order
    luck = scene.random.random()
    facilitator = order.delivery and order.quirk % 4 == 0
    rows = [AppliedTax(_tax_guid(scene, luck), rate, 0, facilitator) for rate in scene.catalog.taxes]
    if luck < 0.02:
        rows.append(AppliedTax(None, scene.catalog.bag_fee))
    return rows


def _tax_guid(scene: Scene, luck: float) -> str | NoGuid | None:
    if luck < 0.66:
        return scene.guids.next()
    return None if luck < 0.83 else NoGuid.LEFT_OUT


def _discount_item(scene: Scene, selection: Selection) -> None:
    """A discount on the selection alone, not on its modifiers; some buy-one-get-one with two triggers."""
    gross = money.gross(selection)
    if not gross:
        return
    catalog, guids = scene.catalog, scene.guids
    if scene.random.random() < 0.2:
        applied = AppliedDiscount(guids.next(), catalog.bogo, gross // 2, (selection.guid, guids.next()))
    else:
        config = scene.pick(catalog.item_discounts)
        cents = min(gross, config.cents or money.percentage(gross, config.millionths))
        reason = scene.pick(catalog.discount_reasons) if config.kind == "OPEN_PERCENT" else None
        applied = AppliedDiscount(guids.next(), config, cents, (selection.guid,), reason=reason)
    selection.discounts = [applied]


def _add_discounts(scene: Scene, check: Check) -> None:
    """Discounts of the check itself; loyalty ones have a state, and a voided one keeps its amount."""
    roll = scene.random.random
    luck = roll()
    if luck > 0.07:
        return
    config = scene.pick(scene.catalog.check_discounts)
    applied = AppliedDiscount(scene.guids.next(), config)
    if config.kind == "LOYALTY_TIER":
        applied.state = scene.pick(("APPLIED", "PENDING_APPLIED", "PENDING_VOID", "VOID"))
        applied.cents = config.cents if applied.state == "VOID" else 0
    elif luck < 0.01:
        applied.promo_code = "WELCOME5"
    check.discounts = [applied]
    if luck > 0.055:
        check.discounts.append(AppliedDiscount(scene.guids.next(), scene.catalog.check_discounts[0]))


def _add_charges(scene: Scene, check: Check) -> None:
    """Gratuity for large parties, fees for delivery, and now and then another charge."""
    order, catalog = scene.order, scene.catalog
    luck = scene.random.random()
    chosen = []
    if order.guests is not None and order.guests >= 5:
        chosen.append(catalog.gratuity)
    if order.delivery:
        chosen.append(catalog.charges[0])
    if luck < 0.06:
        chosen.append(catalog.charges[1 + int(luck / 0.06 * (len(catalog.charges) - 1))])
    check.charges = [
        AppliedCharge(scene.guids.next(), config, 0, _charge_taxes(scene, catalog.taxes) if config.taxable else [])
        for config in chosen
    ]


def _charge_taxes(scene: Scene, rates: tuple[TaxRate, ...]) -> list[AppliedTax]:
    return [AppliedTax(_tax_guid(scene, scene.random.random()), rate) for rate in rates]
