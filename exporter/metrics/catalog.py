"""The catalog of every metric: its name, type, help, labels and how replicas fold.

These names are a contract with dashboards, alert rules and users. docs/metrics.md describes them
in prose, and a test compares the two.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

#: Upper bounds in seconds of the age and silence histograms, the same for all sources so that
#: they can be added up.
BUCKETS = (60, 300, 600, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800, 2592000)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family. `labels` are those beside `database` and `source`."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    type: Literal["gauge", "counter", "gaugehistogram", "info"] = "gauge"
    fold: Literal["max", "min"] = "max"
    split: bool = False
    """Served again as `<name>_by_label` for a source that declares labels."""

    @property
    def by_label(self) -> "Family":
        help_ = f"{self.help} Split by the labels that the source declares."
        return replace(self, name=f"{self.name}_by_label", help=help_, split=False)

    def samples(self, value: float | None) -> "Iterator[Sample]":
        """The sample of a family without labels; none while its value is unknown."""
        if value is not None:
            yield Sample(self, (), int(value) if isinstance(value, bool) else value)

    def samples_by(self, label: str, values: Mapping[str, float]) -> "Iterator[Sample]":
        """A sample for each value of the family's only label."""
        return (Sample(self, ((label, key),), value) for key, value in values.items())


class Sample(NamedTuple):
    """One value of a family. For a gauge histogram `suffix` is _bucket, _gcount or _gsum."""

    family: Family
    labels: tuple[tuple[str, str], ...]
    value: float
    suffix: str = ""


_AGED = "As of the last collection; see session_exporter_collection_last_success_timestamp_seconds."

