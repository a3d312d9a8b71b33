"""The settings of one database: how to connect to it, and the limits on its use."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic.json_schema import SkipJsonSchema

from exporter.config.fields.connection_string import ConnectionString
from exporter.config.fields.model import Model
from exporter.config.fields.numbers import Seconds, duration, whole_number
from exporter.config.fields.parser import ExpectedError
from exporter.config.fields.values import Command, ReadableFile, choice


class DatabaseSettings(Model):
    """One database that holds session tables."""

    name: SkipJsonSchema[str]  # the key around it
    dsn: ConnectionString = Field(repr=False, examples=["${DATABASE_URL}"])
    """How to connect: a libpq connection string, as postgresql:// or as key=value. libpq supplies
    omitted parts (PG* variables, service file, .pgpass); "" omits all parts. A URL of SQLAlchemy,
    Prisma, JDBC, Ecto and others is read without the options that only they know."""
    password_file: ReadableFile | None = None
    """A file that holds the password, read again at each connect. Relative to the folder of the
    config file."""
    password_command: Command | None = Field(None, repr=False, examples=["[aws, rds, …]"])
    """A program and its arguments, as a list; its output is the password."""
    password_lifetime: Seconds = Field("15m", validate_default=True)
    """How long a password that password_command has printed is valid. It is renewed after two
    thirds of that."""
    password_timeout: Seconds = Field("10s", validate_default=True)
    """Time limit for password_command."""
    max_connections: Annotated[int, whole_number(1, 100)] = 2
    """Maximum number of connections that collection has open at the same time."""
    max_recovery_connections: Annotated[int, whole_number(1, 100)] = 2
    """Maximum number of connections that recovery in the daemon has open at the same time, all
    sources of the database together."""
    connect_timeout: Annotated[float, duration(at_least=2)] = Field("5s", validate_default=True)
    """Time limit for connecting, at least 2s."""
    statement_timeout: Seconds = Field("5s", validate_default=True)
    """Time limit for a query, enforced by the server."""
    lock_timeout: Seconds = Field("1s", validate_default=True)
    """Time limit for waiting for a lock; shorter than statement_timeout."""
    max_replica_lag: Seconds = Field("30s", validate_default=True)
    """Maximum lag of a standby; beyond it, its data is too old to be used."""
    row_security: Annotated[Literal["refuse", "trust"], choice(("refuse", "trust"))] = "refuse"
    """refuse: fail where row-level security hides rows from the role. trust: its policy lets the
    role see every row."""

    @field_validator("password_command")
    @classmethod
    def _require_one_password(
        cls, value: tuple[str, ...] | None, info: ValidationInfo
    ) -> tuple[str, ...] | None:
        if value is not None and info.data.get("password_file") is not None:
            expected = "password_file or password_command"
            raise ExpectedError(expected, got="both", keys=("password_command", "password_file"))
        return value

    @field_validator("lock_timeout")
    @classmethod
    def _require_shorter_than_statement_timeout(cls, value: float, info: ValidationInfo) -> float:
        # Otherwise the statement's deadline always comes first, and a lock looks like a slow query.
        if value >= info.data.get("statement_timeout", float("inf")):
            raise ExpectedError(
                "lock_timeout to be shorter than statement_timeout",
                "a locked table would look like a slow query",
                keys=("lock_timeout", "statement_timeout"),
            )
        return value
