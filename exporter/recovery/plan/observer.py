"""What recovery observes of a source, run after run: its table, its audit, and what is decided.

Nothing is written but by save().
"""

from collections.abc import Mapping
from dataclasses import replace

from exporter.config import Source
from exporter.errors import BackingOff, SourceError
from exporter.postgres import Reader, Writer
from exporter.queries import array, fill
from exporter.recovery.audit import control as controlling
from exporter.recovery.decision.observation import (
    CandidateState,
    ClosedDay,
    Control,
    Observation,
    Owner,
    Record,
    Returns,
    SessionCounts,
)
from exporter.recovery.decision.returns import MOST, Watch
from exporter.recovery.plan.counts import counts_statement, half_of, shows_beat
from exporter.recovery.rule.checks import name_failing_key, read_naming_key
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions, owner_of
from exporter.sessions import interval

#: A session that was closed so often within 72 hours is set aside.
MOST_CLOSURES = 3

#: The record is read again after so many seconds, or 20 times as long as reading it took.
RECORD_EVERY = 60.0

_NEVER = float("-inf")


class Observer:
    """Observes one source. What it remembers of the runs before is not needed to decide safely."""

    def __init__(self, source: Source, *, looks_back: bool = True) -> None:
        """Automatic recovery looks back: it judges what became orphaned before any observation.

        A person judges that alone.
        """
        self._source = source
        self._looks_back = looks_back
        self.returned = 0
        """The sessions that returned, since this was made."""
        self._watch: Watch | None = None
        self._control = Control()
        """Where nothing may be written, as it would be if it were."""
        self._record = Record()
        self._record_until = _NEVER
        self._saved: tuple[str, Mapping[int, Returns]] | None = None
        self._saved_until = _NEVER

    async def observe(
        self, reader: Reader, rule: Rule, *, at: float, is_audited: bool = True
    ) -> Observation:
        """Observe at monotonic time `at`; without the audit, what it says is not known.

        Raises SourceError; evidence that cannot be read makes the observation blind.
        """
        control, saved = self._control, Watch()
        if is_audited:
            control, saved = await controlling.read_control(reader, rule)
        if control.observed_since is None:
            control = replace(control, observed_since=self._control.observed_since)
        try:
            observation, orphans = await self._read(
                reader, rule, control, at=at, is_audited=is_audited
            )
        except BackingOff:
            raise
        except SourceError:
            blind = await find_evidence_error(reader, rule)
            if blind is None:
                raise
            ((now, server),) = await reader.rows(_clock_and_server())
            return Observation(at, now, server, SessionCounts(), control=control, blind=str(blind))
        if self._watch is None:
            self._watch = saved
        gone = self._watch.find_gone(orphans)
        returned = await self._find_returned(reader, rule, gone, is_audited=is_audited)
        since = _NEVER if control.resumed_at is None else control.resumed_at
        self._watch = self._watch.count(orphans, returned, observation.now, since=since)
        self.returned += len(returned)
        returns = self._watch.returns(since=since, now=observation.now)
        record = Record()
        if is_audited:
            record, contradicted = await self._read_record(reader, rule, since=since, at=at)
            returns = replace(
                returns,
                orphaned=returns.orphaned + contradicted,
                returned=returns.returned + contradicted,
            )
        accepted = control.accepted_wave(self._source.orphaned_after)
        record = replace(record, largest_wave=max(record.largest_wave, accepted))
        first = observation.now if control.observed_since is None else control.observed_since
        control = replace(observation.control, observed_since=first)
        self._control = replace(control, observed_until=observation.now)
        return replace(observation, returns=returns, record=record, control=control)

    async def save(self, writer: Writer, rule: Rule, observation: Observation) -> None:
        """Note for all exporters that the rule is observed, and what returned.

        Not at each run: a note that is an eighth of the wave's time old makes the next exporter
        look so much further back. Raises SourceError.
        """
        slots = {} if self._watch is None else self._watch.slots
        rule_and_slots = (rule.fingerprint, slots)
        if rule_and_slots == self._saved and observation.now < self._saved_until:
            return
        await controlling.write_observation(writer, rule, now=observation.now, slots=slots)
        self._saved, self._saved_until = rule_and_slots, observation.now + half_of(rule) / 8

    async def _read(
        self, reader: Reader, rule: Rule, control: Control, *, at: float, is_audited: bool
    ) -> tuple[Observation, dict[str, float]]:
        """The observation, and when each orphaned session became orphaned."""
        recovery, after = rule.table.source.recovery, rule.table.source.orphaned_after
        half, judged_since = half_of(rule), control.judged_since(after)
        since = judged_since
        if control.observed_until is not None:
            since = max(since, control.observed_until - half)
        wave_since = f"pg_catalog.to_timestamp({_time(since)})"
        if control.observed_until is None and not self._looks_back:
            wave_since = f"greatest({wave_since}, pg_catalog.now() - {interval(half)})"
        times = {
            "after": interval(after),
            "half": interval(half),
            "owner": owner_of(rule),
        }
        selection = orphaned_sessions(rule, with_backlog=False)
        owners = "owners" if recovery.server is not None else "no_owners"
        left_alone = "left_alone" if is_audited else "none_left_alone"
        statement = selection.statement(
            "recovery/observation/observation",
            **times,
            server=fill("recovery/observation/server"),
            counts=counts_statement(rule),
            owners=selection.statement(
                f"recovery/observation/{owners}",
                **times,
                beating=shows_beat(rule),
                judged_since=_time(judged_since),
            ),
            wave_since=wave_since,
            stopped_at=_time(_NEVER if control.stop is None else control.stop.at),
            left_alone=rule.statement(
                f"recovery/observation/{left_alone}", most_closures=str(MOST_CLOSURES)
            ),
            closable=fill("recovery/observation/closable"),
            most=str(max(recovery.per_run, recovery.max_count) * 2),
            most_watched=str(MOST),
        )
        (row,) = await read_naming_key(reader, rule, statement)
        now, server, counts, beating, wave, held, left, candidates, recent, grouped = row
        observation = Observation(
            at=at,
            now=now,
            server=server,
            counts=SessionCounts(**(counts or {})),
            beating=beating,
            wave=wave,
            left_alone=left,
            candidates={
                session: CandidateState(version, seen, owner)
                for session, version, seen, owner in candidates
            },
            owners={name: Owner(*numbers) for name, *numbers in grouped},
            control=replace(control, held=held),
        )
        return observation, dict(recent)

    async def _find_returned(
        self, reader: Reader, rule: Rule, gone: list[str], *, is_audited: bool
    ) -> set[str]:
        if not gone:
            return set()
        recovered = "false"
        if is_audited:
            recovered = rule.statement("recovery/decision/recovered")
        statement = rule.statement(
            "recovery/decision/returned", ids=array(gone), recovered=recovered
        )
        return {session for (session,) in await read_naming_key(reader, rule, statement)}

    async def _read_record(
        self, reader: Reader, rule: Rule, *, since: float, at: float
    ) -> tuple[Record, int]:
        """The record, and how many sessions of the last day were contradicted since a moment."""
        after = interval(rule.table.source.orphaned_after)
        if at >= self._record_until:
            before = reader.seconds
            statement = rule.statement(
                "recovery/decision/record", after=after, half=interval(half_of(rule))
            )
            ((largest, days),) = await reader.rows(statement)
            self._record = Record(largest, tuple(ClosedDay(*day) for day in days))
            self._record_until = at + max(RECORD_EVERY, 20 * (reader.seconds - before))
        statement = rule.statement(
            "recovery/decision/today",
            spent=rule.statement("recovery/decision/spent"),
            after=after,
            since=_time(since),
        )
        ((spent, contradicted),) = await reader.rows(statement)
        return replace(self._record, spent=spent), contradicted


async def find_evidence_error(reader: Reader, rule: Rule) -> SourceError | None:
    """Why the evidence cannot be read for the orphaned sessions, or None. Raises BackingOff."""
    try:
        await reader.read(rule.statement("recovery/plan/evidence"))
    except BackingOff:
        raise
    except SourceError as error:
        return await name_failing_key(reader, rule, error)
    return None


def _time(seconds: float) -> str:
    """A Unix time as SQL, also an infinite one."""
    return f"'{seconds!r}'::float8"


def _clock_and_server() -> str:
    return fill("recovery/observation/blind", server=fill("recovery/observation/server"))
