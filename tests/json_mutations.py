"""Replies gone wrong: what can happen to an object of a JSON list, and to the bytes of a whole body.

Everything is drawn from a ``random.Random``, so a seed tells all. ``change_object`` changes values where they stand;
``change_bytes`` changes the body that they are in. Neither carries a text of one field over to another, apart from
GUIDs: guest data that Toast itself put into a field that is loaded would be loaded.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from random import Random
from typing import Any

import msgspec

Container = dict[str, Any] | list[Any]
Place = tuple[Container, Any]


class Beyond(msgspec.Struct):
    """Stands for JSON that cannot be held as a value: it is written as it is."""

    text: bytes


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]", inner: bytes = b"") -> bytes:
    return opening * depth + inner + closing * depth


NUMBERS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1E+1000000", b"1e-400", b"-0", b"-0.0", b"0e50", b"1e28",
    b"1e29", b"99999999999999999999999999999.999999999", b"1234567890123456789012345678901234567890",
    b"-1234567890123456789012345678901234567890", b"0.1234567890123456789012345678901234567891", b"9223372036854775808",
    b"-9223372036854775809", b"18446744073709551616", b"9" * 5000, b"0." + b"1" * 5000, b"01", b"+1", b"1.", b".5",
    b"0x10", b"1_000", b"1,5", b"1.5", b"-3", b"0", b"1e2", b"20261301", b"0", b"-20260220", b"99991231", b"10101",
    b'"NaN"', b'"sNaN"', b'"Infinity"', b'"1.5"', b'"-0"', b'"1e400"', b'" 1"', b'"1,5"', b'"0.0000000005"',
    b'"1e1000000000"', b'"' + b"7" * 40 + b'"', '"١٢"'.encode(), b"2.5e-10", b"12.0000000005",
]  # fmt: skip

DATES = [
    b'"2026-02-20"', b'"2026-02-20T19:00:00"', b'"2026-02-20T19:00:00Z"', b'"2026-02-20T19:00:00.123456789Z"',
    b'"2026-02-20T19:00:00.000+0000"', b'"2026-02-20T19:00:00+25:00"', b'"2026-02-30T19:00:00Z"',
    b'"2026-02-20T25:00:00Z"', b'"2026-02-20T23:59:60Z"', b'"2026-02-20 19:00:00+00:00"', b'"20260220T190000Z"',
    b'"2026-W08-5"', b'"20/02/2026"', b'"Feb 20, 2026"', b'"1771614000"', b"1771614000", b"1771614000000", b'""',
    b'"0000-00-00T00:00:00Z"', b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59.999-14:00"',
    b'"1899-12-31T23:59:59Z"', b'"2200-01-01T00:00:00Z"', b'"1970-01-01T00:00:00.000+0000"',
    b'"-2026-02-20T19:00:00Z"', b'"+12026-02-20T19:00:00Z"', b'"today"', b'"20260220"', b'"20261301"', b'"00010101"',
    b'"99991231"', b'"2026022"', b'"202602200"', '"٢٠٢٦٠٢٢٠"'.encode(), b"20260220.0", b"20260220.5", b"2.026022e7",
    b'"2026-02-20T19:00:00\\u0000Z"', b'"2026-02-20T19:00:00.Z"', b'"24:00"',
]  # fmt: skip

TEXTS = [
    b'""', b'" "', b'"\\u0000"', b'"a\\u0000b"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"\x00"',
    b'"\xff"', b'"\xc3"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"caf\xe9"', b'"\\x41"', b'"\\u12"',
    '"\u2028\u2029\u0085\ufeff"'.encode(), b'"' + b"x" * 129 + b'"', b'"' + b"x" * 20_000 + b'"', b'"\\\\"',
    b'"}"', b'"]"', b'"null"', b"undefined", b"None", b"True", b"nul", b"'x'", b'"\n"',
]  # fmt: skip

SHAPES = [
    b"null", b"true", b"false", b"0", b"[]", b"{}", b"[[]]", b"[{}]", b"[null]", b"[1]", b'["x"]', b'{"0":{}}',
    b'{"guid":null}', b'{"guid":""}', b'{"guid":[]}', b'{"guid":{"guid":"x"}}', b'{"guid":"x"}', b'{"name":1}', b"",
    b",", b"}", b"]", b'{"guid":"x","guid":"y"}', b'[{"guid":"x"},{"guid":"x"}]', b'{"":""}',
]  # fmt: skip

DEPTHS = [30, 200, 990, 1_500, 20_000]


_NAMED = 0.7
_NOT_JSON = 0.1
"""So often a value makes the whole body no JSON, which is found soon: most bodies should get farther."""


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, ValueError):
        return False
    return True


_JSON = {id(pool): [text for text in pool if _is_json(text)] for pool in (NUMBERS, DATES, TEXTS, SHAPES)}


def one_of(random: Random, *pools: list[bytes]) -> Beyond:
    """A text of one of the pools, mostly one that is JSON."""
    pool = random.choice(pools)
    return Beyond(random.choice(pool if random.random() < _NOT_JSON else _JSON[id(pool)]))


def strange_value(random: Random) -> Beyond:
    """Any JSON, or what only looks like it."""
    return one_of(random, NUMBERS, DATES, TEXTS, SHAPES)


def deep_value(random: Random) -> Beyond:
    """Nesting that may be deeper than anything that reads it."""
    depth = random.choice(DEPTHS)
    opening, closing, inner = random.choice(
        [
            (b"[", b"]", b""),
            (b'{"a":', b"}", b"1"),
            (b'[{"guid":"deep","modifiers":', b"}]", b"[]"),
            (b'{"guid":"deep","menuGroups":[', b"]}", b""),
        ]
    )
    return Beyond(nested(depth, opening, closing, inner))


# --- one object --------------------------------------------------------------------------------------


def places(value: Any) -> Iterator[Place]:
    """Every place in some JSON that holds a value: its container, and the key or index there."""
    waiting = [value]
    while waiting:
        container = waiting.pop()
        inside: Any = container.items() if isinstance(container, dict) else enumerate(container)
        for key, item in inside:
            yield container, key
            if isinstance(item, dict | list):
                waiting.append(item)


def change_object(random: Random, whole: dict[str, Any], guids: Sequence[str], names: Collection[str]) -> str:
    """Change one value anywhere in an object, mostly one of a field with one of ``names``; say what was done.

    ``guids`` are those of other objects of the body.
    """
    everywhere = [*places(whole)]
    named = [place for place in everywhere if place[1] in names]
    container, key = random.choice(named if named and random.random() < _NAMED else everywhere)
    name = random.choice([*CHANGES])
    CHANGES[name](random, container, key, guids)
    return name


def _replace(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    container[key] = strange_value(random)


def _retype(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    """The same value as another type: what a sloppy server, or a new version of it, might send."""
    value = container[key]
    match value:
        case bool():
            container[key] = random.choice([str(value).lower(), int(value), [value]])
        case int() | float():
            container[key] = random.choice([str(value), [value], {"value": value}, value != 0, value + 0.5])
        case list():
            container[key] = random.choice([{str(number): item for number, item in enumerate(value)}, {"guid": value}])
        case dict():
            container[key] = random.choice([[value], [*value.values()][:2], {"guid": value}, value.get("guid")])
        case str():
            container[key] = random.choice([[value], {"guid": value}, len(value)])
        case _:
            container[key] = random.choice([0, False, "", [], {}])


def _delete(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    del container[key]


def _null(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    container[key] = None


def _number(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    container[key] = one_of(random, NUMBERS)


def _date(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    container[key] = one_of(random, DATES)


def _text(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    container[key] = one_of(random, TEXTS)


def _deepen(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    container[key] = deep_value(random)


def _empty(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    container[key] = random.choice([[], {}])


def _same_guid(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    """A GUID of another object of the body, in the place of any value, or of the object's own GUID."""
    if isinstance(container, dict) and "guid" in container and random.random() < 0.7:
        key = "guid"
    container[key] = random.choice(guids)


