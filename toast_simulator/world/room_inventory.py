"""Where and how a restaurant serves, as it begins: revenue centers, service areas, tables, dining options."""

from __future__ import annotations

from toast_simulator.world import entities as e
from toast_simulator.world.maker import MANY, Maker, Planned
from toast_simulator.world.streams import fraction

_AREAS = ("Mezzanine", "Garden", "Rooftop", "Private room", "Counter", "Sidewalk", "Cellar", "Lobby")
_CENTERS = (
    ("Catering", None), ("Events", "Weddings & parties"), ("Online", ""), ("Retail", "Jars, mugs, gift boxes"),
    ("Rooftop", "Open May–September"), ("Food truck", None), ("Room service", "Hotel next door"),
)  # fmt: skip
_DINING: tuple[tuple[str, str | None, bool], ...] = (
    ("Bar tab", "DINE_IN", False), ("Catering pick-up", "TAKE_OUT", False), ("Catering delivery", "DELIVERY", False),
    ("Kiosk", "TAKE_OUT", False), ("Drive to curb 2", "TAKE_OUT", True), ("Hotel room", "DELIVERY", False),
    ("Staff meal", None, False), ("Drive-thru", "DRIVE_THRU", False),
)  # fmt: skip


class RoomMaker(Maker):
    """Makes the entities about the room."""

    def all(self) -> list[Planned]:
        """Revenue centers, service areas, tables and dining options."""
        catalog = self.catalog
        made = [
            Planned("revenueCenters", e.RevenueCenter(guid=entry.guid, name=entry.name, description=None), True)
            for entry in catalog.revenue_centers
        ]
        for name, text in _CENTERS:
            own = self.guid("revenueCenters", name)
            made.append(Planned("revenueCenters", e.RevenueCenter(guid=own, name=name, description=text), False))
        centers = [planned.entity.guid for planned in made]
        for number, entry in enumerate(catalog.service_areas):
            area = e.ServiceArea(guid=entry.guid, name=entry.name, revenue_center=centers[number])
            made.append(Planned("serviceAreas", area, True))
        for number, name in enumerate(_AREAS):
            center = None if number % 3 == 0 else centers[number % len(centers)]
            area = e.ServiceArea(guid=self.guid("serviceAreas", name), name=name, revenue_center=center)
            made.append(Planned("serviceAreas", area, False))
        areas = self.guids("serviceAreas", (*(entry.name for entry in catalog.service_areas), *_AREAS))
        return [*made, *self._tables(areas, centers), *self._dining_options()]

    def _tables(self, areas: tuple[str, ...], centers: list[str]) -> list[Planned]:
        made = [
            Planned("tables", self._table(entry.guid, entry.name, areas, centers), True)
            for entry in self.catalog.tables
        ]
        # A food hall with tables by the hundred, beside restaurants with a patio.
        count = MANY if self.place.index % 5 == 0 else 8 + self.place.index
        for number in range(1, count + 1):
            name = f"P{number}"
            made.append(Planned("tables", self._table(self.guid("tables", name), name, areas, centers), False))
        return made

    def _table(self, own: str, name: str, areas: tuple[str, ...], centers: list[str]) -> e.Table:
        luck = fraction(self.seed, "table", own)
        return e.Table(
            guid=own,
            name=name,
            service_area=None if luck < 0.1 else areas[int(luck * len(areas))],
            revenue_center=None if luck > 0.7 else centers[int(luck * len(centers))],
        )

    def _dining_options(self) -> list[Planned]:
        behaviors = {"Dine In": "DINE_IN", "Delivery": "DELIVERY"}
        made = []
        for entry in self.catalog.dining_options.values():
            option = e.DiningOption(
                guid=entry.guid, name=entry.name, behavior=behaviors.get(entry.name, "TAKE_OUT"),
                curbside=entry.name == "Curbside",
            )  # fmt: skip
            made.append(Planned("diningOptions", option, True))
        for number, (name, behavior, curbside) in enumerate(_DINING):
            option = e.DiningOption(
                guid=self.guid("diningOptions", name), name=name, behavior=behavior, curbside=curbside,
                external_id=f"EXAMPLE:{number}" if number % 3 == 1 else None,
            )  # fmt: skip
            made.append(Planned("diningOptions", option, False))
        return made
