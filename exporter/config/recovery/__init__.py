"""The settings of recovery: whether, when and how orphaned sessions are closed."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from exporter.config.fields.columns import OutputColumns
from exporter.config.fields.connection_string import ConnectionString
from exporter.config.fields.model import FrozenMapping, Model, null_as
from exporter.config.fields.numbers import Seconds, Share, duration, whole_number
from exporter.config.fields.parser import ExpectedError
from exporter.config.fields.sql import ColumnName, NewValue, Sql, TableName, qualified_name
from exporter.config.fields.values import (
    Command,
    JsonObject,
    ReadableFile,
    choice,
    name_like,
)

Mode = Literal["disabled", "dry_run", "auto"]
MODES: tuple[Mode, ...] = get_args(Mode)

# pg_notify() refuses a name of more than 63 bytes.
Channel = Annotated[str, name_like("the name of a channel", r"[A-Za-z_][A-Za-z0-9_$]{0,62}")]
Url = Annotated[str, name_like("a URL that begins with https:// or http://", r"https?://[^\s]+")]
Function = Annotated[TableName, qualified_name("a function such as session_exporter.recover_calls")]
SevenDaysOrMore = Annotated[
    float,
    duration(7 * 86400, "automatic recovery counts closures and mistakes of a week in the audit"),
]


class Mark(Model):
    """A jsonb column in which the recovery is recorded."""

    column: ColumnName = Field(examples=["session_config"])
    """The jsonb column."""
    merge: JsonObject = Field(examples=["{auto_recovered: true}"])
    """The object that is merged into it. NULL becomes this object; an array or a scalar is not
    changed."""


class Webhook(Model):
    """An endpoint that is notified of recovered sessions."""

    url: Url = Field(examples=["https://app.example.com/sessions/recovered"])
    """The URL to which each recovery is posted, as JSON."""
    secret_file: ReadableFile = Field(examples=["webhook.secret"])
    """A file that holds the key with which every request is signed (HMAC-SHA256). Relative to the
    folder of the config file."""
    timeout: Seconds = Field("10s", validate_default=True)
    """Time limit for a response."""


class Audit(Model):
    """The record of every recovery."""

    keep: SevenDaysOrMore = Field("90d", validate_default=True)
    """How long the rows of the audit are kept."""


class RecoverySettings(Model):
    """How the orphaned sessions of one source are closed."""

    mode: Annotated[Mode, choice(MODES)] = "disabled"
    """disabled: closes nothing automatically. dry_run: reports what auto would close. auto: closes
    orphaned sessions."""
    dsn: ConnectionString | None = Field(None, repr=False)
    """How to connect as a role that may write; null: as for collection. A libpq connection
    string."""
    password_file: ReadableFile | None = None
    """The password_file of this dsn."""
    password_command: Command | None = Field(None, repr=False)
    """The password_command of this dsn."""
    set: FrozenMapping[ColumnName, NewValue] = Field({}, validate_default=True)
    """The columns that closing a session writes, each with an SQL expression, in which {end} is the
    end of the session."""
    call: Function | None = Field(None, examples=["session_exporter.recover_calls"])
    """The function in the database that closes sessions instead of recovery's own statements; only
    the function that `sql function` prints is accepted. Requires set, and neither owner.in nor
    list; null: none."""
    end_at: Sql | None = None
    """When a recovered session ended: last_seen, now, or an expression. null: last_seen; required
    where last_seen_at is not set."""
    mark: Mark | None = None
    """A jsonb column in which the recovery is recorded; null: none."""
    returning: OutputColumns = ()
    """Values that are reported for each recovered session besides its id: columns, or name:
    expression."""
    evidence: Sql | None = None
    """A condition that proves a session alive, such as a recent row in another table."""
    exempt: Sql | None = None
    """A condition that protects a session from recovery."""
    trust_age: bool = False
    """Whether age alone is enough for auto where neither last_seen_at nor evidence is set."""
    confirm: Annotated[int, whole_number(2, 100)] = 2
    """Number of runs in a row in which a session must be unchanged before auto closes it."""
    grace: Seconds = Field("5m", validate_default=True)
    """Brake: minimum time after a start or a failover in which auto closes nothing."""
    per_run: Annotated[int, whole_number(1)] = 100
    """Maximum number of sessions that one run of auto closes."""
    per_hour: Annotated[int, whole_number(1)] = 500
    """Maximum number of sessions of the source that auto closes in an hour, in all exporters
    together."""
    max_age: Seconds = Field("7d", validate_default=True)
    """Sessions last seen longer ago than this are backlog: closed only by hand, with --backlog."""
    max_share: Share = Field("10%", validate_default=True)
    """Brake: more than three sessions, and more than this share of them, became orphaned within
    half of orphaned_after of each other."""
    max_count: Annotated[int, whole_number(1)] = 200
    """Brake: more than this number of sessions became orphaned within half of orphaned_after of
    each other."""
    batch: Annotated[int, whole_number(1, 10_000)] = 50
    """Number of sessions that one transaction closes."""
    pause: Seconds = Field("100ms", validate_default=True)
    """Pause between two transactions."""

    notify: Channel | None = None
    """The channel to which PostgreSQL sends a notification for each recovered session (NOTIFY);
    null: none."""
    webhook: Webhook | None = None
    """Endpoint notified of recovered sessions; null: none."""
    audit: Annotated[Audit, null_as({})] = Field({}, validate_default=True)
    """The record of every recovery."""

    @property
    def is_declared(self) -> bool:
        """Whether the config declares what closing a session writes."""
        return bool(self.set)

    @model_validator(mode="after")
    def _require_dsn_for_its_password(self) -> "RecoverySettings":
        given = [key for key in ("password_file", "password_command") if getattr(self, key)]
        if len(given) == 2:
            raise ExpectedError(" or ".join(given), got="both", at=(given[1],))
        if given and self.dsn is None:
            advice = "without a dsn of its own, recovery connects as collection does"
            raise ExpectedError(f"dsn beside {given[0]}", advice, "no dsn", at=(given[0],))
        return self

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
