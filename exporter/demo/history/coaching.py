"""Role plays that were completed or abandoned, and calls that never ended."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from psycopg.types.json import Jsonb

from exporter.demo.history import transcripts
from exporter.demo.history.bulk import Connection, insert
from exporter.demo.history.hostile import HOSTILE
from exporter.demo.history.rhythm import finished, identifier

COMPLETED, ABANDONED, IDLE = 260, 40, 12
TRAINEES = ("Amara Diallo", "Ben Hofer", "Chen Wei", "Dana Levy", "Élise Roux", None, *HOSTILE)
PERSONAS = ("Hesitant buyer", "Angry caller", "Busy executive", 'The "expert"', None)
CONFIG = Jsonb({"voice": "alto", "difficulty": 2, "objections": ["price", "timing"]})
LINES = Jsonb([{"speaker": "trainee", "text": "Good morning, do you have two minutes?"}])

# Calls still in progress: minutes since the start, trainee known, persona known, session_config.
# Recovery must get over a call without people and over a config that is no object.
IN_PROGRESS: tuple[tuple[float, bool, bool, Jsonb | None], ...] = (
    (1.0, True, True, CONFIG),
    (3.5, True, True, None),
    (7.0, True, True, CONFIG),
    # From here on the tab was closed.
    (25.0, True, True, CONFIG),
    (90.0, True, True, None),
    (190.0, False, True, CONFIG),
    (470.0, True, False, Jsonb({})),
    (1200.0, False, False, None),
    (1900.0, True, True, Jsonb(["alto", 2])),
    (3300.0, False, False, Jsonb("alto")),
    (5400.0, True, True, Jsonb(2)),
    (8400.0, True, True, Jsonb(None)),
)

COLUMNS = (
    "id",
    "trainee_id",
    "persona_id",
    "status",
    "started_at",
    "ended_at",
    "session_config",
    "transcript",
)


def fill(connection: Connection, now: datetime) -> None:
    """Write the history that ends at `now`; needs autocommit."""
    dice = Random(10)
    people = []
    for table, names in (("profiles", TRAINEES), ("roleplay_personas", PERSONAS)):
        rows = [(identifier(dice), name) for name in names]
        insert(connection, ("coaching", table), ("id", "name"), rows)
        people.append([key for key, _ in rows])

    times = finished(dice, now, COMPLETED + ABANDONED, minutes=12)
    sessions = [
        *_over(dice, times, *people),
        *_in_progress(dice, now, *people),
        *_idle(dice, *people),
    ]
    insert(connection, ("coaching", "roleplay_sessions"), COLUMNS, sessions)
    calls = [(row[0], end) for row, (_, end) in zip(sessions, times, strict=False)]
    transcripts.fill(connection, now, dice, calls)


def _over(
    dice: Random,
    times: list[tuple[datetime, datetime]],
    trainees: list[UUID],
    personas: list[UUID],
) -> Iterator[tuple[object, ...]]:
    statuses = ["completed"] * COMPLETED + ["abandoned"] * ABANDONED
    dice.shuffle(statuses)
    for (start, end), status in zip(times, statuses, strict=True):
        lines = LINES if status == "completed" else None
        who = dice.choice(trainees), dice.choice(personas)
        yield (identifier(dice), *who, status, start, end, CONFIG, lines)


def _in_progress(
    dice: Random, now: datetime, trainees: list[UUID], personas: list[UUID]
) -> Iterator[tuple[object, ...]]:
    for minutes, has_trainee, has_persona, config in IN_PROGRESS:
        trainee = dice.choice(trainees) if has_trainee else None
        persona = dice.choice(personas) if has_persona else None
        start = now - timedelta(minutes=minutes)
        yield (identifier(dice), trainee, persona, "in_progress", start, None, config, None)


def _idle(dice: Random, trainees: list[UUID], personas: list[UUID]) -> Iterator[tuple[object, ...]]:
    """Sessions that were prepared and not started yet have no times at all."""
    for _ in range(IDLE):
        who = dice.choice(trainees), dice.choice(personas)
        yield (identifier(dice), *who, "idle", None, None, CONFIG, None)
