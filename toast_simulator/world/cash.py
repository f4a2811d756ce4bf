"""The cash of each place: what goes in and out of the drawers over a business date, and what is taken to the bank.

Amounts are in cents with Toast's signs (into the drawer is positive), times are Unix milliseconds, business dates
proleptic ordinals. An entry or deposit exists from its moment on and never changes; a mistake is undone by another.
Some are entered up to three days late and still belong to the business date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random

import msgspec

from toast_simulator.world import calendar
from toast_simulator.world.catalog import Catalog, Entry
from toast_simulator.world.places import DAY, HOUR, MINUTE, Place
from toast_simulator.world.streams import guid, stream

CashTaken = Callable[[Place, int, int], int]
"""Cents that guests had paid in cash for the orders of a business date, as things stood at a moment."""

UNDONE_BY = {
    "CASH_IN": "CASH_OUT",
    "CASH_OUT": "CASH_IN",
    "CASH_COLLECTED": "TIP_OUT",
    "TIP_OUT": "CASH_COLLECTED",
    "PAY_OUT": "UNDO_PAY_OUT",
}
"""Which type of entry undoes which (Toast's guide, cash management)."""

# Type -> (how many a day, least and most cents, reasons).
_ENTRIES: dict[str, tuple[float, int, int, tuple[str, ...]]] = {
    "CASH_IN": (1.1, 5_000, 20_000, ("Opening float", "Change from the bank", "")),
    "CASH_COLLECTED": (1.2, 1_000, 15_000, ("Server bank", "Collected after shift")),
    "CASH_OUT": (0.4, -12_000, -500, ("To the safe", "Coins exchanged")),
    "PAY_OUT": (0.7, -9_000, -300, ("buy lemons & ice", "Plumber 🔧", "Flowers for the tables")),
    "TIP_OUT": (0.9, -8_000, -400, ("Tip out", "Tips: card")),
    "NO_SALE": (1.3, 0, 0, ("", "Change for a guest")),
    "DRIVER_REIMBURSEMENT": (0.25, -1_500, -200, ("Mileage",)),
}
_CLOSE_OUTS: tuple[tuple[str, float, int, int], ...] = (
    ("CLOSE_OUT_EXACT", 0.6, 0, 0),
    ("CLOSE_OUT_SHORTAGE", 0.25, -900, -1),
    ("CLOSE_OUT_OVERAGE", 0.15, 1, 700),
)
_UNDONE = 0.1
_UNDONE_NEXT_DAY = 0.3
_LATE = 0.04
_LATEST_DAYS = 3
_DEPOSIT_NEXT_MORNING = 0.25
_DEPOSIT_LATE = 0.06
_DEPOSIT_OFF = 0.1
_DEPOSIT_UNDONE = 0.06
_DEPOSIT_SPLIT = 0.08


class CashEntry(msgspec.Struct, frozen=True):
    """Something that happened to a cash drawer; ``undoes`` is the GUID of the entry that it takes back."""

    guid: str
    kind: str
    cents: int
    moment: int
    reason: str | None
    drawer: Entry | None
    employee: Entry
    approver: Entry | None = None
    payout_reason: Entry | None = None
    no_sale_reason: Entry | None = None
    undoes: str | None = None


class Deposit(msgspec.Struct, frozen=True):
    """Money taken to the bank, or with ``undoes`` (a GUID) the taking back of such; more than 0 either way."""

    guid: str
    cents: int
    moment: int
    employee: Entry
    creator: Entry | None
    undoes: str | None = None


class CashBook:
    """All cash entries and deposits of all places. Deterministic in (seed, places) and the orders' cash payments.

    On top of the pure world lies what tests add; it is kept for as long as the process lives.
    """

    def __init__(self, seed: int, catalog: Callable[[Place], Catalog], taken: CashTaken) -> None:
        self._seed = seed
        self._catalog = catalog
        self._taken = taken
        self._drawn = lru_cache(4096)(self._draw)
        self._kept = lru_cache(4096)(self._with_undone_before)
        self._deposits = lru_cache(4096)(self._draw_deposits)
        self._added: dict[tuple[str, int], list[CashEntry]] = {}
        self._added_deposits: dict[tuple[str, int], list[Deposit]] = {}

    def entries(self, place: Place, ordinal: int, now: int) -> list[CashEntry]:
        """The entries of a business date that exist at ``now``."""
        added = self._added.get((place.guid, ordinal), ())
        return [entry for entry in (*self._kept(place, ordinal), *added) if entry.moment <= now]

    def deposits(self, place: Place, ordinal: int, now: int) -> list[Deposit]:
        """The deposits for a business date that exist at ``now``.

        Together they are what the guide expects (cash payments that are not voided, and all entries but
        CASH_COLLECTED, as they stood at the first deposit), now and then off by a few dollars; none of nothing.
        """
        added = self._added_deposits.get((place.guid, ordinal), [])
        first = self._first_deposit(place, ordinal)
        if first is None or first > now:
            return [deposit for deposit in added if deposit.moment <= now]
        expected = self._expected(place, ordinal, first)
        drawn = self._deposits(place, ordinal, first, expected)
        return [deposit for deposit in (*drawn, *added) if deposit.moment <= now]

    def add_entry(self, place: Place, ordinal: int, now: int) -> CashEntry:
        """Let an entry be made now for a business date: cash in, of another amount each time."""
        added = self._added.setdefault((place.guid, ordinal), [])
        catalog, number = self._catalog(place), len(added)
        own = guid(self._seed, "added cash entry", place.guid, ordinal, number)
        entry = CashEntry(
            own, "CASH_IN", 1_001 + 10 * number, now, "Found in the drawer", catalog.drawers[0], catalog.servers[-1]
        )
        added.append(entry)
        return entry

    def add_deposit(self, place: Place, ordinal: int, now: int) -> Deposit:
        """Let a deposit be made now for a business date, of another amount each time."""
        added = self._added_deposits.setdefault((place.guid, ordinal), [])
        catalog, number = self._catalog(place), len(added)
        own = guid(self._seed, "added deposit", place.guid, ordinal, number)
        deposit = Deposit(own, 2_002 + 10 * number, now, catalog.servers[-1], catalog.servers[-2])
        added.append(deposit)
        return deposit

    # --- entries ----------------------------------------------------------------------------------

    def _with_undone_before(self, place: Place, ordinal: int) -> tuple[CashEntry, ...]:
        """The pure world's entries of a date: its own, and those that undo some of the day before."""
        if not calendar.is_open(self._seed, place, ordinal):
            return ()
        own, _ = self._drawn(place, ordinal)
        morning = place.local(ordinal, 9)
        _, wrong = self._drawn(place, ordinal - 1)
        undone = tuple(
            self._undo(place, entry, morning + number * 7 * MINUTE) for number, entry in enumerate(wrong)
        )  # fmt: skip
        return (*own, *undone)

    def _draw(self, place: Place, ordinal: int) -> tuple[tuple[CashEntry, ...], tuple[CashEntry, ...]]:
        """A date's own entries, and which of them are undone on the next date."""
        if not calendar.is_open(self._seed, place, ordinal):
            return (), ()
        random = stream(self._seed, "cash", place.guid, ordinal)
        made: list[CashEntry] = []
        tomorrow: list[CashEntry] = []
        for kind, (rate, _, _, _) in _ENTRIES.items():
            for _ in range(int(rate + random.random())):
                entry = self._entry(random, place, ordinal, kind, len(made))
                made.append(entry)
                if kind not in UNDONE_BY or random.random() >= _UNDONE:
                    continue
                if random.random() < _UNDONE_NEXT_DAY and entry.moment < place.day_start(ordinal + 1):
                    tomorrow.append(entry)
                else:
                    made.append(self._undo(place, entry, entry.moment + int((1 + 30 * random.random()) * MINUTE)))
        made += self._close_outs(random, place, ordinal, len(made))
        return tuple(made), tuple(tomorrow)

    def _entry(self, random: Random, place: Place, ordinal: int, kind: str, number: int) -> CashEntry:
        catalog = self._catalog(place)
        _, least, most, reasons = _ENTRIES[kind]
        paid_out, no_sale = kind == "PAY_OUT", kind == "NO_SALE"
        return CashEntry(
            guid(self._seed, "cash entry", place.guid, ordinal, number),
            kind,
            random.randint(least, most),
            _moment(random, place, ordinal),
            random.choice(reasons) or None,
            random.choice(catalog.drawers),
            random.choice(catalog.servers),
            random.choice(catalog.servers) if random.random() < 0.5 else None,
            payout_reason=random.choice(catalog.payout_reasons) if paid_out else None,
            no_sale_reason=random.choice(catalog.no_sale_reasons) if no_sale else None,
        )

    def _undo(self, place: Place, entry: CashEntry, moment: int) -> CashEntry:
        """The entry that takes another back: the opposite amount, and a reason that names the type."""
        return msgspec.structs.replace(
            entry,
            guid=guid(self._seed, "undo", place.guid, entry.guid),
            kind=UNDONE_BY[entry.kind],
            cents=-entry.cents,
            moment=moment,
            reason=f"Undo {entry.kind.replace('_', ' ').title()}",
            payout_reason=None,
            undoes=entry.guid,
        )

    def _close_outs(self, random: Random, place: Place, ordinal: int, number: int) -> Iterator[CashEntry]:
        """Each drawer is closed out at the end of the day: exact, or with an overage or a shortage."""
        catalog = self._catalog(place)
        for position, drawer in enumerate(catalog.drawers):
            kind, least, most = _close_out(random.random())
            yield CashEntry(
                guid(self._seed, "cash entry", place.guid, ordinal, number + position),
                kind,
                random.randint(least, most),
                place.day_start(ordinal + 1) - int((5 + 40 * random.random()) * MINUTE),
                None,
                drawer,
                random.choice(catalog.servers),
            )

    # --- deposits ---------------------------------------------------------------------------------

    def _first_deposit(self, place: Place, ordinal: int) -> int | None:
        """When the first deposit for a date is made: at the end of the night, next morning, or days late."""
        if not calendar.is_open(self._seed, place, ordinal):
            return None
        random = stream(self._seed, "deposit", place.guid, ordinal)
        end = place.day_start(ordinal + 1)
        luck = random.random()
        if luck < _DEPOSIT_LATE:
            return end + int((1 + (_LATEST_DAYS - 1.5) * random.random()) * DAY)
        if luck < _DEPOSIT_LATE + _DEPOSIT_NEXT_MORNING:
            return end + int((5 + 4 * random.random()) * HOUR)
        return end - int(4 * random.random() * MINUTE) - 1

    def _expected(self, place: Place, ordinal: int, moment: int) -> int:
        counted = (entry for entry in self.entries(place, ordinal, moment) if entry.kind != "CASH_COLLECTED")
        return self._taken(place, ordinal, moment) + sum(entry.cents for entry in counted)

    def _draw_deposits(self, place: Place, ordinal: int, first: int, expected: int) -> tuple[Deposit, ...]:
        random = stream(self._seed, "deposits", place.guid, ordinal)
        staff = self._catalog(place).servers
        who, creator = random.choice(staff), random.choice(staff) if random.random() < 0.8 else None
        if random.random() < _DEPOSIT_OFF:
            expected += random.choice((-1, 1)) * random.randint(5, 900)
        if expected <= 0:
            return ()
        made: list[Deposit] = []

        def deposit(cents: int, minutes: float, undoes: str | None = None) -> Deposit:
            own = guid(self._seed, "deposit", place.guid, ordinal, len(made))
            made.append(Deposit(own, cents, first + int(minutes * MINUTE), who, creator, undoes))
            return made[-1]

        luck = random.random()
        if luck < _DEPOSIT_UNDONE:
            wrong = deposit(expected + random.randint(100, 5_000), 0)
            hours = 10 * random.random()
            deposit(wrong.cents, 60 * hours, wrong.guid)
            deposit(expected, 60 * hours + 2)
        elif luck < _DEPOSIT_UNDONE + _DEPOSIT_SPLIT and expected > 1:
            deposit(expected // 2, 0)
            deposit(expected - expected // 2, 3)
        else:
            deposit(expected, 0)
        return tuple(made)


def _moment(random: Random, place: Place, ordinal: int) -> int:
    """Some time of the business date, or days after it."""
    end = place.day_start(ordinal + 1)
    if random.random() < _LATE:
        return end + int((0.3 + (_LATEST_DAYS - 0.4) * random.random()) * DAY)
    opening = place.local(ordinal, 10)
    return opening + int(random.random() * (end - 50 * MINUTE - opening))


def _close_out(luck: float) -> tuple[str, int, int]:
    for kind, share, least, most in _CLOSE_OUTS:
        if luck < share:
            return kind, least, most
        luck -= share
    kind, _, least, most = _CLOSE_OUTS[0]
    return kind, least, most
