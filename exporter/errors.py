"""The errors that a user can do something about: one class per cause, the docstring its meaning.

    ExporterError               exit code 1
      UsageError                exit code 2
      ConfigError               every Problem of the config file
      NotDelivered              a webhook request
      SourceError               work on one source; its reason is the word on the right
        ConnectFailed           connect
          BackingOff            the reason of the attempt before
          ConnectTimedOut       connect
          NoRoom                connect
          ServerRefused         connect
        AuthFailed              auth
          PasswordUnavailable   auth
        TimedOut                timeout
          NoAnswer              timeout
          IdleTooLong           timeout
        Locked                  lock
        PermissionDenied        permission
        SchemaMismatch          schema
        BadData                 data
        ReplicaLagging          lag
        EvidenceUnreadable      other
        RowRefused              other
        StandbyServer           standby
        AuditUnusable           audit
          AuditVersionMismatch  audit_version
        FunctionMismatch        function

cli/__init__.py turns each into a sentence and an exit code, collection/job.py into a log line and a
metric.
"""

from collections.abc import Iterable
from dataclasses import dataclass


class ExporterError(Exception):
    """Something the user can do something about; its text is the sentence they read."""

    exit_code = 1


class UsageError(ExporterError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with the config file, and where."""

    line: int
    key: str
    message: str

    def describe(self, path: str) -> str:
        """Return the problem as one line; line 0 is the whole file."""
        place = f"{path}:{self.line}" if self.line else path
        return ": ".join(filter(None, (place, self.key, self.message)))


class ConfigError(ExporterError):
    """The config file cannot be used. Holds every problem that was found, not only the first."""

    def __init__(self, path: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(each.describe(path) for each in self.problems))


class SourceError(ExporterError):
    """Work on one source failed. `reason` is the label value under which it is counted."""

    reason = "other"
    #: Where in the statement, in characters from 1, PostgreSQL found the mistake.
    position: int | None = None
    #: PostgreSQL's SQLSTATE; None where no statement failed.
    state: str | None = None
    #: Whether the server answered nothing at all, so that the attempt hardly kept it busy.
    is_silent = False


class ConnectFailed(SourceError):
    """No connection: no such host, refused, no such database, connection lost."""

    reason = "connect"


class AuthFailed(SourceError):
    """The server refuses this user or its password."""

    reason = "auth"


class PasswordUnavailable(AuthFailed):
    """`password_command` gave no password; nothing that it was given or printed is told."""


class TimedOut(SourceError):
    """The server did not answer within `statement_timeout` or its own deadlines, or not at all."""

    reason = "timeout"


class ConnectTimedOut(ConnectFailed):
    """The server neither took the connection nor refused it."""


class ServerRefused(ConnectFailed):
    """The server itself gave no connection, and said why."""


class NoRoom(ConnectFailed):
    """No connection beside those that are busy; they serve what would have used another one."""


class NoAnswer(TimedOut):
    """Not even the server's own deadline fired, and the connection was dropped."""

    def __init__(self, message: str, *, is_silent: bool = True) -> None:
        self.is_silent = is_silent
        super().__init__(message)


class IdleTooLong(TimedOut):
    """The server ended a connection, because nothing came on it for as long as it allows."""


class Locked(SourceError):
    """A lock on the table was held for longer than `lock_timeout`."""

    reason = "lock"


class PermissionDenied(SourceError):
    """The role may not connect, may not read what is needed, or does not see every row."""

    reason = "permission"


class SchemaMismatch(SourceError):
    """The table is not as declared: it, a column or a type is missing or different."""

    reason = "schema"


class BadData(SourceError):
    """A value in a row cannot be evaluated as declared."""

    reason = "data"


class ReplicaLagging(SourceError):
    """A standby is further behind than `max_replica_lag`, so that every heartbeat looks old."""

    reason = "lag"


class EvidenceUnreadable(SourceError):
    """`recovery.evidence` cannot be evaluated: which orphaned sessions live is not known."""


class RowRefused(SourceError):
    """A constraint or a trigger of the application does not let a row be changed."""


class StandbyServer(SourceError):
    """Sessions are closed on a primary, and this server is a standby."""

    reason = "standby"


class AuditUnusable(SourceError):
    """The tables of the audit are missing, or do not take a row, so that nothing may be closed."""

    reason = "audit"


class AuditVersionMismatch(AuditUnusable):
    """The schema of the audit is older or newer than this program's, so that nothing is closed."""

    reason = "audit_version"


class FunctionMismatch(SourceError):
    """The function of `recovery.call` is missing, or is not what `sql function` prints now."""

    reason = "function"


class NotDelivered(ExporterError):
    """The webhook's receiver did not accept a request; without its key, URL and response."""


class BackingOff(ConnectFailed):
    """The database was out of reach a moment ago; it is too early to try again.

    Counted as a skipped collection. `reason` is why the attempt to connect failed.
    """

    def __init__(self, message: str, *, reason: str = ConnectFailed.reason) -> None:
        self.reason = reason
        super().__init__(message)


#: Every value of the label `reason` of `session_exporter_collection_errors_total`.
REASONS = ("connect", "auth", "timeout", "lock", "permission", "schema", "data", "lag", "other")


def reason_label(reason: str) -> str:
    """The value of the metrics' label; a reason outside of that contract counts as `schema`."""
    return reason if reason in REASONS else SchemaMismatch.reason
