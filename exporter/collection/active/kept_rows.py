"""KeptRows: some of the rows behind a count, kept in memory beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from exporter.sessions.orphan_list import IdText

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InconsistentRow:
    """One row that contradicts itself. Times are Unix timestamps; None where it has none."""

    kinds: tuple[str, ...]
    id: IdText
    started: float | None
    last_seen: float | None
    ended: float | None
    show: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class KeptRows(Generic[T]):
    """The first rows of a list, as last read."""

    rows: tuple[T, ...]
    marks: object
    """The counts when they were read: they are read again when the counts change."""
    read_at: float
    """When they were read, by the database's clock, as Unix time."""
    seconds: float
    """How long reading them kept the database busy."""
    failure: str | None = None
    """Why they could not be read, as a sentence; there are no rows then."""
    most: int = 0
    """The limit when they were read: they are read again when the limit changes."""
