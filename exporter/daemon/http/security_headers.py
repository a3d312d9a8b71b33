"""The headers of each answer: browsers load and run nothing from other origins."""

from collections.abc import Mapping, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.daemon.http.web_config import WebConfig

HEADERS = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


class SecurityHeaders:
    """The application with these headers, unless an answer or the file overrides them."""

    def __init__(self, app: ASGIApp, web: WebConfig) -> None:
        self._app = app
        self._web = web
        self._configured: Mapping[bytes, bytes] | None = None
        self._added = HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._merged(message.get("headers", ()))
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _merged(self, given: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        configured = self._web.current.headers
        if configured is not self._configured:
            self._configured, self._added = configured, {**HEADERS, **configured}
        added = self._added
        if not any(name in added for name, _ in given):  # as of each scrape
            return [*given, *added.items()]
        names = {name for name, _ in given} - configured.keys()
        kept = (each for each in given if each[0] not in configured)
        return [*kept, *(each for each in added.items() if each[0] not in names)]
