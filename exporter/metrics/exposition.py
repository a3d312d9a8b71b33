"""Samples to bytes, in Prometheus text format 0.0.4 and in OpenMetrics 1.0.

Samples are rendered once into chunks, bytes per name; a page is joined from chunks. Both
formats write a sample alike and differ in the headers and in how a gauge histogram is grouped.

Formats: prometheus.io, "Exposition formats", and the OpenMetrics 1.0 specification.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain

from prometheus_client.utils import floatToGoString

from exporter.metrics.catalog import FAMILIES, Family, Sample

Labels = tuple[tuple[str, str], ...]


#: An exposition format is named by its media type.
Format = str
TEXT: Format = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Format = "application/openmetrics-text; version=1.0.0; charset=utf-8"


#: The samples of a gauge histogram, by the ends of their names.
_PARTS = ("_bucket", "_gcount", "_gsum")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some samples, rendered, by name; and how many of them are time series about sessions."""

    lines: Mapping[str, bytes]
    session_series: int


def render(samples: Iterable[Sample], labels: Labels = ()) -> Chunk:
    """Render samples, each with `labels` before its own."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    common = _pairs(labels)
    alone = f"{{{common}}}" if common else ""
    before = f"{{{common}," if common else "{"
    for family, own, value, suffix in samples:
        name = _name(family.name, suffix)
        braced = f"{before}{_pairs(own)}}}" if own else alone
        number = value if isinstance(value, int) else floatToGoString(value)
        lines[name].append(f"{name}{braced} {number}\n")
    return Chunk(
        {name: "".join(each).encode() for name, each in lines.items()},
        sum(len(each) for name, each in lines.items() if name.startswith("sessions_")),
    )


def join(chunks: Iterable[Chunk], format_: Format) -> Iterator[bytes]:
    """Yield the families joined from chunks; without the `# EOF` that ends an OpenMetrics page."""
    lines: defaultdict[str, list[bytes]] = defaultdict(list)
    for chunk in chunks:
        for name, part in chunk.lines.items():
            lines[name].append(part)
    write = _text if format_ == TEXT else _openmetrics
    return chain.from_iterable(write(family, lines) for family in FAMILIES)


def _text(family: Family, lines: Mapping[str, list[bytes]]) -> Iterator[bytes]:
    """The text format has no gauge histogram: its samples are families without a type.

    As a histogram it would be taken for a cumulative one, of which collectors compute rates.
    """
    types = {"": family.type.replace("info", "gauge")}
    if family.type == "gaugehistogram":
        types = dict.fromkeys(_PARTS, "untyped")
    for suffix, type_ in types.items():
        if (name := _name(family.name, suffix)) in lines:
            help_ = family.help.replace("\\", "\\\\").replace("\n", "\\n")
            yield _header(name, type_, help_)
            yield b"".join(lines[name])


def _openmetrics(family: Family, lines: Mapping[str, list[bytes]]) -> Iterator[bytes]:
    """All samples of one histogram stand together; _total and _info belong to samples alone."""
    suffixes = _PARTS if family.type == "gaugehistogram" else ("",)
    names = [_name(family.name, suffix) for suffix in suffixes]
    if present := [lines[name] for name in names if name in lines]:
        name = family.name
        if family.type in {"counter", "info"}:
            name = name.removesuffix("_total").removesuffix("_info")
        yield _header(name, family.type, _escaped(family.help), unit=_unit(name))
        yield b"".join(chain.from_iterable(zip(*present, strict=True)))


@cache
def _name(family: str, suffix: str) -> str:
    """The name of a sample, the same object each time: thousands of chunks hold it."""
    return family + suffix


def _header(name: str, type_: str, escaped_help: str, *, unit: str = "") -> bytes:
    lines = [f"# HELP {name} {escaped_help}", f"# TYPE {name} {type_}"]
    if unit:
        lines.append(f"# UNIT {name} {unit}")
    return "".join(f"{line}\n" for line in lines).encode()


def _unit(name: str) -> str:
    """The unit at the end of a family's name; nothing where it counts things."""
    return next((unit for unit in ("seconds", "ratio") if name.endswith(f"_{unit}")), "")


# The labels of a sample beside those of its source are the same for many sources.
@lru_cache(maxsize=4096)
def _pairs(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