ACTIVE = Family(
    "sessions_active", f"Sessions that satisfy the active condition. {_AGED}", split=True
)
ORPHANED = Family(
    "sessions_orphaned",
    f"Active sessions last seen longer ago than orphaned_after. {_AGED}",
    split=True,
)
ORPHANED_BY_CAUSE = Family(
    "sessions_orphaned_by_cause",
    "Orphaned sessions by cause; no sample for a source without owners and lists. The causes sum "
    f"to sessions_orphaned. {_AGED}",
    ("cause",),
)
OVERLONG = Family(
    "sessions_overlong",
    "Active sessions that are not orphaned and started longer ago than "
    f"sessions_overlong_after_seconds. {_AGED}",
    split=True,
)
UNTRACKED = Family(
    "sessions_untracked",
    "Sessions that a list held in two answers and that are not active in the table; no sample "
    "while unknown.",
)
DISAGREEING = Family(
    "sessions_disagreeing",
    "Sessions that one store of the list held and another lacked in two answers; no sample while "
    "unknown, or where stores hold different sessions.",
)
LIVE = Family(
    "sessions_live",
    "Live sessions that a store of the list holds; no sample while unknown.",
    ("store",),
)
KEYS_AT_LIMIT = Family(
    "sessions_keys_at_limit",
    f"Keys of limit_per, such as users, with as many active sessions as it allows. {_AGED}",
)
KEYS_BLOCKED = Family(
    "sessions_keys_blocked_by_orphans",
    "Of sessions_keys_at_limit, those that would be below the limit without their orphaned "
    f"sessions. {_AGED}",
)
ACTIVE_AGE = Family(
    "sessions_active_age_seconds",
    f"Time since the start of each active session. {_AGED}",
    ("le",),
    type="gaugehistogram",
)
ACTIVE_SILENCE = Family(
    "sessions_active_silence_seconds",
    f"Time since each active session was last seen. {_AGED}",
    ("le",),
    type="gaugehistogram",
)
OLDEST_ACTIVE_START = Family(
    "sessions_oldest_active_start_timestamp_seconds",
    "Start of the active session that started first; no sample while there is none.",
    fold="min",
)
NEWEST_START = Family(
    "sessions_newest_start_timestamp_seconds",
    "Start of the session that started last, active or not; no sample while it is not known.",
)
OLDEST_ORPHAN_LAST_SEEN = Family(
    "sessions_oldest_orphan_last_seen_timestamp_seconds",
    "When the orphaned session that is silent for longest was last seen; no sample while there "
    "is none.",
    fold="min",
)
ORPHANED_EXCESS = Family(
    "sessions_orphaned_excess_seconds",
    f"Time beyond orphaned_after, summed over the orphaned sessions. {_AGED}",
)
LOST = Family(
    "sessions_lost_total",
    "Sessions that became orphaned since the start of the exporter, also those that recovery has "
    "closed since; not those that were orphaned when it started.",
    type="counter",
)
INCONSISTENT = Family(
    "sessions_inconsistent", f"Rows that contradict themselves, by kind. {_AGED}", ("kind",)
)
ROWS_ESTIMATED = Family(
    "sessions_rows_estimated",
    "Rows in the table as the planner estimates them, partitions summed; never counted.",
)
TODAY_STARTED = Family(
    "sessions_today_started",
    f"Sessions started since midnight in the time zone of the source. {_AGED}",
    split=True,
)
DAILY_STARTED = Family(
    "sessions_daily_started",
    "Sessions started on the day so many days ago, in the time zone of the source; today is 0. "
    f"{_AGED}",
    ("days_ago",),
    split=True,
)
DAILY_ENDED = Family(
    "sessions_daily_ended",
    f"Sessions started on that day that the application has ended. {_AGED}",
    ("days_ago",),
    split=True,
)
DAILY_RECOVERED = Family(
    "sessions_daily_recovered",
    f"Sessions started on that day that recovery has closed, and that were not undone. {_AGED}",
    ("days_ago",),
    split=True,
)
DAILY_LOST = Family(
    "sessions_daily_lost",
    "Sessions started on that day that are orphaned, or were recovered and not contradicted. "
    f"{_AGED}",
    ("days_ago",),
    split=True,
)
DAILY_STILL_ACTIVE = Family(
    "sessions_daily_still_active",
    f"Sessions started on that day that are still active. {_AGED}",
    ("days_ago",),
    split=True,
)
DAILY_KNOWN_DURATION = Family(
    "sessions_daily_known_duration_seconds",
    "The known durations of the sessions started on that day that the application has ended, "
    f"summed. {_AGED}",
    ("days_ago",),
    split=True,
)
DAILY_TIMED = Family(
    "sessions_daily_timed",
    "Sessions started on that day that the application has ended and whose duration is known. "
    f"{_AGED}",
    ("days_ago",),
    split=True,
)
DAILY_INFO = Family(
    "sessions_daily_info",
    "Which date the day so many days ago has in the time zone of the source.",
    ("days_ago", "date"),
    type="info",
)
ORPHANED_AFTER = Family(
    "sessions_orphaned_after_seconds",
    "The source's orphaned_after, from the config; no sample where each row has its own.",
)
OVERLONG_AFTER = Family(
    "sessions_overlong_after_seconds", "The source's overlong_after, from the config."
)
ALERT_THRESHOLD = Family(
    "sessions_orphaned_alert_threshold",
    "The source's alert_above, from the config: the alert fires above this number of orphaned "
    "sessions.",
)
OBJECTIVE = Family(
    "sessions_objective_ratio",
    "The source's objective, from the config: the share of sessions that should end properly.",
)

RECOVERY_MODE = Family(
    "sessions_recovery_mode", "Which mode the config sets: 1 for that one.", ("mode",)
)
RECOVERED = Family(
    "sessions_recovered_total",
    "Sessions closed by recovery since the start of the exporter, by any exporter or command: rows "
    "of the audit table.",
    ("trigger",),
    type="counter",
)
RECOVERY_UNDONE = Family(
    "sessions_recovery_undone_total",
    "Recovered sessions that were undone, since the start of the exporter.",
    type="counter",
)
RECOVERY_CONTRADICTED = Family(
    "sessions_recovery_contradicted_total",
    "Recovered sessions that showed life afterwards, or got a genuine end, since the start of the "
    "exporter.",
    type="counter",
)
RETURNED = Family(
    "sessions_returned_total",
    "Orphaned sessions that showed life again or were ended by the application, since the start of "
    "the exporter; not those that recovery had closed.",
    type="counter",
)
RECOVERY_FAILED = Family(
    "sessions_recovery_failed_total",
    "Runs of recovery that failed, by reason; refused: sessions that a constraint or a trigger "
    "did not let close.",
    ("reason",),
    type="counter",
)
RECOVERY_SKIPPED = Family(
    "sessions_recovery_skipped_total",
    "Confirmed sessions that were not closed, by reason: tried again at the next run.",
    ("reason",),
    type="counter",
)
RECOVERY_BRAKE = Family(
    "sessions_recovery_brake",
    "Whether this brake stops automatic recovery; no sample while nothing is observed.",
    ("brake",),
)
RECOVERY_PAUSED = Family(
    "sessions_recovery_paused", "Whether a person has paused automatic recovery of the source."
)
RECOVERY_CANDIDATES = Family(
    "sessions_recovery_candidates",
    "Sessions that recovery would close, confirmed or not; no sample where it is disabled.",
)
RECOVERY_HELD = Family(
    "sessions_recovery_held",
    "Orphaned sessions that wait for a person to resume recovery, or for the budget of the next "
    "day; no sample where recovery is disabled.",
)
RECOVERY_LAST_RUN = Family(
    "sessions_recovery_last_run_timestamp_seconds",
    "When recovery last looked for sessions to close.",
)

