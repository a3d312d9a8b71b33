"""Converts an error of PostgreSQL or libpq to the SourceError of its cause, with a message."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from exporter import errors

# Connect errors carry no SQLSTATE (libpq gives the server's text alone), so this reads the text:
# src/backend/libpq/auth.c and hba.c, src/backend/utils/init/, and PgBouncer's client.c.
_AUTH = re.compile(
    r"authentication failed|authentication method|no password supplied|pg_hba\.conf"
    r"|role \".*\" does not exist|not permitted to log in|no such user|password retrieved",
    re.IGNORECASE,
)
# In the languages of PostgreSQL's translations (src/backend/po): words of the messages about too
# many connections of a role, and about a database that has the same name as the user.
_OF_CONNECTIONS = re.compile(
    r"connections?\b|Verbindung|conexion|connexion|connession|接続|კავშირ|접속수|подключени"
    r"|підключен|uppkoppling|连接",
    re.IGNORECASE,
)
_OF_DATABASE = re.compile(
    r"databas|Datenbank|bases? de d|データベース|ბაზა|데이터베이스|\bбаз[аеыуи]|\bБД\b|数据库",  # noqa: RUF001 - Russian
    re.IGNORECASE,
)
#: The name of the privilege, in a detail; only the Spanish translation does not use it.
_MAY_NOT_CONNECT = re.compile(r"(?<![A-Za-z])CONNECT(?![A-Za-z])|privilegios de conexión")
_BOILERPLATE = "Is the server running on that host and accepting TCP/IP connections?"
_SERVER_TEXT = re.compile(r"connection to server .*? failed: (.*(?:\nDETAIL: .*)?)")
#: A message of a server begins with its severity and two spaces, in every language.
_BY_SERVER = re.compile(r"connection to server .*? failed: [^\s:]+(?: [^\s:]+)*:  ")


# No value of a row may leave the database, and the server's messages quote values. So a message is
# repeated only where it cannot quote a row: in these classes and states of SQLSTATE, and see
# _is_quotable.
_ABOUT_THE_SERVER = {"", "08", "25", "26", "40", "53", "54001", "55", "57", "58030"}
_ABOUT_THE_SERVER |= {"XX001", "XX002"}

#: Errors that PostgreSQL finds in the statement itself, before it evaluates any row.
_ABOUT_THE_STATEMENT = {"0A", "3F", "42"}

_BAD_DATA = {
    "21000": "a subquery gives more than one row",
    "22003": "a number is out of range",
    "22007": "a text is not a date or time",
    "22008": "a date or time is out of range",
    "22012": "division by zero",
    "22023": "a value is not valid for the function",
    "22P02": "a text does not have the format of its type",
}
_KINDS = {
    "0A": "a function does not support its argument",
    "22": "a value cannot be evaluated",
    "23": "a value violates a constraint",
    "3F": "a value or a function names a schema that does not exist",
    "42": "a value or a function names an object that does not exist, or has wrong syntax",
    "54": "a value is too long or too complex",
    "P0": "a function raised an error",
    "XX": "an internal error of PostgreSQL or of an extension",
}
_ELSEWHERE = "PostgreSQL's message may quote row data, so it is only in PostgreSQL's own log"
ON_PRIMARY = (
    "sessions are recovered on the primary: give recovery a separate dsn, or "
    "target_session_attrs=read-write"
)
RIGHTS = "`session-exporter sql role` prints the rights that are needed"

#: In the hint about a view that has no data yet, in every language.
_REFRESH = "REFRESH MATERIALIZED VIEW"

#: Where a statement of ours, or an expression, names a time zone.
_ZONE = re.compile(
    r"(?:TIME\s+ZONE|TimeZone\s*=|'TimeZone'\s*,|timezone\s*\()\s*'((?:[^']|'')+)'", re.IGNORECASE
)
# In the languages of PostgreSQL's translations: a user or a deadline cancels a statement.
_BY_USER = re.compile(
    r"\buser request|Benutzer|utilisateur|usuario|utente|użytkownik|kullan|användare"
    r"|пользовател|користувач|ユーザー|사용자|用户|მომხმარებ",
    re.IGNORECASE,
)
_MARKS = "\"'«»„“”‚‘’「」"  # noqa: RUF001 - quotation marks


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error of the server; `position` is where in the statement, in characters from 1."""

    state: str
    message: str
    hint: str | None
    position: int | None
    is_inside: bool = False
    """Whether it arose inside a function, so that `position` may be one in another text."""
    is_raised: bool = False
    """Whether RAISE in a function made it, SQLSTATE included."""
    is_by_policy: bool = False
    """Whether a policy of row-level security refused the new row."""

    @classmethod
    def of(cls, error: psycopg.Error, position: int | None) -> "ServerError":
        diagnosis = error.diag
        return cls(
            state=error.sqlstate or "",
            message=diagnosis.message_primary or str(error),
            hint=diagnosis.message_hint,
            position=position,
            is_inside=diagnosis.context is not None,
            is_raised=diagnosis.source_function == "exec_stmt_raise",
            is_by_policy=diagnosis.source_function == "ExecWithCheckOptions",
        )