def _twice(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    """An element of a list stands twice in it; a field is written twice, another value first or last."""
    if isinstance(container, list):
        container.insert(key, container[key])
        return
    value = container.pop(key)
    pair = [b'"' + key.encode() + b'":' + encode(one) for one in (value, strange_value(random))]
    random.shuffle(pair)
    rest = encode(container)[1:-1]
    container.clear()
    container["\0raw"] = Beyond(b",".join([*([rest] if rest else []), *pair]))


def _rename(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    """Another spelling of a field's name."""
    if not isinstance(container, dict):
        return _empty(random, container, key, guids)
    snake = re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), key)
    spelling = random.choice([key.upper(), key.lower(), key.capitalize(), snake, key + " ", key + "\0", "", key + "2"])
    container[spelling] = container.pop(key)
    return None


def _unknown(random: Random, container: Container, key: Any, guids: Sequence[str]) -> None:
    """A field that nobody has heard of."""
    if isinstance(container, dict):
        container[random.choice(["tomorrow", "été", "a" * 300, "$ref", "__proto__"])] = random.choice(
            [strange_value, deep_value]
        )(random)
    else:
        container.append(strange_value(random))


Change = Callable[[Random, Container, Any, Sequence[str]], None]

CHANGES: dict[str, Change] = {
    "replaced": _replace,
    "retyped": _retype,
    "deleted": _delete,
    "null": _null,
    "number": _number,
    "date": _date,
    "text": _text,
    "deepened": _deepen,
    "emptied": _empty,
    "same guid": _same_guid,
    "twice": _twice,
    "renamed": _rename,
    "unknown field": _unknown,
}

