"""Automatic recovery of one source: observes, decides, and in mode auto closes.

Several exporters may run this for one source; there is no leader. Locks and the recheck under them
decide which sessions are closed, and the audit table limits their number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from exporter import logs, sessions
from exporter.clock import Clock
from exporter.collection.binding import Binding
from exporter.collection.job import STALE_INTERVALS, Job, Key, stretch_interval
from exporter.config import DatabaseSettings, Source
from exporter.errors import (
    AuditVersionMismatch,
    PermissionDenied,
    SourceError,
    reason_label,
)
from exporter.postgres import Reader
from exporter.recovery.audit.control import find_pause, write_stop
from exporter.recovery.audit.counters import AuditCounter
from exporter.recovery.audit.installation import can_read_audit, require_audit
from exporter.recovery.audit.maintenance import AuditMaintenance
from exporter.recovery.audit.runs import newest_runs
from exporter.recovery.close.batches import CloseRun, make_closer
from exporter.recovery.close.candidates import Candidate, Outcome
from exporter.recovery.close.closer import EVIDENCE_LASTS, Permission
from exporter.recovery.close.refusals import Refusals
from exporter.recovery.decision.brakes import stop_in_force
from exporter.recovery.decision.decision import (
    Decision,
    Memory,
    decide,
    is_proved,
    is_still_proved,
)
from exporter.recovery.decision.observation import Observation
from exporter.recovery.functions.installed import InstalledFunction, find_recover_function
from exporter.recovery.plan.left_alone import ADVICE, count_left_alone
from exporter.recovery.plan.observer import Observer
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import check_rule
from exporter.recovery.rule.connections import RecoveryConnections
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions
from exporter.recovery.status import RecoveryStatuses
from exporter.sessions import evidence_settings
from exporter.sessions.verdict import NO_VERDICTS, Verdicts
from exporter.text import some_of

#: The name of these jobs in their keys.
RECOVERY = "recovery"

#: Advice about refused sessions.
REFUSED_ADVICE = (
    "they are set aside and tried again within an hour; let `recovery` in the config write what "
    "the constraint or trigger allows, or `exempt` them; `recover SOURCE --yes` names each"
)


class AutomaticRecovery(Job):
    """One source in one database; in mode disabled it only counts the rows of the audit."""

    FAILED = "recovery_failed"
    SUCCEEDED = "recovery_works"
    BUG = "recovery_bug"

    def __init__(
        self,
        settings: DatabaseSettings,
        source: Source,
        *,
        statuses: RecoveryStatuses,
        clock: Clock,
        connections: RecoveryConnections | None = None,
        evidence: Verdicts = NO_VERDICTS,
        kept_runs: int = 0,
    ) -> None:
        """`settings` are those of collection; without `connections` it does not share any.

        `kept_runs` is the number of newest runs of the audit in the status.
        """
        super().__init__(Key(settings.name, source.name, RECOVERY), interval=source.every)
        self._source = source
        self._statuses = statuses
        self._clock = clock
        self._own = RecoveryConnections()
        shared = connections or self._own
        self._database = shared.reading(settings, source)
        self._writer = shared.writer(settings, source)
        self._evidence = evidence
        self._observer = Observer(source)
        status = statuses.by_pair[self.key[:2]]
        self._observer.returned = status.returned or 0
        self._memory = Memory(started_at=clock.monotonic())
        self._binding = Binding(source, _bind)
        self._counter = AuditCounter(source.name, status)
        self._maintenance = AuditMaintenance(self._writer, source)
        self._refusals = Refusals()
        self._kept_runs = kept_runs
        self._runs_of: object = None
        """The counts of the audit when its runs were read."""
        self._tried: dict[str, float] = {}
        """When each session that could not be closed was last chosen."""

    def report_to(self, statuses: RecoveryStatuses, *, evidence: Verdicts) -> None:
        """Continue with other stores, also in the current run."""
        self._statuses, self._evidence = statuses, evidence

    @property
    def past(self) -> "RecoveryPast":
        """Its state, for its successor."""
        return RecoveryPast(
            self._source,
            self._memory,
            self._observer,
            self._counter,
            self._refusals,
            self._tried,
            self._logged,
        )

    def continue_from(self, past: "RecoveryPast", *, same_orphans: bool) -> None:
        """Continue a recovery of this source in this database, which has ended.

        Its memory is kept if both find the `same_orphans`, and neither is disabled.
        """
        self._counter = past.counter
        before, after = past.source.recovery, self._source.recovery
        if not same_orphans or "disabled" in {before.mode, after.mode}:
            return
        self._memory, self._observer, self._logged = past.memory, past.observer, past.logged
        self._observer.continue_with(self._source)
        if before == after:  # otherwise refused sessions may be closed now
            self._refusals, self._tried = past.refusals, past.tried

    async def close(self) -> None:
        await self._own.close()

    async def _run(self) -> None:
        mode = self._source.recovery.mode
        reader = self._reader()
        # Only closing needs the audit; a role for collection or a dry run may lack access to it. If
        # an audit exists that cannot be read, everything that does not need it is done first.
        is_audited, unreadable = mode == "auto", None
        if mode == "auto":
            await require_audit(reader)
        else:
            try:
                is_audited = await can_read_audit(reader)
            except (AuditVersionMismatch, PermissionDenied) as error:
                unreadable = error
        if mode != "disabled":
            bound = await self._binding.get(reader, self._clock.monotonic())
            await self._recover(reader, *bound, is_audited=is_audited)
            if mode == "auto":
                await self._maintain_audit(*bound)
        if is_audited:
            recovered, undone, contradicted = await self._counter.read(reader)
            self._change_status(recovered=recovered, undone=undone, contradicted=contradicted)
            await self._read_runs(reader, (recovered, undone, contradicted))
        self.interval = stretch_interval(self._source.every, reader.seconds)
        if unreadable is not None:
            self._change_status(paused=None, pause=None)
            raise unreadable
        self._change_status(reason=None, failure=None)

    async def _read_runs(self, reader: Reader, counted: object) -> None:
        """Read the newest runs again if the rows of the audit have changed."""
        if self._kept_runs and counted != self._runs_of:
            runs = await newest_runs(reader, self._source.name, limit=self._kept_runs)
            self._change_status(runs=tuple(runs))
            self._runs_of = counted

    def _reader(self) -> Reader:
        zone = sessions.time_zone(self._source)
        return self._database.reader(user=self._source.name, timezone=zone)

    def _failed(self, error: SourceError) -> None:
        self._binding.forget()
        self._count("failed", **{reason_label(error.reason): 1})
        self._change_status(reason=error.reason, failure=str(error))

    async def _recover(
        self, reader: Reader, rule: Rule, function: InstalledFunction | None, *, is_audited: bool
    ) -> None:
        now, source = self._clock.monotonic(), self._source
        verdict = self._evidence.verdict()
        reader.preamble = await evidence_settings(verdict, rule.table.encoding)
        observation = await self._observer.observe(
            reader,
            rule,
            at=now,
            is_audited=is_audited,
            set_aside=self._refusals.set_aside(now),
            last=self._tried,
            verdict=verdict,
        )
        observation = replace(observation, ended_at=self._clock.monotonic())
        self._tried = {
            session: tried_at
            for session, tried_at in self._tried.items()
            if session in observation.orphaned_at
        }
        self._refusals.forget(observation.orphaned_at, now)
        decision = decide(
            self._memory,
            observation,
            source.recovery,
            half=observation.half,
            min_interval=self.interval / 2,
            tried=self._tried,
        )
        self._memory = decision.memory
        is_auto = source.recovery.mode == "auto"
        if decision.stop is not None:
            if is_auto:
                await write_stop(self._writer, source.name, decision.stop)
            else:
                self._observer.remember_stop(decision.stop)
        await self._observer.save(
            self._writer if is_auto else None, rule, observation, is_judged=decision.is_judged
        )
        self._change_status(
            brakes=frozenset(decision.brakes),
            why=decision.brakes,
            braked_since=self._braked_since(decision.brakes, observation),
            candidates=observation.candidate_count,
            held=decision.held,
            returned=self._observer.returned,
            last_run=self._clock.wall(),
            expires_at=now + STALE_INTERVALS * self.interval,
        )
        # The numbers in a sentence change from run to run, the brakes do not.
        brakes = ",".join(sorted(decision.brakes))
        why = "; ".join(decision.brakes.values())
        self._log_change("recovery_braked", brakes or None, brakes=brakes or "none", why=why or "-")
        await self._log_left_alone(reader, rule, observation.left_alone)
        pause = await find_pause(reader, source.name) if is_audited else None
        self._change_status(paused=pause is not None, pause=pause)
        if pause is not None:
            self._count("skipped", paused=len(decision.confirmed))
        else:
            if is_auto and not decision.brakes:  # the held sessions wait for the budget of the day
                self._count("skipped", budget=decision.held)
            await self._close_confirmed(rule, function, decision, observation)

    def _braked_since(self, brakes: Iterable[str], observation: Observation) -> dict[str, float]:
        """Since when each brake is on: a stop since it began, others since first observed."""
        before, now = self._statuses.by_pair[self.key[:2]].braked_since, self._clock.wall()
        since = {brake: before.get(brake, now) for brake in brakes}
        stop = stop_in_force(observation)
        return since if stop is None else since | {stop.brake: stop.at}

    async def _log_left_alone(self, reader: Reader, rule: Rule, left: int) -> None:
        event, state = "recovery_leaves_alone", left or None
        if self._logged.get(event) == state:
            return
        causes = await count_left_alone(reader, rule, left)
        why = "; ".join(f"{count} {cause}: {ADVICE[cause]}" for cause, count in causes.items())
        self._log_change(event, state, sessions=left, why=why or "-")

    async def _close_confirmed(
        self,
        rule: Rule,
        function: InstalledFunction | None,
        decision: Decision,
        observation: Observation,
    ) -> None:
        recovery = self._source.recovery
        now = self._clock.monotonic()
        chosen = decision.confirmed[: recovery.per_run]
        if recovery.mode == "dry_run":
            counts = {"would_close": len(chosen), "returned": self._observer.returned}
            self._log_change("recovery_dry_run", counts if any(counts.values()) else None, **counts)
            return
        if not chosen:
            return
        verdict = await self._evidence.fresh(observation.at)
        self._log_change("recovery_waits_for_evidence", verdict.blind or None, why=verdict.blind)
        if verdict.blind:
            return
        answered_at = self._clock.monotonic()
        reader = self._reader()
        reader.preamble = await evidence_settings(verdict, rule.table.encoding)
        orphans = orphaned_sessions(rule, with_backlog=False)
        found = observation.candidates
        proved = {each for each in chosen if is_proved(observation, found[each])}
        still = {each for each in proved if is_still_proved(each, found[each], verdict)}

        async def known(_chunk: Sequence[Candidate]) -> tuple[str, ...]:
            return reader.preamble

        def is_fresh() -> bool:
            age = self._clock.monotonic() - answered_at
            return not self._source.has_evidence or age < EVIDENCE_LASTS

        # Sessions proved lost need no budget of the day; if no longer proved, they have not
        # settled.
        for some, day_limit in ((still, None), (set(chosen) - proved, decision.day_limit)):
            permission = Permission(observation.server, day_limit, is_fresh)
            closer = make_closer(
                self._writer, reader, orphans, function, permission=permission, evidence=known
            )
            run = CloseRun(closer, recovery.batch, recovery.pause)
            sessions_ = [each for each in chosen if each in some]
            try:
                await run.close(
                    [Candidate(each, observation.candidates[each].version) for each in sessions_]
                )
            finally:  # even if it ends early: committed sessions stay closed
                closed = {each.session for each in run.outcome.recovered}
                self._tried |= {session: now for session in sessions_ if session not in closed}
                if sessions_:
                    self._record(run.outcome, now)

    def _record(self, outcome: Outcome, now: float) -> None:
        if outcome.paused:
            self._change_status(paused=True)
        for cause, count in self._refusals.add(outcome.refused, now).items():
            logs.warning(
                "recovery_refused", **self._names, sessions=count, why=cause, advice=REFUSED_ADVICE
            )
        self._count(
            "skipped", budget=outcome.over_budget, busy=outcome.skipped, paused=outcome.paused
        )
        refused = len(outcome.refused)
        self._count("failed", refused=refused)
        if outcome.recovered or refused:
            logs.info(
                "recovered",
                **self._names,
                run=str(outcome.run),
                sessions=len(outcome.recovered),
                skipped=outcome.skipped,
                refused=refused,
                why=some_of(dict.fromkeys(outcome.refused.values()), between="; ") or "-",
            )

    async def _maintain_audit(self, rule: Rule, function: InstalledFunction | None) -> None:
        now = self._clock.monotonic()
        for cause, is_new in await self._maintenance.run(rule, function, at=now):
            self._count("failed", **{reason_label(cause.reason): 1})
            if is_new:
                error = f"audit maintenance failed, will retry: {cause}"
                logs.warning(self.FAILED, **self._names, reason=cause.reason, error=error)

    def _change_status(self, **changes: object) -> None:
        self._statuses.change(self.key[:2], **changes)

    def _count(self, name: Literal["failed", "skipped"], **more: int) -> None:
        counts: Mapping[str, int] = getattr(self._statuses.by_pair[self.key[:2]], name)
        changed = {label: count + more.get(label, 0) for label, count in counts.items()}
        self._change_status(**{name: changed})


@dataclass(frozen=True, slots=True)
class RecoveryPast:
    """The memory of automatic recovery of one source."""

    source: Source
    memory: Memory
    observer: Observer
    counter: AuditCounter
    refusals: Refusals
    tried: dict[str, float]
    logged: dict[str, object]


async def _bind(reader: Reader, source: Source) -> tuple[Rule, InstalledFunction | None]:
    """The rule of a source, and the function that closes its sessions, if any."""
    rule = await bind_rule(reader, source)
    function = await find_recover_function(reader, rule)
    if source.recovery.mode == "auto":
        await check_rule(reader, rule, writes=function is None)
    return rule, function
