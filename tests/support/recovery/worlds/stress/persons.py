"""Persons who undo runs of recovery and resume it, by the code that the commands call."""

import asyncio
import uuid
from pathlib import Path

from exporter.config import load_config
from exporter.errors import SourceError
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery import undo as undoing
from exporter.recovery.audit import control
from exporter.recovery.audit.runs import list_runs
from exporter.recovery.rule.connections import open_writer
from exporter.recovery.rule.limits import NO_LIMITS, Limits
from tests.support.recovery.automatic.by_hand import ByHand
from tests.support.recovery.worlds.stress.actor import Actor

#: Why a function undoes, to tell it from the statements.
CALLED = "a stress by a function"

#: Of so many of the newest runs one is undone.
RECENT = 10


class Person(Actor):
    """Works on the one source of a config file; a lost connection is no fault of theirs."""

    def __init__(self, name: str, seed: int, config: Path) -> None:
        super().__init__(name, seed)
        loaded = load_config(config, {})
        (settings,) = loaded.databases.values()
        (source,) = loaded.sources.values()
        self._hand = ByHand(settings, source, dsn=settings.dsn)

    def act(self) -> None:
        try:
            asyncio.run(self._work())
        except SourceError as error:
            self.done[f"{type(self).__name__}: {type(error).__name__}"] += 1

    async def _work(self) -> None:
        raise NotImplementedError


class Undoer(Person):
    """Undoes a recent run, all of it or some of its sessions."""

    PAUSE = (0.3, 1.2)

    async def _work(self) -> None:
        hand = self._hand
        async with hand.reader() as reader, open_writer(hand.settings, hand.source) as writer:
            runs = await list_runs(reader, source=hand.source.name)
            if not runs:
                return
            run = self.dice.choice(runs[:RECENT]).run
            limits = await self._limits(reader, run)
            plan = await undoing.plan_undo(reader, hand.source, run, limits=limits)
            batch = self.dice.choice((1, 50))
            outcome = await undoing.undo(
                writer, plan, batch=batch, reason="a stress" if plan.function is None else CALLED
            )
        assert outcome.refused == {}, outcome.refused
        self.done["undone"] += outcome.undone
        self.done["undo: skipped"] += outcome.skipped
        self.done["undo: changed since"] += plan.left_alone["changed"]

    async def _limits(self, reader: Reader, run: uuid.UUID) -> Limits:
        if self.dice.random() < 0.3:
            return NO_LIMITS
        query = f"SELECT session[1] FROM session_exporter.recovery WHERE run = '{run}'"
        ids = sorted(id_ for (id_,) in await reader.rows(query))
        return Limits(ids=tuple(self.dice.sample(ids, min(3, len(ids)))))


class Pauser(Person):
    """Pauses the source for a time, and ends the pause alone, unless somebody else was faster."""

    PAUSE = (2.0, 6.0)

    async def _work(self) -> None:
        hand, name = self._hand, self._hand.source.name
        async with hand.reader() as reader, open_writer(hand.settings, hand.source) as writer:
            if await control.pause(reader, writer, name, reason="a stress"):
                self.done["paused"] += 1
            await asyncio.sleep(self.dice.uniform(0.5, 3.0))
            plan = await manual.plan_resume(reader, hand.source, show=0)
            chosen = plan.only(["pause"])
            _, ended = await manual.resume(reader, writer, hand.source, chosen, reason="over")
            self.done["pause: ended"] += ended is not None


class Resumer(Person):
    """Resumes what is held."""

    PAUSE = (1.0, 4.0)

    async def _work(self) -> None:
        held: manual.Held | None = await self._hand.resume()
        if held is not None:
            self.done[f"resumed: {held.stop.brake}"] += 1
