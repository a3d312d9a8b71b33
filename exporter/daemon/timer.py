"""A moment until which something has to happen."""

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
        """Let the time run; it goes on if it runs already."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._miss, missed)

    def end(self) -> None:
        """It has happened, or need not any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _miss(self, missed: Callable[[], None]) -> None:
        self._timer = None
        missed()
