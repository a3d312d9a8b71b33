"""Serves under a path: `--web.route-prefix`, or the path of `--web.external-url`."""

import re
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from exporter.errors import UsageError

#: The characters of a path that need no escapes (RFC 3986, 3.3).
_PATH = r"(/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9._~!$&'()*+,;=:@-]*)*"


def route_prefix(external_url: str | None, prefix: str | None) -> str:
    """Return the path before all others, or nothing, as Prometheus does; raises UsageError."""
    path = "" if external_url is None else _path_of(external_url)
    if prefix is None:
        return path
    given = f"/{prefix.strip('/')}".rstrip("/")
    if not re.fullmatch(_PATH, given):
        raise UsageError(f"--web.route-prefix: expected a path such as /sessions, got {prefix!r}")
    return given


def _path_of(url: str) -> str:
    expected = "--web.external-url: expected a URL such as https://example.com/sessions/"
    try:
        parts = urlsplit(url)
        has_server = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_server = False
    if not has_server or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
        raise UsageError(f"{expected}, got {url!r}")
    path = parts.path.rstrip("/")
    if not re.fullmatch(_PATH, path):
        raise UsageError(f"{expected}, with a path in plain characters, got {url!r}")
    return path


class RoutePrefix:
    """The application under a path; other paths are not found, and `/` redirects to it."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, prefix = scope["path"], self._prefix
        if path.startswith(f"{prefix}/"):
            scope["path"] = path.removeprefix(prefix)
            scope["raw_path"] = scope["path"].encode()
            await self._app(scope, receive, send)
        elif path in {"/", prefix}:
            # Relative, so that it is right behind a proxy, and leads to no other host.
            target = prefix[1:] if path == "/" else prefix.rpartition("/")[2]
            await RedirectResponse(f"./{target}/", status_code=302)(scope, receive, send)
        else:
            await PlainTextResponse("Not Found", status_code=404)(scope, receive, send)
