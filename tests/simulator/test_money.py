"""Money adds up to the cent in every order, in every version."""

from __future__ import annotations

import pytest
from simulated import BROOKLYN, all_orders, make_world, moment, ordinal, selections_of

from toast_simulator.world.model import Check, Order, Selection
from toast_simulator.world.money import percentage
from toast_simulator.world.world import World


def check_money(check: Check, *, shared: bool = True) -> None:
    """The rules of the guide's arithmetic, for one check."""
    live = [selection for selection in check.selections if selection.void is None]
    charges = sum(charge.cents for charge in check.charges if not charge.config.gratuity)
    own = sum(discount.cents for discount in check.discounts if discount.state != "VOID")
    assert check.amount == sum(s.price for s in live) + charges - (0 if shared else own)
    charge_taxes = sum(row.cents for charge in check.charges for row in charge.taxes)
    assert check.tax == sum(s.tax for s in live) + charge_taxes
    assert check.total == check.amount + check.tax
    shares = [s.pre_discount - sum(d.cents for d in s.discounts) - s.price for s in live]
    assert sum(shares) == (own if shared else 0), "the shares are the check's discounts, to the cent"
    assert all(share >= 0 for share in shares)
    assert all(s.price >= 0 for s in live)
    for selection in live:
        check_selection(selection, top=True)


def check_selection(selection: Selection, *, top: bool) -> None:
    """A live selection's price is made of its own and its modifiers'."""
    product = selection.unit_price * selection.quantity
    assert product % 100 == 0, "unit price x quantity is exact in cents"
    inner = [modifier for modifier in selection.modifiers if modifier.void is None]
    assert selection.pre_discount == product // 100 + sum(m.price for m in inner)
    discounts = sum(discount.cents for discount in selection.discounts)
    if not top:
        assert selection.price == selection.pre_discount - discounts
    assert selection.tax == sum(row.cents for row in selection.taxes) + sum(m.tax for m in inner)
    for modifier in inner:
        check_selection(modifier, top=False)


@pytest.mark.parametrize("shared", [True, False])
def test_every_check_equals_its_parts(shared: bool) -> None:
    world = make_world(shares_in_price=shared)
    seen = 0
    for _, order in all_orders(world, "2026-01-05", 14, "2026-03-20T12:00:00Z"):
        for check in order.checks:
            check_money(check, shared=shared)
            seen += 1
    assert seen > 9000


def test_every_version_of_an_order_adds_up(world: World) -> None:
    place = world.places[BROOKLYN]
    for date in range(ordinal("2026-01-05"), ordinal("2026-02-15")):
        for plan in (*world.planner.walk_ins(place, date), *world.planner.scheduled(place, date)):
            for event in plan.events:
                order = world.order(place, date, plan.number, event[0])
                assert order is not None
                for check in order.checks:
                    check_money(check)


def test_taxes_of_a_selection_and_its_modifiers_are_the_top_levels_tax(world: World) -> None:
    for _, order in all_orders(world, "2026-01-05", 7, "2026-03-20T12:00:00Z"):
        for check in order.checks:
            if any(selection.void for _, selection in selections_of(check)):
                continue
            rows = sum(row.cents for _, selection in selections_of(check) for row in selection.taxes)
            assert rows == sum(selection.tax for selection in check.selections)


def before_and_after(world: World, change: str) -> list[tuple[Order, Order]]:
    """The versions around each event of a kind that happened in three weeks of three places."""
    pairs = []
    for place in list(world.places.values())[:3]:
        for date in range(ordinal("2026-01-05"), ordinal("2026-01-26")):
            for plan in world.planner.walk_ins(place, date):
                for number, event in enumerate(plan.events):
                    if event[1] == change:
                        before = world.order(place, date, plan.number, plan.events[number - 1][0])
                        after = world.order(place, date, plan.number, event[0])
                        assert before is not None
                        assert after is not None
                        pairs.append((before, after))
    assert pairs
    return pairs


@pytest.mark.parametrize("change", ["refund_part", "refund_all", "tip", "close"])
def test_refunds_tips_and_the_close_leave_totals_alone(world: World, change: str) -> None:
    for before, after in before_and_after(world, change):
        assert [check.total for check in before.checks] == [check.total for check in after.checks]
        assert after.modified > before.modified


def test_a_voided_selection_keeps_its_price_and_leaves_the_total(world: World) -> None:
    found = 0
    for before, after in before_and_after(world, "void_selection"):
        for old, new in zip(before.checks, after.checks, strict=True):
            for was, now in zip(old.selections, new.selections, strict=True):
                if now.void and not was.void:
                    assert (now.price, now.tax) == (was.price, was.tax)
                    assert new.amount <= old.amount
                    found += 1
    assert found


@pytest.mark.parametrize("change", ["drop_selection", "drop_check", "drop_payment", "drop_all_checks"])
def test_things_vanish_between_versions(world: World, change: str) -> None:
    def parts(order: Order) -> int:
        return sum(1 + len(check.selections) + len(check.payments) for check in order.checks)

    assert any(parts(after) < parts(before) for before, after in before_and_after(world, change))


def test_a_paid_check_was_paid_in_full_when_it_was_paid(world: World) -> None:
    for _, after in before_and_after(world, "pay"):
        for check in after.checks:
            if check.live and check.status != "OPEN" and not any(s.void for s in check.selections):
                gratuity = sum(charge.cents for charge in check.charges if charge.config.gratuity)
                assert sum(p.cents for p in check.payments if p.good) == check.total + gratuity


def test_percentages_round_half_up() -> None:
    assert [percentage(cents, 100_000) for cents in (4, 5, 14, 15, 25)] == [0, 1, 1, 2, 3]


def test_amounts_that_a_day_reached_stay_the_same_later(world: World) -> None:
    """No edit in between, no change: totals depend on events, never on the time of asking."""
    place, date = world.places[BROOKLYN], ordinal("2026-01-10")
    for plan in world.planner.walk_ins(place, date):
        last = plan.events[-1][0]
        assert world.order(place, date, plan.number, last) == world.order(
            place, date, plan.number, moment("2027-01-01T00:00:00Z")
        )


def test_a_voided_check_costs_nothing_and_has_lost_its_service_charges(world: World) -> None:
    lost = 0
    for before, after in before_and_after(world, "void_check"):
        for old, new in zip(before.checks, after.checks, strict=True):
            if new.void and not old.void:
                assert (new.amount, new.tax, new.total, new.charges) == (0, 0, 0, [])
                assert all(selection.void for _, selection in selections_of(new))
                lost += len(old.charges)
    assert lost
