"""Mutated replies of Toast, read as the functions read them, and what must hold for each.

``Campaign(seed).run(count)`` sends so many bodies through Toast's client, the extraction and the encoding of rows, and
counts what came of them. Between a body and its rows everything is real but the network, the clock and the load job.

What must hold of every body, by ``Checks``:

- it is read, or Toast's client says that it is not whole; nothing else is ever raised;
- the objects that it lists are rows, or rejected with a reason, or repeat the GUID of one that is;
- rows are lines that BigQuery takes, in rows and rejects nothing is of a guest, and reading twice gives the same;
- an object that the mutation left as it was has the rows that it had before;
- a changed object that became rows has a row for each of its parts, and their numbers add up to its numbers;
- a listing of which something could not be read is not complete.

What a body lists is told by Python's own json, which shares nothing with what is tested.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import cache
from random import Random
from typing import Any

import json_mutations
import msgspec
import requests
import schema_checker
from real_payloads import DAY, GUEST, Payloads, real_payloads
from requests.adapters import BaseAdapter

from shared.business_days import business_date_of
from shared.cash_extraction import read_cash
from shared.cash_tables import CASH_RECORDS
from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.dimension_rows import LISTINGS
from shared.dimension_tables import Entity
from shared.errors import ConfigurationError, ToastUnavailable
from shared.families import Family
from shared.labor_extraction import read_time_entries
from shared.labor_tables import LABOR
from shared.listing_extraction import read_listing
from shared.listing_units import ListingUnit
from shared.order_extraction import read_orders
from shared.order_tables import ORDERS
from shared.run_tables import ETL_REJECTS, RejectRow
from shared.secrets_utils import Credentials
from shared.spool import encode_rows
from shared.tables import Row, columns_of
from shared.toast_client import ToastClient, Usage
from shared.toast_endpoints import CASH_DEPOSITS, CASH_ENTRIES, MENUS_METADATA, ORDERS_BULK, TIME_ENTRIES
from shared.toast_objects import ToastObject, Undecodable
from shared.units import DayUnit, Unit

RESTAURANT = Restaurant(guid="a47275cb-634e-427c-bbd3-3e5d17997d4e", name="One", tenant="purpose")
HOURS = TradingHours("America/New_York", 4)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
READ_AT = dt.datetime(2026, 3, 12, 12, tzinfo=dt.UTC)
EXACT = Context(prec=20_000)

Json = Any


# --- reading a body as a function does ---------------------------------------------------------------


class OneBody(BaseAdapter):
    """The network behind requests: a Toast that answers logins and, whatever else is asked, with one body."""

    def __init__(self) -> None:
        super().__init__()
        self.body = b""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, request.url or ""
        response.headers["Date"] = "Thu, 12 Mar 2026 12:00:00 GMT"
        response.headers["Link"] = '<https://toast.example/>; rel="last"'  # there is no next page
        body = self.body
        if "/login" in response.url:
            body = b'{"token": {"accessToken": "token", "expiresIn": 86400}}'
        elif response.url.endswith(MENUS_METADATA.path):
            body = b'{"lastUpdated": "2026-03-11T09:00:00.000+0000"}'
        response._content = body
        return response

    def close(self) -> None:
        """Nothing is open."""


class Kept:
    """Takes what an extraction hands to a load, in place of the staging table."""

    def __init__(self, family: Family | None) -> None:
        self.family = family
        self.lines: list[Row] = []

    def add(self, rows: Sequence[Row]) -> None:
        self.lines.extend(rows)


class Reading(msgspec.Struct):
    """What became of a body: lines of a staging table, and rejects; or that it is not whole."""

    lines: list[Row]
    rejects: list[Undecodable]
    unreadable: str | None = None

    def written(self) -> tuple[bytes, list[Undecodable], str | None]:
        return encode_rows(self.lines), self.rejects, self.unreadable


class Reader:
    """One endpoint with the extraction that reads it, and which rows its objects become."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.listing = LISTINGS.get(name)
        self.family = {"orders": ORDERS, "timeEntries": LABOR}.get(name)
        self.network = OneBody()
        self.time = 0.0
        session = requests.Session()
        session.mount("https://", self.network)
        credentials = Credentials("id", "secret", source="a test")
        self.toast = ToastClient(
            "https://toast.example",
            credentials,
            session=session,
            monotonic=lambda: self.time,
            sleep=self._sleep,
            patience=0.0,
        )
        self.toast.now()

    def _sleep(self, seconds: float) -> None:
        self.time += seconds

    def read(self, body: bytes) -> Reading:
        """Raises whatever the extraction raises but ToastUnavailable, which says that a body is not whole."""
        self.network.body = body
        self.time += 1.0
        unit, kept = self._unit(), Kept(self.family)
        try:
            self._extract(unit, kept)
        except ToastUnavailable as error:
            return Reading([], [], str(error))
        for line in kept.lines:
            if hasattr(line, "read_at"):
                line.read_at = READ_AT  # the clock has gone on since another reading of the same body
        return Reading(kept.lines, unit.rejects)

    def _unit(self) -> Unit:
        if self.listing:
            return ListingUnit(
                restaurant=RESTAURANT,
                usage=Usage(),
                endpoint=self.listing.endpoint.name,
                listing=self.listing,
                contacts=False,
            )
        endpoint = {
            "orders": ORDERS_BULK,
            "timeEntries": TIME_ENTRIES,
            "entries": CASH_ENTRIES,
            "deposits": CASH_DEPOSITS,
        }
        return DayUnit(
            restaurant=RESTAURANT,
            usage=Usage(),
            endpoint=endpoint[self.name].name,
            hours=HOURS,
            first_business_date=None,
            business_date=DAY,
        )

    def _extract(self, unit: Any, kept: Any) -> None:
        extract: Callable[..., None] = {
            "orders": read_orders,
            "timeEntries": read_time_entries,
            "entries": read_cash,
            "deposits": read_cash,
        }.get(self.name, read_listing)
        extract(self.toast, unit, kept, self.time + 60.0)

    def hours(self, body: bytes) -> TradingHours | None:
        """The hours that a restaurant trades at, by Toast's reply about it; None if that does not tell."""
        self.network.body = body
        self.time += 1.0
        try:
            info = self.toast.restaurant(RESTAURANT.guid, usage=Usage(), deadline=self.time + 60.0)
        except (ToastUnavailable, ConfigurationError):
            return None
        return TradingHours(info.timezone, info.closeout_hour)

    def rows(self, lines: Iterable[Row]) -> list[tuple[str, str, Row]]:
        """The rows that objects of the body became: which dimension or table, the object's GUID, and the row."""
        if self.family:
            return [(self.name, getattr(line, self.family.guid), line) for line in lines]
        if not self.listing:
            table = CASH_RECORDS[self.name]
            return [(self.name, getattr(row, table.key[0]), row) for line in lines for row in getattr(line, self.name)]
        records = self.listing.records
        return [(record, row.guid, row) for line in lines for record in records for row in getattr(line, record)]


