"""The catalog and docs/metrics.md tell the same, and no document names a metric that is not."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.collection.collectors import COLLECTORS
from exporter.collection.snapshots import SKIPS
from exporter.config import load_config
from exporter.config.source import BUILT_IN_KINDS
from exporter.errors import REASONS
from exporter.metrics import catalog
from exporter.metrics.catalog import FAMILIES, Family
from exporter.recovery.decision.brakes import BRAKES
from exporter.recovery.status import FAILURES
from exporter.recovery.status import SKIPS as RECOVERY_SKIPS
from exporter.sessions.grants import DEFINER_ROLE, OPERATOR_ROLE, RECOVERY_ROLE
from tests.support.monitoring.families import EXPORTER_FAMILIES, PROCESS_METRICS, SESSION_FAMILIES
from tests.support.monitoring.rule_cases import load_yaml

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "metrics.md"
RULES = ROOT / "alerts" / "session-exporter.rules.yml"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCUMENTS += [ROOT / "dashboards" / "README.md", RULES]

HISTOGRAM_SAMPLES = ("_bucket", "_gcount", "_gsum")
BY_NAME = {family.name: family for family in FAMILIES}
CATALOG = [family for family in FAMILIES if not family.name.endswith("_by_label")]

# `sessions_*` and the like stand for many; file names such as session_exporter.py are no metrics.
METRIC_LIKE = re.compile(r"\b((?:sessions|session_exporter|process)_[a-z0-9_]+)(\*|\.[a-z])?")
RECORDED_LIKE = re.compile(r"\bsessions:[a-z0-9_:]+[a-z0-9]")


def _names_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _tables() -> Iterator[tuple[tuple[str, ...], list[list[str]]]]:
    """Each table of the reference: its head, and its rows as cells."""
    text = REFERENCE.read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()
        ]
        yield tuple(head), rows


def _rows(*head: str) -> list[list[str]]:
    """The rows of all tables whose head begins like this."""
    return [row for names, rows in _tables() if names[: len(head)] == head for row in rows]


def _documented() -> dict[str, dict[str, str]]:
    documented = {}
    for head, rows in _tables():
        if head[0] == "metric":
            for row in rows:
                entry = dict(zip(head, row, strict=True))
                documented[_names_in(row[0])[0]] = entry
    return documented


DOCUMENTED = _documented()


@functools.cache
def _recorded() -> frozenset[str]:
    groups = load_yaml(RULES.read_text(encoding="utf-8"))["groups"]
    return frozenset(
        rule["record"] for group in groups for rule in group["rules"] if "record" in rule
    )


#: Named in documents, and no metrics.
ROLES = {RECOVERY_ROLE, OPERATOR_ROLE, DEFINER_ROLE}


def _served_names() -> set[str]:
    names = set(BY_NAME) | set(PROCESS_METRICS)
    for family in FAMILIES:
        if family.type == "gaugehistogram":
            names |= {family.name + suffix for suffix in HISTOGRAM_SAMPLES}
    return names


def test_every_metric_is_documented_and_nothing_else() -> None:
    assert set(DOCUMENTED) == {family.name for family in CATALOG} | set(PROCESS_METRICS)


def test_metrics_are_documented_in_the_order_of_the_page() -> None:
    documented = [name for name in DOCUMENTED if name not in PROCESS_METRICS]
    sessions = [f.name for f in SESSION_FAMILIES if f in CATALOG]
    assert documented[: len(sessions)] == sessions
    assert set(documented[len(sessions) :]) == {family.name for family in EXPORTER_FAMILIES}


@pytest.mark.parametrize("family", CATALOG, ids=lambda family: family.name)
def test_type_fold_and_labels_are_documented_as_they_are(family: Family) -> None:
    entry = DOCUMENTED[family.name]
    assert entry["type"].replace(" ", "") == family.type
    assert entry["fold"] == family.fold
    labels = _names_in(entry.get("more labels", entry.get("labels", "")))
    assert tuple(label for label in labels if label not in {"database", "source"}) == family.labels
    assert entry["unit"]
    assert entry["meaning"].endswith(".") or entry["meaning"].endswith(").")


@pytest.mark.parametrize("family", CATALOG, ids=lambda family: family.name)
def test_the_split_name_is_documented_where_there_is_one(family: Family) -> None:
    expected = [family.name, family.by_label.name] if family.split else [family.name]
    assert _names_in(DOCUMENTED[family.name]["metric"]) == expected
    assert (family.by_label.name in BY_NAME) is family.split


def test_process_metrics_are_documented_with_their_type() -> None:
    for name in PROCESS_METRICS:
        is_counter = name.endswith("_total")
        assert DOCUMENTED[name]["type"] == ("counter" if is_counter else "gauge")


def test_units_of_documented_metrics_are_those_of_their_names() -> None:
    for name, entry in DOCUMENTED.items():
        is_timestamp = name.endswith(("_timestamp_seconds", "_start_time_seconds"))
        is_seconds = "_seconds" in name
        assert (entry["unit"] == "Unix time in seconds") is is_timestamp, name
        assert (entry["unit"] == "seconds") is (is_seconds and not is_timestamp), name
        assert (entry["unit"] == "bytes") is name.endswith("_bytes"), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_metric_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    served = _served_names()
    for name, then in METRIC_LIKE.findall(text):
        if then == "*":
            assert any(each.startswith(name) for each in served), f"{name}*"
        elif not then:
            assert name in served | ROLES
    assert set(RECORDED_LIKE.findall(text)) <= _recorded()


def test_every_recorded_series_and_alert_is_documented_and_nothing_else() -> None:
    groups = load_yaml(RULES.read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {_names_in(row[0])[0] for row in _rows("series")} == _recorded()
    alerts = {(rule["alert"], rule["labels"]["severity"]) for rule in rules if "alert" in rule}
    assert {(_names_in(row[0])[0], row[1]) for row in _rows("alert")} == alerts


def test_reasons_kinds_and_collectors_are_documented() -> None:
    assert tuple(_names_in(row[0])[0] for row in _rows("`reason` of a failure")) == REASONS
    assert tuple(_names_in(row[0])[0] for row in _rows("`reason` of a skip")) == SKIPS
    kinds = [_names_in(row[0]) for row in _rows("kind")]
    assert [kind[0] for kind in kinds if kind] == BUILT_IN_KINDS.split("|")
    collectors = {_names_in(row[1])[0] for row in _rows("kind")}
    assert collectors <= {collector.name for collector in COLLECTORS}


def test_reasons_and_brakes_of_recovery_are_documented() -> None:
    def first(head: str) -> tuple[str, ...]:
        return tuple(_names_in(row[0])[0] for row in _rows(head))

    assert (*REASONS, *first("`reason` of a failed recovery")) == FAILURES
    assert first("`reason` of a session not closed") == RECOVERY_SKIPS
    assert first("brake") == BRAKES


def test_the_buckets_are_documented() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    bounds = ", ".join(f"`{bound:.1f}`" for bound in catalog.BUCKETS)
    assert f"`le` = {bounds}, `+Inf`" in text


def test_the_number_of_series_of_the_example_is_documented() -> None:
    config = load_config(ROOT / "config.yaml", {"DATABASE_URL": ""})
    documented = {row[0]: int(row[1]) for row in _rows("source", "series at most")}
    assert documented == {name: source.series() for name, source in config.sources.items()}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_and_help_follow_the_conventions(family: Family) -> None:
    # prometheus.io, "Metric and label naming" and "Writing exporters"; the OpenMetrics suffixes.
    name = family.name
    assert re.fullmatch(r"(sessions|session_exporter)_[a-z][a-z0-9_]*[a-z0-9]", name)
    assert not re.search(r"milli|micro|minutes|hours|days|percent|_ms\b|_kb|_mb|kilo|mega", name)
    assert (family.type == "counter") is name.endswith("_total")
    assert (family.type == "info") is name.endswith("_info")
    assert not name.endswith(("_count", "_sum", "_bucket", "_created"))
    assert "gauge" not in name
    assert "\n" not in family.help
    assert family.help.strip() == family.help
    assert family.help.endswith(".")
    assert family.help[0].isupper() or family.help[0].isdigit()
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", label) for label in family.labels)


def test_help_names_only_metrics_that_exist() -> None:
    for family in FAMILIES:
        named = {name for name, _ in METRIC_LIKE.findall(family.help)}
        assert named <= _served_names(), family.name
