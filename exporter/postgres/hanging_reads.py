"""HangingReads: reads that a backend neither ends nor cancels, and their sources.

An example is a foreign table whose server does not answer: older versions wait for it without any
deadline. No statement is sent for its source until that backend has ended, so that it takes one
connection and never the last one. A process that is frozen before it has begun is not included.
"""

from collections.abc import Callable, Sequence

from exporter.errors import NoAnswer
from exporter.postgres.reader import Reader
from exporter.postgres.simple_query import Request
from exporter.queries import fill, identifier, literal

#: How long the server may take to report hanging backends, in seconds.
LOOK_SECONDS = 1.0

#: pg_stat_activity has so many bytes of a statement, or more (track_activity_query_size).
_SHOWN_BYTES = 99


class HangingReads:
    """The hanging reads of one database."""

    def __init__(self, reader: Callable[[], Reader]) -> None:
        """`reader` creates a reader that neither shares messages nor has a user."""
        self._reader = reader
        #: The beginning of the hanging message, and its deadline, by user.
        self._messages: dict[str, tuple[str, float]] = {}

    async def check(self, reader: Reader) -> None:
        """Raise NoAnswer while a backend still hangs in a read of this reader's user."""
        message = self._messages.get(reader.user) if reader.name else None
        if message is None:
            return
        if await self._find_hanging(*message):
            raise _hangs(reader.user, message[0])
        if self._messages.get(reader.user) == message:
            del self._messages[reader.user]

    def refuse(self, requests: Sequence[Request]) -> Sequence[Request]:
        """Fail the requests whose user hangs by now; return the others."""
        for request in requests:
            if request.name and request.user in self._messages:
                request.hangs = True
                request.fail(_hangs(request.user, self._messages[request.user][0]))
        return [request for request in requests if not request.hangs]

    async def find(self, late: Sequence[Request]) -> None:
        """Find the request of an unanswered message in which a backend hangs.

        Raises SourceError if the server does not answer this either.
        """
        comment, seconds = late[0].comment, sum(each.most_seconds for each in late)
        rows = await self._find_hanging(comment, seconds)
        tables = [identifier(*row) for row in rows if row[0] is not None]
        for request in late:
            text = "\n".join(request.statements)
            if request.user and rows and (len(late) == 1 or any(table in text for table in tables)):
                request.hangs = True
                self._messages[request.user] = (comment, seconds)

    async def _find_hanging(
        self, comment: str, seconds: float
    ) -> list[tuple[str | None, str | None]]:
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
