"""One path of the API: which requests it answers, and how. Each API's module lists its own."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from toast_simulator.world.places import Place

Handler = Callable[[Request, Place, str], Response]

_VARIABLE = "{guid}"


class Endpoint(msgspec.Struct, frozen=True):
    """``path`` may hold {guid}, which the handler gets (else ""); ``per_second`` is a limit of its own.

    One with ``for_all`` in place of a handler is about no restaurant in particular, and needs no restaurant header.
    """

    path: str
    handler: Handler | None = None
    per_second: int | None = None
    for_all: Callable[[Request], Response] | None = None

    @property
    def api(self) -> str:
        """The API that the path belongs to, which has rate limits of its own."""
        return self.path.split("/")[1]

    def match(self, path: str) -> str | None:
        """The GUID in a path of this endpoint ("" where there is none to give); None for other paths."""
        before, variable, after = self.path.partition(_VARIABLE)
        if not variable:
            return "" if path == before else None
        if not path.startswith(before) or not path.endswith(after) or len(path) <= len(before) + len(after):
            return None
        guid = path[len(before) : len(path) - len(after)]
        return None if "/" in guid else guid

    def answer(self, request: Request, place: Place | None, guid: str) -> Response:
        """The endpoint's reply; ``place`` is None only for one that is for all restaurants."""
        if self.handler is not None and place is not None:
            return self.handler(request, place, guid)
        if self.for_all is not None:
            return self.for_all(request)
        raise LookupError(f"nothing answers {self.path}")
