"""The HTTP application: /metrics, the status page and the health checks.

No request waits for a database: every answer is made from snapshots in memory.
"""

from collections.abc import Iterator
from functools import lru_cache

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from exporter.clock import Clock
from exporter.daemon.app import Exporter
from exporter.daemon.status_page import status_page
from exporter.metrics.exposition import OPENMETRICS, TEXT, Format

#: Characters of a header that are looked at: Prometheus sends some 400, and time grows with them.
_READ = 2000


def application(exporter: Exporter, clock: Clock) -> Starlette:
    """The ASGI application of one config."""
    page, snapshots = exporter.page, exporter.snapshots

    async def metrics(request: Request) -> Response:
        format_ = negotiate(request.headers.get("accept", "")[:_READ])
        is_compressed = accepts_gzip(request.headers.get("accept-encoding", "")[:_READ])
        headers = {"content-type": format_, "vary": "accept, accept-encoding"}
        if is_compressed:
            headers["content-encoding"] = "gzip"
        return Response(await page.rendered(format_, gzip=is_compressed), headers=headers)

    @lru_cache(maxsize=1)
    def status_of(second: int) -> str:
        """Made once a second: with a thousand sources that takes some milliseconds."""
        return status_page(snapshots.states, exporter.recoveries(), second)

    async def status(_request: Request) -> Response:
        return HTMLResponse(status_of(int(clock.monotonic())))

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("session-exporter is alive.\n")

    async def ready(_request: Request) -> Response:
        if snapshots.is_ready():
            return PlainTextResponse("session-exporter is ready.\n")
        return PlainTextResponse(
            "Not ready: some sources have not been collected yet.\n", status_code=503
        )

    app = Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/", status),
            Route("/-/healthy", healthy),
            Route("/-/ready", ready),
        ],
        exception_handlers={405: _not_allowed},
    )
    # It would send /metrics/ to whatever host the request names.
    app.router.redirect_slashes = False
    return app


async def _not_allowed(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse(
        "Method not allowed; use GET.\n", status_code=405, headers={"allow": "GET, HEAD"}
    )


@lru_cache(maxsize=64)
def negotiate(accept: str) -> Format:
    """The format that the Accept header prefers (RFC 9110, 12.5.1); plain text where none is.

    A version of OpenMetrics other than 1.0.0 is not served, and a request for it gets plain text.
    """
    quality = {TEXT: 0.0, OPENMETRICS: 0.0}
    for media, values, q in _choices(accept):
        version = values.get("version", "").strip('"')
        if media == "application/openmetrics-text" and version in {"", "1.0.0"}:
            quality[OPENMETRICS] = max(quality[OPENMETRICS], q)
        elif media == "text/plain" and version in {"", "0.0.4"}:
            quality[TEXT] = max(quality[TEXT], q)
    return OPENMETRICS if quality[OPENMETRICS] > quality[TEXT] else TEXT


@lru_cache(maxsize=64)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the Accept-Encoding header allows gzip (RFC 9110, 12.5.3), by name or by `*`."""
    quality = {coding.removeprefix("x-"): q for coding, _, q in _choices(accept_encoding)}
    return quality.get("gzip", quality.get("*", 0.0)) > 0


def _choices(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Each choice of an Accept header: its name, its parameters and its quality."""
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        values = dict(p.split("=", 1) for p in parameters if "=" in p)
        yield name, values, _quality(values.get("q", "1"))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
