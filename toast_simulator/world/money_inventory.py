"""What a restaurant adds to prices and takes off, as it begins: discounts, service charges, taxes, withheld tips."""

from __future__ import annotations

from decimal import Decimal

from toast_simulator.world import entities as e
from toast_simulator.world.maker import MANY, Maker, Planned, decimal

_DISCOUNTS: tuple[tuple[str, str, str], ...] = (
    ("Student 15%", "PERCENT", "15"), ("First responders", "PERCENT", "12.5"), ("Lunch trio", "FIXED_TOTAL", "19.95"),
    ("Open $", "OPEN_FIXED", ""), ("2 for 1 wings", "BOGO", ""), ("Neighbor’s $3", "FIXED", "3"),
    ("Industry night", "PERCENT", "20"), ("Rainy day ☔", "PERCENT", "8.75"), ("Staff meal", "OPEN_PERCENT", ""),
    ("Seniors", "PERCENT", "10"), ("Web welcome", "FIXED", "5"), ("Gala %", "OPEN_PERCENT", ""),
)  # fmt: skip
_CHARGES: tuple[tuple[str, str, str], ...] = (
    ("Cake cutting", "FIXED", "25"), ("Corkage", "FIXED", "18.5"), ("Events 22%", "PERCENT", "22"),
    ("Kitchen appreciation", "PERCENT", "4"), ("Room hire", "OPEN", ""), ("Large order fee", "PERCENT", "2.75"),
    ("Packaging", "FIXED", "0.35"),
)  # fmt: skip
_TAX_RATES: tuple[tuple[str, str, str | None], ...] = (
    ("Liquor tax", "PERCENT", "0.075"), ("Soda tax", "FIXED", "0.15"), ("No tax", "NONE", "0"),
    ("Old table", "TABLE", None), ("Stadium district", "PERCENT", "0.005"), ("Marketplace", "EXTERNAL", None),
    ("Transit", "PERCENT", "0.00375"), ("Plastic bag", "FIXED", "0.10"),
)  # fmt: skip


class MoneyMaker(Maker):
    """Makes the entities about money."""

    def all(self) -> list[Planned]:
        """Discounts, service charges, tax rates and tip withholding."""
        withheld = e.TipWithholding(
            # Some places' rule has no GUID of its own: it goes by the restaurant's.
            guid=self.place.guid if self.place.index % 2 else self.guid("tipWithholding", ""),
            name="",
            enabled=self.place.index % 3 != 2,
            percentage=Decimal(25 + 5 * (self.place.index % 4)) / 1000 if self.place.index % 3 != 2 else None,
        )
        return [*self._discounts(), *self._charges(), *self._tax_rates(), Planned("tipWithholding", withheld, True)]

    def _discounts(self) -> list[Planned]:
        catalog, made = self.catalog, []
        for applied, selection in (
            (catalog.check_discounts, "CHECK"),
            ((*catalog.item_discounts, catalog.bogo), "ITEM"),
        ):
            for entry in applied:
                discount = e.Discount(
                    guid=entry.guid, name=entry.name, kind=entry.kind,
                    selection="BOGO" if entry.kind == "BOGO" else selection,
                    percentage=Decimal(entry.millionths) / 10_000 if entry.kind == "PERCENT" else None,
                    amount=Decimal(entry.cents) / 100 if entry.cents else None,
                    non_exclusive=selection == "ITEM",
                )  # fmt: skip
                made.append(Planned("discounts", discount, True))
        for name, kind, number in _DISCOUNTS:
            made.append(Planned("discounts", self._discount(name, kind, decimal(number)), False))
        # Campaigns by the hundred, one for each code that went out.
        for campaign in range(MANY if self.place.index % 5 == 3 else 0):
            name = f"Campaign {campaign:03}"
            made.append(Planned("discounts", self._discount(name, "FIXED", Decimal(1 + campaign % 12)), False))
        return made

    def _discount(self, name: str, kind: str, number: Decimal | None) -> e.Discount:
        own = self.guid("discounts", name)
        random = self.random("discount", own)
        code = f"{name[:4].upper().strip()}{random.randrange(1000):03}"
        return e.Discount(
            guid=own,
            name=name,
            kind=kind,
            selection="BOGO" if kind == "BOGO" else random.choice(("CHECK", "ITEM")),
            active=random.random() < 0.9,
            percentage=number if kind == "PERCENT" else None,
            amount=number if kind == "FIXED" else None,
            fixed_total=number if kind == "FIXED_TOTAL" else None,
            non_exclusive=random.random() < 0.5,
            picking=random.choice(("FIRST", "LEAST_EXPENSIVE", "MOST_EXPENSIVE")) if kind == "BOGO" else None,
            codes=(e.PromoCode(code, name, "MULTI_USE"),) if name.startswith("Campaign") or "Web" in name else (),
        )

    def _charges(self) -> list[Planned]:
        catalog, made = self.catalog, []
        for entry in (catalog.gratuity, *catalog.charges):
            charge = e.ServiceCharge(
                guid=entry.guid, name=entry.name, kind=entry.kind, delivery=entry.delivery,
                destination="SERVER" if entry.gratuity else "RESTAURANT",
                amount=Decimal(entry.cents) / 100 if entry.kind == "FIXED" else None,
                percent=Decimal(entry.millionths) / 10_000 if entry.kind == "PERCENT" else None,
                gratuity=entry.gratuity, taxable=entry.taxable, taxes=self.tax_guids() if entry.taxable else (),
            )  # fmt: skip
            made.append(Planned("serviceCharges", charge, True))
        for number, (name, kind, value) in enumerate(_CHARGES):
            taxable = number % 2 == 0
            charge = e.ServiceCharge(
                guid=self.guid("serviceCharges", name), name=name, kind=kind,
                destination=("RESTAURANT", "SERVER", "TOAST", "THIRD_PARTY", None)[number % 5],
                amount=decimal(value) if kind == "FIXED" else None,
                percent=decimal(value) if kind == "PERCENT" else None,
                taxable=taxable, taxes=self.tax_guids() if taxable else (),
                calculation=("PRE_DISCOUNT", "POST_DISCOUNT", None)[number % 3],
                tax_inclusive=(False, None, True)[number % 3], tax_prorated=(None, False)[number % 2],
            )  # fmt: skip
            made.append(Planned("serviceCharges", charge, False))
        return made

    def _tax_rates(self) -> list[Planned]:
        made = []
        for entry in (*self.catalog.taxes, self.catalog.bag_fee):
            fixed = entry.kind == "FIXED"
            rate = Decimal(entry.cents) / 100 if fixed else Decimal(entry.millionths) / 1_000_000
            own = e.TaxRate(guid=entry.guid, name=entry.name, kind=entry.kind, rate=rate, default=not fixed)
            made.append(Planned("taxRates", own, True))
        for number, (name, kind, value) in enumerate(_TAX_RATES):
            rounding = ("HALF_UP", "HALF_EVEN", "ALWAYS_UP", "ALWAYS_DOWN")[number % 4]
            own = e.TaxRate(
                guid=self.guid("taxRates", name), name=name, kind=kind, rate=decimal(value), default=False,
                rounding=rounding,
            )  # fmt: skip
            made.append(Planned("taxRates", own, False))
        return made
