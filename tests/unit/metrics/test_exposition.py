"""Samples become lines that both of Prometheus' parsers read back as they were."""

import math
import re
from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

from exporter.metrics import exposition
from exporter.metrics.catalog import (
    ACTIVE,
    ACTIVE_AGE,
    ACTIVE_SILENCE,
    BUILD_INFO,
    COLLECTION_ERRORS,
    FAMILIES,
    ORPHANED,
    Family,
    Sample,
)
from exporter.metrics.exposition import OPENMETRICS, TEXT, Chunk, Format, join, render

CHATS = (("database", "app"), ("source", "chats"))
CALLS = (("database", "app"), ("source", "calls"))

FORMATS = pytest.mark.parametrize("format_", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])


def page_of(chunks: list[Chunk], format_: Format) -> bytes:
    return b"".join(join(chunks, format_))


def parse(page: bytes, format_: Format) -> list[Metric]:
    if format_ == TEXT:
        return list(text(page.decode()))
    return list(openmetrics(page.decode() + "# EOF\n"))


def histogram(family: Family, *rows: int) -> list[Sample]:
    """Buckets of 60, 300 and +Inf seconds."""
    bounds = ("60.0", "300.0", "+Inf")
    buckets = [
        Sample(family, (("le", bound),), count, "_bucket")
        for bound, count in zip(bounds, rows, strict=True)
    ]
    return [*buckets, Sample(family, (), rows[-1], "_gcount"), Sample(family, (), 9.5, "_gsum")]


def every_family() -> Iterable[Sample]:
    for family in FAMILIES:
        if family.type == "gaugehistogram":
            yield from histogram(family, 1, 2, 3)
        else:
            yield Sample(family, tuple((name, "x") for name in family.labels), 1)


def test_a_family_is_its_help_its_type_and_its_samples() -> None:
    chunk = render([Sample(ACTIVE, (), 3), Sample(ACTIVE, (("level", "easy"),), 2)], CHATS)
    assert page_of([chunk], TEXT).decode() == (
        f"# HELP sessions_active {ACTIVE.help}\n"
        "# TYPE sessions_active gauge\n"
        'sessions_active{database="app",source="chats"} 3\n'
        'sessions_active{database="app",source="chats",level="easy"} 2\n'
    )