def explain_connecting(database: str, text: str, *, user: str = "") -> errors.SourceError:
    """The cause of a failed connect, from libpq's text for one server.

    A server may answer in another language than English. A message that quotes the user, and is
    neither about connections nor about a database, is one about authentication. A user who may not
    connect to this database has authenticated, and lacks a right.
    """
    said = " ".join(text.replace(_BOILERPLATE, "").split())
    message = f"cannot connect to database {database}: {said}"
    by_server = " ".join(_SERVER_TEXT.findall(text))  # not the host, which may be named as the user
    if _AUTH.search(text) or _is_about(user, by_server):
        return errors.AuthFailed(message)
    if _MAY_NOT_CONNECT.search(by_server):
        return errors.PermissionDenied(f"{message}; {RIGHTS}")
    kind = errors.ServerRefused if _BY_SERVER.search(text) else errors.ConnectFailed
    return kind(message)


def _is_about(user: str, said: str) -> bool:
    quoted = rf"[\"'«»„“‚‘「]\s?{re.escape(user)}\s?\W"  # noqa: RUF001 - quotation marks
    around, found = re.subn(quoted, " ", said)
    is_else = _OF_CONNECTIONS.search(around) or _OF_DATABASE.search(around)
    return bool(user and found and not is_else)


def explain_statement(
    error: ServerError, sent: Sequence[str], *, statement_timeout: float, lock_timeout: float
) -> errors.SourceError:
    """The cause of the failure of one of the statements `sent`; the first are the settings.

    The timeouts are those of the statements, in seconds.
    """
    failure = (
        _of_zone(error, sent)
        or _of_encoding(error, sent)
        or _of_state(error, _is_quotable(error, sent), statement_timeout, lock_timeout)
    )
    failure.position, failure.state = error.position, error.state
    return failure


NOT_WRITTEN = "PostgreSQL did not write it, without an error: a trigger skips the row"
STILL_ACTIVE = (
    "it would still be active after what closing writes; a trigger sets it back, or `set` does not "
    "end a session"
)
ENDS_AHEAD = "its end would be in the future; write end_at as least(now(), ...)"
NOT_AUDITED = (
    "session_exporter.recovery did not take a row, without an error, so nothing is closed; it has "
    "a trigger that skips rows"
)
HELD = (
    "a stop of automatic recovery holds some of these sessions, so none of them is closed; "
    "`session-exporter resume SOURCE` shows them and why, and with --yes ends the stop; to close "
    "them despite it, give a reason, or add --despite-brake to `recover`"
)
#: The errors that the functions of `sql function` raise, each with its own SQLSTATE. The
#: message is not taken from the server, because any trigger may raise these states too.
_OF_FUNCTIONS: dict[str, tuple[type[errors.SourceError], str]] = {
    "XS001": (errors.RowRefused, NOT_WRITTEN),
    "XS002": (errors.RowRefused, STILL_ACTIVE),
    "XS003": (errors.AuditUnusable, NOT_AUDITED),
    "XS004": (errors.RowRefused, ENDS_AHEAD),
    "XS005": (errors.SourceError, HELD),
}


def explain_writing(
    error: ServerError, sent: Sequence[str], *, statement_timeout: float, lock_timeout: float
) -> errors.SourceError:
    """The same for a statement that changes rows, which the application may refuse."""
    message = " ".join(error.message.split())
    match error.state[:2], error.state:
        case _, "25006":  # a standby, or a role that may only read
            return errors.SourceError(message)
        case _, "40001" | "40P01":
            # The first in READ COMMITTED: the row to be locked is moving to another partition.
            return errors.Locked(message)
        case ("XS", state) if state in _OF_FUNCTIONS:
            kind, words = _OF_FUNCTIONS[state]
            return kind(words)
        case _ if error.is_raised:
            return errors.RowRefused(f"a trigger raised an error ({error.state}); {_ELSEWHERE}")
        case (class_, _) if error.is_by_policy or class_ in {"23", "27"}:
            # The message names the constraint; the values are in its detail.
            return errors.RowRefused(message)
    return explain_statement(
        error, sent, statement_timeout=statement_timeout, lock_timeout=lock_timeout
    )


