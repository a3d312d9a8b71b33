"""The status page of values that a test gives, on a port of its own."""

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporter.daemon.pages.overview.values import Overview
from exporter.daemon.pages.status.assets import serve_asset
from exporter.daemon.pages.status.serving import StatusPage


class StatusServer:
    """Serves `overview`, which a test may replace, from entering to leaving its `with` block."""

    def __init__(
        self,
        overview: Overview,
        thresholds: Mapping[str, float | None] | None = None,
        *,
        port: int = 0,
    ) -> None:
        self.overview = overview
        self.port = port
        self._thresholds = thresholds or {}

    def __enter__(self) -> Self:
        self._server = uvicorn.Server(
            uvicorn.Config(self._application(), port=self.port, log_config=None, lifespan="off")
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()))
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (sock,) = self._server.servers[0].sockets
        self.port = sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def _application(self) -> Starlette:
        async def current(*, details: bool) -> Overview:
            assert details
            return self.overview

        page = StatusPage(current, lambda: self._thresholds)

        async def status(request: Request) -> Response:
            return await page.serve(request, details=True, gzip=False)

        assets = Route("/assets/{version}/{name}", serve_asset)
        return Starlette(routes=[Route("/", status), assets])
