"""The findings of `check --live`: one result for each check of a database or source."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The result of a check. Only `failed` sets the exit code."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check of a database, or of a source in it."""

    database: str
    source: str | None
    check: str
    status: Status
    message: str
    commands: tuple[str, ...] = ()
    """SQL for a DBA."""


@dataclass(frozen=True, slots=True)
class FindingWriter:
    """Creates findings about one database or source, with the commands for a DBA."""

    database: str
    source: str | None = None
    is_recovery_on: bool = True
    """While `mode` is disabled, another role may close sessions by hand."""

    def ok(self, check: str, message: str) -> Finding:
        return Finding(self.database, self.source, check, Status.OK, message)

    def warning(self, check: str, message: str, *commands: str) -> Finding:
        return Finding(self.database, self.source, check, Status.WARNING, message, commands)

    def failed(self, check: str, message: str, *commands: str) -> Finding:
        return Finding(self.database, self.source, check, Status.FAILED, message, commands)

    def missing(self, check: str, message: str, *commands: str) -> Finding:
        """Something that recovery needs is missing in the database."""
        return (self.failed if self.is_recovery_on else self.warning)(check, message, *commands)