# --- what a body lists, without the code that is tested ----------------------------------------------


class Repeated(dict):
    """A JSON object in which a name stands more than once; the last one counts, as everywhere."""


def _object(pairs: list[tuple[str, Json]]) -> Json:
    made = dict(pairs)
    return made if len(made) == len(pairs) else Repeated(made)


def parsed(body: bytes) -> Json:
    """The JSON of a body, with Decimals, read as leniently as can be. Raises ValueError or RecursionError."""
    text = body.decode("utf-8", "replace")
    return json.loads(text, parse_float=Decimal, parse_int=_int, object_pairs_hook=_object, strict=False)


def _int(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < 4000 else Decimal(digits)


def fingerprint(value: Json) -> str:
    """A text that tells any two values of ``parsed`` apart, also 1, 1.0 and true."""
    return repr(value)


def has_repeats(value: Json) -> bool:
    """Whether a name stands twice somewhere in it."""
    if isinstance(value, dict):
        return isinstance(value, Repeated) or any(map(has_repeats, value.values()))
    return isinstance(value, list) and any(map(has_repeats, value))


class Listed(msgspec.Struct):
    """An object of a body: under which record it would be a row, its GUID if it has one, its JSON."""

    record: str
    guid: str | None
    content: Json
    below: bool = False
    """Whether it hangs below another object, with which it may be lost."""


def objects_of(name: str, content: Json) -> list[Listed]:
    """The objects that a parsed body lists. Raises TypeError for one that is no listing of this name."""
    if name == "menus":
        return [*_menu_objects(content)]
    listed = [content] if name in ("restaurants", "tipWithholding") else content
    if not isinstance(listed, list):
        raise TypeError(f"{name}: no list")
    record = LISTINGS[name].records[0] if name in LISTINGS else name
    return [Listed(record, _guid_of(name, one), one) for one in listed]


def _guid_of(name: str, one: Json) -> str | None:
    guid = one.get("guid") if isinstance(one, dict) else None
    if name == "restaurants" or (name == "tipWithholding" and isinstance(one, dict) and guid is None):
        return RESTAURANT.guid
    return guid if isinstance(guid, str) else None


def _menu_objects(content: Json) -> Iterator[Listed]:
    if not isinstance(content, dict) or not isinstance(content.get("menus"), list):
        raise TypeError("menus: no object with a list of menus")
    waiting = [("menus", one, False) for one in content["menus"]]
    for field, record in (("modifierGroupReferences", "modifier_groups"), ("modifierOptionReferences", "menu_items")):
        numbered = content.get(field) or {}
        if not isinstance(numbered, dict):
            raise TypeError(f"{field}: no object")
        waiting += [(record, one, False) for one in numbered.values()]
    while waiting:
        record, one, below = waiting.pop()
        yield Listed(record, _guid_of("menus", one), one, below)
        for field, kind in (("menuGroups", "menu_groups"), ("menuItems", "menu_items")):
            inner = one.get(field) if isinstance(one, dict) and record in ("menus", "menu_groups") else None
            if isinstance(inner, list) and (kind == "menu_groups" or record == "menu_groups"):
                waiting += [(kind, part, True) for part in inner]


# --- parts and numbers of an object ------------------------------------------------------------------

# Where the numbers of a row come from: column and Toast's field, by record of a line ("" is the line itself).
NUMBERS = {
    "orders": {
        "items": {"item_quantity": "quantity", "pre_discount_price": "preDiscountPrice", "item_price": "price"}
        | {"tax_amount": "tax"},
        "checks": {"amount": "amount", "tax_amount": "taxAmount", "total_amount": "totalAmount"},
        "payments": {"amount": "amount", "tip_amount": "tipAmount", "amount_tendered": "amountTendered"}
        | {"processing_fee": "originalProcessingFee"},
        "discounts": {"discount_amount": "discountAmount", "non_tax_discount_amount": "nonTaxDiscountAmount"},
        "service_charges": {"charge_amount": "chargeAmount"},
        "taxes": {"tax_rate": "rate", "tax_amount": "taxAmount"},
    },
    "timeEntries": {
        "": {
            "regular_hours": "regularHours",
            "overtime_hours": "overtimeHours",
            "hourly_wage": "hourlyWage",
            "declared_cash_tips": "declaredCashTips",
            "non_cash_tips": "nonCashTips",
            "tips_withheld": "tipsWithheld",
            "cash_sales": "cashSales",
            "non_cash_sales": "nonCashSales",
        },
        "breaks": {},
    },
    "entries": {"": {"amount": "amount"}},
    "deposits": {"": {"amount": "amount"}},
    "discounts": {"": {"percentage": "percentage", "amount": "amount", "fixed_total": "fixedTotal"}},
    "serviceCharges": {"": {"amount": "amount", "percent": "percent"}},
    "taxRates": {"": {"tax_rate": "rate"}},
    "jobs": {"": {"default_wage": "defaultWage"}},
}


def parts_of(name: str, content: Json) -> dict[str, list[Json]]:
    """The parts of an object, by the record of the staging line in which each should be a row."""
    parts: dict[str, list[Json]] = {record: [] for record in NUMBERS.get(name, {})}
    if "" in parts:
        parts[""] = [content]
    if name == "timeEntries":
        parts["breaks"] = content.get("breaks") or []
    if name == "orders":
        for check in content.get("checks") or []:
            _take_apart(check, parts)
    return parts


def _take_apart(check: Json, parts: dict[str, list[Json]]) -> None:
    charges = check.get("appliedServiceCharges") or []
    selections, waiting = [], [*(check.get("selections") or [])]
    while waiting:
        selections.append(selection := waiting.pop())
        waiting += selection.get("modifiers") or []
    parts["checks"].append(check)
    parts["items"] += selections
    parts["payments"] += check.get("payments") or []
    parts["service_charges"] += charges
    for holder in (check, *selections):
        parts["discounts"] += holder.get("appliedDiscounts") or []
    for holder in (*selections, *charges):
        parts["taxes"] += holder.get("appliedTaxes") or []


def number(value: Json) -> Decimal:
    """A number of an object as its column holds it: nine decimals, half away from zero; nothing counts as 0."""
    if value is None:
        return Decimal(0)
    return Decimal(str(value)).quantize(Decimal("1E-9"), ROUND_HALF_UP, EXACT)


# --- what must hold ----------------------------------------------------------------------------------


class Broken(AssertionError):
    """A body for which something that must hold does not."""


class Checks:
    """What must hold for the bodies of one endpoint."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._before: dict[tuple[str, str], tuple[str, bytes]] = {}

    def learn(self, body: bytes) -> None:
        """Read a body that nothing happened to: all its objects must become rows, which they are held to later."""
        reading = self.reader.read(body)
        require(reading.unreadable is None and not reading.rejects, f"a real body was not read: {reading}")
        rows = {(record, guid): encode_rows([row]) for record, guid, row in self.reader.rows(reading.lines)}
        for one in objects_of(self.reader.name, parsed(body)):
            require((one.record, one.guid) in rows, f"{one.record} {one.guid} became no row")
            self._before[one.record, one.guid or ""] = (fingerprint(one.content), rows[one.record, one.guid or ""])
        self.hold(body)

    def hold(self, body: bytes) -> Reading:
        """Read a body, and raise Broken for what does not hold of what came of it."""
        reading = self.reader.read(body)
        require(reading.written() == self.reader.read(body).written(), "reading it twice gives two results")
        self._takes_bigquery(reading)
        self._names_no_guest(reading)
        if reading.unreadable is None:
            self._loses_nothing(body, reading)
        if self.reader.name == "restaurants":
            self._tells_hours(body)
        return reading

    def _tells_hours(self, body: bytes) -> None:
        """Every function first asks Toast about the restaurant: it trades at some hours, or fails alone."""
        hours = self.reader.hours(body)
        require(hours is None or hours.start(DAY) < hours.end(DAY), "a restaurant has no business day")

    def _takes_bigquery(self, reading: Reading) -> None:
        written = encode_rows(reading.lines)
        require(written.count(b"\n") == len(reading.lines), "a row is not one line")
        for row, line in zip(reading.lines, written.splitlines(), strict=True):
            found = schema_checker.problems(json.loads(line), _columns(type(row)))
            require(not found, f"BigQuery would refuse it: {found}")
        for reject in reading.rejects:
            require(bool(reject.reason), "a reject has no reason")
            date = business_date_of(reject)
            row = RejectRow("run", reject.guid, "x", RESTAURANT.guid, date, DAY, reject.reason, reject.payload)
            found = schema_checker.problems(json.loads(encode_rows([row])), ETL_REJECTS.columns)
            require(not found, f"BigQuery would refuse the reject: {found}")
            require(date is None or HOURS.end(date) > EPOCH, "a reject's day has no end")

    def _names_no_guest(self, reading: Reading) -> None:
        told = [encode_rows(reading.lines).decode(), reading.unreadable or ""]
        told += [reject.guid + reject.reason + reject.payload for reject in reading.rejects]
        require(not any(GUEST in text for text in told), "guest data was kept")

    def _loses_nothing(self, body: bytes, reading: Reading) -> None:
        rows = self.reader.rows(reading.lines)
        try:
            listed = objects_of(self.reader.name, parsed(body))
        except (ValueError, RecursionError, TypeError) as error:
            self._loses_nothing_beyond_json(body, rows, reading, error)
            return
        self._counts(listed, rows, reading)
        guids = Counter((one.record, one.guid) for one in listed)
        by_guid: dict[tuple[str, str], list[Row]] = {}
        for record, guid, row in rows:
            by_guid.setdefault((record, guid), []).append(row)
        for one in listed:
            if one.guid is not None and guids[one.record, one.guid] == 1:
                self._is_right(one, by_guid.get((one.record, one.guid), []), reading)
        if self.reader.listing:
            require(
                all(line.is_complete is not bool(reading.rejects) for line in reading.lines),
                "a listing of which something is missing is called complete, or the other way round",
            )

    def _loses_nothing_beyond_json(
        self, body: bytes, rows: list[tuple[str, str, Row]], reading: Reading, error: Exception
    ) -> None:
        """What Python's json cannot read is hardly read at all: the whole is rejected, or its parts are counted."""
        if self.reader.name in ("menus", "restaurants", "tipWithholding"):
            require(bool(reading.rejects) or isinstance(error, RecursionError), f"read, but it is no JSON: {error}")
            return
        parts = msgspec.json.decode(body, type=list[msgspec.Raw])
        require(len(rows) + len(reading.rejects) <= len(parts), "more came out than went in")
        require(bool(rows or reading.rejects) or not parts, "everything was dropped")

    def _counts(self, listed: list[Listed], rows: list[tuple[str, str, Row]], reading: Reading) -> None:
        """Every object is a row or rejected, but for those that repeat a GUID, or hang below a rejected one."""
        surplus = len(listed) - len({(one.record, one.guid) for one in listed if one.guid is not None})
        surplus -= sum(one.guid is None for one in listed)
        lost = len(listed) - len(rows) - len(reading.rejects)
        if self.reader.name == "menus":
            surplus = len(listed)  # rejects are told once for several places; each object is looked for below
            rejected = bool(reading.rejects)
            found = {(record, guid) for record, guid, _ in rows}
            missing = [one for one in listed if (one.record, one.guid) not in found]
            require(rejected or not missing, f"dropped without a word: {missing[:1]!r:.300}")
        require(lost <= surplus, f"{lost} of {len(listed)} are neither rows nor rejects, {surplus} repeat a GUID")
        require(lost >= 0 or self.reader.name == "menus", "more came out than went in")
        told = {guid for _, guid, _ in rows} | {reject.guid for reject in reading.rejects}
        if self.reader.name in ("restaurants", "tipWithholding") and reading.rejects:
            told.add(RESTAURANT.guid)  # its row goes by the GUID that was asked for, its reject by its own
        silent = {one.guid for one in listed if one.guid is not None and not one.below} - told
        unnamed = [reject for reject in reading.rejects if not reject.guid]
        require(len(silent) <= len(unnamed), f"neither a row nor a reject has the GUIDs {[*silent][:3]!r:.200}")

    def _is_right(self, one: Listed, rows: list[Row], reading: Reading) -> None:
        """A row of an object is what it was, or says what the changed object says."""
        require(len(rows) <= 1, f"{one.guid} is {len(rows)} rows")
        printed, row_before = self._before.get((one.record, one.guid or ""), ("", b""))
        untouched = fingerprint(one.content) == printed and not has_repeats(one.content)
        if untouched and self.reader.name != "menus":
            require(bool(rows), f"{one.guid} was left as it was, and is no row: {reading.rejects!r:.500}")
        if untouched and rows and one.record not in ("menu_items", "menu_groups"):
            require(encode_rows(rows) == row_before, f"{one.guid} was left as it was, and its row is another")
        if rows and isinstance(one.content, dict):
            self._adds_up(one.content, rows[0])
            if isinstance(rows[0], Entity) and hasattr(rows[0], "name"):
                named = one.content.get("general", one.content)  # a restaurant's name is one of its settings
                require(rows[0].name == named.get("name"), f"{one.guid} has another's name")

    def _adds_up(self, content: Json, row: Row) -> None:
        name = self.reader.name
        for record, parts in parts_of(name, content).items():
            children = getattr(row, record) if record else [row]
            require(len(children) == len(parts), f"{len(parts)} parts became {len(children)} {record}")
            for column, field in NUMBERS[name][record].items():
                with localcontext(EXACT):
                    sent = sum(number(part.get(field)) for part in parts)
                    kept = sum(getattr(child, column) or 0 for child in children)
                require(sent == kept, f"{record} {column}: {sent} was sent, {kept} is kept")


def require(holds: bool, problem: str) -> None:
    if not holds:
        raise Broken(problem)


@cache
def _columns(row: type[Row]) -> Any:
    return columns_of(row)


# --- the campaign ------------------------------------------------------------------------------------

# How often an endpoint is drawn; configuration shares what is left.
WEIGHTS = {"orders": 30, "timeEntries": 15, "entries": 10, "deposits": 5, "menus": 8, "restaurants": 4}
_BYTES = 0.25  # so many of the bodies are changed as bytes


class Report(msgspec.Struct):
    """What became of the mutated bodies of a campaign."""

    seed: int
    bodies: int = 0
    unreadable: int = 0
    rows: int = 0
    rejects: Counter[str] = msgspec.field(default_factory=Counter)
    mutations: Counter[str] = msgspec.field(default_factory=Counter)
    failures: list[str] = msgspec.field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {self.bodies} mutated bodies; {self.unreadable} not whole, the others became "
            f"{self.rows} objects loaded and {self.rejects.total()} rejected",
            *(f"  {count:7} {reason}" for reason, count in self.rejects.most_common(40)),
            "mutations: " + ", ".join(f"{name} {count}" for name, count in self.mutations.most_common()),
        ]
        return "\n".join([*lines, *self.failures])


