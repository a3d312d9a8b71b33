"""Jobs that request owners and lists: one for each, or one in each database that holds them."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import MappingProxyType

from exporter.clock import Clock
from exporter.collection.active import ActiveValues
from exporter.collection.job import Job, Key, stretch_interval
from exporter.config import AnySource, Config
from exporter.config.evidence import ListSource, OwnerSource
from exporter.daemon.jobs.listed_collection import ListedCollection
from exporter.errors import SourceError
from exporter.evidence.answers import ListAnswer
from exporter.evidence.asking.asker import Asker
from exporter.evidence.evidence import AskedKey, Evidence, Pair
from exporter.evidence.judgement.owners import HeldSessions
from exporter.evidence.judgement.source import ComparedRows
from exporter.postgres import Database
from exporter.sessions.verdict import Verdict


class EvidenceJob(Job):
    """Requests one list, or one kind of owners, and has the answer judged."""

    FAILED = "evidence_unknown"
    SUCCEEDED = "evidence_known"
    BUG = "evidence_bug"

    def __init__(
        self,
        key: AskedKey,
        settings: OwnerSource | ListSource,
        *,
        evidence: Evidence,
        database: Database | None,
        clock: Clock,
    ) -> None:
        """`database` is the database to query; None: an application over HTTP."""
        super().__init__(job_key(key), interval=settings.every)
        self._asked = key
        self._evidence = evidence
        self._clock = clock
        self._asker = Asker(settings, database, clock)
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self.collections: tuple[ListedCollection, ...] = ()
        """The collections of sources with the list and without a table."""

    @property
    def has_asked(self) -> bool:
        """Whether there was an answer, or a known failure."""
        return self._asked_at > float("-inf")

    def report_to(self, evidence: Evidence, collections: Iterable[ListedCollection]) -> None:
        """Go on with another store and other sources, also where an answer is under way."""
        self._evidence = evidence
        self.serve(collections)

    async def ask_later_than(self, moment: float) -> None:
        """Request again, unless that was done after a monotonic time. Raises nothing."""
        if self._asked_at <= moment:
            await self.run()

    def serve(self, collections: Iterable[ListedCollection]) -> None:
        """Run the collections that count the sessions of this list."""
        users = self._evidence.users(self._asked)
        self.collections = tuple(each for each in collections if each.key[:2] in users)

    def is_of(self, keys: Collection[AskedKey]) -> bool:
        """Whether it requests one of these."""
        return self._asked in keys

    async def _run(self) -> None:
        async with self._asking:
            await self._ask_once()

    async def _ask_once(self) -> None:
        asked_at = self._clock.monotonic()
        answer = await self._asker.ask(self._evidence.unreported_owners(self._asked))
        self._asked_at = asked_at
        self.interval = stretch_interval(self._asker.settings.every, self._asker.seconds)
        if isinstance(answer, ListAnswer):
            self._evidence.take_list(self._asked, answer)
            for each in self.collections:
                await each.take(answer, asked_at, self.interval)
        else:
            self._evidence.take_owners(self._asked, answer)
        failure = self._evidence.why_down(self._asked)
        if failure and not self._evidence.is_starting(self._asked):
            raise SourceError(failure)

    async def close(self) -> None:
        await self._asker.close()

    @property
    def _names(self) -> dict[str, str]:
        names = {"evidence": self._asked.name}
        return names | ({"database": self._asked.database} if self._asked.database else {})


class SourceVerdicts:
    """Verdicts about one source, for closing its sessions."""

    def __init__(self, evidence: Evidence, pair: Pair, jobs: Iterable[EvidenceJob]) -> None:
        self._evidence = evidence
        self._pair = pair
        keys = evidence.keys_of(pair)
        self._jobs = [job for job in jobs if job.is_of(keys)]

    def verdict(self) -> Verdict:
        found = self._evidence.verdict(*self._pair)
        return replace(
            found,
            dead_owners=found.dead_owners - found.never_listed_owners,
            ghosts=found.ghosts - found.never_listed_ghosts,
        )

    async def fresh(self, after: float) -> Verdict:
        """Request again what was not requested since; see Verdicts."""
        await asyncio.gather(*(job.ask_later_than(after) for job in self._jobs))
        verdict = self.verdict()
        if not verdict.blind and verdict.at <= after:
            return replace(verdict, blind="there was no newer answer")
        return verdict


def evidence_jobs(
    evidence: Evidence,
    databases: Mapping[str, Database],
    clock: Clock,
    kept: Mapping[Key, Job] = MappingProxyType({}),
) -> Iterator[EvidenceJob]:
    """A job for each of the owners and lists that a source names; one of `kept` where it is.

    Those report to another store until they are told.
    """
    for key, settings in evidence.asked():
        job = kept.get(job_key(key))
        if isinstance(job, EvidenceJob):
            yield job
            continue
        yield EvidenceJob(
            key,
            settings,
            evidence=evidence,
            database=databases.get(key.database),
            clock=clock,
        )


def job_key(key: AskedKey) -> Key:
    """The key of the job that sends the requests."""
    return Key(key.database, key.name, "evidence")


async def ask_once(
    config: Config,
    sources: Iterable[AnySource],
    clock: Clock,
    *,
    watch: Callable[[Sequence[EvidenceJob]], AbstractAsyncContextManager[None]],
) -> Evidence:
    """Request all owners and lists of some sources once, for a command.

    Ghosts and dead owners, which take several answers, are unknown then. `watch` is entered during
    the requests.
    """
    chosen = {each.name for each in sources if each.has_evidence}
    parts = {
        part: {name: each for name, each in getattr(config, part).items() if name in chosen}
        for part in ("sources", "listed")
    }
    evidence = Evidence(config.model_copy(update=parts), clock)
    names = {key.database for key, _ in evidence.asked()}
    databases = {name: Database(config.databases[name]) for name in names if name}
    jobs = list(evidence_jobs(evidence, databases, clock))
    async with watch(jobs):
        await asyncio.gather(*(job.run() for job in jobs))
    await asyncio.gather(*(job.close() for job in jobs))
    await asyncio.gather(*(database.close() for database in databases.values()))
    return evidence


def take_values(
    evidence: Evidence, database: str, source: str, values: object, answered_at: float
) -> None:
    """Pass on the values of a collection of active rows, with the monotonic time of its answer."""
    if not isinstance(values, ActiveValues) or values.evidence is None:
        return
    found, pair = values.evidence, (database, source)
    evidence.note_collection(pair, answered_at)
    if found.owners is not None:
        held = {
            owner: HeldSessions(
                each.active,
                None if each.silence is None else answered_at - each.silence,
                answered_at,
            )
            for owner, each in found.owners.items()
        }
        evidence.take_held(pair, held)
    if found.list_at:
        rows = ComparedRows(
            at=found.list_at,
            read_at=answered_at,
            active=found.active,
            listed=found.listed,
            unlisted={each: answered_at - silence for each, silence in found.unlisted.items()},
            untracked=found.untracked,
        )
        evidence.take_rows(pair, rows)
