"""Sales practice of every difficulty: completed after ten messages, or abandoned half-way."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from psycopg.types.json import Jsonb

from exporter.demo.history.bulk import Connection, insert
from exporter.demo.history.hostile import HOSTILE
from exporter.demo.history.rhythm import finished

DIFFICULTIES = ("BEGINNER", "ROOKIE", "PRO", "ELITE", "NIGHTMARE")
WEIGHTS = (30, 25, 20, 15, 10)
UNKNOWN = "LEGEND"  # a difficulty that is not declared in the config
COMPLETED, ABANDONED, SILENT = 300, 30, 5
OVERLONG = ((6, 20), (9, 50))  # hours since the start, minutes since the last message
MESSAGES = 10  # the application completes a session after this many
SCENARIOS = (("cold-call", "Cold call"), ("renewal", "Renewal"), ("price", "Price objection"))
COLUMNS = (
    "userId",
    "scenarioId",
    "scenarioTitle",
    "difficulty",
    "messages",
    "score",
    "feedback",
    "duration",
    "xpEarned",
    "createdAt",
    "completedAt",
)
Messages = list[dict[str, str]]


def fill(connection: Connection, now: datetime) -> None:
    """Write the history that ends at `now`; needs autocommit."""
    dice = Random(5)
    rows = sorted(
        [*_completed(dice, now), *_abandoned(dice, now), *_odd(dice, now)],
        key=lambda row: str(row[COLUMNS.index("createdAt")]),  # the serial ids follow the time
    )
    insert(connection, ("training", "roleplay_sessions"), COLUMNS, rows)


def _completed(dice: Random, now: datetime) -> Iterator[tuple[object, ...]]:
    for start, end in finished(dice, now, COMPLETED, minutes=15):
        yield _row(dice, start, _messages(start, end, MESSAGES), last=end, completed=end)


def _abandoned(dice: Random, now: datetime) -> Iterator[tuple[object, ...]]:
    for start, last in finished(dice, now, ABANDONED, minutes=6):
        messages = _messages(start, last, dice.randint(1, MESSAGES - 1))
        yield _row(dice, start, messages, last=last)


def _odd(dice: Random, now: datetime) -> Iterator[tuple[object, ...]]:
    """Rows with values that a correct application would not write."""
    for number in range(SILENT):
        yield _row(dice, now - timedelta(hours=3 + 11 * number), [])
    start, last = now - timedelta(hours=5), now - timedelta(hours=4)
    yield _row(dice, start, _messages(start, last, MESSAGES + 1), last=last)  # finished but active
    for started, spoke in OVERLONG:
        start, last = now - timedelta(hours=started), now - timedelta(minutes=spoke)
        yield _row(dice, start, _messages(start, last, MESSAGES - 1), last=last)
    start, last = now - timedelta(hours=5), now - timedelta(hours=4)
    undated = [*_messages(start, last, 3), _message("user", "yesterday")]
    yield _row(dice, start, undated, last=last)
    one = _message("user", _javascript(last))
    yield _row(dice, start, one, last=last)  # an object where an array belongs
    yield _row(dice, now - timedelta(minutes=2), [], difficulty=UNKNOWN)
    for title in HOSTILE:
        yield _row(dice, start, _messages(start, last, 4), last=last, title=title)


def _row(
    dice: Random,
    start: datetime,
    messages: Messages | dict[str, str],
    *,
    last: datetime | None = None,
    completed: datetime | None = None,
    difficulty: str | None = None,
    title: str | None = None,
) -> tuple[object, ...]:
    scenario, usual_title = dice.choice(SCENARIOS)
    # Duration and score are written with every message, so an abandoned session has them too.
    seconds = None if last is None else round((last - start).total_seconds())
    score = 0 if last is None else dice.randint(20, 100)
    return (
        dice.randint(1, 60),
        scenario,
        title or usual_title,
        difficulty or _difficulty(dice),
        Jsonb(messages),
        score,
        Jsonb({"summary": "Ask more, tell less."}) if completed else None,
        seconds,
        score // 2 if completed else 0,
        _naive(start),
        _naive(completed) if completed else None,
    )


def _difficulty(dice: Random) -> str:
    return dice.choices((*DIFFICULTIES, UNKNOWN), (*WEIGHTS, 1))[0]


def _messages(start: datetime, last: datetime, count: int) -> Messages:
    """Spread messages evenly, the last one exactly at `last`."""
    return [
        _message(
            "assistant" if number % 2 else "user",
            _javascript(start + (last - start) * number / count),
        )
        for number in range(1, count + 1)
    ]


def _message(role: str, timestamp: str) -> dict[str, str]:
    return {"role": role, "content": "And what would that cost me?", "timestamp": timestamp}


def _javascript(moment: datetime) -> str:
    """Write a moment as JavaScript's toISOString does: 2026-11-20T22:47:00.123Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _naive(moment: datetime) -> datetime:
    """Drop the zone after going to UTC: the columns have none, and the application writes UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)
