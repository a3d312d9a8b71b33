"""The settings of recovery: whether, when and how orphaned sessions are closed."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from exporter.config.fields.columns import OutputColumns
from exporter.config.fields.model import FrozenMapping, Model, NullIsEmpty
from exporter.config.fields.numbers import Duration, Seconds, Share, WholeNumber
from exporter.config.fields.parser import ExpectedError
from exporter.config.fields.sql import ColumnName, FunctionName, NewValue, QualifiedName, Sql
from exporter.config.fields.values import (
    Boolean,
    Choice,
    ConnectionString,
    JsonObject,
    Name,
    ReadableFile,
)

Mode = Literal["disabled", "dry_run", "auto"]
MODES: tuple[Mode, ...] = ("disabled", "dry_run", "auto")

#: pg_notify() refuses a name of more than 63 bytes.
CHANNEL = r"[A-Za-z_][A-Za-z0-9_$]{0,62}"

DAY = 86400.0  # seconds
WHY_A_DAY = "per_hour is counted in the audit, and undo needs it on the next day"


class Mark(Model):
    """A jsonb column in which the recovery is recorded."""

    column: ColumnName = Field(examples=["session_config"], description="The jsonb column.")
    merge: Annotated[str, JsonObject()] = Field(
        examples=["{auto_recovered: true}"],
        description="The object that is merged into it. NULL becomes this object; an array or a "
        "scalar is left as it is.",
    )


class Webhook(Model):
    """An endpoint that is notified of recovered sessions."""

    url: Annotated[str, Name("a URL that begins with https:// or http://", r"https?://[^\s]+")] = (
        Field(
            examples=["https://app.example.com/sessions/recovered"],
            description="The URL to which each recovery is posted, as JSON.",
        )
    )
    secret_file: Annotated[Path, ReadableFile()] = Field(
        examples=["webhook.secret"],
        description="A file that holds the key with which every request is signed (HMAC-SHA256). "
        "Relative to the folder of the config file.",
    )
    timeout: Seconds = Field(
        default="10s", validate_default=True, description="Time limit for a response."
    )


class Audit(Model):
    """The record of every recovery."""

    keep: Annotated[float, Duration(at_least=DAY, why=WHY_A_DAY)] = Field(
        default="90d", validate_default=True, description="How long the rows of the audit are kept."
    )


class RecoverySettings(Model):
    """How the orphaned sessions of one source are closed."""

    mode: Annotated[Mode, Choice(MODES)] = Field(
        default="disabled",
        validate_default=True,
        description="disabled: closes nothing automatically. dry_run: reports what auto would "
        "close. auto: closes orphaned sessions.",
    )
    dsn: Annotated[str, ConnectionString()] | None = Field(
        default=None,
        repr=False,
        description="How to connect as a role that may write; null: as for collection. "
        "A libpq connection string.",
    )
    set: FrozenMapping[ColumnName, Annotated[str, NewValue()]] = Field(
        default={},
        validate_default=True,
        description="What closing a session writes: an SQL expression for each column, in which "
        "{end} is the end of the session.",
    )
    call: Annotated[FunctionName, QualifiedName(FunctionName)] | None = Field(
        default=None,
        examples=["session_exporter.recover_calls"],
        description="The function in the database that closes sessions instead of recovery's own "
        "statements: the one that `sql function` prints, and no other. Requires set; null: none.",
    )
    end_at: Sql | None = Field(
        default=None,
        description="When a recovered session ended: last_seen, now, or an expression. null: "
        "last_seen; required where last_seen_at is not set.",
    )
    mark: Mark | None = Field(
        default=None, description="A jsonb column in which the recovery is recorded; null: none."
    )
    returning: OutputColumns = Field(
        default=(),
        description="What is reported of each recovered session besides its id: columns, or "
        "name: expression.",
    )
    evidence: Sql | None = Field(
        default=None,
        description="A condition that proves a session alive, such as a recent row in another "
        "table.",
    )
    exempt: Sql | None = Field(
        default=None, description="A condition that protects a session from recovery."
    )
    server: ColumnName | None = Field(
        default=None,
        description="The column that names the server of a session, for `close --server`.",
    )
    trust_age: Annotated[bool, Boolean()] = Field(
        default=False,
        description="Whether age alone is enough for auto where neither last_seen_at nor evidence "
        "is set.",
    )
    confirm: Annotated[int, WholeNumber(2, 100)] = Field(
        default=2,
        description="Number of runs in a row in which a session must look the same before auto "
        "closes it.",
    )
    grace: Seconds = Field(
        default="5m",
        validate_default=True,
        description="Brake: how long after a start or a failover auto closes nothing.",
    )
    per_run: Annotated[int, WholeNumber(1)] = Field(
        default=100, description="Maximum number of sessions that one run of auto closes."
    )
    per_hour: Annotated[int, WholeNumber(1)] = Field(
        default=500,
        description="Maximum number of sessions of the source that auto closes in an hour, in all "
        "exporters together.",
    )
    max_age: Seconds = Field(
        default="7d",
        validate_default=True,
        description="Sessions last seen longer ago than this are backlog: closed only by hand, "
        "with --backlog.",
    )
    max_share: Annotated[float, Share()] = Field(
        default="20%",
        validate_default=True,
        description="Brake: more than this share of the active sessions is orphaned (from 20 "
        "active sessions on).",
    )
    max_count: Annotated[int, WholeNumber(1)] = Field(
        default=200,
        description="Brake: more than this number of sessions would be recovered at once.",
    )
    batch: Annotated[int, WholeNumber(1, 10_000)] = Field(
        default=50, description="Number of sessions that one transaction closes."
    )
    pause: Seconds = Field(
        default="100ms", validate_default=True, description="Pause between two transactions."
    )

    notify: Annotated[str, Name("the name of a channel", CHANNEL)] | None = Field(
        default=None,
        description="The channel to which PostgreSQL sends a notification for each recovered "
        "session (NOTIFY); null: none.",
    )
    webhook: Webhook | None = Field(
        default=None, description="Endpoint notified of recovered sessions; null: none."
    )
    audit: Annotated[Audit, NullIsEmpty()] = Field(
        default={}, validate_default=True, description="The record of every recovery."
    )

    @property
    def is_declared(self) -> bool:
        """Whether the config says what closing a session writes."""
        return bool(self.set)

    @model_validator(mode="after")
    def _require_mark_apart_from_set(self) -> "RecoverySettings":
        if self.mark is not None and self.mark.column in self.set:
            raise ExpectedError(
                "mark and set to name different columns",
                "a column is written once",
                got=f"{self.mark.column} in both",
                at=("mark", "column"),
            )
        return self
