"""Automatic recovery by evidence, simulated: real judgement and decision, a model of the table."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from exporter.evidence.answers import ListedSession
from exporter.recovery.decision.decision import Memory, decide, is_proved, is_still_proved
from exporter.recovery.decision.observation import (
    PROVED,
    CandidateState,
    Control,
    Observation,
    Owner,
    Record,
    Resume,
    SessionCounts,
)
from exporter.recovery.decision.watch import Watch
from exporter.sessions.verdict import Verdict
from tests.support.evidence.application import Application, SimulatedSession
from tests.support.evidence.faults import DETECTABLE
from tests.support.evidence.simulation import TICK, Simulation
from tests.support.recovery.worlds.simulation.exporter import SETTINGS

#: Between an observation and the answers that are asked for before anything is closed.
DELAY = 4.0

GHOST_AFTER = 60.0
DAY = 86400.0
#: A person resumes what has stopped so long.
RESUMED_AFTER = 1800.0


class Sleepers(Application):
    """Of the sessions that leave a server's memory, many return to it only after minutes.

    Their rows do not change meanwhile: only the answers show that they are back.
    """

    asleep_at_most = 240.0

    def _live_on(self, key: str, session: SimulatedSession, now: float, seconds: float) -> None:
        if now >= session.away_until:
            super()._live_on(key, session, now, seconds)

    def _move(self, session: SimulatedSession, now: float) -> None:
        is_stopping = session.owner not in self.servers
        if is_stopping or self.dice.random() < 0.3:
            super()._move(session, now)
        else:
            session.away_until = now + self.dice.uniform(1, self.asleep_at_most)

    def lists(self, now: float) -> list[dict[str, ListedSession]]:
        """What is in memory, each with its last sign of life."""
        return [
            {key: replace(each, last_seen_at=self.rows[key].seen) for key, each in held.items()}
            for held in super().lists(now)
        ]


class Closing(NamedTuple):
    session: str
    cause: str
    at: float


@dataclass
class Recovering(Simulation):
    """What automatic recovery closes in the simulated application."""

    after: float = 7200.0
    """orphaned_after."""
    has_sleepers: bool = False
    """Then stores give no answer that looks complete and is none: a lie as long as it may be, after
    an absence that is true, cannot be told from a longer absence."""
    every: int = 6
    """Ticks between two runs of recovery."""
    closings: list[Closing] = field(default_factory=list)
    live_closed: list[Closing] = field(default_factory=list)
    owner_of: dict[str, str] = field(default_factory=dict)
    """Of each session that was closed."""

    def __post_init__(self) -> None:
        self.control = Control(observed_since=0.0)
        self.watch = Watch()
        self.held_at = dict[str, float]()
        super().__post_init__()
        if self.has_sleepers:
            self.application = Sleepers(self.dice, self.slots, self.has_heartbeats)
            self.application.is_changing = self.is_changing
            for each in self.store_faults:
                each.kinds = DETECTABLE

    def is_live(self, key: str, session: SimulatedSession) -> bool:
        """Whether a server holds it, or held it when it was last asked within `ghost_after`."""
        if session.lost_at is not None:
            return False
        if not self.has_sleepers or self.now >= session.away_until:
            return True
        return self.now - self.held_at.get(key, session.started) < GHOST_AFTER

    def cause(self, key: str, verdict: Verdict) -> str | None:
        """Why a row is orphaned, as the statements ask."""
        session = self.application.rows[key]
        if session.owner in verdict.dead_owners:
            return "ownerless"
        if key in verdict.listed:
            seen = verdict.listed[key]
            return "stale_in_list" if seen and seen < self.now - self.after else None
        if key in verdict.ghosts:
            return "ghost"
        return "age" if session.seen < self.now - self.after else None

    def blind(self, verdict: Verdict) -> str:
        """Why the evidence is unknown."""
        return verdict.blind

    def fresh(self, observed: Verdict, after: float) -> Verdict:
        """What answers prove that are asked for after the observation."""
        self._ask()
        verdict = self.evidence.verdict(self.now)
        if not verdict.blind and verdict.at <= after:
            return replace(verdict, blind="there was no newer answer")
        return verdict

    def _ask(self) -> None:
        super()._ask()
        for held in self.application.lists(self.now):
            self.held_at |= dict.fromkeys(held, self.now)

    def _start_exporter(self) -> None:
        super()._start_exporter()
        self.memory = Memory(started_at=self.now)

    def _check(self, verdict: Verdict) -> None:
        """A person closes what was lost long ago, and nothing else."""
        self.observations += len(self.application.rows)
        for key, session in list(self.application.rows.items()):
            if session.lost_at is not None and self.now - session.lost_at > 3 * 3600:
                del self.application.rows[key]

    def _act(self) -> None:
        if self.ticks % self.every:
            return
        verdict = self.evidence.verdict(self.now)
        causes = {each: self.cause(each, verdict) for each in self.application.rows}
        observation = self._observe(verdict, causes)
        half = self.after / 2
        decision = decide(
            self.memory, observation, SETTINGS, half=half, min_interval=self.every * TICK / 2
        )
        self.memory = decision.memory
        if decision.stop is not None:
            self.control = replace(self.control, stop=decision.stop)
        if decision.is_judged:
            self.control = replace(self.control, stop=None, judged_until=self.now)
        if not decision.confirmed:
            return
        self.now += DELAY
        self.application.tick(self.now, DELAY)
        later = self.fresh(verdict, observation.at)
        if not self.blind(later):
            self._close(decision.confirmed, observation, later)
        self.now -= DELAY

    def _close(self, chosen: tuple[str, ...], observation: Observation, later: Verdict) -> None:
        """Close under the lock what has not changed, and is orphaned by the newer verdict."""
        for key in chosen:
            session, state = self.application.rows.get(key), observation.candidates[key]
            if session is None or version(session) != state.version:
                continue
            if is_proved(observation, state) and not is_still_proved(key, state, later):
                continue
            cause = self.cause(key, later)
            if cause is None or cause == "stale_in_list":
                continue
            closing = Closing(key, cause, self.now)
            self.closings.append(closing)
            self.owner_of[key] = session.owner
            if self.is_live(key, session):
                self.live_closed.append(closing)
            del self.application.rows[key]

    def _observe(self, verdict: Verdict, causes: dict[str, str | None]) -> Observation:
        rows, now, half = self.application.rows, self.now, self.after / 2
        closable = {each for each, why in causes.items() if why and why != "stale_in_list"}
        proved = {each for each in closable if causes[each] in PROVED}
        by_age = {
            each: rows[each].seen + (0.0 if each in proved else self.after) for each in closable
        }
        closed = {each.session for each in self.closings}
        returned = [
            each for each in self.watch.find_gone(by_age) if each in rows and each not in closed
        ]
        self._resume()
        resume = self.control.resume
        since = float("-inf") if resume is None else resume.at
        self.watch = self.watch.count(by_age, returned, now, since=since)
        known = self.watch.known
        judged_since = self.control.judged_since(self.after)
        wave_since = judged_since
        if self.control.judged_until is not None:
            wave_since = max(judged_since, self.control.judged_until - half)
        stop = self.control.stop
        held = 0 if stop is None else sum(rows[each].seen < stop.at for each in closable)
        self.control = replace(self.control, held=held)
        live = {each for each, row in rows.items() if now - row.seen <= half}
        beating = {
            each
            for each in live
            if not self.has_heartbeats or rows[each].seen > rows[each].started + 10
        }
        owners = dict[str, Owner]()
        for key, row in rows.items():
            before = owners.get(row.owner, Owner(0, 0, 0))
            beats = key in beating or not self.has_heartbeats
            is_new = key in closable - proved and known[key] > judged_since
            owners[row.owner] = Owner(
                before.active + 1,
                before.live + beats,
                before.orphaned + is_new,
                is_dead=row.owner in verdict.dead_owners,
            )
        longest_first = sorted(closable, key=lambda each: rows[each].seen)
        spent = sum(each.cause == "age" and each.at > now - DAY for each in self.closings)
        return Observation(
            at=now,
            now=now,
            server="a",
            counts=SessionCounts(
                live=len(live),
                quiet=len(rows.keys() - live - closable),
                ready=len(closable - live),
            ),
            half=half,
            beating=len(beating),
            wave=self.watch.wave(half, since=wave_since, without=proved),
            candidates={
                each: CandidateState(version(rows[each]), known[each], rows[each].owner, why)
                for each in longest_first
                if (why := causes[each])
            },
            candidate_count=len(closable),
            orphaned_at=known,
            proved=len(proved),
            owners=owners,
            returns=self.watch.returns(since=since, now=now),
            record=Record(spent=spent),
            control=self.control,
            blind=self.blind(verdict),
        )

    def _resume(self) -> None:
        """A person resumes what has been stopped for a while."""
        stop = self.control.stop
        if stop is not None and self.now - stop.at > RESUMED_AFTER:
            self.control = replace(self.control, stop=None, resume=Resume(self.now, stop.at))


def version(session: SimulatedSession) -> str:
    """Any write to a row makes another one."""
    return f"{session.owner} {session.seen}"
