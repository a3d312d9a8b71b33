"""The calls that the server holds in memory, from idle over active to ended."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from websockets.asyncio.server import ServerConnection


class CallState(StrEnum):
    """Where a call is; `idle` is a front end that waits and has no stream yet."""

    IDLE = "idle"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(slots=True)
class Call:
    """One call with the front end that opened it. Times are Unix timestamps."""

    client: str
    front_end: ServerConnection
    started_at: float
    last_message_at: float
    id: str
    state: CallState = CallState.IDLE
    stream_id: str | None = None
    job: Any = None

    @property
    def item(self) -> dict[str, str | None]:
        """What the server lists of it; a front end without a stream is listed as waiting."""
        return {
            "id": self.id,
            "streamId": self.stream_id,
            "state": "waiting" if self.state is CallState.IDLE else self.state.value,
            "startedAt": _iso(self.started_at),
            "lastMessageAt": _iso(self.last_message_at),
            "client": self.client,
        }


class CallMemory:
    """Every call that the server knows."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}

    def open(self, client: str, front_end: ServerConnection, now: float) -> Call:
        """Remember a front end that has connected."""
        call = Call(client, front_end, now, now, str(uuid4()))
        self._calls[call.id] = call
        return call

    def forget(self, call: Call) -> None:
        """Remove a call, whether or not it is still there."""
        self._calls.pop(call.id, None)

    def all(self) -> list[Call]:
        """Every call, the oldest first."""
        return list(self._calls.values())

    def of_client(self, client: str) -> list[Call]:
        """The calls of one client."""
        return [call for call in self._calls.values() if call.client == client]


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
