"""Where time comes from: an argument everywhere, read in daemon alone."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` for lengths of time, suspension included, `wall` for timestamps; in seconds."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]
