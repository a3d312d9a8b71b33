"""The /metrics page after one collection, read as Prometheus reads it."""

import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.metrics.catalog import Sample
from exporter.metrics.exposition import OPENMETRICS, TEXT
from tests.support.collection.declarations import (
    one_database,
)

Collect = Callable[..., Awaitable["Page"]]
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """The samples of a page, found by name and labels; `failures` has a sentence per collector."""

    samples: Mapping[tuple[str, Labels], float]
    failures: Mapping[tuple[str, str], str]

    def __call__(self, name: str, **labels: str) -> float | None:
        """The one sample with these labels and, besides, at most database and source."""
        found = self._split(name, labels, {"database", "source"})
        assert len(found) < 2, f"{name}: {sorted(map(sorted, found))}; name the source"
        return next(iter(found.values()), None)

    def by(self, split: str, name: str, **labels: str) -> dict[str, float]:
        """The samples with these labels by the value of one more."""
        found = self._split(name, labels, {"database", "source", split})
        by = {dict(each)[split]: value for each, value in found.items() if split in dict(each)}
        assert len(by) == len(found), f"{name}: more than {split} tells samples apart"
        return by

    def days(self, name: str, **labels: str) -> dict[str, float]:
        """The daily samples with these labels by the date of each day, newest first."""
        source = {key: value for key, value in labels.items() if key in {"database", "source"}}
        dates = {
            dict(of)["days_ago"]: dict(of)["date"]
            for (sample, of), _ in self.samples.items()
            if sample == "sessions_daily_info" and of >= set(source.items())
        }
        return {dates[ago]: value for ago, value in self.by("days_ago", name, **labels).items()}

    def average_durations(self, **labels: str) -> dict[str, float]:
        """The average duration of the sessions of each day, by its date; of those that have one."""
        timed = self.days("sessions_daily_timed", **labels)
        known = self.days("sessions_daily_known_duration_seconds", **labels)
        return {date: known[date] / sessions for date, sessions in timed.items() if sessions}

    def _split(self, name: str, labels: Mapping[str, str], free: set[str]) -> dict[Labels, float]:
        return {
            of: value
            for (sample, of), value in self.samples.items()
            if sample == name
            and of >= set(labels.items())
            and {key for key, _ in of} <= free | set(labels)
        }


def exporter_of(path: Path, text: str, environ: Mapping[str, str]) -> Exporter:
    """Write the file and make what the daemon makes of it; to be closed."""
    path.write_text(text, encoding="utf-8")
    return Exporter(load_config(path, environ), CLOCK)


def exporter_with(database: EmbeddedDatabase, *sources: str) -> Exporter:
    """What the daemon makes of these sources in this database; to be closed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        return exporter_of(path, one_database(*sources), {"DATABASE_URL": database.dsn})


async def collect_config(path: Path, text: str, environ: Mapping[str, str]) -> Page:
    """Write the file, collect everything in it once, and read the page."""
    exporter = exporter_of(path, text, environ)
    try:
        await exporter.collect_once()
        return page_of(exporter)
    finally:
        await exporter.close()


def page_of(exporter: Exporter) -> Page:
    """What is served now. Both formats must be valid and say the same about sources."""
    text, other = (exporter.page.render(form).decode() for form in (TEXT, OPENMETRICS))
    samples = _samples(plain_text(text))
    assert samples == _samples(openmetrics(other))
    return Page(
        samples,
        {
            (key.source, key.collector): state.failure
            for key, state in exporter.snapshots.states.items()
            if state.failure is not None
        },
    )


def _samples(families: Iterable[Metric]) -> dict[tuple[str, Labels], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.startswith("process_")
    }


def values(samples: Iterable[Sample]) -> dict[tuple[str, Labels], float]:
    """A collector's samples the way a page has them, without database and source."""
    return {
        (sample.family.name + sample.suffix, frozenset(sample.labels)): sample.value
        for sample in samples
    }
