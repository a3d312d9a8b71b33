"""The values of the status page and the API for all sources: frozen, without ids of sessions.

Times are Unix time, lengths of time seconds; None is unknown. A count is None when it was never
collected, or so long ago that /metrics no longer serves it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from exporter.daemon.pages.overview.commands import ShownCommand
from exporter.daemon.pages.overview.details import SourceDetails

#: The state of a source, worst first; the sources of an overview are in this order.
Standing = Literal["above_limit", "failing", "attention", "waiting", "fine"]
"""`above_limit`: more orphans than `alert_above`. `failing`: values are missing or too old.
`attention`: recovery waits for a person, evidence is unknown, or rows contradict themselves.
`waiting`: not collected yet."""

Trend = Literal["rising", "falling", "steady"]


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice: a sentence, the next command, and the name of the runbook."""

    text: str
    command: ShownCommand | None = None
    runbook: str | None = None


@dataclass(frozen=True, slots=True)
class SilenceBucket:
    """Active sessions in a band of silence: at most `at_most`, and more than the band before."""

    at_most: float | None
    """None: without an upper bound."""
    sessions: int


@dataclass(frozen=True, slots=True)
class DayOverview:
    """The sessions that started on one calendar day of the source's zone."""

    date: str
    started: int
    ended: int | None
    """Ended by the application."""
    recovered: int | None
    """Closed by recovery, and not undone. None, as for `ended` and `lost`: the audit cannot be
    read."""
    lost: int | None
    """Orphaned now, or recovered and not contradicted."""
    still_active: int
    average_duration: float | None


@dataclass(frozen=True, slots=True)
class LimitOverview:
    """Orphans and `alert_above`, as far as this exporter remembers."""

    alert_above: int | None
    above_since: float | None
    """Since when it is above; None: it is not."""
    is_above_longer: bool
    """Whether it was already above at the beginning of the memory of this exporter."""
    trend: Trend | None
    """None: not known yet, or the counts are not fresh."""
    change: int | None
    """The change of the number of orphans within `trend_seconds`."""
    trend_seconds: float | None


@dataclass(frozen=True, slots=True)
class CollectorOverview:
    """One collector of a source. `reason` is a word; `failure` a sentence, with details only."""

    collector: str
    is_fresh: bool
    last_success_at: float | None
    age: float | None
    """Seconds since the start of the collection whose values are shown."""
    interval: float
    next_at: float | None
    """When it runs next; None: not known, or it is running now."""
    duration: float | None
    reason: str | None
    """Why the last run failed; None: it did not fail, or there was none."""
    failure: str | None
    has_run: bool


@dataclass(frozen=True, slots=True)
class Brake:
    """A condition under which automatic recovery closes nothing now."""

    name: str
    is_stop: bool
    """Whether it lasts until a person resumes, or nothing is held any more."""
    why: str | None
    """A sentence; None without details."""
    since: float | None


@dataclass(frozen=True, slots=True)
class PauseOverview:
    """The pause of recovery; role and reason are None without details."""

    since: float | None
    role: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class RecoveryOverview:
    """Recovery of a source. Counts are those of the audit, by any exporter or command."""

    mode: str
    is_fresh: bool
    """Whether brakes, pause, candidates and held are from a recent run."""
    last_run_at: float | None
    brakes: tuple[Brake, ...]
    pause: PauseOverview | None
    candidates: int | None
    held: int | None
    recovered: Mapping[str, int]
    """By trigger."""
    undone: int
    contradicted: int
    failed: Mapping[str, int]
    """By reason; only reasons with any, as of `skipped`."""
    skipped: Mapping[str, int]
    words: tuple[str, ...]
    """Brakes, stops and pauses in sentences, without names or reasons unless with details."""
    reason: str | None
    """Why the last run failed, as one word."""
    failure: str | None
    commands: tuple[ShownCommand, ...]
    """The next commands: resume, recover, runs."""


@dataclass(frozen=True, slots=True)
class EvidenceOverview:
    """One list or kind of owners; `why` it is unknown is None without details."""

    name: str
    kind: Literal["owners", "list"]
    is_known: bool
    why: str | None
    never_listed: int = 0
    """How many of the dead owners, or of the ghosts, no answer has had: closed by age alone."""


@dataclass(frozen=True, slots=True)
class SettingsOverview:
    """What the config says of a source; None: nothing."""

    orphaned_after: float | None
    """None: each row has its own threshold."""
    overlong_after: float | None
    objective: float | None
    """The share of sessions that should end properly."""


@dataclass(frozen=True, slots=True)
class SourceOverview:
    """One source in one database."""

    source: str
    database: str
    standing: Standing
    is_fresh: bool
    """Whether the counts of active sessions are fresh."""
    active: int | None
    orphaned: int | None
    overlong: int | None
    lost: int
    """Lost since `Overview.started_at`."""
    returned: int
    """Orphans that returned since then."""
    settings: SettingsOverview
    limit: LimitOverview
    causes: Mapping[str, int]
    """The orphans by cause, also where age is the only one; empty while they are unknown."""
    dead_owners: int | None
    """The number of owners known to be dead; the details name them."""
    oldest_orphan_last_seen_at: float | None
    oldest_silence: float | None
    """Of the orphan that is silent for longest, when it was collected."""
    excess: float | None
    """Seconds beyond `orphaned_after`, summed over the orphans."""
    oldest_start_at: float | None
    newest_start_at: float | None
    """When the session started that started last."""
    silences: tuple[SilenceBucket, ...]
    is_silence_age: bool
    """Whether `silences` are ages, because no sign of life is declared."""
    inconsistent: Mapping[str, int]
    """Inconsistent rows by kind; only kinds with rows."""
    keys_at_limit: int | None
    keys_blocked: int | None
    days: tuple[DayOverview, ...]
    """Newest first."""
    rows_estimated: float | None
    indexes_missing: tuple[str, ...]
    """The collectors whose index is missing."""
    live: Mapping[str, int]
    """Sessions by store of its list."""
    untracked: int | None
    disagreeing: int | None
    collectors: tuple[CollectorOverview, ...]
    recovery: RecoveryOverview
    evidence: tuple[EvidenceOverview, ...]
    errors: Mapping[str, int]
    """Failed collections since `Overview.started_at`, by reason; only reasons with any."""
    skipped: Mapping[str, int]
    advice: tuple[Advice, ...]
    details: SourceDetails | None
    """None where the reader may not see them."""


@dataclass(frozen=True, slots=True)
class DatabaseOverview:
    """One database; `is_up` is None before the first attempt to connect."""

    database: str
    is_up: bool | None
    replica_lag: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything, made at `now`."""

    version: str
    now: float
    started_at: float
    """When this exporter started, which is when counters, trends and errors begin."""
    shows_details: bool
    keeps_details: bool
    """False with `--web.details=nobody`: no reader can see details."""
    config_failure: str | None
    """Why the config file was rejected at the last reload; None: it was not. A word without
    details."""
    sources: tuple[SourceOverview, ...]
    databases: tuple[DatabaseOverview, ...]
    above_limit: int
    failing: int
    """How many sources are above their limit, and how many fail."""
