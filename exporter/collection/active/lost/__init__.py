"""Lost: how many sessions became orphaned since the previous collection, in adjoining slices.

A slice ends `future_tolerance` before now, so that a sign of life which is committed late, or was
written by a slow clock, still counts; it begins where the last slice ended. A session that returns
before its slice is counted has not been lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from exporter import clock
from exporter.collection.active.evidence import RowsBesideEvidence
from exporter.collection.active.lost.evidence import KnownEvidence
from exporter.collection.active.lost.statement import BEGIN, SINCE
from exporter.sessions import unix_time
from exporter.sessions.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Losses:
    """The losses that one collection counted, and where the next one continues."""

    until: float
    """When its slice ended, by the clock by which sessions are judged, as Unix time."""
    lost: int = 0
    known: KnownEvidence | None = None
    """What evidence had said; None: the source has none."""
    reads_audit: bool = False
    """Whether the next slice counts what recovery closed too, by its audit."""

    def with_evidence(
        self, before: "Losses | None", verdict: Verdict, beside: RowsBesideEvidence
    ) -> "Losses":
        """The same, with the evidence of the verdict with which it was counted."""
        known = KnownEvidence(self.until)
        if before is not None and before.known is not None:
            known = before.known
        return replace(self, known=known.next(verdict, beside))


def next_slice(before: Losses | None, now: float, tolerance: float, lost: int) -> Losses:
    """The slice of a collection at Unix time `now`; the first one has nothing to compare with."""
    until = now - tolerance
    if before is None or until < before.until - clock.TOLERANCE:
        return Losses(until)  # the first one, or the clock was set back
    # After a small step back of the clock nothing may be counted twice.
    return Losses(max(before.until, until), lost)


def of_slice(statement: str, before: Losses | None) -> str:
    """The counting statement for the next slice; without a slice it counts nothing."""
    if before is None:
        return statement
    statement = statement.replace(BEGIN, f"pg_catalog.to_timestamp({unix_time(before.until)})")
    if before.known is not None:
        since = f"pg_catalog.to_timestamp({unix_time(before.known.since)})"
        statement = statement.replace(SINCE, since)
    return statement


def count_listed(
    before: Losses | None, now: float, tolerance: float, crossed: Iterable[float]
) -> Losses:
    """The slice of a source without a table: of its orphans, when each crossed the line."""
    found = next_slice(before, now, tolerance, 0)
    if before is None:
        return found
    lost = sum(before.until <= at < found.until for at in crossed)
    return replace(found, lost=lost)
