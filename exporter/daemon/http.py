"""The HTTP side: what is ready in memory, as bytes. Nothing here waits for a database."""

import asyncio
import gzip
from collections.abc import Callable
from functools import lru_cache

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from exporter.clock import Clock
from exporter.collection.snapshots import Snapshots
from exporter.daemon import status_page
from exporter.daemon.metrics_page import Page
from exporter.metrics.exposition import OPENMETRICS, TEXT, Format

# Compressing a page of this size takes about a millisecond; longer ones leave the event loop.
_LARGE = 50_000


class Application:
    """The ASGI application: /metrics, a landing page, and the two health checks.

    /metrics is answered before any routing: it is what is asked for all the time, and its answer is
    ready.
    """

    def __init__(self, page: Page, snapshots: Snapshots, clock: Clock) -> None:
        self._page = page
        self._clock = clock
        self._snapshots = snapshots
        self._compressed: dict[Format, tuple[bytes, bytes]] = {}
        self._others = Starlette(
            routes=[
                Route("/metrics", _not_allowed, methods=["POST", "PUT", "PATCH", "DELETE"]),
                Route("/-/healthy", self._healthy),
                Route("/-/ready", self._ready),
                Route("/", self._root),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_scrape = scope.get("path") == "/metrics" and scope.get("method") in {"GET", "HEAD"}
        await (self._metrics(scope, send) if is_scrape else self._others(scope, receive, send))

    async def _metrics(self, scope: Scope, send: Send) -> None:
        asked = dict(scope["headers"])
        format_ = negotiate(asked.get(b"accept", b"").decode("latin-1"))
        body = await self._page.rendered(format_)
        headers = [
            (b"content-type", format_.content_type.encode()),
            (b"vary", b"accept, accept-encoding"),
        ]
        if accepts_gzip(asked.get(b"accept-encoding", b"").decode("latin-1")):
            body = await self._gzipped(format_, body)
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _gzipped(self, format_: Format, body: bytes) -> bytes:
        """Compress a page once, however often it is asked for."""
        known = self._compressed.get(format_)
        if known is None or known[0] is not body:
            known = self._compressed[format_] = (body, await _compress(body))
        return known[1]

    async def _healthy(self, request: Request) -> Response:
        del request
        return PlainTextResponse("session-exporter is alive.\n")

    async def _ready(self, request: Request) -> Response:
        del request
        if self._snapshots.is_ready():
            return PlainTextResponse("session-exporter is ready.\n")
        return PlainTextResponse("Not every source was collected once yet.\n", status_code=503)

    async def _root(self, request: Request) -> Response:
        del request
        return HTMLResponse(status_page.render(self._snapshots, self._clock.monotonic()))


async def _not_allowed(request: Request) -> Response:
    del request
    return PlainTextResponse("GET it.\n", status_code=405, headers={"allow": "GET, HEAD"})


async def _compress(body: bytes) -> bytes:
    compress: Callable[[bytes], bytes] = lambda data: gzip.compress(data, 4, mtime=0)  # noqa: E731
    return await asyncio.to_thread(compress, body) if len(body) > _LARGE else compress(body)


@lru_cache(maxsize=64)
def negotiate(accept: str) -> Format:
    """Choose the format by the Accept header (RFC 9110, 12.5.1); plain text unless asked better.

    Only what we serve is ever announced: another OpenMetrics version than 1.0.0 gets plain text.
    """
    quality = {TEXT: 0.0, OPENMETRICS: 0.0}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        values = dict(p.split("=", 1) for p in parameters if "=" in p)
        q = _quality(values.get("q", "1"))
        version = values.get("version", "").strip('"')
        if media == "application/openmetrics-text" and version in {"", "1.0.0"}:
            quality[OPENMETRICS] = max(quality[OPENMETRICS], q)
        elif media == "text/plain" and version in {"", "0.0.4"}:
            quality[TEXT] = max(quality[TEXT], q)
    return OPENMETRICS if quality[OPENMETRICS] > quality[TEXT] else TEXT


@lru_cache(maxsize=64)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the Accept-Encoding header takes gzip (RFC 9110, 12.5.3): named, or else by *."""
    quality = {}
    for part in accept_encoding.split(","):
        coding, *parameters = (piece.strip().lower() for piece in part.split(";"))
        values = dict(p.split("=", 1) for p in parameters if "=" in p)
        quality[coding.removeprefix("x-")] = _quality(values.get("q", "1"))
    return quality.get("gzip", quality.get("*", 0.0)) > 0


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
