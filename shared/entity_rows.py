"""What the rows of all dimensions share: how a row is finished, and what in it makes a new version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from shared.dimension_tables import Entity
from shared.errors import ObjectRejected
from shared.row_values import ANY_NUMBER, make_row_fit
from shared.toast_objects import ToastObject, Undecodable, rejected_object

EntityT = TypeVar("EntityT", bound=Entity)

_NOT_HASHED = frozenset(Entity.__struct_fields__)
_HASH_CHARACTERS = 32
# More digits before the point than INT64 has; a number of a million digits must not even become an int.
_INT64_DIGITS = 19


def entity_rows(
    candidates: Iterable[tuple[ToastObject, Callable[[], EntityT]]], rejected: list[Undecodable]
) -> list[EntityT]:
    """The rows of objects, each given with what makes its row: fit for their columns, and hashed as stored.

    A GUID that comes again adds nothing: the first that can be a row is its row. What cannot is added to
    ``rejected``, and the others go on.
    """
    rows: dict[str, EntityT] = {}
    for candidate, make_row in candidates:
        try:
            row = make_row()
            if row.guid not in rows:
                make_row_fit(row)
                row.row_hash = row_hash(row)
                rows[row.guid] = row
        except ObjectRejected as rejection:
            rejected.append(rejected_object(candidate, rejection.reason))
    return list(rows.values())


def row_hash(entity: Entity) -> str:
    """A hash of an entity's attributes, the same for equal values however they are written.

    Numbers count by value (1 is 1.00), NULL is not the empty text, and each value goes with its column, so
    that none can be taken for another's. A column that is NULL adds nothing: one that is new changes no hash
    until it is filled.
    """
    attributes = {
        name: _canonical(value)
        for name in sorted(entity.__struct_fields__)
        if name not in _NOT_HASHED and (value := getattr(entity, name)) is not None
    }
    return hashlib.sha256(msgspec.json.encode(attributes)).hexdigest()[:_HASH_CHARACTERS]


def _canonical(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    return f"{value.normalize(ANY_NUMBER):f}" if value else "0"


# --- values as Toast writes them ---------------------------------------------------------------------


def text(value: str | int | None) -> str | None:
    """A code as text; Toast may write one of digits as a number."""
    return str(value) if isinstance(value, int) else value


def whole(field: str, value: Decimal | None) -> int | None:
    """A whole number, also one written as 30.0. Raises ObjectRejected for any other, naming Toast's ``field``."""
    if value is None:
        return None
    if value.is_finite() and (not value or value.adjusted() < _INT64_DIGITS):
        count = int(value)
        if count == value:
            return count
    raise ObjectRejected(f"{field} {str(value)[:40]} is not a whole number")
