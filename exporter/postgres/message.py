"""Message: one or more transactions that only read, sent as one simple Query in one round trip.

The server does not send what it has answered before the whole message is done, or fails: so one
deadline holds for all of it. After an error it skips the rest of the message.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psycopg
from psycopg import abc, pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from exporter.postgres.connections.connector import Connection
from exporter.postgres.deadlines import CLIENT_GRACE_SECONDS, Deadline

_SEPARATOR = ";\n"


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of one statement, and the type OID of each column."""

    rows: list[tuple[Any, ...]]
    types: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReadTransaction:
    """One transaction as it is sent: its settings (collection/begin.sql) and its statements.

    Each statement has to give rows. `timeout` is the statement_timeout in the settings, in seconds.
    """

    settings: str
    statements: Sequence[str]
    timeout: float

    @property
    def text(self) -> str:
        return _SEPARATOR.join((self.settings, *self.statements, "COMMIT"))

    @property
    def seconds(self) -> float:
        """How long the server may take for it; the settings themselves take no time."""
        return max(len(self.statements), 1) * self.timeout

    def offset(self, number: int) -> int:
        """Where a statement begins, in characters; number 0 is the settings."""
        before = (self.settings, *self.statements)[:number]
        return sum(len(text) + len(_SEPARATOR) for text in before)


@dataclass(slots=True)
class Answer:
    """What came back for a message; the error, if any, is that of the transaction `failed`."""

    committed: list[list[Result]] = field(default_factory=list)
    """The results of each transaction that was committed, in order; the first: its settings."""
    begun: list[Result] = field(default_factory=list)
    """The results of the transaction that failed, before it did."""
    error: psycopg.Error | None = None
    position: int | None = None
    """Where the error is in the statement that failed, in characters from 1."""
    failed: int = 0
    is_lost: bool = False
    """Whether the connection was lost."""

    def durations(self, elapsed: float) -> list[float]:
        """How long each transaction took, in seconds, when all of them took `elapsed`.

        By the clock of the server, which may be set in between: never less than 0 nor more than
        all of it. The time of the round trip is counted for the last transaction.
        """
        begun = [results[0].rows[0][-1] for results in (*self.committed, self.begun) if results]
        taken = [min(max(after - before, 0.0), elapsed) for before, after in pairwise(begun)]
        return [*taken, max(elapsed - sum(taken), 0.0)]


class Message:
    """Several transactions on one connection, of which each has to end before the next begins."""

    def __init__(self, comment: str, transactions: Sequence[ReadTransaction]) -> None:
        """`comment` is the beginning of what pg_stat_activity shows of the message."""
        self._comment = f"/* {comment.replace('*/', '')} */ " if comment else ""
        self._transactions = transactions
        #: The client's deadline, in seconds.
        self.seconds = sum(each.seconds for each in transactions) + CLIENT_GRACE_SECONDS

    async def send(self, connection: Connection, deadline: Deadline) -> Answer:
        """Send it and wait for its answer; after an error the transaction is rolled back."""
        answer, decoder = Answer(), Transformer(connection)
        texts = (each.text for each in self._transactions)
        text = self._comment + _SEPARATOR.join(texts)
        deadline.restart()
        try:
            await _exchange(
                connection.pgconn, text.encode(), lambda result: _take(answer, result, decoder)
            )
        except psycopg.Error as error:
            answer.error = answer.error or error
        except asyncio.CancelledError:
            # A query whose result is not used must not go on in the server.
            with suppress(psycopg.Error):
                await connection.cancel_safe(timeout=CLIENT_GRACE_SECONDS)
            raise
        if answer.error is not None:
            status = connection.pgconn.transaction_status
            answer.is_lost = connection.closed or _ends_the_connection(answer.error)
            self._locate(answer, answer.error, has_begun=status != TransactionStatus.IDLE)
            if status == TransactionStatus.INERROR:
                # At once: behind PgBouncer the server stays ours, idle in a failed transaction.
                deadline.restart()
                with suppress(psycopg.Error):  # the first error is the one to report
                    await _exchange(connection.pgconn, b"ROLLBACK", lambda _: None)
        deadline.cancel()
        return answer

    def _locate(self, answer: Answer, error: psycopg.Error, *, has_begun: bool) -> None:
        """Find which transaction has failed, and where in its statement.

        A syntax error is found before anything in the message is executed: by its position.
        """
        position = error.diag.statement_position
        place = int(position) - len(self._comment) if position else None
        answer.failed, number = len(answer.committed), len(answer.begun)
        start = sum(
            len(each.text) + len(_SEPARATOR) for each in self._transactions[: answer.failed]
        )
        if place is not None and not has_begun and not answer.committed:
            answer.failed, number, start = self._statement_at(place)
        if place is not None and answer.failed < len(self._transactions):
            answer.position = place - start - self._transactions[answer.failed].offset(number)

    def _statement_at(self, place: int) -> tuple[int, int, int]:
        """The transaction and the statement at a place of the text, and where the first begins."""
        start = 0
        for index, each in enumerate(self._transactions):
            end = start + len(each.text) + len(_SEPARATOR)
            if place <= end or each is self._transactions[-1]:
                numbers = range(len(each.statements), -1, -1)
                number = next((n for n in numbers if place - start > each.offset(n)), 0)
                return index, number, start
            start = end
        raise AssertionError("a message has a transaction")


def _take(answer: Answer, result: pq.abc.PGresult, decoder: abc.Transformer) -> None:
    match result.status:
        case ExecStatus.TUPLES_OK:
            decoder.set_pgresult(result)
            rows = decoder.load_rows(0, result.ntuples, tuple)
            types = tuple(result.ftype(n) for n in range(result.nfields))
            answer.begun.append(Result(rows, types))
        case ExecStatus.COMMAND_OK:
            if result.command_status == b"COMMIT":
                answer.committed.append(answer.begun)
                answer.begun = []
        case _:  # of several errors, the first one is the cause
            answer.error = answer.error or error_from_result(result, decoder.encoding)


async def _exchange(
    pgconn: pq.abc.PGconn, text: bytes, take: Callable[[pq.abc.PGresult], None]
) -> None:
    """Send a simple Query and take its results, errors included. Raises OperationalError.

    psycopg keeps every result until the last has come; this is the loop that libpq's
    documentation, section "Asynchronous Command Processing", prescribes.
    """
    pgconn.send_query(text)
    while pgconn.flush():
        if await _ready(pgconn.socket, is_sending=True):
            pgconn.consume_input()
    while True:
        while pgconn.is_busy():
            await _ready(pgconn.socket)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return
        take(result)


async def _ready(descriptor: int, *, is_sending: bool = False) -> bool:
    """Wait until a socket can be read or, if so, written; return whether it can be read."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[bool] = loop.create_future()

    def end(*, can_read: bool) -> None:
        if not ready.done():
            ready.set_result(can_read)

    loop.add_reader(descriptor, lambda: end(can_read=True))
    if is_sending:
        loop.add_writer(descriptor, lambda: end(can_read=False))
    try:
        return await ready
    finally:
        loop.remove_reader(descriptor)
        if is_sending:
            loop.remove_writer(descriptor)


def _ends_the_connection(error: psycopg.Error) -> bool:
    """Whether an error ends the connection, which psycopg may not have noticed yet.

    FATAL ends a session, and so does SQLSTATE class 08, which PgBouncer uses. An error of libpq
    about a connection has no SQLSTATE; an error of a server about a statement has one.
    """
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    is_fatal = error.diag.severity_nonlocalized in {"FATAL", "PANIC"}
    return is_fatal or error.sqlstate.startswith("08")
