"""Adding restaurants to restaurants.toml: at its end, so that its comments and its order stay as they are."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from shared.config import load_tenants
from shared.errors import ConfigurationError
from shared.toast_partners import ListedRestaurant

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(tenant: str, restaurants: Sequence[ListedRestaurant]) -> str:
    """What to write into restaurants.toml. Time zone, closeout hour and first business date are Toast's to tell."""
    key = tenant if _BARE_KEY.fullmatch(tenant) else _text(tenant)
    return "\n".join(
        f"[[tenants.{key}.restaurants]]\nguid = {_text(one.guid)}\nname = {_text(one.name)}\n" for one in restaurants
    )


def add_restaurants(path: Path, tenant: str, restaurants: Sequence[ListedRestaurant]) -> None:
    """Add restaurants to a tenant, all or none. Raises ConfigurationError when the file does not allow it."""
    file = path.resolve()
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            text = stream.read()
        line_end = "\r\n" if "\r\n" in text else "\n"
        added = as_toml(tenant, restaurants).replace("\n", line_end)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".restaurants-") as folder:
            whole = Path(folder, file.name)
            with whole.open("w", encoding="utf-8", newline="") as stream:
                stream.write(text.rstrip() + line_end * 2 + added)
            _check(whole, file, tenant, restaurants)
            shutil.copymode(file, whole)
            whole.replace(file)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the restaurants could not be added ({error.strerror}): add them by hand."
        ) from error


def _check(whole: Path, file: Path, tenant: str, restaurants: Sequence[ListedRestaurant]) -> None:
    """See that the file reads as it did, with the new ones at the end of their tenant."""
    before = load_tenants(file)
    try:
        after = load_tenants(whole)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{file}: the restaurants cannot be added at its end ({str(error).removeprefix(f'{whole}: ')}): add them "
            "by hand."
        ) from None
    old, new = before[tenant].restaurants, after[tenant].restaurants
    same = {name: one for name, one in before.items() if name != tenant} == {
        name: one for name, one in after.items() if name != tenant
    }
    if not same or new[: len(old)] != old or [one.guid for one in new[len(old) :]] != [one.guid for one in restaurants]:
        raise ConfigurationError(f"{file}: the restaurants cannot be added at its end: add them by hand.")


def _text(value: str) -> str:
    """A TOML string. JSON's escapes are TOML's too, but for the one character that JSON leaves as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
