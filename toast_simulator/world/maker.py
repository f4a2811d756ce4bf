"""What all makers of configured entities share: whose entities they make, and how GUIDs and luck come about."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from random import Random

import msgspec

from toast_simulator.world.catalog import Catalog, identity_of
from toast_simulator.world.entities import ENTITY_TYPES, Entity
from toast_simulator.world.places import Place
from toast_simulator.world.streams import stream

MANY = 440
"""More than a page of the configuration API holds: so many of one kind has one place in a few."""


class Planned(msgspec.Struct, frozen=True):
    """An entity as it begins. ``core`` ones are what orders, staff or the menus stand on: they always come back."""

    kind: str
    entity: Entity
    core: bool


class Maker:
    """Makes entities of one place; what it draws comes from a stream for each entity."""

    def __init__(self, place: Place, seed: int, catalog: Catalog) -> None:
        self.place = place
        self.seed = seed
        self.catalog = catalog

    def guid(self, kind: str, name: str) -> str:
        """The GUID of the place's entity of a kind with this name."""
        return identity_of(self.place, self.seed, ENTITY_TYPES[kind], name)

    def guids(self, kind: str, names: Iterable[str]) -> tuple[str, ...]:
        """The GUIDs for several names."""
        return tuple(self.guid(kind, name) for name in names)

    def random(self, *key: str) -> Random:
        """A generator of its own for a key."""
        return stream(self.seed, "inventory", self.place.guid, *key)

    def tax_guids(self) -> tuple[str, ...]:
        """The rates that ordinary items are taxed with."""
        return tuple(rate.guid for rate in self.catalog.taxes)


def decimal(text: str | None) -> Decimal | None:
    """A number that is written down as text; None for none."""
    return Decimal(text) if text else None
