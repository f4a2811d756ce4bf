"""Drift: what Toast's replies hold and the code does not know. It is told, and never fails anything.

Decoding skips the fields that no class names, and takes any value of an enumeration, so that nothing breaks when Toast
adds some. Whether there is something to load in them, a person has to decide; so each is logged once per call
(``toast_drift``) and counted.

Only a sample is looked at, since a second and generic decoding costs as much as all other work on a page: of each
endpoint the first reply for each restaurant that holds anything, and of that at most the first objects.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
import structlog

from shared.toast_cash import CashEntry, Deposit
from shared.toast_configuration import (
    BreakType,
    CashDrawer,
    DiningOption,
    DiningTable,
    Discount,
    Employee,
    Job,
    Named,
    PreModifier,
    Restaurant,
    RevenueCenter,
    ServiceArea,
    ServiceCharge,
    TaxRate,
    TipWithholding,
)
from shared.toast_documented import MENUS_FIELDS, UNUSED_FIELDS, VALUES
from shared.toast_endpoints import (
    CASH_DEPOSITS,
    CASH_ENTRIES,
    EMPLOYEES,
    JOBS,
    MENUS,
    ORDERS_BULK,
    RESTAURANT,
    TIME_ENTRIES,
    config_endpoint,
)
from shared.toast_labor import TimeEntry
from shared.toast_menus import Menu, MenuGroup, MenuItem, ModifierGroup
from shared.toast_objects import ToastObject, fields_of
from shared.toast_orders import Order

log = structlog.get_logger()

T = TypeVar("T")

SAMPLED_OBJECTS = 100
# A reply that is one object (menus) is decoded as a whole, which takes several times its size.
SAMPLED_BYTES = 8 * 1024 * 1024
# A new version of an API can bring hundreds of fields; the first ones tell it.
MOST_KINDS = 100
_LONGEST_TEXT = 80


class Unknown(NamedTuple):
    """One kind of drift: a field that is not known, or a value of an enumeration that is not."""

    kind: Literal["field", "value"]
    path: str
    """The object's kind and the field: ``Payment.type``. The same one counts once, wherever it stands."""
    value: str | None = None

    def __str__(self) -> str:
        return self.path if self.value is None else f"{self.path} = {self.value}"


