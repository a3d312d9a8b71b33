"""The /metrics page: the snapshots that are fresh, and metrics about the exporter itself.

A chunk is rendered when its collection ends, or if it is large at the next scrape. A page is joined
from chunks at the first scrape after a change, and kept until the next one.
"""

import asyncio
import platform
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter import __version__
from exporter.clock import Clock
from exporter.collection.active import Active
from exporter.collection.collectors import COLLECTORS
from exporter.collection.job import Key
from exporter.collection.snapshots import Counters, Snapshots, State
from exporter.config import MODES, AnySource, Config, ListedSource
from exporter.daemon.http.connections import HttpConnections
from exporter.daemon.pages.reload_status import ReloadStatus
from exporter.evidence.evidence import Evidence
from exporter.metrics import catalog as m
from exporter.metrics.catalog import Sample
from exporter.metrics.exposition import TEXT, Chunk, Format, Labels, join, render
from exporter.postgres import Database
from exporter.recovery.decision.brakes import BRAKES
from exporter.recovery.rule.connections import RecoveryConnections
from exporter.recovery.status import RecoveryStatus, RecoveryStatuses

#: process_* and the HTTP connections change all the time; they are read this often at most, in
#: seconds.
PROCESS_METRICS_EVERY = 1.0

#: Level of gzip. 4 takes more than twice as long for pages that are 6 % smaller: from there on zlib
#: looks for longer matches (its configuration_table, deflate.c).
_COMPRESSION = 3

#: Sources with more series than this are rendered by the scrape, in its thread: a collection ends
#: in the event loop, and to render 100 samples takes about 0.3 ms.
_RENDERED_AHEAD = 200

_BY_NAME = {collector.name: collector for collector in COLLECTORS}


@dataclass(frozen=True, slots=True)
class _Kept:
    """The state that a page is made from, and its bodies by format and whether compressed."""

    state: tuple[object, ...]
    valid_until: float
    chunks: list[Chunk]
    bodies: dict[tuple[Format, bool], bytes]


