"""The split of a source by its declared labels: a total, and values by combination."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from exporter.config import AnySource, Source
from exporter.metrics.catalog import Family, Sample
from exporter.sessions import SessionTable

Combination = tuple[str, ...]
Counted = TypeVar("Counted")

#: The label value of NULL and of every value that is not declared.
OTHER = "other"


def combinations(source: AnySource) -> Iterator[Combination]:
    """Every combination of declared label values, each of which always has a sample."""
    if source.labels:
        yield from itertools.product(*((*label.values, OTHER) for label in source.labels.values()))


def columns(table: SessionTable) -> list[str]:
    """The label columns of a query, in the order of the config."""
    return [f"{sql} AS label_{n}" for n, sql in enumerate(table.labels)]


def names(table: SessionTable) -> list[str]:
    """The names of the label columns, by which a query groups."""
    return [f"label_{n}" for n in range(len(table.labels))]


def combination(source: Source, numbers: Sequence[int]) -> Combination:
    """The label values for the numbers in a query's row."""
    return tuple(
        (*label.values, OTHER)[number]
        for label, number in zip(source.labels.values(), numbers, strict=True)
    )


def samples(
    source: AnySource,
    family: Family,
    total: Counted,
    by_label: Mapping[Combination, Counted],
    value: Callable[[Counted], float | None],
    *,
    labels: tuple[tuple[str, str], ...] = (),
) -> Iterator[Sample]:
    """The samples of one value, total and by label; None is unknown and yields no sample."""
    if (known := value(total)) is not None:
        yield Sample(family, labels, known)
    if source.labels:
        family = family.by_label
    for values in combinations(source):
        if (known := value(by_label[values])) is not None:
            pairs = tuple(zip(source.labels, values, strict=True))
            yield Sample(family, labels + pairs, known)