def test_a_sample_without_labels_has_no_braces() -> None:
    assert page_of([render([Sample(ACTIVE, (), 3)])], TEXT).endswith(b"\nsessions_active 3\n")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (3, "3"),
        (2**53 + 1, "9007199254740993"),
        (0.0, "0.0"),
        (2.5, "2.5"),
        (-0.25, "-0.25"),
        (1700000000.123456, "1.700000000123456e+09"),
        (1e300, "1e+300"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
@FORMATS
def test_numbers(value: float, written: str, format_: Format) -> None:
    page = page_of([render([Sample(ACTIVE, (), value)])], format_)
    assert page.endswith(f"\nsessions_active {written}\n".encode())
    (family,) = parse(page, format_)
    read = family.samples[0].value
    assert read == value or (math.isnan(read) and math.isnan(value))


#: YAML and libpq let no lone surrogate through, and neither does the config.
hostile = st.text(st.characters(exclude_categories=["Cs"]))


@given(first=hostile, second=hostile)
@example(first='"} 1\nsessions_active 99\n', second="\\")
@example(first="\\n", second='\\"')
@example(first="a\\\nb", second="# HELP sessions_active no\n# EOF\n")
@example(first="{},=\t\r\x00\x85\u2028\u202e", second=" # {} 1 1")
def test_any_label_value_comes_back_as_it_was(first: str, second: str) -> None:
    labels = {"database": "app", "source": first, "level": second}
    samples = [Sample(ACTIVE, (("level", second),), 7)]
    chunk = render(samples, (("database", "app"), ("source", first)))
    assert chunk.session_series == 1
    for format_ in (TEXT, OPENMETRICS):
        page = page_of([chunk], format_)
        assert page.count(b"\n") == 3
        (family,) = parse(page, format_)
        (sample,) = family.samples
        assert (sample.name, sample.labels, sample.value) == ("sessions_active", labels, 7)


@FORMATS
def test_every_family_of_the_catalog_comes_back_with_its_help(format_: Format) -> None:
    page = page_of([render(every_family(), CHATS)], format_)
    families = {family.name: family for family in parse(page, format_)}
    for family in FAMILIES:
        name = family.name
        if family.type == "counter" or (family.type == "info" and format_ == OPENMETRICS):
            name = name.removesuffix("_total").removesuffix("_info")
        elif family.type == "gaugehistogram" and format_ == TEXT:
            name += "_bucket"
        assert families[name].documentation == family.help


@FORMATS
def test_a_help_text_is_escaped(format_: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = Family("sessions_hostile", 'a "quoted" \\n word\nand a line')
    monkeypatch.setattr(exposition, "FAMILIES", (hostile,))
    page = page_of([render([Sample(hostile, (), 1)])], format_)
    assert page.count(b"\n") == 3
    (family,) = parse(page, format_)
    assert family.documentation == hostile.help


@FORMATS
def test_chunks_are_joined_family_by_family_in_the_order_of_the_catalog(format_: Format) -> None:
    chats = render([Sample(ORPHANED, (), 1), Sample(ACTIVE, (), 2)], CHATS)
    calls = render([Sample(ACTIVE, (), 3)], CALLS)
    page = page_of([chats, calls], format_).decode()
    assert re.findall(r"^# TYPE (\S+)", page, re.MULTILINE) == [
        "sessions_active",
        "sessions_orphaned",
    ]
    lines = [line for line in page.splitlines() if not line.startswith("#")]
    assert lines == [
        'sessions_active{database="app",source="chats"} 2',
        'sessions_active{database="app",source="calls"} 3',
        'sessions_orphaned{database="app",source="chats"} 1',
    ]


@FORMATS
def test_nothing_is_nothing(format_: Format) -> None:
    assert page_of([], format_) == b""
    assert page_of([render([])], format_) == b""


def test_in_text_the_parts_of_a_gauge_histogram_are_families_of_their_own() -> None:
    chunks = [render(histogram(ACTIVE_AGE, 1, 2, 3), labels) for labels in (CHATS, CALLS)]
    page = page_of(chunks, TEXT).decode()
    assert re.findall(r"^# TYPE (\S+ \S+)", page, re.MULTILINE) == [
        "sessions_active_age_seconds_bucket untyped",
        "sessions_active_age_seconds_gcount untyped",
        "sessions_active_age_seconds_gsum untyped",
    ]
    assert 'seconds_bucket{database="app",source="calls",le="+Inf"} 3\n' in page
    assert 'seconds_gcount{database="app",source="calls"} 3\n' in page


def test_in_openmetrics_all_samples_of_one_gauge_histogram_stand_together() -> None:
    chunks = [render(histogram(ACTIVE_SILENCE, 1, 2, 3), labels) for labels in (CHATS, CALLS)]
    page = page_of(chunks, OPENMETRICS)
    (family,) = parse(page, OPENMETRICS)
    assert (family.type, family.unit) == ("gaugehistogram", "seconds")
    suffixes = ["bucket", "bucket", "bucket", "gcount", "gsum"]
    expected = [(source, suffix) for source in ("chats", "calls") for suffix in suffixes]
    found = [(each.labels["source"], each.name.rpartition("_")[2]) for each in family.samples]
    assert found == expected


def test_in_openmetrics_a_family_has_the_unit_that_its_name_ends_in() -> None:
    page = page_of([render(every_family(), CHATS)], OPENMETRICS).decode()
    units = dict(re.findall(r"^# UNIT (\S+) (\S+)$", page, re.MULTILINE))
    assert units["sessions_active_age_seconds"] == "seconds"
    names = set(re.findall(r"^# TYPE (\S+) ", page, re.MULTILINE))
    assert units.keys() == {name for name in names if name.endswith(("_seconds", "_ratio"))}
    assert "# UNIT" not in page_of([render(every_family(), CHATS)], TEXT).decode()


def test_in_openmetrics_total_and_info_belong_to_the_samples_alone() -> None:
    samples = [
        Sample(COLLECTION_ERRORS, (("reason", "lock"),), 0),
        Sample(BUILD_INFO, (("version", "1"), ("python", "3")), 1),
    ]
    assert types_and_samples(page_of([render(samples)], OPENMETRICS)) == {
        "session_exporter_collection_errors counter",
        "session_exporter_collection_errors_total",
        "session_exporter_build info",
        "session_exporter_build_info",
    }
    assert types_and_samples(page_of([render(samples)], TEXT)) == {
        "session_exporter_collection_errors_total counter",
        "session_exporter_collection_errors_total",
        "session_exporter_build_info gauge",  # the text format has no info
        "session_exporter_build_info",
    }


def types_and_samples(page: bytes) -> set[str]:
    found: Callable[[str], list[str]] = lambda pattern: re.findall(  # noqa: E731
        pattern, page.decode(), re.MULTILINE
    )
    return {*found(r"^# TYPE (.*)$"), *found(r"^(?!#)([^{ ]+)")}


def test_series_are_counted_by_the_beginning_of_their_name() -> None:
    errors = [Sample(COLLECTION_ERRORS, (("reason", "lock"),), 0)]
    chunk = render([*histogram(ACTIVE_AGE, 1, 2, 3), *errors], CHATS)
    assert chunk.session_series == 5
    assert render(errors).session_series == 0
    assert render([]).session_series == 0


def test_no_sample_has_a_timestamp_and_there_is_no_created_series() -> None:
    for format_ in (TEXT, OPENMETRICS):
        for family in parse(page_of([render(every_family(), CHATS)], format_), format_):
            for sample in family.samples:
                assert sample.timestamp is None
                assert not sample.name.endswith("_created")
