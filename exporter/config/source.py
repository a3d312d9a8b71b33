"""One source: a session table, what its rows mean, and what is collected of it."""

from typing import Annotated, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from exporter.config.fields.columns import Shown, ShownItem, TimeColumn
from exporter.config.fields.labels import Label, LabelName
from exporter.config.fields.model import Listed, Model, Named, NonEmpty, NothingIsEmpty
from exporter.config.fields.parser import ExpectedError
from exporter.config.fields.sql import Sql, Table, TableName
from exporter.config.fields.values import Name, Seconds, Whole, Zone
from exporter.config.recovery import RecoverySettings
from exporter.config.series import series_by_part

KIND = "[a-z_][a-z0-9_]*"
BUILT_IN_KINDS = "undated|future|ended_but_active|closed_without_end"

Kind = Annotated[str, Name(f"a name ({KIND})", KIND, BUILT_IN_KINDS)]


class Daily(Model):
    """The daily statistics: today and the days before it."""

    days: Annotated[int, Whole(1, 366)] = Field(
        default=7, description="How many days, today and the days before it."
    )
    every: Seconds = Field(
        default="5m", validate_default=True, description="How often they are collected."
    )
    timeout: Seconds = Field(
        default="30s",
        validate_default=True,
        description="How long their query may run, instead of statement_timeout.",
    )


class Source(Model):
    """A session table. Fields that a check of another one needs come before it."""

    name: str
    databases: Annotated[
        NonEmpty[Annotated[str, Name("the name of a database", r"(?s).+")]],
        BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
        WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1}),
    ] = Field(
        alias="database",
        description="The database that the table is in; a list means the same source in each of "
        "them. May be left out where there is only one database.",
    )
    table: Annotated[TableName, Table()] = Field(
        examples=["public.sessions"],
        description="A table, partitioned table or view, with its schema.",
    )
    where: Sql | None = Field(
        default=None,
        description="Which rows exist at all, for example deleted_at IS NULL.",
    )
    active: Sql = Field(
        examples=["is_active"],
        description="The condition that makes a session active.",
    )
    started_at: TimeColumn = Field(
        examples=["started_at"],
        description="When the session started.",
    )
    last_seen_at: TimeColumn | None = Field(
        default=None,
        description="The newest sign of life: a heartbeat, the last message. Without it, the "
        "start counts as the last sign of life.",
    )
    ended_at: TimeColumn | None = Field(
        default=None,
        description="When the session ended.",
    )
    duration: Sql | None = Field(
        default=None,
        description="How long the session was, in seconds. Without it, ended_at minus started_at.",
    )
    id: Sql | None = Field(
        default=None,
        description="What identifies a session. The orphan list and recovery need it.",
    )
    orphaned_after: Seconds = Field(
        examples=["2h"],
        description="An active session last seen longer ago than this is orphaned.",
    )
    overlong_after: Seconds | None = Field(
        default=None,
        description="An active session that is not orphaned and started longer ago than this is "
        "overlong. Needs last_seen_at.",
    )
    alert_above: Annotated[int, Whole(0)] | None = Field(
        default=5,
        description="An alert fires above this many orphaned sessions; null: no alert.",
    )
    timezone: Annotated[str, Zone()] = Field(
        default="UTC",
        validate_default=True,
        description="The time zone whose midnights bound the days of the daily statistics.",
    )
    timestamps_in: Annotated[str, Zone()] | None = Field(
        default=None,
        description="The time zone in which timestamps without a time zone were written. "
        "Required for those, never guessed.",
    )
    every: Seconds = Field(
        default="30s",
        validate_default=True,
        description="How often the source is collected.",
    )
    stale_after: Seconds | None = Field(
        default=None,
        description="How long the last good values stay while collecting fails; "
        "null: three times every.",
    )
    daily: Daily | None = Field(
        default={},
        validate_default=True,
        description="The daily statistics; null: none.",
    )
    labels: Named[LabelName, Label] = Field(
        default={},
        validate_default=True,
        description="What counts are split by: for each label its value and its known values.",
    )
    integrity: Named[Kind, Sql] = Field(
        default={},
        validate_default=True,
        description="Conditions, by name, that no active session should meet.",
    )
    show: Annotated[Listed[Annotated[Shown, ShownItem()]], NothingIsEmpty(tuple)] = Field(
        default=(),
        description="What the orphan list may show besides id and times: columns, or "
        "name: expression.",
    )
    max_series: Annotated[int, Whole(1)] = Field(
        default=1000,
        description="The most time series that the source may have in one database.",
    )
    future_tolerance: Seconds = Field(
        default="1m",
        validate_default=True,
        description="How far ahead of the database's clock a time may be without being "
        "inconsistent.",
    )
    recovery: Annotated[RecoverySettings, NothingIsEmpty()] = Field(
        default={},
        validate_default=True,
        description="Whether and how orphaned sessions are closed.",
    )

    @field_validator("overlong_after")
    @classmethod
    def _needs_last_seen_at(cls, value: float | None, info: ValidationInfo) -> float | None:
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
    def _outlasts_two_collections(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and value < 2 * info.data.get("every", 0):
            raise ExpectedError(
                "stale_after to be at least twice every",
                "values would disappear between two collections",
                keys=("stale_after", "every"),
            )
        return value

    @field_validator("show")
    @classmethod
    def _shows_each_name_once(cls, value: tuple[Shown, ...]) -> tuple[Shown, ...]:
        names = [shown.name for shown in value]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ExpectedError("every name once", at=(index,))
        return value

    @field_validator("recovery")
    @classmethod
    def _is_complete(cls, value: RecoverySettings, info: ValidationInfo) -> RecoverySettings:
        if value.mode == "disabled" and not value.is_declared:
            return value
        if info.data.get("id", ...) is None:
            raise ExpectedError(
                "id beside recovery",
                "recovery has to name the sessions that it closes",
                came="no id",
                keys=("recovery", "id"),
            )
        if not value.set and (value.call is None or value.mode == "auto"):
            raise ExpectedError(
                "set inside recovery",
                "recovery has to know what closing a session writes",
                came="no set",
                keys=("recovery",),
            )
        if value.set and value.end_at is None and info.data.get("last_seen_at", ...) is None:
            raise ExpectedError(
                "end_at inside recovery, where there is no last_seen_at",
                "last seen would be the start, and every duration 0; write for example "
                "end_at: now, or an expression such as least(now(), s.started + interval '2 h')",
                came="no end_at",
                keys=("recovery",),
            )
        is_age_alone = info.data.get("last_seen_at", ...) is None and value.evidence is None
        if value.mode == "auto" and is_age_alone and not value.trust_age:
            raise ExpectedError(
                "trust_age: true inside recovery, where auto has nothing but the age to go by",
                "a session that is only long would be closed; declare last_seen_at or evidence, or "
                "say that age is enough",
                came="neither last_seen_at nor evidence",
                keys=("recovery",),
            )
        if value.dsn is not None and len(info.data.get("databases", ())) > 1:
            raise ExpectedError(
                "dsn inside recovery only for a source in one database",
                came="several databases",
                keys=("recovery",),
            )
        return value

    @model_validator(mode="after")
    def _within_max_series(self) -> Self:
        if self.series() > self.max_series:
            part, most = max(series_by_part(self).items(), key=lambda item: item[1])
            raise ExpectedError(
                f"at most {self.max_series} series (max_series)",
                "use fewer labels, values or days, or raise max_series",
                came=f"{self.series()}, of which {most} are {part}",
            )
        return self

    def series(self) -> int:
        """Return the most time series that this source can have in one database."""
        return sum(series_by_part(self).values())