class Page:
    """The /metrics page in both formats."""

    def __init__(
        self,
        *,
        databases: Mapping[str, Database],
        snapshots: Snapshots,
        recoveries: RecoveryStatuses,
        evidence: Evidence,
        recovery_connections: RecoveryConnections,
        config: Config,
        http: HttpConnections,
        reloads: ReloadStatus,
        clock: Clock,
    ) -> None:
        self._sources = config.all_sources
        self._databases = databases
        self._snapshots = snapshots
        self._recoveries = recoveries
        self._evidence = evidence
        self._recovery_connections = recovery_connections
        self._http = http
        self._reloads = reloads
        self._clock = clock
        self._constant = render(_of_exporter(config))
        self._rendered: dict[object, tuple[object, Chunk]] = {}
        self._kept: _Kept | None = None
        self._rendering = asyncio.Lock()
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self._small: dict[str, bool] = {}
        """Whether a source is rendered ahead; counting its series takes time at a reload."""
        snapshots.on_change = self._render_ahead

    async def rendered(self, format_: Format, *, gzip: bool = False) -> bytes:
        """The same as render(); made in a thread, one at a time, so that the event loop goes on."""
        kept = self._current()
        if kept is not None and (format_, gzip) in kept.bodies:
            return kept.bodies[format_, gzip]
        async with self._rendering:
            kept = self._current()  # waiting requests get the body of the previous one
            if kept is not None and (format_, gzip) in kept.bodies:
                return kept.bodies[format_, gzip]
            return await asyncio.to_thread(self.render, format_, gzip=gzip)

    def render(self, format_: Format, *, gzip: bool = False) -> bytes:
        """The whole page. No value about a source in it is older than its `stale_after`."""
        kept = self._current()
        if kept is None:
            kept = self._kept = self._make()
        if (format_, gzip) not in kept.bodies:
            # process_* by prometheus_client; in OpenMetrics with the mark that ends the page.
            generate = generate_latest if format_ == TEXT else generate_openmetrics
            parts = chain(join(kept.chunks, format_), [bytes(generate(self._process))])
            kept.bodies[format_, gzip] = b"".join(_compressed(parts) if gzip else parts)
        return kept.bodies[format_, gzip]

    def _current(self) -> _Kept | None:
        """The cached page, if it is still valid."""
        kept = self._kept
        if kept is None or self._clock.monotonic() >= kept.valid_until:
            return None
        return kept if kept.state == self._state() else None

    def _state(self) -> tuple[object, ...]:
        health = (
            (each.up, each.replica_lag, *self._open_connections(each).values())
            for each in self._databases.values()
        )
        changes = self._snapshots.version, self._recoveries.version, self._evidence.changes
        return (*changes, self._reloads.version, *health)

    def _make(self) -> _Kept:
        now = self._clock.monotonic()
        states = self._snapshots.states.values()
        ends = [each.snapshot.expires_at for each in states if each.snapshot]
        ends += [each.expires_at for each in self._recoveries.by_pair.values()]
        return _Kept(
            state=self._state(),
            valid_until=min([now + PROCESS_METRICS_EVERY, *(end for end in ends if end >= now)]),
            chunks=list(self._chunks(now)),
            bodies={},
        )

    def _chunks(self, now: float) -> Iterator[Chunk]:
        yield self._constant
        yield render(_of_reloads(self._reloads))
        yield render(_of_http(self._http))
        for name, database in self._databases.items():
            health = [
                *m.DATABASE_UP.samples(database.up),
                *m.DATABASE_CONNECTIONS.samples_by("use", self._open_connections(database)),
                *m.REPLICA_LAG.samples(database.replica_lag),
            ]
            yield render(health, (("database", name),))
        up: dict[str, int] = {name: int(is_up) for name, is_up in self._evidence.up().items()}
        yield render(m.EVIDENCE_UP.samples_by("evidence", up))
        series: defaultdict[tuple[str, str], int] = defaultdict(int)
        for pair in self._evidence.listed_pairs:
            chunk = render(_of_list(self._evidence, pair), _labels(pair))
            series[pair] += chunk.session_series
            yield chunk
        for key, state in self._snapshots.states.items():
            chunk = self._collected(key, state, now)
            series[key[:2]] += chunk.session_series
            yield chunk
        for pair, recovery in self._recoveries.by_pair.items():
            is_fresh = now <= recovery.expires_at
            is_declared = self._sources[pair[1]].recovery.is_declared
            samples = _of_recovery(recovery, is_declared=is_declared, is_fresh=is_fresh)
            chunk = self._chunk(pair, "recovery", (recovery, is_fresh), samples)
            series[pair] += chunk.session_series
            yield chunk
        for pair, counters in self._snapshots.counters.items():
            source = self._sources[pair[1]]
            settings = self._chunk(pair, "settings", source.name, _of_settings(source))
            lost = self._chunk(pair, "lost", counters.lost, m.LOST.samples(counters.lost))
            known = series[pair] + settings.session_series + lost.session_series
            yield lost
            yield settings
            yield self._chunk(pair, "counters", (counters, known), _of_counters(counters, known))

    def _open_connections(self, database: Database) -> dict[str, int]:
        recovery = self._recovery_connections.open(database.name)
        return {"collection": database.open_connections, "recovery": recovery}

    def _render_ahead(self, key: Key) -> None:
        """Render changed chunks ahead of the next scrape; nothing before the first scrape."""
        if self._kept is None:
            return
        small = self._small.get(key.source)
        if small is None:
            small = self._sources[key.source].series() <= _RENDERED_AHEAD
            self._small[key.source] = small
        if small:
            self._collected(key, self._snapshots.states[key], self._clock.monotonic())

    def _collected(self, key: Key, state: State, now: float) -> Chunk:
        is_fresh = state.is_fresh(now)
        samples = _of_collector(key, state, self._sources[key.source], is_fresh=is_fresh)
        return self._chunk(key[:2], key.collector, (state, is_fresh), samples)

    def _chunk(
        self, pair: tuple[str, str], part: str, made_from: object, samples: Iterable[Sample]
    ) -> Chunk:
        """The chunk kept from before, or a new one where `made_from` has changed."""
        before = self._rendered.get((pair, part))
        if before is not None and before[0] == made_from:
            return before[1]
        chunk = render(samples, _labels(pair))
        self._rendered[pair, part] = (made_from, chunk)
        return chunk


def _compressed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """As one gzip member, without the whole page in memory."""
    compressor = zlib.compressobj(_COMPRESSION, wbits=31)  # 31: in the format of gzip
    for part in parts:
        yield compressor.compress(part)
    yield compressor.flush()


