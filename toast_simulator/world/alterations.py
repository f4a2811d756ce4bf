"""How an entity looks after a change: another name, or another price, percentage, flag or reference."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from toast_simulator.world import entities as e
from toast_simulator.world.lives import Event

_ENDINGS = ("", " (new)", " *", " – house", " No. 2", " ✨", " bis")
_NICKEL = Decimal("0.05")
# Restaurants keep the names that restaurants.toml gives them; the others' names nobody sees.
_NEVER_RENAMED = (e.Restaurant, e.CashDrawer, e.TipWithholding)


def changed(entity: e.Entity, event: Event, first: e.Entity) -> e.Entity:
    """``entity`` after a rename or an alteration; ``first`` is what it was in the beginning."""
    alter = _ALTERATIONS.get(type(entity))
    if event.name is not None:
        return replace(entity, name=event.name)
    if alter is None or (event.change == "rename" and not isinstance(entity, _NEVER_RENAMED)):
        return replace(entity, name=_another_name(entity.name, first.name, event.luck))
    altered: e.Entity = alter(entity, event.luck, first)
    return altered


def _another_name(current: str, first: str, luck: float) -> str:
    """Another name; one that was renamed mostly has its first name again, or they would be strange in the end."""
    if current != first and luck < 0.6:
        return first
    names = [first + ending for ending in _ENDINGS if first + ending != current]
    return names[int(luck * len(names))]


def _amount(amount: Decimal | None, luck: float) -> Decimal | None:
    """Another amount of money: up to a fifth more or less, in steps of five cents, never the same."""
    if amount is None:
        return None
    step = max(1, int(amount * Decimal("0.2") / _NICKEL * Decimal(round(luck, 3))))
    return max(_NICKEL, amount + (step if luck > 0.3 or amount <= step * _NICKEL else -step) * _NICKEL)


def _percent(percent: Decimal | None, luck: float) -> Decimal | None:
    """Another percentage of 100, in steps of a quarter."""
    if percent is None:
        return None
    step = Decimal("0.25") * (1 + int(luck * 8))
    return percent - step if percent > 10 else percent + step


def _restaurant(own: e.Restaurant, luck: float, first: e.Restaurant) -> e.Restaurant:
    if luck < 0.5:
        return replace(own, location_code=f"{first.location_code}-{int(luck * 200)}")
    return replace(own, location_name=_another_name(own.location_name, first.location_name, luck))


def _employee(own: e.Employee, luck: float, first: e.Employee) -> e.Employee:
    if luck < 0.4:
        return replace(own, chosen_name=_another_name(own.chosen_name or "", own.first_name, luck))
    if luck < 0.7:
        number = int(luck * 10_000)
        return replace(own, external_id=f"HR-{number}", email=f"staff{number}@example.com")
    job = own.jobs[0]
    wage = Decimal(1300 + int(luck * 1000)) / 100
    return replace(own, wages={**own.wages, job: wage}, phone=f"55501{int(luck * 1000) % 100:02}")


def _job(own: e.Job, luck: float, first: e.Job) -> e.Job:
    if own.wage is None or luck < 0.2:
        return replace(own, code=f"J{int(luck * 1000)}")
    return replace(own, wage=_amount(own.wage, luck))


def _break_type(own: e.BreakType, luck: float, first: e.BreakType) -> e.BreakType:
    if luck < 0.5:
        return replace(own, minutes=own.minutes + (5 if own.minutes < 30 else -5))
    return replace(own, active=not own.active) if luck < 0.8 else replace(own, tracked=not own.tracked)


def _cash_drawer(own: e.CashDrawer, luck: float, first: e.CashDrawer) -> e.CashDrawer:
    return replace(own, printer=None if own.printer else first.printer)


def _dining_option(own: e.DiningOption, luck: float, first: e.DiningOption) -> e.DiningOption:
    return replace(own, external_id=None if own.external_id else f"EXAMPLE:{int(luck * 1000)}")


def _discount(own: e.Discount, luck: float, first: e.Discount) -> e.Discount:
    if luck < 0.3 or (own.percentage is None and own.amount is None):
        return replace(own, active=not own.active)
    return replace(own, percentage=_percent(own.percentage, luck), amount=_amount(own.amount, luck))


def _revenue_center(own: e.RevenueCenter, luck: float, first: e.RevenueCenter) -> e.RevenueCenter:
    return replace(own, description=None if own.description else f"{own.name}, room {int(luck * 9)}")


def _table(own: e.Table, luck: float, first: e.Table) -> e.Table:
    """A table goes to no area, or back to its own; without an area of its own it changes its name."""
    if first.service_area is None:
        return replace(own, name=_another_name(own.name, first.name, luck))
    return replace(own, service_area=None if own.service_area else first.service_area)


def _service_charge(own: e.ServiceCharge, luck: float, first: e.ServiceCharge) -> e.ServiceCharge:
    if own.percent is None and own.amount is None:
        return replace(own, taxable=not own.taxable)
    return replace(own, percent=_percent(own.percent, luck), amount=_amount(own.amount, luck))


def _tax_rate(own: e.TaxRate, luck: float, first: e.TaxRate) -> e.TaxRate:
    if own.rate is None or own.kind == "NONE":
        return replace(own, rounding="HALF_EVEN" if own.rounding != "HALF_EVEN" else "HALF_UP")
    step = Decimal("0.0025") if own.kind == "PERCENT" else _NICKEL
    return replace(own, rate=own.rate + (step if luck > 0.4 or own.rate <= step else -step))


def _tip_withholding(own: e.TipWithholding, luck: float, first: e.TipWithholding) -> e.TipWithholding:
    if own.enabled and luck < 0.3:
        return replace(own, enabled=False)
    percentage = Decimal(1 + int(luck * 40)) / 1000
    return replace(own, enabled=True, percentage=percentage + (Decimal("0.05") if percentage == own.percentage else 0))


def _pre_modifier(own: e.PreModifier, luck: float, first: e.PreModifier) -> e.PreModifier:
    if own.scaled:
        return replace(own, factor=(own.factor or Decimal(0)) + Decimal("0.25"))
    return replace(own, price=(own.price or Decimal(0)) + Decimal("0.25"))


def _menu_item(own: e.MenuItem, luck: float, first: e.MenuItem) -> e.MenuItem:
    if own.price is None or luck < 0.1:
        return replace(own, plu=f"{1000 + int(luck * 9000)}" if luck > 0.5 else f"N{int(luck * 9000)}")
    return replace(own, price=_amount(own.price, luck))


def _option_group(own: e.OptionGroup, luck: float, first: e.OptionGroup) -> e.OptionGroup:
    return replace(own, most=(own.most or 1) + 1 if luck < 0.7 or own.most is None else None)


_ALTERATIONS: dict[type[e.Entity], Callable[[Any, float, Any], e.Entity]] = {
    e.Restaurant: _restaurant,
    e.Employee: _employee,
    e.Job: _job,
    e.BreakType: _break_type,
    e.CashDrawer: _cash_drawer,
    e.DiningOption: _dining_option,
    e.Discount: _discount,
    e.RevenueCenter: _revenue_center,
    e.Table: _table,
    e.ServiceCharge: _service_charge,
    e.TaxRate: _tax_rate,
    e.TipWithholding: _tip_withholding,
    e.PreModifier: _pre_modifier,
    e.MenuItem: _menu_item,
    e.OptionGroup: _option_group,
}
