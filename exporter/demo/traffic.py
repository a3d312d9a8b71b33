"""Simulated traffic: sessions start, show activity and end, and some are lost."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, NoReturn

import psycopg

from exporter.demo.applications import Connection, coaching, conversations, training

logger = logging.getLogger(__name__)

LOST = 0.03  # the share of sessions whose end never comes
RETRY_AFTER = 2.0  # seconds
STOP_DEADLINE = 3.0  # seconds
DIFFICULTIES = ("BEGINNER", "ROOKIE", "PRO", "ELITE", "NIGHTMARE")


async def run(dsn: str, *, pace: float = 1.0, dice: Random | None = None) -> NoReturn:
    """Run until cancelled, then end sessions as the applications do on a planned stop.

    `pace` 10 is ten times as fast. A lost connection loses its running sessions, as a crash of
    the application would; traffic goes on over a new one.
    """
    try:
        await _run(dsn, Rhythm(dice or Random(), pace))
    except asyncio.CancelledError:
        with suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(STOP_DEADLINE), await _connect(dsn) as connection:
                await conversations.close_all(connection)
        raise


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Random times between the events of a session."""

    dice: Random
    pace: float

    async def wait(self, least: float, most: float) -> None:
        """Let a random time pass; both bounds are in seconds at pace 1."""
        await asyncio.sleep(self.dice.uniform(least, most) / self.pace)

    def lost(self) -> bool:
        """Decide whether the session is lost at this point."""
        return self.dice.random() < LOST


Life = Callable[[Connection, Rhythm], Coroutine[Any, Any, None]]


async def _run(dsn: str, rhythm: Rhythm) -> NoReturn:
    while True:
        # Up to Python 3.12, a task group that fails while it is being cancelled loses the
        # cancellation, and the loop would not end; gather does not.
        (failure,) = await asyncio.gather(_run_connected(dsn, rhythm), return_exceptions=True)
        logger.warning("demo traffic interrupted, will reconnect: %s", _reason(failure))
        await rhythm.wait(RETRY_AFTER, RETRY_AFTER)


def _reason(failure: BaseException | None) -> psycopg.Error:
    """The error of the database among the failures. Raises RuntimeError for any other."""
    errors = failure.exceptions if isinstance(failure, ExceptionGroup) else [failure]
    reasons = [error for error in errors if isinstance(error, psycopg.Error)]
    if len(reasons) < len(errors):
        raise RuntimeError("the simulated traffic broke down") from failure
    return reasons[0]


async def _run_connected(dsn: str, rhythm: Rhythm) -> None:
    async with await _connect(dsn) as connection, asyncio.TaskGroup() as group:
        for life in (conversation, call, practice):
            group.create_task(_keep_starting(group, life, connection, rhythm))


async def _connect(dsn: str) -> Connection:
    return await psycopg.AsyncConnection.connect(
        dsn, autocommit=True, application_name="demo-traffic", connect_timeout=5
    )


async def _keep_starting(
    group: asyncio.TaskGroup, life: Life, connection: Connection, rhythm: Rhythm
) -> None:
    while True:
        group.create_task(life(connection, rhythm))
        await rhythm.wait(1, 2)


async def conversation(connection: Connection, rhythm: Rhythm) -> None:
    """Simulate one conversation."""
    user = f"user-{rhythm.dice.randint(1, 40):04}"
    session = await conversations.start_session(connection, user)
    await rhythm.wait(5, 60)
    if not rhythm.lost():
        await conversations.disconnect(connection, session)


async def call(connection: Connection, rhythm: Rhythm) -> None:
    """Simulate one coaching call and the processing of its transcript."""
    session = await coaching.start_session(connection)
    await rhythm.wait(5, 60)
    if rhythm.lost():
        return
    await coaching.end_session(connection, session)
    transcript = await coaching.begin_transcript(connection, session)
    for _ in range(rhythm.dice.randint(1, 5)):
        await rhythm.wait(1, 3)
        if rhythm.lost():
            return
        await coaching.continue_transcript(connection, transcript)
    await coaching.finish_transcript(connection, transcript)


async def practice(connection: Connection, rhythm: Rhythm) -> None:
    """Simulate one training session of ten messages."""
    user, difficulty = rhythm.dice.randint(1, 60), rhythm.dice.choice(DIFFICULTIES)
    session = await training.start_session(connection, user, difficulty)
    lost_after = rhythm.dice.randrange(training.MESSAGES) if rhythm.lost() else training.MESSAGES
    for _ in range(lost_after):
        await rhythm.wait(1, 6)
        await training.speak(connection, session)
