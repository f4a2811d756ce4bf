"""Toast's error replies: the ErrorMessage body of the developer guide ("Responses and errors")."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import msgspec
from starlette.responses import Response


class ApiError(Exception):
    """A request is refused with an HTTP status and a message.

    ``code`` is Toast's service code. Published are 10003 (unknown path) and few others; 0 stands for the rest.
    """

    def __init__(self, status: int, message: str, code: int = 0, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        super().__init__(message)

    def response(self) -> Response:
        """The reply, with a requestId as Toast's support would ask for."""
        body = {
            "status": self.status,
            "code": self.code,
            "message": str(self),
            "messageKey": None,
            "fieldName": None,
            "link": None,
            "requestId": str(uuid.uuid4()),
            "developerMessage": None,
            "errors": [],
            "canRetry": None,
        }
        return Response(msgspec.json.encode(body), self.status, self.headers, "application/json")


UNKNOWN_PATH = 10003
