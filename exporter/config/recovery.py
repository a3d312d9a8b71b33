"""Recovery: whether, when and how orphaned sessions are closed."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, model_validator

from exporter.config.database import ConnectionString, ReadableFile
from exporter.config.fields.columns import Shown, ShownItem
from exporter.config.fields.model import Listed, Model, Named, NothingIsEmpty
from exporter.config.fields.parser import VARIABLE, ExpectedError, Parser
from exporter.config.fields.sql import COLUMN, Expression, Function, FunctionName, Sql
from exporter.config.fields.values import Choice, Duration, Name, Seconds, Whole

Mode = Literal["disabled", "dry_run", "auto"]
MODES: tuple[Mode, ...] = ("disabled", "dry_run", "auto")

#: pg_notify() refuses a name of more than 63 bytes.
CHANNEL = r"[A-Za-z_][A-Za-z0-9_$]{0,62}"

DAY = 86400.0  # seconds
KEPT_FOR = "the budget of an hour is counted in it, and a mistake of yesterday is undone by it"

ColumnName = Annotated[str, Name("the name of a column", rf"{COLUMN}|.+")]


class NewValue(Parser):
    """What a column is set to: an SQL expression, or a number, a boolean or null as YAML has it."""

    def parse(self, value: object, info: ValidationInfo, /) -> str:
        """Return SQL."""
        if value is None or isinstance(value, bool | int | float):
            return json.dumps(value)
        return Expression().parse(value, info)

    def json_schema(self) -> dict[str, Any]:
        """Return that plain values are fine too."""
        return {"type": ["string", "number", "boolean", "null"], "minLength": 1}


class Share(Parser):
    """A part of a whole, in percent."""

    def parse(self, value: object, _info: ValidationInfo, /) -> float:
        """Return it as a number up to 1."""
        text = value.strip() if isinstance(value, str) else ""
        digits = text.removesuffix("%").strip()
        if isinstance(value, float) and not text:
            return value  # in Python
        if not text.endswith("%") or not digits.isdecimal() or not 1 <= int(digits) <= 100:
            raise ExpectedError("a share such as 20%")
        return int(digits) / 100

    def json_schema(self) -> dict[str, Any]:
        """Return the form, or a variable."""
        return {"type": "string", "pattern": f"^(100|[1-9][0-9]?)\\s*%$|{VARIABLE}"}


class JsonObject(Parser):
    """A JSON object, written as YAML."""

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        """Return its text."""
        if isinstance(value, str) and _info.context is None:
            return value  # in Python
        if not isinstance(value, dict) or not value:
            raise ExpectedError("a mapping that is merged, such as {auto_recovered: true}")
        try:
            return json.dumps(value, sort_keys=True)
        except (TypeError, ValueError):
            raise ExpectedError(
                "a mapping of JSON values", "put dates and the like in quotes"
            ) from None

    def json_schema(self) -> dict[str, Any]:
        """Return that it is an object."""
        return {"type": "object", "minProperties": 1}


class Flag(Parser):
    """Yes or no."""

    def parse(self, value: object, _info: ValidationInfo, /) -> bool:
        """Return it."""
        if not isinstance(value, bool):
            raise ExpectedError("true or false")
        return value

    def json_schema(self) -> dict[str, Any]:
        """Return that it is a boolean."""
        return {"type": "boolean"}


class Mark(Model):
    """A jsonb column that is told of the recovery."""

    column: Annotated[str, ColumnName] = Field(
        examples=["session_config"], description="The jsonb column."
    )
    merge: Annotated[str, JsonObject()] = Field(
        examples=["{auto_recovered: true}"],
        description="What is merged into it. NULL becomes just that; an array or a scalar stays "
        "as it is.",
    )


class Webhook(Model):
    """Who is told of recovered sessions by HTTP."""

    url: Annotated[str, Name("a URL that begins with https:// or http://", r"https?://[^\s]+")] = (
        Field(
            examples=["https://app.example.com/sessions/recovered"],
            description="Where each recovery is posted, as JSON.",
        )
    )
    secret_file: Annotated[Path, ReadableFile()] = Field(
        examples=["webhook.secret"],
        description="A file that holds the key with which every request is signed (HMAC-SHA256). "
        "Relative to the folder of the config file.",
    )
    timeout: Seconds = Field(
        default="10s",
        validate_default=True,
        description="How long an answer may take.",
    )


class Audit(Model):
    """What is written down of every recovery."""

    keep: Annotated[float, Duration(at_least=DAY, why=KEPT_FOR)] = Field(
        default="90d",
        validate_default=True,
        description="How long it is kept.",
    )


class RecoverySettings(Model):
    """Closing orphaned sessions."""

    mode: Annotated[Mode, Choice(MODES)] = Field(
        default="disabled",
        validate_default=True,
        description="disabled: never. dry_run: says what it would do. auto: does it.",
    )
    dsn: Annotated[str, ConnectionString()] | None = Field(
        default=None,
        repr=False,
        description="How to connect as a role that may write; null: as for collection. "
        "A libpq connection string.",
    )
    set: Named[ColumnName, Annotated[str, NewValue()]] = Field(
        default={},
        validate_default=True,
        description="What closing writes: for each column an SQL expression, in which {end} is "
        "the end of the session.",
    )
    call: Annotated[FunctionName, Function()] | None = Field(
        default=None,
        examples=["session_exporter.recover_calls"],
        description="The function in the database that closes sessions instead of recovery's own "
        "statements: the one that `sql function` prints, or by hand another one; null: none.",
    )
    end_at: Sql | None = Field(
        default=None,
        description="When a recovered session ended: last_seen, now, or an expression. null: "
        "last_seen; without last_seen_at it has to be written.",
    )
    mark: Mark | None = Field(
        default=None,
        description="A jsonb column that is told of the recovery; null: none.",
    )
    returning: Annotated[Listed[Annotated[Shown, ShownItem()]], NothingIsEmpty(tuple)] = Field(
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
        default=None,
        description="A condition that protects a session from recovery.",
    )
    server: Annotated[str, ColumnName] | None = Field(
        default=None,
        description="The column that says which server owns a session, for `close --server`.",
    )
    trust_age: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether age alone is enough for auto where there is neither last_seen_at nor "
        "evidence.",
    )
    confirm: Annotated[int, Whole(2, 100)] = Field(
        default=2,
        description="In how many runs in a row a session must look the same before auto closes it.",
    )
    grace: Seconds = Field(
        default="5m",
        validate_default=True,
        description="A brake: how long after a start or a failover auto closes nothing.",
    )
    per_run: Annotated[int, Whole(1)] = Field(
        default=100,
        description="The most sessions that one run of auto closes.",
    )
    per_hour: Annotated[int, Whole(1)] = Field(
        default=500,
        description="The most sessions of the source that auto closes in an hour, all exporters "
        "together.",
    )
    max_age: Seconds = Field(
        default="7d",
        validate_default=True,
        description="Sessions last seen longer ago are backlog: recovered by hand alone, with "
        "--backlog.",
    )
    max_share: Annotated[float, Share()] = Field(
        default="20%",
        validate_default=True,
        description="A brake: more than this share of the active sessions is orphaned (from 20 "
        "active sessions on).",
    )
    max_count: Annotated[int, Whole(1)] = Field(
        default=200,
        description="A brake: more sessions than this are to be recovered at once.",
    )
    batch: Annotated[int, Whole(1, 10_000)] = Field(
        default=50,
        description="How many sessions one transaction closes.",
    )
    pause: Seconds = Field(
        default="100ms",
        validate_default=True,
        description="How long to wait between two transactions.",
    )

    notify: Annotated[str, Name("the name of a channel", CHANNEL)] | None = Field(
        default=None,
        description="The channel on which PostgreSQL tells of each recovered session (NOTIFY).",
    )
    webhook: Webhook | None = Field(
        default=None,
        description="Who is told of recovered sessions by HTTP; null: nobody.",
    )
    audit: Annotated[Audit, NothingIsEmpty()] = Field(
        default={},
        validate_default=True,
        description="What is written down of every recovery.",
    )

    @property
    def is_declared(self) -> bool:
        """Whether it is known what closing a session writes, or who knows it."""
        return bool(self.set) or self.call is not None

    @model_validator(mode="after")
    def _marks_no_column_that_is_set(self) -> "RecoverySettings":
        if self.mark is not None and self.mark.column in self.set:
            raise ExpectedError(
                "mark and set to name different columns",
                "a column is written once",
                came=f"{self.mark.column} in both",
                at=("mark", "column"),
            )
        return self
