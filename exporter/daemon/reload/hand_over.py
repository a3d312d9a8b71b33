"""What the exporter of a changed config takes over from the one before it."""

from collections.abc import Iterable
from dataclasses import replace

from exporter.clock import Clock
from exporter.collection.job import Job
from exporter.config import Config
from exporter.daemon.app import Exporter
from exporter.daemon.jobs.evidence import EvidenceJob
from exporter.daemon.jobs.kept import Kept
from exporter.daemon.reload.differences import Differences, Memory
from exporter.evidence.evidence import AskedKey, Evidence, EvidencePast
from exporter.recovery.status import RecoveryStatus

#: The collectors by their names, whose values are memories of these names.
_COLLECTED: dict[str, Memory] = {"active": "active", "daily": "daily", "size": "size"}


def ending_jobs(
    exporter: Exporter, config: Config, differences: Differences, clock: Clock
) -> list[Job]:
    """The jobs that another config does not need as they are."""
    evidence = Evidence(config, clock)
    asked = {key for key, _ in evidence.asked()}

    def goes_on(job: Job) -> bool:
        if isinstance(job, EvidenceJob):
            key = AskedKey(job.key.source, job.key.database)
            if key not in asked or not differences.asks_the_same(*key):
                return False
            # Another source that has this list and no table is counted when the list answers: a
            # job that is new asks at once.
            counted = {each for each in evidence.users(key) if each[1] in config.listed}
            known = {each.key[:2] for each in job.collections}
            return all(pair in known and differences.is_same(pair) for pair in counted)
        return differences.is_same(job.key[:2])

    return [job for job in (*exporter.jobs, *exporter.counting) if not goes_on(job)]


def kept_of(exporter: Exporter, ended: Iterable[Job], differences: Differences) -> Kept:
    """What is taken over once these jobs have ended; all others go on."""
    by_key = {job.key: job for job in ended}
    jobs = {job.key: job for job in (*exporter.jobs, *exporter.counting)}
    statuses = exporter.statuses.by_pair
    same_orphans = {pair for pair in statuses if differences.holds("recovery", pair)}
    snapshots = exporter.snapshots
    return Kept(
        databases={
            name: each
            for name, each in exporter.databases.items()
            if differences.is_same_database(name)
        },
        connections=exporter.recovery_connections,
        jobs={key: job for key, job in jobs.items() if key not in by_key},
        ended={key: job for key, job in by_key.items() if differences.is_same_place(key.database)},
        same_orphans=same_orphans,
        states={
            key: state
            for key, state in snapshots.states.items()
            if differences.holds(_COLLECTED[key.collector], key[:2])
        },
        counters=snapshots.counters,
        statuses={
            pair: status
            if pair in same_orphans and differences.has_same_mode(pair[1])
            else _counters_of(status)
            for pair, status in statuses.items()
        },
        evidence=_evidence_past(exporter, differences),
        was_ready=snapshots.is_ready(),
        http=exporter.http,
        reloads=exporter.reloads,
        row_limit=exporter.row_limit,
    )


def hand_over(before: Exporter, after: Exporter, kept: Kept, differences: Differences) -> None:
    """Have the jobs that go on report to `after`, with what they reported since `kept` was read.

    In one turn of the loop: between two, they would report to both.
    """
    after.take_over()
    states, counters, statuses = (
        after.snapshots.states,
        after.snapshots.counters,
        after.statuses.by_pair,
    )
    states |= {key: before.snapshots.states[key] for key in states.keys() & kept.jobs.keys()}
    known = counters.keys() & before.snapshots.counters.keys()
    counters |= {pair: before.snapshots.counters[pair] for pair in known}
    goes_on = {key[:2] for key in kept.jobs} & statuses.keys()
    statuses |= {
        pair: before.statuses.by_pair[pair] for pair in goes_on if pair in before.statuses.by_pair
    }
    after.snapshots.was_ready |= before.snapshots.is_ready()
    after.evidence.take_answers(_evidence_past(before, differences))


async def close_unused(before: Exporter, after: Exporter, ended: Iterable[Job]) -> None:
    """Close the connections that only the exporter before has used, and let go of it."""
    # It would be a cycle, in which the page holds nearly everything.
    before.snapshots.on_change = lambda _key: None
    for name, database in before.databases.items():
        if after.databases.get(name) is not database:
            await database.close()
    await before.recovery_connections.close_unused(after.recovery_connections)
    for job in ended:
        await job.close()


def _evidence_past(exporter: Exporter, differences: Differences) -> EvidencePast:
    evidence = exporter.evidence
    return evidence.past(
        {key for key, _ in evidence.asked() if differences.answers_the_same(*key)},
        {pair for pair in evidence.pairs if differences.holds("evidence", pair)},
    )


def _counters_of(status: RecoveryStatus) -> RecoveryStatus:
    """What has been counted goes on, what was observed does not."""
    return replace(
        status,
        brakes=None,
        paused=None,
        candidates=None,
        held=None,
        expires_at=float("-inf"),
        why={},
        braked_since={},
        pause=None,
        runs=(),
        reason=None,
        failure=None,
    )
