"""Requests that no function can do anything with, each with the reply that it must get.

``draw`` makes one for a function from a ``random.Random``; ``BROKEN`` makes bytes on a connection that a broken or
hostile client may send: nothing in them is a call that could be done.
"""

from __future__ import annotations

import datetime as dt
import json
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any, NamedTuple

import json_mutations
from functions import RESTAURANTS, InProcess, Reply

from shared.request_body import MAX_BODY_BYTES, MAX_PROBLEMS

FUNCTIONS = ("orders_daily", "cash_daily", "labor_daily", "config_weekly")
DATED = FUNCTIONS[:3]
FIELDS = ("restaurant_guid", "start_date", "end_date", "mode", "tenant")
GUID = RESTAURANTS[0].guid
MISSING = object()


class Malformed(NamedTuple):
    """A request, the status that it must get, and the fields that the reply must name (None: any)."""

    kind: str
    body: bytes
    status: int
    fields: frozenset[str] | None = None
    method: str = "POST"
    path: str = "/"
    content_type: str = "application/json"

    def send(self, function: InProcess) -> Reply:
        wsgi_path = {"PATH_INFO": self.path.encode("utf-8", "surrogatepass").decode("latin-1")}
        return function.request(
            self.method, data=self.body, content_type=self.content_type, environ_overrides=wsgi_path
        )

    def assert_refused_by(self, function: InProcess) -> None:
        """Send it, and make sure that the reply is the problem that it should be."""
        reply = self.send(function)
        if self.method == "HEAD":
            assert (reply.status, reply.text) == (405, "")
            return
        problem = reply.is_problem(self.status)
        assert problem["type"] == "about:blank"
        assert ("errors" in problem) == (self.status == 400)
        if self.status == 405:
            assert reply.headers["Allow"] == "POST"
        if self.fields is not None:
            named = set(problem["errors"])
            assert named == self.fields if len(self.fields) <= MAX_PROBLEMS else named < self.fields, problem
            assert len(named) <= MAX_PROBLEMS


def draw(random: Random, function: str) -> Malformed:
    """A request for a function that it must refuse."""
    kind = random.choice([*KINDS])
    return KINDS[kind](random, function)._replace(kind=kind, content_type=random.choice(_CONTENT_TYPES))


_CONTENT_TYPES = [
    *["application/json"] * 4,
    "application/json; charset=utf-16",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "",
    "é/\\",
]


# --- method, path, size ------------------------------------------------------------------------------


def _method(random: Random, function: str) -> Malformed:
    known = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]
    made_up = "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ-_", k=random.randint(1, 30)))
    return Malformed("", _any_body(random), 405, method=random.choice([*known, *known, made_up + "X"]))


def _path(random: Random, function: str) -> Malformed:
    parts = ["admin", "..", "%00", "é", "🎉", "orders_daily", ".env", "\udc80", "a" * 500, "~", ";x=1", "{}", " ", "\t"]
    path = "/" + "/".join(random.choices(parts, k=random.randint(1, 4)))
    return Malformed("", _any_body(random), 404, method=random.choice(["POST", "GET", "DELETE"]), path=path)


def _too_large(random: Random, function: str) -> Malformed:
    size = MAX_BODY_BYTES + random.choice([1, 1, 2, 100, 10_000, MAX_BODY_BYTES, 20 * MAX_BODY_BYTES])
    body = random.choice([b" " * size, b"[" * size, b'{"tenant": "purpose"}' + b" " * size])
    return Malformed("", body[: max(size, MAX_BODY_BYTES + 1)], 413)


def _nearly_too_large(random: Random, function: str) -> Malformed:
    """As large as may be, and refused for what it holds."""
    size = MAX_BODY_BYTES - random.choice([0, 0, 1, 2, 100])
    match random.randrange(4):
        case 0:
            return _no_json(b" " * size)
        case 1:
            return _no_json(b"[" * size)
        case 2:
            return _refused(b"[]".rjust(size), "body")
        case _:
            name = "x" * (size - len('{"":1}'))
            return _refused(f'{{"{name}":1}}'.encode(), name)


def _any_body(random: Random) -> bytes:
    return random.choice([b"", b"{}", b"null", b"[" * 1000, random.randbytes(random.randint(1, 50))])


# --- what is no JSON object --------------------------------------------------------------------------


def _refused(body: bytes, *fields: str) -> Malformed:
    return Malformed("", body, 400, frozenset(fields))


def _no_json(body: bytes) -> Malformed:
    return _refused(body, "body")


_GOOD = json.dumps({"restaurant_guid": GUID, "tenant": "purpose"}).encode()
_ACCENTS = '{"tenant": "Zoë"}'