def _of_exporter(config: Config) -> Iterator[Sample]:
    version = (("version", __version__), ("python", platform.python_version()))
    yield Sample(m.BUILD_INFO, version, 1)
    yield Sample(m.CONFIG_INFO, (("hash", config.digest),), 1)


def _of_reloads(reloads: ReloadStatus) -> Iterator[Sample]:
    yield Sample(m.CONFIG_RELOAD_SUCCESSFUL, (), int(reloads.failed_at is None))
    yield Sample(m.CONFIG_RELOAD_TIMESTAMP, (), reloads.read_at)


def _labels(pair: tuple[str, str]) -> Labels:
    return (("database", pair[0]), ("source", pair[1]))


def _of_list(evidence: Evidence, pair: tuple[str, str]) -> Iterator[Sample]:
    yield from m.LIVE.samples_by("store", evidence.live(pair))
    yield from m.UNTRACKED.samples(evidence.untracked(pair))
    yield from m.DISAGREEING.samples(evidence.disagreeing(pair))


def _of_http(http: HttpConnections) -> Iterator[Sample]:
    yield Sample(m.WEB_CONFIG_RELOAD_SUCCESSFUL, (), int(http.web_config_is_valid))
    yield from m.HTTP_CONNECTIONS.samples(http.count)
    yield from m.HTTP_REJECTED.samples_by("reason", http.rejected)


def _of_collector(key: Key, state: State, source: AnySource, *, is_fresh: bool) -> Iterator[Sample]:
    """The values while they are fresh; without fresh values no collection counts as a success."""
    if state.snapshot is not None and is_fresh:
        if isinstance(source, ListedSource):
            yield from Active().samples(source, state.snapshot.values)
        else:
            yield from _BY_NAME[key.collector].samples(source, state.snapshot.values)
    labels: Labels = (("collector", key.collector),)
    yield Sample(m.COLLECTION_SUCCESS, labels, int(state.succeeded and is_fresh))
    yield Sample(m.COLLECTION_INTERVAL, labels, state.interval)
    if state.duration is not None:
        yield Sample(m.COLLECTION_DURATION, labels, state.duration)
    if state.snapshot is not None:
        yield Sample(m.COLLECTION_LAST_SUCCESS, labels, state.snapshot.timestamp)


def _of_settings(source: AnySource) -> Iterator[Sample]:
    yield from m.ORPHANED_AFTER.samples(source.fixed_threshold)
    yield from m.OVERLONG_AFTER.samples(source.overlong_after)
    yield from m.ALERT_THRESHOLD.samples(source.alert_above)
    if not isinstance(source, ListedSource):
        yield from m.OBJECTIVE.samples(source.objective)
    modes: dict[str, int] = {mode: int(mode == source.recovery.mode) for mode in MODES}
    yield from m.RECOVERY_MODE.samples_by("mode", modes)


def _of_recovery(state: RecoveryStatus, *, is_declared: bool, is_fresh: bool) -> Iterator[Sample]:
    yield from m.RETURNED.samples(state.returned)
    if not is_declared:
        return
    yield from m.RECOVERED.samples_by("trigger", state.recovered)
    yield from m.RECOVERY_UNDONE.samples(state.undone)
    yield from m.RECOVERY_CONTRADICTED.samples(state.contradicted)
    yield from m.RECOVERY_FAILED.samples_by("reason", state.failed)
    yield from m.RECOVERY_SKIPPED.samples_by("reason", state.skipped)
    yield from m.RECOVERY_LAST_RUN.samples(state.last_run)
    if not is_fresh:
        return
    if state.brakes is not None:
        brakes = {brake: int(brake in state.brakes) for brake in BRAKES}
        yield from m.RECOVERY_BRAKE.samples_by("brake", brakes)
    yield from m.RECOVERY_PAUSED.samples(state.paused)
    yield from m.RECOVERY_CANDIDATES.samples(state.candidates)
    yield from m.RECOVERY_HELD.samples(state.held)


def _of_counters(counters: Counters, series: int) -> Iterator[Sample]:
    yield from m.COLLECTION_ERRORS.samples_by("reason", counters.errors)
    yield from m.COLLECTION_SKIPPED.samples_by("reason", counters.skipped)
    yield from m.SERIES.samples(series)
