"""Message: one or more reads of one database, sent as one simple Query in one round trip.

The server sends no results before the whole message is done, or fails: so one deadline applies to
all of it. After an error it skips the rest of the message.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import psycopg
from psycopg import abc, pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from exporter.errors import SourceError
from exporter.postgres.connections.abandoned_socket import Abandon
from exporter.postgres.connections.connector import Connection, socket_ready
from exporter.postgres.connections.deadlines import CLIENT_GRACE_SECONDS, Deadline
from exporter.postgres.connections.received_bytes import ReceivedBytes

_SEPARATOR = ";\n"


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of one statement, and the type OID of each column."""

    rows: list[tuple[Any, ...]]
    types: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Request:
    """One read, which is one transaction: its statements, its user and its outcome.

    Without results and without an error it has not been run, or not completely.
    """

    name: str
    timezone: str
    timeout: float
    """In seconds, for each statement."""
    statements: Sequence[str]
    """Each has to give rows."""
    user: str = ""
    """The user that takes the slot, if it is sent alone."""
    shares_messages: bool = True
    """Whether it may be sent with others."""
    joined: Sequence["Request"] = ()
    """The requests that it replaces; see Lookup."""
    settings: str = ""
    """collection/begin.sql for the message that it is sent in."""
    limit: float = 0.0
    """The statement_timeout in these settings, in seconds; in a shared message below `timeout`."""
    results: list[Result] | None = None
    """Of the settings and of each statement."""
    error: SourceError | None = None
    comment: str = ""
    """The beginning of the message in which it was last sent."""
    hangs: bool = False
    """Whether a backend hangs in it, so that sending it again is useless."""
    seconds: float = 0.0
    """How long it kept the database busy."""
    network_seconds: float = 0.0
    """The part of that time that every message takes for the transfer."""

    @property
    def reads(self) -> int:
        """The number of reads whose statements it has."""
        return max(len(self.joined), 1)

    @property
    def parts(self) -> Sequence[str]:
        """What is sent: the settings, the statements and the end."""
        return (self.settings, *self.statements, "COMMIT")

    @property
    def most_seconds(self) -> float:
        """The time limit of the server for it; the settings themselves take no time."""
        return max(len(self.statements), 1) * self.limit

    @property
    def is_done(self) -> bool:
        return self.results is not None or self.error is not None

    def fail(self, error: SourceError) -> None:
        """Note the error, unless there are results."""
        if self.results is None:
            self.error = error


