"""The ASGI application: sends a request to the API or to /_simulator/, dates the reply, cuts connections."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from toast_simulator.api import Api, Cut
from toast_simulator.control import Control
from toast_simulator.state import Simulator

TRANSPORT, CLOSED = "toast_simulator.transport", "toast_simulator.closed"
"""Keys of a request's ``extensions``: its connection, and the event that says the connection has ended."""


class App:
    """Answers HTTP requests. Every reply carries the simulated Date."""

    def __init__(self, simulator: Simulator) -> None:
        self._clock = simulator.clock
        self._api = Api(simulator)
        self._control = Control(simulator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = (b"date", self._clock.http_date().encode())
                message = {**message, "headers": [*message["headers"], date]}
            await send(message)

        request = Request(scope, receive)
        answer = self._control.answer if request.url.path.startswith("/_simulator/") else self._api.answer
        try:
            response = await answer(request)
        except Cut as cut:
            await _cut(scope, dated, cut.response)
        else:
            await response(scope, receive, dated)


async def _cut(scope: Scope, send: Send, response: Response | None) -> None:
    """End the connection: at once, or after half of the body that was announced."""
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]
    closed: asyncio.Event = scope["extensions"][CLOSED]
    if response is None:
        transport.abort()
    else:
        body = bytes(response.body)
        head = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        await send(head)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        transport.close()
    # uvicorn would mend an unfinished reply with a 500 of its own while the connection is still open.
    await closed.wait()
