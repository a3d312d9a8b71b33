"""Random starts and lengths of sessions, by the hour of the week."""

from datetime import UTC, datetime, timedelta
from math import log
from random import Random
from uuid import UUID

DAYS = 10
# How busy each hour of a working day is, UTC: a peak before noon, one in the afternoon.
BUSY = (1, 1, 0, 0, 0, 1, 3, 8, 14, 18, 20, 17, 11, 13, 18, 19, 16, 11, 8, 7, 6, 5, 3, 2)
WEEKEND = 0.4


def busyness(moment: datetime) -> float:
    """Weigh a moment of the week between 0 and 1."""
    utc = moment.astimezone(UTC)
    return BUSY[utc.hour] / max(BUSY) * (WEEKEND if utc.weekday() >= 5 else 1.0)


def starts(dice: Random, oldest: datetime, newest: datetime, count: int) -> list[datetime]:
    """Draw that many moments between two others, in order, more of them at busy hours."""
    drawn: set[datetime] = set()
    while len(drawn) < count:
        moment = oldest + (newest - oldest) * dice.random()
        if dice.random() < busyness(moment):
            drawn.add(moment)
    return sorted(drawn)


def finished(
    dice: Random, now: datetime, count: int, minutes: float
) -> list[tuple[datetime, datetime]]:
    """Draw start and end of sessions of the last days that are over; `minutes` is the median."""
    newest = now - timedelta(minutes=5)
    latest = now - timedelta(minutes=1)
    return [
        (start, min(start + length(dice, minutes), latest))
        for start in starts(dice, now - timedelta(days=DAYS), newest, count)
    ]


def length(dice: Random, minutes: float) -> timedelta:
    """Draw how long a session takes: log-normal, most near the median, a few far above it."""
    return timedelta(minutes=dice.lognormvariate(log(minutes), 0.6))


def identifier(dice: Random) -> UUID:
    """Draw a random id, the same for the same dice."""
    return UUID(int=dice.getrandbits(128), version=4)
