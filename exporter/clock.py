"""Where time comes from: an argument everywhere, read in daemon alone."""

from collections.abc import Callable
from dataclasses import dataclass

#: How far two clocks may drift apart between two readings, in seconds; further, one was set.
TOLERANCE = 5.0

Offsets = tuple[float, float]
"""A clock less the monotonic one, in seconds: the least and the most it may be, because it was read
at some time of a round trip."""


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` for lengths of time, suspension included, `wall` for timestamps; in seconds."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]


def was_set(before: Offsets, after: Offsets) -> bool:
    """Whether a clock was set between two readings, for sure."""
    least, most = after[0] - before[1], after[1] - before[0]
    return least > TOLERANCE or most < -TOLERANCE
