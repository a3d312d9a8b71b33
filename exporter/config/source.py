"""The settings of one source: a session table, the meaning of its rows, and its statistics."""

import math
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from exporter.config.evidence import OwnershipOrColumn
from exporter.config.fields.columns import (
    KeyLimit,
    Label,
    LabelName,
    OutputColumn,
    OutputColumns,
    PointInTime,
    SessionId,
)
from exporter.config.fields.model import (
    FrozenMapping,
    Model,
    NonEmptyList,
    null_as,
    one_for_all,
)
from exporter.config.fields.numbers import Objective, Seconds, whole_number
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.sql import Condition, Sql, TableName, qualified_name
from exporter.config.fields.threshold import RowThreshold, Threshold
from exporter.config.fields.values import NAME, TimeZone, name_like
from exporter.config.recovery import RecoverySettings
from exporter.config.recovery.requirements import check_recovery

KIND = "[a-z_][a-z0-9_]*"
BUILT_IN_KINDS = (
    "undated|future|ended_but_active|impossible_end|unbounded|closed_without_end|seen_after_end"
)

DatabaseName = Annotated[str, name_like("the name of a database", r"(?s).+")]
DatabaseNames = Annotated[
    NonEmptyList[DatabaseName],
    Parser(
        lambda value: [value] if isinstance(value, str) else value,
        {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1},
    ),
]
ListName = Annotated[str, name_like("the name of one of the lists", NAME)]
Kind = Annotated[str, name_like(f"a name ({KIND})", KIND, BUILT_IN_KINDS)]

# Numbers of time series.
AGE_HISTOGRAM = 15  # 13 buckets, gcount and gsum
CAUSES = 4
LISTED = 3  # untracked, disagreeing, and live of one store
RECOVERY_MODES = 3
_RECOVERY = 30  # 3 triggers, 10 + 3 reasons, 8 brakes, and 6 that are one each


DAY_SECONDS = 86400.0


#: With a longer `orphaned_after` no day of the service level is settled.
LONGEST_SETTLED_SECONDS = 7 * DAY_SECONDS


def settled_days_ago(orphaned_after: float | RowThreshold) -> int:
    """The number of days since the last day whose sessions, if silent since, are orphaned by now.

    As in the rules, which know no other days. Where each row has its own threshold, it is taken to
    be a day at most.
    """
    is_short = isinstance(orphaned_after, RowThreshold) or orphaned_after <= DAY_SECONDS
    return 2 if is_short else 8


class DailySettings(Model):
    """The daily statistics: today and the days before it."""

    days: Annotated[int, whole_number(1, 366)] = 7
    """Number of days: today and the days before it."""
    every: Seconds = Field("5m", validate_default=True)
    """Interval between two collections."""
    timeout: Seconds = Field("30s", validate_default=True)
    """Time limit for the query, in place of statement_timeout."""


