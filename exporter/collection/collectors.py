"""The collectors: each reads one kind of values from one session table.

To add one, write its file in this folder and list it in COLLECTORS.
"""

from collections.abc import Iterator
from typing import Any, Protocol

from exporter.collection.active import Active
from exporter.collection.daily import Daily
from exporter.collection.rows.keeping import ActiveWithRows, DailyWithRows
from exporter.collection.rows.row_limit import RowLimit
from exporter.collection.size import Size
from exporter.config import Source
from exporter.metrics.catalog import Sample
from exporter.postgres import Reader
from exporter.sessions import SessionTable
from exporter.sessions.verdict import NO_EVIDENCE, Verdict


class Collector(Protocol):
    """Values of one kind: when they are read, how, and as which metrics they are served."""

    name: str

    def every(self, source: Source) -> float | None:
        """Seconds between two collections of a source; None: it is not collected."""
        ...

    def timeout(self, source: Source) -> float | None:
        """statement_timeout in seconds; None: that of the database."""
        ...

    async def collect(
        self,
        reader: Reader,
        table: SessionTable,
        previous: Any,  # noqa: ANN401 - each collector's own values
        verdict: Verdict = NO_EVIDENCE,
    ) -> Any:  # noqa: ANN401 - its own values
        """Read once; `previous` are the values of the last success. Raises SourceError."""
        ...

    def samples(self, source: Source, values: Any) -> Iterator[Sample]:  # noqa: ANN401 - its own values
        """The samples of these values, without the labels `database` and `source`."""
        ...


COLLECTORS: tuple[Collector, ...] = (Active(), Daily(), Size())


def collectors(limit: RowLimit) -> tuple[Collector, ...]:
    """The collectors, which keep rows of each source for the status page and the API."""
    return (ActiveWithRows(limit), DailyWithRows(limit), Size())
