"""Four endpoints, and for each a page that lists what its store holds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ENDPOINTS = ("session", "start", "respond", "end")
PREFIX = "/api/roleplay"
DEFAULT = "default"  # the id as the application was found: it knew one role play


@dataclass(slots=True)
class RolePlay:
    """One role play. Times are Unix timestamps."""

    id: str
    created_at: float
    last_message_at: float
    messages: int = 0

    @property
    def item(self) -> dict[str, str | int]:
        """What is listed of it."""
        return {
            "id": self.id,
            "messages": self.messages,
            "createdAt": _iso(self.created_at),
            "lastMessageAt": _iso(self.last_message_at),
        }


Store = dict[str, RolePlay]


class RolePlayApi:
    """The state behind the endpoints.

    `shared=False` is the application as it was found: each endpoint imported a store of its own,
    so that respond and end never found what start had begun, and no error said so.
    """

    def __init__(self, *, shared: bool = True, clock: Callable[[], float] = time.time) -> None:
        one = Store()
        self.stores = {name: one if shared else Store() for name in ENDPOINTS}
        self._clock = clock

    def share(self) -> None:
        """Let all endpoints use the store in which start writes, as the repaired application."""
        self.stores = dict.fromkeys(ENDPOINTS, self.stores["start"])

    def split(self) -> None:
        """Give each endpoint a store of its own; what is in use stays in each."""
        self.stores = {name: Store(self.stores[name]) for name in ENDPOINTS}

    def app(self) -> Starlette:
        """The endpoints as an ASGI application."""
        return Starlette(
            routes=[
                Route(f"{PREFIX}/session", self._session),
                Route(f"{PREFIX}/start", self._start, methods=["POST"]),
                Route(f"{PREFIX}/respond", self._respond, methods=["POST"]),
                Route(f"{PREFIX}/end", self._end, methods=["POST"]),
                Route(f"{PREFIX}/{{endpoint}}/live", self._live),
            ],
            exception_handlers={ClientDisconnect: _hung_up},
        )

    async def _session(self, request: Request) -> JSONResponse:
        play = self.stores["session"].get(request.query_params.get("id", DEFAULT))
        return JSONResponse({"active": play is not None, "session": play and play.item})

    async def _start(self, request: Request) -> JSONResponse:
        now = self._clock()
        play = RolePlay(await _id_in(request), now, now)
        self.stores["start"][play.id] = play
        return JSONResponse({"success": True, "session": play.item})

    async def _respond(self, request: Request) -> JSONResponse:
        play = self.stores["respond"].get(await _id_in(request))
        if play is None:
            return JSONResponse({"error": "no active session"}, 404)
        play.messages += 1
        play.last_message_at = self._clock()
        return JSONResponse({"reply": "And what would that cost me?", "session": play.item})

    async def _end(self, request: Request) -> JSONResponse:
        play = self.stores["end"].pop(await _id_in(request), None)
        if play is None:
            return JSONResponse({"error": "no session found"}, 404)
        return JSONResponse({"success": True, "session": play.item})

    async def _live(self, request: Request) -> JSONResponse:
        store = self.stores.get(request.path_params["endpoint"])
        if store is None:
            return JSONResponse({"error": "no such endpoint"}, 404)
        return JSONResponse([play.item for play in store.values()])


async def _hung_up(_request: Request, _error: Exception) -> JSONResponse:
    """The answer to a client that has hung up while it asked."""
    return JSONResponse({"error": "the request was incomplete"}, 400)


async def _id_in(request: Request) -> str:
    """The id in the body; the application as it was found sends none."""
    body: Any = await request.json() if await request.body() else {}
    return str(body.get("id", DEFAULT))


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
