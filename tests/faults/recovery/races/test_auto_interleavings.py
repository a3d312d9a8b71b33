"""Auto in any order of starts, signs of life, ends, crashes, outages and clock jumps.

The oracle knows the sessions as the application does. Whatever is closed had no evidence within the
threshold, has settled, and looked the same in the run before; while a brake is on nothing is
closed; without one every orphan of the run before that is the same row still is, but for a budget
where sessions have returned. In the end, when the application is well and a person has resumed, all
true orphans are closed, and nobody who lives.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.clock import Clock
from exporter.recovery.automatic import AutomaticRecovery
from exporter.recovery.status import RecoveryStatus, RecoveryStatuses
from tests.support.collection.declarations import settings_of, source_of
from tests.support.processes.background import Background
from tests.support.recovery.automatic.by_hand import ByHand, shift_observations
from tests.support.recovery.automatic.trust import trust
from tests.support.recovery.chats import Application, Chats
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.worlds.acts import SETTINGS
from tests.support.recovery.worlds.shifted_rows import EVERY_OTHER_MINUTE, THRESHOLD, Step, World

#: Seconds between two runs, by the exporter's monotonic clock; the database's does not move.
EVERY = 4.0
AUTO = EVERY_OTHER_MINUTE.replace("  recovery:", "  every: 4s\n  recovery:")
AUTO += "    mode: auto\n    pause: 1ms\n    grace: 1ms\n"
#: Minutes for which an orphan settles, and how often one is closed in three days.
SETTLED, MOST_CLOSURES = THRESHOLD / 2, 3
ANCHOR = 6

ids = st.integers(1, ANCHOR - 1)


class AutoWorld(World):
    """The same application, whose sessions may crash, with an exporter in mode auto beside it."""

    def __init__(
        self, chats: Chats, application: Application, background: Background, folder: Path
    ) -> None:
        super().__init__(Recoveries(chats, background), application)
        self.crashed: set[int] = set()
        self._monotonic, self._wall = 1000.0, 1_700_000_000.0
        self._background = background
        self._statuses = RecoveryStatuses([("app", "chats")])
        self._seen: dict[int, int] = {}
        self._last_run = float("-inf")
        self._orphaned_at: dict[int, float] = {}
        """By age, or since the run that found it: it was opened again, or evidence ended."""
        self._closures: Counter[int] = Counter()
        self._has_returned = False
        self._source, self._settings = source_of(folder, AUTO), settings_of(chats.database.dsn)
        background.wait(trust(self._settings, self._source))
        self._start()

    @property
    def state(self) -> RecoveryStatus:
        """As the metrics have it."""
        return self._statuses.by_pair["app", "chats"]

    @property
    def closed_often(self) -> set[int]:
        return {id_ for id_, count in self._closures.items() if count >= MOST_CLOSURES}

    def close(self) -> None:
        """Hang up."""
        self._background.wait(self._recovery.close())

    def _start(self) -> None:
        clock = Clock(monotonic=lambda: self._monotonic, wall=lambda: self._wall)
        self._recovery = AutomaticRecovery(
            self._settings, self._source, statuses=self._statuses, clock=clock
        )
        self._monotonic += 60 * SETTLED  # for so long it waits where nothing was judged lately

    def show_life(self, id_: int, age: int) -> None:
        if id_ not in self.crashed:
            super().show_life(id_, age)

    def tell(self, table: str, id_: int, age: int) -> None:
        if id_ not in self.crashed:
            super().tell(table, id_, age)

    def end(self, id_: int) -> None:
        if id_ not in self.crashed:
            super().end(id_)

    def crash(self, id_: int) -> None:
        """It will neither show life nor end."""
        if id_ in self.known:
            self.crashed.add(id_)

    def reopen(self, id_: int) -> None:
        if (session := self.known.get(id_)) and session.by is not None:
            self.crashed.discard(id_)
            super().reopen(id_)

    def jump(self, minutes: int) -> None:
        """By the way that a jump is made here, every row changes: none looks as it did."""
        super().jump(minutes)
        self._seen = {}
        self.do(shift_observations(f"interval '{minutes} minutes'"))
        observer = self._recovery._observer
        if (watch := observer._watch) is not None:
            known = {session: at - 60.0 * minutes for session, at in watch.known.items()}
            observer._watch = replace(watch, known=known, until=watch.until - 60.0 * minutes)

    def outage(self, minutes: int) -> None:
        """Nobody shows life, and the exporter looks on."""
        for _ in range(3):
            self.jump(minutes)
            self.recover_by_itself()

    def set_exporters_clock(self, hours: int) -> None:
        """What it takes for the time of day."""
        self._wall += 3600 * hours

    def restart(self) -> None:
        """What only the exporter remembers is forgotten, as the grace that follows a silence."""
        self.close()
        self._statuses = RecoveryStatuses([("app", "chats")])
        self._seen = {}
        self._start()

    def resume(self) -> None:
        """A person lets go on whatever is held."""
        person = ByHand(self._settings, self._source, dsn=self._settings.dsn)
        self._background.wait(person.resume())

    def recover_by_itself(self, apart: float = EVERY) -> None:
        """One run, and what must have come of it. Runs that follow at once count as one."""
        orphans = {id_ for id_, each in self.known.items() if each.is_orphan(self.now)}
        by_age = {i: max(self.known[i].started, self.known[i].seen) + THRESHOLD for i in orphans}
        self._orphaned_at = {
            id_: max(self._orphaned_at.get(id_, at if at > self._last_run else self.now), at)
            for id_, at in by_age.items()
        }
        self._last_run = self.now
        self._monotonic += apart
        self._wall += apart
        self._background.wait(self._recovery.run())
        rows = self.recoveries.chats.rows("SELECT id FROM public.chats WHERE ended_by = 'recovery'")
        closed = {row["id"] for row in rows} - {
            id_ for id_, each in self.known.items() if each.by == "recovery"
        }
        state = self.state
        assert sum(state.failed.values()) == 0
        assert state.brakes is not None
        assert closed <= orphans, "somebody who lives was closed"
        may_close = {
            id_
            for id_ in orphans
            if self._seen.get(id_) == self.known[id_].version
            and self.now - self._orphaned_at[id_] > SETTLED
            and self._closures[id_] < MOST_CLOSURES
        }
        is_free = not state.brakes and apart == EVERY
        self._has_returned |= bool(state.returned or state.contradicted)
        assert closed <= (may_close if is_free else set())
        assert closed == may_close or not is_free or self._has_returned
        self._closures.update(closed)
        for id_ in closed:
            self.known[id_].by = "recovery"
        self.check()
        still = set() if state.brakes else orphans - closed
        self._seen = {i: self.known[i].version for i in still}


steps = st.one_of(
    st.tuples(st.just("start"), ids),
    st.tuples(st.just("show_life"), ids, st.sampled_from([0, 8])),
    st.tuples(st.just("tell"), st.sampled_from(["messages", "presence"]), ids, st.just(0)),
    st.tuples(st.just("end"), ids),
    st.tuples(st.just("reopen"), ids),
    st.tuples(st.just("crash"), ids),
    st.tuples(st.just("outage"), st.sampled_from([5, 20])),
    st.tuples(st.just("jump"), st.sampled_from([3, 12, -15])),
    st.tuples(st.just("restart")),
    st.tuples(st.just("resume")),
    st.tuples(st.just("set_exporters_clock"), st.sampled_from([-1, 1])),
    *[st.tuples(st.just("recover_by_itself"), st.sampled_from([EVERY, EVERY, 1.0]))] * 4,
)


@settings(SETTINGS, max_examples=3)
@given(st.lists(steps, min_size=8, max_size=20))
def test_nobody_alive_is_closed_and_every_orphan_is_once_no_brake_is_on(
    chats: Chats, tmp_path: Path, happened: list[Step]
) -> None:
    live_through(chats, tmp_path, happened)


@pytest.mark.slow
@settings(SETTINGS, max_examples=40)
@given(st.lists(steps, min_size=8, max_size=20))
def test_nobody_alive_is_closed_in_many_more_worlds(
    chats: Chats, tmp_path: Path, happened: list[Step]
) -> None:
    live_through(chats, tmp_path, happened)


def live_through(chats: Chats, tmp_path: Path, happened: list[Step]) -> None:
    tables = "public.chats, public.messages, public.presence, session_exporter.recovery"
    tables += ", session_exporter.stop, session_exporter.observation"
    chats.do(f"TRUNCATE {tables}")
    with chats.application() as application, Background() as background:
        world = AutoWorld(chats, application, background, tmp_path)
        try:
            for id_ in (1, 2, 3, ANCHOR):
                world.start(id_)
            for name, *values in happened:
                getattr(world, name)(*values)
            latest = max(session.last_sign for session in world.known.values())
            world.jump(max(0, latest + 11 - world.now))
            world.recover_by_itself()
            world.jump(6)
            # The application is well: whoever has not crashed shows life.
            world.reopen(ANCHOR)
            for id_ in world.known.keys() - world.crashed:
                world.show_life(id_, 0)
            world.recover_by_itself()
            world.resume()
            world.restart()
            for _ in range(3):
                world.recover_by_itself()
            # Where nothing is held there is nothing to resume, and what returned counts for a day.
            assert world.state.brakes in (frozenset(), {"returned"})
            left = {id_ for id_, each in world.known.items() if each.by is None}
            assert left & world.crashed <= world.closed_often
            assert all(not world.known[id_].is_orphan(world.now) for id_ in left)
            assert ANCHOR in left
        finally:
            world.close()