BUILD_INFO = Family(
    "session_exporter_build_info", "The running version.", ("version", "python"), type="info"
)
CONFIG_INFO = Family(
    "session_exporter_config_info",
    "The beginning of the SHA-256 of the config file in use: replicas should agree.",
    ("hash",),
    type="info",
)
CONFIG_RELOAD_SUCCESSFUL = Family(
    "session_exporter_config_last_reload_successful",
    "Whether the config file was good when it was last read.",
    fold="min",
)
CONFIG_RELOAD_TIMESTAMP = Family(
    "session_exporter_config_last_reload_success_timestamp_seconds",
    "When the config in use was read.",
    fold="min",
)
WEB_CONFIG_RELOAD_SUCCESSFUL = Family(
    "session_exporter_web_config_last_reload_successful",
    "Whether the web config file and the certificates it names were good when they were last read.",
    fold="min",
)
HTTP_CONNECTIONS = Family(
    "session_exporter_http_connections", "Connections to the web server that are open now."
)
HTTP_REJECTED = Family(
    "session_exporter_http_rejected_total",
    "Requests that were refused and connections that were closed since the start, by reason.",
    ("reason",),
    type="counter",
)
DATABASE_UP = Family(
    "session_exporter_database_up",
    "0 after a failed connect, a failed authentication or a lost connection; no sample before "
    "the first attempt.",
    fold="min",
)
DATABASE_CONNECTIONS = Family(
    "session_exporter_database_connections",
    "Connections that are open now, for collection and for recovery.",
    ("use",),
)
REPLICA_LAG = Family(
    "session_exporter_database_replica_lag_seconds",
    "How far a standby is behind its primary; no sample on a primary.",
)
EVIDENCE_UP = Family(
    "session_exporter_evidence_up",
    "Whether the last answer of a list or an owner source could be used; no sample before the "
    "first one.",
    ("evidence",),
)
COLLECTION_SUCCESS = Family(
    "session_exporter_collection_success",
    "Whether the last collection succeeded and its values are still served; 0 from the start "
    "until the first success.",
    ("collector",),
)
COLLECTION_DURATION = Family(
    "session_exporter_collection_duration_seconds",
    "How long the last collection kept the database busy.",
    ("collector",),
)
COLLECTION_INTERVAL = Family(
    "session_exporter_collection_interval_seconds",
    "Time between two collections: as configured, or 20 times the last duration if that is more.",
    ("collector",),
)
COLLECTION_LAST_SUCCESS = Family(
    "session_exporter_collection_last_success_timestamp_seconds",
    "When the last successful collection began: the age of the values of this source.",
    ("collector",),
)
COLLECTION_ERRORS = Family(
    "session_exporter_collection_errors_total",
    "Failed collections since the start, by reason.",
    ("reason",),
    type="counter",
)
COLLECTION_SKIPPED = Family(
    "session_exporter_collection_skipped_total",
    "Collections that did not begin: the one before still ran, or the database was out of reach "
    "a moment ago; and those that counted no lost sessions, because the clock was set.",
    ("reason",),
    type="counter",
)
INDEX_MISSING = Family(
    "session_exporter_index_missing",
    "Whether no index serves this collector's query; `session-exporter sql index` prints one.",
    ("collector",),
)
SERIES = Family(
    "session_exporter_series", "Time series about sessions that this source serves now."
)

# The families above, in their order, which is the order of the page.
FAMILIES = tuple(
    each
    for family in tuple(globals().values())
    if isinstance(family, Family)
    for each in ((family, family.by_label) if family.split else (family,))
)
