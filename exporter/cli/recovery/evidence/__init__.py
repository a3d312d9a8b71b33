"""Owners and lists while a person closes sessions."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from exporter import sessions
from exporter.collection.active import Active
from exporter.config import Config, Source
from exporter.daemon.jobs.evidence import evidence_jobs, take_values
from exporter.daemon.machine_clock import CLOCK
from exporter.errors import EvidenceUnreadable
from exporter.evidence.evidence import Evidence, Pair
from exporter.postgres import Database, Reader
from exporter.recovery.close.candidates import Candidate
from exporter.recovery.close.closer import EvidenceSettings
from exporter.sessions import SessionTable, evidence_statements
from exporter.sessions.verdict import NO_EVIDENCE, Verdict

#: An answer is used for so many seconds, or for so many times as long as it took.
USED_FOR, TIMES_AS_LONG = 2.0, 5.0


@asynccontextmanager
async def asked_evidence(
    config: Config, source: Source, database: str, reader: Reader, *, otherwise: str = ""
) -> AsyncIterator[EvidenceSettings]:
    """Ask owners and the list of a source; yield what each transaction of closing sets.

    The next transactions of `reader` know the answer. `otherwise` is what an error says of closing
    without asking. Raises EvidenceUnreadable where the list cannot be used, and SourceError.
    """
    table = await sessions.bind(reader, source)
    asked = AskedEvidence(config, source, database, table, otherwise=otherwise)
    try:
        await asked.set_on(reader)
        yield asked.statements
    finally:
        await asked.close()


class AskedEvidence:
    """Owners and the list of one source in one database.

    They are asked again and again, so that closing goes by what they say now. What takes two
    sightings, such as a ghost or a dead owner, is not known: these sessions are closed by age.
    """

    def __init__(
        self,
        config: Config,
        source: Source,
        database: str,
        table: SessionTable,
        *,
        otherwise: str = "",
    ) -> None:
        """`otherwise` completes the error, about closing without a request."""
        alone = config.model_copy(update={"sources": {source.name: source}, "listed": {}})
        self._table, self._otherwise = table, otherwise
        self._pair: Pair = (database, source.name)
        self._evidence = Evidence(alone, CLOCK)
        self._database = Database(config.databases[database])
        self._jobs = list(evidence_jobs(self._evidence, {database: self._database}, CLOCK))
        self._verdict = NO_EVIDENCE
        self._known_until = float("-inf")

    async def set_on(self, reader: Reader) -> None:
        """Set the answers in the next transactions of a reader; a later use requests them again.

        Raises as statements().
        """
        await self._ask()
        self._known_until = float("-inf")
        reader.preamble = evidence_statements(self._verdict, self._table.encoding)

    async def statements(self, chunk: Sequence[Candidate]) -> tuple[str, ...]:
        """Return the settings by which a transaction knows the present answers about its sessions.

        Only about these, because a list may be long. Raises EvidenceUnreadable while the contents
        of the list are unknown: then an old row may belong to a live session.
        """
        await self._ask()
        listed = self._verdict.listed
        held = {each.session: listed[each.session] for each in chunk if each.session in listed}
        return evidence_statements(Verdict(listed=held), self._table.encoding)

    async def _ask(self) -> None:
        if CLOCK.monotonic() < self._known_until:
            return
        began, source = CLOCK.monotonic(), self._table.source
        await asyncio.gather(*(job.run() for job in self._jobs))
        verdict = self._evidence.verdict(*self._pair)
        reader = self._database.reader(user=source.name, timezone=sessions.time_zone(source))
        values = await Active().collect(reader, self._table, None, verdict)
        now = CLOCK.monotonic()
        take_values(self._evidence, *self._pair, values, now)
        if doubt := self._evidence.doubt_about_list(self._pair):
            raise EvidenceUnreadable(
                f"list {source.list}: {doubt}; nothing is closed while it is unknown which "
                f"sessions the application holds{self._otherwise}"
            )
        # Two answers within a run may prove more than the plan has shown.
        self._verdict = Verdict(listed=verdict.listed)
        self._known_until = began + max(USED_FOR, TIMES_AS_LONG * (now - began))

    async def close(self) -> None:
        """Close the connections of the requests."""
        await asyncio.gather(*(job.close() for job in self._jobs))
        await self._database.close()
