"""One path of the API: which requests it answers, and how. Each API's module lists its own."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator.world.places import Place

Handler = Callable[[Request, Place, str], Response]


class Endpoint(msgspec.Struct, frozen=True):
    """``path`` may end in {guid}, which the handler gets (else ""); ``per_second`` is a limit of its own."""

    path: str
    handler: Handler
    per_second: int | None = None

    @property
    def api(self) -> str:
        """The API that the path belongs to, which has rate limits of its own."""
        return self.path.split("/")[1]

    def match(self, path: str) -> str | None:
        """The GUID in a path of this endpoint ("" where there is none to give); None for other paths."""
        if not self.path.endswith("{guid}"):
            return "" if path == self.path else None
        found = re.fullmatch(re.escape(self.path.removesuffix("{guid}")) + "([^/]+)", path)
        return found[1] if found else None
