"""Checks passwords, if the web config has users, and decides whether details are shown."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter import logs
from exporter.daemon.http.access import SEES_DETAILS, Details
from exporter.daemon.http.connections import PASSWORD, HttpConnections
from exporter.daemon.http.passwords import Passwords, TooManyChecks
from exporter.daemon.http.peer import PEER, is_outdated
from exporter.daemon.http.web_config import WebConfig

#: The probes of Kubernetes, which have no password.
WITHOUT_PASSWORD = {"/-/healthy", "/-/ready"}

_UNAUTHORIZED = PlainTextResponse(
    "Unauthorized; send a user name and its password.\n",
    status_code=401,
    headers={"www-authenticate": 'Basic realm="session-exporter", charset="UTF-8"'},
)
_TOO_MANY = PlainTextResponse(
    "Too many passwords to check; try again later.\n", status_code=429, headers={"retry-after": "1"}
)


class AccessControl:
    """The application behind passwords; its errors are logged, and not shown."""

    def __init__(
        self, app: ASGIApp, *, details: Details, web: WebConfig, http: HttpConnections
    ) -> None:
        self._app = app
        self._details = details
        self._web = web
        self._http = http
        self._passwords = Passwords()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        users, peer = self._web.current.users, scope.get(PEER)
        if is_outdated(peer, self._web.current.tls):
            send = _and_close(send)
        asks_password = bool(users) and scope["path"] not in WITHOUT_PASSWORD
        if asks_password and (refusal := await self._refusal(scope)):
            await refusal(scope, receive, send)
            return
        is_known = asks_password or (peer is not None and peer.has_certificate)
        scope[SEES_DETAILS] = self._details is Details.EVERYONE or (
            self._details is Details.AUTHENTICATED and is_known
        )
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - a bug, of which the client was told nothing
            logs.bug("http_failed", error, path=scope["path"])

    async def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        client = scope["client"][0] if scope.get("client") else ""
        refusal = _UNAUTHORIZED
        try:
            if await self._passwords.are_right(self._web.current.users, given, client):
                return None
        except TooManyChecks:
            refusal = _TOO_MANY
        self._http.reject(PASSWORD, client)
        return refusal


def _and_close(send: Send) -> Send:
    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            message = {**message, "headers": headers}
        await send(message)

    return send_last
