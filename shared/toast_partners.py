"""Which restaurants a Toast account has: as the partners API tells, or the groups of those that are known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import final

import msgspec

from shared.date_utils import from_toast_date
from shared.errors import ToastRefused
from shared.toast_client import ToastClient, Usage
from shared.toast_configuration import General, Restaurant, SingleDecoder
from shared.toast_endpoints import RESTAURANT
from shared.toast_objects import Guid, ListDecoder, Page, ToastObject


@final
class PartnerRestaurant(ToastObject):
    """A restaurant as the partners API lists it."""

    restaurant_guid: Guid
    restaurant_name: str | None = None
    location_name: str | None = None
    deleted: bool | None = None


@final
class GroupMember(ToastObject):
    """A restaurant as its management group lists it."""

    guid: Guid


class ListedRestaurant(msgspec.Struct, frozen=True, kw_only=True):
    """A restaurant of the account; what Toast does not tell is None."""

    guid: str
    name: str
    timezone: str | None = None
    closeout_hour: int | None = None
    first_business_date: dt.date | None = None


class Listing(msgspec.Struct, frozen=True):
    """What an account has, by GUID in lower case, and who told."""

    names: dict[str, str | None]
    told_by: str


_partners = ListDecoder(PartnerRestaurant, "restaurants")
_members = ListDecoder(GroupMember, "restaurants")
_restaurant = SingleDecoder(Restaurant, "a restaurant")


def listed_restaurants(client: ToastClient, known: Iterable[str], usage: Usage) -> Listing:
    """The restaurants that the account has now, deleted ones left out.

    The partners API is asked first. Not every account may use it; then the management groups of the restaurants
    that are ``known`` tell. Raises ToastRefused when neither does, or ToastUnavailable.
    """
    try:
        page = client.connected_restaurants(decode=_partners.decode, usage=usage)
    except ToastRefused as refusal:
        if refusal.status not in (403, 404):
            raise
        return _members_of_groups(client, known, usage, refusal)
    _must_be_whole(page, "partners API")
    found = {
        row.restaurant_guid.lower(): _joined(row.restaurant_name, row.location_name)
        for row in page.objects
        if not row.deleted
    }
    return Listing(found, "the partners API")


def restaurant_of(client: ToastClient, guid: str, usage: Usage) -> ListedRestaurant:
    """What Toast tells of one restaurant. Raises ToastRefused or ToastUnavailable."""
    general = _general(client, guid, usage)
    return ListedRestaurant(
        guid=guid,
        name=_joined(general.name, general.location_name) or guid,
        timezone=general.time_zone,
        closeout_hour=general.closeout_hour,
        first_business_date=_date(general.first_business_date),
    )


def _members_of_groups(client: ToastClient, known: Iterable[str], usage: Usage, refusal: ToastRefused) -> Listing:
    """The members of each group that a known restaurant belongs to; one that Toast refuses is passed over."""
    found: dict[str, str | None] = {}
    groups: set[str] = set()
    for guid in known:
        if guid in found:
            continue
        try:
            general = _general(client, guid, usage)
            group = general.management_group_guid
            if group is None or group in groups:
                continue
            page = client.group_restaurants(group, guid, decode=_members.decode, usage=usage)
        except ToastRefused:
            continue
        _must_be_whole(page, "management group")
        groups.add(group)
        found |= {member.guid.lower(): None for member in page.objects}
    if not groups:
        raise refusal
    return Listing(found, "the management group" if len(groups) == 1 else f"{len(groups)} management groups")


def _general(client: ToastClient, guid: str, usage: Usage) -> General:
    page = client.reply(RESTAURANT, guid, decode=_restaurant.decode, usage=usage)
    if not page.objects:
        raise ToastRefused(f"Toast describes restaurant {guid} in a form that is not known", status=200)
    return page.objects[0].general


def _must_be_whole(page: Page[PartnerRestaurant] | Page[GroupMember], what: str) -> None:
    """A list with a hole would make a restaurant look as if it were gone."""
    if page.undecodable:
        raise ToastRefused(
            f"the {what} lists {len(page.undecodable)} restaurants in a form that is not known "
            f"({page.undecodable[0].reason})",
            status=200,
        )


def _joined(name: str | None, location: str | None) -> str | None:
    """A restaurant's name, with that of its location where that says more."""
    words = [word.strip() for word in (name, location) if word and word.strip()]
    if len(words) == 2 and words[1].casefold() in words[0].casefold():
        words.pop()
    return " – ".join(words) or None


def _date(told: int | None) -> dt.date | None:
    try:
        return from_toast_date(told) if told else None
    except (ValueError, OverflowError):
        return None
