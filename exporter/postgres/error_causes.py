"""From what PostgreSQL or libpq said to the cause that a user can act on, and a sentence for it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import (
    AuthFailed,
    BadData,
    ConnectFailed,
    Locked,
    PermissionDenied,
    RowRefused,
    SchemaMismatch,
    SourceError,
    TimedOut,
)

# Connect errors carry no SQLSTATE (libpq gives the server's text alone), so this reads the text:
# src/backend/libpq/auth.c and hba.c, src/backend/utils/init/, and PgBouncer's client.c.
_AUTH = re.compile(
    r"authentication failed|authentication method|no password supplied|pg_hba\.conf"
    r"|role \".*\" does not exist|not permitted to log in|no such user|password retrieved",
    re.IGNORECASE,
)
# In the languages of PostgreSQL's own translations (src/backend/po): what is said of too many
# connections of a role, and of a database that has the same name as the user.
_OF_CONNECTIONS = re.compile(
    r"connections?\b|Verbindung|conexion|connexion|connession|接続|კავშირ|접속수|подключени"
    r"|підключен|uppkoppling|连接",
    re.IGNORECASE,
)
_OF_DATABASE = re.compile(
    r"databas|Datenbank|bases? de d|データベース|ბაზა|데이터베이스|\bбаз[аеыуи]|\bБД\b|数据库",  # noqa: RUF001 - Russian
    re.IGNORECASE,
)
#: The name of the privilege, in a detail; the Spanish translation alone says it otherwise.
_MAY_NOT_CONNECT = re.compile(r"(?<![A-Za-z])CONNECT(?![A-Za-z])|privilegios de conexión")
_CHATTER = re.compile(
    r"^connection failed: |Is the server running on that host and accepting TCP/IP connections\?"
    r"|.*All failures were:",
    re.DOTALL,
)
_SAID = re.compile(r"connection to server .*? failed: (.*(?:\nDETAIL: .*)?)")


# What is in a row stays there, and the server's messages quote values. So its words are repeated
# only where no row can be in them: in these classes and states of SQLSTATE, and see _is_quotable.
_ABOUT_THE_SERVER = {"", "08", "25", "26", "40", "53", "54001", "55", "57", "58030"}
_ABOUT_THE_SERVER |= {"XX001", "XX002"}

#: What only one look at the whole statement can find wrong: no row needs to be evaluated.
_ABOUT_THE_STATEMENT = {"0A", "3F", "42"}

_BAD_DATA = {
    "21000": "a subquery gives more than one row",
    "22003": "a number is out of range",
    "22007": "a text is no date or time",
    "22008": "a date or time is out of range",
    "22012": "division by zero",
    "22023": "a value is not what the function takes",
    "22P02": "a text has not the form of its type",
}
_KINDS = {
    "0A": "a function does not support what it is given",
    "22": "a value cannot be evaluated",
    "23": "a value is against a constraint",
    "3F": "a value or a function names a schema that does not exist",
    "42": "a value or a function names what does not exist, or its syntax is wrong",
    "54": "a value is too long or too complex",
    "P0": "a function raised an error",
    "XX": "an internal error of PostgreSQL or of an extension",
}
_ELSEWHERE = "the words of PostgreSQL are in its log, because they may quote a row"

#: Where a statement of ours, or an expression, names a time zone.
_ZONE = re.compile(
    r"(?:TIME\s+ZONE|'TimeZone'\s*,|timezone\s*\()\s*'((?:[^']|'')+)'", re.IGNORECASE
)
_MARKS = "\"'«»„“”‚‘’「」"  # noqa: RUF001 - quotation marks


@dataclass(frozen=True, slots=True)
class ServerError:
    """What the server said about a statement. `position` counts characters of it from 1."""

    state: str
    message: str
    hint: str | None
    position: int | None
    is_inside: bool = False
    """Whether it came up inside something else, so that `position` may be one in another text."""
    is_raised: bool = False
    """Whether RAISE in a function made it up, SQLSTATE and all."""
    is_by_policy: bool = False
    """Whether a policy of row-level security refused the row as it would be."""


def of_connecting(database: str, text: str, *, user: str = "") -> SourceError:
    """Why there is no connection, from libpq's text for all hosts that were tried.

    A server may speak another language than English. What it says about a user, in quotation marks
    of any kind, and not about connections or a database, is about letting that user in. A user who
    may not connect to this database was let in, and lacks a right.
    """
    said = " ".join(_CHATTER.sub("", text).split())
    message = f"cannot connect to database {database}: {said}"
    if _AUTH.search(text) or _is_about(user, text):
        return AuthFailed(message)
    if _MAY_NOT_CONNECT.search(" ".join(_SAID.findall(text))):
        return PermissionDenied(
            f"{message}; `session-exporter sql role` prints the rights that are needed"
        )
    return ConnectFailed(message)


def _is_about(user: str, text: str) -> bool:
    said = " ".join(_SAID.findall(text))  # not the host, which may have the same name
    quoted = rf"[\"'«»„“‚‘「]\s?{re.escape(user)}\s?\W"  # noqa: RUF001 - quotation marks
    around, found = re.subn(quoted, " ", said)
    is_else = _OF_CONNECTIONS.search(around) or _OF_DATABASE.search(around)
    return bool(user and found and not is_else)


def of_statement(
    complaint: ServerError, sent: Sequence[str], *, statement_timeout: float, lock_timeout: float
) -> SourceError:
    """Why one of the statements `sent` failed, the first of which sets the transaction up.

    The timeouts are those that they ran with, in seconds.
    """
    failure = _of_zone(complaint, sent) or _of_state(
        complaint, _is_quotable(complaint, sent), statement_timeout, lock_timeout
    )
    failure.position = complaint.position
    return failure


NOT_WRITTEN = "PostgreSQL did not write it, without an error: a trigger skips the row"
STILL_ACTIVE = (
    "it would still be active after what closing writes; a trigger sets it back, or `set` does not "
    "end a session"
)
NOT_AUDITED = (
    "session_exporter.recovery did not take a row, without an error, so nothing is closed; it has "
    "a trigger that skips rows"
)
#: What the functions that `sql function` prints raise, by a SQLSTATE of their own. The words are
#: ours: a trigger of somebody's may raise it too.
_OF_FUNCTIONS: dict[str, tuple[type[SourceError], str]] = {
    "XS001": (RowRefused, NOT_WRITTEN),
    "XS002": (RowRefused, STILL_ACTIVE),
    "XS003": (SchemaMismatch, NOT_AUDITED),
}


def of_writing(
    complaint: ServerError, sent: Sequence[str], *, statement_timeout: float, lock_timeout: float
) -> SourceError:
    """The same for a statement that changes rows: the application may have a say in that."""
    said = " ".join(complaint.message.split())
    match complaint.state[:2], complaint.state:
        case ("XS", state) if state in _OF_FUNCTIONS:
            kind, words = _OF_FUNCTIONS[state]
            return kind(words)
        case _ if complaint.is_raised:
            return RowRefused(f"a trigger raised an error ({complaint.state}); {_ELSEWHERE}")
        case _ if complaint.is_by_policy:
            return RowRefused(said)
        case (("23" | "27"), _):
            return RowRefused(said)  # it names the constraint; the values are in its detail
        case _, "40P01":
            return Locked(said)
    return of_statement(
        complaint, sent, statement_timeout=statement_timeout, lock_timeout=lock_timeout
    )


def _is_quotable(complaint: ServerError, sent: Sequence[str]) -> bool:
    """Whether a mistake is one in the statement, so that no value of a row is in the message.

    It is when PostgreSQL tells the place, because it looks for it before it reads any row (a cast
    to regtype tells a place too: in the value), and in a statement that reads none.
    """
    has_place = complaint.position is not None and not complaint.is_inside
    return has_place or all(text.endswith("LIMIT 0") for text in sent[1:])


def _of_zone(complaint: ServerError, sent: Sequence[str]) -> SchemaMismatch | None:
    """Is it about a time zone that we asked for: not about one that is in a row."""
    if complaint.state != "22023" or complaint.is_raised:
        return None
    for zone in dict.fromkeys(name for text in sent for name in _ZONE.findall(text)):
        if re.search(rf"[{_MARKS}] ?{re.escape(zone)} ?[{_MARKS}]", complaint.message):
            return SchemaMismatch(
                f'PostgreSQL does not know the time zone "{zone}"; see timezone and timestamps_in '
                "of the source"
            )
    return None


def _of_state(  # noqa: PLR0911 - a table of cases
    complaint: ServerError, is_quotable: bool, statement_timeout: float, lock_timeout: float
) -> SourceError:
    """Judge by SQLSTATE (PostgreSQL documentation, appendix A)."""
    said = " ".join(" ".join(filter(None, (complaint.message, complaint.hint))).split())
    state = complaint.state
    if complaint.is_raised:
        return BadData(f"{_KINDS['P0']} (SQLSTATE {state}); {_ELSEWHERE}")
    match state[:2], state:
        case _, "55P03":
            return Locked(
                "somebody held a lock on the table for longer than lock_timeout "
                f"({lock_timeout:g} s): {said}"
            )
        case _, "57014":
            return TimedOut(f"the query was stopped ({said}); its limit is {statement_timeout:g} s")
        case _, "42501" if "row-level security" in said:
            return PermissionDenied(
                f"{said}; this role does not see every row, so that every count would be too low. "
                "Give it BYPASSRLS, or a policy that shows it every row and row_security: trust"
            )
        case _, "42501":
            return PermissionDenied(
                f"{said}; `session-exporter sql role` prints the rights that are needed"
            )
        case (class_, _) if is_quotable and (class_ in _ABOUT_THE_STATEMENT or state == "22023"):
            return SchemaMismatch(said)
        case (class_, _) if {class_, state} & _ABOUT_THE_SERVER:
            return SourceError(said)
        case _ if state in _BAD_DATA:
            return BadData(_BAD_DATA[state])
        case ("XX", _):
            return SourceError(f"{_KINDS['XX']} (SQLSTATE {state}); {_ELSEWHERE}")
    kind = _KINDS.get(state[:2], "an expression cannot be evaluated")
    return BadData(f"{kind} (SQLSTATE {state}); {_ELSEWHERE}")
