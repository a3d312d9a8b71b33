"""The HTTP application: /metrics, the status page, the health checks and the reload.

No request waits for a database: every answer is made from snapshots in memory.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from functools import lru_cache

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from exporter.daemon.app import Exporter
from exporter.daemon.http.access import sees_details
from exporter.daemon.pages.api.endpoints import api_error, api_route, is_of_api
from exporter.daemon.pages.overview.current import Overviews
from exporter.daemon.pages.runbooks import serve_runbook
from exporter.daemon.pages.status.assets import serve_asset
from exporter.daemon.pages.status.serving import StatusPage
from exporter.metrics.exposition import OPENMETRICS, TEXT, Format

#: Characters of a header that are looked at: Prometheus sends some 400, and time grows with them.
_READ = 2000

_NO_LIFECYCLE = (
    "Reloading over HTTP is not enabled: start with --web.enable-lifecycle, or send SIGHUP.\n"
)
_REJECTED = (
    "The config file was rejected, the previous config stays in use; the log has the problems.\n"
)

#: RFC 9110, 12.4.2. Python would also read nan, inf, 1_0 and other digits.
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def application(
    current: Callable[[], Exporter], *, reload: Callable[[], Awaitable[bool]] | None = None
) -> Starlette:
    """The ASGI application, which serves the exporter of the config that is in use.

    `reload` reads the config again, and returns whether it is in use; None: HTTP may not ask it to.
    """
    overviews = Overviews(current)

    def thresholds() -> dict[str, float | None]:
        sources = current().config.all_sources
        return {name: each.fixed_threshold for name, each in sources.items()}

    status_page = StatusPage(overviews.current, thresholds)

    async def metrics(request: Request) -> Response:
        format_ = negotiate(request.headers.get("accept", "")[:_READ])
        is_compressed = accepts_gzip(request.headers.get("accept-encoding", "")[:_READ])
        headers = {"content-type": format_, "vary": "accept, accept-encoding"}
        if is_compressed:
            headers["content-encoding"] = "gzip"
        page = current().page
        return Response(await page.rendered(format_, gzip=is_compressed), headers=headers)

    async def status(request: Request) -> Response:
        is_compressed = accepts_gzip(request.headers.get("accept-encoding", "")[:_READ])
        return await status_page.serve(request, details=sees_details(request), gzip=is_compressed)

    async def a_runbook(request: Request) -> Response:
        return await serve_runbook(request, current().command_prefix)

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("session-exporter is alive.\n")

    async def ready(_request: Request) -> Response:
        if current().snapshots.is_ready():
            return PlainTextResponse("session-exporter is ready.\n")
        return PlainTextResponse(
            "Not ready: some sources have not been collected yet.\n", status_code=503
        )

    async def read_again(request: Request) -> Response:
        if request.method not in {"POST", "PUT"}:
            headers = {"allow": "POST, PUT"}
            return PlainTextResponse("Method not allowed; use POST.\n", 405, headers)
        if reload is None:
            return PlainTextResponse(_NO_LIFECYCLE, 403)
        if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            # A browser sends it for a page of a stranger, with the password that it has stored.
            return PlainTextResponse("A request from another site may not reload.\n", 403)
        if await reload():
            return PlainTextResponse("The config was read again and is in use.\n")
        return PlainTextResponse(_REJECTED, 500)

    app = Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/", status),
            Route("/assets/{version}/{name}", serve_asset),
            Route("/runbooks/{name}.md", a_runbook),
            Route("/-/healthy", healthy),
            Route("/-/ready", ready),
            Route("/-/reload", read_again, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
            api_route(overviews, lambda: current().config),
        ],
        exception_handlers={404: _not_found, 405: _not_allowed, HTTPException: _api_error},
    )
    # It would send /metrics/ to whatever host the request names.
    app.router.redirect_slashes = False
    return app


async def _not_found(request: Request, error: Exception) -> Response:
    if is_of_api(request):
        return await _api_error(request, error)
    return PlainTextResponse("Not Found", status_code=404)


async def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is the handler of these
    return api_error(error.status_code, error.detail, error.headers)


async def _not_allowed(request: Request, _error: Exception) -> Response:
    if is_of_api(request):
        return api_error(405, "method not allowed; use GET", {"allow": "GET, HEAD"})
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
    """A weight, at most 1 with three decimals; what is none is not wanted."""
    return float(text) if _WEIGHT.fullmatch(text.strip()) else 0.0
