"""What all Toast APIs share: the form of their objects, how a list of them is decoded, what may be kept of a bad one.

Field names are Toast's own (camelCase on the wire). What a class does not name is skipped while decoding,
which is what keeps guest data out and new fields harmless. Enumerations are open (Toast may add values
at any time), so they are plain strings. Money is decimal, in currency units; times must say their zone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Generic, TypeVar, final, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from shared.toast_client import UnreadableBody

Instant = Annotated[dt.datetime, Meta(tz=True)]
Guid = Annotated[str, Meta(min_length=1, max_length=128)]


class ToastObject(msgspec.Struct, rename="camel", gc=False):
    """Base of what Toast sends; without cycles, so the garbage collector need not follow it.

    Those marked final are never false, so that ``reference and reference.guid`` is its GUID or None.
    """


@final
class Reference(ToastObject):
    """A pointer to another Toast entity."""

    guid: str | None = None


AnyReference = Reference | str | None
"""A pointer that Toast writes now as an object, now as a bare GUID."""


def guid_of(reference: AnyReference) -> str | None:
    """The GUID that a pointer holds, whichever way Toast wrote it; None for none."""
    return (reference.guid if isinstance(reference, Reference) else reference) or None


class Undecodable(msgspec.Struct, frozen=True):
    """An object that is not what it should be: why, and its JSON without guest data."""

    guid: str
    reason: str
    payload: str


ObjectT = TypeVar("ObjectT", bound=ToastObject)


class Page(msgspec.Struct, Generic[ObjectT], frozen=True):
    """One reply of a list: the objects that could be decoded, in Toast's order, and those that could not."""

    objects: list[ObjectT]
    undecodable: list[Undecodable]

    def __len__(self) -> int:
        """How many objects Toast sent; a walk through pages ends by it."""
        return len(self.objects) + len(self.undecodable)


# What decoding raises for bytes that are not the JSON, or not the shape, that they should be: besides
# msgspec's own error, ValueError for broken UTF-8 and endless digits, RecursionError for endless nesting.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

_parts_decoder = msgspec.json.Decoder(list[msgspec.Raw])


class ListDecoder(Generic[ObjectT]):
    """Decodes replies that are a JSON list of objects of one kind; ``plural`` is what messages call them."""

    __slots__ = ("_kind", "_list", "_one", "_plural")

    def __init__(self, kind: type[ObjectT], plural: str) -> None:
        self._kind = kind
        self._plural = plural
        self._list: msgspec.json.Decoder[list[ObjectT]] = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
        self._one = msgspec.json.Decoder(kind)

    def decode(self, body: bytes) -> Page[ObjectT]:
        """Decode a whole reply.

        One object that is not what it should be costs only itself. Raises UnreadableBody when the body is
        not a JSON list at all: a reply that was cut short, for instance.
        """
        try:
            return Page(self._list.decode(body), [])
        except UNREADABLE:
            return self._decode_one_by_one(body)

    def _decode_one_by_one(self, body: bytes) -> Page[ObjectT]:
        try:
            parts = _parts_decoder.decode(body)
        except UNREADABLE as error:
            raise UnreadableBody(f"not a JSON list of {self._plural}: {error}") from error
        page: Page[ObjectT] = Page([], [])
        for part in parts:
            try:
                page.objects.append(self._one.decode(part))
            except UNREADABLE as error:
                page.undecodable.append(undecodable(bytes(part), str(error), self._kind))
        return page


# --- what may be kept of an object that was rejected ------------------------------------------------


def rejected_object(rejected: ToastObject, reason: str) -> Undecodable:
    """Describe an object that was decoded, and then could not be turned into rows."""
    guid = getattr(rejected, "guid", None) or ""
    try:
        return Undecodable(guid, reason, msgspec.json.encode(rejected).decode())
    except RecursionError:
        return Undecodable(guid, reason, "nested too deeply to be written")


def undecodable(raw: bytes, reason: str, kind: type[ToastObject]) -> Undecodable:
    """Describe an object that could not be decoded as ``kind``, keeping only what would have been loaded of it.

    Naming what may stay, rather than what must go, also keeps out guest data in fields that Toast adds
    tomorrow. Of what is not even JSON only length and hash are kept.
    """
    try:
        content = msgspec.json.decode(raw)
        payload = msgspec.json.encode(_loaded_parts(content, kind, plain=False)).decode()
    except RecursionError:
        return Undecodable("", reason, f"nested too deeply to be read; {len(raw)} bytes")
    except UNREADABLE:
        return Undecodable("", reason, f"not readable; {len(raw)} bytes, SHA-256 {hashlib.sha256(raw).hexdigest()}")
    guid = content.get("guid") if isinstance(content, dict) else None
    return Undecodable(guid if isinstance(guid, str) else "", reason, payload)


def _loaded_parts(value: Any, kind: type[ToastObject] | None, plain: bool) -> Any:
    """What may be kept where an object of ``kind``, a plain value, or either may stand; what should not is named."""
    if isinstance(value, list):
        return [_loaded_parts(item, kind, plain) for item in value]
    if isinstance(value, dict):
        if kind is None:
            return "(an object)"
        fields = fields_of(kind)
        return {name: _loaded_parts(item, *fields[name]) for name, item in value.items() if name in fields}
    return value if plain or value is None else f"(a {type(value).__name__})"


@cache
def fields_of(kind: type[ToastObject]) -> dict[str, tuple[type[ToastObject] | None, bool]]:
    """The fields of a Toast object as Toast names them: which kind of object each holds, and if a plain value may."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.encode_name: _content_of(hints[field.name]) for field in msgspec.structs.fields(kind)}


def _content_of(hint: Any) -> tuple[type[ToastObject] | None, bool]:
    kinds = [leaf for leaf in _leaves(hint) if leaf is not type(None)]
    objects = [kind for kind in kinds if issubclass(kind, ToastObject)]
    return (objects[0] if objects else None), len(objects) < len(kinds)


def _leaves(hint: Any) -> Iterator[type]:
    """The classes that an annotation is made of; the Meta beside them is none."""
    arguments = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    if not arguments:
        yield hint
    for argument in arguments:
        yield from _leaves(argument)
