"""85 conversations: 67 that ended as they should, 18 whose disconnect only cleaned the memory."""

from datetime import datetime, timedelta
from itertools import chain, repeat
from random import Random

from exporter.demo.history.bulk import Connection, insert
from exporter.demo.history.hostile import HOSTILE
from exporter.demo.history.rhythm import finished, identifier, starts

ACTIVE, CLOSED = 18, 67
YOUNGEST, OLDEST = timedelta(hours=9), timedelta(hours=444)
COLUMNS = (
    "session_id",
    "user_id",
    "is_active",
    "session_start",
    "session_end",
    "ended_at",
    "duration_seconds",
)


def fill(connection: Connection, now: datetime) -> None:
    """Write the history that ends at `now`; needs autocommit."""
    rows = _rows(Random(85), now)
    insert(connection, ("conversations", "conversation_sessions"), COLUMNS, rows)


def _rows(dice: Random, now: datetime) -> list[tuple[object, ...]]:
    hour = timedelta(hours=1)
    between = starts(dice, now - OLDEST + hour, now - YOUNGEST - hour, ACTIVE - 2)
    open_starts = [now - OLDEST, *between, now - YOUNGEST]
    # The list of orphans shows the user: there the hostile ones do their worst.
    users = chain(HOSTILE, (_user(dice) for _ in repeat(None)))
    active: list[tuple[object, ...]] = [
        (identifier(dice), user, True, start, None, None, None)
        for start, user in zip(open_starts, users, strict=False)
    ]
    closed: list[tuple[object, ...]] = [
        (identifier(dice), _user(dice), False, start, end, end, (end - start).total_seconds())
        for start, end in finished(dice, now, CLOSED, minutes=7)
    ]
    return active + closed


def _user(dice: Random) -> str:
    return f"user-{dice.randint(1, 40):04}"