def _not_json(random: Random, function: str) -> Malformed:
    return _no_json(
        random.choice(
            [
                b"",
                b" \n\t",
                b"\0",
                _GOOD[: random.randrange(1, len(_GOOD))],
                _GOOD[random.randrange(1, len(_GOOD)) :],
                _GOOD + random.choice([b"}", b",", b"x", _GOOD, b"\0", b"//"]),
                _GOOD.replace(b'"', b"'"),
                _GOOD.replace(b":", random.choice([b"=", b"", b"::"]), 1),
                _GOOD[:-1] + b",}",
                b"restaurant_guid=" + GUID.encode(),
                b"/* all */ {}",
                b"\xef\xbb\xbf" + _GOOD,
                _ACCENTS.encode(random.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp500"])),
                b'{"tenant": "'
                + random.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\\ud800", b"\x01", b"\\x"])
                + b'"}',
                b'{"\xff": 1}',
                b'{"tenant": ' + random.choice([b"NaN", b"Infinity", b"01", b"1.", b"+1", b"0x1", b"undefined"]) + b"}",
                b'{"tenant": ' + b"9" * random.choice([5_000, 60_000]) + b"}",
                b'{"more": ' + json_mutations.nested(random.choice([1_500, 20_000])) + b"}",
                json_mutations.nested(random.choice([1_500, 20_000])),
                json_mutations.nested(5_000, b'{"tenant":', b"}", b"1"),
                b"{1: 2}",
                b"{null: 2}",
                b'--x\r\nContent-Disposition: form-data; name="tenant"\r\n\r\npurpose\r\n--x--\r\n',
                b"%7B%7D",
                b"<xml/>",
            ]
        )
    )


def _not_an_object(random: Random, function: str) -> Malformed:
    value = random.choice([None, True, False, 0, -1, 1.5, 10**30, "", "ALL", GUID, [], [{}], [GUID], [[[]]], "{}"])
    return _refused(json.dumps(value).encode(), "body")


# --- wrong fields ------------------------------------------------------------------------------------

_NOT_TEXT: list[Any] = [0, -1, 1.5, 10**40, 1e300, True, False, [], {}, ["ALL"], {"guid": GUID}, [None], 20260216]
_WRONG: dict[str, list[Any]] = {
    "restaurant_guid": [
        *("", " ", "all", "All", "ALL ", "x", "null", "*", GUID + "0", GUID[:-1], GUID[1:], " " + GUID, GUID + "\n"),
        *(GUID + "\0", GUID.replace("4", "g"), GUID + "," + GUID, GUID.replace("-", "_"), "../" + GUID, "😀" * 32),
        *("' OR 1=1 --", "a" * 10_000, GUID.replace("-", "–")),
    ],
    "start_date": [
        *("", " ", "x", "today", "20260216", "2026-2-16", "2026-02-16T00:00:00", "2026-02-16Z", " 2026-02-16"),
        *("2026-02-16 ", "2026-02-16\n", "2026-02-30", "2026-13-01", "2026-00-10", "0000-01-01", "2026-W08-1"),
        *("2026-047", "16.02.2026", "02/16/2026", "-2026-02-16", "+2026-02-16", "12026-02-16", "2011-12-31"),
        *("0001-01-01", "٢٠٢٦-02-16", "2026‑02‑16", "2026-02-16\0", "2" * 10_000),
    ],
    "mode": [
        "",
        " ",
        "Modified",
        "MODIFIED",
        "modified ",
        "business-date",
        "businessDate",
        "day",
        "full",
        "x" * 10_000,
    ],
    "tenant": [""],
}
_WRONG["end_date"] = _WRONG["start_date"]


def _wrong_value(random: Random, field: str) -> Any:
    return random.choice([*_WRONG[field], *_NOT_TEXT])


def _wrong_fields(random: Random, function: str) -> Malformed:
    """Some fields wrong, the others right or left out."""
    wrong = set(random.sample(FIELDS, random.randint(1, len(FIELDS))))
    body: dict[str, Any] = {field: _wrong_value(random, field) for field in wrong}
    right = {"restaurant_guid": GUID, "tenant": "purpose", "mode": "business_date"}
    body |= {field: right[field] for field in random.sample([*right], 2) if field not in wrong}
    named = set(wrong)
    dates = {"start_date", "end_date"}
    if len(wrong & dates) == 1:
        (other,) = dates - wrong
        match random.choice(["right", "null", "left out"]):
            case "right":
                body[other] = "2026-02-16"
            case "null":
                body[other] = None
        if body.get(other) is None and function in DATED:
            named.add(other)
    if function not in DATED:
        named |= {field for field in ("start_date", "end_date", "mode") if body.get(field) is not None}
    return _refused(_written(random, body), *named)


def _dates(random: Random, function: str) -> Malformed:
    """Dates that are dates, and make no range."""
    start = dt.date(2012, 1, 1) + dt.timedelta(days=random.randrange(5_000))
    match random.choice(["one", "backwards", "long", "endless"]):
        case "one":
            given, missing = random.sample(["start_date", "end_date"], 2)
            body, named = {given: str(start)}, {missing}
        case "backwards":
            end = start - dt.timedelta(days=random.choice([1, 2, 31, 400]))
            end = max(end, dt.date(2012, 1, 1))
            body = {"start_date": str(start + dt.timedelta(days=1)), "end_date": str(end)}
            named = {"end_date"}
        case "long":
            end = start + dt.timedelta(days=random.choice([31, 32, 365, 5_000]))
            body, named = {"start_date": str(start), "end_date": str(end)}, {"end_date"}
        case _:
            body, named = {"start_date": "2012-01-01", "end_date": "9999-12-31"}, {"end_date"}
    if function not in DATED:
        named = set(body)
    return _refused(_written(random, body), *named)


def _mode_of_another(random: Random, function: str) -> Malformed:
    """What other functions take and this one does not."""
    if function == "cash_daily":
        return _refused(_written(random, {"mode": "modified"}), "mode")
    if function == "config_weekly":
        body = {"mode": "modified", "start_date": "2026-02-16", "end_date": "2026-02-16"}
        kept = random.sample([*body], random.randint(1, 3))
        return _refused(_written(random, {name: body[name] for name in kept}), *kept)
    return _refused(_written(random, {"mode": "current"}), "mode")


def _unknown_fields(random: Random, function: str) -> Malformed:
    names = ["restaurant", "Restaurant_guid", "restaurant_guid ", "startDate", "", "dry_run", "\0", "été", "x" * 1_000]
    many = [f"field {number}" for number in range(random.choice([0, 0, 5, 40]))]
    chosen = {*random.sample(names, random.randint(1, 4)), *many}
    return _refused(_written(random, dict.fromkeys(chosen, random.choice([None, 1, {}, GUID]))), *chosen)


def _field_twice(random: Random, function: str) -> Malformed:
    """Of a field that stands twice the last one counts."""
    field = random.choice(["restaurant_guid", "tenant"])
    first = random.choice([_wrong_value(random, field), "purpose" if field == "tenant" else GUID])
    body = f'{{"{field}": {json.dumps(first)}, "{field}": {json.dumps(_wrong_value(random, field))}}}'
    return _refused(body.encode(), field)


def _unknown_restaurant(random: Random, function: str) -> Malformed:
    guid = str(uuid.UUID(int=random.getrandbits(128)))
    form = random.choice([guid, guid.upper(), guid.replace("-", ""), "{" + guid + "}", "urn:uuid:" + guid])
    return Malformed("", _written(random, {"restaurant_guid": form}), 404)


def _unknown_tenant(random: Random, function: str) -> Malformed:
    name = random.choice(["elsewhere", "Purpose", "purpose ", " ", "\0", "😀", "x" * 5_000, "../purpose", "__proto__"])
    return Malformed("", _written(random, {"tenant": name, "restaurant_guid": random.choice(["ALL", GUID])}), 404)


def _written(random: Random, body: dict[str, Any]) -> bytes:
    items = [*body.items()]
    random.shuffle(items)
    text = json.dumps(dict(items), ensure_ascii=random.random() < 0.5, indent=random.choice([None, None, 2]))
    return random.choice(["", " ", "\r\n\t"]).encode() + text.encode()


KINDS: dict[str, Callable[[Random, str], Malformed]] = {
    "method": _method,
    "path": _path,
    "too large": _too_large,
    "nearly too large": _nearly_too_large,
    "no JSON": _not_json,
    "no object": _not_an_object,
    "wrong fields": _wrong_fields,
    "dates": _dates,
    "mode": _mode_of_another,
    "unknown fields": _unknown_fields,
    "field twice": _field_twice,
    "unknown restaurant": _unknown_restaurant,
    "unknown tenant": _unknown_tenant,
}


# --- nothing may be done -----------------------------------------------------------------------------


class Untouched:
    """A host that nobody may connect to, in the place of Toast and BigQuery."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"

    def assert_untouched(self) -> None:
        try:
            connection, _ = self._server.accept()
        except BlockingIOError:
            return
        connection.close()
        raise AssertionError("a request that must be refused reached Toast or BigQuery")


@contextmanager
def untouched_host() -> Iterator[Untouched]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        server.setblocking(False)
        yield Untouched(server)


# --- broken framing ----------------------------------------------------------------------------------

_HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
_WRONG_BODY = b'{"tenant": 5}'
_PLAIN = _HEAD + b"Content-Length: %d\r\n\r\n" % len(_WRONG_BODY) + _WRONG_BODY


REFUSED = frozenset({*range(400, 500), 100, 501, 505})
"""What may be answered to broken bytes, if anything; 100 only asks to go on."""


def _length(text: bytes) -> bytes:
    return _HEAD + b"Content-Length: " + text + b"\r\n\r\n" + _WRONG_BODY


def _chunked(body: bytes) -> bytes:
    return _HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body


def _headed(lines: bytes, start: bytes = _HEAD) -> bytes:
    return start + lines + b"Content-Length: 2\r\n\r\n[]"


_LENGTHS_OF_NOTHING = [b"-1", b"+13", b"0x0d", b"13.0", b"1 3", b"", "١٣".encode(), b"13, 13"]
_VERSIONS = [b"HTTP/9.9", b"HTTP/x", b"XTTP/1.1", b"HTTP/2.0"]
_ONE_CHUNK = b"d\r\n" + _WRONG_BODY + b"\r\n0\r\n\r\n"
_CHUNK_SIZES = [b"x\r\n", b"-1\r\n", b"\r\n", b"ffffffffffffffffff\r\n"]

BROKEN: dict[str, Callable[[Random], bytes]] = {
    "length too long": lambda random: _length(random.choice([b"14", b"4000", b"65536", b"99999999999999999999"])),
    "length too short": lambda random: _length(random.choice([b"0", b"1", b"12"])),
    "length of nothing": lambda random: _length(random.choice(_LENGTHS_OF_NOTHING)),
    "two lengths": lambda random: _length(b"13\r\nContent-Length: " + random.choice([b"12", b"14", b"0", b"x"])),
    "length and chunks": lambda random: (
        _HEAD + b"Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n" + _ONE_CHUNK
    ),
    "chunk cut off": lambda random: _chunked(_ONE_CHUNK[: random.randrange(len(_ONE_CHUNK) - 2)]),
    "chunk of no size": lambda random: _chunked(random.choice(_CHUNK_SIZES) + _WRONG_BODY),
    "chunk too long": lambda random: _chunked(b"3\r\n" + _WRONG_BODY + b"\r\n0\r\n\r\n"),
    "large chunks": lambda random: _chunked(b"10001\r\n" + b" " * 0x10001 + b"\r\n0\r\n\r\n"),
    "no transfer coding": lambda random: _HEAD + b"Transfer-Encoding: nonsense\r\n\r\n" + _WRONG_BODY,
    "garbage": lambda random: random.randbytes(random.randint(1, 500)),
    "garbage after": lambda random: _PLAIN + random.randbytes(random.randint(1, 200)),
    "pipelined": lambda random: _PLAIN * random.randint(2, 5) + b"GET",
    "no version": lambda random: b"POST /\r\n\r\n",
    "wrong version": lambda random: _PLAIN.replace(b"HTTP/1.1", random.choice(_VERSIONS)),
    "header without end": lambda random: _HEAD + b"X: y",
    "header without colon": lambda random: _headed(b"nonsense\r\n"),
    "header with a line break": lambda random: _headed(b"X: a\r\n b\r\n"),
    "header with zeros": lambda random: _headed(b"X\0: \0\r\n"),
    "huge header": lambda random: _headed(b"X: " + b"a" * 100_000 + b"\r\n"),
    "many headers": lambda random: _headed(b"".join(b"X%d: y\r\n" % number for number in range(500))),
    "huge path": lambda random: _headed(b"", b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\n"),
    "no path": lambda random: _headed(b"", b"POST  HTTP/1.1\r\n"),
    "absolute path": lambda random: _headed(b"", b"POST http://elsewhere.example/x HTTP/1.1\r\n"),
    "TLS": lambda random: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(200),
    "HTTP/2": lambda random: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + random.randbytes(30),
    "expect": lambda random: _HEAD + b"Expect: 100-continue\r\nContent-Length: 13\r\n\r\n",
    "nothing": lambda random: b"",
}


def exchange(url: str, sent: bytes, *, abrupt: bool) -> bytes:
    """Send bytes on a connection of their own, and say that there are no more; what comes back until it closes.

    ``abrupt``: close it at once, without waiting for an answer.
    """
    host, port = url.removeprefix("http://").split(":")
    received = b""
    address, closed = (host, int(port)), (ConnectionResetError, BrokenPipeError)
    with suppress(*closed), socket.create_connection(address, timeout=20) as connection:
        connection.sendall(sent)
        if not abrupt:
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                received += more
    return received


def statuses(received: bytes) -> list[int]:
    """The statuses of the replies in what came back."""
    lines = [line for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.")]
    return [int(line.split()[1]) for line in lines]
