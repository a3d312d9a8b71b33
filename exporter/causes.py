"""From what PostgreSQL or libpq said to the cause that a user can act on, and a sentence for it."""

import re
from dataclasses import dataclass

from exporter.errors import (
    AuthFailed,
    BadData,
    CollectionError,
    ConnectFailed,
    Locked,
    PermissionDenied,
    SchemaMismatch,
    TimedOut,
)

# Connect errors carry no SQLSTATE (libpq gives the server's text alone), so this reads the text:
# src/backend/libpq/auth.c and hba.c, src/backend/utils/init/, and PgBouncer's client.c.
_AUTH = re.compile(
    r"authentication failed|authentication method|no password supplied|pg_hba\.conf"
    r"|role \".*\" does not exist|not permitted to log in|no such user|password retrieved",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"^connection failed: |Is the server running on that host and accepting TCP/IP connections\?"
    r"|.*All failures were:",
    re.DOTALL,
)
_SAID = re.compile(r"connection to server .*? failed: (.*)")


_BAD_DATA = {
    "21000": "a subquery gives more than one row",
    "22003": "a number is out of range",
    "22007": "a text is no date or time",
    "22008": "a date or time is out of range",
    "22012": "division by zero",
    "22023": "a value is not what the function takes",
    "22P02": "a text has not the form of its type",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What the server said about a statement. `position` counts characters of it from 1."""

    state: str
    message: str
    hint: str | None
    position: int | None


def of_connecting(database: str, text: str, *, user: str = "") -> CollectionError:
    """Why there is no connection, from libpq's text for all hosts that were tried.

    A server may speak another language than English. What it says about a user, in quotation marks
    of any kind, and not about a database, is about letting that user in.
    """
    cause = AuthFailed if _AUTH.search(text) or _is_about(user, text) else ConnectFailed
    said = " ".join(_CHATTER.sub("", text).split())
    return cause(f"cannot connect to database {database}: {said}")


def _is_about(user: str, text: str) -> bool:
    said = " ".join(_SAID.findall(text))  # not the host, which may have the same name
    named = re.search(rf"[\"'«»„“‚‘「] ?{re.escape(user)} ?\W", said)  # noqa: RUF001 - quotation marks
    return bool(user and named) and ' database "' not in said


def of_statement(
    complaint: Complaint, *, statement_timeout: float, lock_timeout: float
) -> CollectionError:
    """Why a statement failed; the timeouts are those that it ran with, in seconds."""
    said = " ".join(" ".join(filter(None, (complaint.message, complaint.hint))).split())
    failure = _of_state(complaint.state, said, statement_timeout, lock_timeout)
    failure.position = complaint.position
    return failure


def _of_state(  # noqa: PLR0911 - a table of cases
    state: str, said: str, statement_timeout: float, lock_timeout: float
) -> CollectionError:
    """Judge by SQLSTATE (PostgreSQL documentation, appendix A)."""
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
        case _, "22023" if "zone" in said.lower():
            return SchemaMismatch(f"{said}; see timezone and timestamps_in of the source")
        case (("42" | "3F" | "0A"), _):
            return SchemaMismatch(said)
        case (("21" | "22"), _):
            # The server's message quotes the value, and what is in a row stays there.
            return BadData(_BAD_DATA.get(state, f"a value cannot be evaluated (SQLSTATE {state})"))
    return CollectionError(said)
