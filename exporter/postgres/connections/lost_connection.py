"""Why a connection was lost: a deadline of the server or of PgBouncer, or something else."""

from exporter import errors

#: The server's deadlines that end the connection, by SQLSTATE.
_OF_SERVER: dict[str, tuple[type[errors.TimedOut], str]] = {
    "25P03": (errors.IdleTooLong, "idle_in_transaction_session_timeout"),
    "25P04": (errors.TimedOut, "transaction_timeout"),
    "57P05": (errors.IdleTooLong, "idle_session_timeout"),
}

#: The deadlines of PgBouncer, all with SQLSTATE 08P01 and these words (janitor.c), or with spaces.
_OF_PGBOUNCER: tuple[tuple[str, type[errors.TimedOut]], ...] = (
    ("query_wait_timeout", errors.TimedOut),
    ("query_timeout", errors.TimedOut),
    ("client_idle_timeout", errors.IdleTooLong),
    ("idle_transaction_timeout", errors.IdleTooLong),
    ("transaction_timeout", errors.TimedOut),
)


#: The errors that end a connection whatever is run on it (PostgreSQL documentation, appendix A).
#: What has none of these SQLSTATEs is an error of a statement, which ends it with exit_on_error.
_OF_CONNECTION = ("08", "25P03", "25P04", "28", "3D", "53", "57P", "58", "F0", "XX")


def is_of_statement(state: str | None) -> bool:
    """Whether an error is one of a statement, also where it has ended the connection."""
    return bool(state) and not str(state).startswith(_OF_CONNECTION)


def explain_lost(database: str, state: str | None, text: str) -> errors.SourceError:
    """The cause of an error that ended the connection, from its SQLSTATE, if any, and its text."""
    said = " ".join(text.split())
    if deadline := _OF_SERVER.get(state or ""):
        kind, setting = deadline
        return kind(f"database {database} ended the connection at its {setting}: {said}")
    for setting, kind in _OF_PGBOUNCER if state == "08P01" else ():
        if setting in said.replace(" ", "_"):
            return kind(f"PgBouncer ended the connection at its {setting}: {said}")
    return errors.ConnectFailed(f"lost the connection to database {database}: {said}")
