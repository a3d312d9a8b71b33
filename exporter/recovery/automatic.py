"""Recovery that runs by itself: one source, again and again, as the schedule says.

Whoever leads does not matter: several exporters may run this for one source. What is closed is
decided by locks and by a second look, and how much of it by the audit table.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace

from exporter import logs, sessions
from exporter.backoff import Backoff
from exporter.clock import Clock
from exporter.collection.collection import DUTY
from exporter.collection.snapshots import Key, Snapshots
from exporter.config import DatabaseSettings, Source
from exporter.errors import (
    AuditUnusable,
    BackingOff,
    BadData,
    PermissionDenied,
    SourceError,
    reason_label,
)
from exporter.postgres import Database, Reader, Writer
from exporter.queries import fill
from exporter.recovery.audit.control import is_paused
from exporter.recovery.audit.counters import AuditCounter
from exporter.recovery.audit.installation import NO_AUDIT, has_audit
from exporter.recovery.audit.maintenance import AuditMaintenance
from exporter.recovery.close.batches import CloseRun, Outcome
from exporter.recovery.close.candidates import Candidate
from exporter.recovery.close.closers import make_closer
from exporter.recovery.decision.decision import (
    CandidateState,
    Decision,
    Memory,
    Observation,
    decide,
)
from exporter.recovery.functions.installed import InstalledFunction, find_recover_function
from exporter.recovery.plan import SessionCounts, count_sessions, quiet_after
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import check_rule
from exporter.recovery.rule.connections import reading_settings, writing_settings
from exporter.recovery.rule.failing_expression import name_failing_key
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions, selected
from exporter.recovery.status import RecoveryState

#: Brakes and candidates are served for this many intervals after the last run.
STALE_INTERVALS = 3

#: Shortest and longest time for which a session is left alone that could not be closed, in seconds.
SET_ASIDE = (60.0, 3600.0)

#: The rule is bound to its table anew after this time, in seconds.
BIND_AGAIN_AFTER = 300.0


class AutomaticRecovery:
    """One source in one database. Has connections of its own, as a role of its own.

    `settings` are those of collection.
    """

    def __init__(
        self, settings: DatabaseSettings, source: Source, *, snapshots: Snapshots, clock: Clock
    ) -> None:
        self.key = Key(settings.name, source.name, "recovery")
        self._source = source
        self._snapshots = snapshots
        self._clock = clock
        reading = reading_settings(settings, source)
        self._database = Database(reading.model_copy(update={"max_connections": 1}))
        self._writer = Writer(
            writing_settings(settings, source), timezone=sessions.time_zone(source)
        )
        self._memory = Memory(started_at=clock.monotonic())
        self._rule: Rule | None = None
        self._function: InstalledFunction | None = None
        self._bound_until = 0.0
        self._counter = AuditCounter(source.name)
        self._told: object = None
        self._interval = source.every
        self._aside: dict[str, Backoff] = {}
        self._skipped: frozenset[str] = frozenset()
        self._tending = AuditMaintenance(self._writer, source)

    @property
    def interval(self) -> float:
        """Seconds between two runs."""
        return self._interval

    async def run(self) -> None:
        """Look, decide, and in mode auto close. Never raises but for cancellation."""
        try:
            await self._run()
        except BackingOff:
            self._rule = None
        except SourceError as error:
            self._rule = None
            self._failed(error.reason, str(error))
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the daemon
            logs.bug("recovery_bug", error, **self._names)
            self._failed("other", f"a bug in session-exporter: {error!r}")

    def overlapped(self) -> None:
        """A run that was due while the one before was still going: nothing is lost by it."""

    async def close(self) -> None:
        """Hang up."""
        await self._database.close()
        await self._writer.close()

    @property
    def _names(self) -> dict[str, str]:
        return {"database": self.key.database, "source": self.key.source}

    @property
    def _state(self) -> RecoveryState:
        return self._snapshots.recoveries[self.key[:2]]

    async def _run(self) -> None:
        mode = self._source.recovery.mode
        reader = self._database.reader(timezone=sessions.time_zone(self._source))
        try:
            is_audited = await has_audit(reader)
        except PermissionDenied:
            if mode == "disabled":
                return  # it is no business of a role that only collects
            raise
        if mode == "auto" and not is_audited:
            raise AuditUnusable(NO_AUDIT)
        if mode != "disabled":
            await self._recover(reader, await self._bound(reader))
        if is_audited:
            await self._count(reader)
        # As a collector does: no more than a small part of the time in the database.
        self._interval = max(self._source.every, DUTY * reader.seconds)
        if isinstance(self._told, tuple) and self._told[0] == "failed":
            self._told = None
            logs.info("recovery_works", **self._names)

    async def _recover(self, reader: Reader, rule: Rule) -> None:
        now = self._clock.monotonic()
        sight = await look(reader, rule, at=now)
        decision = decide(
            self._memory,
            sight,
            self._source.recovery,
            apart=self.interval / 2,
            recovery_window=quiet_after(rule) if rule.table.last_seen_at is not None else 0.0,
        )
        self._memory = decision.memory
        self._change(
            brakes=decision.brakes,
            candidates=len(sight.looks),
            last_run=self._clock.wall(),
            expires_at=now + STALE_INTERVALS * self.interval,
        )
        self._tell_brakes(decision.brakes, sight.why)
        if await is_paused(reader, self._source.name):
            skipped = _plus(self._state.skipped, paused=len(decision.confirmed))
            self._change(paused=True, skipped=skipped)
        else:
            self._change(paused=False)
            await self._act(rule, decision, sight)

    async def _act(self, rule: Rule, decision: Decision, sight: Observation) -> None:
        recovery = self._source.recovery
        now = self._clock.monotonic()
        self._aside = {key: each for key, each in self._aside.items() if key in sight.looks}
        free = [
            s for s in decision.confirmed if s not in self._aside or not self._aside[s].waits(now)
        ]
        # Who could not be closed the last time stands behind the others, so that it keeps none.
        chosen = sorted(free, key=self._skipped.__contains__)[: recovery.per_run]
        if not chosen:
            return
        if recovery.mode == "dry_run":
            self._tell(("dry_run", len(chosen)), "recovery_dry_run", would_close=len(chosen))
            return
        outcome = Outcome(uuid.uuid4())
        try:
            await self._closing(rule).run(
                [[Candidate(session, sight.looks[session].version) for session in chosen]],
                batch=recovery.batch,
                pause=recovery.pause,
                progress=lambda _: None,
                continuing=outcome,
            )
        finally:  # what was done is told, also when it ends in the middle
            recovered = {each.session for each in outcome.recovered}
            self._skipped = frozenset(chosen) - recovered
            self._finished(outcome, now)

    def _finished(self, outcome: Outcome, now: float) -> None:
        if outcome.paused:
            self._change(paused=True)
        for session in outcome.refused:
            self._aside.setdefault(session, Backoff()).failed(now, SET_ASIDE)
        self._record(outcome)

    def _closing(self, rule: Rule) -> CloseRun:
        reader = self._database.reader(timezone=sessions.time_zone(self._source))
        return CloseRun(
            make_closer(
                self._writer, reader, rule, self._function, trigger="auto", with_backlog=False
            )
        )

    def _record(self, outcome: Outcome) -> None:
        state = self._state
        self._change(
            skipped=_plus(
                state.skipped,
                budget=outcome.over_budget,
                busy=outcome.skipped,
                paused=outcome.paused,
            ),
            failed=_plus(state.failed, refused=len(outcome.refused)),
        )
        if outcome.recovered or outcome.refused:
            logs.info(
                "recovered",
                **self._names,
                run=str(outcome.run),
                sessions=len(outcome.recovered),
                passed_over=outcome.skipped,
                refused=len(outcome.refused),
                why="; ".join(dict.fromkeys(outcome.refused.values())) or "-",
            )

    async def _bound(self, reader: Reader) -> Rule:
        now = self._clock.monotonic()
        if self._rule is None or now >= self._bound_until:
            self._rule = None
            rule = await bind_rule(reader, self._source)
            self._function = await find_recover_function(reader, rule)
            if self._source.recovery.mode == "auto":
                await check_rule(reader, rule, writes=self._function is None)
            self._rule, self._bound_until = rule, now + BIND_AGAIN_AFTER
        return self._rule

    async def _count(self, reader: Reader) -> None:
        if self._source.recovery.mode == "auto":
            rule = await self._bound(reader)
            failures = await self._tending.run(rule, self._function, at=self._clock.monotonic())
            for cause, is_new in failures:
                self._change(failed=_plus(self._state.failed, **{reason_label(cause.reason): 1}))
                if is_new:
                    error = f"looking after the audit, which is tried again later: {cause}"
                    logs.warning("recovery_failed", **self._names, reason=cause.reason, error=error)
        counted = await self._counter.read(reader)
        self._change(
            recovered=counted.recovered,
            undone=counted.undone,
            contradicted=counted.contradicted,
        )

    def _failed(self, reason: str, message: str) -> None:
        self._change(failed=_plus(self._state.failed, **{reason_label(reason): 1}))
        self._tell(("failed", reason), "recovery_failed", reason=reason, error=message)

    def _tell_brakes(self, brakes: Iterable[str], why: str) -> None:
        on = ",".join(sorted(brakes))
        if on or (isinstance(self._told, tuple) and self._told[0] == "brakes"):
            facts = {"error": why} if why else {}
            what = ("brakes", on, why) if on else None
            self._tell(what, "recovery_braked", brakes=on or "none", **facts)

    def _tell(self, what: object, event: str, **facts: object) -> None:
        """One line per change of state, not one per run."""
        if what != self._told:
            self._told = what
            logs.warning(event, **self._names, **facts)

    def _change(self, **changes: object) -> None:
        self._snapshots.recovering(self.key[:2], replace(self._state, **changes))  # type: ignore[arg-type]


async def look(reader: Reader, rule: Rule, *, at: float) -> Observation:
    """See what looks orphaned. Evidence that cannot be read makes a sight that is blind."""
    (server,) = await reader.read(fill("recovery/plan/server"))
    try:
        await reader.read(rule.statement("recovery/plan/evidence"))
    except BackingOff:
        raise
    except SourceError as error:
        why = str(await name_failing_key(reader, rule, error))
        return Observation(at, SessionCounts(), {}, str(server.rows[0][0]), is_blind=True, why=why)
    try:
        fates = await count_sessions(reader, rule)
        (seen,) = await reader.read(
            rule.statement(
                "recovery/plan/observation",
                **selected(rule, orphaned_sessions(rule, with_backlog=False)),
            )
        )
    except BadData as error:
        raise await name_failing_key(reader, rule, error) from None
    looks = {
        session: CandidateState(version, last_seen) for session, version, last_seen in seen.rows
    }
    return Observation(at, fates, looks, str(server.rows[0][0]))


def _plus(counts: Mapping[str, int], **more: int) -> dict[str, int]:
    return {key: count + more.get(key, 0) for key, count in counts.items()}
