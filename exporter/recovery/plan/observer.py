"""The observations of a source by recovery, run after run: its table, its audit, and decisions.

Only save() writes.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from exporter.config import Source
from exporter.errors import BackingOff, SourceError
from exporter.postgres import Reader, Writer
from exporter.recovery.audit import control as controlling
from exporter.recovery.decision.observation import (
    PROVED,
    CandidateState,
    Control,
    Observation,
    Owner,
    Record,
    SessionCounts,
    Stop,
)
from exporter.recovery.decision.watch import Watch, find_whole, largest_wave
from exporter.recovery.plan.record import RecordReader
from exporter.recovery.plan.returned import find_gone
from exporter.recovery.plan.sessions import (
    ReadSessions,
    find_evidence_error,
    read_clock_and_server,
    read_sessions,
)
from exporter.recovery.rule.rule import Rule
from exporter.sessions.verdict import NO_EVIDENCE, Verdict

_NEVER = float("-inf")


class Observer:
    """Observes one source. Its memory of earlier runs is not needed to decide safely."""

    def __init__(self, source: Source, *, looks_back: bool = True) -> None:
        """With `looks_back`, as in automatic recovery, earlier orphans are judged too.

        These became orphaned before any observation. A person judges only these.
        """
        self._source = source
        self._looks_back = looks_back
        self.returned = 0
        """The sessions that returned since this object was created."""
        self._watch: Watch | None = None
        self._by_age: Mapping[str, float] = {}
        """For watched sessions, when their age made each orphaned."""
        self._own: Mapping[str, float] = {}
        """The own threshold of each of these, in seconds; empty if all share one duration."""
        self._control = Control()
        """The control as if it had been written, in a mode that may not write."""
        self._own_stop: Stop | None = None
        """The stop of a dry run, which writes none."""
        self._record = RecordReader()
        self._unseen_until = _NEVER
        """Until when the list was unknown after it had been known; it may hold sessions that look
        old."""
        self._fingerprint = ""
        self._saved_at = _NEVER
        self._half = 0.0 if source.fixed_threshold is None else source.settle_time
        """Observation.half."""

    async def observe(
        self,
        reader: Reader,
        rule: Rule,
        *,
        at: float,
        is_audited: bool = True,
        set_aside: Collection[str] = (),
        last: Collection[str] = (),
        verdict: Verdict = NO_EVIDENCE,
    ) -> Observation:
        """Observe at monotonic time `at`; without an audit its values are unknown.

        No session that is `set_aside` is a candidate, and sessions of `last` are read after all
        others. The transactions of the reader have the `verdict`. Raises SourceError; evidence that
        cannot be read makes the observation blind.
        """
        if rule.fingerprint != self._fingerprint:  # the table was altered
            self._fingerprint, self._saved_at = rule.fingerprint, _NEVER
            self._watch, self._control = None, Control()
        control, saved = replace(self._control, stop=None), Watch()
        if is_audited:
            control, saved = await controlling.read_control(reader, rule)
        control = self._with_own_stop(control)
        if control.observed_since is None:
            remembered = self._control
            control = replace(
                control,
                observed_since=remembered.observed_since,
                judged_until=remembered.judged_until,
            )
        try:
            found = await read_sessions(
                reader,
                rule,
                control.stop,
                is_audited=is_audited,
                set_aside=set_aside,
                last=last,
            )
        except BackingOff:
            raise
        except SourceError:
            blind = await find_evidence_error(reader, rule)
            if blind is None:
                raise
            now, server = await read_clock_and_server(reader)
            return Observation(
                at, now, server, SessionCounts(), self._half, control=control, blind=str(blind)
            )
        if found.longest is not None:
            self._half = found.longest / 2
        now, orphans = found.now, found.orphans
        before = saved if self._watch is None else self._watch
        if verdict.blind:
            return self._observe_blindly(found, before, control, verdict.blind, at=at)
        by_age = self._by_age = {session: orphaned_at for session, orphaned_at, *_ in orphans}
        gone = await find_gone(
            reader,
            rule,
            vanished := self._find_vanished(before, by_age, verdict),
            before.until,
            is_audited=is_audited,
            alive_owners=verdict.alive_owners,
        )
        since = _NEVER if control.resume is None else control.resume.at
        self._own = {session: own for session, _, _, _, _, *owns in orphans for own in owns}
        closed = {session: at for session, _, _, at, *_ in orphans if at is not None}
        proved = {session for session, _, _, _, cause, *_ in orphans if cause in PROVED}
        keys = {session: key for session, key in gone.returned.items() if key is not None}
        watch = self._watch = before.count(
            by_age,
            gone.returned,
            now,
            since=since,
            unseen_until=self._unseen_until,
            closed=closed,
            keys=keys,
            undecided=gone.undecided,
        )
        self.returned += len(gone.returned)
        is_anew = any(by_age[each] < watch.known[each] == now for each in by_age)
        if is_anew or len(vanished) > len(gone.undecided):
            self._saved_at = _NEVER  # or the next exporter would not know it
        returns = watch.returns(since=since, now=now)
        record = Record()
        if is_audited:
            counted = watch.counted_since(since)
            record, contradicted = await self._record.read(
                reader, rule, half=self._half, since=since, at=at, counted=counted
            )
            returns = replace(
                returns,
                orphaned=returns.orphaned + contradicted,
                returned=returns.returned + contradicted,
                are_of_one_key=returns.are_of_one_key and not contradicted,
            )
        record = replace(record, accepted_wave=control.accepted_wave(now, record.wrong))
        judged_since = self._judged_since(control)
        unjudged = Counter(
            owner
            for session, _, owner, *_ in orphans
            if watch.known[session] > judged_since and session not in proved
        )
        first = now if control.observed_since is None else control.observed_since
        control = self._control = replace(control, held=found.held, observed_since=first)
        return Observation(
            at=at,
            now=now,
            server=found.server,
            counts=SessionCounts(**(found.counts or {})),
            half=self._half,
            beating=found.beating,
            wave=self._wave(watch, control, now, without=proved | gone.undecided),
            proved=len(proved),
            left_alone=found.left_alone,
            candidate_count=found.candidate_count,
            candidates={
                session: CandidateState(
                    version, watch.known.get(session, orphaned_at), owner, cause
                )
                for session, version, orphaned_at, owner, cause in found.candidates
            },
            orphaned_at={
                session: orphaned_at
                for session, orphaned_at in watch.known.items()
                if session in by_age and session not in set_aside
            },
            owners={
                name: Owner(active, live, unjudged[name], is_dead=name in verdict.dead_owners)
                for name, active, live in found.owners
            },
            returns=returns,
            record=record,
            control=control,
            blind=verdict.blind,
        )

    def _find_vanished(
        self, before: Watch, orphans: Mapping[str, float], verdict: Verdict
    ) -> list[str]:
        """None for a person with a single request: ghosts and ownerless ones would seem gone."""
        is_asked_once = self._source.has_evidence and verdict is NO_EVIDENCE
        return [] if is_asked_once else before.find_gone(orphans)

    def _observe_blindly(
        self, found: ReadSessions, before: Watch, control: Control, why: str, *, at: float
    ) -> Observation:
        """Sessions that fall silent or return are unknown: tracked sessions stay tracked."""
        if self._watch is not None and self._source.list is not None:
            self._unseen_until = found.now
        return Observation(
            at=at,
            now=found.now,
            server=found.server,
            counts=SessionCounts(**(found.counts or {})),
            half=self._half,
            beating=found.beating,
            left_alone=found.left_alone,
            candidate_count=found.candidate_count,
            orphaned_at=before.known,
            control=replace(control, held=found.held),
            blind=why,
            is_evidence_unknown=True,
        )

    async def save(
        self, writer: Writer | None, rule: Rule, observation: Observation, *, is_judged: bool
    ) -> None:
        """Record for all exporters that the rule is observed, with the watch and judged sessions.

        Without a writer only this observer remembers it. Not every run is recorded: the older a
        record is, the further back the next exporter looks. Raises SourceError.
        """
        if is_judged:
            self._control = replace(self._control, judged_until=observation.now)
            self._own_stop = None
            if observation.control.stop is not None:
                self._saved_at = _NEVER  # the pause or stop has ended, which must be recorded
        if writer is None or self._watch is None or observation.blind:
            return
        if abs(observation.now - self._saved_at) < controlling.note_interval(self._source):
            return
        control = self._control
        since = observation.now if control.observed_since is None else control.observed_since
        await controlling.write_observation(
            writer, rule, self._watch, since=since, judged_until=control.judged_until
        )
        self._saved_at = observation.now

    def remember_stop(self, stop: Stop) -> None:
        """Stop as if it were written, for the life of this observer."""
        self._own_stop = stop

    def _with_own_stop(self, control: Control) -> Control:
        """The control with the stop that counts, including a remembered one.

        A person does not see a remembered stop, and ends it by resuming the written one.
        """
        own, written, resume = self._own_stop, control.stop, control.resume
        if own is None or (resume is not None and resume.at >= own.at):
            self._own_stop = None
            return control
        stops = (own,) if written is None else (own, written)
        counts = max(stops, key=lambda stop: (stop.brake == "returned", stop.at))
        return replace(
            control, stop=counts, closed_by_hand=control.closed_by_hand if counts is written else 0
        )

    def continue_with(self, source: Source) -> None:
        """Continue with other settings that orphan the same sessions."""
        if source.recovery.mode != self._source.recovery.mode:
            self._own_stop = None  # in mode auto, a person could neither see nor end it
        self._source = source

    def held_wave(self, stop: Stop) -> int:
        """The largest wave of the observed sessions that a stop holds, of what is whole by now."""
        fixed = self._source.fixed_threshold
        watch = Watch() if self._watch is None else self._watch
        whole_until = find_whole(stop.at, watch.until, 2 * self._half)
        held = (
            at
            for session, at in watch.known.items()
            if session in self._by_age
            and at <= whole_until
            and self._by_age[session] < stop.at + (self._own[session] if fixed is None else fixed)
        )
        return largest_wave(held, self._half)

    def _wave(self, watch: Watch, control: Control, now: float, *, without: Collection[str]) -> int:
        """A person judges recent orphans: each within half of its own threshold."""
        if self._looks_back or self._source.fixed_threshold is not None:
            return watch.wave(self._half, since=self._wave_since(control, now), without=without)
        judged_since = self._judged_since(control)
        return sum(
            session not in without and at > max(judged_since, now - self._own[session] / 2)
            for session, at in watch.known.items()
        )

    def _judged_since(self, control: Control) -> float:
        # A session with a short threshold may have been alive at a stop and orphaned soon after it.
        return control.judged_since(self._source.fixed_threshold or 0.0)

    def _wave_since(self, control: Control, now: float) -> float:
        """Sessions that became orphaned after this time may be a wave that is not judged yet."""
        judged_since = self._judged_since(control)
        if control.judged_until is not None:
            return max(judged_since, control.judged_until - self._half)
        return judged_since if self._looks_back else max(judged_since, now - self._half)