class Source(Model):
    """A session table. Fields that a check of another one needs come before it."""

    name: SkipJsonSchema[str]  # the key around it
    databases: DatabaseNames = Field(alias="database")
    """The database that holds the table; a list means the same source in each of them. Optional
    where there is only one database."""
    table: Annotated[TableName, qualified_name("a table such as public.sessions")] = Field(
        examples=["public.sessions"]
    )
    """A table, partitioned table or view, with its schema."""
    where: Sql | None = None
    """Condition for a row to exist at all, for example deleted_at IS NULL."""
    active: Condition = Field(examples=["is_active"])
    """The condition for an active session. true: a session is active as long as its row exists."""
    started_at: PointInTime = Field(examples=["started_at"])
    """When the session started."""
    last_seen_at: PointInTime | None = None
    """The newest sign of life: a heartbeat, the last message. Without it, the start counts as the
    last sign of life."""
    ended_at: PointInTime | None = None
    """When the session ended."""
    duration: Sql | None = None
    """Duration of the session in seconds. Without it, ended_at minus started_at."""
    id: SessionId | None = None
    """The column, the expression, or the list of columns that identifies a session. Required by the
    list of orphans and by recovery; with it, orphaned sessions that return are counted."""
    owner: OwnershipOrColumn | None = None
    """The owner that holds each session, such as a server: an expression, or a mapping of:
    and in:."""
    list: ListName | None = None
    """The name of one of the lists, which contains the sessions that live. Requires id."""
    orphaned_after: Threshold = Field(examples=["2h"])
    """An active session last seen longer ago than this is orphaned: a duration, or sql: with an
    expression that gives an interval for each row."""
    overlong_after: Seconds | None = None
    """An active session that is not orphaned and started longer ago than this is overlong. Requires
    last_seen_at."""
    alert_above: Annotated[int, whole_number(0)] | None = 5
    """The alert fires above this number of orphaned sessions; null: no alert."""
    limit_per: KeyLimit | None = None
    """The number of sessions that one user may have at once; then the users who cannot start
    another session are counted. null: no limit."""
    timezone: TimeZone = "UTC"
    """The time zone whose midnights bound the days of the daily statistics."""
    timestamps_in: TimeZone | None = None
    """The time zone in which timestamps without a time zone were written. Required for such
    timestamps, never guessed."""
    every: Seconds = Field("30s", validate_default=True)
    """Interval between two collections of the source."""
    stale_after: Seconds | None = None
    """How long the last good values are served while collections fail; null: three times every."""
    daily: Annotated[DailySettings, one_for_all(DailySettings())] | None = Field(
        {}, validate_default=True
    )
    """The daily statistics; null: none."""
    objective: Objective | None = None
    """The share of sessions that should end properly, such as 99%; null: none. Requires daily."""
    labels: FrozenMapping[LabelName, Label] = Field({}, validate_default=True)
    """Labels by which counts are split: for each its value and its known values."""
    integrity: FrozenMapping[Kind, Sql] = Field({}, validate_default=True)
    """Conditions, by name, that no active session should satisfy."""
    show: OutputColumns = ()
    """What the list of orphans may show besides id and times: columns, or name: expression."""
    max_series: Annotated[int, whole_number(1)] = 1000
    """Maximum number of time series of the source in one database."""
    future_tolerance: Seconds = Field("1m", validate_default=True)
    """How far ahead of the database's clock a time may be without being inconsistent."""
    recovery: Annotated[RecoverySettings, null_as({}), one_for_all(RecoverySettings())] = Field(
        {}, validate_default=True
    )
    """Whether and how orphaned sessions are closed."""

    @field_validator("list")
    @classmethod
    def _require_id(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("id", ...) is None:
            advice = "the sessions of the list are found in the table by it"
            raise ExpectedError("id beside list", advice, keys=("list", "id"))
        return value

    @field_validator("overlong_after")
    @classmethod
    def _require_last_seen_at(cls, value: float | None, info: ValidationInfo) -> float | None:
        # Without a sign of life, overlong and orphaned would be the same thing.
        if value is not None and info.data.get("last_seen_at", ...) is None:
            raise ExpectedError(
                "last_seen_at beside overlong_after",
                "without a sign of life, orphaned_after alone decides",
                keys=("overlong_after", "last_seen_at"),
            )
        return value

    @field_validator("stale_after")
    @classmethod
    def _require_two_collections(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and value < 2 * info.data.get("every", 0):
            raise ExpectedError(
                "stale_after to be at least twice every",
                "values would disappear between two collections",
                keys=("stale_after", "every"),
            )
        return value

    @field_validator("objective")
    @classmethod
    def _require_settled_day(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is None or not {"daily", "orphaned_after"} <= info.data.keys():
            return value
        daily, after = info.data["daily"], info.data["orphaned_after"]
        days_ago = settled_days_ago(after)
        if not isinstance(after, RowThreshold) and after > LONGEST_SETTLED_SECONDS:
            raise ExpectedError(
                "orphaned_after of at most 7d beside objective",
                "the share is of the sessions of a day that can no longer become orphaned",
                keys=("objective", "orphaned_after"),
            )
        if daily is None or daily.days <= days_ago:
            raise ExpectedError(
                f"daily with at least {days_ago + 1} days beside objective",
                "the share is of the sessions of a day that can no longer become orphaned",
                keys=("objective", "daily"),
            )
        return value

    @field_validator("show")
    @classmethod
    def _require_distinct_names(cls, value: tuple[OutputColumn, ...]) -> tuple[OutputColumn, ...]:
        names = [column.name for column in value]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ExpectedError("every name once", at=(index,))
        return value

    @field_validator("recovery")
    @classmethod
    def _require_usable_recovery(
        cls, value: RecoverySettings, info: ValidationInfo
    ) -> RecoverySettings:
        if value.mode != "disabled" or value.set or value.call is not None:
            check_recovery(value, info.data)
        return value

    @model_validator(mode="after")
    def _limit_series(self) -> Self:
        if self.series() > self.max_series:
            part, most = max(self._series_by_part().items(), key=lambda item: item[1])
            raise ExpectedError(
                f"at most {self.max_series} series (max_series)",
                "use fewer labels, values or days, or raise max_series",
                got=f"{self.series()}, of which {most} are {part}",
            )
        return self

    @property
    def owners_name(self) -> str | None:
        """The name of the owners that say which owner lives; None: nothing does."""
        return None if self.owner is None else self.owner.in_

    @property
    def has_evidence(self) -> bool:
        """Whether sessions may be orphaned by evidence too: owners or a list."""
        return self.owners_name is not None or self.list is not None

    @property
    def closes_by_age(self) -> bool:
        """Whether automatic recovery closes a session by its age alone.

        With owners or a list, without a sign of life, that requires `trust_age` or `evidence`.
        """
        trusted = self.recovery.trust_age or self.recovery.evidence is not None
        return trusted or self.last_seen_at is not None or not self.has_evidence

    @property
    def fixed_threshold(self) -> float | None:
        """`orphaned_after` in seconds; None where each row has its own."""
        return None if isinstance(self.orphaned_after, RowThreshold) else self.orphaned_after

    @property
    def recovery_threshold(self) -> float:
        """`orphaned_after` in seconds, for code that is not used if each row has its own."""
        if isinstance(self.orphaned_after, RowThreshold):
            raise TypeError("each row has a threshold of its own")
        return self.orphaned_after

    @property
    def settle_time(self) -> float:
        """Half of `orphaned_after`, in seconds: within it a wave of silence shows completely."""
        return self.recovery_threshold / 2

    def series(self) -> int:
        """Return the maximum number of time series of this source in one database."""
        return sum(self._series_by_part().values())

    def _series_by_part(self) -> dict[str, int]:
        has_end = self.ended_at is not None or self.duration is not None
        # A split metric has a total, and one sample for each combination of label values.
        combinations = math.prod(len(label.values) + 1 for label in self.labels.values())
        split = 1 + (combinations if self.labels else 0)

        has_own = self.fixed_threshold is None
        kinds = 2 + has_own + 2 * (self.ended_at is not None) + len(self.integrity)
        daily = 0
        if self.daily is not None:
            kinds += has_end  # closed_without_end
            kinds += self.ended_at is not None and self.last_seen_at is not None  # seen_after_end
            daily = split + self.daily.days * (1 + split * (7 if has_end else 5))
        return {
            "counts": split * (2 if self.overlong_after is None else 3),
            "orphans by cause": CAUSES if self.has_evidence else 0,
            "sessions that the list has": LISTED if self.list is not None else 0,
            "keys at their limit": 0 if self.limit_per is None else 2,
            "age histograms": AGE_HISTOGRAM * (1 if self.last_seen_at is None else 2),
            "daily statistics": daily,
            "kinds of inconsistency": kinds,
            "the oldest and the newest session, excess, size and losses": 5 + (daily > 0),
            "recovery": RECOVERY_MODES + (_RECOVERY if self.recovery.is_declared else 0),
            "returned sessions": int(self.id is not None),
            "limits": sum(
                each is not None
                for each in (
                    self.fixed_threshold,
                    self.overlong_after,
                    self.alert_above,
                    self.objective,
                )
            ),
        }