class Message:
    """Requests for one connection, run one after the other up to an error, and their results."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._requests = requests
        comment = ", ".join([request.name for request in requests]).replace("*/", "")
        #: The beginning of the message in pg_stat_activity.
        self._comment = f"/* {comment} */ " if comment else ""
        for request in requests:
            request.comment = self._comment
        #: The client's deadline, in seconds.
        self.seconds = sum(each.most_seconds for each in requests) + CLIENT_GRACE_SECONDS
        #: The first row of each request, which is that of its settings.
        self.first_rows: list[tuple[Any, ...]] = []
        #: The index of the running or failed request, and its results so far.
        self.current = 0
        self.begun: list[Result] = []
        self.error: psycopg.Error | None = None
        #: Where in the statement the error is, in characters from 1.
        self.position: int | None = None
        self.is_lost = False
        self.is_late = False

    async def send(self, connection: Connection, abandoned: Abandon) -> None:
        """Send it, wait for its answer and roll back after an error; `abandoned`: see hang_up()."""
        pgconn, decoder = connection.pgconn, Transformer(connection)
        deadline = Deadline(self.seconds, pgconn, abandoned)
        parts = [part for request in self._requests for part in request.parts]
        text = self._comment + _SEPARATOR.join(parts)
        try:
            with deadline:
                await _exchange(pgconn, text.encode(), lambda result: self._take(result, decoder))
        except psycopg.Error as error:
            self.error = self.error or error
        except asyncio.CancelledError:
            # A query whose result is not used must not go on in the server.
            with suppress(psycopg.Error):
                await connection.cancel_safe(timeout=CLIENT_GRACE_SECONDS)
            raise
        if self.error is not None:
            self.is_lost = connection.closed or _ends_the_connection(self.error)
            status = pgconn.transaction_status
            is_unknown = status == TransactionStatus.UNKNOWN  # the connection is lost
            has_begun = bool(self.first_rows) if is_unknown else status != TransactionStatus.IDLE
            self._locate(self.error, has_begun=has_begun)
            if pgconn.transaction_status == TransactionStatus.INERROR:
                # At once: behind PgBouncer the server stays ours, idle in a failed transaction.
                with deadline, suppress(psycopg.Error):  # the first error is the one to report
                    await _exchange(pgconn, b"ROLLBACK", lambda _: None)
            self.is_late = deadline.has_passed

    def durations(self, elapsed: float) -> list[float]:
        """How long each request took, in seconds, when all of them took `elapsed`.

        By the clock of the server, which may be set in between: never less than 0 nor more than
        all of it. The time of the round trip is counted for the last request.
        """
        began = [row[-1] for row in self.first_rows]
        taken = [min(max(after - before, 0.0), elapsed) for before, after in pairwise(began)]
        return [*taken, max(elapsed - sum(taken), 0.0)]

    def _take(self, result: pq.abc.PGresult, decoder: abc.Transformer) -> None:
        match result.status:
            case ExecStatus.TUPLES_OK:
                decoder.set_pgresult(result)
                rows = decoder.load_rows(0, result.ntuples, tuple)
                types = tuple([result.ftype(n) for n in range(result.nfields)])
                if not self.begun:
                    self.first_rows.append(rows[0])
                self.begun.append(Result(rows, types))
            case ExecStatus.COMMAND_OK:
                if result.command_status == b"COMMIT":
                    self._requests[self.current].results = self.begun
                    self.current += 1
                    self.begun = []
            case _:  # of several errors, the first one is the cause
                self.error = self.error or error_from_result(result, decoder.encoding)

    def _locate(self, error: psycopg.Error, *, has_begun: bool) -> None:
        """Find which request has failed, and where in its statement.

        It is the one after those that were answered; but a syntax error is found before anything
        in the message is executed, and located by its position.
        """
        place = int(error.diag.statement_position or 0) - len(self._comment)
        executed = (self.current, len(self.begun)) if has_begun or self.current else None
        for index, request in enumerate(self._requests):
            for number, part in enumerate(request.parts):
                end = len(part) + len(_SEPARATOR)
                is_found = (index, number) == executed if executed else place <= end
                if is_found:
                    self.current = index
                    self.position = place if error.diag.statement_position else None
                    return
                place -= end


async def _exchange(
    pgconn: pq.abc.PGconn, text: bytes, take: Callable[[pq.abc.PGresult], None]
) -> None:
    """Send a simple Query and take its results, errors included. Raises OperationalError.

    psycopg keeps every result until the last has come; this is the loop that libpq's
    documentation, section "Asynchronous Command Processing", prescribes.
    """
    received = ReceivedBytes(pgconn)
    pgconn.send_query(text)
    while pgconn.flush():
        if await socket_ready(pgconn.socket, to_read=True, to_write=True):
            pgconn.consume_input()
            received.check()
    while True:
        while pgconn.is_busy():
            await socket_ready(pgconn.socket, to_read=True)
            pgconn.consume_input()
            received.check()
        result = pgconn.get_result()
        if result is None:
            return
        take(result)


def _ends_the_connection(error: psycopg.Error) -> bool:
    """Whether an error ends the connection, which psycopg may not have noticed yet.

    FATAL ends a session, and so does SQLSTATE 08P01, which PgBouncer uses; the rest of class 08 is
    about a connection of the server itself, such as that of a foreign table. An error of libpq
    about a connection has no SQLSTATE; an error of a server about a statement has one.
    """
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    is_fatal = error.diag.severity_nonlocalized in {"FATAL", "PANIC"}
    return is_fatal or error.sqlstate == "08P01"
