"""Builds the overview of an exporter: at most once a second, in a thread, from memory."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from exporter import __version__
from exporter.clock import Clock
from exporter.collection.job import Key
from exporter.collection.rows.row_limit import RowLimit
from exporter.collection.snapshots import Counters, Snapshots, State
from exporter.config import AnySource, Config, ListedSource
from exporter.daemon.http.access import Details
from exporter.daemon.pages.overview.evidence import NO_STATE, EvidenceState, evidence_states
from exporter.daemon.pages.overview.recovery import Viewer
from exporter.daemon.pages.overview.sources import (
    KeptOverviews,
    SourceState,
    current_overview,
    order,
)
from exporter.daemon.pages.overview.values import DatabaseOverview, Overview
from exporter.daemon.pages.reload_status import ReloadStatus
from exporter.daemon.pages.yielding import yielding
from exporter.evidence.evidence import AskedKey, Evidence, Pair
from exporter.postgres import Database
from exporter.recovery.status import RecoveryStatuses
from exporter.text import number_of

#: How long an overview is shown before it is built again, in seconds.
KEPT_SECONDS = 1.0

NO_COUNTS = Counters()


class Observed(Protocol):
    """The used parts of `Exporter`, which creates the pages and so cannot be imported by them."""

    config: Config
    clock: Clock
    databases: dict[str, Database]
    snapshots: Snapshots
    evidence: Evidence
    statuses: RecoveryStatuses
    details: Details
    row_limit: RowLimit
    started_at: float
    command_prefix: str
    next_run: Callable[[Key], float | None]
    reloads: ReloadStatus


class Overviews:
    """The newest overview, with details and without."""

    def __init__(self, exporter: Callable[[], Observed]) -> None:
        """`exporter` is the one of the config in use."""
        self._exporter = exporter
        self._of: tuple[Observed, int] | None = None
        self._kept: dict[bool, tuple[float, Overview]] = {}
        self._sources: dict[bool, KeptOverviews] = {}
        self._making = asyncio.Lock()

    async def current(self, *, details: bool) -> Overview:
        """The overview for a viewer who sees details, or not; at most a second old."""
        async with self._making:  # waiting requests get the overview of the previous one
            exporter = self._exporter()
            of = exporter, exporter.reloads.version
            if of != self._of:
                self._of, self._kept, self._sources = of, {}, {True: {}, False: {}}
            clock, sources = exporter.clock, self._sources[details]
            made_at, kept = self._kept.get(details, (float("-inf"), None))
            if kept is None or not 0 <= clock.monotonic() - made_at < KEPT_SECONDS:
                evidence = evidence_states(exporter.evidence)
                kept = await asyncio.to_thread(_make, exporter, evidence, sources, details=details)
                self._kept[details] = clock.monotonic(), kept
            return kept


def overview(exporter: Observed, *, details: bool) -> Overview:
    """Make the overview now; with 1,000 sources that takes some tens of milliseconds."""
    return _make(exporter, evidence_states(exporter.evidence), {}, details=details)


def _make(
    exporter: Observed,
    evidence: Mapping[Pair, EvidenceState],
    kept: KeptOverviews,
    *,
    details: bool,
) -> Overview:
    details = details and exporter.details.are_kept
    now = exporter.clock.monotonic()
    viewer = Viewer(details, exporter.command_prefix)
    states = _states(exporter, evidence)
    overviews = (current_overview(each, now, viewer, kept) for each in yielding(states))
    sources = sorted(overviews, key=order)
    return Overview(
        version=__version__,
        now=exporter.clock.wall(),
        started_at=exporter.started_at,
        shows_details=details,
        keeps_details=exporter.row_limit.may_be_seen(),
        config_failure=_config_failure(exporter.reloads),
        sources=tuple(sources),
        databases=tuple(
            DatabaseOverview(
                name, None if database.up is None else bool(database.up), database.replica_lag
            )
            for name, database in exporter.databases.items()
        ),
        above_limit=sum(each.standing == "above_limit" for each in sources),
        failing=sum(each.standing == "failing" for each in sources),
    )


def _config_failure(reloads: ReloadStatus) -> str | None:
    """The message that the config file was rejected, and when the config in use was read."""
    if reloads.failed_at is None:
        return None
    found = number_of(reloads.problems, "problem was", "problems were")
    return (
        f"{found} found at {_utc(reloads.failed_at)}; the config in use was read at "
        f"{_utc(reloads.read_at)}. `session-exporter check` lists them, and so does the log."
    )


def _utc(timestamp: float) -> str:
    return f"{dt.datetime.fromtimestamp(timestamp, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _states(exporter: Observed, evidence: Mapping[Pair, EvidenceState]) -> Iterator[SourceState]:
    states: defaultdict[Pair, dict[str, State]] = defaultdict(dict)
    for key, state in exporter.snapshots.states.copy().items():  # the loop goes on meanwhile
        states[key[:2]][key.collector] = state
    sources = exporter.config.all_sources
    for pair, by_collector in states.items():
        source, known = sources[pair[1]], evidence.get(pair, NO_STATE)
        yield SourceState(
            source=source,
            database=pair[0],
            states=by_collector,
            next_runs=_next_runs(exporter, pair, source, by_collector, known.asked),
            counters=exporter.snapshots.counters.get(pair, NO_COUNTS),
            recovery=exporter.statuses.by_pair.get(pair),
            evidence=known,
        )


def _next_runs(
    exporter: Observed,
    pair: Pair,
    source: AnySource,
    states: Mapping[str, State],
    asked: tuple[AskedKey, ...],
) -> dict[str, float | None]:
    """When each collector runs next; that of a source without a table, when its list is asked."""
    if isinstance(source, ListedSource):
        keys = [Key(key.database, key.name, "evidence") for key in asked]
        return dict.fromkeys(states, next(map(exporter.next_run, keys), None))
    return {name: exporter.next_run(Key(*pair, name)) for name in states}
