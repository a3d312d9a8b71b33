"""When a past day of the daily statistics is read again although nothing says that it changed.

Each past day has its turn once an hour, at a minute of its own, so that no run reads many days and
the sources do not read theirs at the same time.
"""

import zlib
from collections.abc import Sequence

from exporter.collection.calendar_days import Day

HOUR_SECONDS = 3600.0


def due(source: str, past_days: Sequence[Day], now: float, *, every: float) -> list[Day]:
    """The past days whose turn had come at the last run, `now`, since they were read.

    The turns of one source are spread evenly, and begin at a minute that follows from its name.
    They come sooner than once an hour by the run in which they are only noticed.
    """
    period = max(HOUR_SECONDS - every, every)
    begin = zlib.crc32(source.encode())

    def turn(number: int, at: float) -> float:
        return (at - begin - number * period / len(past_days)) // period

    return [
        day
        for number, day in enumerate(past_days)
        if turn(number, day.read_at) != turn(number, now)
    ]


def is_overdue(day: Day, now: float) -> bool:
    """Whether a day was read an hour ago or, by a clock that was put back, in the future."""
    return not 0 <= now - day.read_at < HOUR_SECONDS
