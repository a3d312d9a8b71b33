"""Reader: read-only access to one database for one piece of work, with its zone and deadline."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from exporter.postgres.simple_query import Result

Row = tuple[Any, ...]


class Reader:
    """The access of one collection or command, and how long it kept the database busy."""

    def __init__(
        self,
        run: Callable[[Sequence[str], "Reader"], Awaitable[list[Result]]],
        *,
        name: str = "",
        user: str = "",
        timezone: str,
        timeout: float,
    ) -> None:
        """`run` executes statements with the settings of this reader; `timeout` is in seconds.

        `name` precedes the statements in pg_stat_activity; `user` takes a slot for each.
        """
        self._run = run
        self.name = name
        self.user = user
        self.timezone = timezone
        self.timeout = timeout
        #: Whether it may share a message with others, which wait for each other.
        self.shares_messages = True
        #: Statements that come first in each transaction, and whose results are ignored.
        self.preamble: tuple[str, ...] = ()
        #: Time in seconds that the database was kept busy, without waiting for a connection.
        self.seconds = 0.0
        #: The server's time at which the last transaction began, as a Unix timestamp.
        self.began_at = 0.0

    async def read(self, *statements: str) -> list[Result]:
        """Run statements in one read-only transaction and one round trip; return their results.

        Each has to give rows, and time has to be pg_catalog.clock_timestamp(): now() is that of
        the message, which may be one with other readers' transactions before this one.

        READ COMMITTED on purpose: a statement takes its snapshot after it got its locks. With one
        snapshot for the whole transaction, a table that is rewritten while we wait for its lock
        would look empty (PostgreSQL documentation, chapter on concurrency control, "Caveats").

        Raises SourceError; that is BackingOff where it is too early to try to connect again.
        """
        results = await self._run((*self.preamble, *statements), self)
        return results[len(self.preamble) :]

    async def rows(self, statement: str) -> list[Row]:
        """The rows of one statement in a separate transaction. Raises SourceError."""
        (result,) = await self.read(statement)
        return result.rows

    async def value(self, statement: str) -> Any:  # noqa: ANN401 - whatever the statement selects
        """The first column of its first row. Raises SourceError."""
        return (await self.rows(statement))[0][0]