def _is_quotable(error: ServerError, sent: Sequence[str]) -> bool:
    """Whether the error is one in the statement, so that its message quotes no row.

    That is the case if PostgreSQL gives a position, because it has not read any row then (a cast to
    regtype also gives a position, inside the value), and in a statement that reads no rows.
    """
    has_place = error.position is not None and not error.is_inside
    return has_place or all(text.endswith("LIMIT 0") for text in sent[1:])


def _of_zone(error: ServerError, sent: Sequence[str]) -> errors.SchemaMismatch | None:
    """The error about a time zone in a statement; None if it is about one in a row."""
    if error.state != "22023" or error.is_raised:
        return None
    for zone in dict.fromkeys(name for text in sent for name in _ZONE.findall(text)):
        if re.search(rf"[{_MARKS}] ?{re.escape(zone)} ?[{_MARKS}]", error.message):
            return errors.SchemaMismatch(
                f'PostgreSQL does not know the time zone "{zone}"; see timezone and timestamps_in '
                "of the source"
            )
    return None


def _of_encoding(error: ServerError, sent: Sequence[str]) -> errors.SchemaMismatch | None:
    """The error about a character of a statement that the database's encoding lacks; or None.

    The message has its bytes, in any language, and between quotation marks both encodings.
    """
    found = re.search(r"(?:0x[0-9a-f]{2}\s?)+", error.message)
    if error.state != "22P05" or error.is_raised or found is None:
        return None
    character = bytes.fromhex(found[0].replace("0x", "")).decode(errors="replace")
    if not any(character in text for text in sent):
        return None  # it is in a row
    named = re.findall(rf"[{_MARKS}] ?(\w+) ?[{_MARKS}]", error.message)
    encoding = next((f" ({name})" for name in named if name != "UTF8"), "")
    return errors.SchemaMismatch(
        f"the encoding of the database{encoding} has no {character} (U+{ord(character):04X}), "
        "which is in the config or the command"
    )


def _of_state(  # noqa: PLR0911 - a table of cases
    error: ServerError, is_quotable: bool, statement_timeout: float, lock_timeout: float
) -> errors.SourceError:
    """The error for a SQLSTATE (PostgreSQL documentation, appendix A)."""
    message = " ".join(". ".join(filter(None, (error.message, error.hint))).split())
    state = error.state
    if error.is_raised:
        return errors.BadData(f"{_KINDS['P0']} (SQLSTATE {state}); {_ELSEWHERE}")
    match state[:2], state:
        case _, "55P03":
            return errors.Locked(
                "another transaction held a lock on the table for longer than lock_timeout "
                f"({lock_timeout:g} s): {message}"
            )
        case _, "57014" if _BY_USER.search(message):
            return errors.TimedOut(
                f"another client cancelled the query, as pg_cancel_backend() does ({message})"
            )
        case _, "57014":
            return errors.TimedOut(
                f"the query was stopped ({message}); its limit is {statement_timeout:g} s"
            )
        case _, "25006":
            return errors.SchemaMismatch(
                f"{message}; collection only reads, and no view or expression that writes can be "
                "used"
            )
        case _, "55000" if _REFRESH in message:
            return errors.SchemaMismatch(message)
        case _, "42501" if "row-level security" in message:
            return errors.PermissionDenied(
                f"{message}; this role does not see every row, so every count would be too low. "
                "Give it BYPASSRLS, or a policy that shows it every row and row_security: trust"
            )
        case _, "42501":
            return errors.PermissionDenied(f"{message}; {RIGHTS}")
        case (class_, _) if is_quotable and (class_ in _ABOUT_THE_STATEMENT or state == "22023"):
            return errors.SchemaMismatch(message)
        case (class_, _) if {class_, state} & _ABOUT_THE_SERVER:
            return errors.SourceError(message)
        case _ if state in _BAD_DATA:
            return errors.BadData(_BAD_DATA[state])
        case ("XX", _):
            return errors.SourceError(f"{_KINDS['XX']} (SQLSTATE {state}); {_ELSEWHERE}")
    kind = _KINDS.get(state[:2], "an expression cannot be evaluated")
    return errors.BadData(f"{kind} (SQLSTATE {state}); {_ELSEWHERE}")
