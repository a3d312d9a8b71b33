"""The collectors, each of which reads one kind of numbers from one session table.

They have one shape: `every` and `timeout` from the config, `collect` (state in, run once, values
out) and `samples` (values to metrics). To add one, write its file and name it here.
"""

from collections.abc import Iterator
from typing import Any, Protocol

from exporter.collection.active import Active
from exporter.collection.daily import Daily
from exporter.collection.size import Size
from exporter.config import Source
from exporter.metrics.catalog import Sample
from exporter.postgres import Reader
from exporter.sessions import SessionTable


class Collector(Protocol):
    """What every collector offers."""

    name: str

    def every(self, source: Source) -> float | None:
        """Seconds between two collections of this source; None: never."""
        ...

    def timeout(self, source: Source) -> float | None:
        """statement_timeout in seconds; None: the database's own."""
        ...

    async def collect(self, reader: Reader, table: SessionTable, previous: Any) -> Any:  # noqa: ANN401 - each collector's own values
        """Read once. `previous` are the values of the last success; raises SourceError."""
        ...

    def samples(self, source: Source, values: Any) -> Iterator[Sample]:  # noqa: ANN401 - its own values
        """Turn values into samples, without the labels `database` and `source`."""
        ...


COLLECTORS: tuple[Collector, ...] = (Active(), Daily(), Size())
