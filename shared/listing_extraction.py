"""Reading listings of Toast's configuration: one of one restaurant is a unit, read to its end or not at all."""

from __future__ import annotations

import datetime as dt
from functools import partial

import msgspec

from shared.dimension_loading import DimensionLoad, StagedListing
from shared.dimension_rows import Listing
from shared.dimension_tables import DIMENSIONS
from shared.errors import ToastRefused
from shared.listing_units import ListingUnit
from shared.toast_client import ToastClient, UnreadableBody
from shared.toast_endpoints import MENUS, MENUS_METADATA
from shared.toast_objects import UNREADABLE, Instant

UNCHANGED = "Toast says that the menus have not changed: they were not fetched again"
NOT_PUBLISHED = "Toast says that no menus are published here (404): menus were left as they are"


def read_listing(toast: ToastClient, unit: ListingUnit, load: DimensionLoad, deadline: float) -> None:
    """Read the unit's listing to its end and hand its entities to the load.

    Menus are fetched only if Toast says that they changed since the warehouse's.

    Raises ToastError when a page cannot be had; then the unit has failed.
    """
    read_at = unit.read_at = toast.now()
    if unit.listing.endpoint != MENUS:
        _stage(unit, _read(toast, unit, deadline), read_at, load)
        return
    try:
        updated_at = toast.reply(
            MENUS_METADATA, unit.restaurant_guid, decode=_decode_metadata, usage=unit.usage, deadline=deadline
        )
        unit.menus_updated_at = unit.menus_held_at
        if updated_at == unit.menus_held_at:
            unit.note = UNCHANGED
        else:
            listing = _read(toast, unit, deadline)
            _stage(unit, listing, read_at, load)
            # Partly unreadable menus are fetched again by the next call.
            unit.menus_updated_at = None if listing.undecodable else updated_at
    except ToastRefused as refusal:
        if refusal.status != 404:
            raise
        unit.note = NOT_PUBLISHED


def _read(toast: ToastClient, unit: ListingUnit, deadline: float) -> Listing:
    kind = unit.listing
    decode = unit.watched(partial(kind.decode, restaurant_guid=unit.restaurant_guid, contacts=unit.contacts))
    if kind.endpoint.paging == "token":
        pages = toast.listing(kind.endpoint, unit.restaurant_guid, decode=decode, usage=unit.usage, deadline=deadline)
    else:
        pages = [toast.reply(kind.endpoint, unit.restaurant_guid, decode=decode, usage=unit.usage, deadline=deadline)]
    return kind.join(pages)


def _stage(unit: ListingUnit, listing: Listing, read_at: dt.datetime, load: DimensionLoad) -> None:
    unit.rejects.extend(listing.undecodable)
    for record, entities in listing.records.items():
        unit.extracted[DIMENSIONS[record].name] = len(entities)
    line = StagedListing(
        unit.id, unit.listing.name, unit.restaurant_guid, read_at, not listing.undecodable, **listing.records
    )
    load.add([line])


class _Metadata(msgspec.Struct, rename="camel"):
    last_updated: Instant


_metadata = msgspec.json.Decoder(_Metadata)


def _decode_metadata(body: bytes) -> dt.datetime:
    try:
        return _metadata.decode(body).last_updated
    except UNREADABLE as error:
        raise UnreadableBody(str(error)) from None
