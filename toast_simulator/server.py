"""Runs the application on a socket, with uvicorn."""

from __future__ import annotations

import asyncio
import os
import socket
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from toast_simulator.app import CLOSED, TRANSPORT, App


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol; it lets the application reach the connection, to cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember that the connection is open."""
        self._closed = asyncio.Event()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember that the connection has ended."""
        super().connection_lost(exc)
        self._closed.set()

    def on_message_begin(self) -> None:
        """Give the request's scope a way to its connection."""
        super().on_message_begin()
        self.scope["extensions"] = {
            TRANSPORT: self.transport,  # type: ignore[dict-item]
            CLOSED: self._closed,  # type: ignore[dict-item]
        }


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where it serves once it does."""
        await super().startup(sockets)
        if sockets:
            host, port = sockets[0].getsockname()[:2]
            print(f"toast_simulator serving http://{host}:{port}", flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End at once: there is nothing to save, and a test's requests must not hold the process."""
        os._exit(0)


def serve(app: App, host: str, port: int) -> None:
    """Serve until a signal ends the process. Raises OSError when the port cannot be had."""
    listener = socket.create_server((host, port), backlog=512)
    config = uvicorn.Config(
        app,
        http=Protocol,
        lifespan="off",
        log_level="warning",
        access_log=False,
        date_header=False,
        server_header=False,
        # A pooled connection that a client takes up again must still be there: only faults cut connections.
        timeout_keep_alive=120,
    )
    _Server(config).run(sockets=[listener])
