"""What owners and lists answer now, and how it fits the table."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from exporter import sessions
from exporter.check.findings import Finding, FindingWriter
from exporter.check.paging import paging_finding
from exporter.check.times.owner_clocks import check_owner_clocks
from exporter.clock import Clock
from exporter.collection.active import Active
from exporter.collection.active.evidence import OwnedRows, RowsBesideEvidence
from exporter.collection.active.listed import rows_of
from exporter.collection.active.listed_orphans import listed_orphans
from exporter.config import Config, ListedSource, Source
from exporter.config.evidence import OwnerSource
from exporter.errors import SourceError
from exporter.evidence.answers import ListAnswer, ListedSession, OwnersAnswer, StoreAnswer, Unknown
from exporter.evidence.asking.asker import Answer, Asker
from exporter.evidence.evidence import AskedKey, Evidence, Pair
from exporter.evidence.judgement.source import ComparedRows
from exporter.postgres import Database
from exporter.sessions.verdict import NO_EVIDENCE, Verdict
from exporter.text import UNKNOWN, age, instant, number_of, shorten, some_of

#: Sessions that were seen within so many seconds belong to an owner that may live all the same.
MOVING = 60.0

#: So many of what was found are shown as examples.
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class AskedOnce:
    """What a list holds; ghosts and dead owners take more than one answer."""

    verdict: Verdict
    doubt: str
    """Why it is not known which sessions the list holds, as a sentence; empty where it is."""


#: Of a source without owners and lists.
NOTHING_ASKED = AskedOnce(NO_EVIDENCE, "")


class EvidenceCheck:
    """Asks each of the owners and lists of a config once, for all sources that name it."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._clock = clock
        self._evidence = Evidence(config, clock)
        self._settings = dict(self._evidence.asked())
        self._answers: dict[AskedKey, tuple[Answer, float]] = {}
        self._known: dict[Pair, AskedOnce] = {}

    async def check(self, database: Database, source: Source) -> AsyncIterator[Finding]:
        """Say what was answered, and compare it with the active rows of a source."""
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
                async for finding in _of_list(key.name, answer, seconds, rows, findings):
                    yield finding
            else:
                is_hint = not getattr(self._settings[key], "unique_per_start", True)
                yield _of_owners(key.name, answer, seconds, rows, findings, is_hint=is_hint)
                settings = self._settings[key]
                if isinstance(settings, OwnerSource):
                    async for finding in check_owner_clocks(database.reader(), settings, findings):
                        yield finding

    def known(self, database: str, source: Source) -> AskedOnce:
        """What check() was answered."""
        return self._known.get((database, source.name), NOTHING_ASKED)

    async def check_listed(
        self, source: ListedSource, place: str, database: Database | None
    ) -> AsyncIterator[Finding]:
        """Say what the list of a source without a table answered."""
        findings = FindingWriter(place, source.name)
        for key in sorted(self._evidence.keys_of((place, source.name))):
            answer, seconds = await self._ask(key, database)
            if isinstance(answer, ListAnswer):
                for finding in _of_stores(key.name, answer, seconds, findings):
                    yield finding
            if isinstance(answer, ListAnswer) and source.alert_above is not None:
                rows = rows_of(source, _listed(answer), self._clock.wall())
                orphans = listed_orphans(rows, limit=1)
                yield paging_finding(findings, orphans, source.alert_above)
            undated = sum(_is_undated(each) for each in _listed(answer).values())
            if undated:
                yield findings.warning(
                    f"list {key.name}",
                    f"{number_of(undated, 'session has', 'sessions have')} neither a start nor a "
                    "sign of life, and can never be orphaned; see started_at and last_seen_at",
                )

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


def _listed(answer: Answer) -> dict[str, ListedSession]:
    """The sessions of all stores that gave a usable answer."""
    found = dict[str, ListedSession]()
    for each in answer.stores.values() if isinstance(answer, ListAnswer) else ():
        found |= each.sessions if isinstance(each, StoreAnswer) else {}
    return found


async def _of_list(
    name: str,
    answer: ListAnswer,
    seconds: float,
    rows: RowsBesideEvidence,
    findings: FindingWriter,
) -> AsyncIterator[Finding]:
    for finding in _of_stores(name, answer, seconds, findings):
        yield finding
    fits = f"{rows.listed} of {number_of(rows.active, 'active row', 'active rows')} are in it"
    lacking = rows.active - rows.listed
    if rows.active and not rows.listed:
        yield findings.warning(f"list {name} and table", f"{fits}: are these the same ids?")
    elif lacking:
        some = some_of(map(shorten, rows.unlisted))
        yield findings.warning(
            f"list {name} and table", f"{fits}; not in it, and ghosts if that lasts: {some}"
        )
    else:
        yield findings.ok(f"list {name} and table", fits)


def _of_stores(
    name: str, answer: ListAnswer, seconds: float, findings: FindingWriter
) -> Iterator[Finding]:
    for store, each in answer.stores.items():
        if isinstance(each, Unknown):
            yield findings.failed(f"list {name}", f"store {store}: {each.message}")
        else:
            held = number_of(len(each.sessions), "session", "sessions")
            examples = some_of(_example(*item) for item in [*each.sessions.items()][:EXAMPLES])
            found = f"store {store} holds {held}, answered within {seconds:.1f} s"
            yield findings.ok(f"list {name}", f"{found}: {examples}" if examples else found)


def _is_undated(session: ListedSession) -> bool:
    return session.started_at is None and session.last_seen_at is None


def _of_owners(
    name: str,
    answer: Answer,
    seconds: float,
    rows: RowsBesideEvidence,
    findings: FindingWriter,
    *,
    is_hint: bool,
) -> Finding:
    check = f"owners {name}"
    if not isinstance(answer, OwnersAnswer):
        return findings.failed(check, answer.message if isinstance(answer, Unknown) else "")
    lives = "lives" if len(answer.alive) == 1 else "live"
    found = f"{len(answer.alive)} {lives}, answered within {seconds:.1f} s"
    held = rows.owners or {}
    missing = [_missing(owner, each) for owner, each in held.items() if owner not in answer.alive]
    if held and len(missing) == len(held):
        return findings.warning(
            check, f"{found}, and none of those that hold sessions: are these the same ids?"
        )
    if missing:
        then = "only shown, because unique_per_start is false" if is_hint else "dead after grace"
        return findings.warning(check, f"{found}; not among them, and {then}: {some_of(missing)}")
    return findings.ok(check, f"{found}, and all {len(held)} that hold sessions are among them")


def _missing(owner: str, rows: OwnedRows) -> str:
    found = f"{shorten(owner)} with {number_of(rows.active, 'session', 'sessions')}"
    if rows.silence is None or rows.silence > MOVING:
        return found
    return f"{found}, which showed life {age(max(rows.silence, 0.0))} ago"


def _example(session: str, listed: ListedSession) -> str:
    started, seen = (
        UNKNOWN if at is None else instant(at) for at in (listed.started_at, listed.last_seen_at)
    )
    return f"{shorten(session)} (started {started}, last seen {seen})"