class Drift:
    """The drift that one call has met, by restaurant. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sampled: set[tuple[str, str]] = set()
        self._met: dict[str, set[Unknown]] = defaultdict(set)
        self._told: set[Unknown] = set()

    def watching(self, endpoint: str, restaurant: str, decode: Callable[[bytes], T]) -> Callable[[bytes], T]:
        """``decode``, with a look at what it passes over in the first reply that holds anything.

        ``endpoint`` is the endpoint's name. Only bodies that could be decoded are looked at; no error of the look
        gets out.
        """

        def decode_and_look(body: bytes) -> T:
            content = decode(body)
            if (endpoint, restaurant) not in self._sampled:
                self._look(endpoint, restaurant, body)
            return content

        return decode_and_look

    def of(self, restaurant: str) -> list[str]:
        """What was met at a restaurant, each kind once: "Order.serviceModel", "Payment.type = BITCOIN"."""
        with self._lock:
            return sorted(map(str, self._met[restaurant]))

    def _look(self, endpoint: str, restaurant: str, body: bytes) -> None:
        try:
            objects = list(_sample(endpoint, body))
            if not objects:
                return
            found = {unknown for value, shape in objects for unknown in unknown_parts(value, shape)}
        except Exception as error:  # whatever it is: the reply was read, and that is what counts
            log.warning("drift_not_looked_for", endpoint=endpoint, restaurant=restaurant, error=type(error).__name__)
            found = set()
        with self._lock:
            self._sampled.add((endpoint, restaurant))
            for unknown in sorted(found, key=str):
                self._note(unknown, endpoint, restaurant)

    def _note(self, unknown: Unknown, endpoint: str, restaurant: str) -> None:
        if unknown not in self._told:
            if len(self._told) >= MOST_KINDS:
                return
            self._told.add(unknown)
            log.warning("toast_drift", endpoint=endpoint, restaurant=restaurant, **unknown._asdict())
        self._met[restaurant].add(unknown)


# --- what is known of an object ----------------------------------------------------------------------


class Shape(NamedTuple):
    """What is known of one kind of object: its fields, those that hold further objects, those with a set of values."""

    name: str
    fields: frozenset[str]
    children: tuple[tuple[str, type[ToastObject]], ...]
    values: tuple[tuple[str, frozenset[str]], ...]


# The parts of menus are decoded one by one, so that their classes do not tell what they hold.
_MENU_PARTS: dict[type[ToastObject], dict[str, type[ToastObject]]] = {
    Menu: {"menuGroups": MenuGroup},
    MenuGroup: {"menuGroups": MenuGroup, "menuItems": MenuItem},
}

_MENUS = Shape(
    "Menus",
    frozenset(MENUS_FIELDS.split()),
    (("menus", Menu), ("modifierGroupReferences", ModifierGroup), ("modifierOptionReferences", MenuItem)),
    (),
)

_CONFIGURED: dict[str, type[ToastObject]] = {
    "alternatePaymentTypes": Named,
    "breakTypes": BreakType,
    "cashDrawers": CashDrawer,
    "diningOptions": DiningOption,
    "discounts": Discount,
    "noSaleReasons": Named,
    "payoutReasons": Named,
    "preModifiers": PreModifier,
    "priceGroups": Named,
    "printers": Named,
    "restaurantServices": Named,
    "revenueCenters": RevenueCenter,
    "salesCategories": Named,
    "serviceAreas": ServiceArea,
    "serviceCharges": ServiceCharge,
    "tables": DiningTable,
    "taxRates": TaxRate,
    "tipWithholding": TipWithholding,
    "voidReasons": Named,
}

REPLIES: dict[str, type[ToastObject]] = {
    ORDERS_BULK.name: Order,
    CASH_ENTRIES.name: CashEntry,
    CASH_DEPOSITS.name: Deposit,
    TIME_ENTRIES.name: TimeEntry,
    EMPLOYEES.name: Employee,
    JOBS.name: Job,
    RESTAURANT.name: Restaurant,
    **{config_endpoint(entity).name: kind for entity, kind in _CONFIGURED.items()},
}
"""By the name of the endpoint: the kind of object that its replies hold, one or a list of them."""


@cache
def shape_of(kind: type[ToastObject]) -> Shape:
    """What is known of a kind of object: what is loaded of it, and what else Toast documents."""
    loaded = fields_of(kind)
    children = {name: child for name, (child, _) in loaded.items() if child is not None} | _MENU_PARTS.get(kind, {})
    return Shape(
        kind.__name__,
        frozenset(loaded) | frozenset(UNUSED_FIELDS[kind].split()),
        tuple(children.items()),
        tuple((field, frozenset(values.split(", "))) for field, values in VALUES.get(kind, {}).items()),
    )


# --- the look ----------------------------------------------------------------------------------------

_parts = msgspec.json.Decoder(list[msgspec.Raw])
_anything = msgspec.json.Decoder()


def _sample(endpoint: str, body: bytes) -> Iterator[tuple[Any, Shape]]:
    """The objects of a reply to look at, as plain JSON, each with its shape; none of an empty list."""
    shape = _shape_of_reply(endpoint)
    if body.lstrip()[:1] == b"[":
        for part in _parts.decode(body)[:SAMPLED_OBJECTS]:
            yield _anything.decode(part), shape
    elif len(body) <= SAMPLED_BYTES:
        yield _anything.decode(body), shape


def _shape_of_reply(endpoint: str) -> Shape:
    if endpoint == MENUS.name:
        return _MENUS
    kind = REPLIES[endpoint]
    # Many listings hold the same kind of object: what is known of it is the name, so it goes by theirs.
    return shape_of(kind) if kind is not Named else shape_of(kind)._replace(name=endpoint.split()[-1])


def unknown_parts(value: Any, shape: Shape) -> set[Unknown]:
    """The drift in one object and in all that it holds, at any depth."""
    found: set[Unknown] = set()
    waiting: list[tuple[Any, Shape]] = [(value, shape)]
    while waiting:
        value, shape = waiting.pop()
        if not isinstance(value, dict):
            continue
        for name in value.keys() - shape.fields:
            found.add(Unknown("field", f"{shape.name}.{name[:_LONGEST_TEXT]}"))
        for name, kind in shape.children:
            waiting.extend((part, shape_of(kind)) for part in _several(value.get(name)))
        for name, known in shape.values:
            told = value.get(name)
            if isinstance(told, str) and told not in known:
                found.add(Unknown("value", f"{shape.name}.{name}", told[:_LONGEST_TEXT]))
    return found


def _several(value: Any) -> Iterator[Any]:
    """The objects that a field holds: one, a list of them, or (in menus) one by each number."""
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        if value and all(map(str.isdigit, value)):
            yield from value.values()
        else:
            yield value
