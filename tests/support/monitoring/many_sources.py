"""Samples of two clusters with two hundred sources each, and of a job without such labels.

Every metric of the catalog has samples, whether the exporter serves it already or not.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.metrics.catalog import DAILY_INFO, FAMILIES, Family
from tests.support.monitoring.families import PROCESS_METRICS
from tests.support.monitoring.promql import known_labels

CLUSTERS = ("eu", "us")
SOURCES = 200
DAYS = 7
JOB, PLAIN = "session-exporter", "plain"
#: Seconds before the end at which there are samples: a scrape every four minutes.
AGES = (480, 240, 0)

#: What a label is, where a metric has it.
VALUES = {
    "cause": ("age", "ownerless", "ghost"),
    "kind": ("undated", "future"),
    "store": ("start", "end"),
    "trigger": ("auto", "manual"),
    "reason": ("timeout", "busy"),
    "brake": ("silent", "share", "grace"),
    "mode": ("disabled", "dry_run", "auto"),
    "collector": ("active", "daily", "size"),
    "evidence": ("servers",),
    "use": ("collection",),
    "le": ("60.0", "3600.0", "+Inf"),
    "version": ("1.0",),
    "python": ("3.13",),
    "hash": ("abc",),
    "days_ago": tuple(map(str, range(DAYS))),
}

#: Names of metrics that are 1 where all is well.
_GOOD = ("_up", "_success", "_successful")

Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class World:
    """The samples that end at a Unix time; `facts` are values that differ from the usual ones.

    A fact is by the metric and the labels that it needs, as text: `sessions_active eu s001`; with a
    number after it, of that day. None is no sample.
    """

    at: int
    facts: Mapping[str, float | None]

    def openmetrics(self) -> str:
        """All samples, for `create_blocks`."""
        return "\n".join([*self._lines(), "# EOF\n"])

    def _lines(self) -> Iterator[str]:
        for target in _targets():
            plain = target["job"] == PLAIN
            for family in FAMILIES:
                if plain or not family.name.endswith("_by_label"):
                    for labels in _series(family, target):
                        yield from self._samples(family, labels)
            process = [*PROCESS_METRICS, "up"]
            for name in process:
                yield from self._points(name, target, 1.0)
        for labels in _alerts():
            yield from self._points("ALERTS", labels | {"alertstate": "firing"}, 1.0)
            yield from self._points("ALERTS_FOR_STATE", labels, float(self.at - 3600))
        yield from self._points("sessions:source_configured", {"job": JOB}, 1.0)

    def _samples(self, family: Family, labels: Labels) -> Iterator[str]:
        if family.type == "gaugehistogram":
            bucket = {"60.0": 1.0, "3600.0": 3.0, "+Inf": 5.0}[labels["le"]]
            yield from self._points(f"{family.name}_bucket", labels, bucket)
            if labels["le"] == "+Inf":
                rest = {name: value for name, value in labels.items() if name != "le"}
                yield from self._points(f"{family.name}_gcount", rest, 5.0)
                yield from self._points(f"{family.name}_gsum", rest, 9000.0)
            return
        numbered = re.fullmatch(r"s(\d+)", labels.get("source", ""))
        number = int(numbered[1]) if numbered else 0
        usual: float = 1 + number % 3
        if family == DAILY_INFO or family.type == "info" or family.name.endswith(_GOOD):
            usual = 1
        elif "mode" in family.labels:
            usual = float(labels["mode"] == "auto")
        elif "timestamp" in family.name:
            usual = float(self.at - 60 - number)
        if family.name == DAILY_INFO.name:
            labels = labels | {"date": _date(self.at, int(labels["days_ago"]))}
        name = f"{family.name} {labels.get('cluster', PLAIN)} {labels.get('source', '')}"
        of_the_day = f"{name} {labels.get('days_ago')}"
        value = self.facts.get(of_the_day, self.facts.get(name, usual))
        if value is not None:
            rising = family.type == "counter"
            yield from self._points(family.name, labels, float(value), rising=rising)

    def _points(
        self, name: str, labels: Labels, value: float, *, rising: bool = False
    ) -> Iterator[str]:
        text = ",".join(f'{label}="{each}"' for label, each in labels.items())
        ages = AGES[-2:] if "daily" in name else AGES
        for number, age in enumerate(ages):
            yield f"{name}{{{text}}} {value + number * rising} {self.at - age}"


def _date(at: int, days_ago: int) -> str:
    day = dt.datetime.fromtimestamp(at, dt.UTC).date()
    return (day - dt.timedelta(days=days_ago)).isoformat()


def _targets() -> Iterator[Labels]:
    for cluster in CLUSTERS:
        for instance in ("a:9187", "b:9187"):
            yield {"job": JOB, "namespace": "calls", "cluster": cluster, "instance": instance}
    yield {"job": PLAIN, "instance": "c:9187"}


def _series(family: Family, target: Labels) -> Iterator[Labels]:
    """The label sets of a metric; each replica watches every other source, for less to write."""
    known = known_labels(family.name + ("_gsum" if family.type == "gaugehistogram" else ""))
    plain = target["job"] == PLAIN
    names = ["local", "other"] if plain else [f"s{number:03}" for number in range(SOURCES)]
    if not plain and "source" in known:
        names = names[target["instance"] == "b:9187" :: 2]
    subjects: list[Labels] = [{}]
    if "source" in known:
        subjects = [{"database": "app", "source": name} for name in names]
    elif "database" in known:
        subjects = [{"database": "app"}]
    kinds: list[Labels] = [{}]
    for label in family.labels:
        if label != "date":
            kinds = [each | {label: value} for each in kinds for value in VALUES[label]]
    if family.name.endswith("_by_label"):
        kinds = [each | {"tenant": tenant} for each in kinds for tenant in ("red", "blue")]
    # A label that the scrape adds to everything: no table has a column for it.
    return (target | {"team": "calls"} | subject | kind for subject in subjects for kind in kinds)


def _alerts() -> Iterator[Labels]:
    names = ("SessionsOrphanedAboveThreshold", "SessionsCollectionFailing")
    for cluster in CLUSTERS:
        for number in range(SOURCES):
            yield {
                "alertname": names[number % 2],
                "severity": "critical" if number < 150 else "warning",
                "job": JOB,
                "namespace": "calls",
                "cluster": cluster,
                "database": "app",
                "source": f"s{number:03}",
            }
    yield {
        "alertname": names[0],
        "severity": "critical",
        "job": PLAIN,
        "database": "app",
        "source": "local",
    }
