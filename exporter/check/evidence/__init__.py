"""The present answers of owners and lists, compared with the table."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from exporter import sessions
from exporter.check.evidence.addresses import of_addresses
from exporter.check.evidence.lists import (
    listed_sessions,
    of_list,
    of_paths,
    of_stores,
    of_times_ahead,
)
from exporter.check.evidence.owners import of_owners
from exporter.check.findings import Finding, FindingWriter
from exporter.check.paging import paging_finding
from exporter.check.times.owner_clocks import check_owner_clocks
from exporter.clock import Clock
from exporter.collection.active import Active
from exporter.collection.active.evidence import RowsBesideEvidence
from exporter.collection.active.listed import rows_of
from exporter.collection.active.listed_orphans import listed_orphans
from exporter.config import Config, ListedSource, Source
from exporter.config.evidence import ListSource, OwnerSource
from exporter.errors import SourceError
from exporter.evidence.answers import ListAnswer, ListedSession, StoreAnswer
from exporter.evidence.asking.asker import Answer, Asker
from exporter.evidence.evidence import AskedKey, Evidence, Pair
from exporter.evidence.judgement.source import ComparedRows
from exporter.postgres import Database
from exporter.sessions.verdict import NO_EVIDENCE, Verdict
from exporter.text import number_of


@dataclass(frozen=True, slots=True)
class AskedOnce:
    """The contents of a list; ghosts and dead owners take more than one answer."""

    verdict: Verdict
    doubt: str
    """Why the contents of the list are unknown, as a sentence; empty where they are known."""


#: For a source without owners and lists.
NOTHING_ASKED = AskedOnce(NO_EVIDENCE, "")


class EvidenceCheck:
    """Requests each of the owners and lists of a config once, for all sources that name it."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._clock = clock
        self._evidence = Evidence(config, clock)
        self._settings = dict(self._evidence.asked())
        self._answers: dict[AskedKey, tuple[Answer, float]] = {}
        self._known: dict[Pair, AskedOnce] = {}

    async def check(self, database: Database, source: Source) -> AsyncIterator[Finding]:
        """Report the answers, and compare them with the active rows of a source."""
        findings, pair = FindingWriter(database.name, source.name), (database.name, source.name)
        keys = sorted(self._evidence.keys_of(pair))
        answers = {key: await self._ask(key, database) for key in keys}
        found = self._evidence.verdict(*pair)
        verdict = Verdict(listed=found.listed, list_at=found.list_at or 1.0)
        try:
            rows = await _compare(database, source, verdict)
            self._take(pair, rows)
            doubt = self._evidence.doubt_about_list(pair)
            self._known[pair] = AskedOnce(verdict, f"list {source.list}: {doubt}" if doubt else "")
        except SourceError as error:
            self._known[pair] = AskedOnce(verdict, str(error))
            yield findings.failed("evidence", str(error))
            return
        for key, (answer, seconds) in answers.items():
            if isinstance(answer, ListAnswer):
                for finding in of_list(key.name, answer, seconds, rows, findings):
                    yield finding
                async for finding in self._of_settings(key, answer, findings):
                    yield finding
                for finding in self._times_ahead(key, answer, source, findings):
                    yield finding
            else:
                is_hint = not getattr(self._settings[key], "unique_per_start", True)
                yield of_owners(key.name, answer, seconds, rows, findings, is_hint=is_hint)
                settings = self._settings[key]
                if isinstance(settings, OwnerSource):
                    async for finding in check_owner_clocks(database.reader(), settings, findings):
                        yield finding

    def known(self, database: str, source: Source) -> AskedOnce:
        """The answers that check() got."""
        return self._known.get((database, source.name), NOTHING_ASKED)

    async def check_listed(
        self, source: ListedSource, place: str, database: Database | None
    ) -> AsyncIterator[Finding]:
        """Report the answer of the list of a source without a table."""
        findings = FindingWriter(place, source.name)
        for key in sorted(self._evidence.keys_of((place, source.name))):
            answer, seconds = await self._ask(key, database)
            if isinstance(answer, ListAnswer):
                for finding in of_stores(key.name, answer, seconds, findings):
                    yield finding
                async for finding in self._of_settings(key, answer, findings):
                    yield finding
                for finding in self._times_ahead(key, answer, source, findings):
                    yield finding
                is_whole = all(isinstance(each, StoreAnswer) for each in answer.stores.values())
                if source.alert_above is not None and is_whole:
                    rows = rows_of(source, listed_sessions(answer), self._clock.wall())
                    orphans = listed_orphans(rows, limit=1)
                    yield paging_finding(findings, orphans, source.alert_above)
            undated = sum(_is_undated(each) for each in listed_sessions(answer).values())
            if undated:
                yield findings.warning(
                    f"list {key.name}",
                    f"{number_of(undated, 'session has', 'sessions have')} neither a start nor a "
                    "sign of life, and can never be orphaned; see started_at and last_seen_at",
                )

    async def _of_settings(
        self, key: AskedKey, answer: ListAnswer, findings: FindingWriter
    ) -> AsyncIterator[Finding]:
        """Say what in the settings of a list does not fit its answer."""
        settings = self._settings[key]
        assert isinstance(settings, ListSource)  # noqa: S101 - for mypy: it gave a ListAnswer
        for finding in of_paths(settings, answer, findings):
            yield finding
        async for finding in of_addresses(settings, findings):
            yield finding

    def _times_ahead(
        self,
        key: AskedKey,
        answer: ListAnswer,
        source: Source | ListedSource,
        findings: FindingWriter,
    ) -> Iterator[Finding]:
        now, tolerance = self._clock.wall(), source.future_tolerance
        return of_times_ahead(key.name, answer, now, tolerance, findings)

    async def _ask(self, key: AskedKey, database: Database | None) -> tuple[Answer, float]:
        """The answer, and how long it took; the same for each source."""
        if key not in self._answers:
            asker = Asker(self._settings[key], database if key.database else None, self._clock)
            began = self._clock.monotonic()
            answer = await asker.ask()
            self._answers[key] = answer, self._clock.monotonic() - began
            if isinstance(answer, ListAnswer):
                self._evidence.take_list(key, answer)
            await asker.close()
        return self._answers[key]

    def _take(self, pair: Pair, rows: RowsBesideEvidence) -> None:
        now = self._clock.monotonic()
        unlisted = {session: now - silence for session, silence in rows.unlisted.items()}
        self._evidence.take_rows(
            pair,
            ComparedRows(rows.list_at, now, rows.active, rows.listed, unlisted, rows.untracked),
        )


async def _compare(database: Database, source: Source, verdict: Verdict) -> RowsBesideEvidence:
    reader = database.reader(timezone=sessions.time_zone(source))
    table = await sessions.bind(reader, source)
    values = await Active().collect(reader, table, None, verdict)
    if values.evidence is None:
        raise SourceError("a bug in session-exporter: there is nothing to compare")
    return values.evidence


def _is_undated(session: ListedSession) -> bool:
    return session.started_at is None and session.last_seen_at is None
