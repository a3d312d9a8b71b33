"""What `check --live` finds: one answer per question, about a database or a source in it."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The result of a check. Only `failed` sets the exit code."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question about a database, or about a source in it."""

    database: str
    source: str | None
    check: str
    status: Status
    message: str
    commands: tuple[str, ...] = ()
    """SQL for a DBA."""


class FindingWriter:
    """Writes findings about one database or source."""

    def __init__(self, database: str, source: str | None = None) -> None:
        self._database = database
        self._source = source

    def ok(self, check: str, message: str) -> Finding:
        """Write what is as it should be."""
        return Finding(self._database, self._source, check, Status.OK, message)

    def warning(self, check: str, message: str, *commands: str) -> Finding:
        """Write what may be a mistake, with the commands that change it."""
        return Finding(self._database, self._source, check, Status.WARNING, message, commands)

    def failed(self, check: str, message: str, *commands: str) -> Finding:
        """Write what does not work, with the commands that correct it."""
        return Finding(self._database, self._source, check, Status.FAILED, message, commands)
