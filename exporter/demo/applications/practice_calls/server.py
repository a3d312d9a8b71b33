"""The server: calls over WebSocket at /calls, and the list of what it holds at /sessions."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from exporter.demo.applications.practice_calls.calls import Call, CallMemory, CallState
from exporter.demo.applications.practice_calls.table import CallTable

RING_SECONDS = 0.05  # until the stream of a call exists
CLOSE_SECONDS = 1.0  # for the answer of a front end that is asked to close


class CallServer:
    """Serves calls.

    `closes_old=False` is the server as it was found: "practice again" opened a connection beside
    the old one, which stayed active.
    """

    def __init__(
        self,
        *,
        closes_old: bool = True,
        ping_interval: float = 20.0,
        ring_seconds: float = RING_SECONDS,
        table: CallTable | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.memory = CallMemory()
        self._closes_old = closes_old
        self._ping_interval = ping_interval
        self._ring_seconds = ring_seconds
        self._table = table
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> Server:
        """Listen; the server that is returned is a context manager that stops at its end."""
        return await serve(
            self._serve_front_end,
            host,
            port,
            process_request=self._answer_http,
            ping_interval=self._ping_interval,
            ping_timeout=None,  # as it was found: answers to pings are not checked
            close_timeout=CLOSE_SECONDS,
        )

    async def reset_all_sessions(self) -> None:
        """End every call and forget it."""
        await asyncio.gather(*(self._end(call) for call in self.memory.all()))

    def lose(self, *calls: Call) -> None:
        """Forget calls as a fault would: neither the front end nor the table is told."""
        for call in calls:
            call.state = CallState.ENDED
            self.memory.forget(call)

    def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        if path == "/calls":
            return None
        if path != "/sessions":
            return connection.respond(HTTPStatus.NOT_FOUND, "no such page\n")
        items = [call.item for call in self.memory.all()]
        response = connection.respond(HTTPStatus.OK, json.dumps({"sessions": items}))
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        return response

    async def _serve_front_end(self, front_end: ServerConnection) -> None:
        request = front_end.request
        query = parse_qs(urlsplit(request.path).query if request else "")
        client = query.get("client", ["anonymous"])[0]
        before = self.memory.of_client(client) if self._closes_old else []
        call = self.memory.open(client, front_end, self._clock())
        try:
            await asyncio.gather(*(self._end(old) for old in before))
            with suppress(ConnectionClosed):
                async for text in front_end:
                    await self._receive(call, json.loads(text))
        finally:
            await self._end(call)

    async def _receive(self, call: Call, message: dict[str, Any]) -> None:
        match message:
            case {"type": "job.configuration", "job": job}:
                await self._configure(call, job)
            case {"type": "call.start"} if call.state is CallState.IDLE:
                call.last_message_at = self._clock()
                self._begin(self._ring(call))
            case {"type": "call.message", "text": text}:
                call.last_message_at = self._clock()
                await _send(call, type="call.message", text=text)
            case {"type": "call.end"}:
                await self._end(call)
            case {"type": "resetAllSessions"}:
                await self.reset_all_sessions()
            case _:
                await _send(call, type="error", message="not understood")

    async def _configure(self, call: Call, job: object) -> None:
        """Take the configuration of a call that has a stream; else the front end asks again.

        It is no sign of life: an unused page asks for ever.
        """
        if call.state is CallState.ACTIVE:
            call.job = job
            await _send(call, type="job.configured", id=call.id, job=job)
        else:
            await _send(call, type="job.pending", id=call.id)

    async def _ring(self, call: Call) -> None:
        """Associate the front end with a stream after a moment, unless the call has ended."""
        await asyncio.sleep(self._ring_seconds)
        if call.state is not CallState.IDLE:
            return
        call.state, call.stream_id = CallState.ACTIVE, f"MZ{uuid4().hex}"
        if self._table:
            await self._table.begin(call.id, call.stream_id, call.client, call.started_at)
        await _send(call, type="call.status_changed", status="active", id=call.id)

    async def _end(self, call: Call) -> None:
        """End a call once: tell the front end, then clean up, then close the connection."""
        if call.state is CallState.ENDED:
            return
        was_active = call.state is CallState.ACTIVE
        call.state = CallState.ENDED
        await _send(call, type="call.status_changed", status="ended", id=call.id)
        self.memory.forget(call)
        call.job = None
        self._begin(call.front_end.close())
        if was_active and self._table:
            await self._table.end(call.id)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something run beside; closing a lost connection takes as long as its timeout."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _send(call: Call, **message: object) -> None:
    with suppress(ConnectionClosed):
        await call.front_end.send(json.dumps(message))
