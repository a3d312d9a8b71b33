"""Lost: how many sessions became orphaned since the collection before, in slices that join up.

A slice ends `future_tolerance` before now, so that a sign of life which is committed late, or was
written by a clock that is behind, still counts; and it begins where the last one ended. What
crosses the line and returns before its slice is counted has not been lost.
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
    """What one collection counted as lost, and where the next one goes on."""

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
        """The same, with what is known by the verdict that it was counted by."""
        known = KnownEvidence(self.until)
        if before is not None and before.known is not None:
            known = before.known
        return replace(self, known=known.next(verdict, beside))


def next_slice(before: Losses | None, now: float, tolerance: float, lost: int) -> Losses:
    """The slice of a collection at Unix time `now`; the first one has nothing to compare with."""
    until = now - tolerance
    if before is None or until < before.until - clock.TOLERANCE:
        return Losses(until)  # the first one, or the clock was set back
    # A clock that is put back a little must not have anything counted twice.
    return Losses(max(before.until, until), lost)


def of_slice(statement: str, before: Losses | None) -> str:
    """The counting statement for the slice after this one; where there is none, it counts none."""
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