_raw_field = re.compile(rb'"\\u0000raw":')


def encode(value: Any) -> bytes:
    """JSON of a changed value, with what is beyond JSON in its place."""
    return _raw_field.sub(b"", msgspec.json.encode(_as_raw(value)))


def _as_raw(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_raw(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_raw(item) for item in value]
    return msgspec.Raw(value.text) if isinstance(value, Beyond) else value


# --- the bytes of a body -----------------------------------------------------------------------------


def change_bytes(random: Random, body: bytes) -> tuple[bytes, str]:
    """A body that something happened to on its way, and what that was."""
    name = random.choice([*BYTE_CHANGES])
    return BYTE_CHANGES[name](random, body), name


def _flip(random: Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(random.randint(1, 3)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _structural(random: Random, body: bytes) -> bytes:
    """A bracket, comma, colon or quote turned into another, or lost."""
    spots = [match.start() for match in re.finditer(rb'[][{}",:\\]', body)]
    at = random.choice(spots)
    return body[:at] + random.choice([b"", b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\"]) + body[at + 1 :]


def _lost(random: Random, body: bytes) -> bytes:
    at = random.randrange(len(body))
    return body[:at] + body[at + random.randint(1, 8) :]


def _inserted(random: Random, body: bytes) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + random.randbytes(random.randint(1, 4)) + body[at:]


def _cut(random: Random, body: bytes) -> bytes:
    return body[: random.randrange(len(body))]


def _headless(random: Random, body: bytes) -> bytes:
    return body[random.randrange(1, len(body)) :]


def _encoded(random: Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    wrong = random.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp1252", "utf-7", "cp500"])
    return text.encode(wrong, "replace")


def _wrapped(random: Random, body: bytes) -> bytes:
    return random.choice(
        [
            b'{"data":' + body + b"}",
            b"[" + body + b"]",
            body + body,
            body + b"\n" + body,
            body + b"null",
            b")]}'\n" + body,
            b"callback(" + body + b")",
            body[1:-1],
            gzip.compress(body),
            b" \n" + body + b"\n ",
            body + b"\0",
            b'"' + body.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"',
        ]
    )


def _other(random: Random, body: bytes) -> bytes:
    return random.choice(
        [
            b"",
            b" ",
            b"null",
            b"[]",
            b"{}",
            b"[[]]",
            b"[null]",
            b"0",
            b'""',
            b"<html><body>502 Bad Gateway</body></html>",
            b'{"status":500,"code":1,"message":"oops"}',
            nested(random.choice(DEPTHS)),
            nested(random.choice(DEPTHS), b'{"menus":[', b"]}"),
            random.randbytes(random.randint(1, 200)),
        ]
    )


BYTE_CHANGES: dict[str, Callable[[Random, bytes], bytes]] = {
    "bits flipped": _flip,
    "structure": _structural,
    "bytes lost": _lost,
    "bytes inserted": _inserted,
    "cut": _cut,
    "headless": _headless,
    "encoded": _encoded,
    "wrapped": _wrapped,
    "something else": _other,
}
