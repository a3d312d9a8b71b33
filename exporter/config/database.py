"""One database: how to reach it, and how much it may be troubled."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from exporter.config.fields.model import Model
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.values import Choice, Duration, Seconds, Whole


class ConnectionString(Parser):
    """A libpq connection string, judged by libpq alone. It may hold a password."""

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        """Return the text as it is."""
        if not isinstance(value, str) or "\0" in value:
            raise ExpectedError("a connection string", 'write "" to leave it all to libpq')
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        """Return that it may be empty."""
        return {"type": "string"}


class ReadableFile(Parser):
    """A file that can be read now; its path is relative to the config file's folder."""

    def parse(self, value: object, info: ValidationInfo, /) -> Path:
        """Return the path."""
        if isinstance(value, Path):
            return value
        if not isinstance(value, str) or not value or "\0" in value:
            raise ExpectedError("the path of a file")
        path = info.context / value if isinstance(info.context, Path) else Path(value)
        try:
            # Opening alone could wait for ever: a named pipe is a file too.
            if path.is_file():
                path.open("rb").close()
                return path
            wrong = "it is no regular file" if path.exists() else "there is no such file"
        except OSError as error:
            wrong = f"{error.strerror}"
        advice = f"{wrong} (a relative path begins at the folder of the config file)"
        raise ExpectedError("the path of a file that can be read", advice)


class DatabaseSettings(Model):
    """One database that sources are in."""

    name: str
    dsn: Annotated[str, ConnectionString()] = Field(
        repr=False,
        examples=["${DATABASE_URL}"],
        description="How to connect: a libpq connection string, as postgresql:// or as key=value. "
        "What it leaves out, libpq takes from its own places (PG* variables, service file, "
        '.pgpass); "" leaves out everything.',
    )
    password_file: Annotated[Path, ReadableFile()] | None = Field(
        default=None,
        description="A file that holds the password, read again at each connect. "
        "Relative to the folder of the config file.",
    )
    max_connections: Annotated[int, Whole(1, 100)] = Field(
        default=2,
        description="How many connections collection may have at the same time.",
    )
    connect_timeout: Annotated[float, Duration(at_least=2)] = Field(
        default="5s",
        validate_default=True,
        description="How long connecting may take, 2s at least.",
    )
    statement_timeout: Seconds = Field(
        default="5s",
        validate_default=True,
        description="How long a query may run on the server.",
    )
    lock_timeout: Seconds = Field(
        default="1s",
        validate_default=True,
        description="How long a query may wait for a lock; shorter than statement_timeout.",
    )
    max_replica_lag: Seconds = Field(
        default="30s",
        validate_default=True,
        description="On a standby: how far it may be behind before its data counts as too old.",
    )
    row_security: Annotated[Literal["refuse", "trust"], Choice(("refuse", "trust"))] = Field(
        default="refuse",
        validate_default=True,
        description="refuse: fail where row-level security hides rows from the role. "
        "trust: its policy lets the role see every row.",
    )

    @field_validator("lock_timeout")
    @classmethod
    def _shorter_than_statement_timeout(cls, value: float, info: ValidationInfo) -> float:
        # Otherwise the statement's deadline always comes first, and a lock looks like a slow query.
        if value >= info.data.get("statement_timeout", float("inf")):
            raise ExpectedError(
                "lock_timeout to be shorter than statement_timeout",
                "a locked table would look like a slow query",
                keys=("lock_timeout", "statement_timeout"),
            )
        return value
