"""The HTTP side: what is ready in memory, as bytes. Nothing here waits for a database."""

import asyncio
import gzip
from collections.abc import Callable
from functools import lru_cache

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from exporter import landing
from exporter.exposition import OPENMETRICS, TEXT, Format
from exporter.page import Page
from exporter.snapshots import Snapshots

# Compressing a page of this size takes about a millisecond; longer ones leave the event loop.
_LARGE = 50_000


def application(page: Page, snapshots: Snapshots) -> Starlette:
    """The routes: /metrics, a landing page, and the two health checks."""
    compressed: dict[Format, tuple[bytes, bytes]] = {}

    async def metrics(request: Request) -> Response:
        format_ = negotiate(request.headers.get("accept", ""))
        body = page.render(format_)
        headers = {"content-type": format_.content_type, "vary": "accept, accept-encoding"}
        if accepts_gzip(request.headers.get("accept-encoding", "")):
            if compressed.get(format_, (b"",))[0] != body:
                compressed[format_] = (body, await _compress(body))
            body = compressed[format_][1]
            headers["content-encoding"] = "gzip"
        return Response(body, headers=headers)

    async def healthy(request: Request) -> Response:
        del request
        return PlainTextResponse("session-exporter is alive.\n")

    async def ready(request: Request) -> Response:
        del request
        if snapshots.is_ready():
            return PlainTextResponse("session-exporter is ready.\n")
        return PlainTextResponse("Not every source was collected once yet.\n", status_code=503)

    async def root(request: Request) -> Response:
        del request
        return HTMLResponse(landing.render(snapshots))

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/-/healthy", healthy),
            Route("/-/ready", ready),
            Route("/", root),
        ]
    )


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