class Campaign:
    """Draws bodies, mutates each and holds it to the checks; a seed gives the same ones again."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._payloads: Payloads = real_payloads(seed)
        self._checks = {name: Checks(Reader(name)) for name in self._payloads}
        for name, objects in self._payloads.items():
            for body in objects if name in SINGLE else [_page(objects)]:
                self._checks[name].learn(body)
        self.report = Report(seed)

    def run(self, count: int, most_failures: int = 20) -> Report:
        """Mutate so many bodies; stop early when so many have failed."""
        names = [*self._payloads]
        weights = [WEIGHTS.get(name, 2) for name in names]
        for _ in range(count):
            (name,) = self._random.choices(names, weights)
            self._one(name)
            if len(self.report.failures) >= most_failures:
                break
        return self.report

    def _one(self, name: str) -> None:
        report = self.report
        body, mutations = self._mutated(name)
        report.bodies += 1
        report.mutations.update(mutations)
        try:
            reading = self._checks[name].hold(body)
        except Exception as error:
            report.failures.append(f"{name}, {mutations}: {type(error).__name__}: {error}\n    {body!r:.6000}")
            return
        report.unreadable += reading.unreadable is not None
        report.rows += len(self._checks[name].reader.rows(reading.lines))
        report.rejects.update(reason_class(reject.reason) for reject in reading.rejects)

    def _mutated(self, name: str) -> tuple[bytes, list[str]]:
        random, objects = self._random, self._payloads[name]
        chosen = random.sample(objects, 1 if name in SINGLE else min(len(objects), random.randint(1, 4)))
        mutations = []
        if random.random() < _BYTES:
            body, mutation = json_mutations.change_bytes(random, chosen[0] if name in SINGLE else _page(chosen))
            return body, [mutation]
        at = random.randrange(len(chosen))
        whole = msgspec.json.decode(chosen[at])
        guids = [*re.findall(r'"guid":"([^"]+)"', b"".join(chosen).decode())] or ["x"]
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            if not whole:
                break
            mutations.append(json_mutations.change_object(random, whole, guids, _names()))
        chosen[at] = json_mutations.encode(whole)
        return (chosen[0] if name in SINGLE else _page(chosen)), mutations


@cache
def _names() -> frozenset[str]:
    """The names of all fields that are read of any object."""
    kinds, waiting = set[type[ToastObject]](), [ToastObject]
    while waiting:
        found = waiting.pop().__subclasses__()
        kinds.update(found)
        waiting += found
    return frozenset(field.encode_name for kind in kinds for field in msgspec.structs.fields(kind))


SINGLE = ("menus", "restaurants", "tipWithholding")
"""Endpoints whose reply is one object."""


def _page(objects: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(objects) + b"]"


def reason_class(reason: str) -> str:
    """A reason without what is particular to one object."""
    known = re.sub(r" - at `.*", "", reason)
    known = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|SHA-256 \w+", "…", known)
    known = re.sub(r"\(byte \d+\)|\d[\d.eE+:T-]*", "#", known)
    return known[:80]
