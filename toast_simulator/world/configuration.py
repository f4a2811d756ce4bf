"""The published configuration of a restaurant at any moment, edits of tests included.

Between two publishes nothing changes, so what is published is worked out once for each of them.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import msgspec

from toast_simulator.world import entities as e
from toast_simulator.world.alterations import changed
from toast_simulator.world.catalog import Catalog
from toast_simulator.world.inventory import inventory_of
from toast_simulator.world.lives import CORE, LASTING, ORDINARY, STEADY, Event, Life, Publishes, Temper, life_of
from toast_simulator.world.maker import Planned
from toast_simulator.world.places import DAY, Place

MENU_KINDS = frozenset(
    {"menus", "menuGroups", "menuItems", "menuOptionGroups", "preModifierGroups", "preModifiers", "salesCategories"}
)
"""Kinds of entity that the menus are made of: only their changes move the menus' lastUpdated."""

_TEMPERS: dict[str, Temper] = {"restaurants": STEADY, "tipWithholding": LASTING}
_CORE_TEMPERS: dict[str, Temper] = {"menus": LASTING, "menuGroups": LASTING}
_AHEAD = 730 * DAY
_KEPT = 48


class State(msgspec.Struct, frozen=True):
    """An entity at a moment; ``archived`` is when it was, None while it is in use. Times are Unix ms."""

    entity: e.Entity
    created: int
    modified: int
    archived: int | None


class Published(msgspec.Struct, frozen=True):
    """What a place has published, from the moment ``since`` on; ``version`` tells one publish from another.

    ``menus_updated`` is when the menus last changed; None while no menu is published.
    """

    since: int
    version: tuple[int, int]
    menus_updated: int | None
    states: dict[str, dict[str, State]]

    def listed(self, kind: str) -> Iterator[State]:
        """The entities of a kind that are in use, in the API's order."""
        return (state for state in self.states[kind].values() if state.archived is None)

    def all(self, kind: str) -> Iterable[State]:
        """The entities of a kind, archived ones too."""
        return self.states[kind].values()

    def find(self, kind: str, guid: str | None) -> State | None:
        """The entity of a kind with a GUID, if it is in use."""
        state = self.states[kind].get(guid or "")
        return state if state is not None and state.archived is None else None


class Configuration:
    """The configuration of one place, over all time. ``edits`` counts what tests changed in it."""

    def __init__(self, place: Place, seed: int, catalog: Catalog) -> None:
        self._place = place
        self._seed = seed
        self._planned = {(one.kind, one.entity.guid): one for one in inventory_of(place, seed, catalog)}
        self._publishes = Publishes(place, seed)
        self._lives: dict[tuple[str, str], Life] = {}
        self._drawn_until = 0
        self._edits: dict[tuple[str, str], list[Event]] = {}
        self._moments: list[int] = []
        self._menu_switches: list[tuple[int, bool]] = []
        self._kept: OrderedDict[tuple[int, int], Published] = OrderedDict()

    def at(self, now: int) -> Published:
        """What is published at ``now`` (Unix ms)."""
        since = max(self._publishes.last(now), self._last_edit(now))
        version = (since, len(self._moments))
        published = self._kept.pop(version, None) or self._published(since, version)
        self._kept[version] = published
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return published

    def edit(self, kind: str, guid: str, event: Event) -> None:
        """Change an entity, which is a publish. Raises KeyError when there never is such an entity."""
        self._edits.setdefault(self._known(kind, guid), []).append(event)
        self.publish(event.moment)

    def publish_menus(self, moment: int, *, published: bool) -> None:
        """Publish the menus, or take them all back."""
        self._menu_switches.append((moment, published))
        self.publish(moment)

    def publish(self, moment: int) -> None:
        """Publish, with or without a change."""
        bisect.insort(self._moments, moment)

    def history(self, kind: str, guid: str, until: int) -> tuple[Event, ...]:
        """All that happens to an entity before ``until``. Raises KeyError when there never is such an entity."""
        self._draw(until)
        key = self._known(kind, guid)
        return tuple(event for event in self._events(key) if event.moment < until)

    def _known(self, kind: str, guid: str) -> tuple[str, str]:
        key = (kind, guid.lower())
        if key not in self._planned:
            raise KeyError(guid)
        return key

    def _last_edit(self, now: int) -> int:
        position = bisect.bisect_right(self._moments, now)
        return self._moments[position - 1] if position else 0

    def _published(self, since: int, version: tuple[int, int]) -> Published:
        self._draw(since + 1)
        states: dict[str, dict[str, State]] = {kind: {} for kind in e.ENTITY_TYPES}
        for (kind, guid), planned in self._planned.items():
            state = self._state(planned, since)
            if state is not None:
                states[kind][guid] = state
        return Published(since, version, self._menus_updated(states, since), states)

    def _menus_updated(self, states: dict[str, dict[str, State]], since: int) -> int | None:
        switches = [switch for switch in self._menu_switches if switch[0] <= since]
        if switches and not switches[-1][1]:
            return None
        moments = [state.modified for kind in MENU_KINDS for state in states[kind].values()]
        return max([*moments, *(moment for moment, _ in switches)])

    def _state(self, planned: Planned, now: int) -> State | None:
        key = (planned.kind, planned.entity.guid)
        life = self._lives[key]
        if life.born is not None and life.born > now:
            return None
        # Before a restaurant opens its configuration is there already, and as old as it can be.
        created = min(life.created, now)
        entity, modified, archived = planned.entity, created, None
        for event in self._events(key):
            if event.moment > now:
                break
            if event.change == "archive":
                if archived is not None:
                    continue
                archived = event.moment
            elif event.change == "restore":
                if archived is None:
                    continue
                archived = None
            else:
                entity = changed(entity, event, planned.entity)
            modified = event.moment
        return State(entity, created, modified, archived)

    def _events(self, key: tuple[str, str]) -> Iterable[Event]:
        events, edits = self._lives[key].events, self._edits.get(key)
        return sorted([*events, *edits], key=lambda event: event.moment) if edits else events

    def _draw(self, until: int) -> None:
        """Draw the lives as far as a moment; a life drawn farther is the same one, longer."""
        if until <= self._drawn_until:
            return
        self._drawn_until = until + _AHEAD
        opened = self._place.day_start(self._place.first_business_date.toordinal())
        for key, planned in self._planned.items():
            temper = _temper(planned)
            self._lives[key] = life_of(
                self._publishes, (self._seed, self._place.guid, *key), temper, opened, self._drawn_until
            )


def _temper(planned: Planned) -> Temper:
    if planned.kind in _TEMPERS:
        return _TEMPERS[planned.kind]
    return _CORE_TEMPERS.get(planned.kind, CORE) if planned.core else ORDINARY
