"""The capabilities of stdout: the one place that decides about widths, colours and ticks."""

import os
import shutil
import sys
from dataclasses import dataclass

#: The minimum width that is assumed for a terminal.
NARROWEST = 40

_RED = "\x1b[31m{}\x1b[0m"


@dataclass(frozen=True, slots=True)
class Screen:
    """How the output can show a line."""

    width: int | None = None
    """In columns; None where lines are complete and not wrapped, for programs that read them."""
    has_colours: bool = False
    has_ticks: bool = True

    def above(self, text: str) -> str:
        """A number that is above its limit."""
        return _RED.format(text) if self.has_colours else text


def stdout_screen() -> Screen:
    """What stdout can show; https://no-color.org says that NO_COLOR counts unless it is empty."""
    try:
        "✓✗".encode(sys.stdout.encoding)
    except (LookupError, TypeError, UnicodeEncodeError):
        has_ticks = False
    else:
        has_ticks = True
    if not sys.stdout.isatty():
        return Screen(has_ticks=has_ticks)
    is_plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    width = max(shutil.get_terminal_size().columns, NARROWEST)
    return Screen(width=width, has_colours=not is_plain, has_ticks=has_ticks)
