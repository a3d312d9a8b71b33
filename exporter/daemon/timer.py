"""A deadline for an event."""

import asyncio
from collections.abc import Callable


class Timer:
    """Calls `missed` at the end of a time, unless it is ended before; then it can start again."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Whether the time runs."""
        return self._timer is not None

    def start(self, seconds: float, missed: Callable[[], None]) -> None:
        """Start the time, unless it is already running."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._miss, missed)

    def end(self) -> None:
        """Stop: the event has happened, or is no longer needed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _miss(self, missed: Callable[[], None]) -> None:
        self._timer = None
        missed()
