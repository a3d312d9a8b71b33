"""How far closing or undoing is, on stderr: on a terminal a bar, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable

from exporter.recovery.close.candidates import Outcome
from exporter.recovery.undo import UndoOutcome

#: How often a line is written where there is no terminal, in seconds.
SECONDS_BETWEEN_LINES = 10.0

_BAR = 30


def progress_of(total: int) -> Callable[[Outcome | UndoOutcome], None]:
    """A function to call after each transaction: on a terminal it draws a bar on stderr."""
    is_terminal = sys.stderr.isatty()
    written = time.monotonic()

    def write(outcome: Outcome | UndoOutcome) -> None:
        nonlocal written
        done = outcome.done
        if is_terminal:
            filled = min(_BAR * done // max(total, 1), _BAR)
            bar = "#" * filled + "." * (_BAR - filled)
            end = "\n" if done >= total else ""
            print(f"\r  [{bar}] {done} of {total}", end=end, file=sys.stderr)
        elif time.monotonic() - written > SECONDS_BETWEEN_LINES:
            written = time.monotonic()
            print(f"  {done} of {total}", file=sys.stderr, flush=True)

    return write
