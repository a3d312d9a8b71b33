"""Transcripts of the coaching calls: done, failed, and some whose worker died in the middle."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from exporter.demo.history.bulk import Connection, insert
from exporter.demo.history.rhythm import identifier

TEXT = "Trainee: Good morning, do you have two minutes?\nBuyer: One, if it is about the price."
FAILED_SHARE = 0.02

# In processing: minutes since the beginning, and since the last sign of life if there was one.
PROCESSING = ((2.0, 0.5), (6.0, 1.0), (190.0, 188.0), (1500.0, 1470.0), (4000.0, None))
COLUMNS = ("id", "session_id", "status", "created_at", "updated_at", "content")


def fill(
    connection: Connection,
    now: datetime,
    dice: Random,
    calls: Sequence[tuple[object, datetime]],
) -> None:
    """Write a transcript for each call that is over (id, end); the last ones are unfinished."""
    rows: list[tuple[object, ...]] = []
    for call, end in calls[: -len(PROCESSING)]:
        status = "failed" if dice.random() < FAILED_SHARE else "done"
        updated = min(end + timedelta(seconds=dice.uniform(4, 40)), now)
        content = TEXT if status == "done" else None
        rows.append((identifier(dice), call, status, end, updated, content))
    for (begun, seen), (call, _) in zip(PROCESSING, calls[-len(PROCESSING) :], strict=True):
        created = now - timedelta(minutes=begun)
        updated_at = None if seen is None else now - timedelta(minutes=seen)
        rows.append((identifier(dice), call, "processing", created, updated_at, None))
    insert(connection, ("coaching", "transcripts"), COLUMNS, rows)
