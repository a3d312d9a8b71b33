"""HangingReads: reads that a backend neither ends nor lets be cancelled, and whose they are.

A foreign table whose server does not answer is one: older versions wait for it without looking at
any deadline. Its source is sent nothing more until that backend has ended, so that it takes one
connection and never the last one. A process that is frozen before it has begun is not of this kind.
"""

from collections.abc import Callable, Sequence

from exporter.errors import NoAnswer
from exporter.postgres.reader import Reader
from exporter.postgres.simple_query import Request
from exporter.queries import fill, identifier, literal

#: How long the server may take to say what hangs, in seconds.
LOOK_SECONDS = 1.0

#: pg_stat_activity has so many bytes of a statement, or more (track_activity_query_size).
_SHOWN_BYTES = 99


class HangingReads:
    """Those of one database."""

    def __init__(self, reader: Callable[[], Reader]) -> None:
        """`reader` makes one for a look, which neither shares messages nor has a user."""
        self._reader = reader
        #: How the message begins that hangs, and its deadline, by user.
        self._messages: dict[str, tuple[str, float]] = {}

    async def check(self, reader: Reader) -> None:
        """Raise NoAnswer while a backend still hangs in a read of this reader's user."""
        message = self._messages.get(reader.user) if reader.name else None
        if message is None:
            return
        if await self._look(*message):
            raise _hangs(reader.user, message[0])
        if self._messages.get(reader.user) == message:
            del self._messages[reader.user]

    def refuse(self, requests: Sequence[Request]) -> Sequence[Request]:
        """Fail those whose user hangs, which was not known when they asked; return the others."""
        for request in requests:
            if request.name and request.user in self._messages:
                request.hangs = True
                request.fail(_hangs(request.user, self._messages[request.user][0]))
        return [request for request in requests if not request.hangs]

    async def find(self, late: Sequence[Request]) -> None:
        """Find which of the requests of a message, which had no answer, a backend hangs in.

        Raises SourceError where the server does not answer this either.
        """
        comment, seconds = late[0].comment, sum(each.most_seconds for each in late)
        rows = await self._look(comment, seconds)
        tables = [identifier(*row) for row in rows if row[0] is not None]
        for request in late:
            text = "\n".join(request.statements)
            if request.user and rows and (len(late) == 1 or any(table in text for table in tables)):
                request.hangs = True
                self._messages[request.user] = (comment, seconds)

    async def _look(self, comment: str, seconds: float) -> list[tuple[str | None, str | None]]:
        shown = comment.encode()[:_SHOWN_BYTES].decode(errors="ignore")
        statement = fill(
            "collection/hanging", comment=literal(shown), seconds=literal(f"{seconds:g} seconds")
        )
        return [(schema, name) for schema, name in await self._reader().rows(statement)]


def _hangs(user: str, comment: str) -> NoAnswer:
    begins = comment.partition("*/")[0].strip()
    source = begins.removeprefix("/* ").rpartition(" ")[0] or user
    return NoAnswer(
        f"a backend still hangs in a statement of {source}, beyond every deadline; the next one is "
        f"sent when it has ended: see pg_stat_activity WHERE query LIKE '{begins}%'; a foreign "
        "table may wait for its server without a deadline",
        is_silent=True,
    )
