"""How far a command is: a bar on stderr where that is a terminal, once it takes over a second."""

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable

from exporter.recovery.close.candidates import Outcome
from exporter.recovery.undo import UndoOutcome

#: Shorter work shows no bar.
FIRST_SHOWN_SECONDS = 1.0

#: How often a bar is drawn that is not drawn after each step.
POLLED_SECONDS = 0.2

_LONGEST_BAR, _AROUND = 30, 40
_ERASE = "\r\x1b[K"


class Progress:
    """A bar that is redrawn in place. Other output must follow clear()."""

    def __init__(self, total: int | None, what: str) -> None:
        """`what` is counted: "3 of 12 sessions". A `total` of None is unknown until expect()."""
        self._total, self._what = total, what
        self._is_shown = False
        # A terminal that cannot move its cursor would show each bar below the one before.
        can_show = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._first_at = time.monotonic() + FIRST_SHOWN_SECONDS if can_show else float("inf")

    def expect(self, total: int | None) -> None:
        """Set the total."""
        self._total = total

    def show(self, done: int) -> None:
        """Draw how many are done; nothing while the total is unknown."""
        if self._total is None or time.monotonic() < self._first_at:
            return
        room = min(_LONGEST_BAR, max(shutil.get_terminal_size().columns - _AROUND, 0))
        filled = min(room * done // max(self._total, 1), room)
        bar = f"[{'#' * filled}{'.' * (room - filled)}] " if room else ""
        self._is_shown = True
        self._write(f"{_ERASE}  {bar}{done} of {self._total} {self._what}")

    def clear(self) -> None:
        """Erase the bar, so that something can be printed in its place."""
        if self._is_shown:
            self._is_shown = False
            self._write(_ERASE)

    def __call__(self, outcome: Outcome | UndoOutcome) -> None:
        """Show it after each transaction."""
        self.show(outcome.done)

    @staticmethod
    def _write(text: str) -> None:
        print(text, end="", file=sys.stderr, flush=True)


@contextlib.asynccontextmanager
async def polled(progress: Progress, done: Callable[[], int]) -> AsyncIterator[None]:
    """Show how many are done now and then, until the block is left."""

    async def poll() -> None:
        while True:
            await asyncio.sleep(POLLED_SECONDS)
            progress.show(done())

    task = asyncio.create_task(poll())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        progress.clear()
